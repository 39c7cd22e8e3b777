// Bags of ids: rows are 1 10, 2 20, 4 40, 8 80; the bags 0 2 2 and 3. Expected numbers are worked
// by hand in the comments.
#include "layers/embedding_lookup_sparse.h"

#include <cmath>

#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::nn {
namespace {

class EmbeddingLookupSparseTest : public ProgramFixture {
 protected:
  void Expect(const Combiner combiner, const Output& weights, const std::vector<float>& want,
              std::optional<double> max_norm = {}) {
    const Output rows = EmbeddingLookupSparse(root_, params_, {indices_, values_, weights},
                                              {.combiner = combiner, .max_norm = max_norm});
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    ExpectClose(Run(rows), Tensor::Of<float>({2, 2}, want));
  }
  const Output params_ = Values({4, 2}, {1, 10, 2, 20, 4, 40, 8, 80});
  const Output indices_ = ops::Const<int64_t>(root_, {0, 0, 0, 1, 0, 2, 1, 0}, {4, 2});
  const Output values_ = ops::Const<int64_t>(root_, {0, 2, 2, 3});
};

TEST_F(EmbeddingLookupSparseTest, Combiners) {
  Expect(Combiner::kSum, {}, {9, 90, 8, 80});
  Expect(Combiner::kMean, {}, {3, 30, 8, 80});
  const float root = std::sqrt(3.f);
  Expect(Combiner::kSqrtN, {}, {9 / root, 90 / root, 8, 80});
}

TEST_F(EmbeddingLookupSparseTest, Weights) {
  // 2 * 1 + 1 * 4 + 0.5 * 4 = 8 and 3 * 8; weights 3.5 and 3, their squares 5.25 and 9.
  const Output w = Values({4}, {2, 1, 0.5f, 3});
  Expect(Combiner::kSum, w, {8, 80, 24, 240});
  Expect(Combiner::kMean, w, {8 / 3.5f, 80 / 3.5f, 8, 80});
  const float root = std::sqrt(5.25f);
  Expect(Combiner::kSqrtN, w, {8 / root, 80 / root, 8, 80});
  Expect(Combiner::kSum, ops::Const<int32_t>(root_, {1, 0, 1, 2}), {5, 50, 16, 160});
}

TEST_F(EmbeddingLookupSparseTest, NameAndDefault) {
  const Output rows = EmbeddingLookupSparse(root_, params_, {indices_, values_});
  EXPECT_EQ(rows.name(), "embedding_lookup_sparse:0");
  ExpectClose(Run(rows), Tensor::Of<float>({2, 2}, {3, 30, 8, 80}));
}

TEST_F(EmbeddingLookupSparseTest, MaxNorm) {
  // Every row is made as long as the first: 1 10.
  Expect(Combiner::kSum, {}, {3, 30, 1, 10}, std::sqrt(101.0));
}

TEST_F(EmbeddingLookupSparseTest, Pieces) {
  const Output even = Values({2, 2}, {1, 10, 4, 40}), odd = Values({2, 2}, {2, 20, 8, 80});
  const Output rows =
      EmbeddingLookupSparse(root_, {even, odd}, {indices_, values_}, {.combiner = Combiner::kSum});
  ExpectClose(Run(rows), Tensor::Of<float>({2, 2}, {9, 90, 8, 80}));
}

TEST(EmbeddingLookupSparseGradientTest, AgreesWithDifferences) {
  const Tensor params = RandomTensor(DType::kDouble, {4, 2}, 1, 0.5, 2);
  const Tensor weights = RandomTensor(DType::kDouble, {4}, 2, 0.5, 2);
  for (const Combiner combiner : {Combiner::kMean, Combiner::kSqrtN, Combiner::kSum}) {
    for (const bool weighted : {true, false}) {
      const GraphFunction f = [=](At at, const Outputs& in) -> Outputs {
        const Output indices = ops::Const<int64_t>(at, {0, 0, 0, 1, 0, 2, 1, 0}, {4, 2});
        const Output values = ops::Const<int64_t>(at, {0, 2, 2, 3});
        return {EmbeddingLookupSparse(at, in[0], {indices, values, weighted ? in[1] : Output()},
                                      {.combiner = combiner})};
      };
      const std::vector<Tensor> inputs =
          weighted ? std::vector<Tensor>{params, weights} : std::vector<Tensor>{params};
      CheckGradient(f, inputs, {.unknown_rank = false});
    }
  }
}

TEST_F(EmbeddingLookupSparseTest, CombinersAreChecked) {
  EmbeddingLookupSparse(root_, params_, {indices_, values_},
                        {.combiner = static_cast<Combiner>(3)});
  ExpectInvalid("combiner must be one of 'mean', 'sqrtn' or 'sum'");
}

TEST_F(EmbeddingLookupSparseTest, WeightsAreOnePerId) {
  EmbeddingLookupSparse(root_, params_, {indices_, values_, Values({2}, {1, 2})});
  ExpectInvalid("Shapes [4] and [2] are incompatible");
}

TEST_F(EmbeddingLookupSparseTest, IdsAreNeeded) {
  EXPECT_TRUE(EmbeddingLookupSparse(root_, params_, {}).empty());
  ExpectInvalid("sp_ids must not be None.");
}

TEST_F(EmbeddingLookupSparseTest, ParamsAreNeeded) {
  EmbeddingLookupSparse(root_, Outputs(), {indices_, values_});
  ExpectInvalid("Need at least one param");
}

}  // namespace
}  // namespace sluice::nn
