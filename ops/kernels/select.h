// The choice between two arrays, element by element.
#ifndef SLUICE_OPS_KERNELS_SELECT_H_
#define SLUICE_OPS_KERNELS_SELECT_H_

#include <cstdint>

#include "core/dtype.h"

namespace sluice::kernels {

// to[i] = condition[i * condition_step] ? t[i * t_step] : e[i * e_step] for i < n, elements of
// `dtype` (any that a tensor can hold). Steps are 0 or 1. `to` is apart from t and e or equal to
// one of them with step 1.
void SelectElements(DType dtype, const bool* condition, int64_t condition_step, const void* t,
                    int64_t t_step, const void* e, int64_t e_step, void* to, int64_t n);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_SELECT_H_
