#include "ops/float_view.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

int64_t Aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

absl::StatusOr<FloatView> FloatView::Make(PrepareContext& p, absl::Span<const int> inputs,
                                          absl::Span<const int> outputs, int64_t extra_bytes) {
  FloatView view;
  int64_t bytes = Aligned(extra_bytes);
  auto add = [&](int i, DType from, DType to, const TensorShape& shape,
                 std::vector<Slot>* slots) -> absl::Status {
    if (from == to) return absl::OkStatus();
    const kernels::CastRun cast = kernels::FindCast(from, to);
    if (cast == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("no kernel for dtype ", DTypeName(from == DType::kFloat ? to : from)));
    }
    slots->push_back({i, bytes, cast});
    bytes += Aligned(shape.num_elements() * static_cast<int64_t>(sizeof(float)));
    return absl::OkStatus();
  };
  for (const int i : inputs) {
    SLUICE_RETURN_IF_ERROR(
        add(i, p.input_dtype(i), DType::kFloat, p.input_shape(i), &view.inputs_));
  }
  for (const int i : outputs) {
    SLUICE_RETURN_IF_ERROR(
        add(i, DType::kFloat, p.output_dtype(i), p.output_shape(i), &view.outputs_));
  }
  if (bytes > 0) p.RequestScratch(bytes);
  return view;
}

const FloatView::Slot* FloatView::Find(const std::vector<Slot>& slots, int i) {
  for (const Slot& slot : slots)
    if (slot.index == i) return &slot;
  return nullptr;
}

const float* FloatView::Input(KernelContext& c, int i) const {
  const Slot* slot = Find(inputs_, i);
  const Tensor& input = c.input(i);
  if (slot == nullptr) return input.data<float>();
  auto* copy = reinterpret_cast<float*>(static_cast<char*>(c.scratch()) + slot->offset);
  slot->cast(input.raw(), copy, input.num_elements());
  return copy;
}

float* FloatView::Output(KernelContext& c, int i) const {
  const Slot* slot = Find(outputs_, i);
  if (slot == nullptr) return c.output(i).mutable_data<float>();
  return reinterpret_cast<float*>(static_cast<char*>(c.scratch()) + slot->offset);
}

void FloatView::Finish(KernelContext& c) const {
  for (const Slot& slot : outputs_) {
    Tensor& output = c.output(slot.index);
    slot.cast(static_cast<char*>(c.scratch()) + slot.offset, output.mutable_raw(),
              output.num_elements());
  }
}

}  // namespace sluice::ops
