#include "ops/fused_matmul.h"

#include <limits>
#include <string>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest Fused(const std::vector<std::string>& fused_ops, int64_t num_args,
             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  OpTest test(ops::kFusedMatMul, file, line);
  test.Attr("fused_ops", fused_ops).Attr("num_args", num_args);
  return test;
}

const Tensor kA = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
const Tensor kB = Tensor::Of<float>({2, 2}, {5, 6, 7, 8});  // a b = 19 22 43 50

TEST(FusedMatMulTest, ByHand) {
  const Tensor bias = Tensor::Of<float>({2}, {-20, -40});
  Fused({}, 0).Attr("T", DType::kFloat).Input(kA).Input(kB).Expect({2, 2}, {19, 22, 43, 50});
  Fused({"BiasAdd"}, 1).Input(kA).Input(kB).Input(bias).Expect({2, 2}, {-1, -18, 23, 10});
  Fused({"BiasAdd", "Relu"}, 1).Input(kA).Input(kB).Input(bias).Expect({2, 2}, {0, 0, 23, 10});
  Fused({"BiasAdd", "Relu6"}, 1).Input(kA).Input(kB).Input(bias).Expect({2, 2}, {0, 0, 6, 6});
  Fused({"BiasAdd", "LeakyRelu"}, 1)
      .Attr("leakyrelu_alpha", 0.5f)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .Expect({2, 2}, {-0.5f, -9, 23, 10});
  Fused({"BiasAdd", "Add", "Relu"}, 2)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .Input({2, 2}, {3, 17, -24, -9})
      .Expect({2, 2}, {2, 0, 0, 1});
  Fused({"Add"}, 1)
      .Input(kA)
      .Input(kB)
      .Input({2, 2}, {1, 0, 0, -1})
      .Expect({2, 2}, {20, 22, 43, 49});
}

TEST(FusedMatMulTest, Transposes) {
  const Tensor bias = Tensor::Of<float>({2}, {1, 2});
  Fused({"BiasAdd"}, 1)
      .Attr("transpose_a", true)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .Expect({2, 2}, {27, 32, 39, 46});
  Fused({"BiasAdd"}, 1)
      .Attr("transpose_b", true)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .Expect({2, 2}, {18, 25, 40, 55});
}

// tanh, sigmoid and e^x - 1 of 1, -1: the published values.
TEST(FusedMatMulTest, SmoothActivationsInBothTypes) {
  const struct {
    const char* op;
    double at_1, at_minus_1;
  } cases[] = {{"Tanh", 0.7615941559557649, -0.7615941559557649},
               {"Sigmoid", 0.7310585786300049, 0.2689414213699951},
               {"Elu", 1, -0.6321205588285577}};
  for (const auto& c : cases) {
    for (const DType dtype : {DType::kFloat, DType::kDouble}) {
      Fused({c.op}, 0)
          .Input(FromDoubles(dtype, {1, 1}, {1}))
          .Input(FromDoubles(dtype, {1, 2}, {1, -1}))
          .Expect(FromDoubles(dtype, {1, 2}, {c.at_1, c.at_minus_1}), {1e-6, 0});
    }
  }
}

TEST(FusedMatMulTest, EmptyMatrices) {
  Fused({"BiasAdd", "Relu"}, 1)
      .Input({2, 0}, {})
      .Input({0, 2}, {})
      .Input({2}, {3, -3})
      .Expect({2, 2}, {3, 0, 3, 0});
  Fused({"BiasAdd"}, 1).Input({0, 2}, {}).Input(kB).Input({2}, {3, -3}).Expect({0, 2}, {});
}

TEST(FusedMatMulTest, Errors) {
  const Tensor bias = Tensor::Of<float>({3}, {1, 2, 3});
  Fused({"BiasAdd"}, 1)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .ExpectError(StatusCode::kInvalidArgument, "must be equal, but are 2 and 3");
  Fused({"BiasAdd"}, 1)
      .Input(kA)
      .Input(kB)
      .Input(kA)
      .ExpectError(StatusCode::kInvalidArgument, "must be rank 1 but is rank 2");
  Fused({"Add"}, 1)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .ExpectError(StatusCode::kInvalidArgument, "what is added to it");
  Fused({"Relu", "BiasAdd"}, 1)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .ExpectError(StatusCode::kInvalidArgument, "in this order");
  Fused({"Cos"}, 0)
      .Attr("T", DType::kFloat)
      .Input(kA)
      .Input(kB)
      .ExpectError(StatusCode::kInvalidArgument, "Cos");
  Fused({"BiasAdd", "Add"}, 1)
      .Input(kA)
      .Input(kB)
      .Input(bias)
      .ExpectError(StatusCode::kInvalidArgument, "take 2 args, got 1");
  Fused({}, 0).Input(kA).Input(bias).ExpectError(StatusCode::kInvalidArgument,
                                                 "must be rank 2 but is rank 1");
}

}  // namespace
}  // namespace sluice
