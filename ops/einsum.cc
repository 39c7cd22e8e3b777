// The op Einsum, and its gradient: einsums of the incoming gradient with the other operand.
#include "ops/einsum.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/broadcast_gradient.h"
#include "ops/complex.h"
#include "ops/const.h"
#include "ops/einsum_equation.h"
#include "ops/fill.h"
#include "ops/flops.h"
#include "ops/kernels/einsum.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::StatusOr<EinsumEquation> ParseFor(absl::string_view text, int operands) {
  SLUICE_ASSIGN_OR_RETURN(EinsumEquation equation, ParseEinsum(text));
  if (!equation.explicit_output) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expecting exactly one '->' in einsum equation: ", text));
  }
  if (operands > 2 || static_cast<int>(equation.inputs.size()) != operands) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expecting 1 or 2 input subscripts, as many as operands, in equation '", text,
                     "' but got: ", equation.inputs.size(), " for ", operands, " operands"));
  }
  return equation;
}

absl::Status EinsumShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const EinsumEquation equation,
                          ParseFor(c.attr<std::string>("equation"), c.num_inputs()));
  std::vector<TensorShape> shapes;
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (!c.input(i).rank_known()) return absl::OkStatus();
    shapes.push_back(c.input(i));
  }
  SLUICE_ASSIGN_OR_RETURN(const EinsumSizes sizes, EinsumSizesOf(equation, shapes));
  SLUICE_ASSIGN_OR_RETURN(const EinsumLabels labels, EinsumOutputLabels(equation, sizes));
  TensorShape output;
  for (const int label : labels) {
    const auto size = sizes.find(label);
    output.AddDim(size == sizes.end() ? -1 : size->second);
  }
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// --- kernels ---

kernels::EinsumOperand OperandOf(const EinsumLabels& labels, const TensorShape& shape) {
  kernels::EinsumOperand operand;
  operand.labels.assign(labels.begin(), labels.end());
  operand.sizes.assign(shape.dims().begin(), shape.dims().end());
  return operand;
}

absl::StatusOr<KernelRun> EinsumPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const EinsumEquation equation,
                          ParseFor(p.attr<std::string>("equation"), p.num_inputs()));
  std::vector<kernels::EinsumOperand> inputs;
  std::vector<TensorShape> shapes;
  for (int i = 0; i < p.num_inputs(); ++i) {
    const TensorShape& shape = p.input_shape(i);
    SLUICE_ASSIGN_OR_RETURN(const EinsumLabels labels,
                            EinsumLabelsOf(equation.inputs[i], shape.rank()));
    inputs.push_back(OperandOf(labels, shape));
    shapes.push_back(shape);
  }
  SLUICE_ASSIGN_OR_RETURN(const EinsumSizes sizes, EinsumSizesOf(equation, shapes));
  SLUICE_ASSIGN_OR_RETURN(const EinsumLabels labels, EinsumOutputLabels(equation, sizes));
  SLUICE_ASSIGN_OR_RETURN(
      std::shared_ptr<const kernels::EinsumPlan> plan,
      kernels::EinsumPlan::Make(p.input_dtype(0), inputs, OperandOf(labels, p.output_shape(0)),
                                p.budget()));
  p.RequestScratch(plan->scratch_bytes());
  return [plan](KernelContext& c) {
    const void* second = c.num_inputs() > 1 ? c.input(1).raw() : nullptr;
    return plan->Run(c.input(0).raw(), second, c.output(0).mutable_raw(), c.scratch());
  };
}

// --- gradients ---

bool HasEllipsis(const std::string& subscripts) {
  return subscripts.find(kEllipsis) != std::string::npos;
}

// The letters of `subscripts` that `others` lack, each once.
std::string LettersNotIn(const std::string& subscripts, const std::string& others) {
  std::string result;
  for (const char c : subscripts) {
    if (c != '.' && others.find(c) == std::string::npos && result.find(c) == std::string::npos)
      result.push_back(c);
  }
  return result;
}

std::string Without(const std::string& subscripts, const std::string& letters) {
  std::string result;
  for (const char c : subscripts)
    if (letters.find(c) == std::string::npos) result.push_back(c);
  return result;
}

// Ones whose dimensions are those that `letters` have in x.
Output OnesOf(At at, const std::string& letters, const std::string& subscripts, const Output& x) {
  const Output shape = ShapeTensor(at, x);
  Outputs sizes;
  for (const char c : letters) {
    const auto place = static_cast<int64_t>(subscripts.find(c));
    const size_t ellipsis = subscripts.find(kEllipsis);
    // Behind "..." places are counted from the end.
    const bool from_end = ellipsis != std::string::npos && place > static_cast<int64_t>(ellipsis);
    const int64_t axis = from_end ? place - static_cast<int64_t>(subscripts.size()) : place;
    sizes.push_back(StridedSlice(at, shape, {axis}, {axis + 1}, {1},
                                 {.end_mask = axis == -1 ? 1 : 0, .shrink_axis_mask = 1}));
  }
  const DType dtype = x.empty() ? DType::kFloat : BaseType(x.dtype());
  return Fill(at, at.Node("Pack", sizes), ConstOf(at, dtype, 1));
}

