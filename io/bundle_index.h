// The index of a tensor bundle in memory: what P.index says, checked, without its encoding. Used by
// tensor_bundle.h.
#ifndef SLUICE_IO_BUNDLE_INDEX_H_
#define SLUICE_IO_BUNDLE_INDEX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "core/tensor_shape.h"
#include "io/tensor_slice.h"

namespace sluice {

// What one key says. The key is a tensor's name, or SliceKey() for one part of a partitioned
// tensor; the tensor itself then has slices and no bytes of its own.
struct BundleRecord {
  std::string key;
  DType dtype = DType::kInvalid;  // may be a number that we do not know
  TensorShape shape;
  int shard = 0;
  int64_t offset = 0;  // bytes, in the shard's data file
  int64_t size = 0;
  uint32_t masked_crc = 0;
  std::vector<TensorSlice> slices;
};

struct BundleIndex {
  int num_shards = 1;
  bool big_endian = false;
  std::vector<BundleRecord> records;                      // sorted by key
  const BundleRecord* Find(absl::string_view key) const;  // null when there is none
};

// Keys of parts begin with a zero byte; names do not.
inline bool IsSliceKey(absl::string_view key) { return !key.empty() && key[0] == '\0'; }

// Reads an index. What it returns makes sense in itself: shapes are fully defined and within the
// limits, sizes fit dtype and shape, shards exist, offsets are not negative, no byte belongs to two
// tensors, every slice lies within its tensor and has a record of its own, and the slices have as
// many elements as the tensor. Whether the data files hold these places is not known yet. DataLoss,
// naming file and key, otherwise; NotFound; FailedPrecondition when the header asks for a newer
// reader.
absl::StatusOr<BundleIndex> ReadBundleIndex(FileSystem& fs, const std::string& path);

// Writes the index, in any order of records, as TensorFlow does. The caller syncs and closes.
absl::Status WriteBundleIndex(const BundleIndex& index, WritableFile& file);

}  // namespace sluice

#endif  // SLUICE_IO_BUNDLE_INDEX_H_
