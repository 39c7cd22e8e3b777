// Checkpoints of TensorFlow's first releases (V1): each file is a sorted table that holds
// everything, values as messages. A checkpoint is one file, or several that a pattern matches.
#ifndef SLUICE_OPS_OLD_CHECKPOINT_H_
#define SLUICE_OPS_OLD_CHECKPOINT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "io/tensor_slice.h"

namespace sluice::ops {

class OldCheckpointReader {
 public:
  // Reads all files that match. NotFound when none does; DataLoss for files that make no sense;
  // FailedPrecondition for files that want newer readers; ResourceExhausted beyond the limits of
  // io/sorted_table.h.
  static absl::StatusOr<OldCheckpointReader> Open(FileSystem& fs, const std::string& pattern);

  struct Entry {
    DType dtype = DType::kInvalid;
    TensorShape shape;
    std::vector<TensorSlice> slices;  // those that were saved
  };
  const Entry* Find(const std::string& name) const;  // null when there is none

  // The tensor, put together from its slices. NotFound; DataLoss for slices that are not there,
  // have another number of values than their shape, or do not make up the tensor.
  absl::StatusOr<Tensor> Lookup(const std::string& name,
                                const std::shared_ptr<MemoryBudget>& budget) const;

  // What the ops Restore, RestoreSlice and RestoreV2 want: the tensor, or the part that `slice`
  // places ("" the whole), of that dtype. Messages name `files`.
  absl::StatusOr<Tensor> Restore(const std::string& files, const std::string& name,
                                 const std::string& slice, DType dtype,
                                 const std::shared_ptr<MemoryBudget>& budget) const;

 private:
  absl::Status AddFile(FileSystem& fs, const std::string& path);
  absl::StatusOr<Tensor> ReadSlice(const std::string& name, const Entry& entry,
                                   const TensorSlice& slice,
                                   const std::shared_ptr<MemoryBudget>& budget) const;

  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> data_;  // messages, by key
};

struct OldSlice {
  std::string name;
  TensorShape full_shape;
  TensorSlice slice;
  const Tensor* value;
};
// Writes the slices to one file, which appears whole or not at all. InvalidArgument for a slice
// given twice, or of another dtype or full shape than an earlier one of that name.
absl::Status WriteOldCheckpoint(FileSystem& fs, const std::string& path,
                                absl::Span<const OldSlice> slices);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_OLD_CHECKPOINT_H_
