#include "ops/count_up_to.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

absl::Status CountShape(ShapeContext& c) {
  const TensorShape variable = c.variable_shape(0);
  c.set_output(0, {});
  if (variable.rank() <= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Shape must be rank 0 but is rank ", variable.rank(), ": the counter"));
}

template <typename T>
absl::Status Count(int64_t limit, Tensor& counter, Tensor& output) {
  if (counter.shape().rank() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("input is not a scalar: ", counter.shape().ToString()));
  }
  T& value = *counter.mutable_data<T>();
  if (value >= limit || value == std::numeric_limits<T>::max()) {
    return absl::OutOfRangeError(absl::StrCat("Reached limit of ", limit));
  }
  *output.mutable_data<T>() = value++;
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> CountPrepare(PrepareContext& p) {
  const DType dtype = p.output_dtype(0);
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, dtype));
  return KernelRun(
      [input, dtype, limit = p.attr<int64_t>("limit")](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
        VariableUpdate update;
        SLUICE_RETURN_IF_ERROR(update.Lock({variable}, c.budget()));
        return dtype == DType::kInt32 ? Count<int32_t>(limit, update.value(0), c.output(0))
                                      : Count<int64_t>(limit, update.value(0), c.output(0));
      });
}

OpSpec CountSpec(const char* name, const char* counter) {
  return OpSpec(name)
      .Input(counter)
      .Output("output: T")
      .Attr("limit: int")
      .Attr("T: {int32, int64}")
      .Shape(CountShape)
      .Prepare(CountPrepare)
      .NotDifferentiable("integers carry no gradient")
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec CountUpToOp() { return CountSpec("CountUpTo", "ref: Ref(T)"); }
OpSpec ResourceCountUpToOp() { return CountSpec("ResourceCountUpTo", "resource: resource"); }

Output ResourceCountUpTo(At at, Output resource, int64_t limit, DType T) {
  return at.Node("ResourceCountUpTo", {resource}, {{"limit", limit}, {"T", T}});
}

}  // namespace sluice::ops
