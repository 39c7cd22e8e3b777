#include "ops/kernels/reduce.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/threads.h"
#include "ops/kernels/narrow_float.h"

namespace sluice::kernels {
namespace {

template <typename T>
concept Narrow = std::same_as<T, Half> || std::same_as<T, BFloat16>;
template <typename T>
concept Complex = std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

// What elements of T are computed in (Lane), and what lanes are gathered in (Total).
template <typename T>
struct Precision {
  using Lane = T;
  using Total = T;
};
template <>
struct Precision<float> {
  using Lane = float;
  using Total = double;
};
template <Narrow T>
struct Precision<T> {
  using Lane = float;
  using Total = double;
};
template <Integer T>
struct Precision<T> {
  using Lane = std::make_unsigned_t<T>;
  using Total = uint64_t;
};
template <>
struct Precision<std::complex<float>> {
  using Lane = std::complex<float>;
  using Total = std::complex<double>;
};

template <typename T>
auto Load(T x) {
  if constexpr (Narrow<T>) {
    return Widen(x);
  } else {
    return x;
  }
}

template <typename T, typename Total>
T Store(Total x) {
  if constexpr (Narrow<T>) {
    T y;
    NarrowTo(static_cast<float>(x), &y);
    return y;
  } else {
    return static_cast<T>(x);
  }
}

// A function object: Init() is the result of nothing; Step() adds an element to a lane; Fold() a
// lane, Merge() a total, to a total; Finish() gives the result from a total over `items` elements.
template <typename T>
struct Sum {
  using Lane = typename Precision<T>::Lane;
  using Total = typename Precision<T>::Total;
  static Lane Init() { return Lane{}; }
  static Total TotalInit() { return Total{}; }
  static Lane Step(Lane lane, T x) { return static_cast<Lane>(lane + static_cast<Lane>(Load(x))); }
  // Through T: the total of signed integers must grow by signed lanes.
  static Total Fold(Total total, Lane lane) {
    if constexpr (Integer<T>) {
      return total + static_cast<Total>(static_cast<T>(lane));
    } else {
      return total + static_cast<Total>(lane);
    }
  }
  static Total Merge(Total a, Total b) { return a + b; }
  static T Finish(Total total, int64_t) { return Store<T>(total); }
};

// Integers are summed in 64 bits from the start: their mean must not wrap.
template <typename T>
struct Mean : Sum<T> {
  using Lane = std::conditional_t<Integer<T>, uint64_t, typename Sum<T>::Lane>;
  using Total = typename Sum<T>::Total;
  static Lane Init() { return Lane{}; }
  static Lane Step(Lane lane, T x) { return lane + static_cast<Lane>(Load(x)); }
  static Total Fold(Total total, Lane lane) { return total + static_cast<Total>(lane); }
  static T Finish(Total total, int64_t items) {
    if constexpr (Integer<T>) {
      if (items == 0) return 0;
      using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
      return static_cast<T>(static_cast<Wide>(total) / static_cast<Wide>(items));
    } else if constexpr (Complex<T>) {
      return static_cast<T>(total / static_cast<typename Total::value_type>(items));
    } else {
      return Store<T>(total / static_cast<Total>(items));
    }
  }
};

template <typename T>
struct SumSquares : Sum<T> {
  using Lane = typename Sum<T>::Lane;
  static Lane Step(Lane lane, T x) {
    if constexpr (Complex<T>) {
      return lane + std::norm(x);
    } else if constexpr (Integer<T>) {
      return static_cast<Lane>(lane + static_cast<uint64_t>(x) * static_cast<uint64_t>(x));
    } else {
      return lane + Load(x) * Load(x);
    }
  }
};

template <typename T>
struct HalfSumSquares : SumSquares<T> {
  static T Finish(typename Sum<T>::Total total, int64_t) { return Store<T>(total / 2); }
};

template <typename T>
struct EuclideanNorm : SumSquares<T> {
  static T Finish(typename Sum<T>::Total total, int64_t) {
    if constexpr (Integer<T>) {
      return static_cast<T>(std::sqrt(std::max<double>(0, static_cast<T>(total))));
    } else if constexpr (Complex<T>) {
      return static_cast<T>(std::sqrt(total.real()));
    } else {
      return Store<T>(std::sqrt(total));
    }
  }
};

template <typename T>
struct Prod {
  using Lane = typename Precision<T>::Lane;
  using Total = typename Precision<T>::Total;
  static Lane Init() { return Lane{1}; }
  static Total TotalInit() { return Total{1}; }
  static Lane Step(Lane lane, T x) { return static_cast<Lane>(lane * static_cast<Lane>(Load(x))); }
  static Total Fold(Total total, Lane lane) { return total * static_cast<Total>(lane); }
  static Total Merge(Total a, Total b) { return a * b; }
  static T Finish(Total total, int64_t) { return Store<T>(total); }
};
// 16-bit lanes are promoted to int, where 65535 * 65535 would overflow.
template <>
inline uint16_t Prod<uint16_t>::Step(uint16_t lane, uint16_t x) {
  return static_cast<uint16_t>(uint32_t{lane} * x);
}
template <>
inline uint16_t Prod<int16_t>::Step(uint16_t lane, int16_t x) {
  return static_cast<uint16_t>(uint32_t{lane} * static_cast<uint16_t>(x));
}

template <typename T, bool kMaximum>
struct Extremum {
  using Lane = std::conditional_t<Narrow<T>, float, T>;
  using Total = Lane;
  static Lane Init() {
    using Limits = std::numeric_limits<Lane>;
    if constexpr (std::is_floating_point_v<Lane>)
      return kMaximum ? -Limits::infinity() : Limits::infinity();
    return kMaximum ? Limits::lowest() : Limits::max();
  }
  static Total TotalInit() { return Init(); }
  static Lane Step(Lane lane, T x) {
    const Lane v = Load(x);
    return (kMaximum ? v > lane : v < lane) || v != v ? v : lane;
  }
  static Total Fold(Total total, Lane lane) { return Merge(total, lane); }
  static Total Merge(Total a, Total b) { return (kMaximum ? b > a : b < a) || b != b ? b : a; }
  static T Finish(Total total, int64_t) { return Store<T>(total); }
};
template <typename T>
using Max = Extremum<T, true>;
template <typename T>
using Min = Extremum<T, false>;

template <typename T, bool kAll>
struct Logic {
  using Lane = uint8_t;
  using Total = uint8_t;
  static Lane Init() { return kAll; }
  static Total TotalInit() { return kAll; }
  static Lane Step(Lane lane, T x) {
    return kAll ? lane & static_cast<uint8_t>(x) : lane | static_cast<uint8_t>(x);
  }
  static Total Fold(Total total, Lane lane) { return Merge(total, lane); }
  static Total Merge(Total a, Total b) { return kAll ? a & b : a | b; }
  static T Finish(Total total, int64_t) { return total != 0; }
};
template <typename T>
using All = Logic<T, true>;
template <typename T>
using Any = Logic<T, false>;

constexpr int64_t kLanes = 1024;    // results that are computed side by side: whole pages of a row
constexpr int64_t kFoldEvery = 64;  // steps of a lane before it is folded into its total
constexpr int64_t kChunkItems =
    32768;  // elements of a part with partial results of its own, at least
constexpr int64_t kMaxChunks = 64;
constexpr int64_t kManyTasks = 16;  // enough to share out without cutting the reduced elements

// Folds the elements of `rows` rows of `width` <= kLanes neighbours into totals[0..width).
template <typename F, typename T>
void FoldRows(const T* x, int64_t rows, int64_t stride, int64_t width, typename F::Total* totals) {
  typename F::Lane lanes[kLanes];
  for (int64_t row = 0; row < rows;) {
    const int64_t stop = std::min(rows, row + kFoldEvery);
    std::fill(lanes, lanes + width, F::Init());
    for (; row < stop; ++row) {
      const T* from = x + row * stride;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) lanes[j] = F::Step(lanes[j], from[j]);
    }
    for (int64_t j = 0; j < width; ++j) totals[j] = F::Fold(totals[j], lanes[j]);
  }
}

// All of `rows` rows of n neighbours; row(i) is the i-th.
template <typename F, typename T, typename Row>
typename F::Total FoldAll(int64_t rows, int64_t n, Row row) {
  constexpr int64_t kShort = 16, kWidth = 64;
  const int64_t width = n >= kWidth ? kWidth : n >= kShort ? kShort : 0;
  const int64_t body = width == 0 ? 0 : n / width * width;
  typename F::Total totals[kWidth], total = F::TotalInit();
  std::fill(totals, totals + width, F::TotalInit());
  for (int64_t i = 0; i < rows; ++i) {
    const T* const x = row(i);
    if (width > 0) FoldRows<F>(x, n / width, width, width, totals);
    typename F::Lane lane = F::Init();
    for (int64_t j = body; j < n; ++j) lane = F::Step(lane, x[j]);
    if (body < n) total = F::Merge(total, F::Fold(F::TotalInit(), lane));
  }
  for (int64_t half = width / 2; half > 0; half /= 2)
    for (int64_t j = 0; j < half; ++j) totals[j] = F::Merge(totals[j], totals[j + half]);
  return width > 0 ? F::Merge(totals[0], total) : total;
}

// `rows` rows of `width` results, one behind the other: narrow rows are taken several at a time.
template <typename F, typename T>
void FoldDenseRows(const T* x, int64_t rows, int64_t width, typename F::Total* totals) {
  const int64_t together = std::min(kLanes / width, rows);
  if (together < 2) return FoldRows<F>(x, rows, width, width, totals);
  typename F::Total wide[kLanes];
  std::fill(wide, wide + together * width, F::TotalInit());
  FoldRows<F>(x, rows / together, together * width, together * width, wide);
  for (int64_t k = 0; k < together; ++k)
    for (int64_t j = 0; j < width; ++j) totals[j] = F::Merge(totals[j], wide[k * width + j]);
  FoldRows<F>(x + rows / together * together * width, rows % together, width, width, totals);
}

int64_t OffsetOf(const absl::InlinedVector<Reduction::Loop, 4>& loops, int64_t index) {
  int64_t offset = 0;
  for (int i = static_cast<int>(loops.size()) - 1; i >= 0; --i) {
    offset += index % loops[i].size * loops[i].step;
    index /= loops[i].size;
  }
  return offset;
}

// Totals of `width` neighbouring results (one where the innermost dimension is reduced), over
// reduced outer indices [begin, end), or, when there is but one such index, over elements [begin,
// end) of the innermost dimension.
template <typename F, typename T>
void FoldPart(const Reduction::Plan& plan, const T* x, int64_t width, int64_t begin, int64_t end,
              typename F::Total* totals) {
  if (plan.inner_reduced) {
    if (plan.reduced_count == 1) {
      const auto row = [=](int64_t) { return x + begin; };
      totals[0] = F::Merge(totals[0], FoldAll<F, T>(1, end - begin, row));
      return;
    }
    const auto row = [&](int64_t i) { return x + OffsetOf(plan.reduced, begin + i); };
    totals[0] = F::Merge(totals[0], FoldAll<F, T>(end - begin, plan.inner, row));
  } else if (plan.reduced.size() == 1) {
    const int64_t stride = plan.reduced[0].step;
    x += begin * stride;
    stride == width ? FoldDenseRows<F>(x, end - begin, width, totals)
                    : FoldRows<F>(x, end - begin, stride, width, totals);
  } else {
    for (int64_t r = begin; r < end; ++r)
      FoldRows<F>(x + OffsetOf(plan.reduced, r), 1, 0, width, totals);
  }
}

template <typename F, typename T>
void RunPlan(const Reduction::Plan& plan, const void* from, void* to, void* scratch) {
  using Total = typename F::Total;
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  if (plan.items == 0) {
    std::fill(y, y + plan.results, F::Finish(F::TotalInit(), 0));
    return;
  }
  // A task is one strip of results over one chunk of the reduced elements.
  const int64_t inner_results = plan.inner_reduced ? 1 : plan.inner;
  const int64_t width = std::min(inner_results, kLanes);
  const int64_t strips = (inner_results + width - 1) / width;
  const int64_t tasks = plan.kept_count * strips;
  const int64_t length =
      plan.inner_reduced && plan.reduced_count == 1 ? plan.inner : plan.reduced_count;
  Total* partial = static_cast<Total*>(scratch);
  const double cost =
      0.15 * sizeof(T) * static_cast<double>(width * (plan.items / plan.chunks)) / 4;
  ParallelFor(tasks * plan.chunks, GrainFor(cost + 5), [&](int64_t first, int64_t last) {
    Total totals[kLanes];
    for (int64_t task = first; task < last; ++task) {
      const int64_t chunk = task % plan.chunks, strip = task / plan.chunks % strips;
      const int64_t kept = task / plan.chunks / strips;
      const int64_t count = std::min(width, inner_results - strip * width);
      std::fill(totals, totals + count, F::TotalInit());
      FoldPart<F>(plan, x + OffsetOf(plan.kept, kept) + strip * width, count,
                  length * chunk / plan.chunks, length * (chunk + 1) / plan.chunks, totals);
      const int64_t result = kept * inner_results + strip * width;
      if (plan.chunks > 1) {
        std::copy(totals, totals + count, partial + chunk * plan.results + result);
      } else {
        for (int64_t j = 0; j < count; ++j) y[result + j] = F::Finish(totals[j], plan.items);
      }
    }
  });
  if (plan.chunks == 1) return;
  for (int64_t chunk = 1; chunk < plan.chunks; ++chunk) {
    const Total* const more = partial + chunk * plan.results;
    for (int64_t i = 0; i < plan.results; ++i) partial[i] = F::Merge(partial[i], more[i]);
  }
  for (int64_t i = 0; i < plan.results; ++i) y[i] = F::Finish(partial[i], plan.items);
}

}  // namespace

