#include "ops/kernels/matmul.h"

#include <algorithm>
#include <complex>
#include <cstring>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/cast.h"
#include "ops/kernels/dnnl_util.h"

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

// --- oneDNN ---

class DnnlMatMul : public MatMul {
 public:
  absl::Status Init(const MatMulGeometry& g, const void* constant_b,
                    const std::shared_ptr<MemoryBudget>& budget) {
    using dnnl::memory;
    const memory::desc a = Desc(g.batch_a, g.m, g.k, g.transpose_a);
    const memory::desc plain_b = Desc(g.batch_b, g.k, g.n, g.transpose_b);
    const memory::desc c = Desc(g.batch_c, g.m, g.n, false);
    DnnlCall pack;
    int64_t pack_scratch = 0;
    memory::desc b = plain_b;
    SLUICE_RETURN_IF_ERROR(DnnlTry([&] {
      if (constant_b)
        b = memory::desc(plain_b.dims(), memory::data_type::f32, memory::format_tag::any);
      const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, b, c), UserScratchpad(),
                                            DnnlEngine());
      b = pd.weights_desc();
      scratch_bytes_ = static_cast<int64_t>(pd.scratchpad_desc().get_size());
      call_ = DnnlCall(dnnl::matmul(pd), {{DNNL_ARG_SRC, a, false},
                                          {DNNL_ARG_WEIGHTS, b, false},
                                          {DNNL_ARG_DST, c, true},
                                          {DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), true}});
      if (b != plain_b) pack = DnnlReorder(plain_b, b, &pack_scratch);
    }));
    if (!pack) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(
        packed_, Tensor::Make(DType::kUint8, {static_cast<int64_t>(b.get_size())}, budget));
    SLUICE_ASSIGN_OR_RETURN(Tensor scratch, Tensor::Make(DType::kUint8, {pack_scratch}, budget));
    pack.Set(0, constant_b);
    pack.Set(1, packed_.mutable_raw());
    pack.Set(2, scratch.mutable_raw());
    return pack.Execute();
  }

  absl::Status Run(const void* a, const void* b, void* c, void* scratch) override {
    call_.Set(0, a);
    call_.Set(1, packed_.empty_handle() ? b : packed_.raw());
    call_.Set(2, c);
    call_.Set(3, scratch);
    return call_.Execute();
  }

 private:
  static dnnl::memory::desc Desc(const absl::InlinedVector<int64_t, 4>& batch, int64_t rows,
                                 int64_t columns, bool transposed) {
    dnnl::memory::dims dims(batch.begin(), batch.end()), strides(batch.size());
    dims.insert(dims.end(), {rows, columns});
    int64_t step = rows * columns;
    for (int i = static_cast<int>(batch.size()) - 1; i >= 0; --i) {
      strides[i] = step;
      step *= batch[i];
    }
    transposed ? strides.insert(strides.end(), {1, rows})
               : strides.insert(strides.end(), {columns, 1});
    return dnnl::memory::desc(dims, dnnl::memory::data_type::f32, strides);
  }

  DnnlCall call_;
  Tensor packed_;
};

// A few rows by a large matrix that is not packed: oneDNN's matmul copies the matrix first, its
// sgemm does not.
class SgemmMatMul : public MatMul {
 public:
  explicit SgemmMatMul(const MatMulGeometry& geometry) : g_(geometry) {}
  absl::Status Run(const void* a, const void* b, void* c, void*) override {
    const dnnl::status status = dnnl::sgemm(
        g_.transpose_a ? 'T' : 'N', g_.transpose_b ? 'T' : 'N', g_.m, g_.n, g_.k, 1.0f,
        static_cast<const float*>(a), g_.transpose_a ? g_.m : g_.k, static_cast<const float*>(b),
        g_.transpose_b ? g_.k : g_.n, 0.0f, static_cast<float*>(c), g_.n);
    return status == dnnl::status::success
               ? absl::OkStatus()
               : absl::InternalError(
                     absl::StrCat("sgemm: oneDNN status ", static_cast<int>(status)));
  }

 private:
  const MatMulGeometry g_;
};

// --- plain loops ---

template <typename T>
T Conj(T x, bool conjugate) {
  if constexpr (std::is_integral_v<T>) {
    return x;
  } else {
    return conjugate ? std::conj(x) : x;
  }
}

template <typename T>
class PlainMatMul : public MatMul {
 public:
  explicit PlainMatMul(const MatMulGeometry& geometry) : g_(geometry), batch_(geometry) {}

  absl::Status Run(const void* a, const void* b, void* c, void*) override {
    const double row_cost = 1.0 * static_cast<double>(g_.k) * static_cast<double>(g_.n);
    ParallelFor(batch_.count() * g_.m, GrainFor(row_cost), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t i = row / g_.m;
        RunRow(static_cast<const T*>(a) + batch_.a(i) * g_.m * g_.k,
               static_cast<const T*>(b) + batch_.b(i) * g_.k * g_.n, row % g_.m,
               static_cast<T*>(c) + row * g_.n);
      }
    });
    return absl::OkStatus();
  }

 private:
  void RunRow(const T* a, const T* b, int64_t row, T* c) const {
    const bool conjugate_a = g_.conjugate && g_.transpose_a;
    const bool conjugate_b = g_.conjugate && g_.transpose_b;
    std::fill(c, c + g_.n, T{});
    for (int64_t l = 0; l < g_.k; ++l) {
      const T x = Conj(g_.transpose_a ? a[l * g_.m + row] : a[row * g_.k + l], conjugate_a);
      for (int64_t j = 0; j < g_.n; ++j)
        c[j] += x * Conj(g_.transpose_b ? b[j * g_.k + l] : b[l * g_.n + j], conjugate_b);
    }
  }

  const MatMulGeometry g_;
  const MatMulBatch batch_;
};

