#include "layers/up_sampling.h"

#include <vector>

#include "core/status.h"
#include "layers/reshaping.h"
#include "layers/shape_from.h"
#include "ops/cast.h"
#include "ops/reshape.h"
#include "ops/resize.h"
#include "ops/tile.h"
#include "ops/transpose.h"

namespace sluice::layers {
namespace {

// Every element along `axis` `times` times, one after the other.
Output Repeat(At at, const Output& x, int axis, int64_t times) {
  if (times == 1) return x;
  const int rank = x.shape().rank();
  std::vector<int64_t> multiples(rank + 1, 1);
  multiples[axis + 1] = times;
  const Output tiled = ops::Tile(at, ops::ExpandDims(at, x, axis + 1), multiples);
  if (tiled.empty()) return tiled;
  // The two dimensions become one; where its size is not known, a dynamic shape tells the others.
  std::vector<Dim> dims;
  for (int i = 0; i <= rank; ++i) {
    if (i == axis + 1) continue;
    const int64_t size = x.shape().dim(axis);
    dims.push_back(i != axis ? Dim::Of(i) : Dim(size < 0 ? -1 : size * times));
  }
  return ReshapeFrom(at, tiled, dims);
}

}  // namespace

// --- UpSampling1D ---

void UpSampling1DOptions::Fields(ConfigFields& f) {
  f("size", size);
  f("name", name);
}

UpSampling1DLayer::UpSampling1DLayer(UpSampling1DOptions options, LayerKind kind)
    : LayerOf(kind, "UpSampling1D", std::move(options)) {
  input_spec_ = {{.ndim = 3}};
}

absl::Status UpSampling1DLayer::Build(At, const TensorShape&) {
  return CheckPositive("size", options_.size);
}

Output UpSampling1DLayer::Call(At at, const Output& input, const CallOptions&) {
  return Repeat(at, input, 1, options_.size);
}

Output UpSampling1D(At at, Output inputs, UpSampling1DOptions options) {
  return ApplyOnce<UpSampling1DLayer>(at, inputs, std::move(options));
}

// --- UpSampling2D ---

void UpSampling2DOptions::Fields(ConfigFields& f) {
  f("size", size);
  f("data_format", data_format);
  f.Choice("interpolation", interpolation,
           {{"nearest", Interpolation::kNearest}, {"bilinear", Interpolation::kBilinear}});
  f("name", name);
}

UpSampling2DLayer::UpSampling2DLayer(UpSampling2DOptions options, LayerKind kind)
    : LayerOf(kind, "UpSampling2D", std::move(options)) {
  input_spec_ = {{.ndim = 4}};
}

absl::Status UpSampling2DLayer::Build(At, const TensorShape&) {
  SLUICE_RETURN_IF_ERROR(CheckPositive("size", options_.size.height));
  return CheckPositive("size", options_.size.width);
}

Output UpSampling2DLayer::Call(At at, const Output& given, const CallOptions&) {
  const UpSampling2DOptions& o = options_;
  const bool first = o.data_format == DataFormat::kChannelsFirst;
  const auto transpose = [&](const Output& x, std::vector<int64_t> order) {
    return first ? ops::Transpose(at.Named("transpose"), x, std::move(order)) : x;
  };
  const Output x = transpose(given, {0, 2, 3, 1});
  if (x.empty()) return x;
  const int64_t height = x.shape().dim(1), width = x.shape().dim(2);
  Output size;
  if (height >= 0 && width >= 0) {
    size = DimsConst(at, "size", {height * o.size.height, width * o.size.width});
  } else {
    size = at.Node("Mul", {ShapeFrom(at, x, {Dim::Of(1), Dim::Of(2)}),
                           DimsConst(at, "Const", {o.size.height, o.size.width})});
  }
  const Output y = o.interpolation == Interpolation::kNearest
                       ? ops::ResizeNearestNeighbor(at, x, size)
                       : ops::Cast(at, ops::ResizeBilinear(at, x, size), x.dtype());
  return transpose(y, {0, 3, 1, 2});
}

Output UpSampling2D(At at, Output inputs, UpSampling2DOptions options) {
  return ApplyOnce<UpSampling2DLayer>(at, inputs, std::move(options));
}

// --- UpSampling3D ---

void UpSampling3DOptions::Fields(ConfigFields& f) {
  f("size", size);
  f("data_format", data_format);
  f("name", name);
}

UpSampling3DLayer::UpSampling3DLayer(UpSampling3DOptions options, LayerKind kind)
    : LayerOf(kind, "UpSampling3D", std::move(options)) {
  input_spec_ = {{.ndim = 5}};
}

absl::Status UpSampling3DLayer::Build(At, const TensorShape&) {
  for (const int64_t size : {options_.size.depth, options_.size.height, options_.size.width})
    SLUICE_RETURN_IF_ERROR(CheckPositive("size", size));
  return absl::OkStatus();
}

Output UpSampling3DLayer::Call(At at, const Output& input, const CallOptions&) {
  const int first = options_.data_format == DataFormat::kChannelsFirst ? 2 : 1;
  Output y = Repeat(at, input, first, options_.size.depth);
  if (!y.empty()) y = Repeat(at, y, first + 1, options_.size.height);
  if (!y.empty()) y = Repeat(at, y, first + 2, options_.size.width);
  return y;
}

Output UpSampling3D(At at, Output inputs, UpSampling3DOptions options) {
  return ApplyOnce<UpSampling3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
