#include "layers/regularizers.h"

#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "layers/config.h"
#include "ops/add_n.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/reduction.h"
#include "ops/unary.h"

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

Output SumAll(At at, const Output& x) {
  if (x.empty()) return {};
  return ops::Sum(at, x, ops::AllAxes(at, x).Tensor(at, "Const"));
}

Output L1(At at, const Output& weights, float scale) {
  if (ScaleIsBad(at, "l1_regularizer", scale) || scale == 0 || weights.empty()) return {};
  const At inside = at.Composite("l1_regularizer");
  const Output factor = ScaleConst(inside, weights, scale);
  return inside.AsScope().Node("Mul", {factor, SumAll(inside, inside.Node("Abs", {weights}))});
}

Output L2(At at, const Output& weights, float scale) {
  if (ScaleIsBad(at, "l2_regularizer", scale) || scale == 0 || weights.empty()) return {};
  const At inside = at.Composite("l2_regularizer");
  const Output factor = ScaleConst(inside, weights, scale);
  return inside.AsScope().Node("Mul", {factor, inside.Node("L2Loss", {weights})});
}

// The sum of what is there, called like the scope `name`.
Output SumOf(At at, const char* name, const std::vector<Regularizer>& regularizers,
             const Output& weights) {
  const At inside = at.Composite(name);
  Outputs penalties;
  for (const Regularizer& regularizer : regularizers) {
    const Output penalty = regularizer(inside, weights);
    if (!penalty.empty()) penalties.push_back(penalty);
  }
  if (penalties.empty() || !at.ok()) return {};
  return ops::AddN(inside.AsScope(), penalties);
}

// `factor` times `x`, summed and added to `sum`.
Output AddTerm(At at, const Output& sum, float factor, const Output& x) {
  if (factor == 0) return sum;
  const Output scaled = ops::Mul(at.Named("mul"), ops::ConstOf(at, x.dtype(), factor), x);
  return ops::AddV2(at.Named("add"), sum, SumAll(at, scaled));
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
    return SumOf(at, "l1_l2_regularizer", {L1Regularizer(scale_l1), L2Regularizer(scale_l2)},
                 weights);
  }
};
struct NoArgs {
  void Fields(layers::ConfigFields&) {}
  Output Penalty(At, const Output&) const { return {}; }
};

struct KerasArgs {
  float l1 = 0, l2 = 0;
  void Fields(layers::ConfigFields& f) {
    f("l1", l1);
    f("l2", l2);
  }
  Output Penalty(At at, const Output& weights) const {
    if (weights.empty()) return {};
    const DType dtype = weights.dtype();
    const Output zero = ops::ConstOf(at, dtype, 0);
    const Output sum = l1 == 0 ? zero : AddTerm(at, zero, l1, ops::Abs(at, weights));
    return l2 == 0 ? sum : AddTerm(at, sum, l2, ops::Square(at, weights));
  }
};

// A list of objects is no field that ConfigFields knows.
constexpr char kSum[] = "SumRegularizer", kSummands[] = "regularizers", kScope[] = "scope";

absl::StatusOr<Regularizer> ReadSum(const Config& config) {
  std::vector<Regularizer> summands;
  std::string scope;
  for (const auto& [name, value] : config.fields) {
    if (const auto* list = std::get_if<std::vector<Config>>(&value); list && name == kSummands) {
      for (const Config& one : *list) {
        SLUICE_ASSIGN_OR_RETURN(summands.emplace_back(), layers::RegularizerFromConfig(one));
      }
    } else if (const auto* text = std::get_if<std::string>(&value); text && name == kScope) {
      scope = *text;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("Keyword argument not understood: ", Printable(name)));
    }
  }
  return SumRegularizer(std::move(summands), scope);
}

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
    {kSum, ReadSum},
    {"L1L2", Read<KerasArgs>},
};

}  // namespace

Regularizer L1Regularizer(float scale) { return Make("L1Regularizer", L1Args{{scale}}); }
Regularizer L2Regularizer(float scale) { return Make("L2Regularizer", L2Args{{scale}}); }
Regularizer L1L2Regularizer(float scale_l1, float scale_l2) {
  return Make("L1L2Regularizer", L1L2Args{scale_l1, scale_l2});
}
Regularizer NoRegularizer() { return Make("NoRegularizer", NoArgs{}); }

Regularizer SumRegularizer(std::vector<Regularizer> regularizers, const std::string& scope) {
  std::vector<Regularizer> summands;
  std::vector<Config> configs;
  for (Regularizer& regularizer : regularizers) {
    if (!regularizer) continue;
    if (regularizer.config() != nullptr) configs.push_back(*regularizer.config());
    summands.push_back(std::move(regularizer));
  }
  if (summands.empty()) return {};
  const bool described = configs.size() == summands.size();
  const auto sum = [summands = std::move(summands), scope](At at, const Output& weights) {
    return SumOf(at, scope.empty() ? "sum_regularizer" : scope.c_str(), summands, weights);
  };
  if (!described) return sum;
  return Regularizer(Config{kSum, {{kSummands, std::move(configs)}, {kScope, scope}}}, sum);
}

Output ApplyRegularization(At at, const Regularizer& regularizer, Outputs weights) {
  if (!at.ok()) return {};
  if (weights.empty()) {
    for (const CollectionItem& item : at.graph().GetCollection(keys::kWeights)) {
      if (const auto* variable = std::get_if<Variable>(&item)) weights.push_back(*variable);
      if (const auto* tensor = std::get_if<Output>(&item)) weights.push_back(*tensor);
    }
  }
  const char* const name = "get_regularization_penalty";
  if (weights.empty())
    return at.Fail(name, absl::InvalidArgumentError("No weights to regularize."));
  const At inside = at.Sub(name);
  Outputs penalties;
  for (const Output& w : weights) {
    Output penalty = regularizer ? regularizer(inside, w) : Output();
    if (!at.ok()) return {};
    if (penalty.empty()) penalty = ops::Const(inside, 0.0f);
    if (penalty.shape().rank() != 0) {
      return at.Fail(name, absl::InvalidArgumentError(absl::StrCat(
                               "regularizer must return a scalar Tensor instead of a Tensor with "
                               "rank ",
                               penalty.shape().rank(), ".")));
    }
    penalties.push_back(penalty);
  }
  const Output sum = ops::AddN(inside.AsScope(), penalties);
  if (!sum.empty()) at.graph().AddToCollection(keys::kRegularizationLosses, sum);
  return sum;
}

namespace regularizers {

Regularizer L1(float l) { return L1L2(l, 0); }
Regularizer L2(float l) { return L1L2(0, l); }
Regularizer L1L2(float l1, float l2) { return Make("L1L2", KerasArgs{l1, l2}); }

absl::StatusOr<Regularizer> Get(absl::string_view name) {
  if (name == "l1") return L1();
  if (name == "l2") return L2();
  if (name == "l1_l2") return L1L2();
  return absl::InvalidArgumentError(absl::StrCat("Unknown regularizer: ", Printable(name)));
}

}  // namespace regularizers

namespace layers {

absl::StatusOr<Regularizer> RegularizerFromConfig(const Config& config) {
  for (const RegularizerClass& one : kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown regularizer: ", config.class_name));
}

}  // namespace layers
}  // namespace sluice
