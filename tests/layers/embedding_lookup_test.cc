// Rule LY-6. Row i of the whole matrix is (i, 100 + i).
#include "layers/embedding_lookup.h"

#include <cmath>

#include "graph/gradients.h"
#include "graph/node.h"
#include "graph/partition.h"
#include "layers/initializers.h"
#include "ops/reduction.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"
#include "train/gradient_descent.h"

namespace sluice::nn {
namespace {

class EmbeddingLookupTest : public ProgramFixture {
 protected:
  static Tensor Rows(const std::vector<int>& ids) {
    std::vector<float> values;
    for (const int id : ids) {
      values.push_back(static_cast<float>(id));
      values.push_back(static_cast<float>(100 + id));
    }
    return Tensor::Of<float>({static_cast<int64_t>(ids.size()), 2}, values);
  }
  Variable Piece(const std::string& name, const std::vector<int>& ids) {
    return GetVariable(root_, name, {.initializer = Rows(ids)});
  }
  // 13 ids in 5 pieces, as the rule has them.
  std::vector<Variable> ModPieces() {
    return {Piece("p0", {0, 5, 10}), Piece("p1", {1, 6, 11}), Piece("p2", {2, 7, 12}),
            Piece("p3", {3, 8}), Piece("p4", {4, 9})};
  }
  std::vector<Variable> DivPieces() {
    return {Piece("p0", {0, 1, 2}), Piece("p1", {3, 4, 5}), Piece("p2", {6, 7, 8}),
            Piece("p3", {9, 10}), Piece("p4", {11, 12})};
  }
};

const std::vector<int> kAll = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

TEST_F(EmbeddingLookupTest, OneVariable) {
  const Variable v = Piece("v", kAll);
  const Output ids = ops::Const<int32_t>(root_, {7, 0, 7, 12}, {2, 2});
  const Output rows = EmbeddingLookup(root_, v, ids);
  EXPECT_EQ(graph_.FindNode("embedding_lookup")->op(), "ResourceGather");
  EXPECT_EQ(rows.name(), "embedding_lookup/Identity:0");
  EXPECT_EQ(rows.shape(), TensorShape({2, 2, 2}));
  ExpectClose(Run(rows), Tensor::Of<float>({2, 2, 2}, {7, 107, 0, 100, 7, 107, 12, 112}));
}

TEST_F(EmbeddingLookupTest, OneTensorAndAName) {
  const Output params = ops::Const(root_, Rows({0, 1, 2}));
  const Output rows =
      EmbeddingLookup(root_.Named("mine"), params, ops::Const<int64_t>(root_, {2, 1}));
  EXPECT_EQ(graph_.FindNode("mine")->op(), "GatherV2");
  ExpectClose(Run(rows), Rows({2, 1}));
}

TEST_F(EmbeddingLookupTest, Mod) {
  const Output ids = ops::Const<int32_t>(root_, {12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const Output rows = EmbeddingLookup(root_, ModPieces(), ids);
  EXPECT_EQ(rows.shape(), TensorShape({13, 2}));
  EXPECT_EQ(graph_.FindNode("embedding_lookup")->op(), "ParallelDynamicStitch");
  ExpectClose(Run(rows), Rows({12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST_F(EmbeddingLookupTest, Div) {
  const Output ids = ops::Const<int64_t>(root_, {12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const Output rows =
      EmbeddingLookup(root_, DivPieces(), ids, {.partition_strategy = PartitionStrategy::kDiv});
  ExpectClose(Run(rows), Rows({12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST_F(EmbeddingLookupTest, DivOfEqualPieces) {
  const Output rows = EmbeddingLookup(root_, {Piece("a", {0, 1}), Piece("b", {2, 3})},
                                      ops::Const<int32_t>(root_, {3, 0, 2, 1}),
                                      {.partition_strategy = PartitionStrategy::kDiv});
  ExpectClose(Run(rows), Rows({3, 0, 2, 1}));
}

TEST_F(EmbeddingLookupTest, SizesKnownOnlyWhenRunning) {
  const Output a = Input({-1, 2}), b = Input({-1, -1});
  const Output ids = Input(TensorShape::Unknown(), DType::kInt32);
  const Output rows =
      EmbeddingLookup(root_, {a, b}, ids, {.partition_strategy = PartitionStrategy::kDiv});
  ExpectClose(
      Run(rows,
          {{a, Rows({0, 1, 2})}, {b, Rows({3, 4})}, {ids, Tensor::Of<int32_t>({1, 3}, {4, 2, 3})}}),
      Tensor::Of<float>({1, 3, 2}, {4, 104, 2, 102, 3, 103}));
}

TEST_F(EmbeddingLookupTest, PartitionedVariable) {
  const Initializer numbers = [](At at, const TensorShape& shape, DType,
                                 const PartitionInfo* part) {
    std::vector<int> ids;
    for (int64_t i = 0; i < shape.dim(0); ++i)
      ids.push_back(static_cast<int>(i + part->var_offset[0]));
    return ops::Const(at, Rows(ids));
  };
  const Variable v = GetVariable(
      root_, "v",
      {.shape = {7, 2}, .initializer = numbers, .partitioner = FixedSizePartitioner(3)});
  const Output rows = EmbeddingLookup(root_, v, ops::Const<int32_t>(root_, {6, 0, 3, 2}),
                                      {.partition_strategy = PartitionStrategy::kDiv});
  ExpectClose(Run(rows), Rows({6, 0, 3, 2}));
}

TEST_F(EmbeddingLookupTest, NoIds) {
  const Output none = ops::Const<int32_t>(root_, std::vector<int32_t>{}, {0});
  const Output rows = EmbeddingLookup(root_, ModPieces(), none);
  EXPECT_EQ(Run(rows).shape(), TensorShape({0, 2}));
}

TEST_F(EmbeddingLookupTest, RowsMayBeScalars) {
  const Output params = ops::Const<float>(root_, {5, 6, 7});
  ExpectClose(Run(EmbeddingLookup(root_, {params, params}, ops::Const<int32_t>(root_, {5, 0}))),
              Tensor::Of<float>({2}, {7, 5}));
}

TEST_F(EmbeddingLookupTest, MaxNorm) {
  const Output whole = ops::Const<float>(root_, {3, 4, 0.6f, 0.8f, 0, 0}, {3, 2});
  const Output even = ops::Const<float>(root_, {3, 4, 0, 0}, {2, 2});
  const Output odd = ops::Const<float>(root_, {0.6f, 0.8f}, {1, 2});
  const Output ids = ops::Const<int32_t>(root_, {0, 1, 2}, {1, 3});
  const Tensor want = Tensor::Of<float>({1, 3, 2}, {1.2f, 1.6f, 0.6f, 0.8f, 0, 0});
  const Output one = EmbeddingLookup(root_, whole, ids, {.max_norm = 2});
  const Output two = EmbeddingLookup(root_, {even, odd}, ids, {.max_norm = 2});
  ExpectClose(Run(one), want);
  ExpectClose(Run(two), want);
}

// --- gradients ---

TEST_F(EmbeddingLookupTest, GradientsAreOfRows) {
  const std::vector<Variable> pieces = ModPieces();
  const Output rows = EmbeddingLookup(root_, pieces, ops::Const<int32_t>(root_, {5, 1, 5}));
  const Output loss = ops::Sum(root_, rows, {0, 1});
  Outputs inputs;
  for (const Variable& v : pieces) inputs.push_back(v.handle());
  const auto gradients = train::GradientDescent({.learning_rate = 1.f})
                             .ComputeGradients(root_, loss, {.var_list = pieces});
  ASSERT_THAT(graph_.status(), IsOk());
  for (const auto& pair : gradients) EXPECT_TRUE(pair.gradient.is_slices());
}

TEST_F(EmbeddingLookupTest, TrainingChangesTheRowsLookedUp) {
  const std::vector<Variable> pieces = ModPieces();
  const Output rows = EmbeddingLookup(root_, pieces, ops::Const<int32_t>(root_, {5, 1, 5}));
  const Output step =
      train::GradientDescent({.learning_rate = 1.f}).Minimize(root_, ops::Sum(root_, rows, {0, 1}));
  ASSERT_THAT(graph_.status(), IsOk());
  Run(step);
  ExpectClose(Run(pieces[0].value()), Tensor::Of<float>({3, 2}, {0, 100, 3, 103, 10, 110}));
  ExpectClose(Run(pieces[1].value()), Tensor::Of<float>({3, 2}, {0, 100, 6, 106, 11, 111}));
  ExpectClose(Run(pieces[4].value()), Rows({4, 9}));
}

TEST(EmbeddingLookupGradientTest, AgreesWithDifferences) {
  const Tensor a = RandomTensor(DType::kDouble, {3, 2}, 1, 0.5, 2);
  const Tensor b = RandomTensor(DType::kDouble, {2, 2}, 2, 0.5, 2);
  for (const std::optional<double> max_norm :
       {std::optional<double>(), std::optional<double>(1.7)}) {
    for (const auto strategy : {PartitionStrategy::kMod, PartitionStrategy::kDiv}) {
      const GraphFunction f = [=](At at, const Outputs& in) -> Outputs {
        const Output ids = ops::Const<int32_t>(at, {4, 0, 1, 4, 3}, {5, 1});
        return {EmbeddingLookup(at, {in[0], in[1]}, ids,
                                {.partition_strategy = strategy, .max_norm = max_norm})};
      };
      CheckGradient(f, {a, b}, {.unknown_rank = false});
    }
  }
}

// --- refusals ---

TEST_F(EmbeddingLookupTest, ParamsAreNeeded) {
  EXPECT_TRUE(EmbeddingLookup(root_, Outputs(), ops::Const<int32_t>(root_, {0})).empty());
  ExpectInvalid("Need at least one param");
}

TEST_F(EmbeddingLookupTest, StrategiesAreChecked) {
  EmbeddingLookup(root_, ModPieces(), ops::Const<int32_t>(root_, {0}),
                  {.partition_strategy = static_cast<PartitionStrategy>(4)});
  ExpectInvalid("Unrecognized partition strategy: 4");
}

TEST_F(EmbeddingLookupTest, PiecesHaveRowsOfOneShape) {
  EmbeddingLookup(root_, {Input({2, 3}), Input({2, 4})}, ops::Const<int32_t>(root_, {0}));
  EXPECT_EQ(graph_.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EmbeddingLookupTest, IdsAreNeeded) {
  EXPECT_TRUE(EmbeddingLookup(root_, Input({2, 3}), Output()).empty());
  ExpectInvalid("ids must not be None.");
}

TEST_F(EmbeddingLookupTest, IdsWithoutARowFailTheRun) {
  const Output ids = Input({1}, DType::kInt32);
  const std::vector<Variable> pieces = ModPieces();
  const Output one = EmbeddingLookup(root_, pieces[0], ids);
  const Output five = EmbeddingLookup(root_, pieces, ids);
  const Output div =
      EmbeddingLookup(root_, pieces, ids, {.partition_strategy = PartitionStrategy::kDiv});
  for (const Output& rows : {one, five, div}) {
    for (const int32_t bad : {-1, 13, 1000}) {
      EXPECT_THAT(TryRun({rows}, {{ids, Tensor::Of<int32_t>({1}, {bad})}}),
                  StatusIs(absl::StatusCode::kInvalidArgument, ""))
          << bad;
    }
  }
}

}  // namespace
}  // namespace sluice::nn
