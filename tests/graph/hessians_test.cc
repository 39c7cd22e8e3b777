// Second derivatives: rule GR-16, with numbers worked by hand.
#include <vector>

#include "graph/gradients.h"
#include "graph/node.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using absl::StatusCode;

class HessiansTest : public GraphFixture {
 protected:
  Tensor Run(const Output& x) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return {};
    const absl::StatusOr<std::vector<Tensor>> out = session->Run({}, {x});
    EXPECT_THAT(out, IsOk());
    return out.ok() ? (*out)[0] : Tensor();
  }
  // (x0 + 2 x1)^2, whose second derivatives are 2 {1, 2} {1, 2}^T = {2, 4, 4, 8}.
  Output SquareOfSum(const Output& x) {
    const Output weights = ops::Const(root_, Tensor::Of<float>({2}, {1, 2}));
    const Output sum = At(root_).Node("Sum", {x * weights, ops::Const(root_, {-1})});
    return sum * sum;
  }
  const Tensor kPoint = Tensor::Of<float>({2}, {3, 5});
};

TEST_F(HessiansTest, Cubes) {  // GR-16: x^3 has 6 x on the diagonal
  const Output x = ops::Const(root_, kPoint);
  ExpectClose(Run(Hessians(root_, {x * x * x}, {x})[0]), Tensor::Of<float>({2, 2}, {18, 0, 0, 30}));
}

TEST_F(HessiansTest, MixedDerivatives) {  // GR-16
  const Output x = ops::Const(root_, kPoint);
  ExpectClose(Run(Hessians(root_, {SquareOfSum(x)}, {x})[0]),
              Tensor::Of<float>({2, 2}, {2, 4, 4, 8}));
}

TEST_F(HessiansTest, OnePerXOfItsShapeTwice) {  // GR-16
  const Output x = ops::Const(root_, Tensor::Of<float>({1, 2}, {3, 5}));
  const Output s = ops::Const(root_, 4.0f), apart = ops::Const(root_, 1.0f);
  const Outputs h = Hessians(root_, {SquareOfSum(x), s * s}, {x, s, apart});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(h[0]), Tensor::Of<float>({1, 2, 1, 2}, {2, 4, 4, 8}));
  ExpectClose(Run(h[1]), Tensor::Scalar(2.0f));
  EXPECT_TRUE(h[2].empty());
}

TEST_F(HessiansTest, LinearOnesAreZero) {  // GR-16
  const Output x = ops::Const(root_, kPoint);
  ExpectClose(Run(Hessians(root_, {x * 3}, {x})[0]), Tensor::Of<float>({2, 2}, {0, 0, 0, 0}));
}

TEST_F(HessiansTest, OfAVariable) {  // GR-16
  const Variable v = GetVariable(root_, "v", {.shape = {2}, .initializer = OnesInitializer});
  const Output h = Hessians(root_, {SquareOfSum(v.value())}, {v.handle()})[0];
  EXPECT_EQ(h.shape(), (TensorShape{2, 2}));
  EXPECT_EQ(Values({v.initializer()}, h), (std::vector<float>{2, 4, 4, 8}));
}

TEST_F(HessiansTest, AnUnknownShape) {  // GR-16
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1});
  EXPECT_EQ(Hessians(root_, {x * x}, {x}).size(), 1u);
  ExpectError(StatusCode::kInvalidArgument, "the shape of x:0 is [?]");
}

TEST_F(HessiansTest, TooLarge) {  // GR-16
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {kMaxHessianElements + 1});
  Hessians(root_, {x * x}, {x});
  ExpectError(StatusCode::kInvalidArgument, "x:0 has 4097 elements");
}

TEST_F(HessiansTest, VectorProduct) {  // GR-16
  const Output x = ops::Const(root_, kPoint), y = ops::Const(root_, 4.0f);
  const Output v = ops::Const(root_, Tensor::Of<float>({2}, {1, 10}));
  const Outputs hv =
      HessianVectorProduct(root_, {SquareOfSum(x), y * y}, {x, y}, {v, ops::Const(root_, 3.0f)});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(hv[0]), Tensor::Of<float>({2}, {42, 84}));  // 2 + 40, 4 + 80
  ExpectClose(Run(hv[1]), Tensor::Scalar(6.0f));
}

TEST_F(HessiansTest, TheVectorIsAConstant) {  // GR-16: H x, though x varies
  const Output x = ops::Const(root_, kPoint);
  ExpectClose(Run(HessianVectorProduct(root_, {SquareOfSum(x)}, {x}, {x})[0]),
              Tensor::Of<float>({2}, {26, 52}));  // 2*3 + 4*5, 4*3 + 8*5
}

TEST_F(HessiansTest, AsManyVectorsAsXs) {  // GR-16
  const Output x = ops::Const(root_, kPoint);
  EXPECT_EQ(HessianVectorProduct(root_, {x * x}, {x}, {x, x}).size(), 1u);
  ExpectError(StatusCode::kInvalidArgument, "xs and v must have the same length.");
}

}  // namespace
}  // namespace sluice
