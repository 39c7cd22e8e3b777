#include "session/constant_folding.h"

#include <algorithm>

#include "session/kernel_host.h"

namespace sluice {
namespace {

// Results above this are computed in every run, unless the constants they come from take as much.
constexpr int64_t kLargestFoldedBytes = int64_t{16} << 20;

}  // namespace

bool IsPure(const Node& node, absl::Span<const Value* const> inputs) {
  if (node.spec().stateful() || node.spec().random() || node.num_outputs() == 0) return false;
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (IsRef(node.output_dtype(i))) return false;
  }
  return std::none_of(inputs.begin(), inputs.end(),
                      [](const Value* v) { return v->dtype == DType::kResource; });
}

bool CanFold(const Node& node, absl::Span<const Value* const> inputs,
             absl::Span<const TensorShape> shapes, bool everything) {
  if (node.spec().session_constant()) return inputs.empty();
  if (!IsPure(node, inputs)) return false;
  if (inputs.empty()) return true;
  if (!everything) return false;
  int64_t input_bytes = 0;
  for (const Value* v : inputs) {
    const bool constant = v->home == Home::kConstant;
    if (constant) input_bytes += v->tensor.byte_size();
    if (constant) continue;
    if (!node.spec().value_from_shapes() || !v->shape.fully_defined()) return false;
  }
  int64_t output_bytes = 0;
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (!shapes[i].fully_defined()) continue;
    output_bytes += shapes[i].num_elements() * static_cast<int64_t>(SizeOf(node.output_dtype(i)));
  }
  return output_bytes <= std::max(kLargestFoldedBytes, input_bytes);
}

absl::StatusOr<std::vector<Tensor>> Fold(const Node& node, SessionState& session,
                                         absl::Span<const Value* const> inputs,
                                         absl::Span<const TensorShape> shapes) {
  std::vector<Tensor> tensors;
  for (const Value* v : inputs) {
    const bool known = v->home == Home::kConstant;
    tensors.push_back(known ? v->tensor : Tensor::ShapeOnly(v->dtype, v->shape));
  }
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : tensors) pointers.push_back(&t);
  return RunNodeOnce(node, session, pointers, shapes);
}

}  // namespace sluice
