#include "layers/regularizers.h"

#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "layers/config.h"

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

Output L1L2(At at, const Output& weights, float scale_l1, float scale_l2) {
  const At inside = at.Composite("l1_l2_regularizer");
  const Output l1 = L1(inside, weights, scale_l1);
  const Output l2 = L2(inside, weights, scale_l2);
  if (l1.empty() || l2.empty()) return l1.empty() ? l2 : l1;
  return inside.AsScope().Node("AddN", {l1, l2});
}

// --- with their configs ---

template <typename Args>
Regularizer Make(const char* class_name, Args args) {
  return Regularizer(layers::ConfigOf(class_name, args),
                     [args](At at, const Output& weights) { return args.Penalty(at, weights); });
}
template <typename Args>
absl::StatusOr<Regularizer> Read(const Config& config) {
  Args args;
  SLUICE_RETURN_IF_ERROR(layers::ReadConfig(config, &args));
  return Make(config.class_name.c_str(), args);
}

struct ScaleArgs {
  float scale = 0;
  void Fields(layers::ConfigFields& f) { f("scale", scale); }
};
struct L1Args : ScaleArgs {
  Output Penalty(At at, const Output& weights) const { return L1(at, weights, scale); }
};
struct L2Args : ScaleArgs {
  Output Penalty(At at, const Output& weights) const { return L2(at, weights, scale); }
};
struct L1L2Args {
  float scale_l1 = 0, scale_l2 = 0;
  void Fields(layers::ConfigFields& f) {
    f("scale_l1", scale_l1);
    f("scale_l2", scale_l2);
  }
  Output Penalty(At at, const Output& weights) const {
    return L1L2(at, weights, scale_l1, scale_l2);
  }
};
struct NoArgs {
  void Fields(layers::ConfigFields&) {}
  Output Penalty(At, const Output&) const { return {}; }
};

// What RegularizerFromConfig knows.
struct RegularizerClass {
  const char* name;
  absl::StatusOr<Regularizer> (*read)(const Config&);
};
constexpr RegularizerClass kClasses[] = {
    {"L1Regularizer", Read<L1Args>},
    {"L2Regularizer", Read<L2Args>},
    {"L1L2Regularizer", Read<L1L2Args>},
    {"NoRegularizer", Read<NoArgs>},
};

}  // namespace

Regularizer L1Regularizer(float scale) { return Make("L1Regularizer", L1Args{{scale}}); }
Regularizer L2Regularizer(float scale) { return Make("L2Regularizer", L2Args{{scale}}); }
Regularizer L1L2Regularizer(float scale_l1, float scale_l2) {
  return Make("L1L2Regularizer", L1L2Args{scale_l1, scale_l2});
}
Regularizer NoRegularizer() { return Make("NoRegularizer", NoArgs{}); }

namespace layers {

absl::StatusOr<Regularizer> RegularizerFromConfig(const Config& config) {
  for (const RegularizerClass& one : kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown regularizer: ", config.class_name));
}

}  // namespace layers
}  // namespace sluice
