#include "train/tensor_file.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::train {
namespace {

absl::Status CheckBundle(absl::Span<const BundleTensor> tensors) {
  std::map<absl::string_view, const BundleTensor*> names;
  for (const BundleTensor& tensor : tensors) {
    const std::string context = absl::StrCat("tensor '", Printable(tensor.name), "'");
    if (tensor.name.empty() || tensor.name[0] == '\0') {
      return absl::InvalidArgumentError(
          absl::StrCat(context, ": a checkpoint's names have a first character that is not zero"));
    }
    if (!names.emplace(tensor.name, &tensor).second) {
      return absl::InvalidArgumentError(absl::StrCat(context, " is given twice"));
    }
    if (tensor.dtype != DType::kString && !IsTriviallyCopyable(tensor.dtype)) {
      return absl::UnimplementedError(
          absl::StrCat(context, ": ", DTypeName(tensor.dtype), " has no bytes in a checkpoint"));
    }
  }
  return absl::OkStatus();
}

absl::Status AddTensor(const BundleTensor& tensor, const Tensor& value, BundleWriter& writer) {
  if (tensor.slices.empty()) return writer.Add(tensor.name, value);
  for (const TensorSlice& slice : tensor.slices) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, slice.ShapeWithin(value.shape()));
    SLUICE_ASSIGN_OR_RETURN(Tensor part, Tensor::Make(value.dtype(), shape));
    CopySliceOut(value, slice, part);
    SLUICE_RETURN_IF_ERROR(writer.AddSlice(tensor.name, value.shape(), slice, part));
  }
  return absl::OkStatus();
}

absl::Status WriteBundle(FileSystem& fs, const std::string& prefix,
                         absl::Span<const BundleTensor> tensors, const TensorSource& source) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleWriter> writer,
                          BundleWriter::Create(fs, prefix));
  for (const BundleTensor& tensor : tensors) {
    SLUICE_ASSIGN_OR_RETURN(const Tensor value, FetchTensor(source, tensor));
    SLUICE_RETURN_IF_ERROR(AddTensor(tensor, value, *writer));
  }
  return writer->Finish();
}

}  // namespace

TensorFileKind TensorFileKindOf(absl::string_view path) {
  if (absl::EndsWith(path, ".npz")) return TensorFileKind::kNpz;
  if (absl::EndsWith(path, ".safetensors")) return TensorFileKind::kSafetensors;
  return TensorFileKind::kCheckpoint;
}

absl::string_view TensorFileKindName(TensorFileKind kind) {
  switch (kind) {
    case TensorFileKind::kNpz:
      return "a .npz file";
    case TensorFileKind::kSafetensors:
      return "a .safetensors file";
    case TensorFileKind::kCheckpoint:
      break;
  }
  return "a checkpoint";
}

absl::StatusOr<TensorFile> TensorFile::Open(const std::string& path, FileSystem& fs) {
  switch (TensorFileKindOf(path)) {
    case TensorFileKind::kNpz: {
      SLUICE_ASSIGN_OR_RETURN(NpzReader reader, NpzReader::Open(fs, path));
      return TensorFile(Reader(std::move(reader)));
    }
    case TensorFileKind::kSafetensors: {
      SLUICE_ASSIGN_OR_RETURN(SafetensorsReader reader, SafetensorsReader::Open(fs, path));
      return TensorFile(Reader(std::move(reader)));
    }
    case TensorFileKind::kCheckpoint:
      break;
  }
  SLUICE_ASSIGN_OR_RETURN(CheckpointReader reader, CheckpointReader::Open(path, fs));
  return TensorFile(Reader(std::move(reader)));
}

const std::vector<BundleTensor>& TensorFile::entries() const {
  return std::visit(
      [](const auto& reader) -> const std::vector<BundleTensor>& { return reader.entries(); },
      reader_);
}

std::map<std::string, std::string> TensorFile::metadata() const {
  const auto* reader = std::get_if<SafetensorsReader>(&reader_);
  return reader == nullptr ? std::map<std::string, std::string>() : reader->metadata();
}

absl::StatusOr<Tensor> TensorFile::GetTensor(absl::string_view name,
                                             const std::shared_ptr<MemoryBudget>& budget) const {
  if (const CheckpointReader* reader = checkpoint()) return reader->GetTensor(name, budget);
  if (const auto* reader = std::get_if<NpzReader>(&reader_)) return reader->Lookup(name, budget);
  return std::get<SafetensorsReader>(reader_).Lookup(name, budget);
}

absl::Status TensorFile::VerifyAll() const {
  return std::visit([](const auto& reader) { return reader.VerifyAll(); }, reader_);
}

absl::Status CheckTensors(TensorFileKind kind, absl::Span<const BundleTensor> tensors) {
  switch (kind) {
    case TensorFileKind::kNpz:
      return CheckNpz(tensors);
    case TensorFileKind::kSafetensors:
      return CheckSafetensors(tensors);
    case TensorFileKind::kCheckpoint:
      break;
  }
  return CheckBundle(tensors);
}

absl::Status WriteTensorFile(FileSystem& fs, const std::string& path,
                             absl::Span<const BundleTensor> tensors, const TensorSource& source,
                             const std::map<std::string, std::string>& metadata) {
  switch (TensorFileKindOf(path)) {
    case TensorFileKind::kNpz:
      return WriteNpz(fs, path, tensors, source);
    case TensorFileKind::kSafetensors:
      return WriteSafetensors(fs, path, tensors, source, metadata);
    case TensorFileKind::kCheckpoint:
      break;
  }
  SLUICE_RETURN_IF_ERROR(Annotate(CheckBundle(tensors), absl::CHexEscape(path)));
  return WriteBundle(fs, BundlePrefixOf(path), tensors, source);
}

}  // namespace sluice::train
