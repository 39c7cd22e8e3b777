// Partitioned variables: one variable in several, cut along one dimension (rules VS-40 to VS-43).
#ifndef SLUICE_GRAPH_PARTITION_H_
#define SLUICE_GRAPH_PARTITION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/scope.h"

namespace sluice {

// `n` parts along `axis`, 1 along the others. (tf.fixed_size_partitioner)
Partitioner FixedSizePartitioner(int n, int axis = 0);

// As many parts along `axis` as it takes that none exceeds `max_shard_bytes`, at most `max_shards`
// (0: any number). Strings count `bytes_per_string`. (tf.variable_axis_size_partitioner)
Partitioner VariableAxisSizePartitioner(int64_t max_shard_bytes, int axis = 0,
                                        int64_t bytes_per_string = 16, int max_shards = 0);

// At most `max_partitions` parts along `axis`, none smaller than `min_slice_size` bytes.
// (tf.min_max_variable_partitioner)
Partitioner MinMaxVariablePartitioner(int max_partitions, int axis = 0,
                                      int64_t min_slice_size = 256 << 10,
                                      int64_t bytes_per_string = 16);

// The extents of the parts of a variable of that (fully defined) shape: the remainder goes to the
// first ones, one each (rule VS-41).
struct Partition {
  std::vector<int> counts;              // parts per dimension
  int axis = 0;                         // the one dimension whose count may exceed 1
  std::vector<int64_t> offsets, sizes;  // along `axis`, per part
};
// InvalidArgument for counts that do not fit the shape, in the words of rule VS-40.
absl::StatusOr<Partition> CutShape(const TensorShape& shape, const std::vector<int>& counts);

}  // namespace sluice

#endif  // SLUICE_GRAPH_PARTITION_H_
