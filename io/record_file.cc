#include "io/record_file.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "io/coding.h"
#include "io/crc32c.h"

namespace sluice {
namespace {

constexpr int64_t kHeaderBytes = 12;  // length and its checksum
constexpr int64_t kFooterBytes = 4;   // the payload's checksum
constexpr uint64_t kMostInflated = uint64_t{1} << 31;
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

RecordReader::RecordReader(std::unique_ptr<RandomAccessFile> file, std::string path,
                           RecordCompression compression)
    : path_(std::move(path)) {
  if (compression == RecordCompression::kNone) {
    file_ = std::move(file);
  } else {
    inflated_ = InflatedFile::Of(std::move(file), compression);
  }
}

absl::StatusOr<RecordReader> RecordReader::Open(FileSystem& fs, const std::string& path,
                                                RecordCompression compression) {
  SLUICE_ASSIGN_OR_RETURN(auto file, fs.Open(path));
  return RecordReader(std::move(file), path, compression);
}

absl::Status RecordReader::Damage(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, ": record at offset ", offset_, ": ", what));
}

absl::StatusOr<uint64_t> RecordReader::Length(const char* header) const {
  if (crc32c::Mask(crc32c::Value({header, 8})) != DecodeFixed32(header + 8)) {
    return Damage("wrong checksum of the length");
  }
  return DecodeFixed64(header);
}

absl::StatusOr<bool> RecordReader::Next(std::string* record) {
  if (inflated_ == nullptr) return NextPlain(record);
  SLUICE_RETURN_IF_ERROR(status_);
  absl::StatusOr<bool> more = NextInflated(record);
  status_ = more.status();
  return more;
}

absl::StatusOr<bool> RecordReader::NextPlain(std::string* record) {
  const int64_t left = file_->size() - offset_;
  if (left == 0) return false;
  if (left < kRecordOverhead) {
    return Damage(absl::StrCat("torn, only ", left, " bytes are left"));
  }
  char header[kHeaderBytes];
  SLUICE_RETURN_IF_ERROR(file_->Read(offset_, kHeaderBytes, header));
  SLUICE_ASSIGN_OR_RETURN(const uint64_t length, Length(header));
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

absl::Status RecordReader::Inflate(int64_t count, char* out) {
  const absl::StatusOr<int64_t> got = inflated_->Read(count, out);
  if (absl::IsDataLoss(got.status())) return Damage(got.status().message());
  SLUICE_RETURN_IF_ERROR(got.status());
  if (*got < count) return Damage(absl::StrCat("torn, ", count - *got, " bytes are missing"));
  return absl::OkStatus();
}

absl::StatusOr<bool> RecordReader::NextInflated(std::string* record) {
  char header[kHeaderBytes];
  const absl::StatusOr<int64_t> first = inflated_->Read(1, header);
  if (absl::IsDataLoss(first.status())) return Damage(first.status().message());
  SLUICE_RETURN_IF_ERROR(first.status());
  if (*first == 0) return false;
  SLUICE_RETURN_IF_ERROR(Inflate(kHeaderBytes - 1, header + 1));
  SLUICE_ASSIGN_OR_RETURN(const uint64_t length, Length(header));
  if (length > kMostInflated) {
    return absl::ResourceExhaustedError(absl::StrCat(path_, ": record at offset ", offset_, " has ",
                                                     length, " bytes, the limit is ",
                                                     kMostInflated));
  }
  record->clear();
  while (record->size() < length) {  // a length that lies is found out before memory is spent
    const size_t done = record->size(), part = std::min<size_t>(length - done, 1 << 20);
    record->resize(done + part);
    SLUICE_RETURN_IF_ERROR(Inflate(static_cast<int64_t>(part), record->data() + done));
  }
  char footer[kFooterBytes];
  SLUICE_RETURN_IF_ERROR(Inflate(kFooterBytes, footer));
  if (crc32c::Mask(crc32c::Value(*record)) != DecodeFixed32(footer)) {
    return Damage("wrong checksum of the payload");
  }
  offset_ += kRecordOverhead + static_cast<int64_t>(length);
  return true;
}

}  // namespace sluice
