#include "layers/input_spec.h"

#include "core/status.h"

namespace sluice::layers {
namespace {

bool LooksAtShape(const InputSpec& spec) {
  return spec.shape.has_value() || spec.ndim.has_value() || spec.max_ndim.has_value() ||
         spec.min_ndim.has_value() || !spec.axes.empty();
}

// "" when the rank fits.
std::string CheckRank(const InputSpec& spec, int rank) {
  std::optional<int> ndim = spec.ndim;
  if (spec.shape.has_value() && spec.shape->rank_known()) ndim = spec.shape->rank();
  if (ndim.has_value() && rank != *ndim)
    return absl::StrCat("expected ndim=", *ndim, ", found ndim=", rank);
  if (spec.max_ndim.has_value() && rank > *spec.max_ndim)
    return absl::StrCat("expected max_ndim=", *spec.max_ndim, ", found ndim=", rank);
  if (spec.min_ndim.has_value() && rank < *spec.min_ndim)
    return absl::StrCat("expected min_ndim=", *spec.min_ndim, ", found ndim=", rank);
  return "";
}

std::string CheckAxes(const InputSpec& spec, const TensorShape& shape) {
  for (const auto& [axis, size] : spec.axes) {
    const int i = axis < 0 ? axis + shape.rank() : axis;
    if (i < 0 || i >= shape.rank())
      return absl::StrCat("expected an axis ", axis, " of size ", size);
    if (shape.dim(i) >= 0 && shape.dim(i) != size) {
      return absl::StrCat("expected axis ", axis, " of input shape to have value ", size,
                          " but got shape ", shape.ToString());
    }
  }
  return "";
}

// "" when the input fits, else what is wrong.
std::string Check(const InputSpec& spec, const Output& input) {
  const TensorShape& shape = input.shape();
  if (LooksAtShape(spec) && !shape.rank_known())
    return "its rank is undefined, but the layer requires a defined rank";
  if (LooksAtShape(spec)) {
    const std::string wrong = CheckRank(spec, shape.rank());
    if (!wrong.empty()) return absl::StrCat(wrong, ". Full shape received: ", shape.ToString());
  }
  if (spec.dtype != DType::kInvalid && input.dtype() != spec.dtype) {
    return absl::StrCat("expected dtype=", DTypeName(spec.dtype),
                        ", found dtype=", DTypeName(input.dtype()));
  }
  const std::string wrong = CheckAxes(spec, shape);
  if (!wrong.empty()) return wrong;
  if (spec.shape.has_value() && !shape.CompatibleWith(*spec.shape))
    return absl::StrCat("expected shape=", spec.shape->ToString(),
                        ", found shape=", shape.ToString());
  return "";
}

}  // namespace

absl::Status CheckInputs(const std::vector<InputSpec>& specs, const Outputs& inputs,
                         const std::string& layer) {
  if (specs.empty()) return absl::OkStatus();
  if (specs.size() != inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("Layer ", layer, " expects ", specs.size(),
                                                   " inputs, but it received ", inputs.size(),
                                                   " input tensors"));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string wrong = Check(specs[i], inputs[i]);
    if (wrong.empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("Input ", i, " of layer ", layer, " is incompatible with the layer: ", wrong));
  }
  return absl::OkStatus();
}

}  // namespace sluice::layers
