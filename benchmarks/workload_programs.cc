// The small programs: a chain of tiny ops, elementwise chains, single ops of a size that matters.
#include <algorithm>
#include <functional>
#include <utility>

#include "benchmarks/workload.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

// A program while it is built. Its inputs are fed and its results fetched.
class Builder {
 public:
  explicit Builder(int64_t divisor) : divisor_(divisor) {
    w_.graph = std::make_unique<Graph>(ops::Builtin());
    w_.graph->SetSeed(1);
    w_.feeds.resize(1);
  }
  Scope root() const { return Scope::Root(*w_.graph); }
  int64_t Size(int64_t n) const { return std::max<int64_t>(1, n / divisor_); }

  Output Feed(Tensor value) {
    const Output x = ops::Placeholder(root(), value.dtype(), value.shape());
    w_.feeds[0].push_back({x, std::move(value)});
    return x;
  }
  // Random floats of sizes that are divided.
  Output Feed(const std::vector<int64_t>& sizes) {
    std::vector<int64_t> dims;
    for (const int64_t n : sizes) dims.push_back(Size(n));
    return Feed(RandomFloats(TensorShape(dims), &random_));
  }
  // `bytes` and `flops` as in Workload.
  absl::StatusOr<Workload> Fetch(const Outputs& fetches, double bytes, double flops = 0) {
    SLUICE_RETURN_IF_ERROR(w_.graph->status());
    w_.fetches = fetches;
    w_.bytes = bytes;
    w_.flops = flops;
    return std::move(w_);
  }
  Workload& workload() { return w_; }
  std::mt19937& random() { return random_; }

 private:
  const int64_t divisor_;
  Workload w_;
  std::mt19937 random_{7};
};

constexpr int64_t kLarge = 10'000'000;
constexpr double kFloat = 4, kLargeBytes = kFloat * kLarge;

absl::StatusOr<Workload> Add1000(const TensorShape& shape) {
  Builder b(1);
  Output y = b.Feed(RandomFloats(shape, &b.random()));
  const Output c = b.Feed(RandomFloats(shape, &b.random()));
  for (int i = 0; i < 1000; ++i) y = y + c;
  return b.Fetch({y}, 0);
}
absl::StatusOr<Workload> Add1000Scalar(int64_t) { return Add1000({}); }
absl::StatusOr<Workload> Add1000Vector(int64_t divisor) {
  return Add1000({std::max<int64_t>(1, 1024 / divisor)});
}

// c is a reflection, I - v v' / 4 with v all ones: products keep their length.
absl::StatusOr<Workload> MatMul1000(int64_t) {
  Builder b(1);
  Tensor reflection = Tensor::Zeros(DType::kFloat, {8, 8});
  float* const element = reflection.mutable_data<float>();
  for (int i = 0; i < 64; ++i) element[i] = (i / 8 == i % 8 ? 1.0f : 0.0f) - 0.25f;
  Output y = b.Feed({8, 8});
  const Output c = b.Feed(std::move(reflection));
  for (int i = 0; i < 1000; ++i) y = ops::MatMul(b.root(), y, c);
  return b.Fetch({y}, 0);
}

absl::StatusOr<Workload> Elementwise8(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({kLarge}), z = b.Feed({kLarge});
  Output y = x * z;
  y = y + x;
  y = ops::Relu(b.root(), y);
  y = y * y;
  y = y - z;
  y = ops::Abs(b.root(), y);
  y = ops::Minimum(b.root(), y, ops::Const(b.root(), 6.0f));
  y = y * 0.5f;
  return b.Fetch({y}, 3 * kLargeBytes);
}

Output GeluOf(Scope s, Output x) {
  Output y = x * x;
  y = y * x;
  y = y * 0.044715f;
  y = y + x;
  y = y * 0.7978845608f;
  y = ops::Tanh(s, y);
  y = y + 1.0f;
  y = y * x;
  return y * 0.5f;
}
absl::StatusOr<Workload> Gelu(int64_t divisor) {
  Builder b(divisor);
  return b.Fetch({GeluOf(b.root(), b.Feed({kLarge}))}, 2 * kLargeBytes);
}
absl::StatusOr<Workload> GeluTrain(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({kLarge});
  const Output y = GeluOf(b.root(), x);
  const Outputs dx = Gradients(b.root(), {y}, {x});
  return b.Fetch({y, dx[0]}, 3 * kLargeBytes);
}

absl::StatusOr<Workload> SumLarge(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({kLarge});
  return b.Fetch({ops::Sum(b.root(), x, {0})}, kLargeBytes);
}

absl::StatusOr<Workload> SoftmaxRows(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({4096, 1000});
  return b.Fetch({ops::Softmax(b.root(), x)}, 2 * kFloat * 4096 * 1000);
}

absl::StatusOr<Workload> Transpose4096(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({4096, 4096});
  return b.Fetch({ops::Transpose(b.root(), x, {1, 0})}, 2 * kFloat * 4096 * 4096);
}

absl::StatusOr<Workload> BiasAdd4096(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({4096, 4096}), bias = b.Feed({4096});
  return b.Fetch({ops::BiasAdd(b.root(), x, bias)}, 2 * kFloat * 4096 * 4096);
}

absl::StatusOr<Workload> BatchedProducts(int64_t divisor) {
  Builder b(divisor);
  const Output x = b.Feed({32, 128, 64}), y = b.Feed({32, 64, 128});
  return b.Fetch({ops::BatchMatMul(b.root(), x, y)}, 0, 2.0 * 32 * 128 * 64 * 128);
}

absl::StatusOr<Workload> AdamLarge(int64_t divisor) {
  Builder b(divisor);
  const Output gradient = b.Feed({kLarge});
  const Variable weights =
      GetVariable(b.root(), "weights",
                  {.shape = gradient.shape(), .initializer = initializers::RandomNormal()});
  const Output step = train::Adam({.learning_rate = 1e-3f})
                          .ApplyGradients(b.root(), {{.gradient = gradient, .variable = weights}});
  b.workload().init = GlobalVariablesInitializer(b.root());
  return b.Fetch({step}, 7 * kLargeBytes);  // g is read; w, m and v read and written
}

absl::StatusOr<Workload> GatherRows(int64_t divisor) {
  Builder b(divisor);
  const int64_t rows = b.Size(100'000);
  std::vector<int64_t> wanted(static_cast<size_t>(rows));
  for (int64_t& row : wanted) row = static_cast<int64_t>(b.random()()) % rows;
  const Output table = b.Feed({100'000, 64});
  const Output indices = b.Feed(Tensor::Of<int64_t>({rows}, wanted));
  return b.Fetch({ops::Gather(b.root(), table, indices)}, 2 * kFloat * 100'000 * 64);
}

}  // namespace

absl::Span<const Program> Programs() {
  static constexpr Program kPrograms[] = {{"add1000_scalar", Add1000Scalar},
                                          {"add1000_1024", Add1000Vector},
                                          {"matmul1000_8x8", MatMul1000},
                                          {"ew8_1e7", Elementwise8},
                                          {"gelu_1e7", Gelu},
                                          {"gelu_1e7_train", GeluTrain},
                                          {"sum_1e7", SumLarge},
                                          {"softmax_4096x1000", SoftmaxRows},
                                          {"transpose_4096", Transpose4096},
                                          {"bias_add_4096x4096", BiasAdd4096},
                                          {"bmm_32x128x64x128", BatchedProducts},
                                          {"adam_1e7", AdamLarge},
                                          {"gather_1e5x64", GatherRows}};
  return kPrograms;
}

}  // namespace sluice::benchmarks
