#include "session/late_step.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"

namespace sluice {
namespace {

constexpr int64_t kLargestShownBytes = 4096;

bool Shown(const LateStep::Input& input) {
  if (input.ref_shape != nullptr) return false;
  if (input.constant) return true;
  return IsTriviallyCopyable(input.slot->dtype()) && input.slot->byte_size() <= kLargestShownBytes;
}

}  // namespace

LateStep::LateStep(const Node& node, SessionState& session, std::vector<Input> inputs,
                   std::vector<const TensorShape*> planned_outputs)
    : node_(node),
      session_(session),
      inputs_(std::move(inputs)),
      planned_(std::move(planned_outputs)),
      input_shapes_(inputs_.size()),
      output_shapes_(planned_.size()) {}

// Compares with the last run and remembers what is new.
bool LateStep::Changed() {
  bool changed = !inferred_;
  size_t used = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    const TensorShape& shape = input.ref_shape ? *input.ref_shape : input.slot->shape();
    if (!inferred_ || input_shapes_[i] != shape) {
      input_shapes_[i] = shape;
      changed = true;
      prepared_ = false;
    }
    if (input.constant || !Shown(input)) continue;
    const auto bytes = static_cast<size_t>(input.slot->byte_size());
    if (values_.size() < used + bytes) values_.resize(used + bytes);
    if (bytes > 0 && std::memcmp(&values_[used], input.slot->raw(), bytes) != 0) {
      std::memcpy(&values_[used], input.slot->raw(), bytes);
      changed = true;
    }
    used += bytes;
  }
  return changed;
}

absl::Status LateStep::Infer() {
  if (!Changed()) return absl::OkStatus();
  inferred_ = false;  // stays so when this fails: the next run looks again
  SLUICE_RETURN_IF_ERROR(InferShapes());
  inferred_ = true;
  return absl::OkStatus();
}

absl::Status LateStep::InferShapes() {
  std::vector<const Tensor*> known;
  std::vector<DType> input_dtypes, output_dtypes;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    known.push_back(Shown(inputs_[i]) ? inputs_[i].slot : nullptr);
    input_dtypes.push_back(BaseType(node_.input_dtype(static_cast<int>(i))));
  }
  for (int i = 0; i < node_.num_outputs(); ++i)
    output_dtypes.push_back(BaseType(node_.output_dtype(i)));
  ShapeContext context(node_.attrs(), input_shapes_, std::move(known), std::move(input_dtypes),
                       std::move(output_dtypes));
  const bool infers = node_.spec().shape_fn() != nullptr;
  if (infers) SLUICE_RETURN_IF_ERROR(node_.spec().shape_fn()(context));
  for (int i = 0; i < node_.num_outputs(); ++i) {
    TensorShape shape = infers ? context.output(i) : TensorShape::Unknown();
    SLUICE_RETURN_IF_ERROR(shape.Check());
    if (planned_[i] != nullptr) {
      if (!planned_[i]->CompatibleWith(shape)) {
        return absl::InvalidArgumentError(
            absl::StrCat("output ", i, " was planned with shape ", planned_[i]->ToString(),
                         ", the values of this run give ", shape.ToString()));
      }
      shape = *planned_[i];
    }
    if (output_shapes_[i] != shape) {
      output_shapes_[i] = std::move(shape);
      prepared_ = false;
    }
  }
  return absl::OkStatus();
}

absl::Status LateStep::Prepare() {
  const ThreadBudget all(session_.threads);
  std::vector<const Tensor*> constants;
  for (const Input& input : inputs_) constants.push_back(input.constant ? input.slot : nullptr);
  PrepareStep prepare(node_, session_, input_shapes_, output_shapes_, constants);
  SLUICE_ASSIGN_OR_RETURN(kernel_, node_.spec().prepare()(prepare));
  sets_output_ = prepare.sets_output();
  scratch_ = Tensor();
  if (prepare.scratch_bytes() > 0) {
    SLUICE_ASSIGN_OR_RETURN(
        scratch_, Tensor::Make(DType::kUint8, {prepare.scratch_bytes()}, session_.budget));
  }
  prepared_ = true;
  return absl::OkStatus();
}

absl::Status LateStep::Run(StepContext* context) {
  if (!prepared_) SLUICE_RETURN_IF_ERROR(Prepare());
  context->set_scratch(scratch_.mutable_raw());
  for (size_t i = 0; i < planned_.size(); ++i) {
    const StepContext::Out& out = context->outputs()[i];
    if (out.fixed || sets_output_[i] || !output_shapes_[i].fully_defined() ||
        IsRef(node_.output_dtype(static_cast<int>(i)))) {
      continue;
    }
    SLUICE_ASSIGN_OR_RETURN(*out.slot, Tensor::Make(out.dtype, output_shapes_[i], session_.budget));
  }
  return kernel_(*context);
}

}  // namespace sluice
