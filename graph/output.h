// Output: a handle on one tensor of a graph, the result of one op.
#ifndef SLUICE_GRAPH_OUTPUT_H_
#define SLUICE_GRAPH_OUTPUT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"

namespace sluice {

class Graph;
class Node;
class Scope;
struct ScopeState;

// A cheap value. Empty when default-constructed or when building it failed: every builder accepts
// an empty Output and returns an empty one, and the graph remembers the first error. An op without
// outputs is an Output whose index is kOperation: it may be a target, a fetch (giving an empty
// Tensor) or a control input.
class Output {
 public:
  static constexpr int kOperation = -1;

  Output() = default;
  Output(Node* node, int index, std::shared_ptr<const ScopeState> scope = nullptr)
      : node_(node), index_(index), scope_(std::move(scope)) {}

  bool empty() const { return node_ == nullptr; }
  bool is_operation() const { return index_ == kOperation; }
  Node* node() const { return node_; }
  int index() const { return index_; }
  Graph* graph() const;  // null when empty

  // "op:0"; "op" for an operation; "<empty>".
  std::string name() const;
  // REQUIRES: not empty, not an operation. (kInvalid and unknown shape otherwise.)
  DType dtype() const;
  const TensorShape& shape() const;

  // The scope that it was built in; the graph's root for outputs that were looked up. REQUIRES: not
  // empty.
  Scope scope() const;

  friend bool operator==(const Output& a, const Output& b) {
    return a.node_ == b.node_ && a.index_ == b.index_;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Output& o) {
    return H::combine(std::move(h), o.node_, o.index_);
  }

 private:
  Node* node_ = nullptr;
  int index_ = 0;
  std::shared_ptr<const ScopeState> scope_;
};

using Outputs = std::vector<Output>;

// Arithmetic with broadcasting, placed in the scope of the left operand (of the tensor, where the
// other is a number): nodes "add" (AddV2), "sub" (Sub), "mul" (Mul), "truediv" (RealDiv), "Neg"
// (Neg). A number becomes a Const of the tensor's dtype named after the op: "mul/y".
Output operator+(const Output& x, const Output& y);
Output operator-(const Output& x, const Output& y);
Output operator*(const Output& x, const Output& y);
Output operator/(const Output& x, const Output& y);
Output operator+(const Output& x, double y);
Output operator-(const Output& x, double y);
Output operator*(const Output& x, double y);
Output operator/(const Output& x, double y);
Output operator+(double x, const Output& y);
Output operator-(double x, const Output& y);
Output operator*(double x, const Output& y);
Output operator/(double x, const Output& y);
Output operator-(const Output& x);

// A scalar of that numeric dtype holding `value` (truncated for integers): the Const behind `x
// + 1.5`.
Tensor NumberTensor(DType dtype, double value);

}  // namespace sluice

#endif  // SLUICE_GRAPH_OUTPUT_H_
