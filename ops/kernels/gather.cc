#include "ops/kernels/gather.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/threads.h"
#include "ops/kernels/unit.h"

namespace sluice::ops {
namespace {

constexpr double kNanosecondsPerRow = 2;
constexpr double kNanosecondsPerByte = 0.1;

template <typename E>
void CopyRow(const E* from, E* to, int64_t count) {
  if (count == 1) {
    *to = *from;
  } else if constexpr (std::is_trivially_copyable_v<E>) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(E));
  } else {
    std::copy_n(from, count, to);
  }
}

int64_t RowGrain(DType dtype, int64_t elements) {
  const double bytes = static_cast<double>(elements) * static_cast<double>(SizeOf(dtype));
  return GrainFor(kNanosecondsPerRow + kNanosecondsPerByte * bytes);
}

}  // namespace

template <typename Index>
int64_t FirstOutside(absl::Span<const Index> indices, int64_t limit) {
  bool outside = false;
  for (const Index index : indices) outside |= index < 0 || index >= limit;
  if (!outside) return -1;
  const auto bad = std::find_if(indices.begin(), indices.end(),
                                [&](Index index) { return index < 0 || index >= limit; });
  return bad - indices.begin();
}

template <typename Index>
void GatherRows(DType dtype, const GatherLayout& layout, const void* params, const Index* indices,
                void* to) {
  const auto [batch, outer, axis_size, count, inner] = layout;
  if (inner == 0) return;
  DispatchUnit(
      dtype, [&, outer = outer, axis_size = axis_size, count = count, inner = inner](auto tag) {
        using E = typename decltype(tag)::type;
        const E* source = static_cast<const E*>(params);
        E* target = static_cast<E*>(to);
        const auto gather = [&](int64_t begin, int64_t end) {
          while (begin < end) {
            const int64_t plane = begin / count;  // of batch x outer
            const int64_t stop = std::min(end, (plane + 1) * count);
            const E* from = source + plane * axis_size * inner;
            const int64_t shift = (plane / outer - plane) * count;  // from a row to its index
            for (; begin < stop; ++begin) {
              CopyRow(from + indices[begin + shift] * inner, target + begin * inner, inner);
            }
          }
        };
        ParallelFor(batch * outer * count, RowGrain(dtype, inner), gather);
      });
}

TupleLayout TupleLayoutOf(absl::Span<const int64_t> array, absl::Span<const int64_t> indices) {
  TupleLayout layout;
  const auto depth = static_cast<size_t>(indices.back());
  for (const int64_t size : indices.first(indices.size() - 1)) layout.count *= size;
  for (const int64_t size : array.subspan(depth)) layout.slice *= size;
  const Dims strides = RowMajorStrides(array);
  layout.sizes.assign(array.begin(), array.begin() + depth);
  layout.strides.assign(strides.begin(), strides.begin() + depth);
  return layout;
}

template <typename Index>
int64_t FirstOutside(const TupleLayout& layout, const Index* tuples) {
  const size_t depth = layout.sizes.size();
  for (int64_t t = 0; t < layout.count; ++t, tuples += depth) {
    for (size_t k = 0; k < depth; ++k) {
      if (tuples[k] < 0 || tuples[k] >= layout.sizes[k]) return t;
    }
  }
  return -1;
}

template <typename Index>
void GatherTuples(DType dtype, const TupleLayout& layout, const void* params, const Index* tuples,
                  void* to) {
  if (layout.slice == 0) return;
  DispatchUnit(dtype, [&](auto tag) {
    using E = typename decltype(tag)::type;
    const E* source = static_cast<const E*>(params);
    E* target = static_cast<E*>(to);
    ParallelFor(layout.count, RowGrain(dtype, layout.slice), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        CopyRow(source + SliceStart(layout, tuples, t), target + t * layout.slice, layout.slice);
      }
    });
  });
}

template int64_t FirstOutside<int32_t>(absl::Span<const int32_t>, int64_t);
template int64_t FirstOutside<int64_t>(absl::Span<const int64_t>, int64_t);
template void GatherRows<int32_t>(DType, const GatherLayout&, const void*, const int32_t*, void*);
template void GatherRows<int64_t>(DType, const GatherLayout&, const void*, const int64_t*, void*);
template int64_t FirstOutside<int32_t>(const TupleLayout&, const int32_t*);
template int64_t FirstOutside<int64_t>(const TupleLayout&, const int64_t*);
template void GatherTuples<int32_t>(DType, const TupleLayout&, const void*, const int32_t*, void*);
template void GatherTuples<int64_t>(DType, const TupleLayout&, const void*, const int64_t*, void*);

}  // namespace sluice::ops
