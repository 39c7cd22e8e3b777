// The peer of ops_benchmark.cc: the same ops on the same shapes in libtorch (eager mode), given its
// best: results go to memory made before where libtorch has a form for that, images are channels
// last (where that is faster: both layouts are tried). One JSON line per op, for ops_benchmark's
// --peer.
#include <torch/torch.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/op_workloads.h"
#include "benchmarks/timing.h"

namespace sluice::benchmarks {
namespace {

using at::Tensor;

struct Workload {
  std::string name;
  std::vector<std::function<void()>> ways;  // the fastest counts
};

Tensor Floats(std::vector<int64_t> shape) { return at::rand(shape) + 0.25; }
using Axes = std::vector<int64_t>;
Tensor Image(int64_t n, int64_t side, int64_t c) { return Floats({n, c, side, side}); }
Tensor Last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

std::vector<Workload> Elementwise() {
  static Tensor x = Floats({kElements}), y = Floats({kElements}), out = Floats({kElements});
  static Tensor matrix = Floats({kRows, kColumns}), row = Floats({kColumns}),
                column = Floats({kRows, 1}), to = Floats({kRows, kColumns}),
                cube = Floats({200, 250, 200}), middle = Floats({200, 1, 200}),
                cube_to = Floats({200, 250, 200}), scalar = Floats({});
  return {{"elementwise/Neg", {[] { at::neg_out(out, x); }}},
          {"elementwise/Relu", {[] { at::clamp_min_out(out, x, 0); }, [] { at::relu(x); }}},
          {"elementwise/Square", {[] { at::square_out(out, x); }}},
          {"elementwise/Sqrt", {[] { at::sqrt_out(out, x); }}},
          {"elementwise/Exp", {[] { at::exp_out(out, x); }}},
          {"elementwise/Log", {[] { at::log_out(out, x); }}},
          {"elementwise/Tanh", {[] { at::tanh_out(out, x); }}},
          {"elementwise/Sigmoid", {[] { at::sigmoid_out(out, x); }}},
          {"elementwise/Add", {[] { at::add_out(out, x, y); }}},
          {"elementwise/Mul", {[] { at::mul_out(out, x, y); }}},
          {"elementwise/RealDiv", {[] { at::div_out(out, x, y); }}},
          {"elementwise/Maximum", {[] { at::maximum_out(out, x, y); }}},
          {"broadcast/scalar", {[] { at::mul_out(out, x, scalar); }}},
          {"broadcast/row", {[] { at::add_out(to, matrix, row); }}},
          {"broadcast/column", {[] { at::add_out(to, matrix, column); }}},
          {"broadcast/middle", {[] { at::add_out(cube_to, cube, middle); }}},
          {"broadcast/bias_add", {[] { at::add_out(to, matrix, row); }}}};
}

std::vector<Workload> Reductions() {
  static Tensor matrix = Floats({kRows, kColumns}), cube = Floats({200, 250, 200});
  static Tensor image = Floats({kBatch, kSide, kSide, kChannels});
  return {{"reduce/sum_all", {[] { at::sum(matrix); }}},
          {"reduce/sum_rows", {[] { at::sum(matrix, Axes({1})); }}},
          {"reduce/sum_columns", {[] { at::sum(matrix, Axes({0})); }}},
          {"reduce/sum_middle", {[] { at::sum(cube, Axes({1})); }}},
          {"reduce/sum_outer_and_inner", {[] {
             at::sum(cube, Axes({0, 2}));
           }}},
          {"reduce/max_rows", {[] { at::amax(matrix, Axes({1})); }}},
          {"reduce/max_columns", {[] { at::amax(matrix, Axes({0})); }}},
          {"reduce/mean_image", {[] {
             at::mean(image, Axes({1, 2}));
           }}}};
}

std::vector<Workload> Moves() {
  static Tensor matrix = Floats({kRows, kColumns}), matrix_to = Floats({kRows, kColumns}),
                transposed = Floats({kColumns, kRows}), cube = Floats({200, 250, 200}),
                cube_to = Floats({200 * 250 * 200}),
                image = Floats({kBatch, kSide, kSide, kChannels}),
                nchw = Floats({kBatch, kChannels, kSide, kSide}),
                half = Floats({kRows / 2, kColumns}), narrow = Floats({kRows, kColumns / 2}),
                padded = Floats({kRows + 2, kColumns + 2}), sliced = Floats({3980, 2480});
  static Tensor rows = at::remainder(at::arange(kRows) * 1237, kRows).to(at::kLong);
  const auto permute = [](std::vector<int64_t> order) {
    return [order] {
      const Tensor view = cube.permute(order);
      cube_to.view(view.sizes()).copy_(view);
    };
  };
  return {{"move/transpose", {[] { transposed.copy_(matrix.t()); }}},
          {"move/transpose_021", {permute({0, 2, 1})}},
          {"move/transpose_102", {permute({1, 0, 2})}},
          {"move/transpose_210", {permute({2, 1, 0})}},
          {"move/nhwc_to_nchw", {[] {
             nchw.copy_(image.permute({0, 3, 1, 2}));
           }}},
          {"move/concat_rows", {[] {
             at::cat_out(matrix_to, {half, half}, 0);
           }}},
          {"move/concat_columns", {[] {
             at::cat_out(matrix_to, {narrow, narrow}, 1);
           }}},
          {"move/split_rows", {[] {
             for (const Tensor& part : matrix.chunk(4, 0)) part.clone();
           }}},
          {"move/split_columns", {[] {
             for (const Tensor& part : matrix.chunk(4, 1)) part.contiguous();
           }}},
          {"move/gather_rows", {[] { at::index_select_out(matrix_to, matrix, 0, rows); }}},
          {"move/pad",
           {[] {
              at::constant_pad_nd(matrix, {1, 1, 1, 1});
            },
            [] {
              padded.zero_();
              padded.slice(0, 1, kRows + 1).slice(1, 1, kColumns + 1).copy_(matrix);
            }}},
          {"move/slice", {[] { sliced.copy_(matrix.slice(0, 10, 3990).slice(1, 10, 2490)); }}},
          {"move/tile",
           {[] {
              at::tile(half, {2, 1});
            },
            [] {
              at::cat_out(matrix_to, {half, half}, 0);
            }}},
          {"move/reverse", {[] { at::flip(matrix, {1}); }}}};
}

// `make(image)` in both layouts.
std::vector<std::function<void()>> BothLayouts(const Tensor& x,
                                               const std::function<void(const Tensor&)>& run) {
  return {[=] { run(x); }, [=, last = Last(x)] { run(last); }};
}

std::vector<Workload> Networks() {
  static Tensor image = Image(kBatch, kSide, kChannels), channels = Floats({kChannels}),
                mean = Floats({kChannels}), variance = Floats({kChannels}),
                logits = Floats({10000, 1000}), logits_to = Floats({10000, 1000}),
                short_logits = Floats({1000000, 10});
  const auto max_grad = [](int64_t window, int64_t padding) {
    std::vector<std::function<void()>> ways;
    for (const Tensor& x : {image, Last(image)}) {
      const auto pooled = at::max_pool2d_with_indices(x, window, 2, padding);
      const Tensor y = std::get<0>(pooled), indices = std::get<1>(pooled);
      ways.push_back([=] {
        at::max_pool2d_with_indices_backward(y, x, {window, window}, {2, 2}, {padding, padding},
                                             {1, 1}, false, indices);
      });
    }
    return ways;
  };
  const auto norm = [](bool training) {
    return BothLayouts(image, [=](const Tensor& x) {
      at::native_batch_norm(x, channels, channels, mean, variance, training, 0.1, 1e-4);
    });
  };
  return {{"pool/max_2x2", BothLayouts(image, [](const Tensor& x) { at::max_pool2d(x, 2, 2); })},
          {"pool/max_3x3", BothLayouts(image, [](const Tensor& x) { at::max_pool2d(x, 3, 2, 1); })},
          {"pool/avg_2x2", BothLayouts(image, [](const Tensor& x) { at::avg_pool2d(x, 2, 2); })},
          {"pool/max_2x2_grad", max_grad(2, 0)},
          {"pool/max_3x3_grad", max_grad(3, 1)},
          {"norm/batch_norm_train", norm(true)},
          {"norm/batch_norm_infer", norm(false)},
          {"norm/batch_norm_grad", BothLayouts(image,
                                               [](const Tensor& x) {
                                                 at::native_batch_norm_backward(
                                                     x, x, channels, mean, variance, mean, variance,
                                                     true, 1e-4, {true, true, true});
                                               })},
          {"norm/softmax_1000", {[] { at::_softmax_out(logits_to, logits, 1, false); }}},
          {"norm/log_softmax_1000", {[] { at::_log_softmax_out(logits_to, logits, 1, false); }}},
          {"norm/softmax_10", {[] { at::softmax(short_logits, 1); }}}};
}

std::vector<Workload> Contractions() {
  static Tensor a = Floats({kMatMul, kMatMul}), b = Floats({kMatMul, kMatMul}),
                c = Floats({kMatMul, kMatMul}), left = Floats({64, 128, 128}),
                right = Floats({64, 128, 128}), product = Floats({64, 128, 128});
  static Tensor image = Image(kConvBatch, kConvSide, kConvChannels),
                filter = Floats({kConvChannels, kConvChannels, 3, 3}),
                cube =
                    Floats({kVolumeBatch, kVolumeChannels, kVolumeSide, kVolumeSide, kVolumeSide}),
                cube_filter = Floats({kVolumeChannels, kVolumeChannels, 3, 3, 3}),
                wide = Image(kBatch, kSide, kChannels), depthwise = Floats({kChannels, 1, 3, 3});
  const auto backward = [](bool input) {
    return BothLayouts(image, [=](const Tensor& x) {
      at::convolution_backward(x, x, filter, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                               {input, !input, false});
    });
  };
  return {{"matmul/square", {[] { at::mm_out(c, a, b); }}},
          {"matmul/batch", {[] { at::bmm_out(product, left, right); }}},
          {"conv/forward",
           BothLayouts(image, [](const Tensor& x) { at::conv2d(x, filter, {}, 1, 1); })},
          {"conv/backprop_input", backward(true)},
          {"conv/backprop_filter", backward(false)},
          {"conv/volume", {[] { at::conv3d(cube, cube_filter, {}, 1, 1); }}},
          {"conv/depthwise", BothLayouts(wide, [](const Tensor& x) {
             at::conv2d(x, depthwise, {}, 1, 1, 1, kChannels);
           })}};
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  const Flags flags = ParseFlags(argc, argv);
  torch::NoGradGuard no_grad;
  at::set_num_threads(flags.threads);
  at::manual_seed(7);
  for (const auto& family : {Elementwise, Reductions, Moves, Networks, Contractions}) {
    for (const Workload& w : family()) {
      if (!flags.workload.empty() && w.name.rfind(flags.workload, 0) != 0) continue;
      Times best;
      for (const auto& way : w.ways) {
        const Times times = Measure(way, flags.seconds);
        if (best.runs == 0 || times.median < best.median) best = times;
      }
      PrintJson("libtorch", w.name, flags.threads, 1, best);
    }
  }
}
