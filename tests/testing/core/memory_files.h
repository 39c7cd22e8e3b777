// A file system in memory that can lose power: for tests of what survives.
#ifndef SLUICE_TESTS_TESTING_CORE_MEMORY_FILES_H_
#define SLUICE_TESTS_TESTING_CORE_MEMORY_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice::testing {

// What a program sees is the live state. Beside it stands what the disk holds for certain: the
// bytes of a file as of its last Sync(), the names in a directory as of its last SyncDirectory().
// Not thread-safe. A file that is opened for reading keeps the bytes of that moment.
class MemoryFileSystem : public FileSystem {
 public:
  // Whole files, for arranging and looking. Set() is on the disk at once.
  void Set(const std::string& path, std::string bytes);
  std::string Get(const std::string& path) const;  // REQUIRES: it exists
  std::vector<std::string> Paths() const;          // sorted

  // Creations, renames and deletions that no SyncDirectory() has followed.
  int pending() const { return static_cast<int>(pending_.size()); }
  // The machine dies and starts again: files hold what was synced, and pending operation i has
  // happened if bit i of `kept` is set. (A real disk may keep any of them.)
  void LosePower(uint64_t kept);

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  bool Exists(const std::string& path) override { return live_.contains(path); }
  bool IsDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;

  // A file without its name.
  struct Inode {
    std::string bytes;
    std::string synced;
  };

 private:
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct Operation {
    std::string removed;  // "" for none
    std::string added;    // "" for none
    std::shared_ptr<Inode> inode;
  };
  static void Apply(const Operation& operation, Names& names);
  void Do(Operation operation);

  Names live_;
  Names durable_;
  std::vector<Operation> pending_;
  std::set<std::string> directories_;
};

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_TESTING_CORE_MEMORY_FILES_H_
