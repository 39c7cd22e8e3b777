#include "layers/merge.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "ops/array_util.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/einsum.h"
#include "ops/reduction.h"
#include "ops/reshape.h"

namespace sluice::layers {
namespace {

std::string ShapeList(const std::vector<TensorShape>& shapes) {
  return absl::StrCat("[",
                      absl::StrJoin(shapes, ", ",
                                    [](std::string* out, const TensorShape& shape) {
                                      out->append(shape.ToString());
                                    }),
                      "]");
}

absl::Status CheckRanks(const std::vector<TensorShape>& shapes) {
  for (const TensorShape& shape : shapes) {
    if (shape.rank_known() && shape.rank() > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "A merge layer needs inputs of known rank, at least 1. Got shapes: ", ShapeList(shapes)));
  }
  return absl::OkStatus();
}

// The common size of two dimensions: -1 where it is not known, empty where there is none.
std::optional<int64_t> Broadcast(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return -1;
  if (a == 1 || a == b) return b;
  if (b == 1) return a;
  return {};
}

// The shape of a sum of samples of shapes `a` and `b`, both without the batch.
std::optional<std::vector<int64_t>> BroadcastSamples(std::vector<int64_t> a,
                                                     std::vector<int64_t> b) {
  if (a.size() < b.size()) std::swap(a, b);
  const size_t more = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    const std::optional<int64_t> size = Broadcast(a[more + i], b[i]);
    if (!size.has_value()) return {};
    a[more + i] = *size;
  }
  return a;
}

std::vector<int64_t> SampleOf(const TensorShape& shape) {
  return {shape.dims().begin() + 1, shape.dims().end()};
}

std::string Listed(const std::vector<int64_t>& dims) {
  return absl::StrCat("(", absl::StrJoin(dims, ", "), ")");
}

}  // namespace

void MergeOptions::Fields(ConfigFields& f) { f("name", name); }

Merge::Merge(const char* class_name, const char* op, const char* node, MergeOptions options,
             LayerKind kind)
    : LayerOf(kind, class_name, std::move(options)), op_(op), node_(node) {
  supports_masking_ = true;
}

absl::Status Merge::Build(At, const std::vector<TensorShape>& inputs) {
  if (inputs.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A merge layer should be called on a list of inputs. A merge layer should be called on a "
        "list of at least 2 inputs. Got ",
        inputs.size(), " inputs."));
  }
  SLUICE_RETURN_IF_ERROR(CheckRanks(inputs));
  int64_t batch = -1;
  std::vector<int64_t> sample = SampleOf(inputs[0]);
  for (const TensorShape& shape : inputs) {
    if (batch >= 0 && shape.dim(0) >= 0 && shape.dim(0) != batch) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Can not merge tensors with different batch sizes. Got tensors with shapes : ",
          ShapeList(inputs)));
    }
    batch = std::max(batch, shape.dim(0));
    const std::optional<std::vector<int64_t>> merged = BroadcastSamples(sample, SampleOf(shape));
    if (!merged.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Operands could not be broadcast together with shapes ", Listed(sample), " ",
                       Listed(SampleOf(shape))));
    }
    sample = *merged;
  }
  return absl::OkStatus();
}

namespace {

// All of the highest rank, with dimensions of 1 after the batch.
Outputs OfOneRank(At at, const Outputs& inputs) {
  int rank = 0;
  for (const Output& x : inputs) rank = std::max(rank, x.shape().rank());
  Outputs all;
  for (Output x : inputs) {
    while (!x.empty() && x.shape().rank() < rank) x = ops::ExpandDims(at, x, 1);
    all.push_back(x);
  }
  return all;
}

}  // namespace

Outputs Merge::Call(At at, const Outputs& inputs, const CallOptions&) {
  const Outputs all = OfOneRank(at, inputs);
  Output y = all[0];
  for (size_t i = 1; i < all.size(); ++i) y = at.Named(node_).Node(op_, {y, all[i]});
  return {y};
}

