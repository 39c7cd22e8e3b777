#include "tests/testing/session/session_ops.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/variable_resource.h"
#include "glog/logging.h"

namespace sluice::session_ops {
namespace {

std::atomic<int64_t> kernel_runs{0};
std::atomic<int64_t> copies{0};
std::mutex log_mutex;
std::vector<std::string>& Log() {
  static auto& log = *new std::vector<std::string>;
  return log;
}

void Write(const std::string& tag) {
  const std::lock_guard<std::mutex> lock(log_mutex);
  Log().push_back(tag);
}

// --- shape functions ---
absl::Status FromAttr(ShapeContext& c) {
  c.set_output(0, c.attr<TensorShape>("shape"));
  return absl::OkStatus();
}
absl::Status ConstShape(ShapeContext& c) {
  c.set_output(0, c.attr<Tensor>("value").shape());
  return absl::OkStatus();
}
absl::Status SameShapes(ShapeContext& c) {
  TensorShape shape = c.input(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(shape, shape.MergeWith(c.input(i)));
  }
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, shape);
  return absl::OkStatus();
}
absl::Status ShapeFromInput(ShapeContext& c, int i) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.ShapeFromValue(i));
  c.set_output(0, shape);
  return absl::OkStatus();
}
absl::Status ReshapeShape(ShapeContext& c) { return ShapeFromInput(c, 1); }
absl::Status FillShape(ShapeContext& c) { return ShapeFromInput(c, 0); }
absl::Status RankVector(ShapeContext& c) {
  c.set_output(0, c.input(0).rank_known() ? TensorShape{c.input(0).rank()} : TensorShape{-1});
  return absl::OkStatus();
}
absl::Status OneUnknownDim(ShapeContext& c) {
  c.set_output(0, {-1});
  return absl::OkStatus();
}
absl::Status VariableShape(ShapeContext& c) {
  const Tensor* handle = c.value(0);
  if (handle == nullptr) return absl::OkStatus();
  const auto* v = dynamic_cast<const VariableResource*>(handle->scalar<ResourceRef>().get());
  c.set_output(0, v->shape());
  return absl::OkStatus();
}
absl::Status SecondInput(ShapeContext& c) {
  c.set_output(0, c.input(1));
  return absl::OkStatus();
}

// --- kernels ---
absl::StatusOr<KernelRun> PrepareConst(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun([](KernelContext& c) {
    c.SetOutput(0, c.attr<Tensor>("value"));
    return absl::OkStatus();
  });
}

template <typename F>
absl::Status Elementwise(KernelContext& c, F f) {
  ++kernel_runs;
  const float* x = c.input(0).data<float>();
  const float* y = c.input(c.num_inputs() - 1).data<float>();
  float* z = c.output(0).mutable_data<float>();
  for (int64_t i = 0; i < c.output(0).num_elements(); ++i) z[i] = f(x[i], y[i]);
  return absl::OkStatus();
}
absl::Status RunAdd(KernelContext& c) {
  return Elementwise(c, [](float x, float y) { return x + y; });
}
absl::Status RunSub(KernelContext& c) {
  return Elementwise(c, [](float x, float y) { return x - y; });
}

// Fills its scratch with the input first: a plan that gives two steps' living memory away is found
// out.
absl::StatusOr<KernelRun> PrepareSquare(PrepareContext& p) {
  const int64_t bytes = p.input_shape(0).num_elements() * static_cast<int64_t>(sizeof(float));
  p.RequestScratch(bytes);
  return KernelRun([bytes](KernelContext& c) {
    ++kernel_runs;
    auto* scratch = static_cast<float*>(c.scratch());
    if (bytes > 0) std::memcpy(scratch, c.input(0).raw(), bytes);
    float* z = c.output(0).mutable_data<float>();
    for (int64_t i = 0; i < c.output(0).num_elements(); ++i) z[i] = scratch[i] * scratch[i];
    return absl::OkStatus();
  });
}

