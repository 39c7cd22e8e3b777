// The initializers that get_variable itself needs (rule VS-7), with TensorFlow's node names (rule
// VAR-2).
#include <cmath>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/variable.h"

namespace sluice {
namespace {

// From this many elements on, a constant is filled at run time instead of standing in the graph
// (rule VAR-2).
constexpr int64_t kLargeConstant = 1000;

Tensor ShapeTensor(const TensorShape& shape) {
  std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
  return Tensor::Of<int32_t>({static_cast<int64_t>(dims.size())}, dims);
}

absl::StatusOr<Tensor> Filled(const TensorShape& shape, DType dtype, double value) {
  if (dtype == DType::kString || dtype == DType::kBool) {
    Tensor t = Tensor::Zeros(dtype, shape);
    if (dtype == DType::kBool) {
      for (bool& b : t.mutable_flat<bool>()) b = value != 0;
    }
    return t;
  }
  const Tensor scalar = NumberTensor(dtype, value);
  SLUICE_ASSIGN_OR_RETURN(Tensor t, Tensor::Make(dtype, shape));
  const size_t size = SizeOf(dtype);
  for (int64_t i = 0; i < t.num_elements(); ++i) {
    std::copy_n(static_cast<const char*>(scalar.raw()), size,
                static_cast<char*>(t.mutable_raw()) + i * size);
  }
  return t;
}

Output ConstantInitializer(At at, const TensorShape& shape, DType dtype, double value,
                           const char* name) {
  if (shape.num_elements() >= 0 && shape.num_elements() < kLargeConstant) {
    absl::StatusOr<Tensor> tensor = Filled(shape, dtype, value);
    if (!tensor.ok()) return at.Fail(name, tensor.status());
    return at.Named(name).Node("Const", {}, {{"value", *std::move(tensor)}, {"dtype", dtype}});
  }
  const At inside = at.Sub(name);
  const Output dims =
      inside.Named("shape_as_tensor")
          .Node("Const", {}, {{"value", ShapeTensor(shape)}, {"dtype", DType::kInt32}});
  absl::StatusOr<Tensor> scalar = Filled({}, dtype, value);
  const Output constant =
      inside.Named("Const").Node("Const", {}, {{"value", *std::move(scalar)}, {"dtype", dtype}});
  return inside.AsScope().Node("Fill", {dims, constant});
}

}  // namespace

Output ZerosInitializer(At at, const TensorShape& shape, DType dtype) {
  return ConstantInitializer(at, shape, dtype, 0, "zeros");
}
Output OnesInitializer(At at, const TensorShape& shape, DType dtype) {
  return ConstantInitializer(at, shape, dtype, 1, "ones");
}

std::pair<double, double> ComputeFans(const TensorShape& shape) {
  const int rank = shape.rank();
  if (rank < 1) return {1, 1};
  if (rank == 1) return {shape.dim(0), shape.dim(0)};
  double receptive_field = 1;
  for (int i = 0; i < rank - 2; ++i) receptive_field *= static_cast<double>(shape.dim(i));
  return {shape.dim(-2) * receptive_field, shape.dim(-1) * receptive_field};
}

Output UniformInitializerNodes(At at, const TensorShape& shape, DType dtype, double low,
                               double high, std::optional<int64_t> seed) {
  if (!IsFloating(dtype))
    return at.Fail("random_uniform",
                   absl::InvalidArgumentError(
                       absl::StrCat("Expected floating point type, got ", DTypeName(dtype), ".")));
  const At inside = at.Sub("random_uniform");
  const auto constant = [&](const char* name, Tensor value) {
    const DType type = value.dtype();
    return inside.Named(name).Node("Const", {}, {{"value", std::move(value)}, {"dtype", type}});
  };
  const Output dims = constant("shape", ShapeTensor(shape));
  const Output minimum = constant("min", NumberTensor(dtype, low));
  const Output maximum = constant("max", NumberTensor(dtype, high));
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  const Output unit =
      inside.Node("RandomUniform", {dims}, {{"dtype", dtype}, {"seed", seed1}, {"seed2", seed2}});
  const Output range = inside.Named("sub").Node("Sub", {maximum, minimum});
  const Output scaled = inside.Named("mul").Node("Mul", {unit, range});
  return inside.AsScope().Node("Add", {scaled, minimum});
}

std::pair<double, double> GlorotUniformRange(const TensorShape& shape) {
  const auto [fan_in, fan_out] = ComputeFans(shape);
  // scale / max(1, mean of the fans), rule IN-2
  const double limit = std::sqrt(6.0 / std::max(2.0, fan_in + fan_out));
  return {-limit, limit};
}

Output GlorotUniformInitializer(At at, const TensorShape& shape, DType dtype) {
  const auto [low, high] = GlorotUniformRange(shape);
  return UniformInitializerNodes(at, shape, dtype, low, high, std::nullopt);
}

Output Initializer::operator()(At at, const TensorShape& shape, DType dtype,
                               const PartitionInfo* partition) const {
  if (const Function* function = std::get_if<Function>(&how_))
    return (*function)(at, shape, dtype, partition);
  if (const FixedFunction* function = std::get_if<FixedFunction>(&how_)) return (*function)(at);
  if (const Output* tensor = output()) return *tensor;
  if (value() == nullptr) return at.Fail("Initializer", absl::InternalError("empty initializer"));
  const At named = at.scope().op_name().empty() ? at.Named("initial_value") : at;
  return named.Node("Const", {}, {{"value", *value()}, {"dtype", value()->dtype()}});
}

}  // namespace sluice
