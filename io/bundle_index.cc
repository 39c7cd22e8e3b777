#include "io/bundle_index.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/status.h"
#include "io/sorted_table.h"
#include "proto/bundle.pb.h"

namespace sluice {
namespace {

constexpr int kVersion = 1;  // of the format: what we write, and what min_consumer is compared with
constexpr int kMaxShards = 99999;  // five digits in a file name

absl::Status RecordError(absl::string_view key, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("tensor '", Printable(key), "': ", what));
}

absl::StatusOr<TensorShape> ShapeFromProto(const proto::TensorShapeProto& in) {
  if (in.unknown_rank()) return absl::InvalidArgumentError("unknown rank");
  if (in.dim_size() > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat(in.dim_size(), " dimensions"));
  }
  TensorShape shape;
  for (const auto& dim : in.dim()) {
    if (dim.size() < 0) return absl::InvalidArgumentError(absl::StrCat("dimension ", dim.size()));
    shape.AddDim(dim.size());
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  return shape;
}

TensorSlice SliceFromProto(const proto::TensorSliceProto& in) {
  TensorSlice slice;
  for (const auto& e : in.extent()) {
    const bool has_length = e.has_length_case() == proto::TensorSliceProto::Extent::kLength;
    slice.extents.push_back({.start = e.start(), .length = has_length ? e.length() : -1});
  }
  return slice;
}

absl::Status CheckPlace(const BundleRecord& r, int num_shards) {
  if (r.shard < 0 || r.shard >= num_shards) {
    return RecordError(r.key, absl::StrCat("is in shard ", r.shard, " of ", num_shards));
  }
  if (r.offset < 0 || r.size < 0) {
    return RecordError(r.key, absl::StrCat("has offset ", r.offset, " and size ", r.size));
  }
  const bool strings = r.dtype == DType::kString;
  if (!strings && !IsTriviallyCopyable(r.dtype)) return absl::OkStatus();
  const int64_t elements = r.shape.num_elements();
  // A string has a byte or more for its length; the lengths have a checksum.
  const int64_t expected =
      strings ? elements + 4 : elements * static_cast<int64_t>(SizeOf(r.dtype));
  if (strings ? r.size >= expected : r.size == expected) return absl::OkStatus();
  return RecordError(r.key,
                     absl::StrCat(DTypeName(r.dtype), r.shape.ToString(), " takes ",
                                  strings ? "at least " : "", expected, " bytes, has ", r.size));
}

absl::StatusOr<BundleRecord> ParseRecord(const TableEntry& entry, int num_shards) {
  BundleRecord r{.key = entry.first};
  proto::BundleEntryProto in;
  if (!in.ParseFromString(entry.second)) return RecordError(r.key, "malformed index entry");
  r.dtype = static_cast<DType>(in.dtype());
  if (r.dtype == DType::kInvalid) return RecordError(r.key, "no dtype");
  absl::StatusOr<TensorShape> shape = ShapeFromProto(in.shape());
  if (!shape.ok()) return RecordError(r.key, shape.status().message());
  r.shape = *std::move(shape);
  for (const auto& slice : in.slices()) r.slices.push_back(SliceFromProto(slice));
  if (!r.slices.empty()) return r;
  r.shard = in.shard_id();
  r.offset = in.offset();
  r.size = in.size();
  r.masked_crc = in.crc32c();
  SLUICE_RETURN_IF_ERROR(CheckPlace(r, num_shards));
  return r;
}

absl::Status ParseHeader(const std::vector<TableEntry>& entries, BundleIndex* index) {
  proto::BundleHeaderProto in;
  if (entries.empty() || !entries[0].first.empty() || !in.ParseFromString(entries[0].second)) {
    return absl::DataLossError("not the index of a checkpoint: it has no header");
  }
  if (in.num_shards() < 1 || in.num_shards() > kMaxShards) {
    return absl::DataLossError(absl::StrCat("the header claims ", in.num_shards(), " shards"));
  }
  if (!proto::BundleHeaderProto::Endianness_IsValid(in.endianness())) {
    return absl::DataLossError(absl::StrCat("unknown byte order ", in.endianness()));
  }
  const auto& bad = in.version().bad_consumers();
  if (in.version().producer() < 0 || in.version().min_consumer() > kVersion ||
      std::find(bad.begin(), bad.end(), kVersion) != bad.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "checkpoint of format version ", in.version().producer(), " cannot be read by version ",
        kVersion, " (it asks for at least ", in.version().min_consumer(), ")"));
  }
  index->num_shards = in.num_shards();
  index->big_endian = in.endianness() == proto::BundleHeaderProto::BIG;
  return absl::OkStatus();
}

