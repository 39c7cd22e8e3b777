#include "ops/set_operation.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/kernels/strided_copy.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

enum class Operation { kAMinusB, kBMinusA, kIntersection, kUnion };

absl::StatusOr<Operation> ParseOperation(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "a-b") return Operation::kAMinusB;
  if (lower == "b-a") return Operation::kBMinusA;
  if (lower == "intersection") return Operation::kIntersection;
  if (lower == "union") return Operation::kUnion;
  return absl::InvalidArgumentError(absl::StrCat("Invalid set_operation ", Printable(text), "."));
}

// --- shapes --------------------------------------------------------------------------------------

// The rank of the set that begins with input i: a dense tensor, or three that are sparse.
absl::StatusOr<int64_t> RankOfSet(const ShapeContext& c, int i, bool sparse) {
  if (!sparse) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRankAtLeast(i, 2));
    return shape.rank();
  }
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, i, i + 1, i + 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rank, c.WithRank(i + 2, 1));
  if (rank.dim(0) >= 0 && rank.dim(0) < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Input rank must be at least 2, but is ", rank.dim(0)));
  }
  return rank.dim(0);
}

template <bool sparse1, bool sparse2>
absl::Status OperationShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(ParseOperation(c.attr<std::string>("set_operation")).status());
  SLUICE_ASSIGN_OR_RETURN(const int64_t rank1, RankOfSet(c, 0, sparse1));
  SLUICE_ASSIGN_OR_RETURN(const int64_t rank2, RankOfSet(c, sparse1 ? 3 : 1, sparse2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rank, TensorShape({rank1}).MergeWith({rank2}));
  c.set_output(0, {-1, rank.dim(0)});
  c.set_output(1, TensorShape::OfRank(1));
  c.set_output(2, rank);
  return absl::OkStatus();
}

absl::Status SizeShape(ShapeContext& c) { return RankOfSet(c, 0, true).status(); }

// --- kernels -------------------------------------------------------------------------------------

template <typename T>
using Sets = std::map<std::vector<int64_t>, std::set<T>>;  // by group

// One side of an operation.
template <typename T>
struct Side {
  std::vector<int64_t> group_shape;
  Sets<T> sets;
};

absl::Status CheckRank(absl::Span<const int64_t> shape) {
  if (shape.size() >= 2) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Shape [", absl::StrJoin(shape, ","), "] has rank ", shape.size(), " < 2"));
}

template <typename T>
absl::StatusOr<Side<T>> ReadSparseSide(const KernelContext& c, int first) {
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, first, first + 1, first + 2));
  SLUICE_RETURN_IF_ERROR(CheckRank(sparse.shape));
  SLUICE_RETURN_IF_ERROR(CheckSorted(sparse));
  Side<T> side;
  side.group_shape.assign(sparse.shape.begin(), sparse.shape.end() - 1);
  for (int64_t i = 0; i < sparse.count; ++i) {
    const int64_t* row = sparse.row(i);
    side.sets[std::vector<int64_t>(row, row + sparse.rank - 1)].insert(sparse.values->data<T>()[i]);
  }
  return side;
}

template <typename T>
absl::StatusOr<Side<T>> ReadDenseSide(const Tensor& tensor) {
  const absl::Span<const int64_t> shape = tensor.shape().dims();
  SLUICE_RETURN_IF_ERROR(CheckRank(shape));
  Side<T> side;
  side.group_shape.assign(shape.begin(), shape.end() - 1);
  const absl::Span<const T> values = tensor.flat<T>();
  const int64_t width = shape.back();
  std::vector<int64_t> group(shape.size() - 1, 0);
  for (int64_t begin = 0; begin < tensor.num_elements(); begin += width) {
    side.sets[group].insert(values.begin() + begin, values.begin() + begin + width);
    for (size_t d = group.size(); d-- > 0;) {
      if (++group[d] < shape[d]) break;
      group[d] = 0;
    }
  }
  return side;
}

