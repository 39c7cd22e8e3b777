// A hyper-parameter of an optimizer.
#ifndef SLUICE_TRAIN_HYPER_H_
#define SLUICE_TRAIN_HYPER_H_

#include <type_traits>
#include <utility>

#include "graph/at.h"
#include "graph/output.h"
#include "graph/variable.h"

namespace sluice::train {

// A number, or a scalar tensor: a schedule, a variable that the program changes, a placeholder.
// As in TensorFlow, a number becomes a float32 Const, which is cast where a variable has another
// dtype.
class Hyper {
 public:
  Hyper() = default;  // not given
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  Hyper(T number)  // NOLINT: implicit
      : number_(static_cast<float>(number)), given_(true) {}
  Hyper(Output tensor) : tensor_(std::move(tensor)), given_(true) {}            // NOLINT
  Hyper(const Variable& variable) : tensor_(variable.value()), given_(true) {}  // NOLINT

  bool given() const { return given_; }
  // The scalar; a number becomes a Const called `name`. InvalidArgument on the graph when not given
  // or when the tensor is known not to be a scalar.
  Output Tensor(At at, absl::string_view name) const;

 private:
  float number_ = 0;
  Output tensor_;
  bool given_ = false;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_HYPER_H_
