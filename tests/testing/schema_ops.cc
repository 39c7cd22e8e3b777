#include "tests/testing/schema_ops.h"

#include "glog/logging.h"

namespace sluice {
namespace {

absl::Status ConstShape(ShapeContext& c) {
  const Tensor value = c.attr<Tensor>("value");
  if (value.dtype() != c.attr<DType>("dtype")) {
    return absl::InvalidArgumentError("the value has another dtype");
  }
  c.set_output(0, value.shape());
  return absl::OkStatus();
}

absl::Status ShapeOfAttr(ShapeContext& c) {
  c.set_output(0, c.attr<TensorShape>("shape"));
  return absl::OkStatus();
}

absl::Status MatMulShape(ShapeContext& c) {
  auto a = c.WithRank(0, 2);
  auto b = c.WithRank(1, 2);
  if (!a.ok()) return a.status();
  if (!b.ok()) return b.status();
  const bool ta = c.attr<bool>("transpose_a"), tb = c.attr<bool>("transpose_b");
  const int64_t inner_a = a->dim(ta ? 0 : 1), inner_b = b->dim(tb ? 1 : 0);
  if (inner_a >= 0 && inner_b >= 0 && inner_a != inner_b) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimensions must be equal, but are ", inner_a, " and ", inner_b));
  }
  c.set_output(0, {a->dim(ta ? 1 : 0), b->dim(tb ? 0 : 1)});
  return absl::OkStatus();
}

constexpr char kFloats[] = "T: {float, double, int32}";

void AddArrays(std::vector<OpSpec>* ops) {
  ops->push_back(OpSpec("NoOp").Shape(shapes::NoOutputs));
  ops->push_back(OpSpec("Const")
                     .Output("output: dtype")
                     .Attr("value: tensor")
                     .Attr("dtype: type")
                     .Shape(ConstShape));
  ops->push_back(OpSpec("Placeholder")
                     .Output("output: dtype")
                     .Attr("dtype: type")
                     .Attr("shape: shape = { unknown_rank: true }")
                     .Shape(ShapeOfAttr)
                     .MustBeFed());
  ops->push_back(OpSpec("Identity")
                     .Input("input: T")
                     .Output("output: T")
                     .Attr("T: type")
                     .Shape(shapes::SameAsInput));
  ops->push_back(OpSpec("Split")
                     .Input("split_dim: int32")
                     .Input("value: T")
                     .Output("output: num_split * T")
                     .Attr("num_split: int >= 1")
                     .Attr("T: type"));
}

void AddMath(std::vector<OpSpec>* ops) {
  ops->push_back(
      OpSpec("Add").Input("x: T").Input("y: T").Output("z: T").Attr(kFloats).Commutative().Shape(
          shapes::BroadcastBinary));
  ops->push_back(OpSpec("AddN")
                     .Input("inputs: N * T")
                     .Output("sum: T")
                     .Attr("N: int >= 1")
                     .Attr(kFloats)
                     .Aggregate()
                     .Shape(shapes::SameAsInput));
  ops->push_back(OpSpec("MatMul")
                     .Input("a: T")
                     .Input("b: T")
                     .Output("product: T")
                     .Attr("transpose_a: bool = false")
                     .Attr("transpose_b: bool = false")
                     .Attr(kFloats)
                     .Shape(MatMulShape));
  ops->push_back(OpSpec("Equal").Input("x: T").Input("y: T").Output("z: bool").Attr(kFloats).Shape(
      shapes::BroadcastBinary));
  ops->push_back(OpSpec("LeakyRelu")
                     .Input("features: T")
                     .Output("activations: T")
                     .Attr("alpha: float = 0.2")
                     .Attr("T: {float, double} = DT_FLOAT")
                     .Shape(shapes::SameAsInput));
  ops->push_back(OpSpec("Conv2D")
                     .Input("input: T")
                     .Input("filter: T")
                     .Output("output: T")
                     .Attr("T: {float, double}")
                     .Attr("strides: list(int)")
                     .Attr("padding: {'SAME', 'VALID'}")
                     .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'"));
}

void AddControlFlow(std::vector<OpSpec>* ops) {
  ops->push_back(OpSpec("Switch")
                     .Input("data: T")
                     .Input("pred: bool")
                     .Output("output_false: T")
                     .Output("output_true: T")
                     .Attr("T: type"));
  ops->push_back(OpSpec("Merge")
                     .Input("inputs: N * T")
                     .Output("output: T")
                     .Output("value_index: int32")
                     .Attr("T: type")
                     .Attr("N: int >= 1"));
  ops->push_back(OpSpec("Enter")
                     .Input("data: T")
                     .Output("output: T")
                     .Attr("T: type")
                     .Attr("frame_name: string")
                     .Attr("is_constant: bool = false")
                     .Attr("parallel_iterations: int = 10"));
  for (const char* op : {"Exit", "NextIteration"}) {
    ops->push_back(OpSpec(op).Input("data: T").Output("output: T").Attr("T: type"));
  }
  ops->push_back(OpSpec("LoopCond").Input("input: bool").Output("output: bool"));
}

void AddVariables(std::vector<OpSpec>* ops) {
  ops->push_back(OpSpec("VarHandleOp")
                     .Output("resource: resource")
                     .Attr("container: string = ''")
                     .Attr("shared_name: string = ''")
                     .Attr("dtype: type")
                     .Attr("shape: shape")
                     .Stateful()
                     .Shape(shapes::Scalar));
  ops->push_back(OpSpec("VarIsInitializedOp")
                     .Input("resource: resource")
                     .Output("is_initialized: bool")
                     .Stateful()
                     .Shape(shapes::Scalar));
  ops->push_back(OpSpec("AssignVariableOp")
                     .Input("resource: resource")
                     .Input("value: dtype")
                     .Attr("dtype: type")
                     .Stateful()
                     .Shape(shapes::NoOutputs));
  ops->push_back(OpSpec("ReadVariableOp")
                     .Input("resource: resource")
                     .Output("value: dtype")
                     .Attr("dtype: type")
                     .Stateful());
  ops->push_back(OpSpec("VariableV2")
                     .Output("ref: Ref(dtype)")
                     .Attr("shape: shape")
                     .Attr("dtype: type")
                     .Attr("container: string = ''")
                     .Attr("shared_name: string = ''")
                     .Stateful()
                     .Shape(ShapeOfAttr));
  ops->push_back(OpSpec("Assign")
                     .Input("ref: Ref(T)")
                     .Input("value: T")
                     .Output("output_ref: Ref(T)")
                     .Attr("T: type")
                     .Attr("validate_shape: bool = true")
                     .Attr("use_locking: bool = true")
                     .AllowsUninitializedInput());
}

}  // namespace

const OpRegistry& SchemaOps() {
  static const OpRegistry* const registry = [] {
    std::vector<OpSpec> ops;
    AddArrays(&ops);
    AddMath(&ops);
    AddControlFlow(&ops);
    AddVariables(&ops);
    auto* r = new OpRegistry;
    for (OpSpec& op : ops) CHECK_EQ(r->Add(std::move(op)), absl::OkStatus());
    return r;
  }();
  return *registry;
}

}  // namespace sluice
