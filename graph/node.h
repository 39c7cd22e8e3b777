// Node: one op in a graph.
#ifndef SLUICE_GRAPH_NODE_H_
#define SLUICE_GRAPH_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "core/attr_value.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/op_spec.h"
#include "graph/output.h"

namespace sluice {

class Graph;
class PlanNodes;

// Where an input comes from.
struct Edge {
  Node* node = nullptr;
  int index = 0;
};

// Owned by its graph, never moved or removed; unchanged once added, except that more may become
// known of its shapes and that an import may close a loop.
class Node {
 public:
  Graph& graph() const { return *graph_; }
  int id() const { return id_; }  // position in Graph::node(): creation order
  const std::string& name() const { return name_; }
  const std::string& op() const { return spec_->name(); }
  const OpSpec& spec() const { return *spec_; }
  const AttrMap& attrs() const { return attrs_; }
  template <typename T>
  T attr(absl::string_view name) const {
    return GetAttr<T>(attrs_, name);
  }
  const std::string& device() const { return *device_; }

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  const Edge& input_edge(int i) const { return inputs_[i]; }
  Output input(int i) const { return Output(inputs_[i].node, inputs_[i].index); }
  Outputs inputs() const;
  // Dtypes that the op takes (references are RefType); the producer's may be a reference where the
  // op takes the base type.
  DType input_dtype(int i) const { return input_dtypes_[i]; }
  const std::vector<Node*>& control_inputs() const { return control_inputs_; }

  int num_outputs() const { return static_cast<int>(output_dtypes_.size()); }
  Output output(int i) const { return Output(const_cast<Node*>(this), i); }
  // This op as a whole: a target or control input.
  Output operation() const { return Output(const_cast<Node*>(this), Output::kOperation); }
  DType output_dtype(int i) const { return output_dtypes_[i]; }
  const TensorShape& output_shape(int i) const { return output_shapes_[i]; }

  // Where the program built it: "file.cc:28", empty when unknown (imported).
  const std::string& location() const { return *location_; }
  // The forward op of a gradient op, else null.
  Node* original_op() const { return original_op_; }

 private:
  friend class Graph;
  friend class PlanNodes;
  // Laid out for graphs of many small nodes: the usual one, two inputs and one output, needs memory
  // of its own for its name and attributes only.
  Graph* graph_ = nullptr;
  int id_ = 0;
  std::string name_;
  const std::string* device_ = nullptr;  // the graph's, which holds each once
  const std::string* location_ = nullptr;
  std::shared_ptr<const OpSpec> owned_spec_;  // opaque ops only
  const OpSpec* spec_ = nullptr;
  AttrMap attrs_;
  absl::InlinedVector<Edge, 2> inputs_;
  absl::InlinedVector<DType, 4> input_dtypes_;
  std::vector<Node*> control_inputs_;
  absl::InlinedVector<DType, 4> output_dtypes_;
  absl::InlinedVector<TensorShape, 1> output_shapes_;
  Node* original_op_ = nullptr;
  std::vector<Tensor> constants_;  // values of the outputs where they are the same in every run and
                                   // small; else empty
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_NODE_H_
