// The functions of binary_math.h that special_math.h computes.
#include "ops/kernels/binary_loops.h"
#include "ops/kernels/special_math.h"

namespace sluice::kernels {
namespace {

template <double (*kFunction)(double, double)>
struct Special {
  static constexpr double kCost = 100;
  static constexpr bool kVectorized = false;
  template <Real T>
  static T Apply(T x, T y) {
    return static_cast<T>(kFunction(x, y));
  }
};

template <double (*kFunction)(double, double)>
BinaryKernel PickReal(DType dtype) {
  return Pick<Special<kFunction>, float, double>(dtype);
}

}  // namespace

BinaryKernel FindSpecial(BinaryFunction function, DType dtype) {
  switch (function) {
    case BinaryFunction::kIgamma:
      return PickReal<Igamma>(dtype);
    case BinaryFunction::kIgammac:
      return PickReal<Igammac>(dtype);
    case BinaryFunction::kIgammaGradA:
      return PickReal<IgammaGradA>(dtype);
    case BinaryFunction::kZeta:
      return PickReal<Zeta>(dtype);
    case BinaryFunction::kPolygamma:
      return PickReal<Polygamma>(dtype);
    default:
      return {};
  }
}

}  // namespace sluice::kernels
