// Gradients against finite differences.
#ifndef SLUICE_TESTS_TESTING_GRADIENT_CHECK_H_
#define SLUICE_TESTS_TESTING_GRADIENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice {

struct GradientCheckOptions {
  // Inputs to differentiate by; empty: every double input. Each must get a gradient.
  std::vector<int> wrt = {};
  // Inputs that must get no gradient at all (an empty Output), although they are double.
  std::vector<int> no_gradient = {};
  // Inputs that become constants of the graph, not placeholders: axes, shapes, paddings. Default:
  // every integer, bool and string input.
  std::vector<int> constants = {};
  bool integers_are_constants = true;
  // |analytic - numeric| <= tolerance * (1 + |numeric|) for every entry of the Jacobian.
  double tolerance = 1e-6;
  double step = 1e-5;  // relative to max(1, |x|); keep inputs farther than that from kinks
  uint64_t seed = 7;   // of the random incoming gradient
  // Also build with unknown first dimension and unknown rank and compare: gradients that depend on
  // dynamic shapes.
  bool unknown_shapes = true;
  bool unknown_rank = true;  // false: only the unknown first dimension
  std::string context = "";  // put before failures
};

// Makes outputs from inputs.
using GraphFunction = std::function<Outputs(At at, const Outputs& inputs)>;

// Builds y = f(x) with placeholders for the double inputs, differentiates, and compares, per pair
// of floating output and input: the full Jacobian from one-hot incoming gradients with central
// differences; then a random incoming gradient with the product of the same Jacobian (a gradient
// function that is not linear in dy fails one of the two). Values are computed by Interpret(), in
// double. The gradient with the random incoming gradient is computed once more by a session, and
// for every unknown-shape variant of the graph. At most a few thousand elements in all, please:
// costs (outputs + 2 * inputs) evaluations.
void CheckGradient(const GraphFunction& f, const std::vector<Tensor>& inputs,
                   const GradientCheckOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_GRADIENT_CHECK_H_
