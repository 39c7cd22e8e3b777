// The shapes of an LSTM's inputs, checked in one place for all its ops.
#ifndef SLUICE_OPS_LSTM_SHAPES_H_
#define SLUICE_OPS_LSTM_SHAPES_H_

#include "absl/status/status.h"
#include "core/kernel.h"

namespace sluice::ops {

// The inputs cs_prev, h_prev, w, wci, wcf, wco, b from number `first` on, for cells of `inputs`
// inputs. InvalidArgument, in TensorFlow's words, where they do not fit; wci, wcf and wco need to
// only with `peephole`.
struct LstmShapes {
  int64_t batch = 0, inputs = 0, size = 0;
};
absl::StatusOr<LstmShapes> CheckLstmShapes(PrepareContext& p, int first, int64_t batch,
                                           int64_t inputs, bool peephole);

// InvalidArgument unless inputs first .. last have that shape.
absl::Status CheckInputShapes(PrepareContext& p, int first, int last, const TensorShape& shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LSTM_SHAPES_H_
