#include "ops/broadcast_gradient.h"

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

void ExpectAxes(std::initializer_list<int32_t> s0, std::initializer_list<int32_t> s1,
                std::initializer_list<int32_t> r0, std::initializer_list<int32_t> r1) {
  auto vector = [](std::initializer_list<int32_t> v) {
    return Tensor::Of<int32_t>({static_cast<int64_t>(v.size())}, v);
  };
  OpTest("BroadcastGradientArgs")
      .Input(vector(s0))
      .Input(vector(s1))
      .ExpectAll({vector(r0), vector(r1)});
}

TEST(BroadcastGradientArgsTest, ByHand) {
  ExpectAxes({2, 3}, {2, 3}, {}, {});
  ExpectAxes({2, 3}, {3}, {}, {0});
  ExpectAxes({3}, {2, 3}, {0}, {});
  ExpectAxes({}, {2, 3}, {0, 1}, {});
  ExpectAxes({2, 1}, {1, 3}, {1}, {0});
  ExpectAxes({2, 1, 3}, {2, 1, 1}, {1}, {1, 2});
  ExpectAxes({0, 3}, {1, 3}, {}, {0});
  ExpectAxes({1}, {1}, {}, {});
}

TEST(BroadcastGradientArgsTest, Int64) {
  OpTest("BroadcastGradientArgs")
      .Input<int64_t>({1}, {5})
      .Input<int64_t>({0}, {})
      .ExpectAll({Tensor::Of<int64_t>({0}, {}), Tensor::Of<int64_t>({1}, {0})});
}

TEST(BroadcastGradientArgsTest, RejectsShapesThatDoNotFit) {
  OpTest("BroadcastGradientArgs")
      .Input<int32_t>({2}, {2, 3})
      .Input<int32_t>({1}, {4})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Incompatible shapes: [2,3] vs. [4]");
  OpTest("BroadcastGradientArgs")
      .Input<int32_t>({}, {2})
      .Input<int32_t>({1}, {4})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 0");
}

}  // namespace
}  // namespace sluice
