// What weights must obey. A Constraint is a function (At, value) -> value, applied after each
// update of the optimizer to the variable that it is given for (tf.keras.constraints, rule RG-3). A
// variable that gets gradients of rows only (IndexedSlices) cannot have one.
//
// The norm is the root of the sum of squares along `axis`: one number or several, negative ones
// from the end. 0, the default, is right for kernels of dense layers [in, units]: one norm per
// unit; {0, 1, 2} is for those of 2-D convolutions [height, width, in, filters]. An axis outside
// the rank is InvalidArgument on the graph. All have configs (core/config.h), from which
// layers::ConstraintFromConfig makes equal ones. Floating dtypes.
#ifndef SLUICE_LAYERS_CONSTRAINTS_H_
#define SLUICE_LAYERS_CONSTRAINTS_H_

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/scope.h"

namespace sluice::constraints {

class Axes {
 public:
  Axes(int axis) : values_{axis} {}                              // NOLINT: implicit
  Axes(std::initializer_list<int64_t> axes) : values_(axes) {}   // NOLINT: implicit
  Axes(std::vector<int64_t> axes) : values_(std::move(axes)) {}  // NOLINT: implicit
  const std::vector<int64_t>& values() const { return values_; }

 private:
  std::vector<int64_t> values_;
};

// Weights whose norm exceeds max_value are made that long: w clip(|w|, 0, max_value) / (1e-7 +
// |w|).
Constraint MaxNorm(double max_value = 2, Axes axis = 0);
// Norms become 1: w / (1e-7 + |w|).
Constraint UnitNorm(Axes axis = 0);
// Negative elements become 0: w * (w >= 0).
Constraint NonNeg();
// Norms are brought towards the range, all the way at rate 1: w d / (1e-7 + |w|) with
// d = rate clip(|w|, min_value, max_value) + (1 - rate) |w|.
Constraint MinMaxNorm(double min_value = 0, double max_value = 1, double rate = 1, Axes axis = 0);

// tf.keras.constraints.get: "max_norm" or "MaxNorm", "unit_norm", "non_neg", "min_max_norm", with
// their defaults. InvalidArgument "Unknown constraint: x".
absl::StatusOr<Constraint> Get(absl::string_view name);

}  // namespace sluice::constraints

#endif  // SLUICE_LAYERS_CONSTRAINTS_H_
