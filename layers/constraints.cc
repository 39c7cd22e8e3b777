#include "layers/constraints.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "core/status.h"
#include "graph/at.h"
#include "layers/config.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/clip_by_value.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/reduction.h"
#include "ops/unary.h"

namespace sluice::constraints {
namespace {

template <typename Args>
Constraint Make(const char* class_name, Args args) {
  return Constraint(layers::ConfigOf(class_name, args),
                    [args](At at, const Output& value) { return args.Constrain(at, value); });
}
template <typename Args>
absl::StatusOr<Constraint> Read(const Config& config) {
  Args args;
  SLUICE_RETURN_IF_ERROR(layers::ReadConfig(config, &args));
  return Make(config.class_name.c_str(), args);
}

constexpr double kEpsilon = 1e-7;  // Keras's: against division by 0

Output Norm(At at, const Output& w, const std::vector<int64_t>& axes) {
  return ops::Sqrt(at, ops::Sum(at, ops::Square(at, w), axes, {.keep_dims = true}));
}
// w * wanted / (epsilon + norm).
Output WithNorm(At at, const Output& w, const Output& norm, const Output& wanted) {
  if (norm.empty() || wanted.empty()) return {};
  const Output divisor = ops::AddV2(at.Named("add"), ops::ConstOf(at, w.dtype(), kEpsilon), norm);
  return ops::Mul(at.Named("mul"), w, ops::RealDiv(at.Named("truediv"), wanted, divisor));
}
// tf.keras.backend.clip.
Output Clip(At at, const Output& x, double low, double high) {
  if (x.empty()) return {};
  return ops::ClipByValue(at, x, ops::ConstOf(at, x.dtype(), low),
                          ops::ConstOf(at, x.dtype(), high));
}

struct MaxNormArgs {
  double max_value = 2;
  std::vector<int64_t> axis = {0};
  void Fields(layers::ConfigFields& f) {
    f("max_value", max_value);
    f("axis", axis);
  }
  Output Constrain(At at, const Output& w) const {
    const Output norm = Norm(at, w, axis);
    return WithNorm(at, w, norm, Clip(at, norm, 0, max_value));
  }
};

struct UnitNormArgs {
  std::vector<int64_t> axis = {0};
  void Fields(layers::ConfigFields& f) { f("axis", axis); }
  Output Constrain(At at, const Output& w) const {
    const Output norm = Norm(at, w, axis);
    if (norm.empty()) return {};
    const Output divisor = ops::AddV2(at.Named("add"), ops::ConstOf(at, w.dtype(), kEpsilon), norm);
    return ops::RealDiv(at.Named("truediv"), w, divisor);
  }
};

struct NonNegArgs {
  void Fields(layers::ConfigFields&) {}
  Output Constrain(At at, const Output& w) const {
    const Output kept = ops::GreaterEqual(at, w, ops::ConstOf(at, w.dtype(), 0));
    return ops::Mul(at.Named("mul"), w, ops::Cast(at, kept, w.dtype()));
  }
};

struct MinMaxNormArgs {
  double min_value = 0, max_value = 1, rate = 1;
  std::vector<int64_t> axis = {0};
  void Fields(layers::ConfigFields& f) {
    f("min_value", min_value);
    f("max_value", max_value);
    f("rate", rate);
    f("axis", axis);
  }
  Output Constrain(At at, const Output& w) const {
    const Output norm = Norm(at, w, axis);
    const Output clipped = Clip(at, norm, min_value, max_value);
    if (clipped.empty()) return {};
    const auto times = [&](double factor, const Output& x) {
      return ops::Mul(at.Named("mul"), ops::ConstOf(at, w.dtype(), factor), x);
    };
    const Output wanted = ops::AddV2(at.Named("add"), times(rate, clipped), times(1 - rate, norm));
    return WithNorm(at, w, norm, wanted);
  }
};

// What ConstraintFromConfig knows.
struct ConstraintClass {
  const char* name;
  absl::StatusOr<Constraint> (*read)(const Config&);
};
constexpr ConstraintClass kClasses[] = {
    {"MaxNorm", Read<MaxNormArgs>},
    {"UnitNorm", Read<UnitNormArgs>},
    {"NonNeg", Read<NonNegArgs>},
    {"MinMaxNorm", Read<MinMaxNormArgs>},
};
// `name` in lower case, without underscores.
std::string Plain(absl::string_view name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", ""}});
}

}  // namespace

Constraint MaxNorm(double max_value, Axes axis) {
  return Make("MaxNorm", MaxNormArgs{max_value, axis.values()});
}
Constraint UnitNorm(Axes axis) { return Make("UnitNorm", UnitNormArgs{axis.values()}); }
Constraint NonNeg() { return Make("NonNeg", NonNegArgs{}); }
Constraint MinMaxNorm(double min_value, double max_value, double rate, Axes axis) {
  return Make("MinMaxNorm", MinMaxNormArgs{min_value, max_value, rate, axis.values()});
}

absl::StatusOr<Constraint> Get(absl::string_view name) {
  for (const ConstraintClass& one : kClasses) {
    if (Plain(one.name) == Plain(name)) return one.read(Config{one.name});
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown constraint: ", Printable(name)));
}

}  // namespace sluice::constraints

namespace sluice::layers {

absl::StatusOr<Constraint> ConstraintFromConfig(const Config& config) {
  for (const constraints::ConstraintClass& one : constraints::kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown constraint: ", config.class_name));
}

}  // namespace sluice::layers
