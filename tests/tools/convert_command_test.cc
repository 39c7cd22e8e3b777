// sluice convert: tensors between formats, messages between text and binary.
#include "graph/proto_io.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "io/tensor_bundle.h"
#include "ops/old_checkpoint.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/tools/tool_fixture.h"
#include "train/tensor_file.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, Tensor>;

Tensors Model() {
  return {{"net/w", Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6})},
          {"net/h", Tensor::Of<Half>({1}, {Half(0.5f)})},
          {"step", Tensor::Scalar<int64_t>(7)}};
}

class ConvertCommandTest : public ToolFixture {
 protected:
  std::string Checkpoint(const Tensors& tensors) {
    EXPECT_THAT(train::WriteTensorFile(fs_, Path("ckpt"), Announce(tensors), SourceOf(tensors)),
                IsOk());
    return Path("ckpt");
  }
  void ExpectTensors(const std::string& name, const Tensors& want) {
    const auto file = train::TensorFile::Open(Path(name));
    ASSERT_THAT(file, IsOk());
    EXPECT_EQ(file->entries().size(), want.size()) << name;
    for (const auto& [key, value] : want) {
      const auto got = file->GetTensor(key);
      ASSERT_THAT(got, IsOk());
      EXPECT_TRUE(BitEqual(*got, value)) << name << " " << key;
    }
  }
  void ExpectDone(const std::vector<std::string>& args) { EXPECT_EQ(Sluice(args), 0) << err_; }
  bool Exists(const std::string& name) { return fs_.Exists(Path(name)); }
};

TEST_F(ConvertCommandTest, EveryFormatToEveryOther) {
  const std::string first = Checkpoint(Model());
  ExpectDone({"convert", first, Path("a.npz")});
  EXPECT_EQ(out_, absl::StrCat("3 tensors to a .npz file ", Path("a.npz"), "\n"));
  ExpectDone({"convert", Path("a.npz"), Path("b.safetensors")});
  ExpectDone({"convert", Path("b.safetensors"), Path("c/ckpt")});
  ExpectDone({"convert", Path("c/ckpt.index"), Path("d.safetensors")});
  ExpectDone({"convert", Path("d.safetensors"), Path("e.npz")});
  ExpectDone({"convert", Path("e.npz"), Path("f")});
  for (const char* name : {"a.npz", "b.safetensors", "c/ckpt", "d.safetensors", "e.npz", "f"})
    ExpectTensors(name, Model());
  // The same tensors, the same bytes.
  EXPECT_EQ(*fs_.ReadAll(Path("a.npz")), *fs_.ReadAll(Path("e.npz")));
  EXPECT_EQ(*fs_.ReadAll(first + ".index"), *fs_.ReadAll(Path("f.index")));
}

TEST_F(ConvertCommandTest, OldCheckpoints) {
  const Tensor w = Tensor::Scalar(0.5f);
  const std::vector<ops::OldSlice> slices = {{"w", {}, {}, &w}};
  ASSERT_THAT(ops::WriteOldCheckpoint(fs_, Path("old-00000-of-00001"), slices), IsOk());
  ExpectDone({"convert", Path("old-00000-of-00001"), Path("a.npz")});
  ExpectDone({"convert", Path("old"), Path("new")});
  for (const char* name : {"a.npz", "new"}) ExpectTensors(name, {{"w", w}});
}

