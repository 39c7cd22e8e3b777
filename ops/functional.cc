// Calls of functions, the conditionals and loops among them (rule CF-30): schemas and shapes only.
// Functions live in the library of a graph; before a run, a session puts their nodes in the place
// of the call (graph/lower_functions.h). There are no builders: graphs that hold calls are
// imported.
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

constexpr char kNoGradient[] =
    "gradients through calls of functions are not built; those that a graph holds run";

// Nothing is known but what the file says.
absl::Status DeclaredShapes(ShapeContext& c) {
  const AttrValue* attr = FindAttr(c.attrs(), "output_shapes");
  const auto* declared = attr == nullptr ? nullptr : attr->get_if<std::vector<TensorShape>>();
  if (declared == nullptr || declared->empty()) return absl::OkStatus();
  if (static_cast<int>(declared->size()) != c.num_outputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("`output_shapes` must be the same length as num outputs (", declared->size(),
                     " vs. ", c.num_outputs(), ")"));
  }
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, (*declared)[static_cast<size_t>(i)]);
  return absl::OkStatus();
}

OpSpec Call(absl::string_view name) {
  return OpSpec(name)
      .Shape(DeclaredShapes)
      .AllowsUninitializedInput()
      .Flow(ControlFlow::kCall)
      .NotDifferentiable(kNoGradient);
}

OpSpec PartitionedCallSpec(absl::string_view name) {
  return Call(name)
      .Input("args: Tin")
      .Output("output: Tout")
      .Attr("Tin: list(type) >= 0")
      .Attr("Tout: list(type) >= 0")
      .Attr("f: func")
      .Attr("config: string = ''")
      .Attr("config_proto: string = ''")
      .Attr("executor_type: string = ''");
}

// A condition that is no bool is true when it is not zero.
OpSpec IfSpec(absl::string_view name) {
  return Call(name)
      .Input("cond: Tcond")
      .Input("input: Tin")
      .Output("output: Tout")
      .Attr("Tcond: type")
      .Attr("Tin: list(type) >= 0")
      .Attr("Tout: list(type) >= 0")
      .Attr("then_branch: func")
      .Attr("else_branch: func")
      .Attr("output_shapes: list(shape) = []");
}

// A branch_index that names no branch takes the last one.
OpSpec CaseSpec(absl::string_view name) {
  return Call(name)
      .Input("branch_index: int32")
      .Input("input: Tin")
      .Output("output: Tout")
      .Attr("Tin: list(type) >= 0")
      .Attr("Tout: list(type) >= 0")
      .Attr("branches: list(func) >= 1")
      .Attr("output_shapes: list(shape) = []");
}

OpSpec WhileSpec(absl::string_view name) {
  return Call(name)
      .Input("input: T")
      .Output("output: T")
      .Attr("T: list(type) >= 0")
      .Attr("cond: func")
      .Attr("body: func")
      .Attr("output_shapes: list(shape) = []")
      .Attr("parallel_iterations: int = 10");
}

}  // namespace

OpSpec PartitionedCallOp() { return PartitionedCallSpec("PartitionedCall"); }
OpSpec StatefulPartitionedCallOp() { return PartitionedCallSpec("StatefulPartitionedCall"); }
OpSpec IfOp() { return IfSpec("If"); }
OpSpec StatelessIfOp() { return IfSpec("StatelessIf"); }
OpSpec CaseOp() { return CaseSpec("Case"); }
OpSpec StatelessCaseOp() { return CaseSpec("StatelessCase"); }
OpSpec WhileOp() { return WhileSpec("While"); }
OpSpec StatelessWhileOp() { return WhileSpec("StatelessWhile"); }

}  // namespace sluice::ops
