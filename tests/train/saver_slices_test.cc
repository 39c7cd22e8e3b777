// Checkpoints of partitioned variables: slices of one tensor under the whole's name, which any
// other partition, or none, restores.
#include "graph/partition.h"
#include "io/tensor_bundle.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/graph_fixture.h"
#include "train/momentum.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using ::sluice::testing::MemoryFileSystem;

constexpr float kValues[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

// A program with the variable "s/v" of shape [5, 2] in `parts` parts along `axis` (1: whole).
class Program {
 public:
  Program(FileSystem* fs, int parts, int axis, Initializer initial)
      : v_(GetVariable(
            Scope::Root(graph_).VariableScope("s"), "v",
            {.shape = initial.is_value() ? TensorShape::Unknown() : TensorShape({5, 2}),
             .initializer = initial,
             .partitioner = parts > 1 ? FixedSizePartitioner(parts, axis) : Partitioner()})),
        init_(GlobalVariablesInitializer(Scope::Root(graph_))),
        saver_(graph_, {.fs = fs}),
        session_(*Session::Create(graph_)) {
    EXPECT_THAT(session_.Run(init_), IsOk());
  }
  Graph& graph() { return graph_; }
  absl::StatusOr<std::string> Save(const char* path) { return saver_.Save(session_, path); }
  absl::Status Restore(const char* path) { return saver_.Restore(session_, path); }
  std::vector<float> Value() {
    const auto out = session_.Run({}, {v_.value()});
    EXPECT_THAT(out, IsOk());
    if (!out.ok()) return {};
    const auto span = (*out)[0].flat<float>();
    return {span.begin(), span.end()};
  }

 private:
  Graph graph_{ops::Builtin()};
  Variable v_;
  Output init_;
  Saver saver_;
  Session session_;
};

class SaverSlicesTest : public ::testing::Test {
 protected:
  SaverSlicesTest() { EXPECT_THAT(files_.CreateDirectories("/run"), IsOk()); }
  Initializer Ten() { return Tensor::Of<float>({5, 2}, absl::Span<const float>(kValues, 10)); }
  MemoryFileSystem files_;
  const std::vector<float> ten_{kValues, kValues + 10};
};

TEST_F(SaverSlicesTest, OneTensorInSlices) {
  Program program(&files_, 2, 0, Ten());
  ASSERT_THAT(program.Save("/run/model"), IsOk());
  const auto reader = BundleReader::Open(files_, "/run/model");
  ASSERT_THAT(reader, IsOk());
  const BundleTensor* entry = (*reader)->Find("s/v");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->shape, TensorShape({5, 2}));
  EXPECT_EQ(entry->slices.size(), 2u);
  EXPECT_EQ((*reader)->Find("s/v/part_0"), nullptr);
  const auto whole = (*reader)->Lookup("s/v");
  ASSERT_THAT(whole, IsOk());
  EXPECT_TRUE(BitEqual(*whole, Tensor::Of<float>({5, 2}, absl::Span<const float>(kValues, 10))));
}

// As TensorFlow writes them: the full shape, then start,length per dimension (3 + 2 rows).
TEST_F(SaverSlicesTest, SpecsInTheGraph) {
  Program program(&files_, 2, 0, Ten());
  for (const char* node : {"save/SaveV2/shape_and_slices", "save/RestoreV2/shape_and_slices"}) {
    const auto specs =
        program.graph().ConstantValue(program.graph().FindTensor(std::string(node) + ":0").value());
    ASSERT_TRUE(specs.has_value());
    EXPECT_EQ(specs->flat<std::string>()[0], "5 2 0,3:0,2") << node;
    EXPECT_EQ(specs->flat<std::string>()[1], "5 2 3,2:0,2") << node;
  }
}

TEST_F(SaverSlicesTest, AnyPartitionRestores) {
  Program program(&files_, 2, 0, Ten());
  ASSERT_THAT(program.Save("/run/model"), IsOk());
  for (const auto& [parts, axis] :
       {std::pair(1, 0), std::pair(2, 0), std::pair(5, 0), std::pair(2, 1)}) {
    Program other(&files_, parts, axis, ZerosInitializer);
    EXPECT_EQ(other.Value(), std::vector<float>(10));
    ASSERT_THAT(other.Restore("/run/model"), IsOk());
    EXPECT_EQ(other.Value(), ten_) << parts << " parts along " << axis;
  }
}

TEST_F(SaverSlicesTest, AWholeTensorRestoresIntoParts) {
  Program program(&files_, 1, 0, Ten());
  ASSERT_THAT(program.Save("/run/model"), IsOk());
  Program other(&files_, 3, 0, ZerosInitializer);
  ASSERT_THAT(other.Restore("/run/model"), IsOk());
  EXPECT_EQ(other.Value(), ten_);
}

TEST_F(SaverSlicesTest, OtherShapesAreRefused) {
  Program program(&files_, 2, 0, Ten());
  ASSERT_THAT(program.Save("/run/model"), IsOk());
  Program other(&files_, 2, 0, Tensor::Of<float>({2, 5}, absl::Span<const float>(kValues, 10)));
  EXPECT_THAT(other.Restore("/run/model"),
              StatusIs(absl::StatusCode::kInvalidArgument, "lhs shape= [2,5] rhs shape= [5,2]"));
}

// OPT-7: the slots of parts are slices of the slot of the whole.
TEST_F(SaverSlicesTest, SlotsAreSlicesToo) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Variable v =
      GetVariable(root, "v", {.initializer = Ten(), .partitioner = FixedSizePartitioner(2)});
  Momentum optimizer({.learning_rate = 1.0f, .momentum = 0.5f});
  const Output step = optimizer.Minimize(root, At(root).Node("L2Loss", {v.value()}));
  const Output init = GlobalVariablesInitializer(root);
  Saver saver(graph, {.fs = &files_});
  Session session = *Session::Create(graph);
  ASSERT_THAT(session.Run(init), IsOk());
  ASSERT_THAT(session.Run(step), IsOk());
  ASSERT_THAT(saver.Save(session, "/run/model"), IsOk());
  const auto reader = BundleReader::Open(files_, "/run/model");
  ASSERT_THAT(reader, IsOk());
  // The gradient of sum v^2 / 2 is v: after one step the momentum is what v was.
  const auto momentum = (*reader)->Lookup("v/Momentum");
  ASSERT_THAT(momentum, IsOk());
  EXPECT_TRUE(BitEqual(*momentum, Tensor::Of<float>({5, 2}, absl::Span<const float>(kValues, 10))));
  EXPECT_EQ((*reader)->Find("v/part_0/Momentum"), nullptr);
}

TEST(SaverSlices, APartAndAWholeOfOneNameClash) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Variable cut = GetVariable(
      root, "v",
      {.shape = {4}, .initializer = ZerosInitializer, .partitioner = FixedSizePartitioner(2)});
  const Variable whole = GetVariable(root, "w", {.shape = {4}, .initializer = ZerosInitializer});
  Saver saver(graph, {.var_list = {cut.parts()[0], cut}});
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "The same saveable will be restored with two names: v"));
}

}  // namespace
}  // namespace sluice::train
