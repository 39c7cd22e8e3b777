#include "layers/local_connections.h"

#include <algorithm>

#include "core/status.h"
#include "layers/reshaping.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/gather.h"
#include "ops/transpose.h"

namespace sluice::layers {
namespace {

// Tables made while building: far beyond any layer that could be trained.
constexpr int64_t kMaxTable = int64_t{1} << 28;

// 1 where cell and output are connected: [input, 1, output, 1] for the rows, [1, input, 1, output]
// for the columns.
Output AxisMask(At at, const LocalAxis& axis, bool columns) {
  std::vector<float> values;
  for (int64_t cell = 0; cell < axis.input; ++cell)
    for (int64_t o = 0; o < axis.output; ++o) values.push_back(axis.Connected(o, cell) ? 1 : 0);
  return ops::Const<float>(at, values,
                           columns ? TensorShape{1, axis.input, 1, axis.output}
                                   : TensorShape{axis.input, 1, axis.output, 1});
}

// Where the taps of each position are among its connections.
struct Taps {
  std::vector<int64_t> rank;    // [positions, taps]: the connected taps before; 0 outside
  std::vector<int64_t> count;   // [positions]: connected ones
  std::vector<int64_t> before;  // [positions]: those of all positions before
  int64_t total = 0;
};

Taps ListTaps(const LocalConnections& c) {
  Taps t;
  const auto inside = [](const LocalAxis& axis, int64_t cell) {
    return cell >= 0 && cell < axis.input;
  };
  for (int64_t r = 0; r < c.rows.output; ++r)
    for (int64_t q = 0; q < c.columns.output; ++q) {
      int64_t count = 0;
      for (int64_t u = 0; u < c.rows.kernel; ++u)
        for (int64_t v = 0; v < c.columns.kernel; ++v) {
          const bool there =
              inside(c.rows, c.rows.Start(r) + u) && inside(c.columns, c.columns.Start(q) + v);
          t.rank.push_back(there ? count++ : 0);
        }
      t.before.push_back(t.total);
      t.count.push_back(count);
      t.total += count;
    }
  return t;
}

Output Int64s(At at, const char* name, const std::vector<int64_t>& values,
              const TensorShape& shape) {
  return ops::Const<int64_t>(at.Named(name), values, shape);
}

std::vector<int64_t> Times(std::vector<int64_t> values, int64_t factor) {
  for (int64_t& v : values) v *= factor;
  return values;
}
std::vector<int64_t> UpTo(int64_t n) {
  std::vector<int64_t> values(n);
  for (int64_t i = 0; i < n; ++i) values[i] = i;
  return values;
}

// For every element of [positions, taps, channels, filters] ([positions, channels, taps, filters]
// with channels first) its place in the kernel of implementation 3: the sum of a number per
// position and tap, one per position and channel, and one per position and filter.
Output PlacesInKernel(At at, const LocalConnections& c) {
  const int64_t p = c.positions(), taps = c.taps();
  const Taps t = ListTaps(c);
  const bool first = c.channels_first();
  // Last: position, filter, tap, channel from the outside in. First: filter, position, channel,
  // tap.
  std::vector<int64_t> of_tap(p * taps);
  for (int64_t i = 0; i < p; ++i)
    for (int64_t k = 0; k < taps; ++k) {
      const int64_t rank = t.rank[i * taps + k];
      of_tap[i * taps + k] =
          first ? c.channels * t.before[i] + rank : c.channels * (c.filters * t.before[i] + rank);
    }
  const Output tap =
      Int64s(at, "tap", of_tap, first ? TensorShape{p, 1, taps, 1} : TensorShape{p, taps, 1, 1});
  const Output channel =
      Int64s(at, "channel", UpTo(c.channels),
             first ? TensorShape{1, c.channels, 1, 1} : TensorShape{1, 1, c.channels, 1});
  const Output filter = Int64s(at, "filter", UpTo(c.filters), {1, 1, 1, c.filters});
  const Output channel_step = first ? Int64s(at, "channel_step", t.count, {p, 1, 1, 1})
                                    : Int64s(at, "channel_step", {1}, {1, 1, 1, 1});
  const Output filter_step =
      first ? Int64s(at, "filter_step", {c.channels * t.total}, {1, 1, 1, 1})
            : Int64s(at, "filter_step", Times(t.count, c.channels), {p, 1, 1, 1});
  return ops::AddV2(at, ops::AddV2(at, tap, ops::Mul(at, channel, channel_step)),
                    ops::Mul(at, filter, filter_step));
}

}  // namespace

int64_t LocalAxis::Connections() const {
  int64_t sum = 0;
  for (int64_t o = 0; o < output; ++o) {
    const int64_t start = Start(o);
    sum += std::max<int64_t>(0, std::min(input, start + kernel) - std::max<int64_t>(0, start));
  }
  return sum;
}

absl::StatusOr<LocalAxis> MakeLocalAxis(int64_t input, int64_t kernel, int64_t stride,
                                        Padding padding) {
  LocalAxis axis{.input = input, .kernel = kernel, .stride = stride, .padding = padding};
  if (kernel > kMaxElements || stride > kMaxElements) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel size ", kernel, " or stride ", stride, " is too large"));
  }
  const int64_t starts = padding == Padding::kSame ? input : input - kernel + 1;
  if (starts < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Negative dimension size caused by subtracting ", kernel, " from ", input));
  }
  axis.output = (starts - 1) / stride + 1;
  return axis;
}