TEST_F(ConvertCommandTest, PartsBecomeWholeOrStayParts) {
  auto writer = BundleWriter::Create(fs_, Path("ckpt"));
  ASSERT_THAT(writer, IsOk());
  const TensorSlice low = {{{0, 1}}}, high = {{{1, 2}}};
  ASSERT_THAT((*writer)->AddSlice("p", {3}, low, Tensor::Of<float>({1}, {1})), IsOk());
  ASSERT_THAT((*writer)->AddSlice("p", {3}, high, Tensor::Of<float>({2}, {2, 3})), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
  const Tensors whole = {{"p", Tensor::Of<float>({3}, {1, 2, 3})}};
  ExpectDone({"convert", Path("ckpt"), Path("a.npz")});
  ExpectDone({"convert", Path("ckpt"), Path("copy")});
  for (const char* name : {"a.npz", "copy"}) ExpectTensors(name, whole);
  EXPECT_THAT((*BundleReader::Open(fs_, Path("copy")))->Find("p")->slices,
              ::testing::ElementsAre(low, high));
}

TEST_F(ConvertCommandTest, WhatTheFormatCannotHold) {
  const std::string all = Checkpoint({{"b", Tensor::Zeros(DType::kBfloat16, {2})},
                                      {"c", Tensor::Zeros(DType::kComplex64, {2})},
                                      {"q", Tensor::Zeros(DType::kQint8, {2})},
                                      {"s", Tensor::Scalar<std::string>("x")},
                                      {"w", Tensor::Scalar(1.0f)}});
  ExpectExit(3, {"convert", all, Path("refused.npz")},
             "refused.npz: array 'b': numpy has no type for bfloat16 (--skip leaves it out)");
  ExpectExit(3, {"convert", all, Path("refused.safetensors")},
             "tensor 'c': safetensors has no type for complex64");
  EXPECT_FALSE(Exists("refused.npz") || Exists("refused.safetensors"));
  ExpectDone({"convert", all, Path("a.npz"), "--skip", "b", "q", "s"});
  ExpectDone({"convert", all, Path("a.safetensors"), "--skip", "c", "q", "s"});
  ExpectTensors("a.npz",
                {{"c", Tensor::Zeros(DType::kComplex64, {2})}, {"w", Tensor::Scalar(1.0f)}});
  ExpectTensors("a.safetensors",
                {{"b", Tensor::Zeros(DType::kBfloat16, {2})}, {"w", Tensor::Scalar(1.0f)}});
  ExpectExit(1, {"convert", all, Path("refused.npz"), "--skip", "x"}, "--skip x: there is no such");
  ExpectDone({"convert", all, Path("copy")});
  ExpectTensors("copy", {{"s", Tensor::Scalar<std::string>("x")},
                         {"w", Tensor::Scalar(1.0f)},
                         {"b", Tensor::Zeros(DType::kBfloat16, {2})},
                         {"c", Tensor::Zeros(DType::kComplex64, {2})},
                         {"q", Tensor::Zeros(DType::kQint8, {2})}});
}

// What TensorFlow 2 keeps about its objects is no variable.
TEST_F(ConvertCommandTest, TheObjectGraphStaysBehind) {
  const Tensors tensors = {{"_CHECKPOINTABLE_OBJECT_GRAPH", Tensor::Scalar<std::string>("x")},
                           {"v/.ATTRIBUTES/VARIABLE_VALUE", Tensor::Scalar(3.0f)}};
  const std::string prefix = Checkpoint(tensors);
  ExpectDone({"convert", prefix, Path("a.npz")});
  EXPECT_THAT(err_, HasSubstr("left out _CHECKPOINTABLE_OBJECT_GRAPH, a string, which a .npz"));
  ExpectTensors("a.npz", {{"v/.ATTRIBUTES/VARIABLE_VALUE", Tensor::Scalar(3.0f)}});
  ExpectDone({"convert", prefix, Path("copy")});
  ExpectTensors("copy", tensors);
}

TEST_F(ConvertCommandTest, Metadata) {
  ASSERT_THAT(WriteSafetensors(fs_, Path("a.safetensors"), {{"w", Tensor::Scalar(1.0f)}},
                               {{"format", "pt"}}),
              IsOk());
  ExpectDone({"convert", Path("a.safetensors"), Path("b.safetensors")});
  EXPECT_EQ(err_, "");
  EXPECT_EQ(*fs_.ReadAll(Path("a.safetensors")), *fs_.ReadAll(Path("b.safetensors")));
  ExpectDone({"convert", Path("a.safetensors"), Path("b.npz")});
  EXPECT_THAT(err_, HasSubstr("left out the metadata"));
}

TEST_F(ConvertCommandTest, DamageLeavesNothingBehind) {
  const std::string prefix = Checkpoint(Model());
  std::string data = *fs_.ReadAll(prefix + ".data-00000-of-00001");
  data[3] ^= 1;
  Write("ckpt.data-00000-of-00001", data);
  ExpectExit(1, {"convert", prefix, Path("a.npz")}, "wrong checksum");
  ExpectExit(1, {"convert", prefix, Path("a.safetensors")}, "wrong checksum");
  ExpectExit(1, {"convert", prefix, Path("copy")}, "wrong checksum");
  ASSERT_THAT(fs_.Delete(prefix + ".data-00000-of-00001"), IsOk());
  ExpectExit(1, {"convert", prefix, Path("a.npz")}, "ckpt.data-00000-of-00001");
  for (const char* name : {"a.npz", "a.npz.tmp", "a.safetensors", "copy.index"})
    EXPECT_FALSE(Exists(name)) << name;
  ExpectExit(1, {"convert", Path("nothing"), Path("a.npz")}, "no checkpoint");
}

TEST_F(ConvertCommandTest, Usage) {
  ExpectExit(2, {"convert", "a"}, "expected IN and OUT, got 1 arguments");
  ExpectExit(2, {"convert", "a.npz", "b.pb"}, "a.npz holds tensors by its name");
  ExpectExit(2, {"convert", "a.pb", "b.npz"}, "a.pb holds a graph by its name");
  ExpectExit(2, {"convert", "a.pb", "b.pbtxt", "--skip", "x"}, "--skip is for tensors");
}

// --- messages ---

constexpr char kGraph[] = R"(node { name: 'x' op: 'Placeholder' device: '/cpu:0'
  attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: '_mine' value { s: 'a\001\377' } } }
