// Files of named tensors that other programs read: what npz.h and safetensors.h share.
#ifndef SLUICE_IO_TENSOR_ARCHIVE_H_
#define SLUICE_IO_TENSOR_ARCHIVE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/file.h"
#include "core/tensor.h"
#include "io/tensor_bundle.h"

namespace sluice {

// The value of a tensor that was announced: asked for once each, when its turn to be written comes,
// so that a model need not be in memory as a whole.
using TensorSource = std::function<absl::StatusOr<Tensor>(const BundleTensor&)>;

// Can these be the names in an archive? InvalidArgument for an empty one, one given twice, one that
// is not UTF-8.
absl::Status CheckArchiveNames(absl::Span<const BundleTensor> tensors);

// The announced tensor. InvalidArgument when `source` gives another dtype or shape.
absl::StatusOr<Tensor> FetchTensor(const TensorSource& source, const BundleTensor& tensor);

// What is announced, and where the values come from, for tensors that are at hand.
std::vector<BundleTensor> Announce(const std::map<std::string, Tensor>& tensors);
TensorSource SourceOf(const std::map<std::string, Tensor>& tensors);  // which must outlive it

// `path` gets what `write` appends, all or nothing: FileSystem::ReplaceAtomically for files that
// are not in memory at once. Errors of `write` name the file.
absl::Status WriteAtomically(FileSystem& fs, const std::string& path,
                             const std::function<absl::Status(WritableFile&)>& write);

}  // namespace sluice

#endif  // SLUICE_IO_TENSOR_ARCHIVE_H_
