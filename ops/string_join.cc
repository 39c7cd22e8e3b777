#include "ops/string_join.h"

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/reduction_util.h"

namespace sluice::ops {
namespace {

absl::Status JoinShape(ShapeContext& c) {
  TensorShape shape = TensorShape::Unknown();  // what the inputs that are no scalars have
  bool all_scalars = true;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const TensorShape& input = c.input(i);
    all_scalars &= input.rank() == 0;
    // An input of unknown rank may be a scalar.
    if (input.rank_known() && input.rank() > 0) {
      SLUICE_ASSIGN_OR_RETURN(shape, shape.MergeWith(input));
    }
  }
  c.set_output(0, all_scalars ? TensorShape() : shape);
  return absl::OkStatus();
}

absl::Status JoinKernel(KernelContext& c) {
  const auto separator = c.attr<std::string>("separator");
  const absl::Span<std::string> out = c.output(0).mutable_flat<std::string>();
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].clear();
    for (int k = 0; k < c.num_inputs(); ++k) {
      const Tensor& input = c.input(k);
      const bool scalar = input.shape().rank() == 0;
      absl::StrAppend(&out[i], k > 0 ? separator : "", input.data<std::string>()[scalar ? 0 : i]);
    }
  }
  return absl::OkStatus();
}

// --- ReduceJoin ----------------------------------------------------------------------------------

// The axes in the order in which they were named.
absl::StatusOr<std::vector<int>> NamedAxes(const Tensor& indices, int rank) {
  std::vector<int> axes;
  std::vector<bool> seen(rank, false);
  for (const int32_t index : indices.flat<int32_t>()) {
    if (index < -rank || index >= rank) {
      return absl::OutOfRangeError(absl::StrCat("Invalid reduction dimension ", index,
                                                " for input with ", rank, " dimension(s)"));
    }
    axes.push_back(index < 0 ? index + rank : index);
    if (seen[axes.back()]) {
      return absl::InvalidArgumentError(absl::StrCat("Duplicate reduction dimension ", index));
    }
    seen[axes.back()] = true;
  }
  return axes;
}

// Counts `index` up over the dimensions `axes` of `shape`, the first fastest; false at the end.
bool Advance(const std::vector<int>& axes, const TensorShape& shape, Dims* index) {
  for (const int axis : axes) {
    if (++(*index)[axis] < shape.dim(axis)) return true;
    (*index)[axis] = 0;
  }
  return false;
}

absl::Status ReduceJoinKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const TensorShape& shape = input.shape();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int> axes, NamedAxes(c.input(1), shape.rank()));
  const auto separator = c.attr<std::string>("separator");
  const Dims reduced(axes.begin(), axes.end());
  SLUICE_ASSIGN_OR_RETURN(Tensor * output,
                          c.Allocate(0, ReducedShape(shape, reduced, c.attr<bool>("keep_dims"))));
  std::vector<int> kept;  // the last dimension fastest
  for (int d = shape.rank(); d-- > 0;) {
    if (std::find(axes.begin(), axes.end(), d) == axes.end()) kept.push_back(d);
  }
  const bool nothing = input.num_elements() == 0;
  const Dims strides = RowMajorStrides(shape.dims());
  Dims index(shape.rank(), 0);
  for (std::string& joined : output->mutable_flat<std::string>()) {
    joined.clear();
    if (nothing) continue;
    bool first = true;
    do {
      int64_t position = 0;
      for (int d = 0; d < shape.rank(); ++d) position += index[d] * strides[d];
      absl::StrAppend(&joined, first ? "" : separator, input.data<std::string>()[position]);
      first = false;
    } while (Advance(axes, shape, &index));
    Advance(kept, shape, &index);
  }
  return absl::OkStatus();
}

}  // namespace

OpSpec StringJoinOp() {
  return OpSpec("StringJoin")
      .Input("inputs: N * string")
      .Output("output: string")
      .Attr("N: int >= 1")
      .Attr("separator: string = ''")
      .Shape(JoinShape)
      .Kernel(JoinKernel)
      .NotDifferentiable("its output is a string");
}

OpSpec ReduceJoinOp() {
  return OpSpec("ReduceJoin")
      .Input("inputs: string")
      .Input("reduction_indices: int32")
      .Attr("keep_dims: bool = false")
      .Attr("separator: string = ''")
      .Output("output: string")
      .Shape(ReductionShape)
      .Kernel(ReduceJoinKernel)
      .NotDifferentiable("its output is a string");
}

Output StringJoin(At at, const Outputs& inputs, const std::string& separator) {
  return at.Node("StringJoin", inputs, {{"separator", separator}});
}

Output ReduceJoin(At at, Output inputs, Ints reduction_indices, const ReduceJoinOptions& options) {
  const At in = at.Composite("ReduceJoin");
  return in.AsScope().Node("ReduceJoin",
                           {inputs, reduction_indices.Tensor(in, "reduction_indices")},
                           {{"keep_dims", options.keep_dims}, {"separator", options.separator}});
}

}  // namespace sluice::ops
