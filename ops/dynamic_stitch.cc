// DynamicStitch: merged[indices[m][i]] = data[m][i]. DynamicPartition: outputs[partitions[i]] gets
// data[i].
#include "ops/dynamic_stitch.h"

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/gather.h"
#include "ops/kernels/strided_copy.h"
#include "ops/range.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

// The dimensions of `data` behind those of `prefix`. InvalidArgument when data does not begin with
// prefix.
absl::StatusOr<TensorShape> RestAfter(const TensorShape& data, const TensorShape& prefix,
                                      const char* data_name, const char* prefix_name) {
  if (!data.rank_known() || !prefix.rank_known()) return TensorShape::Unknown();
  bool fits = prefix.rank() <= data.rank();
  for (int i = 0; fits && i < prefix.rank(); ++i) {
    fits = prefix.dim(i) < 0 || data.dim(i) < 0 || prefix.dim(i) == data.dim(i);
  }
  if (fits) return TensorShape(data.dims().subspan(prefix.rank()));
  return absl::InvalidArgumentError(absl::StrCat(data_name, ".shape = ", data.ToString(),
                                                 " does not start with ", prefix_name,
                                                 ".shape = ", prefix.ToString()));
}

// `rest` with `rows` in front; unknown when rest is.
absl::StatusOr<TensorShape> RowsOf(int64_t rows, const TensorShape& rest) {
  if (!rest.rank_known()) return rest;
  TensorShape shape = rest;
  shape.InsertDim(0, rows);
  SLUICE_RETURN_IF_ERROR(shape.Check());
  return shape;
}

// The largest of `indices` and `largest`.
absl::StatusOr<int64_t> LargestIndex(const Tensor& indices, int64_t largest) {
  for (const int32_t index : indices.flat<int32_t>()) {
    if (index < 0) {
      return absl::InvalidArgumentError(absl::StrCat("indices must be >= 0, got ", index));
    }
    largest = std::max<int64_t>(largest, index);
  }
  return largest;
}

absl::Status StitchShape(ShapeContext& c) {
  const int n = c.num_inputs() / 2;
  TensorShape rest = TensorShape::Unknown();
  int64_t largest = -1;
  bool all_known = true;
  for (int m = 0; m < n; ++m) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape own,
                            RestAfter(c.input(n + m), c.input(m), "data", "indices"));
    SLUICE_ASSIGN_OR_RETURN(rest, rest.MergeWith(own));
    all_known &= c.value(m) != nullptr;
    if (c.value(m) != nullptr) {
      SLUICE_ASSIGN_OR_RETURN(largest, LargestIndex(*c.value(m), largest));
    }
  }
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, RowsOf(all_known ? largest + 1 : -1, rest));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status RunStitch(KernelContext& c, bool planned) {
  const int n = c.num_inputs() / 2;
  int64_t largest = -1;
  for (int m = 0; m < n; ++m) {
    SLUICE_ASSIGN_OR_RETURN(largest, LargestIndex(c.input(m), largest));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rest,
                          RestAfter(c.input(n).shape(), c.input(0).shape(), "data", "indices"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape wanted, RowsOf(largest + 1, rest));
  SLUICE_ASSIGN_OR_RETURN(Tensor * merged, ProvideOutput(c, 0, planned, wanted));
  const DType dtype = merged->dtype();
  const int64_t row = rest.num_elements();
  ZeroElements(dtype, merged->mutable_raw(), merged->num_elements());
  for (int m = 0; m < n; ++m) {
    const absl::Span<const int32_t> indices = c.input(m).flat<int32_t>();
    for (size_t i = 0; i < indices.size(); ++i) {
      CopyElements(dtype, ElementAt(c.input(n + m).raw(), static_cast<int64_t>(i) * row, dtype),
                   ElementAt(merged->mutable_raw(), indices[i] * row, dtype), row);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> StitchPrepare(PrepareContext& p) {
  const bool planned = p.output_shape(0).fully_defined();
  return KernelRun([planned](KernelContext& c) { return RunStitch(c, planned); });
}

// How many rows each partition gets.
absl::StatusOr<std::vector<int64_t>> CountRows(const Tensor& partitions, int64_t num_partitions) {
  std::vector<int64_t> counts(num_partitions, 0);
  const absl::Span<const int32_t> values = partitions.flat<int32_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= num_partitions) {
      return absl::InvalidArgumentError(absl::StrCat("partitions[", i, "] = ", values[i],
                                                     " is not in [0, ", num_partitions, ")"));
    }
    ++counts[values[i]];
  }
  return counts;
}

absl::Status PartitionShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rest,
                          RestAfter(c.input(0), c.input(1), "data", "partitions"));
  std::vector<int64_t> counts(c.num_outputs(), -1);
  if (c.value(1) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(counts, CountRows(*c.value(1), c.num_outputs()));
  }
  for (int k = 0; k < c.num_outputs(); ++k) {
    SLUICE_ASSIGN_OR_RETURN(TensorShape rows, RowsOf(counts[k], rest));
    c.set_output(k, std::move(rows));
  }
  return absl::OkStatus();
}