Outputs Merge::ComputeMask(At at, const Outputs&, const Outputs& masks) {
  Outputs given;
  for (const Output& mask : masks) {
    if (!mask.empty()) given.push_back(mask);
  }
  if (given.empty()) return {};
  Output all = given[0];
  for (size_t i = 1; i < given.size(); ++i) all = at.Node("LogicalAnd", {all, given[i]});
  return {all};
}

absl::Status SubtractLayer::Build(At at, const std::vector<TensorShape>& inputs) {
  if (inputs.size() == 2) return Merge::Build(at, inputs);
  return absl::InvalidArgumentError("A `Subtract` layer should be called on exactly 2 inputs");
}

Outputs AverageLayer::Call(At at, const Outputs& inputs, const CallOptions& call) {
  const Output sum = Merge::Call(at, inputs, call)[0];
  if (sum.empty()) return {};
  const Output count = ops::ConstOf(at.Named("truediv/y"), sum.dtype(), inputs.size());
  return {at.Named("truediv").Node("RealDiv", {sum, count})};
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

// --- Concatenate ---

void ConcatenateOptions::Fields(ConfigFields& f) {
  f("axis", axis);
  f("name", name);
}

ConcatenateLayer::ConcatenateLayer(ConcatenateOptions options, LayerKind kind)
    : LayerOf(kind, "Concatenate", std::move(options)) {
  supports_masking_ = true;
}

absl::Status ConcatenateLayer::Build(At, const std::vector<TensorShape>& inputs) {
  if (inputs.size() < 2) {
    return absl::InvalidArgumentError(
        "A `Concatenate` layer should be called on a list of at least 2 inputs");
  }
  SLUICE_RETURN_IF_ERROR(CheckRanks(inputs));
  const int rank = inputs[0].rank();
  SLUICE_ASSIGN_OR_RETURN(const int axis, ops::CanonicalAxis(options_.axis, rank));
  bool fits = true;
  std::vector<int64_t> sizes(rank, -1);
  for (const TensorShape& shape : inputs) {
    fits = fits && shape.rank() == rank;
    for (int i = 0; fits && i < rank; ++i) {
      fits = i == axis || sizes[i] < 0 || shape.dim(i) < 0 || shape.dim(i) == sizes[i];
      sizes[i] = std::max(sizes[i], shape.dim(i));
    }
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("A `Concatenate` layer requires inputs with matching shapes except for the "
                   "concat axis. Got inputs shapes: ",
                   ShapeList(inputs)));
}

namespace {

Output Concat(At at, const Outputs& all, int64_t axis) {
  Outputs operands = all;
  operands.push_back(ops::ConstOf(at.Named("concat/axis"), DType::kInt32, axis));
  return at.Named("concat").Node("ConcatV2", operands);
}

}  // namespace

Outputs ConcatenateLayer::Call(At at, const Outputs& inputs, const CallOptions&) {
  return {Concat(at, inputs, options_.axis)};
}

// An input without a mask counts as unmasked; a mask of fewer dimensions holds for all the rest.
Outputs ConcatenateLayer::ComputeMask(At at, const Outputs& inputs, const Outputs& masks) {
  const bool any =
      std::any_of(masks.begin(), masks.end(), [](const Output& m) { return !m.empty(); });
  if (!any) return {};
  Outputs all;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Output ones = ops::Cast(at, at.Node("OnesLike", {inputs[i]}), DType::kBool);
    if (i >= masks.size() || masks[i].empty()) {
      all.push_back(ones);
      continue;
    }
    Output mask = masks[i];
    while (!mask.empty() && mask.shape().rank() < inputs[i].shape().rank())
      mask = ops::ExpandDims(at, mask, -1);
    all.push_back(at.Node("LogicalAnd", {mask, ones}));
  }
  return {ops::All(at, Concat(at, all, options_.axis), {-1})};
}

