#include <algorithm>
#include <numeric>
#include <vector>

#include "core/threads.h"
#include "ops/kernels/conv.h"
#include "ops/kernels/depthwise_lines.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::kernels {
namespace {

// Of one axis: positions first, first + step, ... that look at pixels source, source + advance, ...
// through the same taps, not all of which need lie inside.
struct Phase {
  int64_t first = 0, step = 1, count = 0;
  int64_t taps = 0, tap = 0, tap_step = 1;
  int64_t source = 0, source_step = 1, advance = 1;
};

// Forward, output position o sees input pixel o * stride - before + u * dilation through tap u.
// Backwards, input position i sees output pixel (i + before - u * dilation) / stride where that is
// whole: so there are `stride` phases.
std::vector<Phase> PhasesOf(const ConvShape& s, int axis, bool backwards) {
  const int64_t stride = s.stride[axis], dilation = s.dilation[axis], kernel = s.kernel[axis];
  if (!backwards) {
    return {{.count = s.output[axis],
             .taps = kernel,
             .source = -s.before[axis],
             .source_step = dilation,
             .advance = stride}};
  }
  std::vector<Phase> phases;
  const int64_t every = stride / std::gcd(stride, dilation);  // so many taps see whole pixels
  for (int64_t i = 0; i < std::min(stride, s.input[axis]); ++i) {
    Phase phase{.first = i,
                .step = stride,
                .count = (s.input[axis] - i + stride - 1) / stride,
                .tap_step = every,
                .source_step = -every * dilation / stride};
    int64_t u = 0;
    while (u < std::min(every, kernel) && (i + s.before[axis] - u * dilation) % stride != 0) ++u;
    if (u < std::min(every, kernel)) {
      phase.tap = u;
      phase.taps = (kernel - u + every - 1) / every;
      phase.source = (i + s.before[axis] - u * dilation) / stride;
    }
    phases.push_back(phase);
  }
  return phases;
}

// The taps through which one position of a phase sees one of `size` pixels.
Phase Inside(Phase p, int64_t position, int64_t size) {
  p.source += (position - p.first) / p.step * p.advance;
  while (p.taps > 0 && (p.source < 0 || p.source >= size)) {
    --p.taps;
    p.tap += p.tap_step;
    p.source += p.source_step;
  }
  const auto last = [&] { return p.source + (p.taps - 1) * p.source_step; };
  while (p.taps > 0 && (last() < 0 || last() >= size)) --p.taps;
  return p;
}

int64_t Align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Inside, images have channels last, and an input channel stands beside itself as often as it has
// filters: then every channel has one filter. Other images are copied. Every thread owns whole rows
// of what it writes; the filter's gradient is summed over blocks of rows that do not depend on the
// threads, and neither do any results.
template <typename T>
class DepthwiseConv : public Conv {
 public:
  DepthwiseConv(ConvPass pass, const ConvShape& shape, const Epilogue& epilogue)
      : pass_(pass),
        s_(shape),
        epilogue_(epilogue),
        channels_(shape.out_channels),
        copy_input_(shape.channels_first || shape.multiplier() > 1),
        copy_output_(shape.channels_first),
        rows_(PhasesOf(shape, 1, pass == ConvPass::kBackwardInput)),
        columns_(PhasesOf(shape, 2, pass == ConvPass::kBackwardInput)) {
    blocks_ = std::min<int64_t>(kBlocks, s_.batch * s_.output[1]);
    if (copy_input_ || copy_output_) MakeCopies();
  }

  int64_t scratch_bytes() const override {
    return input_bytes() + output_bytes() + residual_bytes() + sums_bytes();
  }

