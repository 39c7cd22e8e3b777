#include "tests/testing/core/fake_env.h"

#include <utility>

#include "core/status.h"

namespace sluice::testing {
namespace {

class FaultyWritableFile : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& owner, std::unique_ptr<WritableFile> base)
      : owner_(owner), base_(std::move(base)) {}

  absl::Status Append(absl::string_view bytes) override {
    const absl::Status fault = owner_.Count();
    if (fault.ok()) return base_->Append(bytes);
    base_->Append(bytes.substr(0, bytes.size() / 2)).IgnoreError();
    return fault;
  }

  absl::Status Flush() override {
    SLUICE_RETURN_IF_ERROR(owner_.Count());
    return base_->Flush();
  }

  absl::Status Sync() override {
    SLUICE_RETURN_IF_ERROR(owner_.Count());
    return base_->Sync();
  }

  absl::Status Close() override {
    const absl::Status fault = owner_.Count();
    const absl::Status closed = base_->Close();
    return fault.ok() ? closed : fault;
  }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<WritableFile> base_;
};

class FaultyRandomAccessFile : public RandomAccessFile {
 public:
  FaultyRandomAccessFile(FaultyFileSystem& owner, std::unique_ptr<RandomAccessFile> base)
      : owner_(owner), base_(std::move(base)) {}

  int64_t size() const override { return base_->size(); }

  absl::Status Read(int64_t offset, int64_t count, char* out) const override {
    SLUICE_RETURN_IF_ERROR(owner_.Count());
    return base_->Read(offset, count, out);
  }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<RandomAccessFile> base_;
};

}  // namespace

void FaultyFileSystem::Arm(int64_t first, int64_t last, absl::Status status) {
  calls_ = 0;
  first_ = first;
  last_ = last;
  status_ = std::move(status);
}

absl::Status FaultyFileSystem::Count() {
  const int64_t number = ++calls_;
  return first_ > 0 && first_ <= number && number <= last_ ? status_ : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultyFileSystem::Create(const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  SLUICE_ASSIGN_OR_RETURN(auto file, base_.Create(path));
  return std::make_unique<FaultyWritableFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultyFileSystem::OpenForAppend(
    const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  SLUICE_ASSIGN_OR_RETURN(auto file, base_.OpenForAppend(path));
  return std::make_unique<FaultyWritableFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> FaultyFileSystem::Open(const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  SLUICE_ASSIGN_OR_RETURN(auto file, base_.Open(path));
  return std::make_unique<FaultyRandomAccessFile>(*this, std::move(file));
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  SLUICE_RETURN_IF_ERROR(Count());
  return base_.Rename(from, to);
}

absl::Status FaultyFileSystem::Delete(const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  return base_.Delete(path);
}

absl::Status FaultyFileSystem::CreateDirectories(const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  return base_.CreateDirectories(path);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  SLUICE_RETURN_IF_ERROR(Count());
  return base_.SyncDirectory(path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  SLUICE_RETURN_IF_ERROR(Count());
  return base_.List(directory);
}

}  // namespace sluice::testing
