// Products of float matrices inside of the kernels of recurrent blocks.
#ifndef SLUICE_OPS_RNN_PRODUCT_H_
#define SLUICE_OPS_RNN_PRODUCT_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "ops/kernels/matmul.h"

namespace sluice::ops {

// One product, prepared when its sizes are first seen and kept until they change. It owns its
// scratch memory.
class RnnProduct {
 public:
  struct Sizes {
    int64_t m = 0, k = 0, n = 0;
    bool transpose_a = false, transpose_b = false;  // a is stored [k, m], b [n, k]
    bool keep_b = false;  // b is multiplied with often before it changes: a packed copy pays
    friend bool operator==(const Sizes&, const Sizes&) = default;
  };
  // c [m, n] = a [m, k] times b [k, n]. `b_version`, for keep_b: equal nonzero versions, equal b.
  absl::Status Run(const Sizes& sizes, const float* a, const float* b, float* c,
                   const std::shared_ptr<MemoryBudget>& budget, uint64_t b_version = 0);

 private:
  Sizes sizes_;
  std::unique_ptr<kernels::MatMul> product_;
  Tensor scratch_;
};

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RNN_PRODUCT_H_
