#include "core/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EIO:
      return absl::StatusCode::kDataLoss;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EINVAL:
    case ENAMETOOLONG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

std::string Shown(const std::string& path) {
  return path.size() <= PATH_MAX ? absl::CHexEscape(path) : Printable(path);
}

absl::Status FileError(absl::string_view action, const std::string& path, int error) {
  return absl::Status(CodeOf(error), absl::StrCat("cannot ", action, " ", Shown(path), ": ",
                                                  std::generic_category().message(error)));
}

// The system would cut a path at a zero byte.
absl::Status CheckPath(const std::string& path) {
  if (path.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("path ", Shown(path), " holds a zero byte"));
}

// Calls `call` again while a signal interrupts it.
template <typename F>
auto Retry(F call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixWritableFile() override { Close().IgnoreError(); }

  absl::Status Append(absl::string_view bytes) override {
    SLUICE_RETURN_IF_ERROR(Usable());
    if (buffer_.size() + bytes.size() <= kBufferBytes) {
      buffer_.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    SLUICE_RETURN_IF_ERROR(Flush());
    if (bytes.size() >= kBufferBytes) return Write(bytes);
    buffer_.assign(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  absl::Status Flush() override {
    SLUICE_RETURN_IF_ERROR(Usable());
    SLUICE_RETURN_IF_ERROR(Write(buffer_));
    buffer_.clear();
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    SLUICE_RETURN_IF_ERROR(Flush());
    // EINVAL: a device or pipe, which has no disk to go to.
    if (Retry([&] { return fsync(fd_); }) == 0 || errno == EINVAL) return absl::OkStatus();
    return error_ = FileError("sync", path_, errno);
  }

  absl::Status Close() override {
    if (fd_ < 0) return error_;
    Flush().IgnoreError();  // kept in error_
    // Not retried: on Linux the descriptor is gone even after EINTR.
    if (close(std::exchange(fd_, -1)) != 0 && errno != EINTR && error_.ok())
      error_ = FileError("close", path_, errno);
    return error_;
  }

 private:
  static constexpr size_t kBufferBytes = 64 << 10;

  // The first error stays: after it nobody knows what is in the file.
  absl::Status Usable() const {
    if (!error_.ok() || fd_ >= 0) return error_;
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", Shown(path_), ": it was closed"));
  }

  absl::Status Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = Retry([&] { return write(fd_, bytes.data(), bytes.size()); });
      if (written < 0) return error_ = FileError("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  const std::string path_;
  int fd_;
  std::string buffer_;
  absl::Status error_;
};

class PosixRandomAccessFile : public RandomAccessFile {
 public:
  PosixRandomAccessFile(std::string path, int fd, int64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~PosixRandomAccessFile() override { close(fd_); }

  int64_t size() const override { return size_; }

  absl::Status Read(int64_t offset, int64_t count, char* out) const override {
    if (offset < 0 || count < 0 || offset > size_ || count > size_ - offset)
      return Short(offset, count);
    int64_t done = 0;
    while (done < count) {
      const ssize_t got = Retry(
          [&] { return pread(fd_, out + done, static_cast<size_t>(count - done), offset + done); });
      if (got < 0) return FileError("read", path_, errno);
      if (got == 0) return Short(offset, count);
      done += got;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Short(int64_t offset, int64_t count) const {
    return absl::OutOfRangeError(absl::StrCat("cannot read ", count, " bytes at ", offset, " of ",
                                              Shown(path_), ": it has ", size_));
  }

  const std::string path_;
  const int fd_;
  const int64_t size_;
};

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return OpenForWriting(path, O_TRUNC);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    return OpenForWriting(path, O_APPEND);
  }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(path));
    // Not blocking: opening a pipe that nobody writes would wait for ever.
    const int fd = Retry([&] { return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); });
    if (fd < 0) return FileError("open", path, errno);
    struct stat info;
    if (fstat(fd, &info) != 0) {
      const int error = errno;
      close(fd);
      return FileError("open", path, error);
    }
    if (!S_ISREG(info.st_mode)) {
      close(fd);
      return absl::FailedPreconditionError(
          absl::StrCat("cannot read ", Shown(path), ": it is ",
                       S_ISDIR(info.st_mode) ? "a directory" : "not a regular file"));
    }
    return std::make_unique<PosixRandomAccessFile>(path, fd, info.st_size);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(from));
    SLUICE_RETURN_IF_ERROR(CheckPath(to));
    if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return FileError(absl::StrCat("rename ", Shown(from), " to"), to, errno);
  }

  absl::Status Delete(const std::string& path) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(path));
    if (unlink(path.c_str()) == 0) return absl::OkStatus();
    return FileError("delete", path, errno);
  }

  absl::Status CreateDirectories(const std::string& path) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(path));
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return FileError("create directory", path, error.value());
    if (!IsDirectory(path)) return FileError("create directory", path, ENOTDIR);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(path));
    const int fd = Retry([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return FileError("sync directory", path, errno);
    const int result = Retry([&] { return fsync(fd); });
    const int error = errno;
    close(fd);
    // EINVAL: a file system that cannot sync directories.
    if (result == 0 || error == EINVAL) return absl::OkStatus();
    return FileError("sync directory", path, error);
  }

  bool Exists(const std::string& path) override {
    struct stat info;
    return CheckPath(path).ok() && stat(path.c_str(), &info) == 0;
  }

  bool IsDirectory(const std::string& path) override {
    struct stat info;
    return CheckPath(path).ok() && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    SLUICE_RETURN_IF_ERROR(CheckPath(directory));
    DIR* stream = opendir(directory.c_str());
    if (stream == nullptr) return FileError("list", directory, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(stream)) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int error = errno;
    closedir(stream);
    if (error != 0) return FileError("list", directory, error);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWriting(const std::string& path, int flags) {
    SLUICE_RETURN_IF_ERROR(CheckPath(path));
    // Opened without blocking (a pipe that nobody reads would wait for ever), written with.
    const int fd = Retry([&] {
      return open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC | flags, 0666);
    });
    if (fd < 0) return FileError("create", path, errno);
    const int status_flags = fcntl(fd, F_GETFL);
    if (status_flags < 0 || fcntl(fd, F_SETFL, status_flags & ~O_NONBLOCK) != 0) {
      const int error = errno;
      close(fd);
      return FileError("create", path, error);
    }
    return std::make_unique<PosixWritableFile>(path, fd);
  }
};

