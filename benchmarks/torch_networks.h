// The networks of speed_workloads.h in libtorch: one forward function each, used eagerly, traced to
// TorchScript, and trained. Only the *_torch.cc programs include this.
#ifndef SLUICE_BENCHMARKS_TORCH_NETWORKS_H_
#define SLUICE_BENCHMARKS_TORCH_NETWORKS_H_

#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::benchmarks {

using at::Tensor;

// How locally connected layers are computed: libtorch has none, so patches and one product per
// position. `sum` leaves the bias to an addition after the product, `copied` makes the patches
// contiguous before it.
struct LocalWay {
  bool sum = false, copied = false;
};

// Layers by the order of their calls: the first forward makes their weights, later ones take them.
class Layers {
 public:
  Layers(bool channels_last, bool training, LocalWay local = {})
      : channels_last_(channels_last), training_(training), local_(local) {}

  void Begin() { next_ = 0; }
  const std::vector<Tensor>& trainable() const { return trainable_; }
  int64_t parameters() const {
    int64_t count = 0;
    for (const Tensor& p : trainable_) count += p.numel();
    return count;
  }
  bool training() const { return training_; }

  // SAME with symmetric padding. Depthwise when `groups` is the number of channels.
  Tensor Conv(const Tensor& x, int64_t filters, int64_t kernel, int64_t stride, bool bias,
              int64_t groups = 1) {
    const int64_t channels = x.size(1) / groups;
    const Tensor w =
        Weight({filters, channels, kernel, kernel}, 2.0 / double(channels * kernel * kernel));
    const Tensor b = bias ? Fill(filters, 0) : Tensor();
    const int64_t pad = (kernel - 1) / 2;
    return at::conv2d(x, w, b, {stride, stride}, {pad, pad}, {1, 1}, groups);
  }
  Tensor Depthwise(const Tensor& x, int64_t stride) {
    return Conv(x, x.size(1), 3, stride, false, x.size(1));
  }
  Tensor BatchNorm(const Tensor& x) {
    const int64_t c = x.size(1);
    const Tensor gamma = Fill(c, 1), beta = Fill(c, 0);
    const Tensor mean = Take([&] { return at::zeros({c}); }),
                 variance = Take([&] { return at::ones({c}); });
    return at::batch_norm(x, gamma, beta, mean, variance, training_, 0.1, 1e-3, false);
  }
  Tensor Dense(const Tensor& x, int64_t units) {
    const Tensor w = Weight({units, x.size(1)}, 1.0 / double(x.size(1)));
    return at::linear(x, w, Fill(units, 0));
  }
  // The last state of one layer; x is [steps, batch, features]. Only the bias of the input's
  // product is trained (the forget gate's starts at 1): a second one, added to it, is the same.
  Tensor Lstm(const Tensor& x, int64_t hidden) {
    const double variance = 1.0 / double(hidden);
    const Tensor input = Weight({4 * hidden, x.size(2)}, variance);
    const Tensor recurrent = Weight({4 * hidden, hidden}, variance);
    const Tensor bias = Trained([&] {
      Tensor b = at::zeros({4 * hidden});
      b.slice(0, hidden, 2 * hidden).fill_(1);
      return b;
    });
    const Tensor second = Take([&] { return at::zeros({4 * hidden}); });
    const Tensor zero = Take([&] { return at::zeros({1, x.size(1), hidden}); });
    const auto out = at::lstm(x, {zero, zero}, {input, recurrent, bias, second}, true, 1, 0,
                              training_, false, false);
    return std::get<1>(out)[0];
  }
  // Window 3x3, VALID, bias per position and filter: [positions, batch, filters].
  Tensor Local(const Tensor& x, int64_t filters) {
    const int64_t positions = (x.size(2) - 2) * (x.size(3) - 2), window = 9 * x.size(1);
    const Tensor w = Weight({positions, window, filters}, 2.0 / double(window));
    const Tensor b = Trained([&] { return at::zeros({positions, 1, filters}); });
    Tensor patches = at::im2col(x, {3, 3}, {1, 1}, {0, 0}, {1, 1}).permute({2, 0, 1});
    if (local_.copied) patches = patches.contiguous();
    return local_.sum ? at::bmm(patches, w) + b : at::baddbmm(b, patches, w);
  }
  // [batch, features], a view where the layout allows one.
  Tensor Flatten(const Tensor& x) const {
    return channels_last_ ? x.permute({0, 2, 3, 1}).flatten(1) : x.flatten(1);
  }

 private:
  Tensor Take(const std::function<Tensor()>& make) {
    if (next_ == made_.size()) made_.push_back(make());
    return made_[next_++];
  }
  Tensor Trained(const std::function<Tensor()>& make) {
    const bool is_new = next_ == made_.size();
    const Tensor t = Take([&] { return make().requires_grad_(training_); });
    if (is_new) trainable_.push_back(t);
    return t;
  }
  Tensor Fill(int64_t n, double value) {
    return Trained([&] { return at::full({n}, value); });
  }
  Tensor Weight(const std::vector<int64_t>& shape, double variance) {
    return Trained([&] {
      const Tensor w = at::randn(shape) * std::sqrt(variance);
      const bool last = channels_last_ && shape.size() == 4;
      return last ? w.contiguous(at::MemoryFormat::ChannelsLast) : w;
    });
  }

