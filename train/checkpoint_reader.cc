#include "train/checkpoint_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status.h"
#include "graph/nearest.h"
#include "io/bundle_files.h"
#include "io/sorted_table.h"
#include "ops/old_checkpoint.h"
#include "ops/path_pattern.h"
#include "proto/saved_tensor_slice.pb.h"
#include "train/checkpoint_state.h"

namespace sluice::train {
namespace {

// "-SSSSS-of-NNNNN" at the end of a name.
constexpr size_t kShardChars = 15;
struct Shard {
  int index = 0;
  int count = 0;
};
bool ParseShard(absl::string_view path, Shard* shard) {
  if (path.size() < kShardChars) return false;
  const absl::string_view tail = path.substr(path.size() - kShardChars);
  return tail[0] == '-' && tail.substr(6, 4) == "-of-" &&
         std::all_of(tail.begin() + 1, tail.begin() + 6, absl::ascii_isdigit) &&
         std::all_of(tail.begin() + 10, tail.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(tail.substr(1, 5), &shard->index) &&
         absl::SimpleAtoi(tail.substr(10), &shard->count);
}

constexpr absl::string_view kAnyShard =
    "-?????"
    "-of-?????";

// A pattern that matches `path` only.
std::string Escaped(absl::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (absl::StrContains("*?[\\", absl::string_view(&c, 1))) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// Are the files that NAME and kAnyShard matched the shards of one checkpoint, every one?
absl::Status CheckShards(const std::string& name, const std::vector<std::string>& files) {
  for (size_t i = 0; i < files.size(); ++i) {
    Shard shard;
    if (ParseShard(files[i], &shard) && shard.index == static_cast<int>(i) &&
        shard.count == static_cast<int>(files.size())) {
      continue;
    }
    return absl::DataLossError(absl::StrCat(
        "checkpoint ", absl::CHexEscape(name), ": ", files.size(), " files ",
        absl::CHexEscape(name), "-SSSSS-of-NNNNN are not the shards of one checkpoint; in ",
        "the place of shard ", i, " is ", absl::CHexEscape(files[i])));
  }
  return absl::OkStatus();
}

// What a V1 file says that it holds. OldCheckpointReader has read it before.
absl::Status AddNames(FileSystem& fs, const std::string& path, std::vector<std::string>* names) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<TableEntry> table, ReadSortedTable(fs, path));
  proto::SavedTensorSlices head;
  if (table.empty() || !head.ParseFromString(table[0].second)) {
    return absl::DataLossError(
        absl::StrCat(absl::CHexEscape(path), ": it changed while it was read"));
  }
  for (const proto::SavedSliceMeta& meta : head.meta().tensor()) names->push_back(meta.name());
  return absl::OkStatus();
}

}  // namespace

std::string BundlePrefixOf(absl::string_view path) {
  constexpr absl::string_view kIndex = ".index", kData = ".data";
  Shard shard;
  if (absl::EndsWith(path, kIndex)) return std::string(path.substr(0, path.size() - kIndex.size()));
  if (ParseShard(path, &shard)) {
    const absl::string_view start = path.substr(0, path.size() - kShardChars);
    if (absl::EndsWith(start, kData))
      return std::string(start.substr(0, start.size() - kData.size()));
  }
  return std::string(path);
}

CheckpointReader::CheckpointReader() = default;
CheckpointReader::CheckpointReader(CheckpointReader&&) noexcept = default;
CheckpointReader& CheckpointReader::operator=(CheckpointReader&&) noexcept = default;
CheckpointReader::~CheckpointReader() = default;

absl::StatusOr<CheckpointReader> CheckpointReader::OpenBundle(const std::string& prefix,
                                                              FileSystem& fs) {
  CheckpointReader reader;
  SLUICE_ASSIGN_OR_RETURN(reader.bundle_, BundleReader::Open(fs, prefix));
  reader.path_ = prefix;
  reader.num_files_ = reader.bundle_->num_shards();
  reader.entries_ = reader.bundle_->Keys();
  return reader;
}

absl::StatusOr<CheckpointReader> CheckpointReader::OpenOld(const std::string& pattern,
                                                           const std::vector<std::string>& files,
                                                           FileSystem& fs) {
  CheckpointReader reader;
  reader.format_ = CheckpointFormat::kV1;
  reader.path_ = pattern;
  reader.num_files_ = static_cast<int>(files.size());
  SLUICE_ASSIGN_OR_RETURN(auto old, ops::OldCheckpointReader::Open(fs, pattern));
  std::vector<std::string> names;
  for (const std::string& file : files) SLUICE_RETURN_IF_ERROR(AddNames(fs, file, &names));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const auto* entry = old.Find(name);
    if (entry == nullptr) {
      return absl::DataLossError(absl::StrCat(Printable(name), ": it changed while it was read"));
    }
    const bool whole = entry->slices.size() == 1 && entry->slices[0].full();
    reader.entries_.push_back(
        {name, entry->dtype, entry->shape, whole ? std::vector<TensorSlice>() : entry->slices});
  }
  reader.old_ = std::make_unique<ops::OldCheckpointReader>(std::move(old));
  return reader;
}

