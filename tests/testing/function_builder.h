// Functions and calls of them written by hand, for graphs with a library.
#ifndef SLUICE_TESTS_TESTING_FUNCTION_BUILDER_H_
#define SLUICE_TESTS_TESTING_FUNCTION_BUILDER_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/attr_value.h"
#include "glog/logging.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/op_spec.h"
#include "proto/graph.pb.h"
#include "proto/types.pb.h"
#include "tests/testing/def_builder.h"

namespace sluice {

struct FunctionParts {
  std::vector<std::string> inputs = {}, outputs = {};  // as in op schemas: "x: float", "y: N * T"
  std::vector<proto::NodeDef> nodes = {};              // inputs: "x", "node:out:0", "^node"
  std::map<std::string, std::string> ret = {};
  std::vector<std::string> control_ret = {};  // nodes
  bool stateful = false;
  std::vector<std::string> type_lists = {};  // attributes that are lists: "y: R" is several tensors
};

inline void AddArg(const std::string& text, const std::vector<std::string>& type_lists,
                   proto::OpDef::ArgDef* out) {
  auto arg = ParseArg(text);
  CHECK(arg.ok()) << arg.status();
  if (std::count(type_lists.begin(), type_lists.end(), arg->type_attr) > 0) {
    std::swap(arg->type_attr, arg->type_list_attr);
  }
  out->set_name(arg->name);
  out->set_type(static_cast<proto::DataType>(arg->type));
  out->set_type_attr(arg->type_attr);
  out->set_number_attr(arg->number_attr);
  out->set_type_list_attr(arg->type_list_attr);
}

inline proto::FunctionDef MakeFunction(const std::string& name, const FunctionParts& parts) {
  proto::FunctionDef function;
  function.mutable_signature()->set_name(name);
  function.mutable_signature()->set_is_stateful(parts.stateful);
  for (const std::string& text : parts.inputs) {
    AddArg(text, parts.type_lists, function.mutable_signature()->add_input_arg());
  }
  for (const std::string& text : parts.outputs) {
    AddArg(text, parts.type_lists, function.mutable_signature()->add_output_arg());
  }
  for (const proto::NodeDef& node : parts.nodes) *function.add_node_def() = node;
  for (const auto& [output, from] : parts.ret) (*function.mutable_ret())[output] = from;
  for (const std::string& node : parts.control_ret) {
    function.mutable_signature()->add_control_output(node);
    (*function.mutable_control_ret())[node] = node;
  }
  return function;
}

// `node` with an attribute that stands for attribute `of` of the function.
inline proto::NodeDef WithPlaceholder(proto::NodeDef node, const std::string& attr,
                                      const std::string& of) {
  (*node.mutable_attr())[attr].set_placeholder(of);
  return node;
}

// A binary op on floats.
inline proto::NodeDef FloatOp(const std::string& name, const std::string& op, const std::string& x,
                              const std::string& y) {
  return MakeNode(name, op, {x, y}, {{"T", DType::kFloat}});
}

inline proto::NodeDef FloatConst(const std::string& name, float value) {
  return MakeConst(name, Tensor::Scalar(value));
}

// op: PartitionedCall or StatefulPartitionedCall. Floats in and out.
inline proto::NodeDef MakeCall(const std::string& name, const std::string& op,
                               const std::string& function, const std::vector<std::string>& inputs,
                               int data_inputs, int outputs) {
  return MakeNode(name, op, inputs,
                  {{"f", FuncRef{function, nullptr}},
                   {"Tin", std::vector<DType>(static_cast<size_t>(data_inputs), DType::kFloat)},
                   {"Tout", std::vector<DType>(static_cast<size_t>(outputs), DType::kFloat)}});
}

inline proto::GraphDef WithFunctions(proto::GraphDef graph,
                                     const std::vector<proto::FunctionDef>& functions) {
  for (const proto::FunctionDef& function : functions) {
    *graph.mutable_library()->add_function() = function;
  }
  return graph;
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_FUNCTION_BUILDER_H_
