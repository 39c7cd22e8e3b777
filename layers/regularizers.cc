#include "layers/regularizers.h"

#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"

namespace sluice {
namespace {

bool ScaleIsBad(At at, const char* name, float scale) {
  if (scale >= 0) return false;
  at.Fail(name, absl::InvalidArgumentError(
                    absl::StrCat("Setting a scale less than 0 on a regularizer: ", scale)));
  return true;
}

Output ScaleConst(At inside, const Output& weights, float scale) {
  const DType dtype = weights.dtype();
  return inside.Named("scale").Node("Const", {},
                                    {{"value", NumberTensor(dtype, scale)}, {"dtype", dtype}});
}

Output L1(At at, const Output& weights, float scale) {
  if (ScaleIsBad(at, "l1_regularizer", scale) || scale == 0 || weights.empty()) return {};
  const At inside = at.Composite("l1_regularizer");
  const Output factor = ScaleConst(inside, weights, scale);
  const Output magnitude = inside.Node("Abs", {weights});
  const int rank = weights.shape().rank();
  std::vector<int32_t> axes;
  for (int i = 0; i < rank; ++i) axes.push_back(i);
  const Output all = inside.Named("Const").Node(
      "Const", {}, {{"value", Tensor::Of<int32_t>({rank}, axes)}, {"dtype", DType::kInt32}});
  return inside.AsScope().Node("Mul", {factor, inside.Node("Sum", {magnitude, all})});
}

Output L2(At at, const Output& weights, float scale) {
  if (ScaleIsBad(at, "l2_regularizer", scale) || scale == 0 || weights.empty()) return {};
  const At inside = at.Composite("l2_regularizer");
  const Output factor = ScaleConst(inside, weights, scale);
  return inside.AsScope().Node("Mul", {factor, inside.Node("L2Loss", {weights})});
}

}  // namespace

Regularizer L1Regularizer(float scale) {
  return [scale](At at, Output weights) { return L1(at, weights, scale); };
}

Regularizer L2Regularizer(float scale) {
  return [scale](At at, Output weights) { return L2(at, weights, scale); };
}

Regularizer L1L2Regularizer(float scale_l1, float scale_l2) {
  return [=](At at, Output weights) {
    const At inside = at.Composite("l1_l2_regularizer");
    const Output l1 = L1(inside, weights, scale_l1);
    const Output l2 = L2(inside, weights, scale_l2);
    if (l1.empty() || l2.empty()) return l1.empty() ? l2 : l1;
    return inside.AsScope().Node("AddN", {l1, l2});
  };
}

Regularizer NoRegularizer() {
  return [](At, Output) { return Output(); };
}

}  // namespace sluice
