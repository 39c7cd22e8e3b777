// Files of named tensors of every kind, behind one face: checkpoints, .npz, .safetensors.
#ifndef SLUICE_TRAIN_TENSOR_FILE_H_
#define SLUICE_TRAIN_TENSOR_FILE_H_

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "io/tensor_archive.h"
#include "train/checkpoint_reader.h"

namespace sluice::train {

// By the path: ".npz", ".safetensors"; anything else is the prefix of a checkpoint.
enum class TensorFileKind { kCheckpoint, kNpz, kSafetensors };
TensorFileKind TensorFileKindOf(absl::string_view path);
absl::string_view TensorFileKindName(TensorFileKind kind);  // "a checkpoint", "a .npz file", ...

// Reads one. Movable. Thread-safe. Errors are those of train/checkpoint_reader.h, io/npz.h and
// io/safetensors.h.
class TensorFile {
 public:
  static absl::StatusOr<TensorFile> Open(const std::string& path,
                                         FileSystem& fs = FileSystem::Default());

  TensorFileKind kind() const { return static_cast<TensorFileKind>(reader_.index()); }
  // Null unless kind() is kCheckpoint.
  const CheckpointReader* checkpoint() const { return std::get_if<CheckpointReader>(&reader_); }
  // Sorted by name. Tensors of a checkpoint that were saved in parts have their slices.
  const std::vector<BundleTensor>& entries() const;
  // What a .safetensors file says of itself; empty for other kinds.
  std::map<std::string, std::string> metadata() const;
  absl::StatusOr<Tensor> GetTensor(
      absl::string_view name,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // Reads everything, and compares the checksums of the formats that have them.
  absl::Status VerifyAll() const;

 private:
  using Reader = std::variant<CheckpointReader, NpzReader, SafetensorsReader>;
  explicit TensorFile(Reader reader) : reader_(std::move(reader)) {}
  Reader reader_;
};

// Can a file of this kind hold these tensors? InvalidArgument or Unimplemented, naming the first
// that it cannot hold.
absl::Status CheckTensors(TensorFileKind kind, absl::Span<const BundleTensor> tensors);

// Writes one, of the kind that `path` says: complete or not at all. CheckTensors comes first:
// before that is OK nothing is written. Tensors with slices are saved slice by slice in a
// checkpoint, whole elsewhere; `metadata` is for .safetensors. One tensor at a time is in memory.
absl::Status WriteTensorFile(FileSystem& fs, const std::string& path,
                             absl::Span<const BundleTensor> tensors, const TensorSource& source,
                             const std::map<std::string, std::string>& metadata = {});

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_TENSOR_FILE_H_
