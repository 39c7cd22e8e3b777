#include "train/variables_io.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/partition.h"
#include "gtest/gtest.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "ops/all_ops.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/checkpoint_reader.h"

namespace sluice::train {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Tensors = std::map<std::string, Tensor>;

Tensor Parts() { return Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}); }

// A graph with net/w (float [2]), net/step (int64, not trainable) and net/p, which is [3,2] in two
// parts of 2 rows and 1.
class VariablesIoTest : public ::testing::Test {
 protected:
  VariablesIoTest() {
    net_ = root_.VariableScope("net");
    w_ = Make("w", Tensor::Of<float>({2}, {7, 8}), net_);
    step_ = Make("step", Tensor::Scalar<int64_t>(9), net_);
    p_ = GetVariable(
        net_, "p",
        {.shape = {3, 2}, .initializer = ZerosInitializer, .partitioner = FixedSizePartitioner(2)});
    set_p_ = p_.Assign(root_, Constant(Parts()));
  }

  Output Constant(const Tensor& value) {
    return At(root_).Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  }
  Variable Make(const std::string& name, const Tensor& value, const Scope& scope) {
    const Initializer start = [value](At at, const TensorShape&, DType dtype) {
      return at.Named("Const").Node("Const", {}, {{"value", value}, {"dtype", dtype}});
    };
    return GetVariable(scope, name,
                       {.shape = value.shape(),
                        .dtype = value.dtype(),
                        .initializer = start,
                        .trainable = IsFloating(value.dtype())});
  }
  Session Start(bool initialize = true) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (initialize) {
      EXPECT_THAT(session->Run(GlobalVariablesInitializer(root_)), IsOk());
      EXPECT_THAT(session->Run(set_p_), IsOk());
    }
    return *std::move(session);
  }
  Tensor Value(Session& session, const Variable& variable) {
    const auto values = session.Run({}, {variable.value()});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  }
  VariablesIoOptions InMemory(VariablesIoOptions options = {}) {
    options.fs = &files_;
    return options;
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  Scope net_ = root_;
  Variable w_, step_, p_;
  Output set_p_;
  MemoryFileSystem files_;
};

Tensors All() {
  return {{"net/p", Parts()},
          {"net/step", Tensor::Scalar<int64_t>(9)},
          {"net/w", Tensor::Of<float>({2}, {7, 8})}};
}

TEST_F(VariablesIoTest, EveryFormatThereAndBack) {
  Session session = Start();
  for (const char* path : {"m.npz", "m.safetensors", "d/m"}) {
    ASSERT_THAT(ExportVariables(session, path, InMemory({.metadata = {{"k", "v"}}})), IsOk());
    Session other = Start(/*initialize=*/false);
    const auto report = ImportVariables(other, path, {}, InMemory());
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->restored.size(), 3u);
    EXPECT_THAT(report->extra, IsEmpty());
    EXPECT_TRUE(BitEqual(Value(other, w_), All().at("net/w"))) << path;
    EXPECT_TRUE(BitEqual(Value(other, step_), All().at("net/step"))) << path;
    EXPECT_TRUE(BitEqual(Value(other, p_), Parts())) << path;
  }
  // The files hold the partitioned variable whole, under its one name.
  const auto npz = ReadNpz(files_, "m.npz");
  ASSERT_THAT(npz, IsOk());
  EXPECT_EQ(npz->size(), 3u);
  for (const auto& [name, value] : All()) EXPECT_TRUE(BitEqual(npz->at(name), value)) << name;
  EXPECT_TRUE(CheckpointReader::Open("d/m", files_)->Find("net/p")->slices.empty());
  EXPECT_THAT(SafetensorsReader::Open(files_, "m.safetensors")->metadata(),
              ElementsAre(Pair("k", "v")));
  EXPECT_EQ(graph_.status(), absl::OkStatus());
}

TEST_F(VariablesIoTest, SomeVariablesUnderOtherNames) {
  Session session = Start();
  ASSERT_THAT(ExportVariables(session, "m.npz", InMemory({.var_map = {{"v", w_}, {"q", p_}}})),
              IsOk());
  EXPECT_THAT(*ReadNpz(files_, "m.npz"),
              ElementsAre(Pair("q", ::testing::_), Pair("v", ::testing::_)));
  ASSERT_THAT(ExportVariables(session, "l.npz", InMemory({.var_list = {step_}})), IsOk());
  EXPECT_THAT(*ReadNpz(files_, "l.npz"), ElementsAre(Pair("net/step", ::testing::_)));
  // The names of the file, and those of the graph with rules.
  Session other = Start(false);
  ASSERT_THAT(ImportVariables(other, "m.npz", {}, InMemory({.var_map = {{"v", w_}}})), IsOk());
  EXPECT_TRUE(BitEqual(Value(other, w_), All().at("net/w")));
  const auto report =
      ImportVariables(other, "m.npz", {.renames = {.table = {{"v", "net/w"}, {"q", "net/p"}}}},
                      InMemory({.var_list = {w_, p_}}));
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(BitEqual(Value(other, p_), Parts()));
}

