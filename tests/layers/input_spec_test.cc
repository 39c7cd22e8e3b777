// What layers demand of their inputs (rule L-11).
#include "layers/input_spec.h"

#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class InputSpecTest : public ProgramFixture {
 protected:
  absl::Status Check(const InputSpec& spec, const TensorShape& shape, DType dtype = DType::kFloat) {
    return CheckInputs({spec}, {Input(shape, dtype)}, "dense_1");
  }
  static auto Refused(const std::string& text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, text);
  }
};

TEST_F(InputSpecTest, NoSpecsTakeAnything) {
  EXPECT_THAT(CheckInputs({}, {Input(TensorShape::Unknown()), Input({2})}, "l"), IsOk());
}

TEST_F(InputSpecTest, CountsInputs) {
  EXPECT_THAT(CheckInputs({{}, {}}, {Input({2})}, "add_1"),
              Refused("Layer add_1 expects 2 inputs, but it received 1 input tensors"));
}

TEST_F(InputSpecTest, ARankMustBeKnownOnlyWhereItIsLookedAt) {
  EXPECT_THAT(Check({.ndim = 2}, TensorShape::Unknown()),
              Refused("its rank is undefined, but the layer requires a defined rank"));
  EXPECT_THAT(Check({.axes = {{-1, 3}}}, TensorShape::Unknown()), Refused("its rank is undefined"));
  EXPECT_THAT(Check({.dtype = DType::kFloat}, TensorShape::Unknown()), IsOk());
}

TEST_F(InputSpecTest, Ranks) {
  EXPECT_THAT(Check({.ndim = 2}, {3}),
              Refused("Input 0 of layer dense_1 is incompatible with the layer: expected ndim=2, "
                      "found ndim=1. Full shape received: [3]"));
  EXPECT_THAT(Check({.max_ndim = 2}, {3, 1, 1}), Refused("expected max_ndim=2, found ndim=3"));
  EXPECT_THAT(Check({.min_ndim = 2}, {3}), Refused("expected min_ndim=2, found ndim=1"));
  EXPECT_THAT(Check({.max_ndim = 3, .min_ndim = 2}, {3, -1}), IsOk());
}

TEST_F(InputSpecTest, Dtypes) {
  EXPECT_THAT(Check({.dtype = DType::kFloat}, {3}, DType::kInt32),
              Refused("expected dtype=float32, found dtype=int32"));
}

TEST_F(InputSpecTest, Axes) {
  EXPECT_THAT(Check({.axes = {{-1, 4}}}, {2, 3}),
              Refused("expected axis -1 of input shape to have value 4 but got shape [2,3]"));
  EXPECT_THAT(Check({.axes = {{-1, 4}}}, {2, -1}), IsOk());  // unknown contradicts nothing
  EXPECT_THAT(Check({.axes = {{2, 4}}}, {2, 3}), Refused("expected an axis 2 of size 4"));
}

TEST_F(InputSpecTest, AShapeImpliesItsRank) {
  const InputSpec spec{.shape = TensorShape({-1, 3})};
  EXPECT_THAT(Check(spec, {7, 3}), IsOk());
  EXPECT_THAT(Check(spec, {3}), Refused("expected ndim=2, found ndim=1"));
  EXPECT_THAT(Check(spec, {7, 4}), Refused("expected shape=[?,3], found shape=[7,4]"));
}

}  // namespace
}  // namespace sluice::layers