  absl::Status Run(const ConvTensors& t) override {
    char* const memory = static_cast<char*>(t.scratch);
    T* const x = static_cast<T*>(copy_input_ ? memory : t.input);
    T* const y = static_cast<T*>(copy_output_ ? memory + input_bytes() : t.output);
    T* const w = static_cast<T*>(t.filter);
    char* const rest = memory + input_bytes() + output_bytes();
    if (copy_input_ && pass_ != ConvPass::kBackwardInput) input_in_.Run(t.input, x);
    if (copy_output_ && pass_ != ConvPass::kForward) output_in_.Run(t.output, y);
    switch (pass_) {
      case ConvPass::kForward:
        Forward(x, w, y, t, reinterpret_cast<T*>(rest));
        if (copy_output_) output_out_.Run(y, t.output);
        break;
      case ConvPass::kBackwardInput:
        Results(y, s_.output, w, x, s_.input, [](int64_t) {});
        if (copy_input_) SumFilters(x, static_cast<T*>(t.input));
        break;
      case ConvPass::kBackwardFilter:
        Filter(x, w, y, reinterpret_cast<T*>(rest));
        break;
    }
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kBlocks = 32;  // of rows

  int64_t input_bytes() const {
    return copy_input_ ? Align(s_.batch * s_.input_pixels() * channels_ * sizeof(T)) : 0;
  }
  int64_t output_bytes() const {
    return copy_output_ ? Align(s_.batch * s_.output_pixels() * channels_ * sizeof(T)) : 0;
  }
  // The residual with channels last: where it has them first, or is overwritten before its turn.
  int64_t residual_bytes() const {
    if (pass_ != ConvPass::kForward || !epilogue_.residual) return 0;
    return Align(s_.batch * s_.output_pixels() * channels_ * sizeof(T));
  }
  int64_t sums_bytes() const {
    if (pass_ != ConvPass::kBackwardFilter) return 0;
    return blocks_ * TapSumsSize<T>(s_.taps(), channels_) * static_cast<int64_t>(sizeof(T));
  }

  void MakeCopies() {
    constexpr DType kType = std::is_same_v<T, float> ? DType::kFloat : DType::kDouble;
    const bool first = s_.channels_first;
    const int64_t m = s_.multiplier(), c = s_.in_channels;
    const int64_t pixels = s_.input_pixels(), outputs = s_.output_pixels();
    const int64_t x_dims[] = {s_.batch, pixels, c, m};
    const int64_t x[] = {pixels * c, first ? 1 : c, first ? pixels : 1, 0};
    const int64_t repeated[] = {pixels * channels_, channels_, m, 1};
    input_in_ = ops::StridedCopy(kType, x_dims, {0, x}, {0, repeated});
    const int64_t y_dims[] = {s_.batch, outputs, channels_};
    const int64_t y[] = {outputs * channels_, 1, outputs};
    const int64_t last[] = {outputs * channels_, channels_, 1};
    output_in_ = ops::StridedCopy(kType, y_dims, {0, y}, {0, last});
    output_out_ = ops::StridedCopy(kType, y_dims, {0, last}, {0, y});
  }

  int64_t RowGrain(int64_t width) const {
    return GrainFor(0.1 * static_cast<double>(width * channels_ * (s_.taps() + 4)));
  }

  // What the pixels of that row and that phase of columns see of x, an image of `size`.
  DepthwiseLine<T> Line(int64_t row, const Phase& columns, const T* x, const int64_t* size) const {
    const Phase rows = Inside(rows_[row % rows_.size()], row, size[1]);
    const int64_t pitch = size[2] * channels_;
    return {.channels = channels_,
            .pixels = columns.count,
            .y_step = columns.step * channels_,
            .rows = rows.taps,
            .columns = columns.taps,
            .tap = rows.tap * s_.kernel[2] + columns.tap,
            .tap_row = rows.tap_step * s_.kernel[2],
            .tap_column = columns.tap_step,
            .x = x,
            .width = size[2],
            .first_row = rows.source * pitch,
            .row_step = rows.source_step * pitch,
            .source = columns.source,
            .source_step = columns.source_step,
            .advance = columns.advance};
  }

  // With the epilogue, on each line while it is in the cache.
  void Forward(const T* x, const T* w, T* y, const ConvTensors& t, T* residual_memory) const {
    if (epilogue_.empty()) return Results(x, s_.input, w, y, s_.output, [](int64_t) {});
    const T* const bias = static_cast<const T*>(t.bias);
    const T* residual = static_cast<const T*>(t.residual);
    if (epilogue_.residual && (copy_output_ || t.residual == t.output)) {
      if (copy_output_) {
        output_in_.Run(residual, residual_memory);
      } else {
        std::copy_n(residual, s_.batch * s_.output_pixels() * channels_, residual_memory);
      }
      residual = residual_memory;
    }
    const int64_t width = s_.output[2], size = width * channels_;
    Results(x, s_.input, w, y, s_.output, [&](int64_t row) {
      Finish<T>(epilogue_, {.c = y + row * size,
                            .rows = width,
                            .columns = channels_,
                            .stride = channels_,
                            .bias = bias,
                            .residual = epilogue_.residual ? residual + row * size : nullptr});
    });
  }

  // The images `to`, of size `to_size`, whose pixels look at `from` through the filter; finish(i)
  // follows on the i-th line of all images.
  template <typename F>
  void Results(const T* from, const int64_t* from_size, const T* w, T* to, const int64_t* to_size,
               F finish) const {
    const int64_t image = from_size[1] * from_size[2] * channels_, height = to_size[1];
    ParallelFor(s_.batch * height, RowGrain(to_size[2]), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* const line = to + i * to_size[2] * channels_;
        for (const Phase& columns : columns_) {
          SumTaps(Line(i % height, columns, from + i / height * image, from_size), w,
                  line + columns.first * channels_);
        }
        finish(i);
      }
    });
  }

