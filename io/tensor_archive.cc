#include "io/tensor_archive.h"

#include <memory>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/json_text.h"
#include "core/status.h"

namespace sluice {
namespace {

// Bytes that are not UTF-8 show as an escape.
bool IsUtf8(absl::string_view text) { return !absl::StrContains(JsonQuoted(text), "\\ufffd"); }

absl::Status WriteWhole(FileSystem& fs, const std::string& path,
                        const std::function<absl::Status(WritableFile&)>& write) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, fs.Create(path));
  SLUICE_RETURN_IF_ERROR(write(*file));
  SLUICE_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

}  // namespace

absl::Status CheckArchiveNames(absl::Span<const BundleTensor> tensors) {
  std::set<absl::string_view> names;
  for (const BundleTensor& tensor : tensors) {
    const char* wrong = tensor.name.empty()                 ? "is empty"
                        : !names.insert(tensor.name).second ? "is given twice"
                        : !IsUtf8(tensor.name)              ? "is not UTF-8"
                                                            : nullptr;
    if (wrong == nullptr) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor's name, '", Printable(tensor.name), "', ", wrong));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> FetchTensor(const TensorSource& source, const BundleTensor& tensor) {
  SLUICE_ASSIGN_OR_RETURN(Tensor value, source(tensor));
  if (value.dtype() == tensor.dtype && value.shape() == tensor.shape) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor '", Printable(tensor.name), "' was announced as ", DTypeName(tensor.dtype),
      tensor.shape.ToString(), " and is ", DTypeName(value.dtype()), value.shape().ToString()));
}

std::vector<BundleTensor> Announce(const std::map<std::string, Tensor>& tensors) {
  std::vector<BundleTensor> announced;
  for (const auto& [name, value] : tensors)
    announced.push_back({name, value.dtype(), value.shape(), {}});
  return announced;
}

TensorSource SourceOf(const std::map<std::string, Tensor>& tensors) {
  return [&tensors](const BundleTensor& tensor) { return tensors.at(tensor.name); };
}

absl::Status WriteAtomically(FileSystem& fs, const std::string& path,
                             const std::function<absl::Status(WritableFile&)>& write) {
  const std::string temporary = path + ".tmp";
  absl::Status status = WriteWhole(fs, temporary, write);
  if (status.ok()) status = fs.Rename(temporary, path);
  if (!status.ok()) {
    fs.Delete(temporary).IgnoreError();
    return Annotate(status, absl::StrCat("cannot write ", absl::CHexEscape(path)));
  }
  return fs.SyncDirectory(DirectoryOf(path));
}

}  // namespace sluice
