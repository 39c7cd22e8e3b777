#include "graph/partition.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"

namespace sluice {
namespace {

std::string Show(const std::vector<int>& counts) {
  return absl::StrCat("[", absl::StrJoin(counts, ", "), "]");
}

// Ones, but `count` along `axis`. An axis that does not exist makes a list that CutShape refuses.
std::vector<int> Along(const TensorShape& shape, int axis, int64_t count) {
  std::vector<int> counts(static_cast<size_t>(std::max(shape.rank(), 0)), 1);
  if (axis < 0) axis += shape.rank();
  if (axis < 0 || axis >= shape.rank()) return {};
  counts[axis] = static_cast<int>(std::min<int64_t>(count, INT32_MAX));
  return counts;
}

int64_t ElementBytes(DType dtype, int64_t bytes_per_string) {
  return dtype == DType::kString ? bytes_per_string : static_cast<int64_t>(SizeOf(dtype));
}

// Bytes of one slice of extent 1 along `axis`.
double SliceBytes(const TensorShape& shape, int axis, DType dtype, int64_t bytes_per_string) {
  double bytes = static_cast<double>(ElementBytes(dtype, bytes_per_string));
  if (axis < 0) axis += shape.rank();
  for (int i = 0; i < shape.rank(); ++i) {
    if (i != axis) bytes *= static_cast<double>(shape.dim(i));
  }
  return bytes;
}

int64_t Extent(const TensorShape& shape, int axis) {
  if (axis < 0) axis += shape.rank();
  return axis < 0 || axis >= shape.rank() ? 1 : shape.dim(axis);
}

}  // namespace

Partitioner FixedSizePartitioner(int n, int axis) {
  return [=](const TensorShape& shape, DType) { return Along(shape, axis, n); };
}

Partitioner VariableAxisSizePartitioner(int64_t max_shard_bytes, int axis, int64_t bytes_per_string,
                                        int max_shards) {
  return [=](const TensorShape& shape, DType dtype) -> std::vector<int> {
    if (max_shard_bytes < 1 || max_shards < 0) return {};
    const int64_t extent = Extent(shape, axis);
    const double bytes = SliceBytes(shape, axis, dtype, bytes_per_string);
    const double slices_per_shard =
        std::max(1.0, std::floor(max_shard_bytes / std::max(bytes, 1.0)));
    int64_t shards =
        static_cast<int64_t>(std::ceil(static_cast<double>(extent) / slices_per_shard));
    if (max_shards > 0) shards = std::min<int64_t>(shards, max_shards);
    return Along(shape, axis, std::max<int64_t>(shards, 1));
  };
}

Partitioner MinMaxVariablePartitioner(int max_partitions, int axis, int64_t min_slice_size,
                                      int64_t bytes_per_string) {
  return [=](const TensorShape& shape, DType dtype) -> std::vector<int> {
    if (max_partitions < 1 || min_slice_size < 1) return {};
    const int64_t extent = Extent(shape, axis);
    const double total =
        SliceBytes(shape, axis, dtype, bytes_per_string) * static_cast<double>(extent);
    const double wanted = std::max(1.0, std::ceil(total / static_cast<double>(min_slice_size)));
    const int64_t shards = static_cast<int64_t>(
        std::min({wanted, static_cast<double>(max_partitions), static_cast<double>(extent)}));
    return Along(shape, axis, std::max<int64_t>(shards, 1));
  };
}

absl::StatusOr<Partition> CutShape(const TensorShape& shape, const std::vector<int>& counts) {
  if (shape.rank() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A partitioned Variable must have rank at least 1, shape: ", shape.ToString()));
  }
  if (static_cast<int>(counts.size()) != shape.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Partitioner returned a partition list that does not match the Variable's "
                     "rank: ",
                     Show(counts), " vs. ", shape.ToString()));
  }
  Partition partition{.counts = counts, .axis = 0, .offsets = {}, .sizes = {}};
  int sliced = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("Partitioner returned zero partitions for some axes: ", Show(counts)));
    }
    if (counts[i] == 1) continue;
    partition.axis = static_cast<int>(i);
    ++sliced;
  }
  if (sliced > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Can only slice a variable along one dimension: shape: ", shape.ToString(),
                     ", partitioning: ", Show(counts)));
  }
  const int64_t extent = shape.dim(partition.axis), parts = counts[partition.axis];
  if (extent < parts) {
    return absl::InvalidArgumentError(absl::StrCat("Cannot create ", parts, " slices for size ",
                                                   extent, ". shape: ", shape.ToString(),
                                                   ", slices: ", Show(counts)));
  }
  int64_t offset = 0;
  for (int64_t i = 0; i < parts; ++i) {
    partition.offsets.push_back(offset);
    partition.sizes.push_back(extent / parts + (i < extent % parts ? 1 : 0));
    offset += partition.sizes.back();
  }
  return partition;
}

}  // namespace sluice
