#include "ops/complex.h"

#include <complex>

#include "gtest/gtest.h"
#include "ops/binary.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using C64 = std::complex<float>;
using C128 = std::complex<double>;

TEST(ComplexTest, Parts) {
  const Tensor z = Tensor::Of<C64>({2}, {{3, 4}, {0, -1}});
  OpTest("Real").Input(z).Expect({2}, {3, 0});
  OpTest("Imag").Input(z).Expect({2}, {4, -1});
  OpTest("ComplexAbs").Input(z).Expect({2}, {5, 1});
  OpTest("Angle").Input(z).Expect({2}, {0.92729522f, -1.57079633f});
  OpTest("Conj").Input(z).Expect<C64>({2}, {{3, -4}, {0, 1}});
  OpTest("Real").Attr("Tout", DType::kDouble).Input<C128>({1}, {{2, 1}}).Expect<double>({1}, {2});
  OpTest("Conj").Input<C128>({0}, {}).Expect<C128>({0}, {});
}

TEST(ComplexTest, FromParts) {
  OpTest("Complex").Input({2}, {1, 2}).Input({2}, {3, 4}).Expect<C64>({2}, {{1, 3}, {2, 4}});
  OpTest("Complex").Input({2}, {1, 2}).Input({}, {5}).Expect<C64>({2}, {{1, 5}, {2, 5}});
  OpTest("Complex")
      .Attr("Tout", DType::kComplex128)
      .Input<double>({1}, {1})
      .Input<double>({1}, {2})
      .Expect<C128>({1}, {{1, 2}});
}

TEST(ComplexTest, PartsMustHaveTheWholesPrecision) {
  OpTest("Complex")
      .Attr("Tout", DType::kComplex128)
      .Input({1}, {1})
      .Input({1}, {2})
      .ExpectError(absl::StatusCode::kInvalidArgument, "complex128 does not go with float32");
  OpTest("Real")
      .Attr("Tout", DType::kDouble)
      .Input<C64>({1}, {{1, 2}})
      .ExpectError(absl::StatusCode::kInvalidArgument, "complex64 does not go with float64");
}

// Real functions of two real tensors by way of complex numbers: |a + bi|, Re((a + bi)^2), Im(conj(a
// + bi)).
TEST(ComplexTest, GradientsThroughParts) {
  const std::vector<Tensor> inputs = {RandomTensor(DType::kDouble, {2, 2}, 1, 0.5, 2),
                                      RandomTensor(DType::kDouble, {2, 2}, 2, 0.5, 2)};
  auto check = [&](const char* what, Output (*f)(At, Output)) {
    CheckGradient(
        [f](At at, const Outputs& in) -> Outputs {
          return {f(at, ops::Complex(at, in[0], in[1]))};
        },
        inputs, {.context = what});
  };
  check("ComplexAbs", [](At at, Output z) { return ops::ComplexAbs(at, z); });
  check("Real of square", [](At at, Output z) { return ops::Real(at, ops::Mul(at, z, z)); });
  check("Imag of conj", [](At at, Output z) { return ops::Imag(at, ops::Conj(at, z)); });
  check("Imag of quotient",
        [](At at, Output z) { return ops::Imag(at, ops::RealDiv(at, ops::Conj(at, z), z)); });
}

}  // namespace
}  // namespace sluice
