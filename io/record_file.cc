#include "io/record_file.h"

#include <utility>

#include "core/status.h"
#include "io/coding.h"
#include "io/crc32c.h"

namespace sluice {
namespace {

constexpr int64_t kHeaderBytes = 12;  // length and its checksum
constexpr int64_t kFooterBytes = 4;   // the payload's checksum
static_assert(kHeaderBytes + kFooterBytes == kRecordOverhead);

}  // namespace

absl::Status RecordWriter::Keep(absl::Status status) {
  if (status_.ok()) status_ = status;
  return status_;
}

absl::Status RecordWriter::Usable() const {
  SLUICE_RETURN_IF_ERROR(status_);
  if (file_ == nullptr) return absl::FailedPreconditionError("the record file is closed");
  return absl::OkStatus();
}

absl::Status RecordWriter::Append(absl::string_view record) {
  SLUICE_RETURN_IF_ERROR(Usable());
  std::string framed;
  framed.reserve(record.size() + kRecordOverhead);
  AppendFixed64(&framed, record.size());
  AppendFixed32(&framed, crc32c::Mask(crc32c::Value(framed)));
  framed.append(record.data(), record.size());
  AppendFixed32(&framed, crc32c::Mask(crc32c::Value(record)));
  return Keep(file_->Append(framed));
}

absl::Status RecordWriter::Flush() {
  SLUICE_RETURN_IF_ERROR(Usable());
  return Keep(file_->Flush());
}

absl::Status RecordWriter::Sync() {
  SLUICE_RETURN_IF_ERROR(Usable());
  return Keep(file_->Sync());
}

absl::Status RecordWriter::Close() {
  if (file_ == nullptr) return status_;
  const std::unique_ptr<WritableFile> file = std::move(file_);
  return Keep(file->Close());
}

absl::StatusOr<RecordReader> RecordReader::Open(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(auto file, fs.Open(path));
  return RecordReader(std::move(file), path);
}

absl::Status RecordReader::Damage(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, ": record at offset ", offset_, ": ", what));
}

absl::StatusOr<bool> RecordReader::Next(std::string* record) {
  const int64_t left = file_->size() - offset_;
  if (left == 0) return false;
  if (left < kRecordOverhead) {
    return Damage(absl::StrCat("torn, only ", left, " bytes are left"));
  }
  char header[kHeaderBytes];
  SLUICE_RETURN_IF_ERROR(file_->Read(offset_, kHeaderBytes, header));
  if (crc32c::Mask(crc32c::Value({header, 8})) != DecodeFixed32(header + 8)) {
    return Damage("wrong checksum of the length");
  }
  const uint64_t length = DecodeFixed64(header);
  if (length > static_cast<uint64_t>(left - kRecordOverhead)) {
    return Damage(absl::StrCat("torn, has ", length, " bytes but only ", left - kRecordOverhead,
                               " are left"));
  }
  const int64_t size = static_cast<int64_t>(length);
  record->resize(length);
  SLUICE_RETURN_IF_ERROR(file_->Read(offset_ + kHeaderBytes, size, record->data()));
  char footer[kFooterBytes];
  SLUICE_RETURN_IF_ERROR(file_->Read(offset_ + kHeaderBytes + size, kFooterBytes, footer));
  if (crc32c::Mask(crc32c::Value(*record)) != DecodeFixed32(footer)) {
    return Damage("wrong checksum of the payload");
  }
  offset_ += kRecordOverhead + size;
  return true;
}

}  // namespace sluice