// --- half, bfloat16, and nothing to multiply ---

class NarrowMatMul : public MatMul {
 public:
  absl::Status Init(DType dtype, const MatMulGeometry& g,
                    const std::shared_ptr<MemoryBudget>& budget) {
    SLUICE_ASSIGN_OR_RETURN(wide_, Make(DType::kFloat, g, nullptr, budget));
    widen_ = FindCast(dtype, DType::kFloat);
    narrow_ = FindCast(DType::kFloat, dtype);
    count_a_ = Product(g.batch_a) * g.m * g.k;
    count_b_ = Product(g.batch_b) * g.k * g.n;
    count_c_ = Product(g.batch_c) * g.m * g.n;
    for (int64_t count : {count_a_, count_b_, count_c_}) scratch_bytes_ += Bytes(count);
    scratch_bytes_ += wide_->scratch_bytes();
    return absl::OkStatus();
  }
  absl::Status Run(const void* a, const void* b, void* c, void* scratch) override {
    char* wide_a = static_cast<char*>(scratch);
    char* wide_b = wide_a + Bytes(count_a_);
    char* wide_c = wide_b + Bytes(count_b_);
    widen_(a, wide_a, count_a_);
    widen_(b, wide_b, count_b_);
    SLUICE_RETURN_IF_ERROR(wide_->Run(wide_a, wide_b, wide_c, wide_c + Bytes(count_c_)));
    narrow_(wide_c, c, count_c_);
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
  explicit ZeroMatMul(int64_t bytes) : bytes_(bytes) {}
  absl::Status Run(const void*, const void*, void* c, void*) override {
    if (bytes_ > 0) memset(c, 0, bytes_);
    return absl::OkStatus();
  }

 private:
  const int64_t bytes_;
};

// Which library wins where: measured on a Sapphire Rapids core, float, oneDNN 2.6, Eigen 3.4.
absl::StatusOr<std::unique_ptr<MatMul>> MakeFloat(const MatMulGeometry& g, const void* constant_b,
                                                  const std::shared_ptr<MemoryBudget>& budget) {
  constexpr double kTiny = 32 * 32 * 32;
  constexpr int64_t kFewRows = 8;
  constexpr size_t kDnnlBatchDims = 10;
  const double work =
      static_cast<double>(g.m) * static_cast<double>(g.k) * static_cast<double>(g.n);
  const bool one_vector = g.batch_c.empty() && (g.m == 1 || g.n == 1);
  if (work <= kTiny || (one_vector && !constant_b) || g.batch_c.size() > kDnnlBatchDims)
    return MakeEigenMatMul(DType::kFloat, g);
  if (g.batch_c.empty() && g.m <= kFewRows && !constant_b)
    return std::unique_ptr<MatMul>(std::make_unique<SgemmMatMul>(g));
  auto product = std::make_unique<DnnlMatMul>();
  SLUICE_RETURN_IF_ERROR(product->Init(g, constant_b, budget));
  return std::unique_ptr<MatMul>(std::move(product));
}

}  // namespace

MatMulBatch::MatMulBatch(const MatMulGeometry& g)
    : count_(Product(g.batch_c)),
      index_a_(RepeatedIndex(g.batch_a, g.batch_c)),
      index_b_(RepeatedIndex(g.batch_b, g.batch_c)) {}

std::unique_ptr<MatMul> MakePlainMatMul(DType dtype, const MatMulGeometry& g) {
  switch (dtype) {
    case DType::kInt32:
      return std::make_unique<PlainMatMul<uint32_t>>(g);
    case DType::kInt64:
      return std::make_unique<PlainMatMul<uint64_t>>(g);
    case DType::kComplex64:
      return std::make_unique<PlainMatMul<std::complex<float>>>(g);
    case DType::kComplex128:
      return std::make_unique<PlainMatMul<std::complex<double>>>(g);
    default:
      return nullptr;
  }
}

absl::StatusOr<std::unique_ptr<MatMul>> MatMul::Make(DType dtype, const MatMulGeometry& g,
                                                     const void* constant_b,
                                                     const std::shared_ptr<MemoryBudget>& budget) {
  const bool narrow = dtype == DType::kHalf || dtype == DType::kBfloat16;
  const bool real = dtype == DType::kFloat || dtype == DType::kDouble;
  std::unique_ptr<MatMul> plain = MakePlainMatMul(dtype, g);
  if (!narrow && !real && !plain)
    return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
  const int64_t results = Product(g.batch_c) * g.m * g.n;
  if (results == 0 || g.k == 0) {
    return std::make_unique<ZeroMatMul>(results * static_cast<int64_t>(SizeOf(dtype)));
  }
  if (plain) return plain;
  if (dtype == DType::kDouble) return MakeEigenMatMul(dtype, g);
  if (dtype == DType::kFloat) return MakeFloat(g, constant_b, budget);
  auto product = std::make_unique<NarrowMatMul>();
  SLUICE_RETURN_IF_ERROR(product->Init(dtype, g, budget));
  return std::unique_ptr<MatMul>(std::move(product));
}

}  // namespace sluice::kernels
