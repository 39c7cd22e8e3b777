#include "ops/lstm_shapes.h"

#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {

absl::StatusOr<LstmShapes> CheckLstmShapes(PrepareContext& p, int first, int64_t batch,
                                           int64_t inputs, bool peephole) {
  const char* const names[] = {"cs_prev", "h_prev", "w", "wci", "wcf", "wco", "b"};
  if (p.input_shape(first).rank() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("cs_prev must be 2D, got ", p.input_shape(first).ToString()));
  }
  const int64_t size = p.input_shape(first).dim(1);
  const TensorShape state = {batch, size}, vector = {size};
  const TensorShape wanted[] = {state,  state,     {inputs + size, 4 * size}, vector, vector,
                                vector, {4 * size}};
  for (int i = 0; i < 7; ++i) {
    if (i >= 3 && i <= 5 && !peephole) continue;
    const TensorShape& got = p.input_shape(first + i);
    if (got == wanted[i]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(names[i], " has shape ", got.ToString(), ", must be ", wanted[i].ToString(),
                     " (batch_size ", batch, ", input_size ", inputs, ", cell_size ", size, ")"));
  }
  return LstmShapes{batch, inputs, size};
}

absl::Status CheckInputShapes(PrepareContext& p, int first, int last, const TensorShape& shape) {
  for (int i = first; i <= last; ++i) {
    if (p.input_shape(i) == shape) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "input ", i, " has shape ", p.input_shape(i).ToString(), ", must be ", shape.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace sluice::ops
