#include "train/sharded_bundle.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "io/bundle_files.h"
#include "io/bundle_index.h"
#include "re2/re2.h"

namespace sluice::train {
namespace {

constexpr int kMostShards = 99999;  // five digits in the names

const RE2& ShardPattern() {
  static const RE2* const pattern = new RE2("\\.shard-\\d{5}-of-\\d{5}\\.tmp");
  return *pattern;
}

absl::Status Duplicate(const std::string& name) {
  return absl::InvalidArgumentError(absl::StrCat("Adding duplicate key: ", Printable(name)));
}

// Data files <prefix>.data-?-of-<other number>, which no index names any more.
absl::Status RemoveOtherData(FileSystem& fs, const std::string& prefix, int num_shards) {
  static const RE2* const pattern = new RE2("\\.data-\\d{5}-of-(\\d{5})");
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(DirectoryOf(prefix)));
  for (const std::string& name : names) {
    absl::string_view rest = name;
    int shards = 0;
    if (!absl::ConsumePrefix(&rest, BaseName(prefix)) ||
        !RE2::FullMatch(re2::StringPiece(rest.data(), rest.size()), *pattern, &shards) ||
        shards == num_shards) {
      continue;
    }
    SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(DirectoryOf(prefix), name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShardedBundleWriter>> ShardedBundleWriter::Create(
    FileSystem& fs, const std::string& prefix, int num_shards) {
  if (num_shards < 1 || num_shards > kMostShards) {
    return absl::InvalidArgumentError(
        absl::StrCat("a checkpoint has 1 to ", kMostShards, " shards, got ", num_shards));
  }
  std::unique_ptr<ShardedBundleWriter> writer(new ShardedBundleWriter(fs, prefix, num_shards));
  if (num_shards > 1) {
    SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(DirectoryOf(prefix)));
    SLUICE_RETURN_IF_ERROR(CompleteBundle(fs, prefix));
    SLUICE_RETURN_IF_ERROR(RemoveBundleTemporaries(fs, prefix));
  }
  SLUICE_RETURN_IF_ERROR(RemoveShardLeftovers(fs, prefix));
  for (int i = 0; i < num_shards; ++i) {
    SLUICE_ASSIGN_OR_RETURN(
        std::unique_ptr<BundleWriter> part,
        BundleWriter::Create(fs, num_shards == 1 ? prefix : writer->PartPrefix(i)));
    writer->parts_.push_back(std::move(part));
  }
  return writer;
}

ShardedBundleWriter::~ShardedBundleWriter() {
  if (!finished_) GiveUp();
}

std::string ShardedBundleWriter::PartPrefix(int shard) const {
  return absl::StrFormat("%s.shard-%05d-of-%05d.tmp", prefix_, shard, num_shards_);
}

// The first error tells more than those of clearing up.
void ShardedBundleWriter::GiveUp() {
  finished_ = true;
  parts_.clear();
  if (num_shards_ == 1) return;
  RemoveShardLeftovers(fs_, prefix_).IgnoreError();
  RemoveBundleTemporaries(fs_, prefix_).IgnoreError();
}

absl::Status ShardedBundleWriter::AddUnder(const std::string& key, int shard,
                                           const Tensor& tensor) {
  if (records_.contains(key)) return Duplicate(key);
  const std::string number = absl::StrFormat("%010d", part_keys_.size());
  SLUICE_RETURN_IF_ERROR(parts_[static_cast<size_t>(shard)]->Add(number, tensor));
  part_keys_[key] = number;
  records_[key] = {.key = key, .dtype = tensor.dtype(), .shape = tensor.shape(), .shard = shard};
  return absl::OkStatus();
}

absl::Status ShardedBundleWriter::Add(int shard, const std::string& name, const Tensor& tensor) {
  if (num_shards_ == 1) return parts_[0]->Add(name, tensor);
  if (name.empty() || IsSliceKey(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of a checkpoint needs a name, got '", Printable(name), "'"));
  }
  return AddUnder(name, shard, tensor);
}

absl::Status ShardedBundleWriter::AddSlice(int shard, const std::string& name,
                                           const TensorShape& full_shape, const TensorSlice& slice,
                                           const Tensor& part) {
  if (num_shards_ == 1) return parts_[0]->AddSlice(name, full_shape, slice, part);
  SLUICE_RETURN_IF_ERROR(full_shape.Check());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape expected, slice.ShapeWithin(full_shape));
  if (slice.full()) return Add(shard, name, part);
  const auto known = records_.find(name);
  const bool first = known == records_.end();
  if (name.empty() || (!first && known->second.slices.empty())) return Duplicate(name);
  if (part.shape() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slice ", slice.ToString(), " of '", Printable(name), "' ", full_shape.ToString(),
        " has shape ", expected.ToString(), ", got ", part.shape().ToString()));
  }
  if (!first && (known->second.dtype != part.dtype() || known->second.shape != full_shape)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slices of '", Printable(name), "' disagree: ", DTypeName(known->second.dtype),
        known->second.shape.ToString(), " and ", DTypeName(part.dtype()), full_shape.ToString()));
  }
  SLUICE_RETURN_IF_ERROR(AddUnder(SliceKey(name, slice), shard, part));
  BundleRecord& whole = records_[name];
  whole.key = name;
  whole.dtype = part.dtype();
  whole.shape = full_shape;
  whole.slices.push_back(slice);
  return absl::OkStatus();
}