template <template <typename> class F, typename... Ts>
Reduction::Kernel Reduction::Pick(DType dtype) {
  Kernel kernel;
  (void)Dispatch<Ts...>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    kernel = {RunPlan<F<T>, T>, sizeof(typename F<T>::Total)};
    return absl::OkStatus();
  });
  return kernel;
}

Reduction::Kernel Reduction::Find(ReduceFunction function, DType dtype) {
  auto numbers = [&]<template <typename> class F>() {
    return Pick<F, float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                uint16_t, uint32_t, uint64_t, std::complex<float>, std::complex<double>>(dtype);
  };
  auto ordered = [&]<template <typename> class F>() {
    return Pick<F, float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                uint16_t, uint32_t, uint64_t>(dtype);
  };
  auto floating = [&]<template <typename> class F>() {
    return Pick<F, float, double, Half, BFloat16>(dtype);
  };
  switch (function) {
    case ReduceFunction::kSum:
      return numbers.operator()<Sum>();
    case ReduceFunction::kMean:
      return numbers.operator()<Mean>();
    case ReduceFunction::kProd:
      return numbers.operator()<Prod>();
    case ReduceFunction::kMax:
      return ordered.operator()<Max>();
    case ReduceFunction::kMin:
      return ordered.operator()<Min>();
    case ReduceFunction::kHalfSumSquares:
      return floating.operator()<HalfSumSquares>();
    case ReduceFunction::kEuclideanNorm:
      return numbers.operator()<EuclideanNorm>();
    case ReduceFunction::kAll:
      return Pick<All, bool>(dtype);
    case ReduceFunction::kAny:
      return Pick<Any, bool>(dtype);
  }
  return {};
}

