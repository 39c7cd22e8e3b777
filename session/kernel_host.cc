#include "session/kernel_host.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {

PrepareStep::PrepareStep(const Node& node, SessionState& session,
                         absl::Span<const TensorShape> inputs,
                         absl::Span<const TensorShape> outputs,
                         absl::Span<const Tensor* const> constants, std::vector<bool> stable)
    : node_(node),
      session_(session),
      inputs_(inputs),
      outputs_(outputs),
      constants_(constants),
      stable_(std::move(stable)),
      sets_output_(outputs.size(), false) {}

void PrepareStep::RequestScratch(int64_t bytes) {
  CHECK_GE(bytes, 0) << node_.op();
  CHECK_EQ(scratch_bytes_, 0) << node_.op() << " asked for scratch twice";
  scratch_bytes_ = bytes;
}

absl::StatusOr<Tensor*> StepContext::Allocate(int i, const TensorShape& shape) {
  const Out& out = outputs_[i];
  if (out.planned != nullptr && *out.planned != shape) {
    return absl::InvalidArgumentError(absl::StrCat("output ", i, " has shape ", shape.ToString(),
                                                   ", was planned as ", out.planned->ToString()));
  }
  if (out.slot->dtype() == out.dtype && out.slot->shape() == shape &&
      (out.fixed || out.slot->unique())) {
    return out.slot;
  }
  CHECK(!out.fixed) << node_.op();
  SLUICE_ASSIGN_OR_RETURN(*out.slot, Tensor::Make(out.dtype, shape, budget()));
  return out.slot;
}

void StepContext::SetOutput(int i, Tensor value) {
  const Out& out = outputs_[i];
  if (out.preset) return;
  if (value.dtype() != out.dtype) {
    return Fail(
        absl::InternalError(absl::StrCat("the kernel gave ", DTypeName(value.dtype()),
                                         " for output ", i, ", expected ", DTypeName(out.dtype))));
  }
  if (out.planned != nullptr && *out.planned != value.shape()) {
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("output ", i, " has shape ", value.shape().ToString(), ", was planned as ",
                     out.planned->ToString())));
  }
  if (out.fixed) {
    out.slot->CopyElements(value);
    return;
  }
  // Planned memory is used again after its planned life: only a copy may outlive it.
  if (value.SharesBufferWith(run_.arena)) {
    absl::StatusOr<Tensor> copy = value.Clone(budget());
    if (!copy.ok()) return Fail(copy.status());
    value = *std::move(copy);
  }
  *out.slot = std::move(value);
}

absl::Status StepContext::TakeError() { return std::exchange(error_, absl::OkStatus()); }

absl::Status StepContext::CheckOutputs() const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].slot->empty_handle()) continue;
    return absl::InternalError(absl::StrCat("the kernel gave no value for output ", i));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> RunNodeOnce(const Node& node, SessionState& session,
                                                absl::Span<const Tensor* const> inputs,
                                                absl::Span<const TensorShape> output_shapes) {
  std::vector<TensorShape> input_shapes;
  std::vector<const Tensor*> constants;
  for (const Tensor* input : inputs) {
    input_shapes.push_back(input->shape());
    constants.push_back(input->raw() != nullptr ? input : nullptr);
  }
  PrepareStep prepare(node, session, input_shapes, output_shapes, constants);
  SLUICE_ASSIGN_OR_RETURN(KernelRun kernel, node.spec().prepare()(prepare));

  Tensor scratch;
  if (prepare.scratch_bytes() > 0) {
    SLUICE_ASSIGN_OR_RETURN(scratch,
                            Tensor::Make(DType::kUint8, {prepare.scratch_bytes()}, session.budget));
  }
  RunState run;
  run.session = &session;
  run.threads = session.threads;
  std::vector<Tensor> results(node.num_outputs());
  std::vector<StepContext::Out> outs;
  for (int i = 0; i < node.num_outputs(); ++i) {
    const bool is_ref = IsRef(node.output_dtype(i));
    const bool known = !is_ref && output_shapes[i].fully_defined();
    const DType dtype = is_ref ? DType::kResource : node.output_dtype(i);
    if (known && !prepare.sets_output()[i]) {
      SLUICE_ASSIGN_OR_RETURN(results[i], Tensor::Make(dtype, output_shapes[i], session.budget));
    }
    outs.push_back({&results[i], dtype, known ? &output_shapes[i] : nullptr, false});
  }
  StepContext context(node, run, {inputs.begin(), inputs.end()}, std::move(outs));
  context.set_scratch(scratch.mutable_raw());
  SLUICE_RETURN_IF_ERROR(kernel(context));
  SLUICE_RETURN_IF_ERROR(context.TakeError());
  SLUICE_RETURN_IF_ERROR(context.CheckOutputs());
  return results;
}

}  // namespace sluice
