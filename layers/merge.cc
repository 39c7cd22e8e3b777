#include "layers/merge.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/reshaping.h"

namespace sluice::layers {
namespace {

std::string ShapesOf(const std::vector<TensorShape>& shapes) {
  return absl::StrJoin(shapes, ", ", [](std::string* out, const TensorShape& s) {
    absl::StrAppend(out, s.ToString());
  });
}

absl::Status CheckCount(const char* layer, const std::vector<TensorShape>& inputs) {
  if (inputs.size() >= 2) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("A `", layer, "` layer should be called on a list of at least 2 inputs. Got ",
                   inputs.size(), " inputs."));
}

absl::Status CheckTwo(const char* layer, const std::vector<TensorShape>& inputs) {
  if (inputs.size() == 2) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("A `", layer,
                                                 "` layer should be called on exactly 2 inputs. "
                                                 "Got ",
                                                 inputs.size(), " inputs."));
}

absl::Status CheckBatches(const std::vector<TensorShape>& inputs) {
  std::set<int64_t> batches;
  for (const TensorShape& s : inputs) {
    if (s.rank_known() && s.rank() > 0 && s.dim(0) >= 0) batches.insert(s.dim(0));
  }
  if (batches.size() <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Can not merge tensors with different batch sizes. Got tensors with shapes : ",
                   ShapesOf(inputs)));
}

// Dimensions behind the batch, from the last one: equal, 1, or unknown.
absl::Status CheckBroadcast(const std::vector<TensorShape>& inputs) {
  std::vector<int64_t> joined;  // from the last dimension on; 1 and unknown say nothing
  for (const TensorShape& s : inputs) {
    if (!s.rank_known()) return absl::OkStatus();
    for (int i = 1; i < s.rank(); ++i) {
      const size_t from_end = static_cast<size_t>(s.rank() - 1 - i);
      if (joined.size() <= from_end) joined.resize(from_end + 1, 1);
      const int64_t n = s.dim(i);
      if (n < 0 || n == 1) continue;
      if (joined[from_end] != 1 && joined[from_end] != n) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Operands could not be broadcast together with shapes ", ShapesOf(inputs)));
      }
      joined[from_end] = n;
    }
  }
  return absl::OkStatus();
}

// With dimensions of 1 behind the batch, up to `rank`.
Output Widened(At at, Output x, int rank) {
  for (int missing = rank - x.shape().rank(); missing > 0; --missing) {
    const At inside = at.Composite("ExpandDims");
    const Output axis = inside.Named("dim").Node(
        "Const", {}, {{"value", Tensor::Scalar<int32_t>(1)}, {"dtype", DType::kInt32}});
    x = inside.AsScope().Node("ExpandDims", {x, axis});
  }
  return x;
}

Output AddTwo(At at, const Output& x, const Output& y) {
  return at.Named("add").Node("AddV2", {x, y});
}
Output SubtractTwo(At at, const Output& x, const Output& y) {
  return at.Named("sub").Node("Sub", {x, y});
}
Output MultiplyTwo(At at, const Output& x, const Output& y) {
  return at.Named("mul").Node("Mul", {x, y});
}
Output MaximumOfTwo(At at, const Output& x, const Output& y) { return at.Node("Maximum", {x, y}); }
Output MinimumOfTwo(At at, const Output& x, const Output& y) { return at.Node("Minimum", {x, y}); }

// x / max(|x|, 1e-6) along `axis` (tf.nn.l2_normalize, its epsilon 1e-12 below the root).
Output Normalized(At at, const Output& x, int axis) {
  const At inside = at.Composite("l2_normalize");
  const Output sum =
      inside.Node("Sum", {inside.Node("Square", {x}), DimsConst(inside, "axis", {axis})},
                  {{"keep_dims", true}});
  const Output least =
      inside.Named("Maximum_y")
          .Node("Const", {}, {{"value", NumberTensor(x.dtype(), 1e-12)}, {"dtype", x.dtype()}});
  const Output factor = inside.Node("Rsqrt", {inside.Node("Maximum", {sum, least})});
  return inside.AsScope().Node("Mul", {x, factor});
}

}  // namespace

