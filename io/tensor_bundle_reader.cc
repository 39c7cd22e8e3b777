#include <algorithm>
#include <utility>

#include "core/status.h"
#include "io/bundle_strings.h"
#include "io/crc32c.h"
#include "io/tensor_bundle.h"

namespace sluice {
namespace {

constexpr int64_t kChunkBytes = int64_t{1} << 20;

void SwapNumbers(Tensor& tensor) {
  const size_t width = SizeOf(tensor.dtype()) / (IsComplex(tensor.dtype()) ? 2 : 1);
  char* bytes = static_cast<char*>(tensor.mutable_raw());
  for (char* end = bytes + tensor.byte_size(); bytes != end; bytes += width) {
    std::reverse(bytes, bytes + width);
  }
}

// A bool that is neither 0 nor 1 would be undefined behaviour for whoever reads it.
void NormalizeBools(Tensor& tensor) {
  unsigned char* bytes = static_cast<unsigned char*>(tensor.mutable_raw());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) bytes[i] = bytes[i] != 0;
}

absl::Status TensorError(const BundleRecord& record, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("tensor '", Printable(record.key), "': ", what));
}

}  // namespace

BundleReader::BundleReader(FileSystem& fs, const std::string& prefix, BundleIndex index,
                           bool committed)
    : fs_(fs), prefix_(prefix), index_(std::move(index)), committed_(committed) {
  for (const BundleRecord& r : index_.records) {
    if (!IsSliceKey(r.key)) keys_.push_back({r.key, r.dtype, r.shape, r.slices});
  }
}

absl::StatusOr<std::unique_ptr<BundleReader>> BundleReader::Open(FileSystem& fs,
                                                                 const std::string& prefix) {
  absl::StatusOr<BundleIndex> index = absl::NotFoundError("");
  const bool committed = fs.Exists(BundleCommitPath(prefix));
  if (committed) index = ReadBundleIndex(fs, BundleCommitPath(prefix));
  // Not found: a writer has just renamed it.
  if (absl::IsNotFound(index.status())) index = ReadBundleIndex(fs, BundleIndexPath(prefix));
  SLUICE_RETURN_IF_ERROR(index.status());
  return std::unique_ptr<BundleReader>(new BundleReader(fs, prefix, *std::move(index), committed));
}

const BundleTensor* BundleReader::Find(absl::string_view name) const {
  const auto it = std::lower_bound(
      keys_.begin(), keys_.end(), name,
      [](const BundleTensor& tensor, absl::string_view n) { return tensor.name < n; });
  return it != keys_.end() && it->name == name ? &*it : nullptr;
}

absl::StatusOr<Tensor> BundleReader::Lookup(absl::string_view name,
                                            const std::shared_ptr<MemoryBudget>& budget) const {
  const BundleRecord* record = IsSliceKey(name) ? nullptr : index_.Find(name);
  if (record == nullptr) {
    return absl::NotFoundError(absl::StrCat("Key ", Printable(name), " not found in checkpoint"));
  }
  return record->slices.empty() ? ReadTensor(*record, budget) : Assemble(*record, budget);
}

absl::StatusOr<Tensor> BundleReader::LookupSlice(
    absl::string_view name, const TensorSlice& slice,
    const std::shared_ptr<MemoryBudget>& budget) const {
  if (const BundleTensor* tensor = Find(name)) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, slice.ShapeWithin(tensor->shape));
    const auto& saved = tensor->slices;
    if (std::find(saved.begin(), saved.end(), slice) != saved.end()) {
      return ReadTensor(*index_.Find(SliceKey(name, slice)), budget);
    }
    SLUICE_ASSIGN_OR_RETURN(const Tensor whole, Lookup(name, budget));
    SLUICE_ASSIGN_OR_RETURN(Tensor part, Tensor::Make(tensor->dtype, shape, budget));
    CopySliceOut(whole, slice, part);
    return part;
  }
  return Lookup(name, budget).status();
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> BundleReader::OpenShard(int shard) const {
  const std::string path = BundleDataPath(prefix_, shard, index_.num_shards);
  if (committed_) {
    auto file = fs_.Open(BundleTemporaryPath(path));
    if (!absl::IsNotFound(file.status())) return file;
  }
  return fs_.Open(path);
}

// The data file of a record, once it is known to hold the record's bytes.
absl::StatusOr<const RandomAccessFile*> BundleReader::FileOf(const BundleRecord& record) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<RandomAccessFile>& file = shards_[record.shard];
  if (file == nullptr) {
    SLUICE_ASSIGN_OR_RETURN(file, OpenShard(record.shard));
  }
  if (record.size > file->size() || record.offset > file->size() - record.size) {
    return TensorError(
        record, absl::StrCat("takes ", record.size, " bytes at ", record.offset, " of data file ",
                             record.shard, ", which has ", file->size()));
  }
  return file.get();
}

absl::Status BundleReader::Read(const BundleRecord& record, int64_t from, int64_t count,
                                char* out) const {
  SLUICE_ASSIGN_OR_RETURN(const RandomAccessFile* file, FileOf(record));
  const absl::Status status = file->Read(record.offset + from, count, out);
  if (absl::IsOutOfRange(status)) return TensorError(record, status.message());  // file has shrunk
  return status;
}

