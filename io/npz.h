// numpy's .npz files: a zip archive of .npy files, one for each array. The array "a/b" is the
// member "a/b.npy".
#ifndef SLUICE_IO_NPZ_H_
#define SLUICE_IO_NPZ_H_

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

// Reads an archive: members stored or deflated (np.savez, np.savez_compressed), of any size
// (zip64). libzip reads the zip; what its members say of themselves is checked here. Names are
// keys, never paths: "../x" is a tensor of that name. Thread-safe.
//
// Damage is DataLoss, naming file and array. An array is never larger than its header says, and its
// memory is asked of the budget first: a small file that unpacks without end is ResourceExhausted.
class NpzReader {
 public:
  // NotFound; DataLoss for what is no zip archive; InvalidArgument for a member that is no array
  // (.npy), whose header is malformed, or whose name another one has; Unimplemented for an
  // encrypted one, one packed in another way, and elements that no tensor holds (io/npy.h). `fs`
  // need not outlive the reader.
  static absl::StatusOr<NpzReader> Open(FileSystem& fs, const std::string& path);
  NpzReader(NpzReader&&) noexcept;
  NpzReader& operator=(NpzReader&&) noexcept;
  ~NpzReader();

  // Sorted by name.
  const std::vector<BundleTensor>& entries() const { return entries_; }
  // NotFound for a name that no array has.
  absl::StatusOr<Tensor> Lookup(
      absl::string_view name,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // Unpacks all members and compares their checksums, holding a small part of one at a time.
  absl::Status VerifyAll() const;

 private:
  struct Archive;
  explicit NpzReader(std::unique_ptr<Archive> archive);
  absl::Status ReadDirectory();

  std::unique_ptr<Archive> archive_;
  std::vector<BundleTensor> entries_;
};

// All arrays of the file.
absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(
    FileSystem& fs, const std::string& path,
    const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

// Writes the archive in the given order, members stored, byte for byte what np.savez would write
// for short keys; `path` changes when all is written. Unimplemented, naming the array, before the
// file is touched, for dtypes that numpy lacks: bfloat16, quantized types, and strings (whose
// numpy kin drops zero bytes at the end). InvalidArgument for names (CheckArchiveNames), also of
// more than 65,000 bytes or with a zero byte.
absl::Status WriteNpz(FileSystem& fs, const std::string& path,
                      absl::Span<const BundleTensor> tensors, const TensorSource& source);
absl::Status WriteNpz(FileSystem& fs, const std::string& path,
                      const std::map<std::string, Tensor>& tensors);
// The checks of WriteNpz.
absl::Status CheckNpz(absl::Span<const BundleTensor> tensors);

}  // namespace sluice

#endif  // SLUICE_IO_NPZ_H_
