// Checkpoints from inside a graph: what Saver's graphs, ours and TensorFlow's, are made of. The
// format is io/tensor_bundle.h's. Prefixes and names are string tensors.
#ifndef SLUICE_OPS_SAVE_RESTORE_H_
#define SLUICE_OPS_SAVE_RESTORE_H_

#include <string>
#include <vector>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Operation: writes the bundle `prefix` (a scalar) with one tensor per name. `tensor_names` and
// `shape_and_slices` are vectors; an entry of the latter is "" for a whole tensor, else the place
// of the part that is saved ("10 4 0,5:-", io/tensor_slice.h).
Output SaveV2(At at, Output prefix, Output tensor_names, Output shape_and_slices,
              const Outputs& tensors);

// The tensors of those names, or parts of them. Where there is no bundle `prefix` names the files
// of a checkpoint of the older format (ops/save_restore_v1.h). NotFound "Key w not found in
// checkpoint", InvalidArgument "expected dtype float32 does not equal original dtype int32",
// DataLoss.
Outputs RestoreV2(At at, Output prefix, Output tensor_names, Output shape_and_slices,
                  const std::vector<DType>& dtypes);

// Operation: one bundle `destination_prefix` (a scalar) with everything that the bundles
// `checkpoint_prefixes` (a vector) hold. InvalidArgument "Adding duplicate key: w".
Output MergeV2Checkpoints(At at, Output checkpoint_prefixes, Output destination_prefix,
                          bool delete_old_dirs = true);

// "base-00002-of-00003" from "base", 2 and 3: scalars. ShardedFilespec: "base-?????-of-00003".
Output ShardedFilename(At at, Output basename, Output shard, Output num_shards);
Output ShardedFilespec(At at, Output basename, Output num_shards);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SAVE_RESTORE_H_
