// Bincount: bins[v] = sum of weights[i] over the i with arr[i] = v.
#include "ops/bincount.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

absl::Status CheckSize(int64_t size) {
  if (size >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("size (", size, ") must be non-negative"));
}

absl::Status BincountShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  const TensorShape &arr = c.input(0), &weights = c.input(2);
  if (weights.fully_defined() && weights.num_elements() != 0 && !arr.CompatibleWith(weights)) {
    return absl::InvalidArgumentError(absl::StrCat("weights of shape ", weights.ToString(),
                                                   " must be empty or have the shape of arr, ",
                                                   arr.ToString()));
  }
  c.set_output(0, TensorShape::OfRank(1));
  if (!c.value(1)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const int64_t size, ReadInt(*c.value(1), "size"));
  SLUICE_RETURN_IF_ERROR(CheckSize(size));
  c.set_output(0, {size});
  return absl::OkStatus();
}

template <typename T>
T Plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

absl::Status BincountKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t size, ReadInt(c.input(1), "size"));
  SLUICE_RETURN_IF_ERROR(CheckSize(size));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, {size}));
  auto arr = c.input(0).flat<int32_t>();
  return Dispatch<int32_t, int64_t, float, double>(c.input(2).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto weights = c.input(2).flat<T>();
    auto bins = c.output(0).mutable_flat<T>();
    std::fill(bins.begin(), bins.end(), T{});
    for (size_t i = 0; i < arr.size(); ++i) {
      if (arr[i] < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("Input arr must be non-negative, but element ", i, " is ", arr[i]));
      }
      if (arr[i] < size) bins[arr[i]] = Plus(bins[arr[i]], weights.empty() ? T{1} : weights[i]);
    }
    return absl::OkStatus();
  });
}

}  // namespace

OpSpec BincountOp() {
  return OpSpec("Bincount")
      .Input("arr: int32")
      .Input("size: int32")
      .Input("weights: T")
      .Output("bins: T")
      .Attr("T: {int32, int64, float32, float64}")
      .Shape(BincountShape)
      .Kernel(BincountKernel)
      .NotDifferentiable("TensorFlow 1 defines none");
}

Output Bincount(At at, Output arr, Ints size, Output weights) {
  return at.Node("Bincount", {arr, size.Tensor(at, "size"), weights});
}

}  // namespace sluice::ops