// The gradient by x with subscripts `x_subs`, from `g` with subscripts `g_subs`, which have not all
// letters of x: those that were summed away are repeated.
Output Repeated(At at, const Output& g, const std::string& g_subs, const Output& x,
                const std::string& x_subs) {
  const std::string summed = LettersNotIn(x_subs, g_subs);
  if (summed.empty()) {
    if (g_subs == x_subs) return g;
    return EinsumNode(at, {g}, absl::StrCat(g_subs, "->", x_subs));
  }
  return EinsumNode(at, {g, OnesOf(at, summed, x_subs, x)},
                    absl::StrCat(g_subs, ",", summed, "->", x_subs));
}

Output GradientBy(At at, const Output& dy, const std::string& dy_subs, const Output& other,
                  const std::string& other_subs, const Output& x, const std::string& x_subs) {
  const std::string kept = Without(x_subs, LettersNotIn(x_subs, dy_subs + other_subs));
  const Output g = EinsumNode(at, {dy, other}, absl::StrCat(dy_subs, ",", other_subs, "->", kept));
  return Repeated(at, g, kept, x, x_subs);
}

// Where "..." begins and how many letters follow it.
struct Broadcast {
  int64_t begin = 0, after = 0;
};

Broadcast BroadcastOf(const std::string& subscripts) {
  const auto begin = static_cast<int64_t>(subscripts.find(kEllipsis));
  return {begin, static_cast<int64_t>(subscripts.size()) - begin - 3};
}

Output BroadcastDims(At at, const Output& shape, const Broadcast& b) {
  return StridedSlice(at, shape, {b.begin}, {-b.after}, {1}, {.end_mask = b.after == 0 ? 1 : 0});
}

Outputs EinsumGradient(At at, const Node& op, const Outputs& dy) {
  const absl::StatusOr<EinsumEquation> equation =
      ParseFor(op.attr<std::string>("equation"), op.num_inputs());
  if (!equation.ok()) {
    at.Fail("Einsum", equation.status());
    return Outputs(op.num_inputs());
  }
  const std::string& out = equation->output;
  if (op.num_inputs() == 1) {
    return {Repeated(at, dy[0], out, op.input(0), equation->inputs[0])};
  }
  std::string x_subs = equation->inputs[0], y_subs = equation->inputs[1];
  if (HasEllipsis(out)) {
    if (!HasEllipsis(x_subs)) x_subs += kEllipsis;
    if (!HasEllipsis(y_subs)) y_subs += kEllipsis;
  }
  const Output x = Conjugate(at, op.input(0)), y = Conjugate(at, op.input(1));
  Output gx = GradientBy(at, dy[0], out, y, y_subs, x, x_subs);
  Output gy = GradientBy(at, dy[0], out, x, x_subs, y, y_subs);
  if (!HasEllipsis(out)) return {gx, gy};
  const Output x_shape = ShapeTensor(at, x), y_shape = ShapeTensor(at, y);
  const Broadcast bx = BroadcastOf(x_subs), by = BroadcastOf(y_subs);
  const BroadcastGradientArgsOutputs axes =
      BroadcastGradientArgs(at, BroadcastDims(at, x_shape, bx), BroadcastDims(at, y_shape, by));
  const auto unbroadcast = [&](const Output& g, const Output& r, int64_t begin,
                               const Output& shape) {
    const Output shifted = AddV2(at, r, ConstOf(at, DType::kInt32, static_cast<double>(begin)));
    return Reshape(at, Sum(at, g, shifted), shape);
  };
  return {unbroadcast(gx, axes.r0, bx.begin, x_shape), unbroadcast(gy, axes.r1, by.begin, y_shape)};
}

// Every combination of all labels is one multiply-add; of one operand, elements are only added up.
double EinsumFlops(const AttrMap& attrs, absl::Span<const TensorShape> inputs,
                   absl::Span<const TensorShape> outputs) {
  if (inputs.size() == 1) return ElementsOf(inputs[0]) - ElementsOf(outputs[0]);
  for (const TensorShape& shape : inputs) {
    if (!shape.rank_known()) return 0;
  }
  const auto equation = ParseEinsum(GetAttr<std::string>(attrs, "equation"));
  if (!equation.ok()) return 0;
  const auto sizes = EinsumSizesOf(*equation, {inputs.begin(), inputs.end()});
  if (!sizes.ok()) return 0;
  double products = 1;
  for (const auto& [label, size] : *sizes)
    products *= static_cast<double>(std::max<int64_t>(size, 0));
  return 2 * products;
}

}  // namespace

OpSpec EinsumOp() {
  return OpSpec("Einsum")
      .Input("inputs: N * T")
      .Output("output: T")
      .Attr("equation: string")
      .Attr("N: int >= 1")
      .Attr("T: type")
      .NoKernelFor(
          "T",
          {DType::kUint8, DType::kInt16, DType::kInt8, DType::kString, DType::kBool, DType::kQint8,
           DType::kQuint8, DType::kQint32, DType::kQint16, DType::kQuint16, DType::kUint16,
           DType::kResource, DType::kVariant, DType::kUint32, DType::kUint64},
          "TensorFlow multiplies no matrices of them either")
      .Shape(EinsumShape)
      .Prepare(EinsumPrepare)
      .ThreadSensitive()
      .Flops(EinsumFlops)
      .Gradient(EinsumGradient);
}

Output EinsumNode(At at, const Outputs& inputs, absl::string_view equation) {
  return at.Node("Einsum", inputs, {{"equation", std::string(equation)}});
}

}  // namespace sluice::ops
