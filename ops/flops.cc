#include "ops/flops.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::ops {
namespace {

using Shapes = absl::Span<const TensorShape>;

const TensorShape& At(Shapes inputs, Shapes outputs, int tensor) {
  static const auto& kNone = *new TensorShape(TensorShape::Unknown());
  const Shapes& shapes = tensor < 0 ? outputs : inputs;
  const auto i = static_cast<size_t>(tensor < 0 ? -1 - tensor : tensor);
  return i < shapes.size() ? shapes[i] : kNone;
}

// Dimension i, counted from the end; 0 when there is none, or it is not known.
double DimFromEnd(const TensorShape& shape, int i) {
  return shape.rank() >= i && shape.dim(-i) > 0 ? static_cast<double>(shape.dim(-i)) : 0;
}

}  // namespace

double ElementsOf(const TensorShape& shape) {
  const int64_t count = shape.num_elements();
  return count < 0 ? 0 : static_cast<double>(count);
}

FlopsFn FlopsPerElement(double each, int tensor) {
  return [=](const AttrMap&, Shapes inputs, Shapes outputs) {
    return each * ElementsOf(At(inputs, outputs, tensor));
  };
}

FlopsFn ReductionFlops(double divisions) {
  return [=](const AttrMap&, Shapes inputs, Shapes outputs) {
    const double results = ElementsOf(At(inputs, outputs, kOutput));
    return ElementsOf(At(inputs, outputs, 0)) - results + divisions * results;
  };
}

double SumOfAllFlops(const AttrMap&, Shapes inputs, Shapes outputs) {
  return static_cast<double>(inputs.size() - 1) * ElementsOf(At(inputs, outputs, kOutput));
}

FlopsFn ConvolutionFlops(int filter, int y) {
  return [=](const AttrMap&, Shapes inputs, Shapes outputs) {
    const TensorShape& weights = At(inputs, outputs, filter);
    const double channels = DimFromEnd(weights, 1);
    if (channels == 0) return 0.0;
    return 2 * ElementsOf(At(inputs, outputs, y)) * ElementsOf(weights) / channels;
  };
}

FlopsFn DepthwiseFlops(int filter, int y) {
  return [=](const AttrMap&, Shapes inputs, Shapes outputs) {
    const TensorShape& weights = At(inputs, outputs, filter);
    return 2 * ElementsOf(At(inputs, outputs, y)) * DimFromEnd(weights, 4) * DimFromEnd(weights, 3);
  };
}

FlopsFn ProductFlops(const char* transpose) {
  return [name = std::string(transpose)](const AttrMap& attrs, Shapes inputs, Shapes outputs) {
    const AttrValue* value = FindAttr(attrs, name);
    const bool* transposed = value == nullptr ? nullptr : value->get_if<bool>();
    const int inner = transposed != nullptr && *transposed ? 2 : 1;
    return 2 * ElementsOf(At(inputs, outputs, kOutput)) * DimFromEnd(At(inputs, outputs, 0), inner);
  };
}

FlopsFn PoolingFlops(int y, double each, double more) {
  return [=](const AttrMap& attrs, Shapes inputs, Shapes outputs) {
    const AttrValue* value = FindAttr(attrs, "ksize");
    const auto* window = value == nullptr ? nullptr : value->get_if<std::vector<int64_t>>();
    if (window == nullptr) return 0.0;
    double area = 1;
    for (const int64_t size : *window) area *= static_cast<double>(size);
    return (each * area + more) * ElementsOf(At(inputs, outputs, y));
  };
}

FlopsFn RecurrentFlops(int rows, std::initializer_list<int> weights, double products, int state,
                       double each) {
  return [=, weights = std::vector<int>(weights)](const AttrMap&, Shapes inputs, Shapes outputs) {
    const TensorShape& x = At(inputs, outputs, rows);
    const double length = DimFromEnd(x, 1), steps = length == 0 ? 0 : ElementsOf(x) / length;
    double flops = each * ElementsOf(At(inputs, outputs, state));
    for (const int w : weights) {
      flops += 2 * products * steps * ElementsOf(At(inputs, outputs, w));
    }
    return flops;
  };
}

}  // namespace sluice::ops
