// The files of a tensor bundle with prefix P, and how a new bundle takes the place of an older one.
//
//   P.index, P.data-SSSSS-of-NNNNN   a complete bundle, as TensorFlow knows it
//   P.index.tmp, P.data-...tmp       being written; worth nothing
//   P.index.new                      committed: it is the index, and for each data file its
//                                    temporary file (once that is gone, P.data-...) is the data
//
// Several files cannot be renamed at once, so publishing takes a rename each, all on the disk
// before the next: P.index.tmp to P.index.new, which is the moment of change; the data files to
// their names; P.index.new to P.index. A process or a machine that dies on the way leaves either
// the older bundle or the new one, never a mixture; the next writer does what is missing. (Only
// TensorFlow's own readers, which know nothing of P.index.new, see wrong checksums after such a
// death.)
#ifndef SLUICE_IO_BUNDLE_FILES_H_
#define SLUICE_IO_BUNDLE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/file.h"

namespace sluice {

std::string BundleIndexPath(absl::string_view prefix);
std::string BundleDataPath(absl::string_view prefix, int shard, int num_shards);

// Is there a bundle, complete or committed? (Its data may still be missing or damaged.)
bool BundleExists(FileSystem& fs, absl::string_view prefix);

// Clears up after writers that died under `prefix`, or under `prefix`-<step> for any step:
// completes what was committed, deletes what was not (P.meta.tmp* too). Touches nothing else.
// REQUIRES: no such writer is at work.
absl::Status RemoveBundleLeftovers(FileSystem& fs, const std::string& prefix);

// Deletes the bundle `prefix`, the index first. OK when there is none.
absl::Status DeleteBundle(FileSystem& fs, const std::string& prefix);

// --- For BundleWriter and BundleReader ---

std::string BundleTemporaryPath(absl::string_view path);
std::string BundleCommitPath(absl::string_view prefix);
// Publishes P.index.tmp and P.data-00000-of-00001.tmp, both written and synced. (Several data
// files: train/sharded_bundle.h.)
absl::Status PublishBundle(FileSystem& fs, const std::string& prefix);
// Does all renames but the first if P.index.new exists, for any number of data files.
absl::Status CompleteBundle(FileSystem& fs, const std::string& prefix);
// Deletes what was not committed.
absl::Status RemoveBundleTemporaries(FileSystem& fs, const std::string& prefix);

}  // namespace sluice

#endif  // SLUICE_IO_BUNDLE_FILES_H_