absl::Status RunAddN(KernelContext& c) {
  ++kernel_runs;
  absl::Span<float> z = c.output(0).mutable_flat<float>();
  std::fill(z.begin(), z.end(), 0.0f);
  for (int i = 0; i < c.num_inputs(); ++i) {
    const float* x = c.input(i).data<float>();
    for (size_t k = 0; k < z.size(); ++k) z[k] += x[k];
  }
  return absl::OkStatus();
}
absl::Status RunSum(KernelContext& c) {
  ++kernel_runs;
  float sum = 0;
  for (float x : c.input(0).flat<float>()) sum += x;
  c.output(0).mutable_data<float>()[0] = sum;
  return absl::OkStatus();
}
absl::Status RunSplit(KernelContext& c) {
  ++kernel_runs;
  const absl::Span<const float> x = c.input(0).flat<float>();
  for (size_t i = 0; i < x.size(); ++i) {
    c.output(0).mutable_data<float>()[i] = x[i] + 1;
    c.output(1).mutable_data<float>()[i] = x[i] - 1;
  }
  return absl::OkStatus();
}
absl::Status RunJoin(KernelContext& c) {
  const auto x = c.input(0).flat<std::string>(), y = c.input(1).flat<std::string>();
  for (size_t i = 0; i < x.size(); ++i) {
    c.output(0).mutable_data<std::string>()[i] = x[i] + y[i];
  }
  return absl::OkStatus();
}
absl::Status RunShapeOf(KernelContext& c) {
  const absl::Span<const int64_t> dims = c.input(0).shape().dims();
  std::copy(dims.begin(), dims.end(), c.output(0).mutable_data<int64_t>());
  return absl::OkStatus();
}
absl::Status RunFill(KernelContext& c) {
  absl::Span<float> z = c.output(0).mutable_flat<float>();
  std::fill(z.begin(), z.end(), c.input(1).scalar<float>());
  return absl::OkStatus();
}
absl::Status RunPositive(KernelContext& c) {
  std::vector<float> kept;
  for (float x : c.input(0).flat<float>()) {
    if (x > 0) kept.push_back(x);
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, {static_cast<int64_t>(kept.size())}));
  std::copy(kept.begin(), kept.end(), out->mutable_data<float>());
  return absl::OkStatus();
}

absl::Status RunEffect(KernelContext& c) {
  Write(c.attr<std::string>("tag"));
  return absl::OkStatus();
}
absl::Status RunLogged(KernelContext& c) {
  Write(c.attr<std::string>("tag"));
  c.output(0).CopyElements(c.input(0));
  return absl::OkStatus();
}
absl::StatusOr<KernelRun> PrepareCheck(PrepareContext& p) {
  if (p.attr<std::string>("when") == "prepare") {
    return absl::InvalidArgumentError(p.attr<std::string>("message"));
  }
  return KernelRun([](KernelContext& c) {
    const absl::Span<const float> x = c.input(0).flat<float>();
    if (!x.empty() && x[0] < 0) {
      return absl::InvalidArgumentError(c.attr<std::string>("message"));
    }
    c.output(0).CopyElements(c.input(0));
    return absl::OkStatus();
  });
}
absl::Status RunRandom(KernelContext& c) {
  c.output(0).mutable_data<float>()[0] = static_cast<float>(c.random_run());
  return absl::OkStatus();
}
absl::Status RunSeed(KernelContext& c) {
  c.output(0).mutable_data<int64_t>()[0] = static_cast<int64_t>(c.session_seed());
  return absl::OkStatus();
}
absl::Status RunThrow(KernelContext&) { throw std::bad_alloc(); }

// --- variables ---
absl::StatusOr<KernelRun> PrepareHandle(PrepareContext& p) {
  const auto name = p.attr<std::string>("variable");
  SLUICE_ASSIGN_OR_RETURN(ResourceRef ref, p.resources().GetOrCreate(name, [&] {
    return std::make_shared<VariableResource>(name, DType::kFloat, p.attr<TensorShape>("shape"));
  }));
  p.WillSetOutput(0);
  return KernelRun([ref](KernelContext& c) {
    c.SetOutput(0, Tensor::Scalar(ref));
    return absl::OkStatus();
  });
}

