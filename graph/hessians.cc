// Second derivatives, built from two passes of graph/gradients.h (rule GR-16).
#include "core/status.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/handle.h"

namespace sluice {
namespace {

Output Int32Vector(At at, const char* name, const std::vector<int32_t>& values) {
  return at.Named(name).Node(
      "Const", {},
      {{"value", Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values)},
       {"dtype", DType::kInt32}});
}

Output Reshaped(At at, const Output& x, const std::vector<int32_t>& shape) {
  const At inside = at.Sub("Reshape");
  return inside.AsScope().Node("Reshape", {x, Int32Vector(inside, "shape", shape)});
}

// Element i of a vector.
Output Element(At at, const Output& vector, int32_t i) {
  const At inside = at.Sub("strided_slice");
  return inside.AsScope().Node(
      "StridedSlice",
      {vector, Int32Vector(inside, "stack", {i}), Int32Vector(inside, "stack_1", {i + 1}),
       Int32Vector(inside, "stack_2", {1})},
      {{"shrink_axis_mask", int64_t{1}}});
}

// The shape of x, or of the variable whose handle it is.
absl::StatusOr<TensorShape> ShapeForHessian(const Output& x) {
  TensorShape shape = x.shape();
  if (BaseType(x.dtype()) == DType::kResource) {
    const std::optional<HandleInfo> variable = VariableBehind(x);
    shape = variable.has_value() ? variable->shape : TensorShape::Unknown();
  }
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(absl::StrCat("the shape of ", x.name(), " is ",
                                                   shape.ToString(),
                                                   ": a Hessian needs a fully known one"));
  }
  if (shape.num_elements() > kMaxHessianElements) {
    return absl::InvalidArgumentError(absl::StrCat(x.name(), " has ", shape.num_elements(),
                                                   " elements; a Hessian, one backward pass for "
                                                   "each, is built for at most ",
                                                   kMaxHessianElements));
  }
  return shape;
}

// `gradient` differentiated element by element.
Output Hessian(At at, const Output& gradient, const Output& x, const TensorShape& shape,
               const GradientsOptions& options) {
  std::vector<int32_t> twice;
  for (int repeat = 0; repeat < 2; ++repeat)
    for (const int64_t dim : shape.dims()) twice.push_back(static_cast<int32_t>(dim));
  const Output flat = Reshaped(at, gradient, {-1});
  if (shape.num_elements() == 0) return Reshaped(at, flat, twice);
  Outputs rows;
  for (int64_t i = 0; i < shape.num_elements() && at.ok(); ++i) {
    const Output element = Element(at, flat, static_cast<int32_t>(i));
    rows.push_back(Gradients(at, {element}, {x}, options)[0]);
  }
  return Reshaped(at, at.Named("stack").Node("Pack", rows), twice);
}

}  // namespace

Outputs HessianVectorProduct(At at, const Outputs& ys, const Outputs& xs, const Outputs& v) {
  if (!at.ok()) return Outputs(xs.size());
  if (xs.size() != v.size()) {
    at.Fail("hessian_vector_product",
            absl::InvalidArgumentError(absl::StrCat("xs and v must have the same length. (",
                                                    xs.size(), " and ", v.size(), ")")));
    return Outputs(xs.size());
  }
  const Outputs first = Gradients(at, ys, xs);
  Outputs products;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (first[i].empty()) continue;
    const Output constant = at.Node("StopGradient", {v[i]});
    products.push_back(at.Node("Mul", {first[i], constant}));
  }
  return Gradients(at, products, xs);
}

Outputs Hessians(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options) {
  Outputs result(xs.size());
  const Outputs first = Gradients(at, ys, xs, options);
  GradientsOptions second = options;
  second.grad_ys = {};
  second.unconnected_gradients = UnconnectedGradients::kZero;
  const At inside = at.Sub("hessians");
  for (size_t i = 0; i < xs.size() && at.ok(); ++i) {
    const absl::StatusOr<TensorShape> shape = ShapeForHessian(xs[i]);
    if (!shape.ok()) {
      at.Fail("hessians", shape.status());
      return Outputs(xs.size());
    }
    if (!first[i].empty()) result[i] = Hessian(inside, first[i], xs[i], *shape, second);
  }
  return result;
}

}  // namespace sluice
