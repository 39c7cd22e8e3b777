#include "train/pruning_report.h"

#include "layers/masking.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::pruning {
namespace {

class PruningReportTest : public ProgramFixture {
 protected:
  void Weight(const std::string& scope, const TensorShape& shape, const std::vector<double>& mask,
              DType dtype = DType::kFloat) {
    const Scope s = root_.VariableScope(scope);
    const Variable w = GetVariable(s, "kernel", {.shape = shape, .dtype = dtype});
    ApplyMask(s, w, s);
    const Variable m = GetMasks(graph_).back();
    assign_.push_back(m.Assign(root_, ops::Const(root_, FromDoubles(dtype, shape, mask))));
  }
  std::vector<WeightSparsity> Report() {
    Run(assign_);
    absl::StatusOr<std::vector<WeightSparsity>> rows = SparsityReport(*session_);
    EXPECT_THAT(rows, IsOk());
    return rows.ok() ? *rows : std::vector<WeightSparsity>();
  }
  Outputs assign_;
};

TEST_F(PruningReportTest, CountsZerosAndWholeFilters) {
  Weight("conv", {1, 2, 1, 4}, {1, 0, 0, 1, 0, 0, 1, 1});
  Weight("dense", {2, 2}, {0, 0, 0, 0}, DType::kDouble);
  const std::vector<WeightSparsity> rows = Report();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "conv/kernel");
  EXPECT_EQ(rows[0].shape, TensorShape({1, 2, 1, 4}));
  EXPECT_EQ(rows[0].elements, 8);
  EXPECT_EQ(rows[0].zeros, 4);
  EXPECT_EQ(rows[0].sparsity, 0.5);
  EXPECT_EQ(rows[0].filters, 4);
  EXPECT_EQ(rows[0].filters_gone, 1);
  EXPECT_EQ(rows[1].zeros, 4);
  EXPECT_EQ(rows[1].sparsity, 1);
  EXPECT_EQ(rows[1].filters_gone, 2);
}

TEST_F(PruningReportTest, PrintsATable) {
  Weight("conv", {1, 2, 1, 4}, {1, 0, 0, 1, 0, 0, 1, 1});
  EXPECT_EQ(SparsityTable(Report()),
            "weight       shape        elements       zeros  sparsity  filters gone\n"
            "conv/kernel  [1,2,1,4]           8           4    50.0 %        1 of 4\n"
            "all                              8           4    50.0 %        1 of 4\n");
}

TEST_F(PruningReportTest, NothingToReport) {
  Run(ops::Const(root_, 1.0f));
  const absl::StatusOr<std::vector<WeightSparsity>> rows = SparsityReport(*session_);
  ASSERT_THAT(rows, IsOk());
  EXPECT_TRUE(rows->empty());
}

TEST_F(PruningReportTest, NeedsInitializedMasks) {
  Weight("conv", {2}, {1, 0});
  absl::StatusOr<Session> session = Session::Create(graph_, {.intra_op_threads = 1});
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(SparsityReport(*session).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "conv/mask"));
}

}  // namespace
}  // namespace sluice::pruning
