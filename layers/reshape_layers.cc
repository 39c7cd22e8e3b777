#include "layers/reshape_layers.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/shape_from.h"
#include "ops/reshape.h"
#include "ops/tile.h"
#include "ops/transpose.h"

namespace sluice::layers {

// --- Reshape ---

void ReshapeOptions::Fields(ConfigFields& f) {
  f("target_shape", target_shape);
  f("name", name);
}

ReshapeLayer::ReshapeLayer(ReshapeOptions options, LayerKind kind)
    : LayerOf(kind, "Reshape", std::move(options)) {
  input_spec_ = {{.min_ndim = 1}};
}

namespace {

// Elements of a sample of that shape; -1: not known.
int64_t SampleSize(const TensorShape& shape) {
  TensorShape sample = shape;
  sample.RemoveDim(0);
  return sample.num_elements();
}

// Elements that the entries of `target` other than -1 make.
int64_t KnownSize(const std::vector<int64_t>& target) {
  int64_t size = 1;
  for (const int64_t d : target) size *= d == -1 ? 1 : d;
  return size;
}

}  // namespace

absl::Status ReshapeLayer::Build(At, const TensorShape& input) {
  const std::vector<int64_t>& target = options_.target_shape;
  if (std::count(target.begin(), target.end(), -1) > 1)
    return absl::InvalidArgumentError("Can only specify one unknown dimension.");
  if (std::any_of(target.begin(), target.end(), [](int64_t d) { return d < -1; })) {
    return absl::InvalidArgumentError(absl::StrCat("target_shape must be sizes >= 0, or -1, got (",
                                                   absl::StrJoin(target, ", "), ")"));
  }
  const int64_t have = SampleSize(input), known = KnownSize(target);
  const bool open = std::count(target.begin(), target.end(), -1) == 1;
  const bool fits = have < 0 || (open ? known > 0 && have % known == 0 : have == known);
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("total size of new array must be unchanged: input ", input.ToString(),
                   ", target_shape (", absl::StrJoin(target, ", "), ")"));
}

Output ReshapeLayer::Call(At at, const Output& input, const CallOptions&) {
  const int64_t have = SampleSize(input.shape()), known = KnownSize(options_.target_shape);
  std::vector<Dim> dims = {Dim::Of(0)};
  for (const int64_t d : options_.target_shape)
    dims.push_back(d == -1 && have >= 0 && known > 0 ? have / known : d);
  return ReshapeFrom(at, input, dims);
}

Output Reshape(At at, Output inputs, ReshapeOptions options) {
  return ApplyOnce<ReshapeLayer>(at, inputs, std::move(options));
}

// --- Permute ---

void PermuteOptions::Fields(ConfigFields& f) {
  f("dims", dims);
  f("name", name);
}

PermuteLayer::PermuteLayer(PermuteOptions options, LayerKind kind)
    : LayerOf(kind, "Permute", std::move(options)) {
  input_spec_ = {{.ndim = static_cast<int>(options_.dims.size()) + 1}};
}

absl::Status PermuteLayer::Build(At, const TensorShape&) {
  std::vector<int64_t> sorted = options_.dims;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] == static_cast<int64_t>(i) + 1) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "Invalid permutation `dims` for Permute Layer: (", absl::StrJoin(options_.dims, ", "),
        "). The set of indices in `dims` must be consecutive and start from 1."));
  }
  return absl::OkStatus();
}

Output PermuteLayer::Call(At at, const Output& input, const CallOptions&) {
  std::vector<int64_t> order = {0};
  order.insert(order.end(), options_.dims.begin(), options_.dims.end());
  return ops::Transpose(at.Named("transpose"), input, order);
}

Output Permute(At at, Output inputs, PermuteOptions options) {
  return ApplyOnce<PermuteLayer>(at, inputs, std::move(options));
}

// --- RepeatVector ---

void RepeatVectorOptions::Fields(ConfigFields& f) {
  f("n", n);
  f("name", name);
}

RepeatVectorLayer::RepeatVectorLayer(RepeatVectorOptions options, LayerKind kind)
    : LayerOf(kind, "RepeatVector", std::move(options)) {
  input_spec_ = {{.ndim = 2}};
}

absl::Status RepeatVectorLayer::Build(At, const TensorShape&) {
  return CheckPositive("n", options_.n);
}

Output RepeatVectorLayer::Call(At at, const Output& input, const CallOptions&) {
  return ops::Tile(at, ops::ExpandDims(at, input, 1), {1, options_.n, 1});
}

Output RepeatVector(At at, Output inputs, RepeatVectorOptions options) {
  return ApplyOnce<RepeatVectorLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
