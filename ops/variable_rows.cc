// Rows of variables, read and updated: for embeddings.
#include "ops/variable_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/status.h"
#include "core/threads.h"
#include "graph/handle.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/gather.h"
#include "ops/kernels/combine.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status GatherShape(ShapeContext& c) {
  if (c.attr<int64_t>("batch_dims") != 0) {
    return absl::UnimplementedError("ResourceGather serves batch_dims = 0 only");
  }
  const TensorShape params = c.variable_shape(0);
  if (!params.rank_known() || !c.input(1).rank_known()) return absl::OkStatus();
  if (params.rank() < 1) {
    return absl::InvalidArgumentError("Shape must be at least rank 1 but is rank 0: the variable");
  }
  TensorShape shape = c.input(1);
  for (int i = 1; i < params.rank(); ++i) shape.AddDim(params.dim(i));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// updates.shape = indices.shape + variable.shape[1:], or a scalar. Kernels check the words.
absl::Status ScatterShape(ShapeContext& c) {
  const TensorShape params = c.variable_shape(0);
  if (c.num_outputs() > 0) c.set_output(0, params);
  if (!params.rank_known() || !c.input(1).rank_known() || c.input(2).rank() <= 0) {
    return absl::OkStatus();
  }
  if (params.rank() < 1) {
    return absl::InvalidArgumentError("Shape must be at least rank 1 but is rank 0: the variable");
  }
  TensorShape expected = c.input(1);
  for (int i = 1; i < params.rank(); ++i) expected.AddDim(params.dim(i));
  if (expected.CompatibleWith(c.input(2))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Must have updates.shape = indices.shape + params.shape[1:] or updates.shape = [], got "
      "updates.shape ",
      c.input(2).ToString(), ", indices.shape ", c.input(1).ToString(), ", params.shape ",
      params.ToString()));
}

// --- kernels -------------------------------------------------------------------------------------

template <Combine how>
absl::StatusOr<KernelRun> ScatterPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(2)));
  if (p.num_outputs() > 0) p.WillSetOutput(0);
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    VariableUpdate update;
    SLUICE_RETURN_IF_ERROR(update.Lock({variable}, c.budget()));
    SLUICE_RETURN_IF_ERROR(CombineRows(how, c.input(1), c.input(2), update.value(0)));
    if (c.num_outputs() > 0) ForwardReference(c);
    return absl::OkStatus();
  });
}

// Copies rows `indices` of `params` to `out`, whose shape fits. Strings are copied one by one.
template <typename Index>
absl::Status GatherRows(const Tensor& params, absl::Span<const Index> indices, Tensor& out) {
  const int64_t limit = params.dim(0);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("indices[", i, "] = ", indices[i], " is not in [0, ", limit, ")"));
    }
  }
  if (out.num_elements() == 0) return absl::OkStatus();
  const int64_t length = params.num_elements() / limit;
  if (!IsTriviallyCopyable(params.dtype())) {
    return Dispatch<std::string>(params.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (size_t i = 0; i < indices.size(); ++i) {
        std::copy_n(params.data<T>() + indices[i] * length, length,
                    out.mutable_data<T>() + i * length);
      }
      return absl::OkStatus();
    });
  }
  const int64_t bytes = length * static_cast<int64_t>(SizeOf(params.dtype()));
  const char* from = static_cast<const char*>(params.raw());
  char* to = static_cast<char*>(out.mutable_raw());
  ParallelFor(static_cast<int64_t>(indices.size()), GrainFor(5 + 0.05 * static_cast<double>(bytes)),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  std::memcpy(to + i * bytes, from + indices[i] * bytes, bytes);
                }
              });
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> GatherPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.output_dtype(0)));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    SLUICE_ASSIGN_OR_RETURN(const Tensor params, variable->Read());
    if (params.shape().rank() < 1) {
      return absl::InvalidArgumentError("params must be at least 1-D, got a scalar");
    }
    TensorShape shape = c.input(1).shape();
    for (int i = 1; i < params.shape().rank(); ++i) shape.AddDim(params.dim(i));
    SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, shape));
    if (c.input(1).dtype() == DType::kInt32) {
      return GatherRows(params, c.input(1).flat<int32_t>(), *out);
    }
    return GatherRows(params, c.input(1).flat<int64_t>(), *out);
  });
}

// --- gradients -----------------------------------------------------------------------------------

// With respect to the handle.
TensorsOrSlices GatherGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = VariableShapeTensor(at, op.input(0));
  return {GatheredSlices(at, dy[0], op.input(1), shape), Output()};
}

