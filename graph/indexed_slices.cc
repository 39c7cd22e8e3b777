#include "graph/indexed_slices.h"

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "graph/at.h"
#include "graph/graph.h"

namespace sluice {
namespace {

// From this many elements on, a dense copy is worth a warning (rule GR-10).
constexpr int64_t kLargeElements = 100'000'000;

void WarnWhenLarge(At at, const Output& dense_shape) {
  const std::optional<Tensor> shape = at.graph().ConstantValue(dense_shape);
  if (!shape.has_value()) {
    LOG(WARNING) << "Converting sparse IndexedSlices to a dense Tensor of unknown shape ("
                 << at.location() << "). This may consume a large amount of memory.";
    return;
  }
  double elements = 1;
  for (int64_t i = 0; i < shape->num_elements(); ++i) {
    elements *= shape->dtype() == DType::kInt64 ? static_cast<double>(shape->flat<int64_t>()[i])
                                                : static_cast<double>(shape->flat<int32_t>()[i]);
  }
  if (elements >= kLargeElements) {
    LOG(WARNING) << "Converting sparse IndexedSlices to a dense Tensor with " << elements
                 << " elements (" << at.location()
                 << "). This may consume a large amount of memory.";
  }
}

}  // namespace

Output ToDense(At at, const TensorOrSlices& value, DType dtype) {
  if (!value.is_slices()) return value.tensor();
  if (dtype != DType::kInvalid && value.dtype() != dtype) {
    return at.Fail("ToDense", absl::InvalidArgumentError(absl::StrCat(
                                  "Tensor conversion requested dtype ", DTypeName(dtype),
                                  " for IndexedSlices with dtype ", DTypeName(value.dtype()), ": ",
                                  value.values().name())));
  }
  const IndexedSlices slices = value.slices();
  if (slices.dense_shape.empty()) {
    return at.Fail("ToDense",
                   absl::InvalidArgumentError(absl::StrCat(
                       "Tensor conversion requested for IndexedSlices without dense_shape: ",
                       slices.values.name())));
  }
  WarnWhenLarge(at, slices.dense_shape);
  const auto constant = [](At place, const char* name, std::vector<int32_t> values, bool scalar) {
    const Tensor tensor = scalar
                              ? Tensor::Scalar(values[0])
                              : Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values);
    return place.Named(name).Node("Const", {}, {{"value", tensor}, {"dtype", DType::kInt32}});
  };
  const At inside = at.Sub("ToDense");
  const At slice = inside.Sub("strided_slice");
  const Output rows = slice.AsScope().Node(
      "StridedSlice",
      {slices.dense_shape, constant(slice, "stack", {0}, false),
       constant(slice, "stack_1", {1}, false), constant(slice, "stack_2", {1}, false)},
      {{"shrink_axis_mask", int64_t{1}}});
  return inside.Node("UnsortedSegmentSum", {slices.values, slices.indices, rows});
}

}  // namespace sluice
