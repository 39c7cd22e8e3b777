#include "io/record_file_zlib.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/status.h"

namespace sluice {
namespace {

constexpr int64_t kChunk = 64 * 1024;

// zlib's number for the format: 15 bits of window, and 16 more for gzip's header.
int WindowBits(RecordCompression compression) {
  return compression == RecordCompression::kGzip ? MAX_WBITS + 16 : MAX_WBITS;
}

class Deflater : public WritableFile {
 public:
  Deflater(std::unique_ptr<WritableFile> file, RecordCompression compression)
      : file_(std::move(file)), out_(kChunk) {
    constexpr int kMemoryLevel = 9;  // TensorFlow's
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WindowBits(compression),
                     kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      status_ = absl::ResourceExhaustedError("no memory to compress with");
    }
  }
  ~Deflater() override {
    Close().IgnoreError();
    deflateEnd(&stream_);
  }

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const absl::string_view part = bytes.substr(0, kChunk);
      SLUICE_RETURN_IF_ERROR(Deflate(part, Z_NO_FLUSH));
      bytes.remove_prefix(part.size());
    }
    return status_;
  }
  absl::Status Flush() override {
    SLUICE_RETURN_IF_ERROR(Deflate("", Z_SYNC_FLUSH));
    return file_->Flush();
  }
  absl::Status Sync() override {
    SLUICE_RETURN_IF_ERROR(Deflate("", Z_SYNC_FLUSH));
    return file_->Sync();
  }
  absl::Status Close() override {
    if (closed_) return status_;
    Deflate("", Z_FINISH).IgnoreError();  // kept in status_
    closed_ = true;
    const absl::Status closed = file_->Close();
    if (status_.ok()) status_ = closed;
    return status_;
  }

 private:
  absl::Status Deflate(absl::string_view bytes, int flush) {
    SLUICE_RETURN_IF_ERROR(status_);
    if (closed_) return absl::FailedPreconditionError("the record file is closed");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      deflate(&stream_, flush);  // cannot fail: there is room, and the stream is whole
      status_ = file_->Append({out_.data(), out_.size() - stream_.avail_out});
    } while (status_.ok() && stream_.avail_out == 0);
    return status_;
  }

  std::unique_ptr<WritableFile> file_;
  std::vector<char> out_;
  z_stream stream_ = {};
  absl::Status status_;
  bool closed_ = false;
};

class Inflater : public InflatedFile {
 public:
  Inflater(std::unique_ptr<RandomAccessFile> file, RecordCompression compression)
      : file_(std::move(file)), in_(kChunk) {
    if (inflateInit2(&stream_, WindowBits(compression)) != Z_OK) {
      status_ = absl::ResourceExhaustedError("no memory to decompress with");
    }
  }
  ~Inflater() override { inflateEnd(&stream_); }

  absl::StatusOr<int64_t> Read(int64_t count, char* out) override {
    int64_t done = 0;
    while (done < count) {
      SLUICE_RETURN_IF_ERROR(status_);
      if (stream_.avail_in == 0) SLUICE_RETURN_IF_ERROR(Fill());
      if (stream_.avail_in == 0 && !in_stream_) break;  // the end, between streams
      const int64_t room = std::min(count - done, kChunk);
      stream_.next_out = reinterpret_cast<Bytef*>(out + done);
      stream_.avail_out = static_cast<uInt>(room);
      in_stream_ = true;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (result == Z_STREAM_END) {
        in_stream_ = false;
        inflateReset(&stream_);
      } else if (result != Z_OK) {
        status_ = Damage(result);
      }
    }
    return done;
  }

 private:
  absl::Status Fill() {
    const int64_t count = std::min(kChunk, file_->size() - position_);
    status_ = count > 0 ? file_->Read(position_, count, in_.data()) : absl::OkStatus();
    SLUICE_RETURN_IF_ERROR(status_);
    position_ += count;
    stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
    stream_.avail_in = static_cast<uInt>(count);
    return absl::OkStatus();
  }
  absl::Status Damage(int result) const {
    const int64_t at = position_ - stream_.avail_in;
    if (result == Z_BUF_ERROR) {
      return absl::DataLossError(
          absl::StrCat("torn, the compressed stream ends too early, at byte ", at));
    }
    return absl::DataLossError(absl::StrCat(
        "damaged compressed stream near byte ", at,
        " of the file: ", stream_.msg != nullptr ? stream_.msg : "it asks for a dictionary"));
  }

  std::unique_ptr<RandomAccessFile> file_;
  std::vector<char> in_;
  z_stream stream_ = {};
  int64_t position_ = 0;    // of the file, behind what is in in_
  bool in_stream_ = false;  // a stream has begun and not ended
  absl::Status status_;
};

}  // namespace

std::unique_ptr<WritableFile> CompressedFile(std::unique_ptr<WritableFile> file,
                                             RecordCompression compression) {
  if (compression == RecordCompression::kNone) return file;
  return std::make_unique<Deflater>(std::move(file), compression);
}

std::unique_ptr<InflatedFile> InflatedFile::Of(std::unique_ptr<RandomAccessFile> file,
                                               RecordCompression compression) {
  return std::make_unique<Inflater>(std::move(file), compression);
}

}  // namespace sluice
