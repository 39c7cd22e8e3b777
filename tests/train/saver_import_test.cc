// Savers of imported graphs (rule MG-2).
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/node.h"
#include "gtest/gtest.h"
#include "io/tensor_bundle.h"
#include "ops/all_ops.h"
#include "ops/save_restore_v1.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

class SaverImportTest : public ::testing::Test {
 protected:
  SaverImportTest() { EXPECT_THAT(files_.CreateDirectories("/run"), IsOk()); }
  static Variable Make(Graph& graph, const char* name, float value, bool resource = true) {
    return GetVariable(
        Scope::Root(graph), name,
        {.initializer = Tensor::Of<float>({2}, {value, value}), .use_resource = resource});
  }
  // v, saved under the key "renamed", with the value 6; the prefix.
  std::string SaveRenamed(const std::string& name = "", bool resource = true) {
    Graph graph(ops::Builtin());
    const Variable v = Make(graph, "v", 6, resource);
    const Output init = GlobalVariablesInitializer(Scope::Root(graph));
    Saver saver(graph,
                {.var_map = {{"renamed", v}}, .max_to_keep = 2, .name = name, .fs = &files_});
    Session session = Session::Create(graph).value();
    EXPECT_THAT(session.Run(init), IsOk());
    return saver.Save(session, "/run/m", 1).value();
  }
  absl::StatusOr<std::unique_ptr<Saver>> Import(const std::string& prefix, Graph* graph,
                                                const std::string& scope = "") {
    return ImportMetaGraphFile(prefix + ".meta", graph, {.import_scope = scope}, {.fs = &files_});
  }
  static float Get(Session& session, const Variable& v) {
    const auto values = session.Run({}, {v.value()});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0].data<float>()[0] : -1;
  }
  MemoryFileSystem files_;
};

TEST_F(SaverImportTest, NamesInTheSaversGraphAreObeyed) {
  const std::string prefix = SaveRenamed("keeper");
  Graph graph(ops::Builtin());
  const auto saver = Import(prefix, &graph);
  ASSERT_THAT(saver, IsOk());
  const int nodes = graph.num_nodes();
  Session session = Session::Create(graph).value();
  ASSERT_THAT((*saver)->Restore(session, prefix), IsOk());
  ASSERT_EQ(graph.GlobalVariables().size(), 1u);
  EXPECT_EQ(Get(session, graph.GlobalVariables()[0]), 6);
  session.set_random_run(12);
  ASSERT_THAT((*saver)->Save(session, "/run/n", 2), IsOk());
  const auto reader = BundleReader::Open(files_, "/run/n-2").value();
  std::vector<std::string> keys;
  for (const BundleTensor& entry : reader->Keys()) keys.push_back(entry.name);
  EXPECT_THAT(keys, ElementsAre(kRandomRunKey, "renamed"));
  EXPECT_EQ(reader->Lookup(kRandomRunKey)->scalar<int64_t>(), 12);
  EXPECT_EQ(graph.num_nodes(), nodes);  // nothing was added
  // max_to_keep comes with it.
  ASSERT_THAT((*saver)->Save(session, "/run/n", 3), IsOk());
  ASSERT_THAT((*saver)->Save(session, "/run/n", 4), IsOk());
  EXPECT_THAT((*saver)->last_checkpoints(), ElementsAre("/run/n-3", "/run/n-4"));
}

TEST_F(SaverImportTest, ImportScopes) {
  // Reference variables: resources of one shared_name would be one, here as in TensorFlow.
  const std::string prefix = SaveRenamed("", /*resource=*/false);
  Graph graph(ops::Builtin());
  const auto first = Import(prefix, &graph, "net"), second = Import(prefix, &graph, "net");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  const std::vector<Variable> variables = graph.GlobalVariables();
  ASSERT_EQ(variables.size(), 2u);
  EXPECT_EQ(variables[0].op_name(), "net/v");
  EXPECT_EQ(variables[1].op_name(), "net_1/v");
  Session session = Session::Create(graph).value();
  ASSERT_THAT((*second)->Restore(session, prefix), IsOk());
  EXPECT_EQ(Get(session, variables[1]), 6);
  EXPECT_FALSE(session.Run({}, {variables[0].value()}).ok());  // not restored
  proto::SaverDef def;
  ASSERT_THAT((*second)->ToSaverDef(&def), IsOk());
  EXPECT_EQ(def.restore_op_name(), "net_1/save/restore_all");
}

