// StackV2 and the older Stack, whose handle is a reference to a string in TensorFlow and a handle
// like the others' here.
#include "ops/stack.h"

#include <memory>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

class Stack : public Resource {
 public:
  Stack(std::string name, DType dtype, int64_t max_size)
      : name_(std::move(name)), dtype_(dtype), max_size_(max_size) {}

  absl::Status Push(Tensor value) {
    SLUICE_RETURN_IF_ERROR(CheckOpen());
    if (max_size_ >= 0 && static_cast<int64_t>(elements_.size()) >= max_size_) {
      return absl::InvalidArgumentError(
          absl::StrCat("Stack[", name_, "] overflowed its max_size (", max_size_, ")"));
    }
    elements_.push_back(std::move(value));
    return absl::OkStatus();
  }

  absl::StatusOr<Tensor> Pop() {
    SLUICE_RETURN_IF_ERROR(CheckOpen());
    if (elements_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Stack[", name_, "] is empty when calling Pop()."));
    }
    Tensor value = std::move(elements_.back());
    elements_.pop_back();
    return value;
  }

  void Close() {
    closed_ = true;
    elements_.clear();
  }
  DType dtype() const { return dtype_; }
  std::string DebugString() const override { return absl::StrCat("Stack[", name_, "]"); }

 private:
  absl::Status CheckOpen() const {
    if (!closed_) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("Stack[", name_, "] has already been closed."));
  }

  const std::string name_;
  const DType dtype_;
  const int64_t max_size_;
  std::vector<Tensor> elements_;
  bool closed_ = false;
};

absl::Status NewShape(ShapeContext& c) { return shapes::Scalar(c); }

absl::Status NewV2Shape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return shapes::Scalar(c);
}

absl::Status PushShape(ShapeContext& c) {
  c.set_output(0, c.input(1));
  return absl::OkStatus();
}

absl::StatusOr<Stack*> StackOf(KernelContext& c) {
  const Tensor& handle = c.input(0);
  Stack* stack = nullptr;
  if (handle.num_elements() == 1) {
    stack = dynamic_cast<Stack*>(handle.flat<ResourceRef>()[0].get());
  }
  if (stack == nullptr) return absl::InvalidArgumentError("the handle is not a stack's");
  return stack;
}

absl::StatusOr<KernelRun> NewPrepare(PrepareContext& p) {
  p.WillSetOutput(0);
  auto name = p.attr<std::string>("stack_name");
  if (name.empty()) name = p.node_name();
  return KernelRun([name, dtype = p.attr<DType>("elem_type")](KernelContext& c) {
    const int64_t max_size = c.num_inputs() > 0 ? c.input(0).scalar<int32_t>() : -1;
    c.SetOutput(0, Tensor::Of<ResourceRef>({}, {std::make_shared<Stack>(name, dtype, max_size)}));
    return absl::OkStatus();
  });
}

absl::Status CheckType(const Stack& stack, DType dtype) {
  if (stack.dtype() == dtype) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Must have type ", DTypeName(stack.dtype()), " but got ", DTypeName(dtype)));
}

absl::Status PushRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(Stack* const stack, StackOf(c));
  SLUICE_RETURN_IF_ERROR(CheckType(*stack, c.input(1).dtype()));
  SLUICE_ASSIGN_OR_RETURN(Tensor kept, c.input(1).Clone(c.budget()));
  c.output(0).CopyElements(kept);
  return stack->Push(std::move(kept));
}

absl::StatusOr<KernelRun> PopPrepare(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun([dtype = p.output_dtype(0)](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(Stack* const stack, StackOf(c));
    SLUICE_RETURN_IF_ERROR(CheckType(*stack, dtype));
    SLUICE_ASSIGN_OR_RETURN(Tensor value, stack->Pop());
    c.SetOutput(0, std::move(value));
    return absl::OkStatus();
  });
}

absl::Status CloseRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(Stack* const stack, StackOf(c));
  stack->Close();
  return absl::OkStatus();
}

constexpr char kNoGradient[] = "it carries values from a loop to the loop of its gradients";

OpSpec PushSpec(absl::string_view name, absl::string_view handle) {
  return OpSpec(name)
      .Input(handle)
      .Input("elem: T")
      .Output("output: T")
      .Attr("T: type")
      .Attr("swap_memory: bool = false")
      .Shape(PushShape)
      .Kernel(PushRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec PopSpec(absl::string_view name, absl::string_view handle) {
  return OpSpec(name)
      .Input(handle)
      .Output("elem: elem_type")
      .Attr("elem_type: type")
      .Shape(shapes::Unknown)
      .Prepare(PopPrepare)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec CloseSpec(absl::string_view name, absl::string_view handle) {
  return OpSpec(name)
      .Input(handle)
      .Shape(shapes::NoOutputs)
      .Kernel(CloseRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

}  // namespace

OpSpec StackV2Op() {
  return OpSpec("StackV2")
      .Input("max_size: int32")
      .Output("handle: resource")
      .Attr("elem_type: type")
      .Attr("stack_name: string = ''")
      .Shape(NewV2Shape)
      .Prepare(NewPrepare)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec StackPushV2Op() { return PushSpec("StackPushV2", "handle: resource"); }
OpSpec StackPopV2Op() { return PopSpec("StackPopV2", "handle: resource"); }
OpSpec StackCloseV2Op() { return CloseSpec("StackCloseV2", "handle: resource"); }

OpSpec StackOp() {
  return OpSpec("Stack")
      .Output("handle: Ref(string)")
      .Attr("elem_type: type")
      .Attr("stack_name: string = ''")
      .Shape(NewShape)
      .Prepare(NewPrepare)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec StackPushOp() { return PushSpec("StackPush", "handle: Ref(string)"); }
OpSpec StackPopOp() { return PopSpec("StackPop", "handle: Ref(string)"); }
OpSpec StackCloseOp() { return CloseSpec("StackClose", "handle: Ref(string)"); }

Output StackV2(At at, Output max_size, DType elem_type, const StackOptions& options) {
  return at.Node("StackV2", {max_size},
                 {{"elem_type", elem_type}, {"stack_name", options.stack_name}});
}
Output StackPushV2(At at, Output handle, Output elem) {
  return at.Node("StackPushV2", {handle, elem});
}
Output StackPopV2(At at, Output handle, DType elem_type) {
  return at.Node("StackPopV2", {handle}, {{"elem_type", elem_type}});
}
Output StackCloseV2(At at, Output handle) { return at.Node("StackCloseV2", {handle}); }

}  // namespace sluice::ops