// A name in the same directory that no other call, of this process or another, uses.
std::string TemporaryName(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  constexpr size_t kMaxKept = 200;  // a file name has at most 255 bytes
  return JoinPath(DirectoryOf(path), absl::StrCat(BaseName(path).substr(0, kMaxKept), ".tmp-",
                                                  getpid(), "-", counter.fetch_add(1)));
}

absl::Status WriteWholeFile(FileSystem& files, const std::string& path, absl::string_view bytes) {
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files.Create(path));
  SLUICE_RETURN_IF_ERROR(file->Append(bytes));
  SLUICE_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

}  // namespace

FileSystem& FileSystem::Default() {
  static PosixFileSystem& files = *new PosixFileSystem;
  return files;
}

absl::StatusOr<std::string> FileSystem::ReadAll(const std::string& path, int64_t max_bytes) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, Open(path));
  const int64_t size = file->size();
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot read ", Shown(path), ": it has ", size,
                                                     " bytes, at most ", max_bytes,
                                                     " are allowed"));
  }
  std::string content;
  try {
    content.resize(static_cast<size_t>(size));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot read ", Shown(path), ": no memory for ", size, " bytes"));
  }
  SLUICE_RETURN_IF_ERROR(file->Read(0, size, content.data()));
  return content;
}

absl::Status FileSystem::ReplaceAtomically(const std::string& path, absl::string_view bytes) {
  const std::string temporary = TemporaryName(path);
  absl::Status status = WriteWholeFile(*this, temporary, bytes);
  if (status.ok()) status = Rename(temporary, path);
  if (!status.ok()) {
    Delete(temporary).IgnoreError();
    return status;
  }
  return SyncDirectory(DirectoryOf(path));
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (directory.empty()) return std::string(name);
  if (name.empty()) return std::string(directory);
  while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
  while (!name.empty() && name.front() == '/') name.remove_prefix(1);
  return absl::StrCat(directory, directory == "/" ? "" : "/", name);
}

std::string DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  absl::string_view directory = path.substr(0, slash);
  while (!directory.empty() && directory.back() == '/') directory.remove_suffix(1);
  return directory.empty() ? "/" : std::string(directory);
}

std::string BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace sluice
