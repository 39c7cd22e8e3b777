#include <utility>

#include "core/status.h"
#include "io/bundle_strings.h"
#include "io/crc32c.h"
#include "io/tensor_bundle.h"

namespace sluice {

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Create(FileSystem& fs,
                                                                   const std::string& prefix) {
  if (BaseName(prefix).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a checkpoint prefix must end in a file name, got '", Printable(prefix), "'"));
  }
  SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(DirectoryOf(prefix)));
  SLUICE_RETURN_IF_ERROR(CompleteBundle(fs, prefix));
  SLUICE_RETURN_IF_ERROR(RemoveBundleTemporaries(fs, prefix));
  std::unique_ptr<BundleWriter> writer(new BundleWriter(fs, prefix));
  SLUICE_ASSIGN_OR_RETURN(writer->data_,
                          fs.Create(BundleTemporaryPath(BundleDataPath(prefix, 0, 1))));
  return writer;
}

BundleWriter::~BundleWriter() {
  if (!finished_ && status_.ok()) GiveUp(absl::CancelledError("not finished")).IgnoreError();
}

absl::Status BundleWriter::GiveUp(absl::Status status) {
  status_ = status;
  data_.reset();
  RemoveBundleTemporaries(fs_, prefix_).IgnoreError();  // the first error tells more
  return status;
}

absl::Status BundleWriter::CheckUsable() const {
  if (!status_.ok() || !finished_) return status_;
  return absl::FailedPreconditionError(absl::StrCat("checkpoint ", prefix_, " is finished"));
}

absl::Status BundleWriter::Add(const std::string& name, const Tensor& tensor) {
  SLUICE_RETURN_IF_ERROR(CheckUsable());
  if (name.empty() || name[0] == '\0') {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of a checkpoint needs a name, got '", Printable(name), "'"));
  }
  return AddUnder(name, tensor);
}

absl::Status BundleWriter::AddSlice(const std::string& name, const TensorShape& full_shape,
                                    const TensorSlice& slice, const Tensor& part) {
  SLUICE_RETURN_IF_ERROR(CheckUsable());
  SLUICE_RETURN_IF_ERROR(full_shape.Check());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape expected, slice.ShapeWithin(full_shape));
  if (!(part.shape() == expected)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slice ", slice.ToString(), " of '", Printable(name), "' ", full_shape.ToString(),
        " has shape ", expected.ToString(), ", got ", part.shape().ToString()));
  }
  if (slice.full()) return Add(name, part);
  const auto it = records_.find(name);
  if (name.empty() || (it != records_.end() && it->second.slices.empty())) {
    return absl::InvalidArgumentError(absl::StrCat("Adding duplicate key: ", Printable(name)));
  }
  if (it != records_.end() &&
      (it->second.dtype != part.dtype() || !(it->second.shape == full_shape))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slices of '", Printable(name), "' disagree: ", DTypeName(it->second.dtype),
        it->second.shape.ToString(), " and ", DTypeName(part.dtype()), full_shape.ToString()));
  }
  SLUICE_RETURN_IF_ERROR(AddUnder(SliceKey(name, slice), part));
  BundleRecord& whole = records_[name];
  whole.key = name;
  whole.dtype = part.dtype();
  whole.shape = full_shape;
  whole.slices.push_back(slice);
  return absl::OkStatus();
}

absl::Status BundleWriter::AddUnder(const std::string& key, const Tensor& tensor) {
  if (records_.contains(key)) {
    return absl::InvalidArgumentError(absl::StrCat("Adding duplicate key: ", Printable(key)));
  }
  if (tensor.dtype() != DType::kString && !IsTriviallyCopyable(tensor.dtype())) {
    return absl::UnimplementedError(absl::StrCat("'", Printable(key), "': tensors of dtype ",
                                                 DTypeName(tensor.dtype()),
                                                 " cannot be saved in a checkpoint"));
  }
  BundleRecord record{
      .key = key, .dtype = tensor.dtype(), .shape = tensor.shape(), .offset = offset_};
  const absl::Status status = AppendElements(tensor, &record.masked_crc);
  if (!status.ok()) return GiveUp(status);
  record.size = offset_ - record.offset;
  records_.emplace(key, std::move(record));
  return absl::OkStatus();
}

absl::Status BundleWriter::AppendElements(const Tensor& tensor, uint32_t* masked_crc) {
  uint32_t crc = 0;
  if (tensor.dtype() == DType::kString) {
    const absl::Span<const std::string> strings = tensor.flat<std::string>();
    SLUICE_RETURN_IF_ERROR(Append(EncodeStringLengths(strings, &crc)));
    for (const std::string& s : strings) {
      crc = crc32c::Extend(crc, s);
      SLUICE_RETURN_IF_ERROR(Append(s));
    }
  } else {
    const absl::string_view bytes(static_cast<const char*>(tensor.raw()),
                                  static_cast<size_t>(tensor.byte_size()));
    crc = crc32c::Value(bytes);
    SLUICE_RETURN_IF_ERROR(Append(bytes));
  }
  *masked_crc = crc32c::Mask(crc);
  return absl::OkStatus();
}

absl::Status BundleWriter::Append(absl::string_view bytes) {
  offset_ += static_cast<int64_t>(bytes.size());
  return data_->Append(bytes);
}

absl::Status BundleWriter::WriteIndex() {
  BundleIndex index;
  for (auto& [key, record] : records_) index.records.push_back(std::move(record));
  SLUICE_ASSIGN_OR_RETURN(auto file, fs_.Create(BundleTemporaryPath(BundleIndexPath(prefix_))));
  SLUICE_RETURN_IF_ERROR(WriteBundleIndex(index, *file));
  SLUICE_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

absl::Status BundleWriter::Finish() {
  SLUICE_RETURN_IF_ERROR(CheckUsable());
  absl::Status status = data_->Sync();
  status.Update(data_->Close());
  if (status.ok()) status = WriteIndex();
  if (status.ok()) status = PublishBundle(fs_, prefix_);
  if (!status.ok()) return GiveUp(status);
  finished_ = true;
  return absl::OkStatus();
}

}  // namespace sluice
