#include "layers/constraints.h"

#include "core/status.h"
#include "graph/at.h"
#include "layers/config.h"

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

struct NonNegArgs {
  void Fields(layers::ConfigFields&) {}
  Output Constrain(At at, const Output& w) const { return at.Node("Relu", {w}); }
};

// What ConstraintFromConfig knows.
struct ConstraintClass {
  const char* name;
  absl::StatusOr<Constraint> (*read)(const Config&);
};
constexpr ConstraintClass kClasses[] = {
    {"NonNeg", Read<NonNegArgs>},
};

}  // namespace

Constraint NonNeg() { return Make("NonNeg", NonNegArgs{}); }

}  // namespace sluice::constraints

namespace sluice::layers {

absl::StatusOr<Constraint> ConstraintFromConfig(const Config& config) {
  for (const constraints::ConstraintClass& one : constraints::kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown constraint: ", config.class_name));
}

}  // namespace sluice::layers
