// MetaGraphDefs written by hand.
#ifndef SLUICE_TESTS_TESTING_META_GRAPH_BUILDER_H_
#define SLUICE_TESTS_TESTING_META_GRAPH_BUILDER_H_

#include <google/protobuf/text_format.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"

namespace sluice {

template <typename Message>
Message Parsed(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

inline Output TensorNamed(const Graph& graph, const std::string& name) {
  const auto found = graph.FindTensor(name);
  EXPECT_THAT(found, IsOk());
  return found.ok() ? *found : Output();
}

// The nodes of resource variable `name` of two floats with initial value `<name>/initial`.
inline std::vector<proto::NodeDef> ResourceVariable(const std::string& name) {
  const AttrMap dtype = {{"dtype", DType::kFloat}};
  return {MakeConst(name + "/initial", Tensor::Of<float>({2}, {1, 2})),
          MakeNode(name, "VarHandleOp", {},
                   {{"dtype", DType::kFloat},
                    {"shape", TensorShape{2}},
                    {"shared_name", name},
                    {"container", ""}}),
          MakeNode(name + "/IsInitialized/VarIsInitializedOp", "VarIsInitializedOp", {name}),
          MakeNode(name + "/Assign", "AssignVariableOp", {name, name + "/initial"}, dtype),
          MakeNode(name + "/Read/ReadVariableOp", "ReadVariableOp", {name}, dtype)};
}

inline std::string ResourceVariableDef(const std::string& name, const std::string& more = "") {
  return Parsed<proto::VariableDef>(absl::StrCat("variable_name: '", name,
                                                 ":0' initializer_name: '", name,
                                                 "/Assign' snapshot_name: '", name,
                                                 "/Read/ReadVariableOp:0' initial_value_name: '",
                                                 name, "/initial:0' is_resource: true ", more))
      .SerializeAsString();
}

inline proto::MetaGraphDef MetaGraph(const std::vector<proto::NodeDef>& nodes) {
  proto::MetaGraphDef def;
  *def.mutable_graph_def() = MakeGraph(nodes);
  return def;
}

inline void AddBytes(proto::MetaGraphDef* def, const char* key,
                     const std::vector<std::string>& values) {
  for (const std::string& value : values)
    (*def->mutable_collection_def())[key].mutable_bytes_list()->add_value(value);
}

inline void AddNames(proto::MetaGraphDef* def, const char* key,
                     const std::vector<std::string>& values) {
  for (const std::string& value : values)
    (*def->mutable_collection_def())[key].mutable_node_list()->add_value(value);
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_META_GRAPH_BUILDER_H_
