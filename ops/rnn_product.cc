#include "ops/rnn_product.h"

#include "core/status.h"

namespace sluice::ops {

absl::Status RnnProduct::Run(const Sizes& sizes, const float* a, const float* b, float* c,
                             const std::shared_ptr<MemoryBudget>& budget, uint64_t b_version) {
  if (product_ == nullptr || !(sizes == sizes_)) {
    const kernels::MatMulGeometry geometry = {.m = sizes.m,
                                              .k = sizes.k,
                                              .n = sizes.n,
                                              .transpose_a = sizes.transpose_a,
                                              .transpose_b = sizes.transpose_b};
    SLUICE_ASSIGN_OR_RETURN(product_,
                            kernels::MatMul::Make(DType::kFloat, geometry,
                                                  {.stable_b = sizes.keep_b, .budget = budget}));
    SLUICE_ASSIGN_OR_RETURN(scratch_,
                            Tensor::Make(DType::kUint8, {product_->scratch_bytes()}, budget));
    sizes_ = sizes;
  }
  return product_->Run(
      {.a = a, .b = b, .c = c, .scratch = scratch_.mutable_raw(), .b_version = b_version});
}

}  // namespace sluice::ops