  void Filter(const T* x, T* w, const T* y, T* sums) const {
    const int64_t lines = s_.batch * s_.output[1], width = s_.output[2], taps = s_.taps();
    const int64_t size = TapSumsSize<T>(taps, channels_), image = s_.input_pixels() * channels_;
    const int64_t grain = std::max<int64_t>(1, RowGrain(width) * blocks_ / lines);
    ParallelFor(blocks_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        T* const block_sums = sums + block * size;
        std::fill_n(block_sums, size, T(0));
        const int64_t last = lines * (block + 1) / blocks_;
        for (int64_t i = lines * block / blocks_; i < last; ++i) {
          AddTapProducts(
              Line(i % s_.output[1], columns_[0], x + i / s_.output[1] * image, s_.input), taps,
              y + i * width * channels_, block_sums);
        }
      }
    });
    FinishTapSums(sums, blocks_, taps, channels_, w);
  }

  // The gradient of an input channel is the sum of its copies' gradients.
  void SumFilters(const T* copies, T* x) const {
    const int64_t pixels = s_.input_pixels(), c = s_.in_channels, m = s_.multiplier();
    const int64_t pixel_step = s_.channels_first ? 1 : c;
    const int64_t channel_step = s_.channels_first ? pixels : 1;
    ParallelFor(s_.batch * pixels, GrainFor(1.0 * channels_), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* const to = x + i / pixels * pixels * c + i % pixels * pixel_step;
        const T* from = copies + i * channels_;
        for (int64_t k = 0; k < c; ++k, from += m) {
          T sum = from[0];
          for (int64_t j = 1; j < m; ++j) sum += from[j];
          to[k * channel_step] = sum;
        }
      }
    });
  }

  const ConvPass pass_;
  const ConvShape s_;
  const Epilogue epilogue_;
  const int64_t channels_;
  const bool copy_input_, copy_output_;
  const std::vector<Phase> rows_, columns_;
  int64_t blocks_;
  ops::StridedCopy input_in_, output_in_, output_out_;
};

}  // namespace

template <typename T>
std::unique_ptr<Conv> MakeDepthwiseConv(ConvPass pass, const ConvShape& shape,
                                        const ConvOptions& options) {
  return std::make_unique<DepthwiseConv<T>>(pass, shape, options.epilogue);
}
template std::unique_ptr<Conv> MakeDepthwiseConv<float>(ConvPass, const ConvShape&,
                                                        const ConvOptions&);
template std::unique_ptr<Conv> MakeDepthwiseConv<double>(ConvPass, const ConvShape&,
                                                         const ConvOptions&);

}  // namespace sluice::kernels