void MergeOptions::Fields(ConfigFields& f) { f("name", name); }
void ConcatenateOptions::Fields(ConfigFields& f) {
  f("axis", axis);
  f("name", name);
}
void DotOptions::Fields(ConfigFields& f) {
  f("axes", axes);
  f("normalize", normalize);
  f("name", name);
}

ElementwiseMerge::ElementwiseMerge(const char* class_name, Join join, MergeOptions options,
                                   LayerKind kind)
    : LayerOf(kind, class_name, std::move(options)), join_(join) {}

absl::Status ElementwiseMerge::Build(At, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(CheckCount("merge", inputs));
  SLUICE_RETURN_IF_ERROR(CheckBatches(inputs));
  return CheckBroadcast(inputs);
}

Outputs ElementwiseMerge::Call(At at, const Outputs& inputs, const CallOptions&) {
  int rank = 0;
  bool known = true;
  for (const Output& x : inputs) {
    known = known && x.shape().rank_known();
    rank = std::max(rank, x.shape().rank());
  }
  const auto widened = [&](const Output& x) { return known ? Widened(at, x, rank) : x; };
  Output joined = widened(inputs[0]);
  for (size_t i = 1; i < inputs.size(); ++i) joined = join_(at, joined, widened(inputs[i]));
  return {joined};
}

AddLayer::AddLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Add", AddTwo, std::move(options), kind) {}
SubtractLayer::SubtractLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Subtract", SubtractTwo, std::move(options), kind) {}
MultiplyLayer::MultiplyLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Multiply", MultiplyTwo, std::move(options), kind) {}
AverageLayer::AverageLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Average", AddTwo, std::move(options), kind) {}
MaximumLayer::MaximumLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Maximum", MaximumOfTwo, std::move(options), kind) {}
MinimumLayer::MinimumLayer(MergeOptions options, LayerKind kind)
    : ElementwiseMerge("Minimum", MinimumOfTwo, std::move(options), kind) {}

absl::Status SubtractLayer::Build(At at, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(CheckTwo("Subtract", inputs));
  return ElementwiseMerge::Build(at, inputs);
}

Outputs AverageLayer::Call(At at, const Outputs& inputs, const CallOptions& call) {
  const Outputs sum = ElementwiseMerge::Call(at, inputs, call);
  if (sum[0].empty()) return sum;
  const At inside = at.Sub("truediv");
  const Output count = inside.Named("y").Node(
      "Const", {},
      {{"value", NumberTensor(sum[0].dtype(), static_cast<double>(inputs.size()))},
       {"dtype", sum[0].dtype()}});
  return {inside.AsScope().Node("RealDiv", {sum[0], count})};
}

ConcatenateLayer::ConcatenateLayer(ConcatenateOptions options, LayerKind kind)
    : LayerOf(kind, "Concatenate", std::move(options)) {}

absl::Status ConcatenateLayer::Build(At, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(CheckCount("Concatenate", inputs));
  const TensorShape& first = inputs[0];
  for (const TensorShape& s : inputs) {
    if (!s.rank_known() || !first.rank_known()) continue;
    const int64_t axis = options_.axis < 0 ? options_.axis + s.rank() : options_.axis;
    bool fits = s.rank() == first.rank() && axis >= 0 && axis < s.rank();
    for (int i = 0; fits && i < s.rank(); ++i)
      fits = i == axis || s.dim(i) < 0 || first.dim(i) < 0 || s.dim(i) == first.dim(i);
    if (fits) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "A `Concatenate` layer requires inputs with matching shapes except for the concat axis ",
        options_.axis, ". Got inputs shapes: ", ShapesOf(inputs)));
  }
  return absl::OkStatus();
}

