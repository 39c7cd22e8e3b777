// Dilation2D: a convolution with maximum for sum and sum for product; its gradients go to the place
// of the maximum.
#include "ops/dilation2d.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/accumulate.h"
#include "ops/window_rates.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::StatusOr<RatedWindow> WindowOf(const AttrMap& attrs, const TensorShape& input,
                                     const TensorShape& filter) {
  SLUICE_ASSIGN_OR_RETURN(RatedWindow w,
                          PlaceRatedWindow(attrs, input, filter.dim(0), filter.dim(1)));
  if (w.channels >= 0 && filter.dim(2) >= 0 && w.channels != filter.dim(2)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input and filter must have the same depth: ", w.channels, " vs ", filter.dim(2)));
  }
  if (w.channels < 0) w.channels = filter.dim(2);
  return w;
}

TensorShape ResultShape(const RatedWindow& w) {
  return {w.batch, w.dims[0].output, w.dims[1].output, w.channels};
}

absl::Status DilationShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, 3));
  SLUICE_ASSIGN_OR_RETURN(const RatedWindow w, WindowOf(c.attrs(), input, filter));
  c.set_output(0, ResultShape(w));
  return absl::OkStatus();
}

template <int of>
absl::Status BackpropShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, 3));
  SLUICE_ASSIGN_OR_RETURN(const RatedWindow w, WindowOf(c.attrs(), input, filter));
  if (!c.input(2).CompatibleWith(ResultShape(w))) {
    return absl::InvalidArgumentError(
        absl::StrCat("out_backprop has incompatible size: ", c.input(2).ToString(), ", should be ",
                     ResultShape(w).ToString()));
  }
  c.set_output(0, of == 0 ? input : filter);
  return absl::OkStatus();
}

// --- kernels ---

// What T is compared and added as.
template <typename T>
using Number = std::conditional_t<kIsHalf<T>, float, T>;

template <typename T>
Number<T> Lowest() {
  if constexpr (std::is_same_v<T, Half>) {
    return -65504.0f;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return static_cast<float>(BFloat16(-3.38953139e38f));
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

// The maximum of one window in one channel: its value, the pixel and the place in the filter, as
// offsets.
template <typename T>
struct Maximum {
  Number<T> value = Lowest<T>();
  int64_t pixel = 0, place = 0;
};

template <typename T>
Maximum<T> FindMaximum(const RatedWindow& w, const T* image, const T* filter, int64_t i, int64_t j,
                       int64_t channel) {
  const WindowDim &down = w.dims[0], &across = w.dims[1];
  const int64_t top = i * down.stride - down.before, left = j * across.stride - across.before;
  auto pixel_at = [&](int64_t y, int64_t x) {
    return (y * across.input + x) * w.channels + channel;
  };
  Maximum<T> best{.pixel = pixel_at(std::clamp<int64_t>(top, 0, down.input - 1),
                                    std::clamp<int64_t>(left, 0, across.input - 1)),
                  .place = channel};
  for (int64_t r = 0, y = top; r < down.window && y < down.input; ++r, y += down.dilation) {
    if (y < 0) continue;
    for (int64_t s = 0, x = left; s < across.window && x < across.input;
         ++s, x += across.dilation) {
      if (x < 0) continue;
      const int64_t pixel = pixel_at(y, x), place = (r * across.window + s) * w.channels + channel;
      const auto value = static_cast<Number<T>>(Plus(image[pixel], filter[place]));
      if (value > best.value) best = {value, pixel, place};
    }
  }
  return best;
}

// Calls at(image's first element, i, j, channel, element of the result) for rows begin .. end - 1
// of the result and channels first .. last - 1.
template <typename Cell>
void ForEachCell(const RatedWindow& w, int64_t begin, int64_t end, int64_t first, int64_t last,
                 Cell cell) {
  const int64_t image = w.dims[0].input * w.dims[1].input * w.channels;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t j = 0; j < w.dims[1].output; ++j) {
      for (int64_t c = first; c < last; ++c) {
        cell(row / w.dims[0].output * image, row % w.dims[0].output, j, c,
             (row * w.dims[1].output + j) * w.channels + c);
      }
    }
  }
}

double CellCost(const RatedWindow& w) {
  return 2 + static_cast<double>(w.dims[0].window) * static_cast<double>(w.dims[1].window);
}

template <typename T>
void Dilate(const RatedWindow& w, const T* x, const T* filter, T* y) {
  const double cost = CellCost(w) * static_cast<double>(w.dims[1].output * w.channels);
  ParallelFor(w.batch * w.dims[0].output, GrainFor(cost), [&](int64_t begin, int64_t end) {
    ForEachCell(w, begin, end, 0, w.channels,
                [&](int64_t image, int64_t i, int64_t j, int64_t c, int64_t at) {
                  y[at] = T(FindMaximum(w, x + image, filter, i, j, c).value);
                });
  });
}