// The slices of `whole` exist, fit, differ, and have as many elements as it has. (Overlaps show
// when they are put together.)
absl::Status CheckSlices(const BundleIndex& index, const BundleRecord& whole) {
  int64_t elements = 0;
  std::set<const BundleRecord*> parts;
  for (const TensorSlice& slice : whole.slices) {
    const absl::StatusOr<TensorShape> shape = slice.ShapeWithin(whole.shape);
    if (!shape.ok()) return RecordError(whole.key, shape.status().message());
    const BundleRecord* part = index.Find(SliceKey(whole.key, slice));
    if (part == nullptr || !part->slices.empty()) {
      return RecordError(whole.key, absl::StrCat("slice ", slice.ToString(), " is missing"));
    }
    if (part->dtype != whole.dtype || !(part->shape == *shape)) {
      return RecordError(whole.key,
                         absl::StrCat("slice ", slice.ToString(), " is ", DTypeName(part->dtype),
                                      part->shape.ToString(), ", expected ", DTypeName(whole.dtype),
                                      shape->ToString()));
    }
    elements += shape->num_elements();
    if (!parts.insert(part).second || elements > whole.shape.num_elements()) break;
  }
  if (parts.size() == whole.slices.size() && elements == whole.shape.num_elements()) {
    return absl::OkStatus();
  }
  return RecordError(
      whole.key, absl::StrCat("its slices do not cover ", whole.shape.ToString(), " exactly once"));
}

// No byte belongs to two tensors, so reading everything takes no more than the files' sizes.
absl::Status CheckDisjoint(const BundleIndex& index) {
  std::vector<const BundleRecord*> places;
  for (const BundleRecord& record : index.records) {
    if (record.size > 0) places.push_back(&record);
  }
  std::sort(places.begin(), places.end(), [](const BundleRecord* a, const BundleRecord* b) {
    return std::tie(a->shard, a->offset) < std::tie(b->shard, b->offset);
  });
  for (size_t i = 1; i < places.size(); ++i) {
    const BundleRecord& before = *places[i - 1];
    const BundleRecord& after = *places[i];
    if (before.shard == after.shard && before.size > after.offset - before.offset) {
      return RecordError(after.key,
                         absl::StrCat("shares bytes with '", Printable(before.key), "'"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<BundleIndex> ParseIndex(const std::vector<TableEntry>& entries) {
  BundleIndex index;
  SLUICE_RETURN_IF_ERROR(ParseHeader(entries, &index));
  index.records.reserve(entries.size() - 1);
  for (size_t i = 1; i < entries.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(BundleRecord record, ParseRecord(entries[i], index.num_shards));
    index.records.push_back(std::move(record));
  }
  for (const BundleRecord& record : index.records) {
    if (!record.slices.empty()) SLUICE_RETURN_IF_ERROR(CheckSlices(index, record));
  }
  SLUICE_RETURN_IF_ERROR(CheckDisjoint(index));
  return index;
}

std::string SerializeRecord(const BundleRecord& r) {
  proto::BundleEntryProto out;
  out.set_dtype(static_cast<proto::DataType>(r.dtype));
  proto::TensorShapeProto* shape = out.mutable_shape();  // present for scalars too
  for (const int64_t size : r.shape.dims()) shape->add_dim()->set_size(size);
  out.set_shard_id(r.shard);
  out.set_offset(r.offset);
  out.set_size(r.size);
  out.set_crc32c(r.masked_crc);
  for (const TensorSlice& slice : r.slices) {
    proto::TensorSliceProto* s = out.add_slices();
    for (const SliceExtent& extent : slice.extents) {
      proto::TensorSliceProto::Extent* e = s->add_extent();
      if (extent.full()) continue;
      e->set_start(extent.start);
      e->set_length(extent.length);
    }
  }
  return out.SerializeAsString();
}

}  // namespace

const BundleRecord* BundleIndex::Find(absl::string_view key) const {
  const auto it = std::lower_bound(
      records.begin(), records.end(), key,
      [](const BundleRecord& record, absl::string_view k) { return record.key < k; });
  return it != records.end() && it->key == key ? &*it : nullptr;
}

absl::StatusOr<BundleIndex> ReadBundleIndex(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<TableEntry> entries, ReadSortedTable(fs, path));
  absl::StatusOr<BundleIndex> index = ParseIndex(entries);
  if (!index.ok()) return Annotate(index.status(), path);
  return index;
}

absl::Status WriteBundleIndex(const BundleIndex& index, WritableFile& file) {
  proto::BundleHeaderProto header;
  header.set_num_shards(index.num_shards);
  header.set_endianness(index.big_endian ? proto::BundleHeaderProto::BIG
                                         : proto::BundleHeaderProto::LITTLE);
  header.mutable_version()->set_producer(kVersion);
  std::map<std::string, std::string> table = {{"", header.SerializeAsString()}};
  for (const BundleRecord& record : index.records) {
    table.emplace(record.key, SerializeRecord(record));
  }
  return WriteSortedTable(table, file);
}

}  // namespace sluice
