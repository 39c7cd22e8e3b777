// CheckpointReader: what a checkpoint of any kind holds (tf.train.NewCheckpointReader,
// tf.train.load_checkpoint).
//
//   SLUICE_ASSIGN_OR_RETURN(auto reader, train::CheckpointReader::Open("run/model-1000"));
//   for (const auto& entry : reader.entries()) std::cout << entry.name << entry.shape << '\n';
//   SLUICE_ASSIGN_OR_RETURN(Tensor kernel, reader.GetTensor("net/conv1/kernel"));
#ifndef SLUICE_TRAIN_CHECKPOINT_READER_H_
#define SLUICE_TRAIN_CHECKPOINT_READER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "io/tensor_bundle.h"
#include "io/tensor_slice.h"

namespace sluice::ops {
class OldCheckpointReader;
}  // namespace sluice::ops

namespace sluice::train {

enum class CheckpointFormat {
  kV1,  // one table of messages, or several shards of it (TensorFlow's first releases)
  kV2,  // a tensor bundle: index and data files
};

// Movable. Thread-safe. Nothing that a file says is trusted: what cannot be is DataLoss, naming
// file or key (io/tensor_bundle.h, ops/old_checkpoint.h).
class CheckpointReader {
 public:
  // `path` names, in the order tried:
  // * a bundle: its prefix P, P.index, or P.data-SSSSS-of-NNNNN;
  // * a directory with a file "checkpoint": the newest checkpoint that it names and that exists
  //   (rule SV-7), else the bundle with the highest step there; or the directory of a SavedModel;
  // * a V1 checkpoint: its only file or one shard of it, or NAME of the shards
  //   NAME-?????-of-?????, all of which must be there, or a pattern that matches files.
  // NotFound, saying what was looked for, when there is none of these. `fs` must outlive the
  // reader.
  static absl::StatusOr<CheckpointReader> Open(const std::string& path,
                                               FileSystem& fs = FileSystem::Default());
  CheckpointReader(CheckpointReader&&) noexcept;
  CheckpointReader& operator=(CheckpointReader&&) noexcept;
  ~CheckpointReader();

  CheckpointFormat format() const { return format_; }
  // The prefix of the bundle, or the file or pattern of a V1 checkpoint: what was chosen where
  // Open() got a directory.
  const std::string& path() const { return path_; }
  int num_files() const { return num_files_; }  // with values: shards

  // All tensors, sorted by name. A partitioned one is a single entry with its full shape and the
  // slices that were saved; others have no slices. A dtype may be one that no Tensor can hold.
  const std::vector<BundleTensor>& entries() const { return entries_; }
  const BundleTensor* Find(absl::string_view name) const;  // null when there is none
  bool HasTensor(absl::string_view name) const { return Find(name) != nullptr; }
  std::map<std::string, TensorShape> VariableToShapeMap() const;
  std::map<std::string, DType> VariableToDTypeMap() const;

  // The whole tensor, checked against its checksum. NotFound "Key w not found in checkpoint ...",
  // with the nearest names; else as BundleReader::Lookup.
  absl::StatusOr<Tensor> GetTensor(
      absl::string_view name,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // A part of it, whether or not it was saved as this slice. InvalidArgument when the slice does
  // not fit the tensor.
  absl::StatusOr<Tensor> GetSlice(
      absl::string_view name, const TensorSlice& slice,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;

  // Reads every value and checks it: OK when all can be had. Tensors of dtypes that no Tensor can
  // hold are checked for their place only.
  absl::Status VerifyAll() const;

  // A line for each tensor, as TensorFlow's debug_string: "net/w (DT_FLOAT) [2,3]", and
  // ", 2 slices" when it was saved in so many parts.
  std::string DebugString() const;

 private:
  CheckpointReader();
  static absl::StatusOr<CheckpointReader> OpenBundle(const std::string& prefix, FileSystem& fs);
  static absl::StatusOr<CheckpointReader> OpenOld(const std::string& pattern,
                                                  const std::vector<std::string>& files,
                                                  FileSystem& fs);
  static absl::StatusOr<CheckpointReader> OpenName(const std::string& name, FileSystem& fs);
  static absl::StatusOr<CheckpointReader> OpenDirectory(const std::string& directory,
                                                        FileSystem& fs);
  absl::Status NoSuchKey(absl::string_view name) const;

  CheckpointFormat format_ = CheckpointFormat::kV2;
  std::string path_;
  int num_files_ = 1;
  std::vector<BundleTensor> entries_;
  std::unique_ptr<BundleReader> bundle_;           // V2
  std::unique_ptr<ops::OldCheckpointReader> old_;  // V1
};

// P when `path` is the name of one of a bundle's files, P.index or P.data-SSSSS-of-NNNNN; else
// `path`.
std::string BundlePrefixOf(absl::string_view path);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_CHECKPOINT_READER_H_
