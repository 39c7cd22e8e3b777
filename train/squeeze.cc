#include "train/squeeze.h"

#include "ops/reshape.h"

namespace sluice::train {
namespace {

bool MayBeOne(int64_t dim) { return dim == 1 || dim < 0; }

}  // namespace

Output WithoutLast(At at, const Output& x) { return ops::Squeeze(at, x, {.squeeze_dims = {-1}}); }

Output WithNewLast(At at, const Output& x) { return ops::ExpandDims(at, x, -1); }

void RemoveSqueezable(At at, Output* labels, Output* predictions, int rank_difference) {
  if (!labels->shape().rank_known() || !predictions->shape().rank_known()) return;
  const int excess = predictions->shape().rank() - labels->shape().rank() - rank_difference;
  if (excess == 1 && MayBeOne(predictions->shape().dim(-1)))
    *predictions = WithoutLast(at.Sub("remove_squeezable_dimensions"), *predictions);
  if (excess == -1 && MayBeOne(labels->shape().dim(-1)))
    *labels = WithoutLast(at.Sub("remove_squeezable_dimensions"), *labels);
}

}  // namespace sluice::train
