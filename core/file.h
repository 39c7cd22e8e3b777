// Files. Everything that touches the disk goes through FileSystem, so that tests can make it fail
// at any call.
#ifndef SLUICE_CORE_FILE_H_
#define SLUICE_CORE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// Every error names the path and the system's reason; NotFound for a missing file,
// ResourceExhausted for a full disk, DataLoss for an I/O error, PermissionDenied, InvalidArgument
// for an impossible path, FailedPrecondition otherwise (a directory where a file is expected).

// A file being written. Appends are collected (64 KiB). The first error stays: every later call
// returns it.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes, ignoring errors: call Close()
  virtual absl::Status Append(absl::string_view bytes) = 0;  // short writes and EINTR are invisible
  virtual absl::Status Flush() = 0;                          // to the system
  virtual absl::Status Sync() = 0;                           // to the disk (fsync)
  virtual absl::Status Close() = 0;
};

// A regular file being read; directories, pipes and devices cannot be opened as one.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;
  virtual int64_t size() const = 0;
  // Exactly `count` bytes from `offset`; OutOfRange when the file is shorter. Checked without
  // overflow. Thread-safe.
  virtual absl::Status Read(int64_t offset, int64_t count, char* out) const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  static FileSystem& Default();  // POSIX

  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path) = 0;  // truncates
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;  // replaces `to` atomically
  virtual absl::Status Delete(const std::string& path) = 0;
  virtual absl::Status CreateDirectories(const std::string& path) = 0;  // like mkdir -p
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& directory) = 0;  // names, sorted, without . and ..

  // Whole file. ResourceExhausted above `max_bytes`. (Built from Open.)
  absl::StatusOr<std::string> ReadAll(const std::string& path,
                                      int64_t max_bytes = int64_t{4} << 30);
  // All or nothing: a temporary file beside `path`, synced, renamed over it, directory synced. On
  // an error the temporary one is gone and the file is whole: the old one or, when only the
  // directory's sync failed, the new one, which a power cut may then undo.
  absl::Status ReplaceAtomically(const std::string& path, absl::string_view bytes);
};

// One slash between the two, whatever they end and begin with; the other one when one is empty.
std::string JoinPath(absl::string_view directory, absl::string_view name);
std::string DirectoryOf(absl::string_view path);  // "." when there is none
std::string BaseName(absl::string_view path);

}  // namespace sluice

#endif  // SLUICE_CORE_FILE_H_
