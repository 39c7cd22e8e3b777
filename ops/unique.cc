// Unique: y[idx[i]] = x[i], y without repetitions; the V2 forms compare slices along an axis.
// ListDiff: out[k] = x[idx[k]], those that y
// lacks.
#include "ops/unique.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/dtype_sets.h"
#include "ops/kernels/gather.h"

namespace sluice::ops {
namespace {

absl::Status UniqueShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape x, c.WithRank(0, 1));
  c.set_output(0, TensorShape::OfRank(1));
  c.set_output(1, std::move(x));
  if (c.num_outputs() == 3) c.set_output(2, TensorShape::OfRank(1));
  return absl::OkStatus();
}

// The axis that the second input of the V2 ops names: an empty one stands for the only dimension of
// a vector.
absl::StatusOr<int> UniqueAxis(const TensorShape& x, const Tensor& axis) {
  if (axis.num_elements() == 0) {
    if (x.rank() == 1) return 0;
    return absl::InvalidArgumentError(
        absl::StrCat("unique expects a 1D vector, got shape ", x.ToString()));
  }
  if (axis.num_elements() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis does not support input tensors larger than 1 elements, got shape ",
                     axis.shape().ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(axis, "axis"));
  return CanonicalAxis(given, x.rank());
}

absl::Status UniqueV2Shape(ShapeContext& c) {
  const TensorShape& x = c.input(0);
  for (const int i : {1, 2}) {
    if (i < c.num_outputs()) c.set_output(i, TensorShape::OfRank(1));
  }
  if (!x.rank_known()) return absl::OkStatus();
  if (c.value(1) == nullptr) {
    c.set_output(0, TensorShape::OfRank(x.rank()));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int axis, UniqueAxis(x, *c.value(1)));
  TensorShape y = x;
  y.set_dim(axis, -1);
  c.set_output(0, std::move(y));
  c.set_output(1, {x.dim(axis)});
  return absl::OkStatus();
}

absl::Status ListDiffShape(ShapeContext& c) {
  for (const int vector : {0, 1}) SLUICE_RETURN_IF_ERROR(c.WithRank(vector, 1).status());
  for (const int out : {0, 1}) c.set_output(out, TensorShape::OfRank(1));
  return absl::OkStatus();
}

// What is compared and hashed in the place of an element: half and bfloat16 as floats.
template <typename T>
const T& KeyOf(const T& x) {
  return x;
}
float KeyOf(Half x) { return static_cast<float>(x); }
float KeyOf(BFloat16 x) { return static_cast<float>(x); }

// x as [outer, size, inner]: section i is everything at index i of the middle dimension.
template <typename T>
struct Sections {
  const T* x;
  int64_t outer, size, inner;

  template <typename F>
  bool All(F f) const {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t k = 0; k < inner; ++k) {
        if (!f(o * size * inner + k)) return false;
      }
    }
    return true;
  }
  size_t Hash(int64_t i) const {
    size_t hash = 0;
    All([&](int64_t at) {
      hash = hash * 31 + absl::HashOf(KeyOf(x[at + i * inner]));
      return true;
    });
    return hash;
  }
  bool Equal(int64_t i, int64_t j) const {
    if (i == j) return true;  // also where a NaN is unequal to itself
    return All([&](int64_t at) { return KeyOf(x[at + i * inner]) == KeyOf(x[at + j * inner]); });
  }
};

// Sections in groups of equal ones: the first of every group, in order, and the group of each.
struct Groups {
  std::vector<int64_t> first, group;
};

template <typename T>
Groups GroupsOf(const Sections<T>& sections) {
  const auto hash = [&](int64_t i) { return sections.Hash(i); };
  const auto equal = [&](int64_t i, int64_t j) { return sections.Equal(i, j); };
  absl::flat_hash_map<int64_t, int64_t, decltype(hash), decltype(equal)> seen(0, hash, equal);
  Groups groups;
  groups.group.reserve(static_cast<size_t>(sections.size));
  for (int64_t i = 0; i < sections.size; ++i) {
    const auto [position, is_new] = seen.try_emplace(i, static_cast<int64_t>(groups.first.size()));
    if (is_new) groups.first.push_back(i);
    groups.group.push_back(position->second);
  }
  return groups;
}

// Of `size` sections; where groups.group is empty, all are in one group.
template <typename Index>
absl::Status WriteGroups(const Groups& groups, int64_t size, KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(Tensor * idx, c.Allocate(1, {size}));
  Index* positions = idx->mutable_data<Index>();
  std::fill_n(positions, size, Index{0});
  std::copy(groups.group.begin(), groups.group.end(), positions);
  if (c.num_outputs() == 2) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(Tensor * count,
                          c.Allocate(2, {static_cast<int64_t>(groups.first.size())}));
  const absl::Span<Index> times = count->mutable_flat<Index>();
  std::fill(times.begin(), times.end(), Index{0});
  for (const Index i : idx->flat<Index>()) ++times[static_cast<size_t>(i)];
  return absl::OkStatus();
}

