// Writes a tensor bundle of several data files, one for each device that variables are on, as
// TensorFlow's sharded Saver does: a bundle per shard, then one index over all of them.
#ifndef SLUICE_TRAIN_SHARDED_BUNDLE_H_
#define SLUICE_TRAIN_SHARDED_BUNDLE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "io/bundle_index.h"
#include "io/tensor_bundle.h"

namespace sluice::train {

// As io/tensor_bundle.h's BundleWriter, whose promises hold for all files together: a reader,
// whenever writing stops, finds either the older bundle of this prefix, of however many shards, or
// the new one.
//
// Shard i is written as a bundle of its own, <prefix>.shard-<i>-of-<n>.tmp, whose keys are numbers
// (the slices of one tensor may lie in several shards, which no bundle by itself could say).
// Finish() gives the data files the names <prefix>.data-<i>-of-<n>.tmp, writes the index of all and
// publishes it (io/bundle_files.h). A single shard is written as the final files at once.
class ShardedBundleWriter {
 public:
  // Clears up what a dead writer left under `prefix`. `fs` must outlive the writer. One writer at a
  // time per prefix. InvalidArgument for fewer than 1 or more than 99999 shards.
  static absl::StatusOr<std::unique_ptr<ShardedBundleWriter>> Create(FileSystem& fs,
                                                                     const std::string& prefix,
                                                                     int num_shards);
  ~ShardedBundleWriter();  // gives up, removing what it has written, unless Finish() was called
  ShardedBundleWriter(const ShardedBundleWriter&) = delete;
  ShardedBundleWriter& operator=(const ShardedBundleWriter&) = delete;

  // REQUIRES: 0 <= shard < num_shards. Errors as BundleWriter's; names count over all shards.
  absl::Status Add(int shard, const std::string& name, const Tensor& tensor);
  absl::Status AddSlice(int shard, const std::string& name, const TensorShape& full_shape,
                        const TensorSlice& slice, const Tensor& part);
  // Data files of the older bundle that the new one does not replace are deleted at the end; one
  // that cannot be stays until the next writer comes.
  absl::Status Finish();

 private:
  ShardedBundleWriter(FileSystem& fs, const std::string& prefix, int num_shards)
      : fs_(fs), prefix_(prefix), num_shards_(num_shards) {}
  std::string PartPrefix(int shard) const;
  absl::Status AddUnder(const std::string& key, int shard, const Tensor& tensor);
  absl::Status WriteIndex();
  absl::Status Merge();
  void GiveUp();

  FileSystem& fs_;
  const std::string prefix_;
  const int num_shards_;
  std::vector<std::unique_ptr<BundleWriter>> parts_;
  std::map<std::string, BundleRecord> records_;   // as the index will have them, less the places
  std::map<std::string, std::string> part_keys_;  // of a record, in its shard's bundle
  bool finished_ = false;
};

// Is this the name or path of a file, or the prefix, of a shard that is being written?
bool IsShardInProgress(absl::string_view name);

// Deletes the shards that dead writers left under `prefix`, or under `prefix`-<step> for any step.
// REQUIRES: no such writer is at work.
absl::Status RemoveShardLeftovers(FileSystem& fs, const std::string& prefix);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SHARDED_BUNDLE_H_
