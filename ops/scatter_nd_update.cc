// TensorScatter*, ScatterNdNonAliasingAdd: y = tensor; y[indices[j]] OP= updates[j]. ScatterNd* and
// ResourceScatterNd*: the same on a variable.
#include "ops/scatter_nd_update.h"

#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/dtype_sets.h"
#include "ops/gather.h"
#include "ops/scatter_nd_util.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status TensorScatterShape(ShapeContext& c) {
  c.set_output(0, c.input(0));
  return CheckScatterShapes(c.input(1), c.input(2), c.input(0), "input");
}

absl::Status VariableScatterShape(ShapeContext& c) {
  const TensorShape variable = c.variable_shape(0);
  if (c.num_outputs() > 0) c.set_output(0, variable);
  return CheckScatterShapes(c.input(1), c.input(2), variable, "input");
}

// --- kernels -------------------------------------------------------------------------------------

template <Combine how>
absl::Status TensorScatterKernel(KernelContext& c) {
  c.output(0).CopyElements(c.input(0));
  return ScatterSlices(how, c.input(1), c.input(2), c.output(0), "input");
}

template <Combine how>
absl::StatusOr<KernelRun> VariableScatterPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(2)));
  const bool reference = p.num_outputs() > 0;
  if (reference) p.WillSetOutput(0);
  return KernelRun([input, reference](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    VariableUpdate update;
    SLUICE_RETURN_IF_ERROR(update.Lock({variable}, c.budget()));
    SLUICE_RETURN_IF_ERROR(ScatterSlices(how, c.input(1), c.input(2), update.value(0), "input"));
    if (reference) ForwardReference(c);
    return absl::OkStatus();
  });
}

// --- gradients -----------------------------------------------------------------------------------

Outputs UpdateGradient(At at, const Node& op, const Outputs& dy) {
  const Output indices = op.input(1);
  const Output zeros = at.Node("ZerosLike", {op.input(2)});
  return {TensorScatterUpdate(at, dy[0], indices, zeros), Output(), GatherNd(at, dy[0], indices)};
}

Outputs AddGradient(At at, const Node& op, const Outputs& dy) {
  return {dy[0], Output(), GatherNd(at, dy[0], op.input(1))};
}

Outputs SubGradient(At at, const Node& op, const Outputs& dy) {
  return {dy[0], Output(), at.Node("Neg", {GatherNd(at, dy[0], op.input(1))})};
}

// --- specs ---------------------------------------------------------------------------------------

constexpr char kOnlyNumbers[] = "only numbers, bools and strings can be scattered";

OpSpec TensorSpec(const char* name, const char* first, const char* type,
                  std::vector<DType> missing = NeitherNumbersNorStrings()) {
  return OpSpec(name)
      .Input(absl::StrCat(first, ": T"))
      .Input("indices: Tindices")
      .Input("updates: T")
      .Output("output: T")
      .Attr(absl::StrCat("T: ", type))
      .Attr("Tindices: {int32, int64}")
      .Shape(TensorScatterShape)
      .NoKernelFor("T", std::move(missing), kOnlyNumbers);
}

OpSpec VariableSpec(absl::string_view word, KernelPrepare prepare, bool reference) {
  OpSpec spec(absl::StrCat(reference ? "ScatterNd" : "ResourceScatterNd", word));
  spec.Input(reference ? "ref: Ref(T)" : "ref: resource");
  spec.Input("indices: Tindices").Input("updates: T");
  if (reference) spec.Output("output_ref: Ref(T)");
  const bool numbers = reference && word != "Update";
  return spec.Attr(numbers ? "T: numbertype" : "T: type")
      .Attr("Tindices: {int32, int64}")
      .Attr(numbers ? "use_locking: bool = false" : "use_locking: bool = true")
      .Shape(VariableScatterShape)
      .Prepare(std::move(prepare))
      .NoKernelFor("T", numbers ? QuantizedNumbers() : NeitherNumbersNorStrings(), kOnlyNumbers)
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

Output ResourceScatter(At at, const char* op, const Outputs& inputs, bool use_locking) {
  return at.Node(op, inputs, {{"use_locking", use_locking}});
}

}  // namespace

OpSpec TensorScatterUpdateOp() {
  return TensorSpec("TensorScatterUpdate", "tensor", "type")
      .Kernel(TensorScatterKernel<Combine::kUpdate>)
      .Gradient(UpdateGradient);
}
OpSpec TensorScatterAddOp() {
  return TensorSpec("TensorScatterAdd", "tensor", "type")
      .Kernel(TensorScatterKernel<Combine::kAdd>)
      .Gradient(AddGradient);
}
OpSpec TensorScatterSubOp() {
  return TensorSpec("TensorScatterSub", "tensor", "type")
      .Kernel(TensorScatterKernel<Combine::kSub>)
      .NoKernelFor("T", {DType::kString}, "strings cannot be subtracted")
      .Gradient(SubGradient);
}
OpSpec ScatterNdNonAliasingAddOp() {
  return TensorSpec("ScatterNdNonAliasingAdd", "input", "{numbertype, bool}", QuantizedNumbers())
      .Kernel(TensorScatterKernel<Combine::kAdd>)
      .Gradient(AddGradient);
}

OpSpec ScatterNdUpdateOp() {
  return VariableSpec("Update", VariableScatterPrepare<Combine::kUpdate>, true);
}
OpSpec ScatterNdAddOp() { return VariableSpec("Add", VariableScatterPrepare<Combine::kAdd>, true); }
OpSpec ScatterNdSubOp() { return VariableSpec("Sub", VariableScatterPrepare<Combine::kSub>, true); }
OpSpec ResourceScatterNdUpdateOp() {
  return VariableSpec("Update", VariableScatterPrepare<Combine::kUpdate>, false);
}
OpSpec ResourceScatterNdAddOp() {
  return VariableSpec("Add", VariableScatterPrepare<Combine::kAdd>, false);
}
OpSpec ResourceScatterNdSubOp() {
  return VariableSpec("Sub", VariableScatterPrepare<Combine::kSub>, false)
      .NoKernelFor("T", {DType::kString}, "strings cannot be subtracted");
}

Output TensorScatterUpdate(At at, Output tensor, Output indices, Output updates) {
  return at.Node("TensorScatterUpdate", {tensor, indices, updates});
}
Output TensorScatterAdd(At at, Output tensor, Output indices, Output updates) {
  return at.Node("TensorScatterAdd", {tensor, indices, updates});
}
Output TensorScatterSub(At at, Output tensor, Output indices, Output updates) {
  return at.Node("TensorScatterSub", {tensor, indices, updates});
}
Output ScatterNdNonAliasingAdd(At at, Output input, Output indices, Output updates) {
  return at.Node("ScatterNdNonAliasingAdd", {input, indices, updates});
}
Output ResourceScatterNdUpdate(At at, Output ref, Output indices, Output updates,
                               bool use_locking) {
  return ResourceScatter(at, "ResourceScatterNdUpdate", {ref, indices, updates}, use_locking);
}
Output ResourceScatterNdAdd(At at, Output ref, Output indices, Output updates, bool use_locking) {
  return ResourceScatter(at, "ResourceScatterNdAdd", {ref, indices, updates}, use_locking);
}
Output ResourceScatterNdSub(At at, Output ref, Output indices, Output updates, bool use_locking) {
  return ResourceScatter(at, "ResourceScatterNdSub", {ref, indices, updates}, use_locking);
}

}  // namespace sluice::ops
