// Partitioned variables: rules VS-40 to VS-43, with numbers worked by hand.
#include "graph/partition.h"

#include "graph/gradients.h"
#include "graph/variable.h"
#include "ops/const.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using PartitionTest = GraphFixture;

Partitioner Returns(std::vector<int> counts) {
  return [counts](const TensorShape&, DType) { return counts; };
}

TEST(CutShape, TheRemainderGoesToTheFirstParts) {  // VS-41
  const absl::StatusOr<Partition> cut = CutShape({10, 3}, {4, 1});
  ASSERT_THAT(cut, IsOk());
  EXPECT_EQ(cut->axis, 0);
  EXPECT_EQ(cut->sizes, (std::vector<int64_t>{3, 3, 2, 2}));
  EXPECT_EQ(cut->offsets, (std::vector<int64_t>{0, 3, 6, 8}));
  EXPECT_EQ(CutShape({2, 7}, {1, 3})->sizes, (std::vector<int64_t>{3, 2, 2}));
}

struct BadCut {
  TensorShape shape;
  std::vector<int> counts;
  const char* message;
};

TEST(CutShape, Errors) {  // VS-40
  const BadCut kCases[] = {
      {{4, 4}, {2}, "does not match the Variable's rank"},
      {{4, 4}, {}, "does not match the Variable's rank"},
      {{4, 4}, {2, 0}, "returned zero partitions"},
      {{4, 4}, {-1, 1}, "returned zero partitions"},
      {{4, 4}, {2, 2}, "Can only slice a variable along one dimension"},
      {{4, 4}, {1, 5}, "Cannot create 5 slices for size 4"},
      {{}, {}, "must have rank at least 1"},
  };
  for (const BadCut& c : kCases) {
    EXPECT_THAT(CutShape(c.shape, c.counts),
                StatusIs(absl::StatusCode::kInvalidArgument, c.message));
  }
}

TEST(Partitioners, FixedSize) {  // VS-43
  EXPECT_EQ(FixedSizePartitioner(3)({6, 4}, DType::kFloat), (std::vector<int>{3, 1}));
  EXPECT_EQ(FixedSizePartitioner(2, 1)({6, 4}, DType::kFloat), (std::vector<int>{1, 2}));
}

TEST(Partitioners, VariableAxisSize) {  // VS-43
  // 64 rows of 4 float32 are 16 bytes each: 8 rows in 128 bytes, so 8 parts.
  EXPECT_EQ(VariableAxisSizePartitioner(128)({64, 4}, DType::kFloat), (std::vector<int>{8, 1}));
  EXPECT_EQ(VariableAxisSizePartitioner(128, 0, 16, 4)({64, 4}, DType::kFloat),
            (std::vector<int>{4, 1}));
  // A row that is too large makes parts of one row.
  EXPECT_EQ(VariableAxisSizePartitioner(15)({5, 4}, DType::kFloat), (std::vector<int>{5, 1}));
  // 10 strings of 16 bytes, 32 bytes a part.
  EXPECT_EQ(VariableAxisSizePartitioner(32)({10}, DType::kString), (std::vector<int>{5}));
  EXPECT_EQ(VariableAxisSizePartitioner(1024)({5, 4}, DType::kFloat), (std::vector<int>{1, 1}));
}

TEST(Partitioners, MinMax) {  // VS-43
  // 2048 bytes in slices of at least 512: 4 parts, but no more than asked for.
  EXPECT_EQ(MinMaxVariablePartitioner(10, 0, 512)({2048 / 16, 4}, DType::kFloat),
            (std::vector<int>{4, 1}));
  EXPECT_EQ(MinMaxVariablePartitioner(3, 0, 512)({2048 / 16, 4}, DType::kFloat),
            (std::vector<int>{3, 1}));
  // The default slice is 256 KiB.
  EXPECT_EQ(MinMaxVariablePartitioner(10)({1024, 64}, DType::kFloat), (std::vector<int>{1, 1}));
  EXPECT_EQ(MinMaxVariablePartitioner(10)({1024, 128}, DType::kFloat), (std::vector<int>{2, 1}));
  // Never more parts than rows.
  EXPECT_EQ(MinMaxVariablePartitioner(10, 0, 1)({4, 4}, DType::kFloat), (std::vector<int>{4, 1}));
}

