// The small programs of speed_workloads.h in libtorch. "out" ways write to memory made before,
// "fresh" ones let libtorch allocate every result. Only the *_torch.cc programs include this.
#ifndef SLUICE_BENCHMARKS_TORCH_PROGRAMS_H_
#define SLUICE_BENCHMARKS_TORCH_PROGRAMS_H_

#include <torch/torch.h>

#include <cmath>
#include <string>
#include <vector>

#include "benchmarks/torch_ways.h"

namespace sluice::benchmarks {

constexpr int64_t kTenMillion = 10'000'000;
constexpr int kChain = 1000;

// y = x + c, a thousand times.
inline std::vector<Way> AddChain(std::vector<int64_t> shape) {
  const auto fresh = [](const std::vector<Tensor>& in) {
    Tensor y = in[0];
    for (int i = 0; i < kChain; ++i) y = y + in[1];
    return y;
  };
  const auto inputs = [shape] { return std::vector<Tensor>{at::rand(shape), at::rand(shape)}; };
  return {{"eager,fresh", [=]() -> Run { return [=, in = inputs()] { return fresh(in); }; }},
          {"eager,out",
           [=]() -> Run {
             return [in = inputs(), y = at::empty(shape)]() mutable {
               at::add_out(y, in[0], in[1]);
               for (int i = 1; i < kChain; ++i) y.add_(in[1]);
               return y;
             };
           }},
          {"script", [=] {
             const auto in = inputs();
             return ScriptRun(Traced(fresh, in), in, false);
           }}};
}

// y = y . c, a thousand times; c is orthogonal.
inline std::vector<Way> MatMulChain() {
  const auto fresh = [](const std::vector<Tensor>& in) {
    Tensor y = in[0];
    for (int i = 0; i < kChain; ++i) y = at::mm(y, in[1]);
    return y;
  };
  const auto inputs = [] {
    const Tensor c = std::get<0>(at::linalg_qr(at::randn({8, 8})));
    return std::vector<Tensor>{at::randn({8, 8}), c.contiguous()};
  };
  return {{"eager,fresh", [=]() -> Run { return [=, in = inputs()] { return fresh(in); }; }},
          {"eager,out",
           [=]() -> Run {
             return [in = inputs(), a = at::empty({8, 8}), b = at::empty({8, 8})]() mutable {
               at::mm_out(a, in[0], in[1]);
               for (int i = 1; i < kChain; ++i) {
                 at::mm_out(b, a, in[1]);
                 std::swap(a, b);
               }
               return a;
             };
           }},
          {"script", [=] {
             const auto in = inputs();
             return ScriptRun(Traced(fresh, in), in, false);
           }}};
}

inline Tensor Elementwise8(const std::vector<Tensor>& in) {
  const Tensor &x = in[0], &z = in[1];
  Tensor y = at::relu(x * z + x);
  return at::clamp_max(at::abs(y * y - z), 6) * 0.5;
}

inline Tensor GeluForward(const std::vector<Tensor>& in) {
  const Tensor& x = in[0];
  const Tensor y = (x * x * x * 0.044715 + x) * 0.7978845608;
  return (at::tanh(y) + 1) * x * 0.5;
}

inline std::vector<Way> Elementwise8Ways() {
  const auto inputs = [] {
    return std::vector<Tensor>{at::randn({kTenMillion}), at::randn({kTenMillion})};
  };
  return {{"eager,fresh", [=]() -> Run { return [in = inputs()] { return Elementwise8(in); }; }},
          {"eager,out",
           [=]() -> Run {
             return [in = inputs(), y = at::zeros({kTenMillion})]() mutable {
               at::mul_out(y, in[0], in[1]).add_(in[0]).relu_();
               at::mul_out(y, y, y).sub_(in[1]).abs_().clamp_max_(6).mul_(0.5);
               return y;
             };
           }},
          {"script", [=] {
             const auto in = inputs();
             return ScriptRun(Traced(Elementwise8, in), in, false);
           }}};
}

inline std::vector<Way> GeluWays() {
  const auto inputs = [] { return std::vector<Tensor>{at::randn({kTenMillion})}; };
  return {{"eager,fresh", [=]() -> Run { return [in = inputs()] { return GeluForward(in); }; }},
          {"eager,out",
           [=]() -> Run {
             return [x = inputs()[0], y = at::zeros({kTenMillion})]() mutable {
               at::mul_out(y, x, x).mul_(x).mul_(0.044715).add_(x).mul_(0.7978845608);
               return y.tanh_().add_(1).mul_(x).mul_(0.5);
             };
           }},
          {"script", [=] {
             const auto in = inputs();
             return ScriptRun(Traced(GeluForward, in), in, false);
           }}};
}

// The gradient with respect to x, incoming ones.
inline std::vector<Way> GeluTrainWays() {
  const auto way = [](auto forward) {
    return [forward]() -> Run {
      const Tensor x = at::randn({kTenMillion}).requires_grad_(true);
      return [=, ones = at::ones({kTenMillion})] {
        const at::AutoGradMode with_gradients(true);
        return torch::autograd::grad({forward(std::vector<Tensor>{x})}, {x}, {ones})[0];
      };
    };
  };
  // In place where the gradient needs no operand: what tanh and products saved stays.
  const auto in_place = [](const std::vector<Tensor>& in) {
    const Tensor& x = in[0];
    const Tensor y = (x * x * x).mul_(0.044715).add_(x).mul_(0.7978845608).tanh_();
    return ((y + 1) * x).mul_(0.5);
  };
  return {{"eager,fresh", way(GeluForward)}, {"eager,in-place", way(in_place)}};
}

// An op that can write to `out` and one that cannot.
inline std::vector<Way> OneOp(const std::function<std::vector<Tensor>()>& inputs,
                              const std::function<Tensor(const std::vector<Tensor>&)>& fresh,
                              const std::function<void(Tensor, const std::vector<Tensor>&)>& out) {
  return {{"eager,fresh", [=]() -> Run { return [=, in = inputs()] { return fresh(in); }; }},
          {"eager,out", [=]() -> Run {
             const std::vector<Tensor> in = inputs();
             return [=, y = fresh(in).clone(at::MemoryFormat::Contiguous)] {
               out(y, in);
               return y;
             };
           }}};
}

// lr 1e-3, 0.9, 0.999, 1e-8, in memory made before.
inline std::vector<Way> AdamWays() {
  const auto by_hand = []() -> Run {
    const Tensor w = at::randn({kTenMillion}), g = at::randn({kTenMillion});
    const Tensor m = at::zeros_like(w), v = at::zeros_like(w), t = at::zeros_like(w);
    int64_t step = 0;
    return [=]() mutable {
      ++step;
      m.lerp_(g, 0.1);
      v.mul_(0.999).addcmul_(g, g, 0.001);
      const double c1 = 1 - std::pow(0.9, step), c2 = 1 - std::pow(0.999, step);
      Tensor denominator = t;
      at::sqrt_out(denominator, v).add_(1e-8 * std::sqrt(c2));
      return w.addcdiv_(m, t, -1e-3 * std::sqrt(c2) / c1);
    };
  };
  const auto optimizer = []() -> Run {
    const at::AutoGradMode with_gradients(true);
    Tensor w = at::randn({kTenMillion}).requires_grad_(true);
    w.mutable_grad() = at::randn({kTenMillion});
    auto adam = std::make_shared<torch::optim::Adam>(std::vector<Tensor>{w},
                                                     torch::optim::AdamOptions(1e-3));
    return [=] {
      adam->step();
      return w;
    };
  };
  return {{"eager,by-hand", by_hand}, {"eager,optim", optimizer}};
}

// Of a small program; none when there is none of that name.
inline std::vector<Way> ProgramWays(const std::string& name) {
  using In = const std::vector<Tensor>&;
  const auto random = [](std::vector<std::vector<int64_t>> shapes) {
    return [shapes] {
      std::vector<Tensor> tensors;
      for (const auto& shape : shapes) tensors.push_back(at::randn(shape));
      return tensors;
    };
  };
  if (name == "add1000_scalar") return AddChain({});
  if (name == "add1000_1024") return AddChain({1024});
  if (name == "matmul1000_8x8") return MatMulChain();
  if (name == "ew8_1e7") return Elementwise8Ways();
  if (name == "gelu_1e7") return GeluWays();
  if (name == "gelu_1e7_train") return GeluTrainWays();
  if (name == "adam_1e7") return AdamWays();
  if (name == "sum_1e7") {
    return {{"eager",
             [=]() -> Run { return [in = random({{kTenMillion}})()] { return at::sum(in[0]); }; }}};
  }
  if (name == "softmax_4096x1000") {
    return OneOp(
        random({{4096, 1000}}), [](In in) { return at::softmax(in[0], 1); },
        [](Tensor y, In in) { at::softmax_out(y, in[0], 1); });
  }
  if (name == "transpose_4096") {
    return OneOp(
        random({{4096, 4096}}), [](In in) { return in[0].t().contiguous(); },
        [](Tensor y, In in) { y.copy_(in[0].t()); });
  }
  if (name == "bias_add_4096x4096") {
    return OneOp(
        random({{4096, 4096}, {4096}}), [](In in) { return in[0] + in[1]; },
        [](Tensor y, In in) { at::add_out(y, in[0], in[1]); });
  }
  if (name == "bmm_32x128x64x128") {
    return OneOp(
        random({{32, 128, 64}, {32, 64, 128}}), [](In in) { return at::bmm(in[0], in[1]); },
        [](Tensor y, In in) { at::bmm_out(y, in[0], in[1]); });
  }
  if (name == "gather_1e5x64") {
    const auto inputs = [] {
      return std::vector<Tensor>{at::randn({100'000, 64}),
                                 at::randint(100'000, {100'000}, at::kLong)};
    };
    return OneOp(
        inputs, [](In in) { return at::index_select(in[0], 0, in[1]); },
        [](Tensor y, In in) { at::index_select_out(y, in[0], 0, in[1]); });
  }
  return {};
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_TORCH_PROGRAMS_H_