Outputs ConcatenateLayer::Call(At at, const Outputs& inputs, const CallOptions&) {
  const At inside = at.Sub("concat");
  const Output axis = inside.Named("axis").Node(
      "Const", {},
      {{"value", Tensor::Scalar<int32_t>(static_cast<int32_t>(options_.axis))},
       {"dtype", DType::kInt32}});
  Outputs all = inputs;
  all.push_back(axis);
  return {inside.AsScope().Node("ConcatV2", all)};
}

DotLayer::DotLayer(DotOptions options, LayerKind kind) : LayerOf(kind, "Dot", std::move(options)) {}

absl::Status DotLayer::Build(At, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(CheckTwo("Dot", inputs));
  const std::vector<int64_t>& axes = options_.axes;
  if (axes.size() != 1 && axes.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Invalid format for `axes` - must contain 1 or 2 elements, got ", axes.size()));
  }
  for (int i = 0; i < 2; ++i) {
    const TensorShape& s = inputs[i];
    if (!s.rank_known() || (s.rank() != 2 && s.rank() != 3)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "A `Dot` layer takes inputs of rank 2 or 3. Layer shapes: ", ShapesOf(inputs)));
    }
    const int64_t axis = axes[std::min<size_t>(i, axes.size() - 1)];
    const int64_t from_start = axis < 0 ? axis + s.rank() : axis;
    if (from_start < 1 || from_start >= s.rank()) {
      return absl::InvalidArgumentError(
          absl::StrCat("axis ", axis, " is none of ", s.ToString(), " behind its batch"));
    }
    axes_[i] = static_cast<int>(from_start);
  }
  SLUICE_RETURN_IF_ERROR(CheckBatches(inputs));
  const int64_t n[2] = {inputs[0].dim(axes_[0]), inputs[1].dim(axes_[1])};
  if (n[0] < 0 || n[1] < 0 || n[0] == n[1]) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimension incompatibility ", n[0], " != ", n[1],
                                                 ". Layer shapes: ", ShapesOf(inputs)));
}

// As products of matrices per sample: [batch, rows, k] x [batch, k, columns].
Outputs DotLayer::Call(At at, const Outputs& inputs, const CallOptions&) {
  Output sides[2];
  for (int i = 0; i < 2; ++i) {
    const Output x = options_.normalize ? Normalized(at, inputs[i], axes_[i]) : inputs[i];
    sides[i] = Widened(at, x, 3);  // a vector becomes one row
  }
  // A widened vector holds k along its last axis, too.
  const bool adj_x = inputs[0].shape().rank() == 3 && axes_[0] == 1;
  const bool adj_y = inputs[1].shape().rank() == 2 || axes_[1] == 2;
  const Output product = at.Named("MatMul").Node("BatchMatMul", {sides[0], sides[1]},
                                                 {{"adj_x", adj_x}, {"adj_y", adj_y}});
  std::vector<int64_t> single;
  if (inputs[1].shape().rank() == 2) single.push_back(2);
  // Of two vectors, [batch, 1] remains.
  if (inputs[0].shape().rank() == 2 && single.empty()) single.push_back(1);
  if (single.empty()) return {product};
  return {at.Node("Squeeze", {product}, {{"squeeze_dims", single}})};
}

Output Add(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<AddLayer>(at, inputs, std::move(options));
}
Output Subtract(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<SubtractLayer>(at, inputs, std::move(options));
}
Output Multiply(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<MultiplyLayer>(at, inputs, std::move(options));
}
Output Average(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<AverageLayer>(at, inputs, std::move(options));
}
Output Maximum(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<MaximumLayer>(at, inputs, std::move(options));
}
Output Minimum(At at, const Outputs& inputs, MergeOptions options) {
  return ApplyOnce<MinimumLayer>(at, inputs, std::move(options));
}
Output Concatenate(At at, const Outputs& inputs, ConcatenateOptions options) {
  return ApplyOnce<ConcatenateLayer>(at, inputs, std::move(options));
}
Output Dot(At at, const Outputs& inputs, DotOptions options) {
  return ApplyOnce<DotLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