// `how` is one of the seven words behind the op's name.
OpSpec ScatterSpec(absl::string_view word, absl::string_view type, bool reference,
                   KernelPrepare prepare) {
  OpSpec spec(absl::StrCat(reference ? "Scatter" : "ResourceScatter", word));
  if (reference) {
    spec.Input("ref: Ref(T)").Input("indices: Tindices").Input("updates: T");
    spec.Output("output_ref: Ref(T)").Attr(absl::StrCat("T: ", type));
  } else {
    spec.Input("resource: resource").Input("indices: Tindices").Input("updates: dtype");
    spec.Attr(absl::StrCat("dtype: ", type));
  }
  spec.Attr("Tindices: {int32, int64}");
  // Only an update overwrites, so only there does TensorFlow lock by default.
  if (reference)
    spec.Attr(absl::StrCat("use_locking: bool = ", word == "Update" ? "true" : "false"));
  return spec.Shape(ScatterShape)
      .Prepare(std::move(prepare))
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec ResourceGatherOp() {
  return OpSpec("ResourceGather")
      .Input("resource: resource")
      .Input("indices: Tindices")
      .Output("output: dtype")
      .Attr("batch_dims: int = 0")
      .Attr("validate_indices: bool = true")
      .Attr("dtype: type")
      .Attr("Tindices: {int32, int64}")
      .Shape(GatherShape)
      .Prepare(GatherPrepare)
      .Gradient(GatherGradient)
      .Stateful();
}

OpSpec ResourceScatterUpdateOp() {
  return ScatterSpec("Update", "type", false, ScatterPrepare<Combine::kUpdate>);
}
OpSpec ResourceScatterAddOp() {
  return ScatterSpec("Add", "numbertype", false, ScatterPrepare<Combine::kAdd>);
}
OpSpec ResourceScatterSubOp() {
  return ScatterSpec("Sub", "numbertype", false, ScatterPrepare<Combine::kSub>);
}
OpSpec ResourceScatterMulOp() {
  return ScatterSpec("Mul", "numbertype", false, ScatterPrepare<Combine::kMul>);
}
OpSpec ResourceScatterDivOp() {
  return ScatterSpec("Div", "numbertype", false, ScatterPrepare<Combine::kDiv>);
}
OpSpec ResourceScatterMinOp() {
  return ScatterSpec("Min", "numbertype", false, ScatterPrepare<Combine::kMin>);
}
OpSpec ResourceScatterMaxOp() {
  return ScatterSpec("Max", "numbertype", false, ScatterPrepare<Combine::kMax>);
}
OpSpec ScatterUpdateOp() {
  return ScatterSpec("Update", "type", true, ScatterPrepare<Combine::kUpdate>);
}
OpSpec ScatterAddOp() {
  return ScatterSpec("Add", "numbertype", true, ScatterPrepare<Combine::kAdd>);
}
OpSpec ScatterSubOp() {
  return ScatterSpec("Sub", "numbertype", true, ScatterPrepare<Combine::kSub>);
}
OpSpec ScatterMulOp() {
  return ScatterSpec("Mul", "numbertype", true, ScatterPrepare<Combine::kMul>);
}
OpSpec ScatterDivOp() {
  return ScatterSpec("Div", "numbertype", true, ScatterPrepare<Combine::kDiv>);
}
OpSpec ScatterMinOp() {
  return ScatterSpec("Min", "{half, bfloat16, float, double, int32, int64}", true,
                     ScatterPrepare<Combine::kMin>);
}
OpSpec ScatterMaxOp() {
  return ScatterSpec("Max", "{half, bfloat16, float, double, int32, int64}", true,
                     ScatterPrepare<Combine::kMax>);
}

Output ResourceGather(At at, Output resource, Output indices, DType dtype) {
  return at.Node("ResourceGather", {resource, indices}, {{"dtype", dtype}});
}
Output ResourceScatterUpdate(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterUpdate", {resource, indices, updates});
}
Output ResourceScatterAdd(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterAdd", {resource, indices, updates});
}
Output ResourceScatterSub(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterSub", {resource, indices, updates});
}
Output ResourceScatterMul(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterMul", {resource, indices, updates});
}
Output ResourceScatterDiv(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterDiv", {resource, indices, updates});
}
Output ResourceScatterMin(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterMin", {resource, indices, updates});
}
Output ResourceScatterMax(At at, Output resource, Output indices, Output updates) {
  return at.Node("ResourceScatterMax", {resource, indices, updates});
}

}  // namespace sluice::ops
