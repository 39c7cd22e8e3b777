#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "io/bundle_strings.h"
#include "io/crc32c.h"
#include "io/tensor_bundle.h"

namespace sluice {
namespace {

constexpr absl::string_view kTemporary = ".tmp";

std::string Temporary(absl::string_view path) { return absl::StrCat(path, kTemporary); }
std::string OnlyDataPath(absl::string_view prefix) { return BundleDataPath(prefix, 0, 1); }

// Was a replacement caught between its two renames?
bool InGap(FileSystem& fs, absl::string_view prefix) {
  return fs.Exists(Temporary(BundleIndexPath(prefix))) &&
         !fs.Exists(Temporary(OnlyDataPath(prefix)));
}

absl::Status CloseGap(FileSystem& fs, absl::string_view prefix) {
  if (!InGap(fs, prefix)) return absl::OkStatus();
  return fs.Rename(Temporary(BundleIndexPath(prefix)), BundleIndexPath(prefix));
}

// The index goes first: the reverse would look like the gap.
absl::Status RemoveTemporaries(FileSystem& fs, absl::string_view prefix) {
  for (const std::string& path : {BundleIndexPath(prefix), OnlyDataPath(prefix)}) {
    const std::string temporary = Temporary(path);
    if (fs.Exists(temporary)) SLUICE_RETURN_IF_ERROR(fs.Delete(temporary));
  }
  return absl::OkStatus();
}

bool ConsumeDigits(absl::string_view* text) {
  const size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  text->remove_prefix(digits);
  return digits > 0;
}

}  // namespace

std::string BundleIndexPath(absl::string_view prefix) { return absl::StrCat(prefix, ".index"); }

std::string BundleDataPath(absl::string_view prefix, int shard, int num_shards) {
  return absl::StrFormat("%s.data-%05d-of-%05d", prefix, shard, num_shards);
}

std::string CurrentBundleIndexPath(FileSystem& fs, absl::string_view prefix) {
  const std::string path = BundleIndexPath(prefix);
  return InGap(fs, prefix) ? Temporary(path) : path;
}

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Create(FileSystem& fs,
                                                                   const std::string& prefix) {
  if (BaseName(prefix).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a checkpoint prefix must end in a file name, got '", Printable(prefix), "'"));
  }
  SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(DirectoryOf(prefix)));
  SLUICE_RETURN_IF_ERROR(CloseGap(fs, prefix));
  SLUICE_RETURN_IF_ERROR(RemoveTemporaries(fs, prefix));
  std::unique_ptr<BundleWriter> writer(new BundleWriter(fs, prefix));
  SLUICE_ASSIGN_OR_RETURN(writer->data_, fs.Create(Temporary(OnlyDataPath(prefix))));
  return writer;
}

BundleWriter::~BundleWriter() {
  if (!finished_ && status_.ok()) GiveUp(absl::CancelledError("not finished")).IgnoreError();
}

absl::Status BundleWriter::GiveUp(absl::Status status) {
  status_ = status;
  data_.reset();
  RemoveTemporaries(fs_, prefix_).IgnoreError();  // the first error tells more
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
  SLUICE_ASSIGN_OR_RETURN(auto file, fs_.Create(Temporary(BundleIndexPath(prefix_))));
  SLUICE_RETURN_IF_ERROR(WriteBundleIndex(index, *file));
  SLUICE_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

absl::Status BundleWriter::Publish() {
  const std::string index = BundleIndexPath(prefix_);
  const std::string data = OnlyDataPath(prefix_);
  const std::string directory = DirectoryOf(prefix_);
  const bool replaces = fs_.Exists(index);
  // Over an older bundle each step must be on the disk before the next.
  if (replaces) SLUICE_RETURN_IF_ERROR(fs_.SyncDirectory(directory));
  SLUICE_RETURN_IF_ERROR(fs_.Rename(Temporary(data), data));
  absl::Status status;
  if (replaces) status = fs_.SyncDirectory(directory);
  if (status.ok()) status = fs_.Rename(Temporary(index), index);
  if (!status.ok()) {
    finished_ = replaces;  // stay in the gap: the older data is gone
    if (!replaces) fs_.Delete(data).IgnoreError();
    return status;
  }
  finished_ = true;
  return fs_.SyncDirectory(directory);
}

absl::Status BundleWriter::Finish() {
  SLUICE_RETURN_IF_ERROR(CheckUsable());
  absl::Status status = data_->Sync();
  if (status.ok()) status = data_->Close();
  if (status.ok()) status = WriteIndex();
  if (status.ok()) status = Publish();
  data_.reset();
  if (!status.ok() && !finished_) return GiveUp(status);
  status_ = status;
  return status;
}

absl::Status RemoveBundleLeftovers(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  const std::string base = BaseName(prefix);
  if (!fs.IsDirectory(directory)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  for (const std::string& name : names) {
    absl::string_view rest = name;
    if (!absl::ConsumePrefix(&rest, base)) continue;
    if (absl::ConsumePrefix(&rest, "-") && !ConsumeDigits(&rest)) continue;
    const std::string found = JoinPath(directory, name.substr(0, name.size() - rest.size()));
    if (rest == ".index.tmp" || rest == ".data-00000-of-00001.tmp") {
      SLUICE_RETURN_IF_ERROR(CloseGap(fs, found));
      SLUICE_RETURN_IF_ERROR(RemoveTemporaries(fs, found));
    } else if (absl::StartsWith(rest, ".meta.tmp")) {
      SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(directory, name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace sluice