template <typename T>
std::set<T> Apply(Operation op, const std::set<T>& a, const std::set<T>& b) {
  std::set<T> result;
  const auto into = std::inserter(result, result.begin());
  switch (op) {
    case Operation::kAMinusB:
      std::set_difference(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
    case Operation::kBMinusA:
      std::set_difference(b.begin(), b.end(), a.begin(), a.end(), into);
      break;
    case Operation::kIntersection:
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
    case Operation::kUnion:
      std::set_union(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
  }
  return result;
}

template <typename T>
absl::Status SetResult(KernelContext& c, const std::vector<int64_t>& group_shape,
                       const Sets<T>& sets) {
  int64_t count = 0, widest = 0;
  for (const auto& [group, set] : sets) {
    count += static_cast<int64_t>(set.size());
    widest = std::max(widest, static_cast<int64_t>(set.size()));
  }
  const auto rank = static_cast<int64_t>(group_shape.size()) + 1;
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {count, rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(2, {rank}));
  int64_t* index = indices->mutable_data<int64_t>();
  T* value = values->mutable_data<T>();
  for (const auto& [group, set] : sets) {
    int64_t position = 0;
    for (const T& element : set) {
      index = std::copy(group.begin(), group.end(), index);
      *index++ = position++;
      *value++ = element;
    }
  }
  int64_t* dims = std::copy(group_shape.begin(), group_shape.end(), shape->mutable_data<int64_t>());
  *dims = widest;
  return absl::OkStatus();
}

template <typename T, bool sparse1, bool sparse2>
absl::Status OperationRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Operation op, ParseOperation(c.attr<std::string>("set_operation")));
  absl::StatusOr<Side<T>> a = sparse1 ? ReadSparseSide<T>(c, 0) : ReadDenseSide<T>(c.input(0));
  if (!a.ok()) return a.status();
  constexpr int kSecond = sparse1 ? 3 : 1;
  absl::StatusOr<Side<T>> b =
      sparse2 ? ReadSparseSide<T>(c, kSecond) : ReadDenseSide<T>(c.input(kSecond));
  if (!b.ok()) return b.status();
  if (a->group_shape != b->group_shape) {
    return absl::InvalidArgumentError(absl::StrCat("Mismatched shapes [",
                                                   absl::StrJoin(a->group_shape, ","), "] vs [",
                                                   absl::StrJoin(b->group_shape, ","), "]"));
  }
  Sets<T> results;
  const std::set<T> none;
  for (const auto& [group, set] : a->sets) {
    const auto other = b->sets.find(group);
    std::set<T> result = Apply(op, set, other == b->sets.end() ? none : other->second);
    if (!result.empty()) results.emplace(group, std::move(result));
  }
  for (const auto& [group, set] : b->sets) {
    if (a->sets.count(group) > 0) continue;
    std::set<T> result = Apply(op, none, set);
    if (!result.empty()) results.emplace(group, std::move(result));
  }
  return SetResult(c, a->group_shape, results);
}

template <typename T>
absl::Status SizeRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Side<T> side, ReadSparseSide<T>(c, 0));
  const TensorShape shape{absl::Span<const int64_t>(side.group_shape)};
  SLUICE_RETURN_IF_ERROR(shape.Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor * sizes, c.Allocate(0, shape));
  const absl::Span<int32_t> to = sizes->mutable_flat<int32_t>();
  std::fill(to.begin(), to.end(), 0);
  const Dims strides = RowMajorStrides(side.group_shape);
  for (const auto& [group, set] : side.sets) {
    int64_t position = 0;
    for (size_t d = 0; d < group.size(); ++d) position += group[d] * strides[d];
    to[position] = static_cast<int32_t>(set.size());
  }
  return absl::OkStatus();
}

template <typename F>
absl::Status DispatchSets(DType dtype, F f) {
  return Dispatch<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, std::string>(dtype, f);
}

