#include "train/image_set.h"

#include <zlib.h>

#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "core/random.h"
#include "core/status.h"

namespace sluice::train {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;                 // IDX's code of the element type
constexpr int64_t kMaxDecompressed = int64_t{4} << 30;  // bytes

bool IsGzip(const std::string& bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

absl::StatusOr<std::string> Gunzip(const std::string& packed) {
  z_stream stream = {};
  constexpr int kGzip = 15 + 16;  // largest window, gzip framing
  if (inflateInit2(&stream, kGzip) != Z_OK)
    return absl::ResourceExhaustedError("zlib could not start");
  std::string out;
  std::vector<char> chunk(1 << 20);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int result = Z_OK;
  while (result == Z_OK && static_cast<int64_t>(out.size()) <= kMaxDecompressed) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk.data(), chunk.size() - stream.avail_out);
    if (result == Z_BUF_ERROR) break;
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::DataLossError("the gzip stream is cut or damaged");
  if (stream.avail_in > 0)
    return absl::DataLossError(absl::StrCat(stream.avail_in, " bytes follow the gzip stream"));
  return out;
}

uint32_t BigEndian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// Header: 0 0 type rank, then rank big-endian 32-bit dimensions; then the elements.
absl::StatusOr<Tensor> ParseIdx(const std::string& bytes) {
  if (bytes.size() < 4)
    return absl::DataLossError(
        absl::StrCat("an IDX file has at least 4 bytes, this one ", bytes.size()));
  if (bytes[0] != 0 || bytes[1] != 0)
    return absl::InvalidArgumentError("no IDX file: it does not start with two zero bytes");
  if (static_cast<uint8_t>(bytes[2]) != kUnsignedByte) {
    return absl::InvalidArgumentError(absl::StrCat("element type ", static_cast<uint8_t>(bytes[2]),
                                                   ", only unsigned bytes (8) are read"));
  }
  const size_t rank = static_cast<uint8_t>(bytes[3]);
  const size_t header = 4 + 4 * rank;
  if (bytes.size() < header)
    return absl::DataLossError(absl::StrCat("the header of ", rank, " dimensions is cut"));
  TensorShape shape;
  for (size_t i = 0; i < rank; ++i) shape.AddDim(BigEndian(bytes, 4 + 4 * i));
  SLUICE_RETURN_IF_ERROR(shape.Check());
  if (static_cast<uint64_t>(shape.num_elements()) != bytes.size() - header) {
    return absl::DataLossError(absl::StrCat("shape ", shape.ToString(), " needs ",
                                            shape.num_elements(), " bytes, the file has ",
                                            bytes.size() - header));
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(DType::kUint8, shape));
  std::copy(bytes.begin() + static_cast<int64_t>(header), bytes.end(),
            static_cast<char*>(tensor.mutable_raw()));
  return tensor;
}

// Copies the images and labels `indices` to a batch.
absl::StatusOr<Batch> Gather(const ImageSet& set, absl::Span<const int32_t> indices) {
  const int64_t height = set.images.dim(1), width = set.images.dim(2), size = height * width;
  const int64_t count = static_cast<int64_t>(indices.size());
  Batch batch;
  SLUICE_ASSIGN_OR_RETURN(batch.images, Tensor::Make(DType::kFloat, {count, height, width, 1}));
  SLUICE_ASSIGN_OR_RETURN(batch.labels, Tensor::Make(DType::kInt64, {count}));
  const uint8_t* pixels = set.images.data<uint8_t>();
  const uint8_t* labels = set.labels.data<uint8_t>();
  float* out = batch.images.mutable_data<float>();
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* image = pixels + indices[i] * size;
    for (int64_t k = 0; k < size; ++k) *out++ = static_cast<float>(image[k]) * (1.0f / 255.0f);
    batch.labels.mutable_data<int64_t>()[i] = labels[indices[i]];
  }
  return batch;
}

}  // namespace

absl::StatusOr<Tensor> ReadIdx(const std::string& path, FileSystem& fs) {
  SLUICE_ASSIGN_OR_RETURN(std::string bytes, fs.ReadAll(path));
  if (IsGzip(bytes)) {
    absl::StatusOr<std::string> plain = Gunzip(bytes);
    SLUICE_RETURN_IF_ERROR(Annotate(plain.status(), path));
    bytes = *std::move(plain);
  }
  absl::StatusOr<Tensor> tensor = ParseIdx(bytes);
  SLUICE_RETURN_IF_ERROR(Annotate(tensor.status(), path));
  return tensor;
}

absl::StatusOr<ImageSet> ReadImageSet(const std::string& images_path,
                                      const std::string& labels_path, int classes, FileSystem& fs) {
  ImageSet set;
  SLUICE_ASSIGN_OR_RETURN(set.images, ReadIdx(images_path, fs));
  SLUICE_ASSIGN_OR_RETURN(set.labels, ReadIdx(labels_path, fs));
  if (set.images.shape().rank() != 3 || set.images.num_elements() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        images_path, ": expected images [n, height, width], got ", set.images.shape().ToString()));
  }
  if (set.labels.shape().rank() != 1 || set.labels.dim(0) != set.images.dim(0)) {
    return absl::InvalidArgumentError(absl::StrCat(labels_path, ": expected ", set.images.dim(0),
                                                   " labels, one for each image, got ",
                                                   set.labels.shape().ToString()));
  }
  for (uint8_t label : set.labels.flat<uint8_t>()) {
    if (label >= classes)
      return absl::InvalidArgumentError(
          absl::StrCat(labels_path, ": label ", label, " is outside of ", classes, " classes"));
  }
  return set;
}

absl::StatusOr<Batch> Slice(const ImageSet& set, int64_t begin, int64_t end) {
  std::vector<int32_t> indices(static_cast<size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), static_cast<int32_t>(begin));
  return Gather(set, indices);
}

absl::StatusOr<ShuffledBatches> ShuffledBatches::Create(const ImageSet& set, int64_t batch_size,
                                                        uint64_t seed) {
  if (batch_size <= 0 || batch_size > set.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the batch size must be in [1, ", set.size(), "], got ", batch_size));
  }
  return ShuffledBatches(set, batch_size, seed);
}

// Fisher and Yates; random numbers below n by multiplication (Lemire 2019, without rejection: the
// bias is below 2^-30 here).
void ShuffledBatches::Shuffle(int64_t epoch) {
  epoch_ = epoch;
  order_.resize(static_cast<size_t>(set_->size()));
  std::iota(order_.begin(), order_.end(), 0);
  const Philox random(seed_, static_cast<uint64_t>(epoch));
  for (size_t i = order_.size() - 1; i > 0; --i) {
    const Philox::Block block = random(i);
    const uint64_t bits = uint64_t{block[0]} << 32 | block[1];
    const size_t j = static_cast<size_t>((static_cast<unsigned __int128>(bits) * (i + 1)) >> 64);
    std::swap(order_[i], order_[j]);
  }
}

absl::StatusOr<Batch> ShuffledBatches::At(int64_t step) {
  if (step < 0) return absl::InvalidArgumentError(absl::StrCat("a step is >= 0, got ", step));
  const int64_t epoch = step / steps_per_epoch();
  if (epoch != epoch_) Shuffle(epoch);
  const size_t begin = static_cast<size_t>(step % steps_per_epoch() * batch_size_);
  return Gather(*set_,
                absl::Span<const int32_t>(order_).subspan(begin, static_cast<size_t>(batch_size_)));
}

}  // namespace sluice::train
