#include "tests/testing/core/memory_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace sluice::testing {
namespace {

absl::Status Missing(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file"));
}

class MemoryWriter : public WritableFile {
 public:
  explicit MemoryWriter(std::shared_ptr<MemoryFileSystem::Inode> inode)
      : inode_(std::move(inode)) {}
  absl::Status Append(absl::string_view bytes) override {
    inode_->bytes.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Sync() override {
    inode_->synced = inode_->bytes;
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::shared_ptr<MemoryFileSystem::Inode> inode_;
};

class MemoryReader : public RandomAccessFile {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
  absl::Status Read(int64_t offset, int64_t count, char* out) const override {
    if (offset < 0 || count < 0 || offset > size() || count > size() - offset) {
      return absl::OutOfRangeError(
          absl::StrCat("cannot read ", count, " bytes at ", offset, " of ", size()));
    }
    std::copy_n(bytes_.data() + offset, count, out);
    return absl::OkStatus();
  }

 private:
  const std::string bytes_;
};

}  // namespace

void MemoryFileSystem::Apply(const Operation& operation, Names& names) {
  if (!operation.removed.empty()) names.erase(operation.removed);
  if (!operation.added.empty()) names[operation.added] = operation.inode;
}

void MemoryFileSystem::Do(Operation operation) {
  Apply(operation, live_);
  pending_.push_back(std::move(operation));
}

void MemoryFileSystem::Set(const std::string& path, std::string bytes) {
  auto inode = std::make_shared<Inode>(Inode{bytes, bytes});
  live_[path] = inode;
  durable_[path] = inode;
}

std::string MemoryFileSystem::Get(const std::string& path) const {
  const auto it = live_.find(path);
  CHECK(it != live_.end()) << path;
  return it->second->bytes;
}

std::vector<std::string> MemoryFileSystem::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, inode] : live_) paths.push_back(path);
  return paths;
}

void MemoryFileSystem::LosePower(uint64_t kept) {
  CHECK_LE(pending_.size(), 64u);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if ((kept >> i) & 1) Apply(pending_[i], durable_);
  }
  pending_.clear();
  // Handles of the dead process may still point to the old inodes.
  for (auto& [path, inode] : durable_) {
    inode = std::make_shared<Inode>(Inode{inode->synced, inode->synced});
  }
  live_ = durable_;
}

absl::StatusOr<std::unique_ptr<WritableFile>> MemoryFileSystem::Create(const std::string& path) {
  auto inode = std::make_shared<Inode>();
  Do({.removed = "", .added = path, .inode = inode});
  return std::make_unique<MemoryWriter>(inode);
}

absl::StatusOr<std::unique_ptr<WritableFile>> MemoryFileSystem::OpenForAppend(
    const std::string& path) {
  const auto it = live_.find(path);
  if (it == live_.end()) return Create(path);
  return std::make_unique<MemoryWriter>(it->second);
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> MemoryFileSystem::Open(const std::string& path) {
  const auto it = live_.find(path);
  if (it == live_.end()) return Missing(path);
  return std::make_unique<MemoryReader>(it->second->bytes);
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const auto it = live_.find(from);
  if (it == live_.end()) return Missing(from);
  Do({.removed = from, .added = to, .inode = it->second});
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Delete(const std::string& path) {
  if (!live_.contains(path)) return Missing(path);
  Do({.removed = path, .added = "", .inode = nullptr});
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::CreateDirectories(const std::string& path) {
  directories_.insert(path);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  std::erase_if(pending_, [&](const Operation& operation) {
    const std::string& name = operation.added.empty() ? operation.removed : operation.added;
    if (DirectoryOf(name) != path) return false;
    Apply(operation, durable_);
    return true;
  });
  return absl::OkStatus();
}

bool MemoryFileSystem::IsDirectory(const std::string& path) {
  return directories_.contains(path) ||
         std::any_of(live_.begin(), live_.end(),
                     [&](const auto& entry) { return absl::StartsWith(entry.first, path + "/"); });
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  if (!IsDirectory(directory)) return Missing(directory);
  std::vector<std::string> names;
  for (const auto& [path, inode] : live_) {
    if (DirectoryOf(path) == directory) names.push_back(BaseName(path));
  }
  return names;
}

}  // namespace sluice::testing