absl::StatusOr<CheckpointReader> CheckpointReader::OpenName(const std::string& name,
                                                            FileSystem& fs) {
  if (BundleExists(fs, name)) return OpenBundle(name, fs);
  if (fs.Exists(name) && !fs.IsDirectory(name)) {
    auto reader = OpenOld(Escaped(name), {name}, fs);
    if (reader.ok()) reader->path_ = name;
    return reader;
  }
  const std::string shards = absl::StrCat(Escaped(name), kAnyShard);
  if (const auto files = ops::MatchPaths(fs, shards); !files.empty()) {
    SLUICE_RETURN_IF_ERROR(CheckShards(name, files));
    return OpenOld(shards, files, fs);
  }
  if (const auto files = ops::MatchPaths(fs, name); !files.empty()) return OpenOld(name, files, fs);
  return absl::NotFoundError(
      absl::StrCat("no checkpoint ", Printable(name), ": there is no ", absl::CHexEscape(name),
                   ".index, no such file or directory, ", "and no ", Printable(name), kAnyShard));
}

absl::StatusOr<CheckpointReader> CheckpointReader::OpenDirectory(const std::string& directory,
                                                                 FileSystem& fs) {
  const absl::StatusOr<CheckpointState> state = ReadCheckpointState(fs, directory);
  if (state.ok()) {
    auto reader = OpenName(state->latest, fs);
    if (!absl::IsNotFound(reader.status())) return reader;
  }
  for (const std::string& prefix : CheckpointsIn(fs, directory)) {
    if (BundleExists(fs, prefix)) return OpenBundle(prefix, fs);
  }
  const std::string model = JoinPath(directory, "variables/variables");
  if (BundleExists(fs, model)) return OpenBundle(model, fs);
  return absl::NotFoundError(absl::StrCat("directory ", absl::CHexEscape(directory),
                                          " holds no checkpoint", state.ok() ? "" : "; ",
                                          state.status().message()));
}

absl::StatusOr<CheckpointReader> CheckpointReader::Open(const std::string& path, FileSystem& fs) {
  const std::string prefix = BundlePrefixOf(path);
  if (prefix != path) {
    if (BundleExists(fs, prefix)) return OpenBundle(prefix, fs);
    if (fs.Exists(path) && !absl::EndsWith(path, ".index")) {
      return absl::NotFoundError(
          absl::StrCat(absl::CHexEscape(path), " is the data of a checkpoint ",
                       "whose index is missing: ", absl::CHexEscape(prefix), ".index"));
    }
  }
  if (!BundleExists(fs, path) && fs.IsDirectory(path)) return OpenDirectory(path, fs);
  return OpenName(path, fs);
}

const BundleTensor* CheckpointReader::Find(absl::string_view name) const {
  const auto it = std::lower_bound(
      entries_.begin(), entries_.end(), name,
      [](const BundleTensor& entry, absl::string_view n) { return entry.name < n; });
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

std::map<std::string, TensorShape> CheckpointReader::VariableToShapeMap() const {
  std::map<std::string, TensorShape> shapes;
  for (const BundleTensor& entry : entries_) shapes[entry.name] = entry.shape;
  return shapes;
}

std::map<std::string, DType> CheckpointReader::VariableToDTypeMap() const {
  std::map<std::string, DType> dtypes;
  for (const BundleTensor& entry : entries_) dtypes[entry.name] = entry.dtype;
  return dtypes;
}

absl::Status CheckpointReader::NoSuchKey(absl::string_view name) const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const BundleTensor& entry : entries_) names.push_back(entry.name);
  return absl::NotFoundError(absl::StrCat("Key ", Printable(name), " not found in checkpoint ",
                                          absl::CHexEscape(path_), ".", DidYouMean(name, names)));
}

absl::StatusOr<Tensor> CheckpointReader::GetTensor(
    absl::string_view name, const std::shared_ptr<MemoryBudget>& budget) const {
  if (!HasTensor(name)) return NoSuchKey(name);
  absl::StatusOr<Tensor> tensor =
      bundle_ != nullptr ? bundle_->Lookup(name, budget) : old_->Lookup(std::string(name), budget);
  if (!tensor.ok()) return Annotate(tensor.status(), absl::CHexEscape(path_));
  return tensor;
}

absl::StatusOr<Tensor> CheckpointReader::GetSlice(
    absl::string_view name, const TensorSlice& slice,
    const std::shared_ptr<MemoryBudget>& budget) const {
  const BundleTensor* entry = Find(name);
  if (entry == nullptr) return NoSuchKey(name);
  const auto context = [&] { return absl::StrCat(absl::CHexEscape(path_), ", ", Printable(name)); };
  const absl::StatusOr<TensorShape> shape = slice.ShapeWithin(entry->shape);
  if (!shape.ok()) return Annotate(shape.status(), context());
  if (bundle_ != nullptr) {
    absl::StatusOr<Tensor> part = bundle_->LookupSlice(name, slice, budget);
    if (!part.ok()) return Annotate(part.status(), context());
    return part;
  }
  SLUICE_ASSIGN_OR_RETURN(const Tensor whole, GetTensor(name, budget));
  SLUICE_ASSIGN_OR_RETURN(Tensor part, Tensor::Make(entry->dtype, *shape, budget));
  CopySliceOut(whole, slice, part);
  return part;
}

absl::Status CheckpointReader::VerifyAll() const {
  if (bundle_ != nullptr) return bundle_->VerifyAll();
  for (const BundleTensor& entry : entries_) {
    const absl::Status status = GetTensor(entry.name).status();
    if (!status.ok() && !absl::IsUnimplemented(status)) return status;
  }
  return absl::OkStatus();
}

std::string CheckpointReader::DebugString() const {
  std::string text;
  for (const BundleTensor& entry : entries_) {
    absl::StrAppend(&text, Printable(entry.name), " (DT_",
                    absl::AsciiStrToUpper(DTypeSchemaName(entry.dtype)), ") ",
                    entry.shape.ToString());
    if (entry.slices.size() > 1) absl::StrAppend(&text, ", ", entry.slices.size(), " slices");
    text += '\n';
  }
  return text;
}

}  // namespace sluice::train
