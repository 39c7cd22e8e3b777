// SpaceToBatchND, BatchToSpaceND: for each place o in a block, one strided copy between every
// block_shape-th element of space and a part of the batch.
#include "ops/space_to_batch.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

// One space dimension: its block, and the zeros (or crops) at its ends.
struct SpaceDim {
  int64_t block = 1, before = 0, after = 0;
};
using Space = absl::InlinedVector<SpaceDim, 4>;

// From block sizes and a matrix of ends. `what` names the matrix.
absl::StatusOr<Space> ReadSpace(const Dims& blocks, const Tensor& ends, const char* what) {
  const auto m = static_cast<int64_t>(blocks.size());
  if (ends.shape() != TensorShape{m, 2}) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " must have shape [", m, ",2], got ", ends.shape().ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const Tensor flat, ends.Reshaped({2 * m}));
  SLUICE_ASSIGN_OR_RETURN(const Dims values, ReadInts(flat, what));
  Space space;
  for (int64_t i = 0; i < m; ++i) {
    space.push_back({blocks[i], values[2 * i], values[2 * i + 1]});
    const SpaceDim& d = space.back();
    if (d.block < 1 || d.block > kMaxElements) {
      return absl::InvalidArgumentError(
          absl::StrCat("block_shape[", i, "] must be positive, got ", d.block));
    }
    if (d.before < 0 || d.after < 0 || d.before > kMaxElements || d.after > kMaxElements) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " must be non-negative, got ", d.before, ", ", d.after));
    }
  }
  return space;
}

absl::StatusOr<int64_t> BlockVolume(const Space& space) {
  int64_t volume = 1;
  for (const SpaceDim& d : space) {
    SLUICE_ASSIGN_OR_RETURN(volume, MultiplySizes(volume, d.block));
  }
  return volume;
}

absl::Status NeedRank(const TensorShape& shape, const Space& space) {
  const int least = 1 + static_cast<int>(space.size());
  if (shape.rank() >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Shape must be at least rank ", least,
                                                 " but is rank ", shape.rank(), ": ",
                                                 shape.ToString()));
}

// The batched shape of a spacious one (dimensions may be unknown).
absl::StatusOr<TensorShape> BatchedShape(const TensorShape& input, const Space& space) {
  SLUICE_RETURN_IF_ERROR(NeedRank(input, space));
  TensorShape output = input;
  SLUICE_ASSIGN_OR_RETURN(const int64_t volume, BlockVolume(space));
  SLUICE_ASSIGN_OR_RETURN(const int64_t batch, MultiplySizes(input.dim(0), volume));
  output.set_dim(0, batch);
  for (size_t i = 0; i < space.size(); ++i) {
    const int axis = static_cast<int>(i) + 1;
    if (input.dim(axis) < 0) continue;
    const int64_t padded = input.dim(axis) + space[i].before + space[i].after;
    if (padded % space[i].block != 0) {
      return absl::InvalidArgumentError(absl::StrCat("padded_shape[", i, "]=", padded,
                                                     " is not divisible by block_shape[", i,
                                                     "]=", space[i].block));
    }
    output.set_dim(axis, padded / space[i].block);
  }
  SLUICE_RETURN_IF_ERROR(output.Check());
  return output;
}

// The spacious shape of a batched one.
absl::StatusOr<TensorShape> SpaciousShape(const TensorShape& input, const Space& space) {
  SLUICE_RETURN_IF_ERROR(NeedRank(input, space));
  TensorShape output = input;
  SLUICE_ASSIGN_OR_RETURN(const int64_t volume, BlockVolume(space));
  if (input.dim(0) >= 0) {
    if (input.dim(0) % volume != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Input batch dimension (", input.dim(0),
                       ") is not divisible by product of block sizes (", volume, ")"));
    }
    output.set_dim(0, input.dim(0) / volume);
  }
  for (size_t i = 0; i < space.size(); ++i) {
    const int axis = static_cast<int>(i) + 1;
    SLUICE_ASSIGN_OR_RETURN(const int64_t whole, MultiplySizes(input.dim(axis), space[i].block));
    if (whole < 0) continue;
    const int64_t size = whole - space[i].before - space[i].after;
    if (size < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("cropped_shape[", i, "]=", size, " must be non-negative"));
    }
    output.set_dim(axis, size);
  }
  SLUICE_RETURN_IF_ERROR(output.Check());
  return output;
}

// Both directions differ in which side is read.
enum class Way { kToBatch, kToSpace };

