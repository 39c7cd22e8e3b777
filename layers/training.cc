#include "layers/training.h"

#include "core/status.h"

namespace sluice {

std::optional<bool> Training::Known() const {
  if (tensor_.empty()) return fixed_;
  const std::optional<Tensor> value = tensor_.graph()->ConstantValue(tensor_);
  if (!value.has_value() || value->dtype() != DType::kBool || value->num_elements() != 1)
    return std::nullopt;
  return value->scalar<bool>();
}

absl::Status Training::Check(const Graph& graph) const {
  if (tensor_.empty()) return absl::OkStatus();
  if (tensor_.graph() != &graph)
    return absl::InvalidArgumentError("`training` is not an element of this graph");
  if (tensor_.dtype() != DType::kBool || !tensor_.shape().CompatibleWith({})) {
    return absl::InvalidArgumentError(absl::StrCat("`training` must be a bool scalar, got ",
                                                   DTypeName(tensor_.dtype()),
                                                   tensor_.shape().ToString()));
  }
  return absl::OkStatus();
}

}  // namespace sluice
