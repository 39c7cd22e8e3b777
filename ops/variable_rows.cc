// Rows of variables, read and updated: for embeddings.
#include "ops/variable_rows.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/handle.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/dtype_sets.h"
#include "ops/gather.h"
#include "ops/gather_util.h"
#include "ops/kernels/combine.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status CheckRank(const TensorShape& shape, int64_t least, absl::string_view what) {
  if (!shape.rank_known() || shape.rank() >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Shape must be at least rank ", least,
                                                 " but is rank ", shape.rank(), ": ", what));
}

absl::Status GatherShape(ShapeContext& c) {
  const auto batch_dims = c.attr<int64_t>("batch_dims");
  if (batch_dims < 0) {
    return absl::InvalidArgumentError(absl::StrCat("batch_dims is negative (", batch_dims, ")"));
  }
  const TensorShape params = c.variable_shape(0), &indices = c.input(1);
  SLUICE_RETURN_IF_ERROR(CheckRank(params, batch_dims + 1, "the variable"));
  SLUICE_RETURN_IF_ERROR(CheckRank(indices, batch_dims, "indices"));
  if (!params.rank_known() || !indices.rank_known()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const GatherAxes axes,
                          ResolveAxes(params, indices, batch_dims, batch_dims));
  TensorShape shape = GatheredShape(params, indices, axes);
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status GatherNdShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, GatheredTuplesShape(c.variable_shape(0), c.input(1)));
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
  SLUICE_RETURN_IF_ERROR(CheckRank(params, 1, "the variable"));
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

absl::StatusOr<KernelRun> GatherPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.output_dtype(0)));
  return KernelRun(
      [input, batch_dims = p.attr<int64_t>("batch_dims")](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
        SLUICE_ASSIGN_OR_RETURN(const Tensor params, variable->Read());
        if (params.shape().rank() < 1) {
          return absl::InvalidArgumentError("params must be at least 1 dimensional, got a scalar");
        }
        const TensorShape& indices = c.input(1).shape();
        SLUICE_ASSIGN_OR_RETURN(const GatherAxes axes,
                                ResolveAxes(params.shape(), indices, batch_dims, batch_dims));
        const TensorShape shape = GatheredShape(params.shape(), indices, axes);
        SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, shape));
        return GatherAlong(axes, params, c.input(1), *out);
      });
}

absl::StatusOr<KernelRun> GatherNdPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.output_dtype(0)));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    SLUICE_ASSIGN_OR_RETURN(const Tensor params, variable->Read());
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape,
                            GatheredTuplesShape(params.shape(), c.input(1).shape()));
    SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, shape));
    return GatherTuplesTo(params, c.input(1), *out);
  });
}

// --- gradients, with respect to the handle -------------------------------------------------------

TensorsOrSlices GatherGradient(At at, const Node& op, const Outputs& dy) {
  const auto batch_dims = op.attr<int64_t>("batch_dims");
  if (batch_dims > 0) {
    const Output params =
        at.Node("ReadVariableOp", {op.input(0)}, {{"dtype", op.attr<DType>("dtype")}});
    return {GatheredGradient(at, params, op.input(1), batch_dims, batch_dims, dy[0]), Output()};
  }
  const Output shape = VariableShapeTensor(at, op.input(0));
  return {GatheredSlices(at, dy[0], op.input(1), shape), Output()};
}

TensorsOrSlices GatherNdGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = at.Node("VariableShape", {op.input(0)}, {{"out_type", op.input(1).dtype()}});
  return {GatheredTuplesGradient(at, dy[0], op.input(1), shape), Output()};
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
  std::vector<DType> missing = type == "type" ? NeitherNumbersNorStrings() : QuantizedNumbers();
  if (type == "numbertype" && (word == "Min" || word == "Max")) {
    missing.insert(missing.end(), {DType::kComplex64, DType::kComplex128});
  }
  if (!absl::StartsWith(type, "{")) {
    spec.NoKernelFor(reference ? "T" : "dtype", std::move(missing), "rows have no such update");
  }
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

OpSpec ResourceGatherNdOp() {
  return OpSpec("ResourceGatherNd")
      .Input("resource: resource")
      .Input("indices: Tindices")
      .Output("output: dtype")
      .Attr("dtype: type")
      .Attr("Tindices: {int32, int64}")
      .Shape(GatherNdShape)
      .Prepare(GatherNdPrepare)
      .Gradient(GatherNdGradient)
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

Output ResourceGather(At at, Output resource, Output indices, DType dtype,
                      const ResourceGatherOptions& options) {
  return at.Node("ResourceGather", {resource, indices},
                 {{"dtype", dtype}, {"batch_dims", options.batch_dims}});
}
Output ResourceGatherNd(At at, Output resource, Output indices, DType dtype) {
  return at.Node("ResourceGatherNd", {resource, indices}, {{"dtype", dtype}});
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
