// Kernels written in float for tensors of other types.
#ifndef SLUICE_OPS_FLOAT_VIEW_H_
#define SLUICE_OPS_FLOAT_VIEW_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/kernel.h"
#include "ops/kernels/cast.h"

namespace sluice::ops {

// Some inputs and outputs of an op seen as float: themselves where they are, else converted copies
// in scratch memory. Made in Prepare (asks for the scratch memory), used in every Run:
//   const float* x = view.Input(c, 0);
//   float* y = view.Output(c, 0);
//   ... compute y ...
//   view.Finish(c);
class FloatView {
 public:
  FloatView() = default;
  // `extra_bytes`: more scratch memory, for the kernel itself. REQUIRES: outputs of known shape.
  // Unimplemented for types that no cast takes.
  static absl::StatusOr<FloatView> Make(PrepareContext& p, absl::Span<const int> inputs,
                                        absl::Span<const int> outputs, int64_t extra_bytes = 0);

  // Input i, converted now where it is not float.
  const float* Input(KernelContext& c, int i) const;
  // Where to put output i.
  float* Output(KernelContext& c, int i) const;
  // Converts the outputs that are not float.
  void Finish(KernelContext& c) const;
  // The extra bytes.
  void* extra(KernelContext& c) const { return c.scratch(); }

 private:
  struct Slot {
    int index;
    int64_t offset;  // bytes into the scratch memory
    kernels::CastRun cast;
  };
  static const Slot* Find(const std::vector<Slot>& slots, int i);

  std::vector<Slot> inputs_, outputs_;  // those that are not float
};

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FLOAT_VIEW_H_
