// Tensor bundles: TensorFlow's V2 checkpoint format. A bundle with prefix P is the sorted table
// P.index (a header, then for each tensor its dtype, shape, place and checksum) and the data files
// P.data-00000-of-00001 ...
#ifndef SLUICE_IO_TENSOR_BUNDLE_H_
#define SLUICE_IO_TENSOR_BUNDLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "io/bundle_files.h"
#include "io/bundle_index.h"
#include "io/tensor_slice.h"

namespace sluice {

// Writes a bundle of one shard. The same tensors in the same order give the same bytes.
//
// Nothing is to be seen under the final names before Finish(), which syncs data and index and then
// publishes them in such a way (bundle_files.h) that a reader, whenever writing stops, finds either
// the older bundle with this prefix or the new one. When a call fails, the temporary files are
// removed and every later call repeats the error. (When a call fails after the moment of change,
// the new bundle stays.)
class BundleWriter {
 public:
  // Makes the directory of `prefix` when it is missing. `fs` must outlive the writer. One writer at
  // a time per prefix.
  static absl::StatusOr<std::unique_ptr<BundleWriter>> Create(FileSystem& fs,
                                                              const std::string& prefix);
  ~BundleWriter();  // gives up, removing the temporary files, unless Finish() was called
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  // Appends a tensor. InvalidArgument for an empty name or "Adding duplicate key: w"; Unimplemented
  // for a dtype that has no bytes (resource, variant). These leave the writer usable; an I/O error
  // does not.
  absl::Status Add(const std::string& name, const Tensor& tensor);
  // Appends one slice of the tensor `name` of shape `full_shape`; the other slices come in further
  // calls. A full slice is the same as Add(). InvalidArgument when the slice and the shapes do not
  // fit, or a second slice names another dtype or shape.
  absl::Status AddSlice(const std::string& name, const TensorShape& full_shape,
                        const TensorSlice& slice, const Tensor& part);
  absl::Status Finish();

 private:
  BundleWriter(FileSystem& fs, const std::string& prefix) : fs_(fs), prefix_(prefix) {}
  absl::Status CheckUsable() const;
  absl::Status AddUnder(const std::string& key, const Tensor& tensor);
  absl::Status AppendElements(const Tensor& tensor, uint32_t* masked_crc);
  absl::Status Append(absl::string_view bytes);
  absl::Status WriteIndex();
  absl::Status GiveUp(absl::Status status);

  FileSystem& fs_;
  const std::string prefix_;
  std::unique_ptr<WritableFile> data_;
  int64_t offset_ = 0;
  std::map<std::string, BundleRecord> records_;
  absl::Status status_;
  bool finished_ = false;
};

// What the index says about one tensor.
struct BundleTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  TensorShape shape;
  std::vector<TensorSlice> slices;  // empty unless the tensor was saved in parts
};

// Reads a bundle: any number of shards, either byte order, partitioned tensors, raw or Snappy index
// blocks. Thread-safe.
//
// The whole index is checked by Open(): a reader that exists has only entries that make sense in
// themselves. Places are checked against the data files before anything is allocated or read, and
// every tensor read is checked against its checksum. Damage of any kind is DataLoss, naming the
// file or tensor; nothing in a file can crash the process.
class BundleReader {
 public:
  // NotFound when there is no P.index. FailedPrecondition when the bundle was written for newer
  // readers only. The data files are opened when first needed. `fs` must outlive the reader.
  static absl::StatusOr<std::unique_ptr<BundleReader>> Open(FileSystem& fs,
                                                            const std::string& prefix);
  BundleReader(const BundleReader&) = delete;
  BundleReader& operator=(const BundleReader&) = delete;

  const std::string& prefix() const { return prefix_; }
  int num_shards() const { return index_.num_shards; }
  // All tensors, sorted by name. A partitioned tensor is one entry.
  const std::vector<BundleTensor>& Keys() const { return keys_; }
  const BundleTensor* Find(absl::string_view name) const;  // null when there is none
  bool Contains(absl::string_view name) const { return Find(name) != nullptr; }

  // The tensor, put together from its slices when it was saved in parts. NotFound "Key w not found
  // in checkpoint"; Unimplemented for a dtype that a Tensor cannot hold; ResourceExhausted from the
  // budget; DataLoss for damage, and for slices that do not cover the tensor exactly once.
  absl::StatusOr<Tensor> Lookup(
      absl::string_view name,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // A part of it. Reads no more than the part when it was saved as exactly this slice.
  // InvalidArgument when the slice does not fit the tensor.
  absl::StatusOr<Tensor> LookupSlice(
      absl::string_view name, const TensorSlice& slice,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;

  // Reads every byte that the index names and checks it, as Lookup() of every key would, without
  // holding more than one string tensor: call it before a restore changes anything. Tensors of
  // dtypes that cannot be held are checked for their place only.
  absl::Status VerifyAll() const;

 private:
  BundleReader(FileSystem& fs, const std::string& prefix, BundleIndex index, bool committed);
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenShard(int shard) const;
  absl::StatusOr<const RandomAccessFile*> FileOf(const BundleRecord& record) const;
  absl::Status Read(const BundleRecord& record, int64_t from, int64_t count, char* out) const;
  absl::StatusOr<Tensor> ReadTensor(const BundleRecord& record,
                                    const std::shared_ptr<MemoryBudget>& budget) const;
  absl::StatusOr<Tensor> ReadStrings(const BundleRecord& record,
                                     const std::shared_ptr<MemoryBudget>& budget) const;
  absl::StatusOr<Tensor> Assemble(const BundleRecord& record,
                                  const std::shared_ptr<MemoryBudget>& budget) const;
  absl::Status CheckCover(const BundleRecord& record,
                          const std::shared_ptr<MemoryBudget>& budget) const;
  absl::Status Verify(const BundleRecord& record) const;

  FileSystem& fs_;
  const std::string prefix_;
  const BundleIndex index_;
  std::vector<BundleTensor> keys_;
  const bool committed_;      // read from P.index.new: the data file may not have its name yet
  mutable std::mutex mutex_;  // guards shards_
  mutable std::map<int, std::unique_ptr<RandomAccessFile>> shards_;
};

}  // namespace sluice

#endif  // SLUICE_IO_TENSOR_BUNDLE_H_