VariableResource* VariableOf(const Tensor& handle) {
  return dynamic_cast<VariableResource*>(handle.scalar<ResourceRef>().get());
}

absl::Status RunRead(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(Tensor value, VariableOf(c.input(0))->Read());
  c.SetOutput(0, std::move(value));
  return absl::OkStatus();
}
absl::StatusOr<KernelRun> PrepareRead(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun(RunRead);
}
absl::Status RunAssign(KernelContext& c) {
  return VariableOf(c.input(0))->AssignCopy(c.input(1), c.budget());
}
absl::Status RunAssignAdd(KernelContext& c) {
  VariableResource* variable = VariableOf(c.input(0));
  const Tensor& delta = c.input(1);
  const void* before = nullptr;
  if (variable->initialized()) before = variable->Read()->raw();
  return variable->Update(c.budget(), [&](Tensor& value) {
    if (value.raw() != before) ++copies;
    for (int64_t i = 0; i < value.num_elements(); ++i) {
      value.mutable_data<float>()[i] += delta.data<float>()[i];
    }
    return absl::OkStatus();
  });
}
absl::Status RunIsInitialized(KernelContext& c) {
  c.output(0).mutable_data<bool>()[0] = VariableOf(c.input(0))->initialized();
  return absl::OkStatus();
}
absl::Status RunRefSelect(KernelContext& c) {
  c.SetOutput(0, c.input(c.input(0).scalar<float>() > 0 ? 1 : 2));
  return absl::OkStatus();
}

std::vector<OpSpec> Stateless() {
  return {
      OpSpec("Const")
          .Output("output: T")
          .Attr("value: tensor")
          .Attr("T: type")
          .Shape(ConstShape)
          .Prepare(PrepareConst),
      OpSpec("Placeholder")
          .Output("output: dtype")
          .Attr("dtype: type")
          .Attr("shape: shape")
          .Shape(FromAttr)
          .MustBeFed(),
      OpSpec("Add")
          .Input("x: float")
          .Input("y: float")
          .Output("z: float")
          .Shape(SameShapes)
          .Kernel(RunAdd)
          .InPlace(0, 0)
          .InPlace(1, 0)
          .Commutative(),
      OpSpec("Sub")
          .Input("x: float")
          .Input("y: float")
          .Output("z: float")
          .Shape(SameShapes)
          .Kernel(RunSub)
          .InPlace(0, 0),
      OpSpec("Square")
          .Input("x: float")
          .Output("y: float")
          .Shape(SameShapes)
          .Prepare(PrepareSquare)
          .InPlace(0, 0),
      OpSpec("AddN")
          .Input("x: N * float")
          .Output("y: float")
          .Attr("N: int >= 1")
          .Shape(SameShapes)
          .Kernel(RunAddN),
      OpSpec("Sum").Input("x: float").Output("y: float").Shape(shapes::Scalar).Kernel(RunSum),
      OpSpec("Split")
          .Input("x: float")
          .Output("a: float")
          .Output("b: float")
          .Shape(SameShapes)
          .Kernel(RunSplit)
          .InPlace(0, 1),
      OpSpec("Join")
          .Input("x: string")
          .Input("y: string")
          .Output("z: string")
          .Shape(SameShapes)
          .Kernel(RunJoin),
      OpSpec("Identity").Input("x: T").Output("y: T").Attr("T: type").Shape(SameShapes).Alias(0, 0),
      OpSpec("Reshape")
          .Input("x: T")
          .Input("shape: int64")
          .Output("y: T")
          .Attr("T: type")
          .Shape(ReshapeShape)
          .Alias(0, 0),
      OpSpec("ShapeOf")
          .Input("x: T")
          .Output("y: int64")
          .Attr("T: type")
          .Shape(RankVector)
          .Kernel(RunShapeOf)
          .ValueFromShapes(),
      OpSpec("ReferenceShape")
          .Input("x: T")
          .Output("y: int64")
          .Attr("T: type")
          .Shape(RankVector)
          .Kernel(RunShapeOf),
      OpSpec("Fill")
          .Input("dims: int64")
          .Input("value: float")
          .Output("y: float")
          .Shape(FillShape)
          .Kernel(RunFill),
      OpSpec("Positive")
          .Input("x: float")
          .Output("y: float")
          .Shape(OneUnknownDim)
          .Kernel(RunPositive),
      OpSpec("Check")
          .Input("x: float")
          .Output("y: float")
          .Attr("message: string")
          .Attr("when: string")
          .Shape(SameShapes)
          .Prepare(PrepareCheck),
      OpSpec("NoOp").Shape(shapes::NoOutputs),
      OpSpec("NoKernel").Input("x: float").Output("y: float").Shape(SameShapes),
  };
}

