#include "train/hyper.h"

#include "core/status.h"
#include "core/tensor.h"

namespace sluice::train {

Output Hyper::Tensor(At at, absl::string_view name) const {
  if (!at.ok()) return {};
  if (!given_) {
    return at.Fail(name, absl::InvalidArgumentError(absl::StrCat(name, " must be given")));
  }
  if (tensor_.empty()) {
    return at.Named(name).Node(
        "Const", {}, {{"value", sluice::Tensor::Scalar(number_)}, {"dtype", DType::kFloat}});
  }
  if (tensor_.is_operation() || tensor_.shape().rank() > 0 || !IsFloating(tensor_.dtype())) {
    return at.Fail(name, absl::InvalidArgumentError(absl::StrCat(
                             name, " must be a floating scalar, got ", tensor_.name(), " (",
                             DTypeName(tensor_.dtype()), tensor_.shape().ToString(), ")")));
  }
  return tensor_;
}

}  // namespace sluice::train