template <bool sparse1, bool sparse2>
absl::StatusOr<KernelRun> OperationPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchSets(p.output_dtype(1), [&](auto tag) {
    run = &OperationRun<typename decltype(tag)::type, sparse1, sparse2>;
    return absl::OkStatus();
  }));
  return run;
}

absl::StatusOr<KernelRun> SizePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchSets(p.input_dtype(1), [&](auto tag) {
    run = &SizeRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  }));
  return run;
}

constexpr char kTypes[] = "T: {int8, int16, int32, int64, uint8, uint16, string}";

OpSpec OperationOutputs(OpSpec spec) {
  return spec.Attr("set_operation: string")
      .Attr("validate_indices: bool = true")
      .Attr(kTypes)
      .Output("result_indices: int64")
      .Output("result_values: T")
      .Output("result_shape: int64")
      .NotDifferentiable("sets of integers and strings have no gradient");
}

AttrMap OperationAttrs(const std::string& set_operation, const SetOperationOptions& options) {
  return {{"set_operation", set_operation}, {"validate_indices", options.validate_indices}};
}

}  // namespace

OpSpec DenseToDenseSetOperationOp() {
  return OperationOutputs(OpSpec("DenseToDenseSetOperation").Input("set1: T").Input("set2: T"))
      .Shape(OperationShape<false, false>)
      .Prepare(OperationPrepare<false, false>);
}

OpSpec DenseToSparseSetOperationOp() {
  return OperationOutputs(OpSpec("DenseToSparseSetOperation")
                              .Input("set1: T")
                              .Input("set2_indices: int64")
                              .Input("set2_values: T")
                              .Input("set2_shape: int64"))
      .Shape(OperationShape<false, true>)
      .Prepare(OperationPrepare<false, true>);
}

OpSpec SparseToSparseSetOperationOp() {
  return OperationOutputs(OpSpec("SparseToSparseSetOperation")
                              .Input("set1_indices: int64")
                              .Input("set1_values: T")
                              .Input("set1_shape: int64")
                              .Input("set2_indices: int64")
                              .Input("set2_values: T")
                              .Input("set2_shape: int64"))
      .Shape(OperationShape<true, true>)
      .Prepare(OperationPrepare<true, true>);
}

OpSpec SetSizeOp() {
  return OpSpec("SetSize")
      .Input("set_indices: int64")
      .Input("set_values: T")
      .Input("set_shape: int64")
      .Attr("validate_indices: bool = true")
      .Attr(kTypes)
      .Output("size: int32")
      .Shape(SizeShape)
      .Prepare(SizePrepare)
      .NotDifferentiable("its output is integer");
}

Outputs DenseToDenseSetOperation(At at, Output set1, Output set2, const std::string& set_operation,
                                 const SetOperationOptions& options) {
  return at.Nodes("DenseToDenseSetOperation", {set1, set2}, OperationAttrs(set_operation, options));
}
Outputs DenseToSparseSetOperation(At at, Output set1, Output set2_indices, Output set2_values,
                                  Output set2_shape, const std::string& set_operation,
                                  const SetOperationOptions& options) {
  return at.Nodes("DenseToSparseSetOperation", {set1, set2_indices, set2_values, set2_shape},
                  OperationAttrs(set_operation, options));
}
Outputs SparseToSparseSetOperation(At at, Output set1_indices, Output set1_values,
                                   Output set1_shape, Output set2_indices, Output set2_values,
                                   Output set2_shape, const std::string& set_operation,
                                   const SetOperationOptions& options) {
  return at.Nodes("SparseToSparseSetOperation",
                  {set1_indices, set1_values, set1_shape, set2_indices, set2_values, set2_shape},
                  OperationAttrs(set_operation, options));
}
Output SetSize(At at, Output set_indices, Output set_values, Output set_shape,
               const SetOperationOptions& options) {
  return at.Node("SetSize", {set_indices, set_values, set_shape},
                 {{"validate_indices", options.validate_indices}});
}

}  // namespace sluice::ops