TEST_F(PartitionTest, Parts) {  // VS-41
  const Variable v = GetVariable(
      root_.VariableScope("s"), "v",
      {.shape = {5, 2}, .initializer = OnesInitializer, .partitioner = FixedSizePartitioner(2)});
  ASSERT_TRUE(v.is_partitioned());
  EXPECT_EQ(v.shape(), TensorShape({5, 2}));
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (std::vector<std::string>{"s/v/part_0:0", "s/v/part_1:0"}));
  EXPECT_EQ(v.parts()[0].shape(), TensorShape({3, 2}));
  const SaveSliceInfo& second = *v.parts()[1].data().save_slice_info;
  EXPECT_EQ(second.full_name, "s/v");
  EXPECT_EQ(second.full_shape, TensorShape({5, 2}));
  EXPECT_EQ(second.var_offset, (std::vector<int64_t>{3, 0}));
  EXPECT_EQ(second.var_shape, TensorShape({2, 2}));
  EXPECT_EQ(v.value().name(), "s/v:0");
  EXPECT_EQ(v.value().node()->op(), "Identity");
  EXPECT_NE(graph_.FindNode("s/v/ConcatPartitions/concat"), nullptr);
  EXPECT_EQ(v.value().shape(), TensorShape({5, 2}));
}