absl::Status RunPartition(KernelContext& c, bool planned) {
  const Tensor& data = c.input(0);
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> counts,
                          CountRows(c.input(1), c.num_outputs()));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rest,
                          RestAfter(data.shape(), c.input(1).shape(), "data", "partitions"));
  const DType dtype = data.dtype();
  const int64_t row = rest.num_elements();
  std::vector<void*> next;
  for (int k = 0; k < c.num_outputs(); ++k) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape rows, RowsOf(counts[k], rest));
    SLUICE_ASSIGN_OR_RETURN(Tensor * output, ProvideOutput(c, k, planned, rows));
    next.push_back(output->mutable_raw());
  }
  if (row == 0) return absl::OkStatus();
  const absl::Span<const int32_t> partitions = c.input(1).flat<int32_t>();
  for (size_t i = 0; i < partitions.size(); ++i) {
    void*& to = next[partitions[i]];
    CopyElements(dtype, ElementAt(data.raw(), static_cast<int64_t>(i) * row, dtype), to, row);
    to = ElementAt(to, row, dtype);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> PartitionPrepare(PrepareContext& p) {
  bool planned = true;
  for (int k = 0; k < p.num_outputs(); ++k) planned &= p.output_shape(k).fully_defined();
  return KernelRun([planned](KernelContext& c) { return RunPartition(c, planned); });
}

Outputs StitchGradient(At at, const Node& op, const Outputs& dy) {
  const int n = op.num_inputs() / 2;
  Outputs dx(op.num_inputs());
  for (int m = 0; m < n; ++m) dx[n + m] = Gather(at, dy[0], op.input(m));
  return dx;
}

// Numbers the rows, deals the numbers out as the rows were, and stitches by them.
Outputs PartitionGradient(At at, const Node& op, const Outputs& dy) {
  const Output partitions = op.input(1);
  const Output shape = ShapeTensor(at, partitions);
  const Output count = at.Node("Prod", {shape, Const(at, {0})});
  const Output numbers = Reshape(at, Range(at, 0, count, 1), shape);
  const Outputs dealt =
      DynamicPartition(at, numbers, partitions, op.attr<int64_t>("num_partitions"));
  const Output stitched = DynamicStitch(at, dealt, dy);
  return {Reshape(at, stitched, ShapeTensor(at, op.input(0))), Output()};
}

OpSpec StitchSpec(absl::string_view name) {
  return OpSpec(name)
      .Input("indices: N * int32")
      .Input("data: N * T")
      .Output("merged: T")
      .Attr("N: int >= 1")
      .Attr("T: type")
      .Shape(StitchShape)
      .Prepare(StitchPrepare)
      .Gradient(StitchGradient);
}

Output StitchNode(At at, absl::string_view op, const Outputs& indices, const Outputs& data) {
  if (indices.size() != data.size()) {
    return at.Fail(
        op, absl::InvalidArgumentError(absl::StrCat("indices and data must be equally many, got ",
                                                    indices.size(), " and ", data.size())));
  }
  Outputs inputs = indices;
  inputs.insert(inputs.end(), data.begin(), data.end());
  return at.Node(op, inputs);
}

}  // namespace

OpSpec DynamicStitchOp() { return StitchSpec("DynamicStitch"); }
OpSpec ParallelDynamicStitchOp() { return StitchSpec("ParallelDynamicStitch"); }

OpSpec DynamicPartitionOp() {
  return OpSpec("DynamicPartition")
      .Input("data: T")
      .Input("partitions: int32")
      .Output("outputs: num_partitions * T")
      .Attr("num_partitions: int >= 1")
      .Attr("T: type")
      .Shape(PartitionShape)
      .Prepare(PartitionPrepare)
      .Gradient(PartitionGradient);
}

Output DynamicStitch(At at, const Outputs& indices, const Outputs& data) {
  return StitchNode(at, "DynamicStitch", indices, data);
}
Output ParallelDynamicStitch(At at, const Outputs& indices, const Outputs& data) {
  return StitchNode(at, "ParallelDynamicStitch", indices, data);
}

Outputs DynamicPartition(At at, Output data, Output partitions, int64_t num_partitions) {
  return at.Nodes("DynamicPartition", {data, partitions}, {{"num_partitions", num_partitions}});
}

}  // namespace sluice::ops