bool Reduction::Supports(ReduceFunction function, DType dtype) {
  return Find(function, dtype).run != nullptr;
}

Reduction::Reduction(ReduceFunction function, DType dtype, const TensorShape& shape,
                     absl::Span<const int64_t> axes) {
  const Kernel kernel = Find(function, dtype);
  run_ = kernel.run;
  struct Dim {
    Loop loop;
    bool reduced;
  };
  absl::InlinedVector<Dim, 6> dims;  // innermost first
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const int64_t size = shape.dim(i);
    const bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    (reduced ? plan_.items : plan_.results) *= size;
    if (size != 1) {
      if (!dims.empty() && dims.back().reduced == reduced) {
        dims.back().loop.size *= size;
      } else {
        dims.push_back({{size, step}, reduced});
      }
    }
    step *= size;
  }
  if (!dims.empty()) {
    plan_.inner = dims[0].loop.size;
    plan_.inner_reduced = dims[0].reduced;
  }
  for (int i = static_cast<int>(dims.size()) - 1; i > 0; --i) {
    (dims[i].reduced ? plan_.reduced : plan_.kept).push_back(dims[i].loop);
    (dims[i].reduced ? plan_.reduced_count : plan_.kept_count) *= dims[i].loop.size;
  }
  if (plan_.items == 0 || plan_.results == 0) return;
  if (plan_.items == 1 && function != ReduceFunction::kHalfSumSquares &&
      function != ReduceFunction::kEuclideanNorm) {
    copied_bytes_ = plan_.results * static_cast<int64_t>(SizeOf(dtype));
    return;
  }
  // Few results over many elements: cut the elements, so that threads can share them.
  const int64_t width = plan_.inner_reduced ? 1 : std::min(plan_.inner, kLanes);
  const int64_t length =
      plan_.inner_reduced && plan_.reduced_count == 1 ? plan_.inner : plan_.reduced_count;
  if (plan_.results / width < kManyTasks) {
    const int64_t wanted = std::min(kMaxChunks, plan_.items * width / kChunkItems);
    plan_.chunks = std::max<int64_t>(1, std::min(wanted, length));
  }
  if (plan_.chunks > 1) scratch_bytes_ = plan_.chunks * plan_.results * kernel.total_bytes;
}

void Reduction::Run(const void* from, void* to, void* scratch) const {
  if (copied_bytes_ > 0 && from != to) {
    ParallelFor(copied_bytes_, GrainFor(0.05), [&](int64_t begin, int64_t end) {
      std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                  end - begin);
    });
  }
  if (copied_bytes_ == 0 && plan_.results > 0) run_(plan_, from, to, scratch);
}

}  // namespace sluice::kernels
