// safetensors files: the length of a header (8 bytes, little-endian), the header in JSON, the bytes
// of the tensors.
//
//   {"__metadata__":{"format":"pt"},"net/w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}
#ifndef SLUICE_IO_SAFETENSORS_H_
#define SLUICE_IO_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "io/tensor_archive.h"
#include "io/tensor_bundle.h"

namespace sluice {

inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// Reads a file as strictly as the reference does: the header is an object and has at most 100 MB;
// each tensor has a dtype, a shape and offsets, and takes as many bytes as the first two say; in
// the order of their offsets the tensors fill the rest of the file, without holes or overlaps. So
// nothing read is larger than the file. (Fields that the format does not know are skipped.) The
// format has no checksums: a changed byte of a tensor is not found. Thread-safe.
//
// Dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL.
class SafetensorsReader {
 public:
  // NotFound; InvalidArgument, naming the file and the tensor or the place in the header, for
  // anything above that does not hold, JSON that is none, and a name given twice; Unimplemented for
  // another dtype. `fs` need not outlive the reader.
  static absl::StatusOr<SafetensorsReader> Open(FileSystem& fs, const std::string& path);

  // Sorted by name.
  const std::vector<BundleTensor>& entries() const { return entries_; }
  // What stands under "__metadata__".
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // NotFound for a name that no tensor has.
  absl::StatusOr<Tensor> Lookup(
      absl::string_view name,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // Can every byte be read?
  absl::Status VerifyAll() const;

 private:
  SafetensorsReader() = default;
  absl::Status ReadHeader();

  std::string path_;
  std::unique_ptr<RandomAccessFile> file_;
  std::vector<BundleTensor> entries_;
  std::map<std::string, int64_t, std::less<>> offsets_;  // in the file, by name
  std::map<std::string, std::string> metadata_;
};

// All tensors of the file.
absl::StatusOr<std::map<std::string, Tensor>> ReadSafetensors(
    FileSystem& fs, const std::string& path,
    const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

// Writes the tensors as the reference orders them, the widest dtypes first and then by name, so
// that each is aligned; the header is padded with spaces to a multiple of 8 bytes. `path` changes
// when all is written. Before the file is touched: Unimplemented, naming the tensor, for dtypes
// that the format lacks (strings, complex and quantized numbers); InvalidArgument for names
// (CheckArchiveNames), the name "__metadata__", and headers beyond the limit.
absl::Status WriteSafetensors(FileSystem& fs, const std::string& path,
                              absl::Span<const BundleTensor> tensors, const TensorSource& source,
                              const std::map<std::string, std::string>& metadata = {});
absl::Status WriteSafetensors(FileSystem& fs, const std::string& path,
                              const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata = {});
// The checks of WriteSafetensors, but for the size of the header.
absl::Status CheckSafetensors(absl::Span<const BundleTensor> tensors);

// "F32" for kFloat; "" for a dtype that the format lacks.
std::string SafetensorsDType(DType dtype);
absl::StatusOr<DType> ParseSafetensorsDType(absl::string_view name);  // Unimplemented

}  // namespace sluice

#endif  // SLUICE_IO_SAFETENSORS_H_
