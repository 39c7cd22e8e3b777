// What the pools share, of planes and of volumes: geometry, shape functions, kernels by dtype. For
// the .cc files of those ops.
#ifndef SLUICE_OPS_POOL_COMMON_H_
#define SLUICE_OPS_POOL_COMMON_H_

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "graph/at.h"
#include "graph/node.h"
#include "graph/output.h"
#include "graph/shape_context.h"
#include "ops/kernels/pool.h"
#include "ops/window.h"

namespace sluice::ops {

// Which axes a window may span. Both TensorFlow and we have windows across channels only for
// maxima, in planes, without spatial extent and overlap.
enum class PoolKind { kPlane, kPlaneOrChannels, kVolume };

// One pool as far as it is known: unknown sizes are -1.
struct PoolGeometry {
  WindowAttrs window;
  int64_t batch = -1, channels = -1;
  int64_t channel_window = 1;
  WindowDim dims[3];

  TensorShape OutputShape() const;
  // REQUIRES: every size is known.
  kernels::PoolShape KernelShape() const;
};

// `attrs` hold ksize, strides, padding; `input` is of the kind's rank. InvalidArgument as
// ParseWindowAttrs and SlideWindow, or for a ksize < 1; Unimplemented for windows or strides across
// the batch or (but see PoolKind) the channels.
absl::StatusOr<PoolGeometry> MakePoolGeometry(const AttrMap& attrs, PoolKind kind,
                                              const TensorShape& input);

int PoolRank(PoolKind kind);

// InvalidArgument ~ "Dimensions must be equal" unless `shape`, of the argument `name`, fits the
// pooled image.
absl::Status CheckPooledShape(const PoolGeometry& g, const TensorShape& shape, const char* name);
// The same for an argument that must have orig_input's shape.
absl::Status CheckImageShape(const TensorShape& image, const TensorShape& shape, const char* name);

// Shape functions. Of (input):
absl::Status PoolShape(ShapeContext& c, PoolKind kind);
// of (orig_input, orig_output, grad), grad being of the pooled shape:
absl::Status MaxPoolGradShape(ShapeContext& c, PoolKind kind);
// of the same, grad being of the input's shape:
absl::Status MaxPoolGradGradShape(ShapeContext& c, PoolKind kind);
// of (orig_input_shape, grad):
absl::Status AvgPoolGradShape(ShapeContext& c, PoolKind kind);

// The kernel's view of a pool of an image of `shape`; its batch is 0 when there is nothing to
// compute.
absl::StatusOr<kernels::PoolShape> PoolSizes(const AttrMap& attrs, PoolKind kind,
                                             const TensorShape& shape);

// The value that MaxPool begins with: TensorFlow's kernels differ in what they make of a window
// without any number above it.
template <typename T>
T LowestOf(PoolKind kind) {
  if constexpr (std::is_floating_point_v<T>) {
    if (kind == PoolKind::kVolume) return -std::numeric_limits<T>::infinity();
  }
  return std::numeric_limits<T>::lowest();
}

// f(TypeTag<T>{}) for the element types of kernels/pool.h.
template <typename F>
absl::Status DispatchPoolTypes(DType dtype, F&& f) {
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t>(
      dtype, std::forward<F>(f));
}
// The same, wrapped: `make(tag)` returns the KernelRun.
template <typename F>
absl::StatusOr<KernelRun> MakePoolRun(DType dtype, F make) {
  KernelRun run;
  const absl::Status status = DispatchPoolTypes(dtype, [&](auto tag) {
    run = make(tag);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return run;
}
template <typename F>
absl::StatusOr<KernelRun> MakeFloatingPoolRun(DType dtype, F make) {
  KernelRun run;
  const absl::Status status = Dispatch<float, double>(dtype, [&](auto tag) {
    run = make(tag);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return run;
}

// Kernels of ops whose windows are attributes (wrap them with InFloat).
absl::StatusOr<KernelRun> PrepareMaxPool(PrepareContext& p, PoolKind kind);
absl::StatusOr<KernelRun> PrepareMaxPoolGradGrad(PrepareContext& p, PoolKind kind);
absl::StatusOr<KernelRun> PrepareAvgPool(PrepareContext& p, PoolKind kind);
absl::StatusOr<KernelRun> PrepareAvgPoolGrad(PrepareContext& p, PoolKind kind);

// The attributes of `op` that its gradient nodes have too.
AttrMap PoolAttrs(const Node& op);

// Gradients of an op over (orig_input, orig_output, grad): it is piecewise constant in the first
// two and linear in grad, `inverse` being the gradient for that.
Outputs LinearInGrad(At at, const Node& op, Output inverse);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_POOL_COMMON_H_