template <typename T>
absl::Status UniqueRun(KernelContext& c) {
  const Tensor& x = c.input(0);
  int axis = 0;
  if (c.num_inputs() == 2) {
    SLUICE_ASSIGN_OR_RETURN(axis, UniqueAxis(x.shape(), c.input(1)));
  }
  GatherLayout layout;
  for (int i = 0; i < axis; ++i) layout.outer *= x.dim(i);
  for (int i = axis + 1; i < x.shape().rank(); ++i) layout.inner *= x.dim(i);
  layout.axis_size = x.dim(axis);
  Groups groups;
  if (x.num_elements() > 0) {
    groups = GroupsOf(Sections<T>{x.data<T>(), layout.outer, layout.axis_size, layout.inner});
  } else if (layout.axis_size > 0) {
    groups.first = {0};  // sections without elements, perhaps very many
  }
  TensorShape shape = x.shape();
  layout.count = static_cast<int64_t>(groups.first.size());
  shape.set_dim(axis, layout.count);
  SLUICE_ASSIGN_OR_RETURN(Tensor * y, c.Allocate(0, shape));
  GatherRows<int64_t>(x.dtype(), layout, x.raw(), groups.first.data(), y->mutable_raw());
  return c.attr<DType>("out_idx") == DType::kInt32
             ? WriteGroups<int32_t>(groups, layout.axis_size, c)
             : WriteGroups<int64_t>(groups, layout.axis_size, c);
}

template <typename T, typename Index>
absl::Status ListDiffRun(KernelContext& c) {
  const absl::Span<const T> x = c.input(0).flat<T>(), y = c.input(1).flat<T>();
  absl::flat_hash_set<std::decay_t<decltype(KeyOf(x[0]))>> other;
  for (const T& value : y) other.insert(KeyOf(value));
  int64_t count = 0;
  for (const T& value : x) count += !other.contains(KeyOf(value));
  SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * idx, c.Allocate(1, {count}));
  T* values = out->mutable_data<T>();
  Index* positions = idx->mutable_data<Index>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (other.contains(KeyOf(x[i]))) continue;
    *values++ = x[i];
    *positions++ = static_cast<Index>(i);
  }
  return absl::OkStatus();
}

template <typename F>
absl::Status DispatchElements(DType dtype, F f) {
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                  uint64_t, bool, std::string, Half, BFloat16>(dtype, f);
}

absl::StatusOr<KernelRun> UniquePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchElements(p.input_dtype(0), [&](auto tag) {
    run = &UniqueRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  }));
  return run;
}

absl::StatusOr<KernelRun> ListDiffPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchElements(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = p.output_dtype(1) == DType::kInt64 ? &ListDiffRun<T, int64_t> : &ListDiffRun<T, int32_t>;
    return absl::OkStatus();
  }));
  return run;
}

constexpr char kOnlyReal[] = "as in TensorFlow, real numbers, bools and strings only";

std::vector<DType> NotHashed() {
  std::vector<DType> types = NeitherNumbersNorStrings();
  types.insert(types.end(), {DType::kComplex64, DType::kComplex128});
  return types;
}

constexpr char kNotSmooth[] = "which elements are equal does not vary smoothly";

OpSpec UniqueSpec(const char* name, bool with_axis, bool with_counts) {
  OpSpec spec(name);
  spec.Input("x: T");
  if (with_axis) spec.Input("axis: Taxis");
  spec.Output("y: T").Output("idx: out_idx");
  if (with_counts) spec.Output("count: out_idx");
  spec.Attr("T: type");
  if (with_axis) spec.Attr("Taxis: {int32, int64} = DT_INT64");
  return spec.Attr("out_idx: {int32, int64} = DT_INT32")
      .Shape(with_axis ? UniqueV2Shape : UniqueShape)
      .Prepare(UniquePrepare)
      .NoKernelFor("T", NotHashed(), kOnlyReal)
      .NotDifferentiable(kNotSmooth);
}

}  // namespace

OpSpec UniqueOp() { return UniqueSpec("Unique", false, false); }
OpSpec UniqueWithCountsOp() { return UniqueSpec("UniqueWithCounts", false, true); }
OpSpec UniqueV2Op() { return UniqueSpec("UniqueV2", true, false); }
OpSpec UniqueWithCountsV2Op() { return UniqueSpec("UniqueWithCountsV2", true, true); }

OpSpec ListDiffOp() {
  return OpSpec("ListDiff")
      .Input("x: T")
      .Input("y: T")
      .Output("out: T")
      .Output("idx: out_idx")
      .Attr("T: type")
      .Attr("out_idx: {int32, int64} = DT_INT32")
      .Shape(ListDiffShape)
      .Prepare(ListDiffPrepare)
      .NoKernelFor("T", NotHashed(), kOnlyReal)
      .NotDifferentiable(kNotSmooth);
}

Outputs Unique(At at, Output x, const UniqueOptions& options) {
  return at.Nodes("Unique", {x}, {{"out_idx", options.out_idx}});
}
Outputs UniqueWithCounts(At at, Output x, const UniqueOptions& options) {
  return at.Nodes("UniqueWithCounts", {x}, {{"out_idx", options.out_idx}});
}
Outputs UniqueV2(At at, Output x, Ints axis, const UniqueOptions& options) {
  const At in = at.Composite("UniqueV2");
  return in.AsScope().Nodes("UniqueV2", {x, axis.Tensor(in, "axis", DType::kInt64)},
                            {{"out_idx", options.out_idx}});
}
Outputs UniqueWithCountsV2(At at, Output x, Ints axis, const UniqueOptions& options) {
  const At in = at.Composite("UniqueWithCountsV2");
  return in.AsScope().Nodes("UniqueWithCountsV2", {x, axis.Tensor(in, "axis", DType::kInt64)},
                            {{"out_idx", options.out_idx}});
}
Outputs ListDiff(At at, Output x, Output y, const UniqueOptions& options) {
  return at.Nodes("ListDiff", {x, y}, {{"out_idx", options.out_idx}});
}

}  // namespace sluice::ops