  const bool channels_last_, training_;
  const LocalWay local_;
  std::vector<Tensor> made_, trainable_;
  size_t next_ = 0;
};

// ------------------------------------------------------------------------------------ networks

inline Tensor Mlp(Layers& n, Tensor x) {
  for (int i = 0; i < 2; ++i) x = n.Dense(x, 1024).relu_();
  return n.Dense(x, 10);
}

inline Tensor Lenet(Layers& n, Tensor x) {
  for (const int64_t filters : {32, 64}) {
    x = at::max_pool2d(n.Conv(x, filters, 5, 1, true).relu_(), {2, 2}, {2, 2});
  }
  return n.Dense(n.Dense(n.Flatten(x), 1024).relu_(), 10);
}

inline Tensor GlobalAverage(const Tensor& x) {
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
}

inline Tensor Mobilenet(Layers& n, Tensor x) {
  const auto normed = [&](const Tensor& y) {
    Tensor z = n.BatchNorm(y);
    return at::hardtanh_(z, 0.0, 6.0);  // tracing would keep integers, and oneDNN asks for floats
  };
  x = normed(n.Conv(x, 32, 3, 2, false));
  const std::vector<std::pair<int64_t, int64_t>> blocks = {
      {64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
      {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  for (const auto& [filters, stride] : blocks) {
    x = normed(n.Depthwise(x, stride));
    x = normed(n.Conv(x, filters, 1, 1, false));
  }
  return n.Dense(GlobalAverage(x), 1000);
}

// Stages of basic blocks, or of bottlenecks; the stride sits on the (first) 3x3.
inline Tensor Resnet(Layers& n, Tensor x, const std::vector<int>& blocks, bool bottleneck) {
  const auto conv = [&](const Tensor& y, int64_t filters, int64_t kernel, int64_t stride) {
    return n.BatchNorm(n.Conv(y, filters, kernel, stride, false));
  };
  x = at::max_pool2d(conv(x, 64, 7, 2).relu_(), {3, 3}, {2, 2}, {1, 1});
  int64_t width = 64;
  for (size_t stage = 0; stage < blocks.size(); ++stage, width *= 2) {
    const int64_t out = bottleneck ? 4 * width : width;
    for (int block = 0; block < blocks[stage]; ++block) {
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      Tensor y = bottleneck ? conv(x, width, 1, 1).relu_() : x;
      y = conv(y, width, 3, stride).relu_();
      y = bottleneck ? conv(y, out, 1, 1) : conv(y, out, 3, 1);
      if (stride != 1 || x.size(1) != out) x = conv(x, out, 1, stride);
      x = y.add_(x).relu_();
    }
  }
  return n.Dense(GlobalAverage(x), 1000);
}

inline Tensor Lstm(Layers& n, Tensor x) { return n.Dense(n.Lstm(x, 256), 10); }

inline Tensor Sepconv(Layers& n, Tensor x) {
  x = n.Conv(x, 32, 3, 1, true).relu_();
  for (const int64_t filters : {64, 128}) {
    x = n.Conv(n.Depthwise(x, 2), filters, 1, 1, true).relu_();
  }
  return n.Dense(GlobalAverage(x), 10);
}

inline Tensor Local2d(Layers& n, Tensor x) { return n.Dense(n.Local(x, 16).relu_().mean(0), 10); }

struct Network {
  std::string name;
  std::vector<int64_t>
      item;  // shape of one item: [features], [channels, side, side] or [time, features]
  int64_t classes;
  Tensor (*forward)(Layers&, Tensor x);
};

inline const std::vector<Network>& Networks() {
  static const auto* const networks =
      new std::vector<Network>{{"mlp", {784}, 10, Mlp},
                               {"lenet", {1, 28, 28}, 10, Lenet},
                               {"mobilenet", {3, 224, 224}, 1000, Mobilenet},
                               {"resnet18",
                                {3, 224, 224},
                                1000,
                                [](Layers& n, Tensor x) {
                                  return Resnet(n, std::move(x), {2, 2, 2, 2}, false);
                                }},
                               {"resnet50",
                                {3, 224, 224},
                                1000,
                                [](Layers& n, Tensor x) {
                                  return Resnet(n, std::move(x), {3, 4, 6, 3}, true);
                                }},
                               {"lstm", {50, 256}, 10, Lstm},
                               {"sepconv", {3, 32, 32}, 10, Sepconv},
                               {"local2d", {8, 32, 32}, 10, Local2d}};
  return *networks;
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_TORCH_NETWORKS_H_
