// Schemas and shapes only: session/ follows these ops (StepKind in session/program.h).
#include "ops/control_flow.h"

#include <string>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

constexpr char kNoGradient[] =
    "gradients through conditionals and loops are not built; those that a graph holds run";

absl::Status SwitchShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  c.set_output(0, c.input(0));
  c.set_output(1, c.input(0));
  return absl::OkStatus();
}

// Dimensions on which all inputs agree (rule CF-13).
absl::Status MergeShape(ShapeContext& c) {
  TensorShape shape = c.input(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    const TensorShape& other = c.input(i);
    if (shape.rank() < 0 || shape.rank() != other.rank()) {
      shape = TensorShape::Unknown();
      break;
    }
    for (int d = 0; d < shape.rank(); ++d) {
      if (shape.dim(d) != other.dim(d)) shape.set_dim(d, -1);
    }
  }
  c.set_output(0, shape);
  c.set_output(1, TensorShape({}));
  return absl::OkStatus();
}

// What enters may differ from iteration to iteration once a Merge has joined it; here it does not.
absl::Status SameShape(ShapeContext& c) {
  c.set_output(0, c.input(0));
  return absl::OkStatus();
}

// A loop gives out what the last iteration made.
absl::Status LoopCondShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return SameShape(c);
}

OpSpec Forward(absl::string_view name, ControlFlow role, bool ref) {
  const std::string t = ref ? "Ref(T)" : "T";
  return OpSpec(name)
      .Input("data: " + t)
      .Output("output: " + t)
      .Attr("T: type")
      .Shape(SameShape)
      .AllowsUninitializedInput()
      .Flow(role)
      .NotDifferentiable(kNoGradient);
}

OpSpec SwitchSpec(absl::string_view name, bool ref) {
  const std::string t = ref ? "Ref(T)" : "T";
  return OpSpec(name)
      .Input("data: " + t)
      .Input("pred: bool")
      .Output("output_false: " + t)
      .Output("output_true: " + t)
      .Attr("T: type")
      .Shape(SwitchShape)
      .AllowsUninitializedInput()
      .Flow(ControlFlow::kSwitch)
      .NotDifferentiable(kNoGradient);
}

OpSpec MergeSpec(absl::string_view name, bool ref) {
  return OpSpec(name)
      .Input(ref ? "inputs: Ref(N * T)" : "inputs: N * T")
      .Output(ref ? "output: Ref(T)" : "output: T")
      .Output("value_index: int32")
      .Attr("T: type")
      .Attr("N: int >= 1")
      .Shape(MergeShape)
      .AllowsUninitializedInput()
      .Flow(ControlFlow::kMerge)
      .NotDifferentiable(kNoGradient);
}

OpSpec EnterSpec(absl::string_view name, bool ref) {
  return Forward(name, ControlFlow::kEnter, ref)
      .Attr("frame_name: string")
      .Attr("is_constant: bool = false")
      .Attr("parallel_iterations: int = 10");
}

}  // namespace

OpSpec SwitchOp() { return SwitchSpec("Switch", false); }
OpSpec RefSwitchOp() { return SwitchSpec("RefSwitch", true); }
OpSpec MergeOp() { return MergeSpec("Merge", false); }
OpSpec RefMergeOp() { return MergeSpec("RefMerge", true); }
OpSpec EnterOp() { return EnterSpec("Enter", false); }
OpSpec RefEnterOp() { return EnterSpec("RefEnter", true); }
OpSpec ExitOp() { return Forward("Exit", ControlFlow::kExit, false); }
OpSpec RefExitOp() { return Forward("RefExit", ControlFlow::kExit, true); }
OpSpec NextIterationOp() { return Forward("NextIteration", ControlFlow::kNextIteration, false); }
OpSpec RefNextIterationOp() {
  return Forward("RefNextIteration", ControlFlow::kNextIteration, true);
}

OpSpec LoopCondOp() {
  return OpSpec("LoopCond")
      .Input("input: bool")
      .Output("output: bool")
      .Shape(LoopCondShape)
      .Alias(0, 0)
      .NotDifferentiable("booleans have no gradient");
}

OpSpec RefIdentityOp() {
  return OpSpec("RefIdentity")
      .Input("input: Ref(T)")
      .Output("output: Ref(T)")
      .Attr("T: type")
      .Shape(SameShape)
      .AllowsUninitializedInput()
      .Alias(0, 0)
      .Gradient([](At, const Node&, const Outputs& dy) { return dy; })
      .PassesGradientThrough();
}

OpSpec ControlTriggerOp() {
  return OpSpec("ControlTrigger")
      .Shape(shapes::NoOutputs)
      .Flow(ControlFlow::kControlTrigger)
      .NotDifferentiable("it has no outputs");
}

SwitchOutputs Switch(At at, Output data, Output pred) {
  Outputs out = at.Nodes("Switch", {data, pred});
  out.resize(2);  // empty on failure
  return {out[0], out[1]};
}

MergeOutputs Merge(At at, const Outputs& inputs) {
  Outputs out = at.Nodes("Merge", inputs);
  out.resize(2);
  return {out[0], out[1]};
}

Output Enter(At at, Output data, const std::string& frame_name, const EnterOptions& options) {
  return at.Node("Enter", {data},
                 {{"frame_name", frame_name},
                  {"is_constant", options.is_constant},
                  {"parallel_iterations", options.parallel_iterations}});
}

Output Exit(At at, Output data) { return at.Node("Exit", {data}); }
Output NextIteration(At at, Output data) { return at.Node("NextIteration", {data}); }
Output LoopCond(At at, Output input) { return at.Node("LoopCond", {input}); }
Output ControlTrigger(At at) { return at.Node("ControlTrigger", {}); }

}  // namespace sluice::ops
