// The peer of layers_benchmark.cc: the same layers in libtorch (eager mode), given its best: both
// memory layouts are tried, and for locally connected layers several ways to put the product; the
// fastest counts and is named in "config".
//
// local: unfold to patches, one batched product with the images of a position as its rows, bias
// added in it; the result stays as the product leaves it, [positions, batch, filters]. depthwise:
// convolution with groups. separable: that without bias, then a 1x1 convolution.
#include <torch/torch.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/layer_workloads.h"
#include "benchmarks/timing.h"

namespace sluice::benchmarks {
namespace {

using at::Tensor;

struct Way {
  std::string name;
  std::function<Tensor(const Tensor& x)> forward;
  Tensor x, dy;
  std::vector<Tensor> weights;
};

Tensor Weight(std::vector<int64_t> shape) { return (at::randn(shape) * 0.1).requires_grad_(true); }
Tensor Last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

std::vector<Way> LocalWays(const LayerWorkload& w) {
  const int64_t positions = w.out_side() * w.out_side(), patch = w.kernel * w.kernel * w.channels;
  const Tensor kernel = Weight({positions, patch, w.filters}),
               bias = Weight({positions, 1, w.filters});
  const Tensor x = at::rand({w.batch, w.channels, w.side, w.side}) - 0.5;
  const Tensor dy = at::rand({positions, w.batch, w.filters}) - 0.5;
  const auto patches = [k = w.kernel](const Tensor& x) {
    return at::im2col(x, {k, k}, {1, 1}, {0, 0}, {1, 1}).permute({2, 0, 1});
  };
  std::vector<Way> ways;
  for (const Tensor& image : {x, Last(x)}) {
    ways.push_back({"baddbmm",
                    [=](const Tensor& x) { return at::baddbmm(bias, patches(x), kernel); },
                    image,
                    dy,
                    {kernel, bias}});
    ways.push_back(
        {"baddbmm,copied",
         [=](const Tensor& x) { return at::baddbmm(bias, patches(x).contiguous(), kernel); },
         image,
         dy,
         {kernel, bias}});
    ways.push_back({"bmm",
                    [=](const Tensor& x) { return at::bmm(patches(x), kernel) + bias; },
                    image,
                    dy,
                    {kernel, bias}});
    ways.push_back(
        {"bmm,copied",
         [=](const Tensor& x) { return at::bmm(patches(x).contiguous(), kernel) + bias; },
         image,
         dy,
         {kernel, bias}});
  }
  return ways;
}

std::vector<Way> ConvWays(const LayerWorkload& w) {
  const bool separable = w.kind == LayerKind::kSeparable;
  const Tensor depthwise = Weight({w.channels, 1, w.kernel, w.kernel});
  const Tensor bias = Weight({w.filters});
  const Tensor x = at::rand({w.batch, w.channels, w.side, w.side}) - 0.5;
  const Tensor dy = at::rand({w.batch, w.filters, w.out_side(), w.out_side()}) - 0.5;
  std::vector<Way> ways;
  for (const bool last : {false, true}) {
    Tensor pointwise = Weight({w.filters, w.channels, 1, 1});
    if (last) pointwise = Last(pointwise.detach()).requires_grad_(true);
    Way way{
        last ? "nhwc" : "nchw", {}, last ? Last(x) : x, last ? Last(dy) : dy, {depthwise, bias}};
    const int stride = w.stride, pad = w.kernel / 2, groups = w.channels;
    if (separable) {
      way.weights.push_back(pointwise);
      way.forward = [=](const Tensor& x) {
        return at::conv2d(at::conv2d(x, depthwise, {}, stride, pad, 1, groups), pointwise, bias);
      };
    } else {
      way.forward = [=](const Tensor& x) {
        return at::conv2d(x, depthwise, bias, stride, pad, 1, groups);
      };
    }
    ways.push_back(std::move(way));
  }
  return ways;
}

void Run(const LayerWorkload& w, const Flags& flags) {
  const std::vector<Way> ways = w.kind == LayerKind::kLocal ? LocalWays(w) : ConvWays(w);
  const auto step = [](const Way& way) {
    const Tensor x = way.x.detach().requires_grad_(true);
    std::vector<Tensor> wrt = way.weights;
    wrt.push_back(x);
    torch::autograd::grad({way.forward(x)}, wrt, {way.dy});
  };
  const Way* best = nullptr;
  double best_ms = 0;
  for (const Way& way : ways) {
    const double ms = Measure([&] { step(way); }, std::min(0.2, flags.seconds)).p10;
    if (flags.verbose)
      std::fprintf(stderr, "%s %s: %.3f ms\n", w.name.c_str(), way.name.c_str(), ms);
    if (best == nullptr || ms < best_ms) {
      best = &way;
      best_ms = ms;
    }
  }
  PrintJson("libtorch", w.name, flags.threads, w.batch,
            Measure([&] { step(*best); }, flags.seconds), best->name);
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  const Flags flags = ParseFlags(argc, argv);
  at::set_num_threads(flags.threads);
  at::manual_seed(7);
  if (!at::hasMKLDNN()) std::fprintf(stderr, "note: this libtorch has no oneDNN\n");
  for (const LayerWorkload& w : LayerWorkloads()) {
    if (w.name.rfind(flags.workload, 0) == 0) Run(w, flags);
  }
}
