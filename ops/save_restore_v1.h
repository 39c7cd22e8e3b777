// Checkpoints from inside a graph in the format of TensorFlow's first releases (V1): what old
// graphs' savers are made of. New graphs use ops/save_restore.h.
#ifndef SLUICE_OPS_SAVE_RESTORE_V1_H_
#define SLUICE_OPS_SAVE_RESTORE_V1_H_

#include <cstdint>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Operations: write the file `filename` (a scalar) with one tensor per name; SaveSlices: or the
// part of one that `shapes_and_slices` places ("10 4 0,5:-", io/tensor_slice.h; "" the whole).
Output Save(At at, Output filename, Output tensor_names, const Outputs& data);
Output SaveSlices(At at, Output filename, Output tensor_names, Output shapes_and_slices,
                  const Outputs& data);

struct RestoreOptions {
  int64_t preferred_shard = -1;  // only a hint
};
// The tensor of that name, or a part, from the files that match `file_pattern` (scalars). NotFound
// `Tensor name "w" not found in checkpoint files f`, InvalidArgument "Expected to restore a tensor
// of type float, got a tensor of type int32 instead: tensor_name = w", DataLoss.
Output Restore(At at, Output file_pattern, Output tensor_name, DType dt,
               const RestoreOptions& options = {});
Output RestoreSlice(At at, Output file_pattern, Output tensor_name, Output shape_and_slice,
                    DType dt, const RestoreOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SAVE_RESTORE_V1_H_
