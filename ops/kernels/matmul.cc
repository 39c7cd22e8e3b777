#include "ops/kernels/matmul.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/status.h"
#include "ops/kernels/cast.h"

namespace sluice::kernels {
namespace {

int64_t Product(const absl::InlinedVector<int64_t, 4>& dims) {
  int64_t product = 1;
  for (int64_t d : dims) product *= d;
  return product;
}

// For each matrix of the result the matrix of an operand; empty when they go in step.
absl::InlinedVector<int64_t, 1> RepeatedIndex(const absl::InlinedVector<int64_t, 4>& from,
                                              const absl::InlinedVector<int64_t, 4>& to) {
  absl::InlinedVector<int64_t, 1> index;
  if (from == to) return index;
  index.resize(Product(to));
  for (size_t i = 0; i < index.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), step = 1;
    for (int d = static_cast<int>(to.size()) - 1; d >= 0; --d) {
      if (from[d] != 1) index[i] += rest % to[d] * step;
      rest /= to[d];
      step *= from[d];
    }
  }
  return index;
}

// --- half, bfloat16, and nothing to multiply ---

class NarrowMatMul : public MatMul {
 public:
  absl::Status Init(DType dtype, const MatMulGeometry& g,
                    const std::shared_ptr<MemoryBudget>& budget) {
    SLUICE_ASSIGN_OR_RETURN(wide_, Make(DType::kFloat, g, {.budget = budget}));
    widen_ = FindCast(dtype, DType::kFloat);
    narrow_ = FindCast(DType::kFloat, dtype);
    count_a_ = Product(g.batch_a) * g.m * g.k;
    count_b_ = Product(g.batch_b) * g.k * g.n;
    count_c_ = Product(g.batch_c) * g.m * g.n;
    for (int64_t count : {count_a_, count_b_, count_c_}) scratch_bytes_ += Bytes(count);
    scratch_bytes_ += wide_->scratch_bytes();
    return absl::OkStatus();
  }
  absl::Status Run(const MatMulArgs& args) override {
    char* wide_a = static_cast<char*>(args.scratch);
    char* wide_b = wide_a + Bytes(count_a_);
    char* wide_c = wide_b + Bytes(count_b_);
    widen_(args.a, wide_a, count_a_);
    widen_(args.b, wide_b, count_b_);
    SLUICE_RETURN_IF_ERROR(
        wide_->Run({.a = wide_a, .b = wide_b, .c = wide_c, .scratch = wide_c + Bytes(count_c_)}));
    narrow_(wide_c, args.c, count_c_);
    return absl::OkStatus();
  }

 private:
  static int64_t Bytes(int64_t floats) {
    constexpr int64_t kAlign = kBufferAlignment;
    return (floats * static_cast<int64_t>(sizeof(float)) + kAlign - 1) / kAlign * kAlign;
  }
  std::unique_ptr<MatMul> wide_;
  CastRun widen_ = nullptr, narrow_ = nullptr;
  int64_t count_a_ = 0, count_b_ = 0, count_c_ = 0;
};

class ZeroMatMul : public MatMul {
 public:
  ZeroMatMul(DType dtype, int64_t rows, int64_t columns, const Epilogue& epilogue)
      : dtype_(dtype), rows_(rows), columns_(columns), epilogue_(epilogue) {}
  absl::Status Run(const MatMulArgs& args) override {
    const int64_t bytes = rows_ * columns_ * static_cast<int64_t>(SizeOf(dtype_));
    if (bytes == 0) return absl::OkStatus();
    memset(args.c, 0, bytes);
    if (dtype_ == DType::kFloat) FinishAll<float>(args);
    if (dtype_ == DType::kDouble) FinishAll<double>(args);
    return absl::OkStatus();
  }

 private:
  template <typename T>
  void FinishAll(const MatMulArgs& args) {
    FinishInParallel<T>(epilogue_, {.c = static_cast<T*>(args.c),
                                    .rows = rows_,
                                    .columns = columns_,
                                    .stride = columns_,
                                    .bias = static_cast<const T*>(args.bias),
                                    .residual = static_cast<const T*>(args.residual)});
  }

  const DType dtype_;
  const int64_t rows_, columns_;
  const Epilogue epilogue_;
};

// Which way wins where: measured on a Zen 4 core, oneDNN 2.6, Eigen 3.4 (matmul_dnnl.cc has more).
absl::StatusOr<std::unique_ptr<MatMul>> MakeReal(DType dtype, const MatMulGeometry& g,
                                                 const MatMulOptions& options) {
  constexpr double kTiny = 32 * 32 * 32;
  constexpr int64_t kFewColumns = 16;
  constexpr size_t kDnnlBatchDims = 10;
  const bool single = g.batch_c.empty();
  const double work =
      static_cast<double>(g.m) * static_cast<double>(g.k) * static_cast<double>(g.n);
  const double all = work * static_cast<double>(Product(g.batch_c));
  if (single && (g.m == 1 || g.n == 1 || g.k == 1)) {
    return MakeVectorMatMul(dtype, g, options.epilogue);
  }
  if (all <= kTiny && !g.transpose_b) return MakeTinyMatMul(dtype, g, options.epilogue);
  const bool keeps = options.constant_b != nullptr || options.stable_b;
  const bool narrow = g.n <= kFewColumns && !g.transpose_a && !g.transpose_b && !keeps;
  if (dtype == DType::kDouble || work <= kTiny || narrow || g.batch_c.size() > kDnnlBatchDims) {
    return MakeEigenMatMul(dtype, g, options.epilogue);
  }
  return MakeDnnlMatMul(g, options);
}

// The same product without the batch dimensions that say nothing: rows by one matrix are more rows.
MatMulGeometry Simplified(const MatMulGeometry& g) {
  MatMulGeometry s = g;
  if (Product(g.batch_b) != 1 || (g.transpose_a && Product(g.batch_c) != 1)) return s;
  s.m *= Product(g.batch_c);
  s.batch_a.clear();
  s.batch_b.clear();
  s.batch_c.clear();
  return s;
}

}  // namespace

MatMulBatch::MatMulBatch(const MatMulGeometry& g)
    : count_(Product(g.batch_c)),
      index_a_(RepeatedIndex(g.batch_a, g.batch_c)),
      index_b_(RepeatedIndex(g.batch_b, g.batch_c)) {}

absl::StatusOr<std::unique_ptr<MatMul>> MatMul::Make(DType dtype, const MatMulGeometry& geometry,
                                                     const MatMulOptions& options) {
  const bool narrow = dtype == DType::kHalf || dtype == DType::kBfloat16;
  const bool real = dtype == DType::kFloat || dtype == DType::kDouble;
  const MatMulGeometry g = Simplified(geometry);
  std::unique_ptr<MatMul> plain = MakePlainMatMul(dtype, g);
  if (!narrow && !real && !plain)
    return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
  if (!real && !options.epilogue.empty())
    return absl::UnimplementedError("no fused kernel for dtype " + DTypeName(dtype));
  const int64_t rows = Product(g.batch_c) * g.m;
  if (rows * g.n == 0 || g.k == 0) {
    return std::make_unique<ZeroMatMul>(dtype, rows, g.n, options.epilogue);
  }
  if (plain) return plain;
  if (real) return MakeReal(dtype, g, options);
  auto product = std::make_unique<NarrowMatMul>();
  SLUICE_RETURN_IF_ERROR(product->Init(dtype, g, options.budget));
  return std::unique_ptr<MatMul>(std::move(product));
}

}  // namespace sluice::kernels