TEST_F(VariablesIoTest, DifferencesAreListedBeforeAnythingChanges) {
  Session session = Start();
  Tensors other = {{"net/p", Tensor::Zeros(DType::kFloat, {3, 3})},
                   {"net/weights", Tensor::Of<float>({2}, {1, 1})},
                   {"net/step", Tensor::Scalar<int64_t>(1)}};
  ASSERT_THAT(WriteNpz(files_, "m.npz", other), IsOk());
  const auto refused = ImportVariables(session, "m.npz", {}, InMemory());
  EXPECT_FALSE(refused.ok());
  const std::string message(refused.status().message());
  for (const char* text :
       {"m.npz", "net/p", "[3,2]", "[3,3]", "missing", "w float32[2]", "weights float32[2]"})
    EXPECT_THAT(message, HasSubstr(text));
  EXPECT_TRUE(BitEqual(Value(session, step_), Tensor::Scalar<int64_t>(9)));
  // In part.
  const auto report = ImportVariables(session, "m.npz", {.partial = true}, InMemory());
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->restored.size(), 1u);
  EXPECT_EQ(report->restored[0].name, "net/step");
  EXPECT_EQ(report->skipped.size(), 2u);
  EXPECT_THAT(report->extra, ::testing::Contains("net/weights"));
  EXPECT_TRUE(BitEqual(Value(session, step_), Tensor::Scalar<int64_t>(1)));
  EXPECT_TRUE(BitEqual(Value(session, w_), All().at("net/w")));
}

TEST_F(VariablesIoTest, DamageIsFoundBeforeAnythingChanges) {
  Session session = Start();
  for (const char* path : {"m.npz", "m"}) {
    ASSERT_THAT(ExportVariables(session, path, InMemory()), IsOk());
    const std::string file = path == std::string("m") ? "m.data-00000-of-00001" : path;
    std::string bytes = files_.Get(file);
    // The last byte of the last tensor, net/w.
    const size_t at = file == "m.npz" ? bytes.find(std::string("\0\0\0\x41", 4)) : bytes.size() - 1;
    ASSERT_LT(at, bytes.size());
    bytes[at] ^= 1;
    files_.Set(file, bytes);
    Session other = Start(false);
    EXPECT_THAT(ImportVariables(other, path, {}, InMemory()), StatusIs(Code::kDataLoss, path));
    EXPECT_THAT(other.Run({}, {step_.value()}), StatusIs(Code::kFailedPrecondition, "step"));
  }
}

// Two variables whose initial value is one tensor.
TEST_F(VariablesIoTest, SharedInitialValues) {
  const Output one = Constant(Tensor::Scalar(1.0f));
  const auto shared = [&](At, const TensorShape&, DType) { return one; };
  const Variable a = GetVariable(root_, "a", {.shape = TensorShape({}), .initializer = shared});
  const Variable b = GetVariable(root_, "b", {.shape = TensorShape({}), .initializer = shared});
  ASSERT_EQ(graph_.status(), absl::OkStatus());
  ASSERT_THAT(WriteNpz(files_, "m.npz", {{"a", Tensor::Scalar(2.0f)}, {"b", Tensor::Scalar(3.0f)}}),
              IsOk());
  Session session = Start();
  ASSERT_THAT(ImportVariables(session, "m.npz", {}, InMemory({.var_list = {a, b}})), IsOk());
  EXPECT_EQ(Value(session, a).scalar<float>(), 2);
  EXPECT_EQ(Value(session, b).scalar<float>(), 3);
}

TEST_F(VariablesIoTest, TheModelThenTheRest) {
  graph_.AddToCollection(keys::kGlobalStep, step_);
  Session session = Start();
  ASSERT_THAT(WriteSafetensors(files_, "m.safetensors",
                               {{"net/p", Parts()},
                                {"net/step", Tensor::Scalar<int64_t>(1)},
                                {"net/w", Tensor::Of<float>({2}, {1, 1})}}),
              IsOk());
  Session other = Start(false);
  const auto report = ImportVariables(other, "m.safetensors",
                                      {.mode = RestoreMode::kModelThenInitRest}, InMemory());
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->initialized, ElementsAre("net/step"));
  EXPECT_TRUE(BitEqual(Value(other, step_), Tensor::Scalar<int64_t>(9)));
  EXPECT_TRUE(BitEqual(Value(other, w_), Tensor::Of<float>({2}, {1, 1})));
}

TEST_F(VariablesIoTest, WhatIsRefused) {
  Session session = Start();
  const Variable half = p_.parts()[0];
  EXPECT_THAT(
      ExportVariables(session, "m.npz", InMemory({.var_list = {half}})),
      StatusIs(Code::kInvalidArgument, "variable 'net/p': its parts, of 4 elements, do not"));
  Session empty = Start(false);
  EXPECT_THAT(ExportVariables(empty, "m.npz", InMemory()),
              StatusIs(Code::kFailedPrecondition, "net/"));
  const Variable small = Make("b", Tensor::Zeros(DType::kBfloat16, {2}), net_);
  EXPECT_THAT(session.Run(small.initializer()), IsOk());
  EXPECT_THAT(ExportVariables(session, "m.npz", InMemory()),
              StatusIs(Code::kUnimplemented, "array 'net/b': numpy has no type for bfloat16"));
  EXPECT_THAT(files_.Paths(), IsEmpty());
  EXPECT_THAT(ImportVariables(session, "m.npz", {}, InMemory()),
              StatusIs(Code::kNotFound, "m.npz"));
  Graph nothing(ops::Builtin());
  At(Scope::Root(nothing)).Node("NoOp", {}, {});
  absl::StatusOr<Session> none = Session::Create(nothing);
  ASSERT_THAT(none, IsOk());
  EXPECT_THAT(ExportVariables(*none, "m.npz", InMemory()),
              StatusIs(Code::kInvalidArgument, "No variables to save"));
}

}  // namespace
}  // namespace sluice::train