absl::StatusOr<Tensor> BundleReader::ReadTensor(const BundleRecord& record,
                                                const std::shared_ptr<MemoryBudget>& budget) const {
  if (record.dtype == DType::kString) return ReadStrings(record, budget);
  if (!IsTriviallyCopyable(record.dtype)) {
    return absl::UnimplementedError(absl::StrCat("tensor '", Printable(record.key), "': dtype ",
                                                 DTypeName(record.dtype),
                                                 " cannot be read from a checkpoint"));
  }
  SLUICE_RETURN_IF_ERROR(FileOf(record).status());
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(record.dtype, record.shape, budget));
  char* bytes = static_cast<char*>(tensor.mutable_raw());
  SLUICE_RETURN_IF_ERROR(Read(record, 0, record.size, bytes));
  const uint32_t crc = crc32c::Value({bytes, static_cast<size_t>(record.size)});
  if (crc32c::Mask(crc) != record.masked_crc) return TensorError(record, "wrong checksum");
  if (index_.big_endian) SwapNumbers(tensor);
  if (tensor.dtype() == DType::kBool) NormalizeBools(tensor);
  return tensor;
}

absl::StatusOr<Tensor> BundleReader::ReadStrings(
    const BundleRecord& record, const std::shared_ptr<MemoryBudget>& budget) const {
  SLUICE_RETURN_IF_ERROR(FileOf(record).status());
  // The raw bytes are a tensor too, so that the budget knows of them.
  SLUICE_ASSIGN_OR_RETURN(Tensor raw, Tensor::Make(DType::kUint8, {record.size}, budget));
  char* bytes = static_cast<char*>(raw.mutable_raw());
  SLUICE_RETURN_IF_ERROR(Read(record, 0, record.size, bytes));
  absl::StatusOr<Tensor> tensor =
      DecodeStrings({bytes, static_cast<size_t>(record.size)}, record.shape, record.masked_crc,
                    index_.big_endian, budget);
  if (absl::IsDataLoss(tensor.status())) return TensorError(record, tensor.status().message());
  return tensor;
}

// Do the slices cover the tensor? They have as many elements as it has (the index was checked for
// that), so when each element is seen, none is seen twice.
absl::Status BundleReader::CheckCover(const BundleRecord& record,
                                      const std::shared_ptr<MemoryBudget>& budget) const {
  for (const TensorSlice& slice : record.slices) {
    const BundleRecord& part = *index_.Find(SliceKey(record.key, slice));
    SLUICE_RETURN_IF_ERROR(FileOf(part).status());
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor seen, Tensor::Make(DType::kUint8, record.shape, budget));
  std::ranges::fill(seen.mutable_flat<uint8_t>(), uint8_t{0});
  for (const TensorSlice& slice : record.slices) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, slice.ShapeWithin(record.shape));
    SLUICE_ASSIGN_OR_RETURN(Tensor ones, Tensor::Make(DType::kUint8, shape, budget));
    std::ranges::fill(ones.mutable_flat<uint8_t>(), uint8_t{1});
    CopySliceIn(ones, slice, seen);
  }
  const absl::Span<const uint8_t> flags = seen.flat<uint8_t>();
  if (std::find(flags.begin(), flags.end(), 0) == flags.end()) return absl::OkStatus();
  return TensorError(record, "its slices overlap and leave elements out");
}

absl::StatusOr<Tensor> BundleReader::Assemble(const BundleRecord& record,
                                              const std::shared_ptr<MemoryBudget>& budget) const {
  SLUICE_RETURN_IF_ERROR(CheckCover(record, budget));
  SLUICE_ASSIGN_OR_RETURN(Tensor whole, Tensor::Make(record.dtype, record.shape, budget));
  for (const TensorSlice& slice : record.slices) {
    const BundleRecord& part_record = *index_.Find(SliceKey(record.key, slice));
    SLUICE_ASSIGN_OR_RETURN(const Tensor part, ReadTensor(part_record, budget));
    CopySliceIn(part, slice, whole);
  }
  return whole;
}

absl::Status BundleReader::Verify(const BundleRecord& record) const {
  // The parts of a partitioned tensor have records of their own.
  if (!record.slices.empty()) return CheckCover(record, MemoryBudget::Process());
  SLUICE_RETURN_IF_ERROR(FileOf(record).status());
  if (record.dtype == DType::kString) {
    return ReadStrings(record, MemoryBudget::Process()).status();
  }
  if (!IsTriviallyCopyable(record.dtype)) return absl::OkStatus();
  std::string chunk(static_cast<size_t>(std::min(record.size, kChunkBytes)), '\0');
  uint32_t crc = 0;
  for (int64_t done = 0; done < record.size; done += static_cast<int64_t>(chunk.size())) {
    chunk.resize(static_cast<size_t>(std::min(record.size - done, kChunkBytes)));
    SLUICE_RETURN_IF_ERROR(Read(record, done, static_cast<int64_t>(chunk.size()), chunk.data()));
    crc = crc32c::Extend(crc, chunk);
  }
  if (crc32c::Mask(crc) != record.masked_crc) return TensorError(record, "wrong checksum");
  return absl::OkStatus();
}

absl::Status BundleReader::VerifyAll() const {
  for (const BundleRecord& record : index_.records) {
    const absl::Status status = Verify(record);
    if (!status.ok()) return Annotate(status, prefix_);
  }
  return absl::OkStatus();
}

}  // namespace sluice