// The shards' indexes say where everything is.
absl::Status ShardedBundleWriter::WriteIndex() {
  std::vector<BundleIndex> parts;
  for (int i = 0; i < num_shards_; ++i) {
    SLUICE_ASSIGN_OR_RETURN(BundleIndex part, ReadBundleIndex(fs_, BundleIndexPath(PartPrefix(i))));
    parts.push_back(std::move(part));
  }
  BundleIndex index{.num_shards = num_shards_};
  for (auto& [key, record] : records_) {
    if (record.slices.empty()) {
      const BundleRecord* place = parts[static_cast<size_t>(record.shard)].Find(part_keys_.at(key));
      if (place == nullptr) {
        return absl::DataLossError(absl::StrCat(absl::CHexEscape(PartPrefix(record.shard)),
                                                ".index: it changed meanwhile"));
      }
      record.offset = place->offset;
      record.size = place->size;
      record.masked_crc = place->masked_crc;
    }
    index.records.push_back(record);
  }
  SLUICE_ASSIGN_OR_RETURN(auto file, fs_.Create(BundleTemporaryPath(BundleIndexPath(prefix_))));
  SLUICE_RETURN_IF_ERROR(WriteBundleIndex(index, *file));
  SLUICE_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

absl::Status ShardedBundleWriter::Merge() {
  SLUICE_RETURN_IF_ERROR(WriteIndex());
  for (int i = 0; i < num_shards_; ++i) {
    SLUICE_RETURN_IF_ERROR(
        fs_.Rename(BundleDataPath(PartPrefix(i), 0, 1),
                   BundleTemporaryPath(BundleDataPath(prefix_, i, num_shards_))));
  }
  SLUICE_RETURN_IF_ERROR(PublishBundle(fs_, prefix_));
  RemoveShardLeftovers(fs_, prefix_).IgnoreError();  // the next writer does it
  return absl::OkStatus();
}

absl::Status ShardedBundleWriter::Finish() {
  if (finished_) {
    return absl::FailedPreconditionError(absl::StrCat("checkpoint ", prefix_, " is finished"));
  }
  absl::Status status;
  for (const auto& part : parts_) status.Update(part->Finish());
  if (status.ok() && num_shards_ > 1) status = Merge();
  if (status.ok()) RemoveOtherData(fs_, prefix_, num_shards_).IgnoreError();  // nobody reads them
  if (!status.ok()) GiveUp();
  finished_ = true;
  return status;
}

bool IsShardInProgress(absl::string_view name) {
  return RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), ShardPattern());
}

absl::Status RemoveShardLeftovers(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  if (!fs.IsDirectory(directory)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  static const RE2* const pattern =
      new RE2("(-\\d+)?" + ShardPattern().pattern() + "(\\.(index|data)\\S*)?");
  for (const std::string& name : names) {
    absl::string_view rest = name;
    if (absl::ConsumePrefix(&rest, BaseName(prefix)) &&
        RE2::FullMatch(re2::StringPiece(rest.data(), rest.size()), *pattern)) {
      SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(directory, name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace sluice::train