absl::StatusOr<TensorShape> OutputShape(Way way, const TensorShape& input, const Space& space) {
  return way == Way::kToBatch ? BatchedShape(input, space) : SpaciousShape(input, space);
}

// The arguments of the ND ops (block_shape, ends) and of the older ones (ends and attr block_size).
template <bool nd>
absl::StatusOr<Space> SpaceOf(const Tensor* block_shape, const Tensor& ends, const AttrMap& attrs,
                              Way way) {
  const char* what = way == Way::kToBatch ? "paddings" : "crops";
  if constexpr (nd) {
    SLUICE_ASSIGN_OR_RETURN(const Dims blocks, ReadInts(*block_shape, "block_shape"));
    return ReadSpace(blocks, ends, what);
  } else {
    return ReadSpace(Dims(2, GetAttr<int64_t>(attrs, "block_size")), ends, what);
  }
}

template <Way way, bool nd>
absl::Status SpaceShape(ShapeContext& c) {
  constexpr int kEnds = nd ? 2 : 1;
  SLUICE_RETURN_IF_ERROR(c.WithRank(kEnds, 2).status());
  if constexpr (nd) {
    SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  } else {
    SLUICE_RETURN_IF_ERROR(c.WithRank(0, 4).status());
  }
  const TensorShape& input = c.input(0);
  if (!input.rank_known()) return absl::OkStatus();
  if (c.value(1) == nullptr || c.value(kEnds) == nullptr) {
    c.set_output(0, TensorShape::OfRank(input.rank()));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const Space space,
                          SpaceOf<nd>(c.value(1), *c.value(kEnds), c.attrs(), way));
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, OutputShape(way, input, space));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// The space dimensions of one place in the block: which of the batched indices fall inside the
// spacious array.
struct Place {
  Dims dims, batched, spacious;  // sizes and strides of [batch, space..., rest]
  int64_t batched_first = 0, spacious_first = 0;
};

// The place of number `number` among the block's places. `batched_shape` and `spacious_shape` are
// the two sides of the op.
Place PlaceOf(int64_t number, const TensorShape& spacious_shape, const TensorShape& batched_shape,
              const Space& space) {
  const Dims batched = RowMajorStrides(batched_shape.dims());
  const Dims spacious = RowMajorStrides(spacious_shape.dims());
  const auto m = static_cast<int>(space.size());
  Place place;
  const int64_t batch = spacious_shape.dim(0);
  place.dims.push_back(batch);
  place.batched.push_back(batched[0]);
  place.spacious.push_back(spacious[0]);
  place.batched_first = number * batch * batched[0];
  Dims offsets(m);
  for (int i = m; i-- > 0;) {
    offsets[i] = number % space[i].block;
    number /= space[i].block;
  }
  for (int i = 0; i < m; ++i) {
    const int64_t block = space[i].block;
    const int64_t shift = offsets[i] - space[i].before;  // spacious index = s * block + shift
    const int64_t begin = shift >= 0 ? 0 : (-shift + block - 1) / block;
    const int64_t room = spacious_shape.dim(i + 1) - shift;
    const int64_t end =
        std::min(room <= 0 ? 0 : (room + block - 1) / block, batched_shape.dim(i + 1));
    place.dims.push_back(std::max<int64_t>(end - begin, 0));
    place.batched.push_back(batched[i + 1]);
    place.spacious.push_back(spacious[i + 1] * block);
    place.batched_first += begin * batched[i + 1];
    place.spacious_first += (begin * block + shift) * spacious[i + 1];
  }
  int64_t rest = 1;
  for (int i = m + 1; i < spacious_shape.rank(); ++i) rest *= spacious_shape.dim(i);
  place.dims.push_back(rest);
  place.batched.push_back(1);
  place.spacious.push_back(1);
  return place;
}

template <Way way, bool nd>
absl::Status SpaceKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor& output = c.output(0);
  SLUICE_ASSIGN_OR_RETURN(const Space space,
                          SpaceOf<nd>(&c.input(1), c.input(nd ? 2 : 1), c.attrs(), way));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape wanted, OutputShape(way, input.shape(), space));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, wanted));
  if (output.num_elements() == 0) return absl::OkStatus();
  if (way == Way::kToBatch && input.num_elements() != output.num_elements()) {
    ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  }
  if (input.num_elements() == 0) return absl::OkStatus();
  const bool to_batch = way == Way::kToBatch;
  const TensorShape& spacious = to_batch ? input.shape() : output.shape();
  const TensorShape& batched = to_batch ? output.shape() : input.shape();
  SLUICE_ASSIGN_OR_RETURN(const int64_t places, BlockVolume(space));
  for (int64_t number = 0; number < places; ++number) {
    const Place p = PlaceOf(number, spacious, batched, space);
    const StridedCopy::Layout in_batch{p.batched_first, p.batched};
    const StridedCopy::Layout in_space{p.spacious_first, p.spacious};
    StridedCopy(input.dtype(), p.dims, to_batch ? in_space : in_batch,
                to_batch ? in_batch : in_space)
        .Run(input.raw(), output.mutable_raw());
  }
  return absl::OkStatus();
}

