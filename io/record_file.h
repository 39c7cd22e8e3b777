// Record files (TFRecord framing): event files and training data. A file is a sequence of
//   u64 length | u32 masked crc32c of the 8 length bytes | payload | u32 masked crc32c of the
//   payload
// in little-endian order, without header or index. All of it may be compressed as one stream
// (io/record_file_zlib.h).
#ifndef SLUICE_IO_RECORD_FILE_H_
#define SLUICE_IO_RECORD_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "io/record_file_zlib.h"

namespace sluice {

inline constexpr int64_t kRecordOverhead = 16;  // bytes of framing per record

// Appends records to a file. The first error is kept and returned by every later call: what follows
// a torn record could not be read. Not thread-safe.
class RecordWriter {
 public:
  explicit RecordWriter(std::unique_ptr<WritableFile> file,
                        RecordCompression compression = RecordCompression::kNone)
      : file_(CompressedFile(std::move(file), compression)) {}

  absl::Status Append(absl::string_view record);
  absl::Status Flush();  // to the system
  absl::Status Sync();   // to the disk
  absl::Status Close();  // closing again is harmless

 private:
  absl::Status Usable() const;
  absl::Status Keep(absl::Status status);

  std::unique_ptr<WritableFile> file_;
  absl::Status status_;
};

// Reads records in order. A length is believed only after its checksum and the file's size agree
// with it, so a damaged file costs no more memory than its size; a compressed record takes memory
// as its bytes come, up to 2 GiB (ResourceExhausted above). Not thread-safe.
class RecordReader {
 public:
  RecordReader(std::unique_ptr<RandomAccessFile> file, std::string path,
               RecordCompression compression = RecordCompression::kNone);
  static absl::StatusOr<RecordReader> Open(
      FileSystem& fs, const std::string& path,
      RecordCompression compression = RecordCompression::kNone);

  // True with the next record in `record`; false at the end of the file. DataLoss, naming the file
  // and the offset of the record, where the file is torn or damaged: every record before that was
  // returned; asking again repeats the error.
  absl::StatusOr<bool> Next(std::string* record);

  // Where the next record begins, in bytes before compression. After an error: the length of the
  // part that could be read.
  int64_t offset() const { return offset_; }

 private:
  absl::Status Damage(absl::string_view what) const;
  absl::StatusOr<uint64_t> Length(const char* header) const;
  absl::StatusOr<bool> NextPlain(std::string* record);
  absl::StatusOr<bool> NextInflated(std::string* record);
  absl::Status Inflate(int64_t count, char* out);

  std::unique_ptr<RandomAccessFile> file_;  // one of these two
  std::unique_ptr<InflatedFile> inflated_;
  std::string path_;
  absl::Status status_;  // of a compressed file, which cannot be read twice
  int64_t offset_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_IO_RECORD_FILE_H_
