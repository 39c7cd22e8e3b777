#include "ops/tensor_array_util.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "graph/node.h"

namespace sluice::ops {

using kernels::TensorArray;

absl::StatusOr<TensorArray*> ArrayOf(KernelContext& c) {
  const Tensor& handle = c.input(0);
  TensorArray* array = nullptr;
  if (handle.num_elements() == 1) {
    array = dynamic_cast<TensorArray*>(handle.flat<ResourceRef>()[0].get());
  }
  if (array == nullptr) return absl::InvalidArgumentError("the handle is not a TensorArray's");
  SLUICE_RETURN_IF_ERROR(array->CheckOpen());
  return array;
}

absl::StatusOr<TensorArray*> ArrayOf(KernelContext& c, DType wanted) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c));
  if (array->dtype() == wanted) return array;
  return absl::InvalidArgumentError(absl::StrCat("TensorArray dtype is ", DTypeName(array->dtype()),
                                                 " but Op requested dtype ", DTypeName(wanted)));
}

void SetFlow(KernelContext& c, int input, int output) {
  *c.output(output).mutable_data<float>() = c.input(input).scalar<float>();
}

std::string SourceOf(const Output& dy) {
  std::vector<std::string> parts = absl::StrSplit(dy.node()->name(), '/');
  while (!parts.empty() && !absl::StartsWith(parts.back(), "gradients")) parts.pop_back();
  return parts.empty() ? "gradients" : absl::StrJoin(parts, "/");
}

}  // namespace sluice::ops