node { name: 'y' op: 'NotAnOp' input: ['x:0', '^x'] }
library { function { signature { name: 'f' } } } versions { producer: 27 })";

TEST_F(ConvertCommandTest, GraphsBetweenTextAndBinary) {
  proto::GraphDef want, got;
  ASSERT_THAT(ParseMessage(kGraph, true, &want), IsOk());
  ExpectDone({"convert", Write("g.pbtxt", absl::StrCat("# a comment\n", kGraph)), Path("g.pb")});
  EXPECT_THAT(out_, HasSubstr("GraphDef: binary of "));
  EXPECT_EQ(*fs_.ReadAll(Path("g.pb")), *SerializeMessage(want));
  ExpectDone({"convert", Path("g.pb"), Path("h.pbtxt")});
  EXPECT_THAT(out_, HasSubstr("GraphDef: text of "));
  ASSERT_THAT(ParseMessage(*fs_.ReadAll(Path("h.pbtxt")), true, &got), IsOk());
  EXPECT_EQ(*SerializeMessage(got), *SerializeMessage(want));
}

TEST_F(ConvertCommandTest, FieldsThatAreNotKnown) {
  proto::GraphDef graph;
  graph.add_node()->set_name("x");
  auto* node = graph.mutable_node(0);
  node->GetReflection()->MutableUnknownFields(node)->AddVarint(77, 5);
  const std::string bytes = *SerializeMessage(graph);
  ExpectDone({"convert", Write("g.pb", bytes), Path("same.pb")});
  EXPECT_EQ(err_, "");
  EXPECT_EQ(*fs_.ReadAll(Path("same.pb")), bytes);
  ExpectDone({"convert", Path("g.pb"), Path("g.pbtxt")});
  EXPECT_THAT(err_, HasSubstr("have no text: NodeDef field 77 (1)"));
  ExpectDone({"convert", Path("g.pbtxt"), Path("back.pb")});
  ExpectDone({"convert", Write("later.pbtxt", "node { name: 'a' }\ndebug_info { files: 'x' }"),
              Path("later.pb")});
  EXPECT_THAT(err_, HasSubstr("are not read from text: debug_info"));
}

TEST_F(ConvertCommandTest, OtherMessages) {
  proto::MetaGraphDef meta;
  ASSERT_THAT(ParseMessage(kGraph, true, meta.mutable_graph_def()), IsOk());
  meta.mutable_meta_info_def()->set_tensorflow_version("1.15.0");
  meta.mutable_saver_def()->set_filename_tensor_name("save/Const:0");
  proto::SavedModel model;
  model.set_saved_model_schema_version(1);
  *model.add_meta_graphs() = meta;
  Write("m.meta", *SerializeMessage(meta));
  ExpectDone({"convert", Path("m.meta"), Path("m.pbtxt")});
  EXPECT_THAT(out_, HasSubstr("MetaGraphDef: text"));
  // By its content, and by the name of the result.
  ExpectDone({"convert", Path("m.pbtxt"), Path("m2.pb")});
  EXPECT_THAT(out_, HasSubstr("MetaGraphDef: binary"));
  ExpectDone({"convert", Path("m2.pb"), Path("m3.pbtxt")});
  EXPECT_THAT(out_, HasSubstr("MetaGraphDef: text"));
  ExpectDone({"convert", Path("m3.pbtxt"), Path("m4.meta")});
  EXPECT_EQ(*fs_.ReadAll(Path("m4.meta")), *SerializeMessage(meta));
  // A SavedModel, by its directory, by its name, by its content.
  Write("saved_model.pb", *SerializeMessage(model));
  ExpectDone({"convert", folder_, Path("s.pbtxt")});
  EXPECT_THAT(out_, HasSubstr("SavedModel: text"));
  ExpectDone({"convert", Path("s.pbtxt"), Path("s.pb")});
  ExpectDone({"convert", Path("s.pb"), Path("saved_model.pbtxt")});
  ExpectDone({"convert", Path("saved_model.pbtxt"), Path("t.pb")});
  EXPECT_EQ(*fs_.ReadAll(Path("t.pb")), *SerializeMessage(model));
}

TEST_F(ConvertCommandTest, MessagesThatAreNone) {
  ExpectExit(1, {"convert", Write("g.pb", "\xff\xff"), Path("g.pbtxt")}, "g.pb: damaged bytes");
  ExpectExit(1, {"convert", Write("g.pbtxt", "node { nam: 'x' }"), Path("g2.pb")},
             "g.pbtxt: not the text of a GraphDef: line 1, column");
  ExpectExit(1, {"convert", Write("h.pbtxt", kGraph), Path("h.meta")}, "not the text of a Meta");
  ExpectExit(1, {"convert", Path("none.pb"), Path("x.pbtxt")}, "none.pb");
  EXPECT_FALSE(Exists("g2.pb") || Exists("h.meta") || Exists("x.pbtxt"));
}

}  // namespace
}  // namespace sluice::tools
