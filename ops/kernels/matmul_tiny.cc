// Products so small that a library's call would cost more than they do.
#include <vector>

#include "ops/kernels/indexed_product.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {
namespace {

template <typename T>
class TinyMatMul : public MatMul {
 public:
  TinyMatMul(const MatMulGeometry& g, const Epilogue& epilogue)
      : g_(g), batch_(g), epilogue_(epilogue) {
    for (int64_t i = 0; i < g.m; ++i) {
      a_row_.push_back(g.transpose_a ? i : i * g.k);
      c_row_.push_back(i * g.n);
    }
    for (int64_t l = 0; l < g.k; ++l) {
      a_step_.push_back(g.transpose_a ? l * g.m : l);
      b_step_.push_back(l * g.n);
    }
    product_ = {.rows = g.m,
                .columns = g.n,
                .steps = g.k,
                .a_row = a_row_.data(),
                .a_step = a_step_.data(),
                .b_step = b_step_.data(),
                .c_row = c_row_.data()};
  }

  absl::Status Run(const MatMulArgs& args) override {
    for (int64_t i = 0; i < batch_.count(); ++i) {
      product_.a = static_cast<const T*>(args.a) + batch_.a(i) * g_.m * g_.k;
      product_.b = static_cast<const T*>(args.b) + batch_.b(i) * g_.k * g_.n;
      product_.c = static_cast<T*>(args.c) + i * g_.m * g_.n;
      Multiply(product_);
    }
    Finish<T>(epilogue_, {.c = static_cast<T*>(args.c),
                          .rows = batch_.count() * g_.m,
                          .columns = g_.n,
                          .stride = g_.n,
                          .bias = static_cast<const T*>(args.bias),
                          .residual = static_cast<const T*>(args.residual)});
    return absl::OkStatus();
  }

 private:
  const MatMulGeometry g_;
  const MatMulBatch batch_;
  const Epilogue epilogue_;
  std::vector<int64_t> a_row_, a_step_, b_step_, c_row_;
  IndexedProduct<T> product_;
};

}  // namespace

std::unique_ptr<MatMul> MakeTinyMatMul(DType dtype, const MatMulGeometry& g,
                                       const Epilogue& epilogue) {
  if (dtype == DType::kFloat) return std::make_unique<TinyMatMul<float>>(g, epilogue);
  return std::make_unique<TinyMatMul<double>>(g, epilogue);
}

}  // namespace sluice::kernels
