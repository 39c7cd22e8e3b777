#include "ops/strided_slice_assign.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/strided_slice_util.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// The inputs of both forms.
enum Input { kRef, kBegin, kEnd, kStrides, kValue };

absl::Status DoesNotMatch(const TensorShape& slice, const TensorShape& value) {
  return absl::InvalidArgumentError(absl::StrCat("sliced l-value shape ", slice.ToString(),
                                                 " does not match r-value shape ", value.ToString(),
                                                 ". Automatic broadcasting not yet implemented."));
}

absl::Status AssignShape(ShapeContext& c) {
  const TensorShape variable = c.variable_shape(kRef);
  if (c.num_outputs() > 0) c.set_output(0, variable);
  SLUICE_ASSIGN_OR_RETURN(const std::optional<SliceRegion> region,
                          KnownRegion(c, kBegin, variable));
  if (!region || region->output.CompatibleWith(c.input(kValue))) return absl::OkStatus();
  return DoesNotMatch(region->output, c.input(kValue));
}

absl::Status AssignSlice(const KernelContext& c, const SliceMasks& masks, Tensor& variable) {
  const Tensor& value = c.input(kValue);
  SLUICE_ASSIGN_OR_RETURN(
      const SliceRegion region,
      RegionOf(variable.shape(), c.input(kBegin), c.input(kEnd), c.input(kStrides), masks));
  if (region.output != value.shape()) return DoesNotMatch(region.output, value.shape());
  PlanRegion(variable.dtype(), variable.shape(), region, false)
      .Run(value.raw(), variable.mutable_raw());
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> AssignPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, kRef, p.input_dtype(kValue)));
  const bool reference = p.num_outputs() > 0;
  if (reference) p.WillSetOutput(0);
  return KernelRun(
      [input, reference, masks = MasksOf(p.attrs())](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
        VariableUpdate update;
        SLUICE_RETURN_IF_ERROR(update.Lock({variable}, c.budget()));
        SLUICE_RETURN_IF_ERROR(AssignSlice(c, masks, update.value(0)));
        if (reference) ForwardReference(c);
        return absl::OkStatus();
      });
}

OpSpec AssignSpec(const char* name, bool reference) {
  OpSpec spec(name);
  spec.Input(reference ? "ref: Ref(T)" : "ref: resource");
  spec.Input("begin: Index").Input("end: Index").Input("strides: Index").Input("value: T");
  if (reference) spec.Output("output_ref: Ref(T)");
  return AddSliceMasks(spec)
      .Shape(AssignShape)
      .Prepare(AssignPrepare)
      .NoKernelFor("T", {DType::kVariant}, "a variable cannot hold variants")
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec StridedSliceAssignOp() { return AssignSpec("StridedSliceAssign", true); }
OpSpec ResourceStridedSliceAssignOp() { return AssignSpec("ResourceStridedSliceAssign", false); }

Output ResourceStridedSliceAssign(At at, Output ref, Ints begin, Ints end, Ints strides,
                                  Output value, const StridedSliceOptions& options) {
  const At in = at.Composite("ResourceStridedSliceAssign");
  const DType dtype = CommonDType({&begin, &end, &strides});
  return in.AsScope().Node("ResourceStridedSliceAssign",
                           {ref, begin.Tensor(in, "begin", dtype), end.Tensor(in, "end", dtype),
                            strides.Tensor(in, "strides", dtype), value},
                           MaskAttrs(options));
}

}  // namespace sluice::ops