Outputs NdGradient(At at, const Node& op, const Outputs& dy) {
  const char* inverse = op.op() == "SpaceToBatchND" ? "BatchToSpaceND" : "SpaceToBatchND";
  return {at.Node(inverse, {dy[0], op.input(1), op.input(2)}), Output(), Output()};
}

Outputs SquareGradient(At at, const Node& op, const Outputs& dy) {
  const char* inverse = op.op() == "SpaceToBatch" ? "BatchToSpace" : "SpaceToBatch";
  return {at.Node(inverse, {dy[0], op.input(1)}, {{"block_size", op.attr<int64_t>("block_size")}}),
          Output()};
}

}  // namespace

OpSpec SpaceToBatchNDOp() {
  return OpSpec("SpaceToBatchND")
      .Input("input: T")
      .Input("block_shape: Tblock_shape")
      .Input("paddings: Tpaddings")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tblock_shape: {int32, int64} = DT_INT32")
      .Attr("Tpaddings: {int32, int64} = DT_INT32")
      .Shape(SpaceShape<Way::kToBatch, true>)
      .Kernel(SpaceKernel<Way::kToBatch, true>)
      .Gradient(NdGradient);
}

OpSpec BatchToSpaceNDOp() {
  return OpSpec("BatchToSpaceND")
      .Input("input: T")
      .Input("block_shape: Tblock_shape")
      .Input("crops: Tcrops")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tblock_shape: {int32, int64} = DT_INT32")
      .Attr("Tcrops: {int32, int64} = DT_INT32")
      .Shape(SpaceShape<Way::kToSpace, true>)
      .Kernel(SpaceKernel<Way::kToSpace, true>)
      .Gradient(NdGradient);
}

OpSpec SpaceToBatchOp() {
  return OpSpec("SpaceToBatch")
      .Input("input: T")
      .Input("paddings: Tpaddings")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tpaddings: {int32, int64} = DT_INT32")
      .Attr("block_size: int >= 2")
      .Shape(SpaceShape<Way::kToBatch, false>)
      .Kernel(SpaceKernel<Way::kToBatch, false>)
      .Gradient(SquareGradient);
}

OpSpec BatchToSpaceOp() {
  return OpSpec("BatchToSpace")
      .Input("input: T")
      .Input("crops: Tidx")
      .Output("output: T")
      .Attr("T: type")
      .Attr("block_size: int >= 2")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(SpaceShape<Way::kToSpace, false>)
      .Kernel(SpaceKernel<Way::kToSpace, false>)
      .Gradient(SquareGradient);
}

Output SpaceToBatchND(At at, Output input, Ints block_shape, Ints paddings) {
  const At in = at.Composite("SpaceToBatchND");
  return in.AsScope().Node("SpaceToBatchND", {input, block_shape.Tensor(in, "block_shape"),
                                              paddings.Matrix(in, "paddings", 2)});
}

Output BatchToSpaceND(At at, Output input, Ints block_shape, Ints crops) {
  const At in = at.Composite("BatchToSpaceND");
  return in.AsScope().Node("BatchToSpaceND", {input, block_shape.Tensor(in, "block_shape"),
                                              crops.Matrix(in, "crops", 2)});
}

Output SpaceToBatch(At at, Output input, Ints paddings, int64_t block_size) {
  const At in = at.Composite("SpaceToBatch");
  return in.AsScope().Node("SpaceToBatch", {input, paddings.Matrix(in, "paddings", 2)},
                           {{"block_size", block_size}});
}

Output BatchToSpace(At at, Output input, Ints crops, int64_t block_size) {
  const At in = at.Composite("BatchToSpace");
  return in.AsScope().Node("BatchToSpace", {input, crops.Matrix(in, "crops", 2)},
                           {{"block_size", block_size}});
}

}  // namespace sluice::ops
