// Batch renormalization (Ioffe 2017) within BatchNormalization: the corrections r and d, and the
// averages that they are taken against.
#include "graph/node.h"
#include "layers/batch_norm.h"
#include "ops/const.h"

namespace sluice::layers {
namespace {

Output Number(At at, const char* name, const Output& like, double value) {
  return ops::ConstOf(at.Named(name), like.dtype(), value);
}

// average + (1 - weight) * value: the average as if it had begun with this value.
Output Mixed(At at, const Variable& average, const Variable& weight, const Output& value) {
  const Output rest = at.Node("Sub", {Number(at, "one", value, 1), weight});
  return at.Node("AddV2", {average, at.Node("Mul", {rest, value})});
}

Output Clipped(At at, Output x, std::optional<double> low, std::optional<double> high) {
  if (low.has_value()) x = at.Node("Maximum", {x, Number(at, "low", x, *low)});
  if (high.has_value()) x = at.Node("Minimum", {x, Number(at, "high", x, *high)});
  return x;
}

}  // namespace

// In a run that does not train `moments` are the moving ones, r = 1, d = 0, and nothing changes.
BatchNormalizationLayer::Renormed BatchNormalizationLayer::Renorm(At place, const Moments& moments,
                                                                  const Training& training) const {
  const At at = place.Sub("renorm");
  const RenormClipping& clip = options_.renorm_clipping;
  const Output epsilon = Number(at, "epsilon", moments.variance, options_.epsilon);
  const Output stddev = at.Node("Sqrt", {at.Node("AddV2", {moments.variance, epsilon})});
  const Output mixed_mean = Mixed(at, renorm_mean_, renorm_mean_weight_, moments.mean);
  const Output mixed_stddev = Mixed(at, renorm_stddev_, renorm_stddev_weight_, stddev);
  Output r = at.Node("RealDiv", {stddev, mixed_stddev});
  Output d = at.Node("RealDiv", {at.Node("Sub", {moments.mean, mixed_mean}), mixed_stddev});
  std::optional<double> dmin;
  if (clip.dmax.has_value()) dmin = -*clip.dmax;
  r = Clipped(at, r, clip.rmin, clip.rmax);
  d = Clipped(at, d, dmin, clip.dmax);
  const bool always = training.Known() == true;
  if (!always) {
    r = at.Node("Select", {training.tensor(), r, at.Node("OnesLike", {r})});
    d = at.Node("Select", {training.tensor(), d, at.Node("ZerosLike", {d})});
  }
  Renormed all;
  all.correction = {place.Named("renorm_r").Node("StopGradient", {r}),
                    place.Named("renorm_d").Node("StopGradient", {d})};
  const Output mean =
      Follow(at, renorm_mean_, renorm_mean_weight_, moments.mean, training, &all.updates);
  const Output spread =
      Follow(at, renorm_stddev_, renorm_stddev_weight_, stddev, training, &all.updates);
  // So that sqrt(variance + epsilon) is the averaged deviation.
  const Output variance = at.Node("Sub", {at.Node("Square", {spread}), epsilon});
  all.moments = always ? Moments{mean, variance} : Chosen(at, {mean, variance}, training);
  return all;
}

// Moves `average` towards `value` and `weight` towards 1; their quotient after it. In a run that
// does not train neither moves. The reads are those of r and d: before the update.
Output BatchNormalizationLayer::Follow(At at, const Variable& average, const Variable& weight,
                                       const Output& value, const Training& training,
                                       Outputs* updates) const {
  const auto moved = [&](const Variable& v, const Output& to) {
    const Output rate = Number(at, "decay", to, 1 - options_.renorm_momentum);
    Output delta = at.Node("Mul", {at.Node("Sub", {v, to}), rate});
    if (training.Known() != true)
      delta = at.Node("Select", {training.tensor(), delta, at.Node("ZerosLike", {delta})});
    const Output update = v.AssignSub(at, delta);
    if (!update.empty()) updates->push_back(update.node()->operation());
    return at.Node("Sub", {v, delta});
  };
  const Output still = at.Node("StopGradient", {value});
  const Output now = moved(average, still);
  return at.Node("RealDiv", {now, moved(weight, Number(at, "one", value, 1))});
}

}  // namespace sluice::layers
