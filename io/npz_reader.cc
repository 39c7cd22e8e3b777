#include <zip.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "io/npy.h"
#include "io/npz.h"

namespace sluice {
namespace {

constexpr int64_t kChunkBytes = int64_t{1} << 20;
constexpr int64_t kEndRecordBytes = 22;  // the smallest archive is its end record alone

// A file as libzip reads it. What the file system says about a failure is kept.
struct Input {
  std::unique_ptr<RandomAccessFile> file;
  int64_t position = 0;
  absl::Status status;
  zip_error_t error;
};

zip_int64_t ReadInput(Input& input, void* data, zip_uint64_t length) {
  const int64_t left = input.file->size() - input.position;
  const int64_t count = std::min<uint64_t>(length, static_cast<uint64_t>(left));
  input.status = input.file->Read(input.position, count, static_cast<char*>(data));
  if (!input.status.ok()) {
    zip_error_set(&input.error, ZIP_ER_READ, 0);
    return -1;
  }
  input.position += count;
  return count;
}

zip_int64_t SeekInput(Input& input, void* data, zip_uint64_t length) {
  const zip_int64_t to = zip_source_seek_compute_offset(
      static_cast<zip_uint64_t>(input.position), static_cast<zip_uint64_t>(input.file->size()),
      data, length, &input.error);
  if (to < 0) return -1;
  input.position = to;
  return 0;
}

zip_int64_t StatInput(const Input& input, void* data) {
  zip_stat_t* stat = static_cast<zip_stat_t*>(data);
  zip_stat_init(stat);
  stat->valid = ZIP_STAT_SIZE;
  stat->size = static_cast<zip_uint64_t>(input.file->size());
  return sizeof(*stat);
}

// libzip's window on an Input.
zip_int64_t Serve(void* state, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  Input& input = *static_cast<Input*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      input.position = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return ReadInput(input, data, length);
    case ZIP_SOURCE_SEEK:
      return SeekInput(input, data, length);
    case ZIP_SOURCE_TELL:
      return input.position;
    case ZIP_SOURCE_STAT:
      return StatInput(input, data);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&input.error, data, length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    default:
      zip_error_set(&input.error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

absl::Status StatusFrom(zip_error_t* error) {
  const std::string text = zip_error_strerror(error);
  switch (zip_error_code_zip(error)) {
    case ZIP_ER_MEMORY:
      return absl::ResourceExhaustedError(text);
    case ZIP_ER_COMPNOTSUPP:
    case ZIP_ER_ENCRNOTSUPP:
    case ZIP_ER_NOPASSWD:
      return absl::UnimplementedError(text);
    default:
      return absl::DataLossError(absl::StrCat("damaged zip archive: ", text));
  }
}

}  // namespace

struct NpzReader::Archive {
  // One member being unpacked.
  class Stream {
   public:
    Stream(Archive& archive, zip_uint64_t index)
        : archive_(archive), file_(zip_fopen_index(archive.zip, index, 0)) {}
    ~Stream() {
      if (file_ != nullptr) zip_fclose(file_);
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    absl::Status status() const {
      return file_ == nullptr ? archive_.Error(zip_get_error(archive_.zip)) : absl::OkStatus();
    }
    // Exactly `count` bytes.
    absl::Status Next(int64_t count, char* out) {
      while (count > 0) {
        const zip_int64_t got = zip_fread(file_, out, static_cast<zip_uint64_t>(count));
        if (got < 0) return archive_.Error(zip_file_get_error(file_));
        if (got == 0) return absl::DataLossError("its packed bytes end too soon");
        out += got;
        count -= got;
      }
      return absl::OkStatus();
    }
    // Nothing follows, and the checksum is right.
    absl::Status AtEnd() {
      char more;
      const zip_int64_t got = zip_fread(file_, &more, 1);
      if (got < 0) return archive_.Error(zip_file_get_error(file_));
      if (got > 0) return absl::DataLossError("it unpacks to more bytes than its size says");
      return absl::OkStatus();
    }

   private:
    Archive& archive_;
    zip_file_t* const file_;
  };

  ~Archive() {
    if (zip != nullptr) zip_discard(zip);
    zip_error_fini(&input.error);
  }
  absl::Status Open();
  absl::Status AddMember(zip_uint64_t index, std::vector<BundleTensor>* entries);
  absl::Status CheckMember(zip_uint64_t index, int64_t* size) const;

  // The file's own failure, else what libzip says.
  absl::Status Error(zip_error_t* error) const {
    return input.status.ok() ? StatusFrom(error) : input.status;
  }
  absl::Status About(absl::string_view name, const absl::Status& status) const {
    return Annotate(status,
                    absl::StrCat(absl::CHexEscape(path), ", array '", Printable(name), "'"));
  }

  struct Member {
    zip_uint64_t index = 0;
    int64_t size = 0;  // unpacked
  };
  std::string path;
  Input input;
  zip_t* zip = nullptr;
  std::map<std::string, Member, std::less<>> members;
  std::mutex mutex;  // libzip's archives are for one thread
};

absl::Status NpzReader::Archive::Open() {
  zip_error_init(&input.error);
  if (input.file->size() < kEndRecordBytes) {
    return absl::DataLossError(
        absl::StrCat("not a zip archive: it has ", input.file->size(), " bytes"));
  }
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(Serve, &input, &error);
  if (source != nullptr) zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  absl::Status status;
  if (zip == nullptr) {
    status = zip_error_code_zip(&error) == ZIP_ER_NOZIP && input.status.ok()
                 ? absl::DataLossError("not a zip archive, or its end is missing")
                 : Error(&error);
    if (source != nullptr) zip_source_free(source);
  }
  zip_error_fini(&error);
  return status;
}

absl::Status NpzReader::Archive::CheckMember(zip_uint64_t index, int64_t* size) const {
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(zip, index, 0, &stat) != 0) return Error(zip_get_error(zip));
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE)
    return absl::UnimplementedError("it is encrypted");
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    return absl::UnimplementedError(absl::StrCat("it is packed with method ", stat.comp_method,
                                                 ", expected 0 (stored) or 8 (deflated)"));
  }
  if (stat.size > static_cast<zip_uint64_t>(INT64_MAX))
    return absl::DataLossError(absl::StrCat("it claims ", stat.size, " bytes"));
  *size = static_cast<int64_t>(stat.size);
  return absl::OkStatus();
}

absl::Status NpzReader::Archive::AddMember(zip_uint64_t index, std::vector<BundleTensor>* entries) {
  const char* text = zip_get_name(zip, index, ZIP_FL_ENC_STRICT);
  if (text == nullptr) return Annotate(Error(zip_get_error(zip)), absl::CHexEscape(path));
  absl::string_view name = text;
  if (absl::EndsWith(name, "/")) return absl::OkStatus();  // a directory
  if (!absl::ConsumeSuffix(&name, ".npy")) {
    return absl::InvalidArgumentError(absl::StrCat(absl::CHexEscape(path), ": member '",
                                                   Printable(name),
                                                   "' is no array: its name does not end in .npy"));
  }
  Member member = {index, 0};
  SLUICE_RETURN_IF_ERROR(About(name, CheckMember(index, &member.size)));
  if (!members.emplace(name, member).second) {
    return About(name, absl::InvalidArgumentError("there are two of this name"));
  }
  Stream stream(*this, index);
  SLUICE_RETURN_IF_ERROR(About(name, stream.status()));
  const absl::StatusOr<NpyArray> array =
      ReadNpyHeader(member.size, [&](int64_t count, char* out) { return stream.Next(count, out); });
  if (!array.ok()) return About(name, array.status());
  entries->push_back({std::string(name), array->dtype, array->shape, {}});
  return absl::OkStatus();
}

NpzReader::NpzReader(std::unique_ptr<Archive> archive) : archive_(std::move(archive)) {}
NpzReader::NpzReader(NpzReader&&) noexcept = default;
NpzReader& NpzReader::operator=(NpzReader&&) noexcept = default;
NpzReader::~NpzReader() = default;

absl::Status NpzReader::ReadDirectory() {
  const zip_int64_t members = zip_get_num_entries(archive_->zip, 0);
  for (zip_int64_t i = 0; i < members; ++i) {
    SLUICE_RETURN_IF_ERROR(archive_->AddMember(static_cast<zip_uint64_t>(i), &entries_));
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const BundleTensor& a, const BundleTensor& b) { return a.name < b.name; });
  return absl::OkStatus();
}

