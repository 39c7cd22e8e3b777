// The peer of train_step_benchmark.cc: the same training steps in libtorch (eager mode), given its
// best: in-place activations, the faster of its two memory layouts and of two ways to draw the
// dropout mask (tried at the start, named in "config"), inputs wrapped without a copy.
//
// fashion_train: conv 5x5 32 SAME + bias + ReLU; max-pool 2; depthwise 3x3 (groups) + pointwise 64
// + bias + ReLU; dropout 0.4;
//   dense 10; mean cross-entropy + 1e-4 * sum w^2 / 2 over all parameters; Adam 1e-3.
// lenet_train: conv 5x5 32 SAME, ReLU; max-pool 2; conv 5x5 64 SAME, ReLU; max-pool 2; dense 1024,
// ReLU; dense 10; mean
//   cross-entropy; SGD with momentum 0.9, rate 1e-3.
#include <torch/torch.h>

#include <cmath>
#include <memory>

#include "benchmarks/timing.h"

namespace sluice::benchmarks {
namespace {

constexpr int kBatch = 128;
namespace F = torch::nn::functional;

struct Config {
  bool channels_last = false;
  bool own_mask = false;  // dropout as x * (rand >= rate) / (1 - rate) instead of F::dropout
  std::string Name() const {
    return std::string(channels_last ? "nhwc" : "nchw") + (own_mask ? ",rand-mask" : "");
  }
};

// A parameter, normal with variance gain / fan_in.
torch::Tensor Weight(std::vector<int64_t> shape, double gain, int64_t fan_in,
                     const Config& config) {
  torch::Tensor w = torch::randn(shape) * std::sqrt(gain / static_cast<double>(fan_in));
  if (config.channels_last && shape.size() == 4) w = w.contiguous(at::MemoryFormat::ChannelsLast);
  return w.requires_grad_(true);
}
torch::Tensor Bias(int64_t n) { return torch::zeros({n}).requires_grad_(true); }

class Step {
 public:
  explicit Step(const Config& config) : config_(config), batches_(ImageBatches(kBatch)) {}
  virtual ~Step() = default;

  float operator()() {
    ImageBatch& b = batches_[next_++ % batches_.size()];
    // With one channel, NCHW and NHWC are the same numbers.
    torch::Tensor x = torch::from_blob(b.images.data(), {kBatch, 1, 28, 28});
    if (config_.channels_last) x = x.as_strided({kBatch, 1, 28, 28}, {784, 1, 28, 1});
    const torch::Tensor labels = torch::from_blob(b.labels.data(), {kBatch}, torch::kInt64);
    for (torch::Tensor& p : parameters_) p.mutable_grad().reset();
    torch::Tensor loss = Loss(x, labels);
    loss.backward();
    optimizer_->step();
    return loss.item<float>();
  }

 protected:
  virtual torch::Tensor Loss(torch::Tensor x, torch::Tensor labels) = 0;
  torch::Tensor Dropout(torch::Tensor x, double rate) const {
    if (!config_.own_mask) return F::dropout(x, F::DropoutFuncOptions().p(rate));
    return x * torch::rand_like(x).ge_(rate).div_(1 - rate);
  }

  const Config config_;
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;

 private:
  std::vector<ImageBatch> batches_;
  size_t next_ = 0;
};

class FashionStep : public Step {
 public:
  explicit FashionStep(const Config& config) : Step(config) {
    parameters_ = {Weight({32, 1, 5, 5}, 2, 25, config),
                   Bias(32),
                   Weight({32, 1, 3, 3}, 1, 9, config),
                   Weight({64, 32, 1, 1}, 2, 32, config),
                   Bias(64),
                   Weight({10, 9216}, 1, 9216, config),
                   Bias(10)};
    optimizer_ = std::make_unique<torch::optim::Adam>(parameters_, torch::optim::AdamOptions(1e-3));
  }

 protected:
  torch::Tensor Loss(torch::Tensor x, torch::Tensor labels) override {
    const auto& p = parameters_;
    x = torch::conv2d(x, p[0], p[1], 1, 2).relu_();
    x = torch::max_pool2d(x, 2);
    x = F::conv2d(x, p[2], F::Conv2dFuncOptions().groups(32));
    x = torch::conv2d(x, p[3], p[4]).relu_();
    x = Dropout(x, 0.4).flatten(1);
    torch::Tensor loss = torch::cross_entropy_loss(torch::addmm(p[6], x, p[5].t()), labels);
    for (const torch::Tensor& w : p) loss = loss + w.square().sum() * (0.5 * 1e-4);
    return loss;
  }
};

class LenetStep : public Step {
 public:
  explicit LenetStep(const Config& config) : Step(config) {
    parameters_ = {Weight({32, 1, 5, 5}, 2, 25, config),   Bias(32),
                   Weight({64, 32, 5, 5}, 2, 800, config), Bias(64),
                   Weight({1024, 3136}, 1, 3136, config),  Bias(1024),
                   Weight({10, 1024}, 1, 1024, config),    Bias(10)};
    optimizer_ = std::make_unique<torch::optim::SGD>(parameters_,
                                                     torch::optim::SGDOptions(1e-3).momentum(0.9));
  }

 protected:
  torch::Tensor Loss(torch::Tensor x, torch::Tensor labels) override {
    const auto& p = parameters_;
    x = torch::max_pool2d(torch::conv2d(x, p[0], p[1], 1, 2).relu_(), 2);
    x = torch::max_pool2d(torch::conv2d(x, p[2], p[3], 1, 2).relu_(), 2);
    x = torch::addmm(p[5], x.flatten(1), p[4].t()).relu_();
    return torch::cross_entropy_loss(torch::addmm(p[7], x, p[6].t()), labels);
  }
};

template <typename StepType>
void Run(const char* workload, const Flags& flags, const std::vector<Config>& configs) {
  if (!flags.workload.empty() && flags.workload != workload) return;
  const Config* best = nullptr;
  double best_ms = 0;
  for (const Config& config : configs) {
    torch::manual_seed(1);
    StepType step(config);
    const double ms = Measure([&] { step(); }, 0.5).median;
    if (flags.verbose)
      std::fprintf(stderr, "%s %s: %.3f ms\n", workload, config.Name().c_str(), ms);
    if (best == nullptr || ms < best_ms) {
      best = &config;
      best_ms = ms;
    }
  }
  torch::manual_seed(1);
  StepType step(*best);
  PrintJson("libtorch", workload, flags.threads, kBatch, Measure([&] { step(); }, flags.seconds),
            best->Name());
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  const Flags flags = ParseFlags(argc, argv);
  at::set_num_threads(flags.threads);
  if (!at::hasMKLDNN()) std::fprintf(stderr, "note: this libtorch has no oneDNN\n");
  Run<FashionStep>("fashion_train", flags,
                   {{false, false}, {false, true}, {true, false}, {true, true}});
  Run<LenetStep>("lenet_train", flags, {{false, false}, {true, false}});
}
