// Products that are rounded before anything is added to them.
#ifndef SLUICE_OPS_KERNELS_UNFUSED_H_
#define SLUICE_OPS_KERNELS_UNFUSED_H_

namespace sluice::kernels {

// a * b, never fused with an addition: where the sum decides between two results (inside or
// outside, up or down), it must not depend on what the machine can fuse.
inline float UnfusedProduct(float a, float b) {
  const volatile float product = a * b;
  return product;
}

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_UNFUSED_H_