absl::StatusOr<NpzReader> NpzReader::Open(FileSystem& fs, const std::string& path) {
  auto archive = std::make_unique<Archive>();
  archive->path = path;
  SLUICE_ASSIGN_OR_RETURN(archive->input.file, fs.Open(path));
  SLUICE_RETURN_IF_ERROR(Annotate(archive->Open(), absl::CHexEscape(path)));
  NpzReader reader(std::move(archive));
  SLUICE_RETURN_IF_ERROR(reader.ReadDirectory());
  return reader;
}

absl::StatusOr<Tensor> NpzReader::Lookup(absl::string_view name,
                                         const std::shared_ptr<MemoryBudget>& budget) const {
  const auto found = archive_->members.find(name);
  if (found == archive_->members.end()) {
    return absl::NotFoundError(
        absl::StrCat(absl::CHexEscape(archive_->path), " has no array '", Printable(name), "'"));
  }
  const std::lock_guard<std::mutex> lock(archive_->mutex);
  Archive::Stream stream(*archive_, found->second.index);
  SLUICE_RETURN_IF_ERROR(archive_->About(name, stream.status()));
  const NextBytes next = [&](int64_t count, char* out) { return stream.Next(count, out); };
  const absl::StatusOr<NpyArray> array = ReadNpyHeader(found->second.size, next);
  if (!array.ok()) return archive_->About(name, array.status());
  absl::StatusOr<Tensor> tensor = ReadNpyElements(*array, next, budget);
  if (!tensor.ok()) return archive_->About(name, tensor.status());
  SLUICE_RETURN_IF_ERROR(archive_->About(name, stream.AtEnd()));
  return tensor;
}

absl::Status NpzReader::VerifyAll() const {
  const std::lock_guard<std::mutex> lock(archive_->mutex);
  std::string chunk;
  for (const auto& [name, member] : archive_->members) {
    Archive::Stream stream(*archive_, member.index);
    SLUICE_RETURN_IF_ERROR(archive_->About(name, stream.status()));
    for (int64_t left = member.size; left > 0; left -= static_cast<int64_t>(chunk.size())) {
      chunk.resize(static_cast<size_t>(std::min(left, kChunkBytes)));
      const auto count = static_cast<int64_t>(chunk.size());
      SLUICE_RETURN_IF_ERROR(archive_->About(name, stream.Next(count, chunk.data())));
    }
    SLUICE_RETURN_IF_ERROR(archive_->About(name, stream.AtEnd()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(FileSystem& fs, const std::string& path,
                                                      const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(fs, path));
  std::map<std::string, Tensor> tensors;
  for (const BundleTensor& entry : reader.entries()) {
    SLUICE_ASSIGN_OR_RETURN(tensors[entry.name], reader.Lookup(entry.name, budget));
  }
  return tensors;
}

}  // namespace sluice