std::vector<OpSpec> Stateful() {
  return {
      OpSpec("Effect").Attr("tag: string").Shape(shapes::NoOutputs).Kernel(RunEffect).Stateful(),
      OpSpec("Logged")
          .Input("x: float")
          .Output("y: float")
          .Attr("tag: string")
          .Shape(SameShapes)
          .Kernel(RunLogged)
          .Stateful(),
      OpSpec("Random")
          .Output("y: float")
          .Shape(shapes::Scalar)
          .Kernel(RunRandom)
          .Stateful()
          .Random(),
      OpSpec("Seed").Output("y: int64").Shape(shapes::Scalar).Kernel(RunSeed).Stateful(),
      OpSpec("Throw").Shape(shapes::NoOutputs).Kernel(RunThrow).Stateful(),
      OpSpec("VarHandle")
          .Output("handle: resource")
          .Attr("variable: string")
          .Attr("shape: shape")
          .Shape(shapes::Scalar)
          .Prepare(PrepareHandle)
          .Stateful()
          .SessionConstant(),
      OpSpec("Read")
          .Input("handle: resource")
          .Output("value: float")
          .Shape(VariableShape)
          .Prepare(PrepareRead)
          .ReadsVariable()
          .Stateful(),
      OpSpec("ReadCopy")
          .Input("handle: resource")
          .Output("value: float")
          .Shape(VariableShape)
          .Kernel(RunRead)
          .Stateful(),
      OpSpec("Assign")
          .Input("handle: resource")
          .Input("value: float")
          .Shape(shapes::NoOutputs)
          .Kernel(RunAssign)
          .Stateful()
          .WritesResources(),
      OpSpec("AssignAdd")
          .Input("handle: resource")
          .Input("value: float")
          .Shape(shapes::NoOutputs)
          .Kernel(RunAssignAdd)
          .Stateful()
          .WritesResources(),
      OpSpec("RefVariable")
          .Output("ref: Ref(float)")
          .Attr("variable: string")
          .Attr("shape: shape")
          .Shape(FromAttr)
          .Prepare(PrepareHandle)
          .Stateful()
          .SessionConstant(),
      OpSpec("RefAssign")
          .Input("ref: Ref(float)")
          .Input("value: float")
          .Output("out: Ref(float)")
          .Shape(SecondInput)
          .Kernel(RunAssign)
          .Stateful()
          .WritesResources()
          .AllowsUninitializedInput(),
      OpSpec("RefAssignAdd")
          .Input("ref: Ref(float)")
          .Input("value: float")
          .Output("out: Ref(float)")
          .Shape(SameShapes)
          .Kernel(RunAssignAdd)
          .Stateful()
          .WritesResources(),
      OpSpec("RefIdentity")
          .Input("ref: Ref(float)")
          .Output("out: Ref(float)")
          .Shape(SameShapes)
          .Alias(0, 0),
      OpSpec("RefSelect")
          .Input("condition: float")
          .Input("a: Ref(float)")
          .Input("b: Ref(float)")
          .Output("out: Ref(float)")
          .Shape(SecondInput)
          .Kernel(RunRefSelect)
          .Stateful(),
      OpSpec("IsInitialized")
          .Input("ref: Ref(float)")
          .Output("is: bool")
          .Shape(shapes::Scalar)
          .Kernel(RunIsInitialized)
          .Stateful()
          .AllowsUninitializedInput(),
  };
}

}  // namespace