// Channels do not meet: threads share them.
template <typename T, int of>
void Backprop(const RatedWindow& w, const T* x, const T* filter, const T* dy, T* to) {
  const int64_t rows = w.batch * w.dims[0].output;
  const double cost = CellCost(w) * static_cast<double>(rows * w.dims[1].output);
  ParallelFor(w.channels, GrainFor(cost), [&](int64_t first, int64_t last) {
    ForEachCell(w, 0, rows, first, last,
                [&](int64_t image, int64_t i, int64_t j, int64_t c, int64_t at) {
                  const Maximum<T> best = FindMaximum(w, x + image, filter, i, j, c);
                  T& sum = to[of == 0 ? image + best.pixel : best.place];
                  sum = Plus(sum, dy[at]);
                });
  });
}

// what: -1 the result, 0 or 1 the gradient of that input.
template <int what>
absl::StatusOr<KernelRun> DilationPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const RatedWindow w,
                          WindowOf(p.attrs(), p.input_shape(0), p.input_shape(1)));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int32_t, uint8_t, int16_t, int8_t, int64_t, Half, uint16_t, uint32_t,
                uint64_t, BFloat16>(p.input_dtype(0), [&](auto tag) {
        using T = typename decltype(tag)::type;
        run = [w](KernelContext& c) {
          const T *x = c.input(0).data<T>(), *filter = c.input(1).data<T>();
          T* y = c.output(0).mutable_data<T>();
          if constexpr (what < 0) {
            if (c.output(0).num_elements() == 0) return absl::OkStatus();
            Dilate(w, x, filter, y);
          } else {
            std::fill_n(y, c.output(0).num_elements(), T());
            if (c.input(2).num_elements() == 0) return absl::OkStatus();
            Backprop<T, what>(w, x, filter, c.input(2).data<T>(), y);
          }
          return absl::OkStatus();
        };
        return absl::OkStatus();
      })));
  return run;
}

// --- gradients ---

Outputs DilationGradient(At at, const Node& op, const Outputs& dy) {
  AttrMap attrs;
  for (const char* name : {"strides", "rates", "padding"})
    attrs[name] = op.attrs().find(name)->second;
  const Outputs inputs = {op.input(0), op.input(1), dy[0]};
  return {at.Node("Dilation2DBackpropInput", inputs, attrs),
          at.Node("Dilation2DBackpropFilter", inputs, attrs)};
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

AttrMap Attrs(const std::vector<int64_t>& strides, const std::vector<int64_t>& rates,
              Padding padding) {
  return {{"strides", strides}, {"rates", rates}, {"padding", PaddingName(padding)}};
}

}  // namespace

OpSpec Dilation2DOp() {
  return OpSpec("Dilation2D")
      .Input("input: T")
      .Input("filter: T")
      .Output("output: T")
      .Attr("T: realnumbertype")
      .Attr("strides: list(int) >= 4")
      .Attr("rates: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(DilationShape)
      .Prepare(DilationPrepare<-1>)
      .Gradient(DilationGradient);
}
OpSpec Dilation2DBackpropInputOp() {
  return OpSpec("Dilation2DBackpropInput")
      .Input("input: T")
      .Input("filter: T")
      .Input("out_backprop: T")
      .Output("in_backprop: T")
      .Attr("T: realnumbertype")
      .Attr("strides: list(int) >= 4")
      .Attr("rates: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(BackpropShape<0>)
      .Prepare(DilationPrepare<0>)
      .NotDifferentiable(kNone);
}
OpSpec Dilation2DBackpropFilterOp() {
  return OpSpec("Dilation2DBackpropFilter")
      .Input("input: T")
      .Input("filter: T")
      .Input("out_backprop: T")
      .Output("filter_backprop: T")
      .Attr("T: realnumbertype")
      .Attr("strides: list(int) >= 4")
      .Attr("rates: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(BackpropShape<1>)
      .Prepare(DilationPrepare<1>)
      .NotDifferentiable(kNone);
}

Output Dilation2D(At at, Output input, Output filter, const std::vector<int64_t>& strides,
                  const std::vector<int64_t>& rates, Padding padding) {
  return at.Node("Dilation2D", {input, filter}, Attrs(strides, rates, padding));
}
Output Dilation2DBackpropInput(At at, Output input, Output filter, Output out_backprop,
                               const std::vector<int64_t>& strides,
                               const std::vector<int64_t>& rates, Padding padding) {
  return at.Node("Dilation2DBackpropInput", {input, filter, out_backprop},
                 Attrs(strides, rates, padding));
}
Output Dilation2DBackpropFilter(At at, Output input, Output filter, Output out_backprop,
                                const std::vector<int64_t>& strides,
                                const std::vector<int64_t>& rates, Padding padding) {
  return at.Node("Dilation2DBackpropFilter", {input, filter, out_backprop},
                 Attrs(strides, rates, padding));
}

}  // namespace sluice::ops
