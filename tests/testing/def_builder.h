// GraphDefs written by hand, node by node, without a graph.
#ifndef SLUICE_TESTS_TESTING_DEF_BUILDER_H_
#define SLUICE_TESTS_TESTING_DEF_BUILDER_H_

#include <string>
#include <utility>
#include <vector>

#include "core/attr_value.h"
#include "glog/logging.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"

namespace sluice {

inline proto::NodeDef MakeNode(const std::string& name, const std::string& op,
                               const std::vector<std::string>& inputs = {},
                               const AttrMap& attrs = {}) {
  proto::NodeDef node;
  node.set_name(name);
  node.set_op(op);
  for (const std::string& input : inputs) node.add_input(input);
  for (const auto& [key, value] : attrs) {
    CHECK_EQ(ToProto(value, &(*node.mutable_attr())[key]), absl::OkStatus());
  }
  return node;
}

inline proto::NodeDef MakeConst(const std::string& name, const Tensor& value) {
  return MakeNode(name, "Const", {}, {{"dtype", value.dtype()}, {"value", value}});
}

// An Identity of floats.
inline proto::NodeDef MakeIdentity(const std::string& name, const std::string& input) {
  return MakeNode(name, "Identity", {input}, {{"T", DType::kFloat}});
}

inline proto::GraphDef MakeGraph(const std::vector<proto::NodeDef>& nodes) {
  proto::GraphDef graph;
  for (const proto::NodeDef& node : nodes) *graph.add_node() = node;
  graph.mutable_versions()->set_producer(27);
  return graph;
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_DEF_BUILDER_H_
