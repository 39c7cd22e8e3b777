#include "ops/one_hot.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest OneHotOf(Tensor indices, int32_t depth, int64_t axis = -1) {
  return OpTest("OneHot")
      .Attr("axis", axis)
      .Input(std::move(indices))
      .Input<int32_t>({}, {depth})
      .Input({}, {5})
      .Input({}, {-1});
}

TEST(OneHotTest, EveryAxis) {
  const Tensor indices = Tensor::Of<int64_t>({2, 2}, {0, 2, 1, 0});
  OneHotOf(indices, 3).Expect({2, 2, 3}, {5, -1, -1, -1, -1, 5, -1, 5, -1, 5, -1, -1});
  OneHotOf(indices, 3, 2).Expect({2, 2, 3}, {5, -1, -1, -1, -1, 5, -1, 5, -1, 5, -1, -1});
  OneHotOf(indices, 3, 0).Expect({3, 2, 2}, {5, -1, -1, 5, -1, -1, 5, -1, -1, 5, -1, -1});
  OneHotOf(indices, 3, 1).Expect({2, 3, 2}, {5, -1, -1, -1, -1, 5, -1, 5, 5, -1, -1, -1});
}

TEST(OneHotTest, IndicesOutsideGiveNothing) {
  OneHotOf(Tensor::Of<int32_t>({3}, {-1, 2, 1}), 2).Expect({3, 2}, {-1, -1, -1, -1, -1, 5});
  OneHotOf(Tensor::Of<uint8_t>({2}, {255, 0}), 1).Expect({2, 1}, {-1, 5});
  OneHotOf(Tensor::Of<int64_t>({1}, {int64_t{1} << 62}), 1).Expect({1, 1}, {-1});
}

TEST(OneHotTest, ScalarsAndEmpties) {
  OneHotOf(Tensor::Scalar(int32_t{1}), 3).Expect({3}, {-1, 5, -1});
  OneHotOf(Tensor::Of<int32_t>({0}, {}), 3).Expect({0, 3}, {});
  OneHotOf(Tensor::Of<int32_t>({2}, {0, 1}), 0).Expect({2, 0}, {});
}

TEST(OneHotTest, AnyDType) {
  OpTest("OneHot")
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({}, {2})
      .Input<std::string>({}, {"on"})
      .Input<std::string>({}, {"off"})
      .Expect<std::string>({1, 2}, {"off", "on"});
  OpTest("OneHot")
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({}, {2})
      .Input<bool>({}, {true})
      .Input<bool>({}, {false})
      .Expect<bool>({1, 2}, {false, true});
}

TEST(OneHotTest, Errors) {
  OneHotOf(Tensor::Of<int32_t>({1}, {0}), -1)
      .ExpectError(StatusCode::kInvalidArgument, "depth must be non-negative");
  OneHotOf(Tensor::Of<int32_t>({1}, {0}), 1, 2)
      .ExpectError(StatusCode::kInvalidArgument, "axis must be -1 or between 0");
  OneHotOf(Tensor::Of<int32_t>({1}, {0}), 1, -2)
      .ExpectError(StatusCode::kInvalidArgument, "axis must be -1");
  OpTest("OneHot")
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({}, {1})
      .Input({1}, {1})
      .Input({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
}

TEST(OneHotTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& indices, const std::vector<int>& known) {
    return OneHotOf(Tensor::Of<int32_t>({1}, {0}), 4, 0)
        .InferShape({indices, {}, {}, {}}, known)
        .value();
  };
  EXPECT_EQ(infer({-1}, {1}), (TensorShape{4, -1}));
  EXPECT_EQ(infer({3}, {}), (TensorShape{-1, 3}));
}

}  // namespace
}  // namespace sluice