TEST_F(PartitionTest, ValueInitializersAreSliced) {
  const Variable v = GetVariable(root_, "v",
                                 {.initializer = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
                                  .partitioner = FixedSizePartitioner(2, 1)});
  EXPECT_EQ(v.parts()[0].shape(), TensorShape({2, 2}));
  const Output init = GlobalVariablesInitializer(root_);
  EXPECT_EQ(Values({init}, v.parts()[0]), (std::vector<float>{1, 2, 4, 5}));
  EXPECT_EQ(Values({init}, v.parts()[1]), (std::vector<float>{3, 6}));
  EXPECT_EQ(Values({init}, v), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(PartitionTest, DefaultInitializerUsesTheFansOfTheWhole) {
  GetVariable(root_, "v", {.shape = {6, 6}, .partitioner = FixedSizePartitioner(3)});
  const Output limit = graph_.FindTensor("v/part_0/Initializer/random_uniform/max:0").value();
  EXPECT_NEAR(graph_.ConstantValue(limit)->scalar<float>(), 0.70710678, 1e-7);  // sqrt(6 / 12)
}

TEST_F(PartitionTest, ScalarsAreNeverCut) {  // VS-40
  EXPECT_FALSE(GetVariable(root_, "v", {.shape = {}, .partitioner = FixedSizePartitioner(2)})
                   .is_partitioned());
}

TEST_F(PartitionTest, PartitionerOfTheScope) {  // VS-25
  const Scope s = root_.VariableScope("s", {.partitioner = FixedSizePartitioner(2)});
  EXPECT_TRUE(Get(s.VariableScope("in"), "v", {4}).is_partitioned());
  EXPECT_FALSE(Get(root_, "v", {4}).is_partitioned());
}

TEST_F(PartitionTest, WritesReachEveryPart) {
  const Variable v = GetVariable(
      root_, "v",
      {.shape = {3}, .initializer = OnesInitializer, .partitioner = FixedSizePartitioner(2)});
  const Output init = GlobalVariablesInitializer(root_);
  const Output add = v.AssignAdd(root_, ops::Const(root_, Tensor::Of<float>({3}, {1, 2, 3})));
  EXPECT_EQ(Values({init, add}, v), (std::vector<float>{2, 3, 4}));
  EXPECT_EQ(Values({init, add}, v.Read(root_)), (std::vector<float>{2, 3, 4}));
}

TEST_F(PartitionTest, GradientsReachEveryPart) {
  const Variable v = GetVariable(
      root_, "v",
      {.shape = {3}, .initializer = OnesInitializer, .partitioner = FixedSizePartitioner(2)});
  const Output weights = ops::Const(root_, Tensor::Of<float>({3}, {2, 3, 4}));
  const Outputs g =
      Gradients(root_, {v.value() * weights}, {v.parts()[0].handle(), v.parts()[1].handle()});
  const Output init = GlobalVariablesInitializer(root_);
  EXPECT_EQ(Values({init}, g[0]), (std::vector<float>{2, 3}));
  EXPECT_EQ(Values({init}, g[1]), (std::vector<float>{4}));
}

TEST_F(PartitionTest, RegularizerRunsOncePerPart) {  // VS-8
  int runs = 0;
  GetVariable(root_, "v",
              {.shape = {4},
               .regularizer = [&](At at, Output w) { return ++runs, at.Node("L2Loss", {w}); },
               .partitioner = FixedSizePartitioner(2)});
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(graph_.RegularizationLosses()[1].name(), "v/part_1/Regularizer/L2Loss:0");
}

TEST_F(PartitionTest, Reuse) {  // VS-42
  const Variable v = Get(root_.With({.partitioner = FixedSizePartitioner(2)}), "v", {4});
  EXPECT_EQ(GetVariable(root_, "v", {.shape = {4}, .reuse = Reuse::kTrue}), v);
  EXPECT_EQ(
      GetVariable(root_, "v",
                  {.shape = {4}, .partitioner = FixedSizePartitioner(2), .reuse = Reuse::kAuto}),
      v);
  GetVariable(root_, "v",
              {.shape = {4}, .partitioner = FixedSizePartitioner(4), .reuse = Reuse::kTrue});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Trying to reuse partitioned variable v, but specified partitions [4] and found "
              "partitions [2].");
}

TEST_F(PartitionTest, TwiceWithoutReuse) {  // VS-42
  const Scope cutting = root_.With({.partitioner = FixedSizePartitioner(2)});
  Get(cutting, "v", {4});
  Get(cutting, "v", {4});
  ExpectError(absl::StatusCode::kAlreadyExists, "Partitioned variable v already exists");
}

TEST_F(PartitionTest, MissingUnderReuse) {  // VS-42
  Get(root_.With({.partitioner = FixedSizePartitioner(2), .reuse = Reuse::kTrue}), "v", {4});
  ExpectError(absl::StatusCode::kNotFound, "Variable v does not exist");
}

TEST_F(PartitionTest, PlainVariableWhereAPartitionedOneIs) {  // VS-42
  Get(root_.With({.partitioner = FixedSizePartitioner(2)}), "v", {4});
  Get(root_, "v", {4});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "No partitioner was provided, but a partitioned version");
}

TEST_F(PartitionTest, PartitionedVariableWhereAPlainOneIs) {  // VS-42
  Get(root_, "v", {4});
  Get(root_.With({.partitioner = FixedSizePartitioner(2)}), "v", {4});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "A partitioner was provided, but an unpartitioned version");
}

TEST_F(PartitionTest, BadPartitioners) {  // VS-40
  GetVariable(root_, "v", {.shape = {4, 4}, .partitioner = Returns({2, 2})});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "v: Can only slice a variable along one dimension");
}

TEST_F(PartitionTest, ShapeMustBeKnown) {  // VS-40
  GetVariable(root_, "v", {.shape = {-1, 4}, .partitioner = Returns({2, 1})});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Shape of a new partitioned variable (v) must be fully defined");
}

}  // namespace
}  // namespace sluice
