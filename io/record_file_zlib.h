// Compressed record files: the whole file is one stream of zlib's (RFC 1950) or gzip's (RFC 1952)
// format.
#ifndef SLUICE_IO_RECORD_FILE_ZLIB_H_
#define SLUICE_IO_RECORD_FILE_ZLIB_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice {

// TensorFlow's TFRecordOptions. Which one a file has is not written in it.
enum class RecordCompression { kNone, kZlib, kGzip };

// A file that compresses what is appended. Flush() and Sync() end a block, so that all before can
// be read; Close() ends the stream: without it the file is torn.
std::unique_ptr<WritableFile> CompressedFile(std::unique_ptr<WritableFile> file,
                                             RecordCompression compression);

// The bytes that a compressed file stands for, in order. Streams one after another in a file are
// one (RFC 1952, 2.2). Memory: 64 KiB whatever the file says. Not thread-safe.
class InflatedFile {
 public:
  virtual ~InflatedFile() = default;
  // Up to `count` bytes; fewer at the end only. DataLoss naming the place in the file (not the
  // file) where the stream is damaged, is of another format, or ends too early: every byte before
  // was returned. An empty file is an empty stream.
  virtual absl::StatusOr<int64_t> Read(int64_t count, char* out) = 0;

  static std::unique_ptr<InflatedFile> Of(std::unique_ptr<RandomAccessFile> file,
                                          RecordCompression compression);
};

}  // namespace sluice

#endif  // SLUICE_IO_RECORD_FILE_ZLIB_H_