TEST_F(SaverImportTest, WithoutASaverDef) {
  Graph graph(ops::Builtin());
  Make(graph, "v", 6);
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def), IsOk());
  Graph imported(ops::Builtin());
  const auto saver = ImportMetaGraphWithSaver(def, &imported, {}, {.fs = &files_});
  ASSERT_THAT(saver, IsOk());
  ASSERT_NE(*saver, nullptr);  // over all variables
  EXPECT_NE(imported.FindNode("save/restore_all"), nullptr);
  // No variables: none.
  Graph nothing(ops::Builtin());
  At(Scope::Root(nothing)).Node("NoOp");
  ASSERT_THAT(ToMetaGraphDef(nothing, &def), IsOk());
  Graph empty(ops::Builtin());
  const auto none = ImportMetaGraphWithSaver(def, &empty, {}, {.fs = &files_});
  ASSERT_THAT(none, IsOk());
  EXPECT_EQ(*none, nullptr);
}

TEST_F(SaverImportTest, FilesThatAreNone) {
  Graph graph(ops::Builtin());
  EXPECT_THAT(Import("/run/none", &graph), StatusIs(StatusCode::kNotFound, "does not exist"));
  files_.Set("/run/bad.meta", "\xff\xff");
  EXPECT_THAT(Import("/run/bad", &graph), StatusIs(StatusCode::kInvalidArgument, "/run/bad.meta"));
  const std::string prefix = SaveRenamed(), whole = files_.Get(prefix + ".meta");
  for (size_t length = 0; length < whole.size(); length += 97) {  // an error or a graph, no crash
    files_.Set("/run/cut.meta", whole.substr(0, length));
    Graph cut(ops::Builtin());
    Import("/run/cut", &cut).status().IgnoreError();
  }
}

// A saver of the older format, over one restore op for each variable: restores both formats, saves
// the newer one.
TEST_F(SaverImportTest, OldSavers) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const auto constant = [](At at, const Tensor& value) {
    return at.Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  };
  std::vector<Variable> variables;
  for (const char* name : {"a", "b"}) {
    variables.push_back(GetVariable(
        root, name, {.initializer = Tensor::Of<float>({2}, {1, 2}), .use_resource = false}));
  }
  const At at = root.Sub("save");
  const Output file = constant(at.Named("Const"), Tensor::Scalar(std::string("model")));
  const Output names = constant(at, Tensor::Of<std::string>({2}, {"a", "b"}));
  const Output saved =
      ops::Save(at.Named("save"), file, names, {variables[0].handle(), variables[1].handle()});
  at.In(at.scope().After({saved})).Named("control_dependency").Node("Identity", {file});
  Outputs assigned;
  for (const Variable& v : variables) {
    const Output value =
        ops::Restore(at, file, constant(at, Tensor::Scalar(v.op_name())), DType::kFloat);
    assigned.push_back(at.Node("Assign", {v.handle(), value}));
  }
  Group(at.Named("restore_all"), assigned);
  const Output init = GlobalVariablesInitializer(root);
  proto::SaverDef def;
  def.set_filename_tensor_name("save/Const:0");
  def.set_save_tensor_name("save/control_dependency:0");
  def.set_restore_op_name("save/restore_all");
  def.set_max_to_keep(5);
  const auto saver = Saver::FromDef(graph, def, "", {.fs = &files_});
  ASSERT_THAT(saver, IsOk());
  Session session = Session::Create(graph).value();
  ASSERT_THAT(session.Run(init), IsOk());
  const auto prefix = (*saver)->Save(session, "/run/new");
  ASSERT_THAT(prefix, IsOk());
  Session other = Session::Create(graph).value();
  ASSERT_THAT((*saver)->Restore(other, *prefix), IsOk());
  EXPECT_EQ(Get(other, variables[1]), 1);
  // A part of it.
  Session third = Session::Create(graph).value();
  auto writer = BundleWriter::Create(files_, "/run/part").value();
  ASSERT_THAT(writer->Add("b", Tensor::Of<float>({2}, {4, 4})), IsOk());
  ASSERT_THAT(writer->Finish(), IsOk());
  ASSERT_THAT((*saver)->Restore(third, "/run/part", {.partial = true}), IsOk());
  EXPECT_EQ(Get(third, variables[1]), 4);
  EXPECT_FALSE(third.Run({}, {variables[0].value()}).ok());
}

}  // namespace
}  // namespace sluice::train
