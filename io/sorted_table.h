// Sorted tables: immutable files of (key, value) pairs in LevelDB's table format, ordered by
// unsigned bytes. The index of a tensor bundle is one.
//
// LevelDB writes them. It does not read them: its reader (1.23) trusts block handles and restart
// counts once the checksums are right, and crashes on files that lie. Checking all of that
// beforehand is reading the file, so the reader is ours: strict, and small because it takes the
// whole file at once. Tests read our files with LevelDB, and the reverse.
#ifndef SLUICE_IO_SORTED_TABLE_H_
#define SLUICE_IO_SORTED_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice {

// Limits of what is read: the size of a file, and the bytes of all entries in memory (a small file
// can expand far, as keys share prefixes and blocks may be compressed). The index of a checkpoint
// with a million tensors stays below both.
inline constexpr int64_t kMaxTableFileBytes = int64_t{256} << 20;
inline constexpr int64_t kMaxTableContentBytes = int64_t{512} << 20;

using TableEntry = std::pair<std::string, std::string>;

// All entries of the table at `path`, in order. Raw and Snappy-compressed blocks are read.
// DataLoss, naming the file and what is wrong, when anything in the file is not as the format wants
// it: magic number, handles against the file size, checksums, entries, restart points, strictly
// increasing keys. ResourceExhausted beyond the limits above.
absl::StatusOr<std::vector<TableEntry>> ReadSortedTable(FileSystem& fs, const std::string& path);

// Writes `entries` to `file` as TensorFlow does (uncompressed, blocks of 256 KiB, 16 entries
// between restarts): the same entries give the same bytes. The caller syncs and closes.
absl::Status WriteSortedTable(const std::map<std::string, std::string>& entries,
                              WritableFile& file);

}  // namespace sluice

#endif  // SLUICE_IO_SORTED_TABLE_H_