Output Concatenate(At at, const Outputs& inputs, ConcatenateOptions options) {
  return ApplyOnce<ConcatenateLayer>(at, inputs, std::move(options));
}

// --- Dot ---

void DotOptions::Fields(ConfigFields& f) {
  f("axes", axes);
  f("normalize", normalize);
  f("name", name);
}

DotLayer::DotLayer(DotOptions options, LayerKind kind) : LayerOf(kind, "Dot", std::move(options)) {}

namespace {

// The summed axis of input i, counted from the front.
absl::StatusOr<int> SummedAxis(const DotOptions& o, const TensorShape& shape, size_t i) {
  const int64_t axis = o.axes[o.axes.size() == 1 ? 0 : i];
  SLUICE_ASSIGN_OR_RETURN(const int canonical, ops::CanonicalAxis(axis, shape.rank(), "axes"));
  if (canonical > 0) return canonical;
  return absl::InvalidArgumentError("`axes` must not be the batch, axis 0");
}

}  // namespace

absl::Status DotLayer::Build(At, const std::vector<TensorShape>& inputs) {
  const DotOptions& o = options_;
  if (o.axes.empty() || o.axes.size() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid type for `axes` - should be a list of 2 ints or an int. Got ",
                     o.axes.size(), " values"));
  }
  if (inputs.size() != 2)
    return absl::InvalidArgumentError("A `Dot` layer should be called on a list of 2 inputs.");
  SLUICE_RETURN_IF_ERROR(CheckRanks(inputs));
  SLUICE_ASSIGN_OR_RETURN(const int x, SummedAxis(o, inputs[0], 0));
  SLUICE_ASSIGN_OR_RETURN(const int y, SummedAxis(o, inputs[1], 1));
  const int64_t a = inputs[0].dim(x), b = inputs[1].dim(y);
  if (a < 0 || b < 0 || a == b) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimension incompatibility ", a, " != ", b,
                                                 ". Layer shapes: ", inputs[0].ToString(), ", ",
                                                 inputs[1].ToString()));
}

namespace {

// x / sqrt(max(sum(x^2), 1e-12)) along `axis` (tf.math.l2_normalize).
Output L2Normalize(At at, const Output& x, int axis) {
  const At inside = at.Sub("l2_normalize");
  const Output sum = ops::Sum(inside, inside.Node("Square", {x}), {axis}, {.keep_dims = true});
  const Output floor = ops::ConstOf(inside.Named("Maximum/y"), x.dtype(), 1e-12);
  const Output inverse = inside.Node("Rsqrt", {inside.Node("Maximum", {sum, floor})});
  return inside.AsScope().Node("Mul", {x, inverse});
}

}  // namespace

Outputs DotLayer::Call(At at, const Outputs& inputs, const CallOptions&) {
  // Of einsum: "a" the batch, "z" what is summed over, other letters for the rest.
  std::string equation, result = "a";
  Outputs operands;
  char next = 'b';
  for (size_t i = 0; i < 2; ++i) {
    const absl::StatusOr<int> axis = SummedAxis(options_, inputs[i].shape(), i);
    if (!axis.ok()) {
      at.Fail(class_name(), axis.status());
      return {};
    }
    operands.push_back(options_.normalize ? L2Normalize(at, inputs[i], *axis) : inputs[i]);
    std::string letters = "a";
    for (int k = 1; k < inputs[i].shape().rank(); ++k) {
      letters += k == *axis ? 'z' : next;
      if (k != *axis) result += next++;
    }
    absl::StrAppend(&equation, i == 0 ? "" : ",", letters);
  }
  const Output y = ops::Einsum(at, absl::StrCat(equation, "->", result), operands);
  return {result.size() == 1 ? ops::ExpandDims(at, y, 1) : y};
}

Output Dot(At at, const Outputs& inputs, DotOptions options) {
  return ApplyOnce<DotLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
