#include "ops/reverse.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kX = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(ReverseTest, ByHand) {
  OpTest("ReverseV2").Input(kX).Input<int32_t>({1}, {1}).Expect({2, 3}, {3, 2, 1, 6, 5, 4});
  OpTest("ReverseV2").Input(kX).Input<int64_t>({2}, {-2, 1}).Expect({2, 3}, {6, 5, 4, 3, 2, 1});
  OpTest("ReverseV2").Input(kX).Input<int32_t>({0}, {}).Expect({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("Reverse").Input(kX).Input<bool>({2}, {true, false}).Expect({2, 3}, {4, 5, 6, 1, 2, 3});
  OpTest("ReverseV2")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({1}, {0})
      .Expect<std::string>({2}, {"b", "a"});
  OpTest("ReverseV2").Input({0, 2}, {}).Input<int32_t>({1}, {0}).Expect({0, 2}, {});
  OpTest("Reverse").Input({}, {1}).Input<bool>({0}, {}).Expect({}, {1});
}

TEST(ReverseTest, Errors) {
  OpTest("ReverseV2")
      .Input(kX)
      .Input<int32_t>({2}, {1, -1})
      .ExpectError(StatusCode::kInvalidArgument, "axis 1 specified more than once");
  OpTest("ReverseV2")
      .Input(kX)
      .Input<int32_t>({1}, {2})
      .ExpectError(StatusCode::kInvalidArgument, "[-2, 2)");
  OpTest("Reverse")
      .Input(kX)
      .Input<bool>({1}, {true})
      .ExpectError(StatusCode::kInvalidArgument, "one entry per dimension");
}

TEST(ReverseTest, Gradients) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3, 2});
  OpTest("ReverseV2").Input(x).Input<int32_t>({2}, {0, 2}).CheckGradient();
  OpTest("Reverse").Input(x).Input<bool>({3}, {true, false, true}).CheckGradient();
  OpTest("ReverseSequence").Attr("seq_dim", 1).Input(x).Input<int64_t>({2}, {2, 3}).CheckGradient();
}

TEST(ReverseSequenceTest, ByHand) {
  OpTest("ReverseSequence")
      .Attr("seq_dim", 1)
      .Input({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})
      .Input<int64_t>({2}, {3, 0})
      .Expect({2, 4}, {3, 2, 1, 4, 5, 6, 7, 8});
  OpTest("ReverseSequence")
      .Attr("seq_dim", 0)
      .Attr("batch_dim", 1)
      .Input({3, 2, 1}, {1, 2, 3, 4, 5, 6})
      .Input<int32_t>({2}, {3, 2})
      .Expect({3, 2, 1}, {5, 4, 3, 2, 1, 6});
  OpTest("ReverseSequence")
      .Attr("seq_dim", 1)
      .Input({0, 3}, {})
      .Input<int64_t>({0}, {})
      .Expect({0, 3}, {});
}

TEST(ReverseSequenceTest, Errors) {
  const auto reverse = [](int64_t seq_dim, std::initializer_list<int64_t> lengths) {
    return OpTest("ReverseSequence")
        .Attr("seq_dim", seq_dim)
        .Input(kX)
        .Input<int64_t>({static_cast<int64_t>(lengths.size())}, lengths);
  };
  reverse(1, {4, 0}).ExpectError(StatusCode::kInvalidArgument,
                                 "seq_lengths[0] must be in [0, 3], got 4");
  reverse(1, {0, -1}).ExpectError(StatusCode::kInvalidArgument, "seq_lengths[1]");
  reverse(1, {1}).ExpectError(StatusCode::kInvalidArgument, "Length of seq_lengths");
  reverse(0, {1, 1}).ExpectError(StatusCode::kInvalidArgument, "batch_dim == seq_dim");
  reverse(2, {1, 1}).ExpectError(StatusCode::kInvalidArgument, "seq_dim must be in the range");
}

}  // namespace
}  // namespace sluice