absl::Status LocalConnections::Check() const {
  const int64_t p = TensorShape{rows.output, columns.output}.num_elements();
  const int64_t n = TensorShape{rows.input, columns.input}.num_elements();
  const int64_t k = TensorShape{rows.kernel, columns.kernel}.num_elements();
  const auto fits = [&](const TensorShape& shape) { return shape.num_elements() >= 0; };
  const int64_t table = p < 0 || k < 0 ? -1 : TensorShape{p, k}.num_elements();
  if (p >= 0 && n >= 0 && table >= 0 && table <= kMaxTable && fits({table, channels, filters}) &&
      fits({n, channels}) && fits({p, filters}) && rows.input * rows.output <= kMaxTable &&
      columns.input * columns.output <= kMaxTable) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a locally connected layer cannot have ", rows.output, " x ", columns.output,
                   " positions with windows of ", rows.kernel, " x ", columns.kernel));
}

Output ConnectionMask(At at, const LocalConnections& c, DType dtype) {
  const At inside = at.Composite("mask");
  const Output rows = AxisMask(inside.Named("rows"), c.rows, /*columns=*/false);
  const Output columns = AxisMask(inside.Named("columns"), c.columns, /*columns=*/true);
  Output mask = ops::Mul(inside, rows, columns);
  if (dtype != DType::kFloat) mask = ops::Cast(inside, mask, dtype);
  return ReshapeTo(inside, mask,
                   c.channels_first() ? std::vector<int64_t>{1, c.cells(), 1, c.positions()}
                                      : std::vector<int64_t>{c.cells(), 1, c.positions(), 1});
}

Output FilterOfConnections(At at, const LocalConnections& c, const Output& kernel) {
  const At inside = at.Composite("filter");
  const int64_t p = c.positions(), depth = c.taps() * c.channels, f = c.filters;
  if (c.rows.padding == Padding::kValid) {  // every window is whole
    if (c.channels_first())
      return ops::Transpose(inside, ReshapeTo(inside, kernel, {f, p, depth}), {1, 2, 0});
    return ops::Transpose(inside, ReshapeTo(inside, kernel, {p, f, depth}), {0, 2, 1});
  }
  const Output places = PlacesInKernel(inside.Sub("places"), c);
  // GatherNd, because its gradient is dense.
  const Output tuples = ReshapeTo(inside, places, {p, depth, f, 1});
  return ops::GatherNd(inside, kernel, tuples);
}

}  // namespace sluice::layers
