// sluice sparsity: a table of the masks in a checkpoint.
#include "io/tensor_bundle.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

class SparsityCommandTest : public ToolFixture {
 protected:
  // A checkpoint with two masked weights and tensors that are no masks.
  std::string Checkpoint() {
    const std::string prefix = Path("model");
    absl::StatusOr<std::unique_ptr<BundleWriter>> writer = BundleWriter::Create(fs_, prefix);
    EXPECT_THAT(writer, IsOk());
    const auto add = [&](const std::string& name, const Tensor& value) {
      EXPECT_THAT((*writer)->Add(name, value), IsOk());
    };
    add("Conv/mask", Tensor::Of<float>({1, 2, 1, 2}, {1, 0, 0, 0}));
    add("Conv/weights", Tensor::Zeros(DType::kFloat, {1, 2, 1, 2}));
    add("cell/kernel", Tensor::Zeros(DType::kFloat, {2, 2}));
    add("cell/mask", Tensor::Of<float>({2, 2}, {1, 1, 0, 1}));
    add("input/attention_mask", Tensor::Zeros(DType::kFloat, {4}));
    add("tokens/mask", Tensor::Zeros(DType::kInt32, {4}));
    EXPECT_THAT((*writer)->Finish(), IsOk());
    return prefix;
  }
};

TEST_F(SparsityCommandTest, Table) {
  ASSERT_EQ(Sluice({"sparsity", Checkpoint()}), 0) << err_;
  EXPECT_EQ(out_,
            "weight        shape        elements       zeros  sparsity  filters gone\n"
            "Conv/weights  [1,2,1,2]           4           3    75.0 %        1 of 2\n"
            "cell/kernel   [2,2]               4           1    25.0 %        0 of 2\n"
            "all                               8           4    50.0 %        1 of 4\n");
}

TEST_F(SparsityCommandTest, Json) {
  ASSERT_EQ(Sluice({"sparsity", Checkpoint(), "--json"}), 0) << err_;
  EXPECT_THAT(out_, ::testing::HasSubstr("\"Conv/weights\""));
  EXPECT_THAT(out_, ::testing::HasSubstr("\"filters_gone\""));
}

TEST_F(SparsityCommandTest, Errors) {
  ExpectExit(2, {"sparsity"}, "expected one checkpoint, got 0");
  ExpectExit(2, {"sparsity", "a", "--nonsense"}, "nonsense");
  ExpectExit(1, {"sparsity", Path("absent")}, "absent");
}

}  // namespace
}  // namespace sluice::tools
