#include "ops/string_join.h"

#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

absl::Status JoinShape(ShapeContext& c) {
  TensorShape shape;  // a scalar, until an input is none
  bool all_scalars_so_far = true;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const TensorShape& input = c.input(i);
    if (input.rank() == 0) continue;
    if (!input.rank_known()) {
      c.set_output(0, TensorShape::Unknown());
      return absl::OkStatus();
    }
    if (all_scalars_so_far) {
      shape = input;
      all_scalars_so_far = false;
      continue;
    }
    SLUICE_ASSIGN_OR_RETURN(shape, shape.MergeWith(input));
  }
  c.set_output(0, shape);
  return absl::OkStatus();
}

absl::Status JoinKernel(KernelContext& c) {
  const auto separator = c.attr<std::string>("separator");
  const absl::Span<std::string> out = c.output(0).mutable_flat<std::string>();
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].clear();
    for (int k = 0; k < c.num_inputs(); ++k) {
      const Tensor& input = c.input(k);
      const bool scalar = input.shape().rank() == 0;
      absl::StrAppend(&out[i], k > 0 ? separator : "", input.data<std::string>()[scalar ? 0 : i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace

OpSpec StringJoinOp() {
  return OpSpec("StringJoin")
      .Input("inputs: N * string")
      .Output("output: string")
      .Attr("N: int")
      .Attr("separator: string = ''")
      .Shape(JoinShape)
      .Kernel(JoinKernel)
      .NotDifferentiable("its output is a string");
}

Output StringJoin(At at, const Outputs& inputs, const std::string& separator) {
  return at.Node("StringJoin", inputs, {{"separator", separator}});
}

}  // namespace sluice::ops