const OpRegistry& Registry() {
  static const OpRegistry& registry = [&]() -> const OpRegistry& {
    auto& made = *new OpRegistry;
    for (std::vector<OpSpec> specs : {Stateless(), Stateful()}) {
      for (OpSpec& spec : specs) {
        const absl::Status added = made.Add(std::move(spec));
        CHECK(added.ok()) << added;
      }
    }
    return made;
  }();
  return registry;
}

Output Const(At at, Tensor value) {
  const DType dtype = value.dtype();
  return at.Node("Const", {}, {{"value", std::move(value)}, {"T", dtype}});
}
Output Const(At at, float value) { return Const(at, Tensor::Scalar(value)); }
Output Placeholder(At at, DType dtype, const TensorShape& shape) {
  return at.Node("Placeholder", {}, {{"dtype", dtype}, {"shape", shape}});
}
Output Add(At at, Output x, Output y) { return at.Node("Add", {x, y}); }
Output Sub(At at, Output x, Output y) { return at.Node("Sub", {x, y}); }
Output Square(At at, Output x) { return at.Node("Square", {x}); }
Output AddN(At at, const Outputs& xs) { return at.Node("AddN", xs); }
Output Sum(At at, Output x) { return at.Node("Sum", {x}); }
Output Split(At at, Output x) { return at.Node("Split", {x}); }
Output Join(At at, Output x, Output y) { return at.Node("Join", {x, y}); }
int64_t TakeKernelRuns() { return kernel_runs.exchange(0); }

Output Identity(At at, Output x) { return at.Node("Identity", {x}); }
Output Reshape(At at, Output x, Output shape) { return at.Node("Reshape", {x, shape}); }
Output ShapeOf(At at, Output x) { return at.Node("ShapeOf", {x}); }
Output Fill(At at, Output dims, Output value) { return at.Node("Fill", {dims, value}); }
Output Positive(At at, Output x) { return at.Node("Positive", {x}); }
Output ReferenceShape(At at, Output x) { return at.Node("ReferenceShape", {x}); }

Output Effect(At at, const std::string& tag) { return at.Node("Effect", {}, {{"tag", tag}}); }
Output Logged(At at, Output x, const std::string& tag) {
  return at.Node("Logged", {x}, {{"tag", tag}});
}
std::vector<std::string> TakeLog() {
  const std::lock_guard<std::mutex> lock(log_mutex);
  return std::exchange(Log(), {});
}
Output NoOp(At at) { return at.Node("NoOp"); }
Output Check(At at, Output x, const std::string& message, const std::string& when) {
  return at.Node("Check", {x}, {{"message", message}, {"when", when}});
}
Output Random(At at) { return at.Node("Random"); }
Output Seed(At at) { return at.Node("Seed"); }
Output Throw(At at) { return at.Node("Throw"); }

Output VarHandle(At at, const std::string& variable, const TensorShape& shape) {
  return at.Node("VarHandle", {}, {{"variable", variable}, {"shape", shape}});
}
Output Read(At at, Output handle) { return at.Node("Read", {handle}); }
Output ReadCopy(At at, Output handle) { return at.Node("ReadCopy", {handle}); }
Output Assign(At at, Output handle, Output value) { return at.Node("Assign", {handle, value}); }
Output AssignAdd(At at, Output handle, Output value) {
  return at.Node("AssignAdd", {handle, value});
}
int64_t TakeCopies() { return copies.exchange(0); }
Output RefVariable(At at, const std::string& variable, const TensorShape& shape) {
  return at.Node("RefVariable", {}, {{"variable", variable}, {"shape", shape}});
}
Output RefAssign(At at, Output ref, Output value) { return at.Node("RefAssign", {ref, value}); }
Output RefAssignAdd(At at, Output ref, Output value) {
  return at.Node("RefAssignAdd", {ref, value});
}
Output RefIdentity(At at, Output ref) { return at.Node("RefIdentity", {ref}); }
Output RefSelect(At at, Output condition, Output a, Output b) {
  return at.Node("RefSelect", {condition, a, b});
}
Output IsInitialized(At at, Output ref) { return at.Node("IsInitialized", {ref}); }

}  // namespace sluice::session_ops
