// A file system that fails on purpose: for tests of everything that writes files.
#ifndef SLUICE_TESTS_TESTING_CORE_FAKE_ENV_H_
#define SLUICE_TESTS_TESTING_CORE_FAKE_ENV_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice::testing {

// Passes every call to `base` but the chosen ones, which fail with a given status. Counted are all
// calls that can report an error, of the file system and of the files that it opened, from 1 on in
// the order made; not Exists, IsDirectory, size and destructors. The use: run once to learn
// calls(), then once per n with FailCall(n, ...).
//
// A failing call does nothing, as if the system had refused it, with two exceptions that real disks
// show: Append writes the first half of its bytes (a full disk), and Close still closes.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& base = FileSystem::Default()) : base_(base) {}

  // Call number `n`, counted from now, fails; later ones work again. n <= 0: none.
  void FailCall(int64_t n, absl::Status status) { Arm(n, n, std::move(status)); }
  // Call number `n`, counted from now, and all later ones fail: a disk that went away.
  void FailFrom(int64_t n, absl::Status status) { Arm(n, INT64_MAX, std::move(status)); }
  // Calls since construction or the last FailCall or FailFrom.
  int64_t calls() const { return calls_; }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  bool Exists(const std::string& path) override { return base_.Exists(path); }
  bool IsDirectory(const std::string& path) override { return base_.IsDirectory(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;

  // Counts one call: its status when it is to fail, else OK. For the files that this object hands
  // out.
  absl::Status Count();

 private:
  void Arm(int64_t first, int64_t last, absl::Status status);

  FileSystem& base_;
  std::atomic<int64_t> calls_{0};
  int64_t first_ = 0;
  int64_t last_ = 0;
  absl::Status status_;
};

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_TESTING_CORE_FAKE_ENV_H_
