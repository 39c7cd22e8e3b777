// Rule TR-4.
#include "train/global_step.h"

#include "layers/initializers.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::train {
namespace {

class GlobalStepTest : public ProgramFixture {};

TEST_F(GlobalStepTest, CreatedAtTheRootsNames) {
  const Variable step = CreateGlobalStep(root_.Sub("ops"));
  ASSERT_FALSE(step.empty());
  EXPECT_EQ(step.name(), "global_step:0");
  EXPECT_EQ(step.dtype(), DType::kInt64);
  EXPECT_EQ(step.shape(), TensorShape({}));
  EXPECT_FALSE(step.trainable());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"global_step:0"}));
  EXPECT_EQ(Names(graph_.Variables(keys::kGlobalStep)), (Strings{"global_step:0"}));
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  ExpectClose(Run(step.value()), Tensor::Scalar<int64_t>(0));
}

TEST_F(GlobalStepTest, InTheCurrentVariableScope) {
  EXPECT_EQ(CreateGlobalStep(root_.VariableScope("train")).name(), "train/global_step:0");
}

TEST_F(GlobalStepTest, CreatingTwiceIsRefused) {
  CreateGlobalStep(root_);
  EXPECT_TRUE(CreateGlobalStep(root_).empty());
  ExpectError(absl::StatusCode::kAlreadyExists, "\"global_step\" already exists.");
}

TEST_F(GlobalStepTest, GetFindsTheOneThereIs) {
  EXPECT_TRUE(GetGlobalStep(root_).empty());
  EXPECT_THAT(graph_.status(), IsOk());
  const Variable step = CreateGlobalStep(root_);
  EXPECT_EQ(GetGlobalStep(root_.Sub("x")), step);
  EXPECT_EQ(GetOrCreateGlobalStep(root_), step);
}

TEST_F(GlobalStepTest, GetOrCreateCreates) {
  EXPECT_EQ(GetOrCreateGlobalStep(root_).name(), "global_step:0");
  EXPECT_EQ(graph_.GlobalVariables().size(), 1u);
}

TEST_F(GlobalStepTest, MustBeAnInteger) {
  GetVariable(root_, "s", {.shape = {}, .collections = {keys::kGlobalStep}});
  EXPECT_TRUE(GetGlobalStep(root_).empty());
  ExpectInvalid("Existing \"global_step\" does not have integer type: float32");
}

TEST_F(GlobalStepTest, MustBeAScalar) {
  GetVariable(root_, "s",
              {.shape = {2}, .dtype = DType::kInt64, .collections = {keys::kGlobalStep}});
  EXPECT_TRUE(GetOrCreateGlobalStep(root_).empty());
  ExpectInvalid("Existing \"global_step\" is not scalar: [2]");
}

TEST_F(GlobalStepTest, MustBeTheOnlyOne) {
  for (const char* name : {"a", "b"}) {
    GetVariable(root_, name,
                {.shape = {}, .dtype = DType::kInt64, .collections = {keys::kGlobalStep}});
  }
  EXPECT_TRUE(GetGlobalStep(root_).empty());
  ExpectInvalid("Multiple tensors in global_step collection.");
}

}  // namespace
}  // namespace sluice::train
