#include "tests/testing/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/interpreter.h"

namespace sluice {
namespace {

enum class Shapes { kExact, kUnknownBatch, kUnknownRank };
constexpr const char* kShapesNames[] = {"exact shapes", "unknown first dimension", "unknown rank"};

bool Contains(const std::vector<int>& list, int i) {
  return std::find(list.begin(), list.end(), i) != list.end();
}

TensorShape Weakened(TensorShape shape, Shapes how) {
  if (how == Shapes::kUnknownRank) return TensorShape::Unknown();
  if (how == Shapes::kUnknownBatch && shape.rank() > 0) shape.set_dim(0, -1);
  return shape;
}

// The differentiated graph of one case.
class Case {
 public:
  Case(const GraphFunction& f, std::vector<Tensor> inputs, const GradientCheckOptions& options,
       Shapes shapes)
      : inputs_(std::move(inputs)), graph_(ops::Builtin()) {
    for (int i = 0; i < static_cast<int>(inputs_.size()); ++i) AddInput(i, options, shapes);
    for (const Output& y : f(Scope::Root(graph_), nodes_))
      if (!y.empty() && y.dtype() == DType::kDouble) ys_.push_back(y);
    if (!graph_.ok()) return;
    wrt_ = options.wrt;
    if (wrt_.empty()) {
      for (int i = 0; i < static_cast<int>(inputs_.size()); ++i) {
        if (inputs_[i].dtype() == DType::kDouble && !Contains(options.constants, i) &&
            !Contains(options.no_gradient, i))
          wrt_.push_back(i);
      }
    }
    Outputs xs;
    for (int i : wrt_) xs.push_back(nodes_[i]);
    for (int i : options.no_gradient) xs.push_back(nodes_[i]);
    for (const Output& y : ys_)
      dys_.push_back(
          At(Scope::Root(graph_).Named("dy"))
              .Node("Placeholder", {},
                    {{"dtype", DType::kDouble},
                     {"shape", shapes == Shapes::kExact ? y.shape() : TensorShape::Unknown()}}));
    dxs_ = Gradients(Scope::Root(graph_), ys_, xs, {.grad_ys = dys_});
  }

  const Graph& graph() const { return graph_; }
  const std::vector<int>& wrt() const { return wrt_; }
  const Outputs& ys() const { return ys_; }
  const Outputs& dxs() const { return dxs_; }  // one per wrt, then one per no_gradient
  const std::vector<Tensor>& inputs() const { return inputs_; }

  Feeds FeedsFor(const std::vector<Tensor>& inputs, const std::vector<Tensor>& dys) const {
    Feeds feeds;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (fed_[i]) feeds.emplace_back(nodes_[i], inputs[i]);
    for (size_t i = 0; i < dys.size(); ++i) feeds.emplace_back(dys_[i], dys[i]);
    return feeds;
  }
  Outputs WantedGradients() const {
    return Outputs(dxs_.begin(), dxs_.begin() + static_cast<int>(wrt_.size()));
  }

 private:
  void AddInput(int i, const GradientCheckOptions& options, Shapes shapes) {
    const DType dtype = inputs_[i].dtype();
    const bool constant = Contains(options.constants, i) ||
                          (options.integers_are_constants && dtype != DType::kDouble);
    const At at(Scope::Root(graph_).Named(absl::StrCat("x", i)));
    fed_.push_back(!constant);
    if (constant) {
      nodes_.push_back(at.Node("Const", {}, {{"value", inputs_[i]}, {"dtype", dtype}}));
    } else {
      nodes_.push_back(at.Node(
          "Placeholder", {}, {{"dtype", dtype}, {"shape", Weakened(inputs_[i].shape(), shapes)}}));
    }
  }

  std::vector<Tensor> inputs_;
  Graph graph_;
  std::vector<bool> fed_;
  std::vector<int> wrt_;
  Outputs nodes_, ys_, dys_, dxs_;
};

// jacobian[y][x][j * |x| + i] = d y_j / d x_i
using Jacobian = std::vector<std::vector<std::vector<double>>>;

std::vector<Tensor> ZerosLike(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> zeros;
  for (const Tensor& t : tensors) zeros.push_back(Tensor::Zeros(t.dtype(), t.shape()));
  return zeros;
}

absl::StatusOr<Jacobian> AnalyticJacobian(const Case& c, const std::vector<Tensor>& ys) {
  Jacobian jacobian(ys.size(), std::vector<std::vector<double>>(c.wrt().size()));
  for (size_t y = 0; y < ys.size(); ++y) {
    for (int64_t j = 0; j < ys[y].num_elements(); ++j) {
      std::vector<Tensor> dys = ZerosLike(ys);
      dys[y].mutable_data<double>()[j] = 1;
      SLUICE_ASSIGN_OR_RETURN(
          std::vector<Tensor> dxs,
          Interpret(c.graph(), c.FeedsFor(c.inputs(), dys), c.WantedGradients()));
      for (size_t x = 0; x < dxs.size(); ++x) {
        const Tensor& input = c.inputs()[c.wrt()[x]];
        if (dxs[x].dtype() != DType::kDouble || dxs[x].shape() != input.shape())
          return absl::InternalError(absl::StrCat("gradient of input ", c.wrt()[x], " is ",
                                                  dxs[x].DebugString(), ", the input is ",
                                                  input.DebugString()));
        for (double d : dxs[x].flat<double>()) jacobian[y][x].push_back(d);
      }
    }
  }
  return jacobian;
}

absl::StatusOr<Jacobian> NumericJacobian(const Case& c, const std::vector<Tensor>& ys,
                                         double relative_step) {
  Jacobian jacobian(ys.size());
  for (size_t y = 0; y < ys.size(); ++y) {
    for (int i : c.wrt())
      jacobian[y].emplace_back(ys[y].num_elements() * c.inputs()[i].num_elements());
  }
  for (size_t x = 0; x < c.wrt().size(); ++x) {
    std::vector<Tensor> inputs = c.inputs();
    const int64_t size = inputs[c.wrt()[x]].num_elements();
    for (int64_t i = 0; i < size; ++i) {
      const double center = c.inputs()[c.wrt()[x]].flat<double>()[i];
      const double step = relative_step * std::max(1.0, std::abs(center));
      std::vector<Tensor> values[2];
      for (int side = 0; side < 2; ++side) {
        SLUICE_ASSIGN_OR_RETURN(Tensor moved, c.inputs()[c.wrt()[x]].Clone());
        moved.mutable_data<double>()[i] = center + (side ? step : -step);
        inputs[c.wrt()[x]] = moved;
        SLUICE_ASSIGN_OR_RETURN(values[side], Interpret(c.graph(), c.FeedsFor(inputs, {}), c.ys()));
      }
      const double width = (center + step) - (center - step);
      for (size_t y = 0; y < ys.size(); ++y)
        for (int64_t j = 0; j < ys[y].num_elements(); ++j)
          jacobian[y][x][j * size + i] =
              (values[1][y].flat<double>()[j] - values[0][y].flat<double>()[j]) / width;
    }
  }
  return jacobian;
}

void CompareJacobians(const Case& c, const Jacobian& analytic, const Jacobian& numeric,
                      const GradientCheckOptions& options) {
  for (size_t y = 0; y < analytic.size(); ++y) {
    for (size_t x = 0; x < analytic[y].size(); ++x) {
      const int64_t size = c.inputs()[c.wrt()[x]].num_elements();
      int shown = 0;
      for (size_t k = 0; k < analytic[y][x].size() && shown < 5; ++k) {
        const double a = analytic[y][x][k], n = numeric[y][x][k];
        if (std::abs(a - n) <= options.tolerance * (1 + std::abs(n))) continue;
        ++shown;
        ADD_FAILURE() << options.context << ": d output " << y << "[" << k / size << "] / d input "
                      << c.wrt()[x] << "[" << k % size << "]: gradient " << a << ", differences "
                      << n;
      }
    }
  }
}

// sum over outputs of dy * jacobian, as the gradient with that dy must be.
std::vector<Tensor> Product(const Case& c, const Jacobian& jacobian,
                            const std::vector<Tensor>& dys) {
  std::vector<Tensor> products;
  for (size_t x = 0; x < c.wrt().size(); ++x) {
    const Tensor& input = c.inputs()[c.wrt()[x]];
    Tensor product = Tensor::Zeros(DType::kDouble, input.shape());
    double* to = product.mutable_data<double>();
    const int64_t size = input.num_elements();
    for (size_t y = 0; y < dys.size(); ++y)
      for (int64_t j = 0; j < dys[y].num_elements(); ++j)
        for (int64_t i = 0; i < size; ++i)
          to[i] += dys[y].flat<double>()[j] * jacobian[y][x][j * size + i];
    products.push_back(std::move(product));
  }
  return products;
}

void CompareGradients(const absl::StatusOr<std::vector<Tensor>>& got,
                      const std::vector<Tensor>& want, const std::string& what) {
  ASSERT_TRUE(got.ok()) << what << ": " << got.status();
  for (size_t x = 0; x < want.size(); ++x)
    ExpectClose((*got)[x], want[x], {1e-9, 1e-9}, absl::StrCat(what, ", gradient ", x));
}

// The gradient for random dys: by the interpreter, by a session, and in graphs that know less of
// the shapes.
void CheckRandomGradient(const GraphFunction& f, const Case& exact, const Jacobian& analytic,
                         const std::vector<Tensor>& ys, const GradientCheckOptions& options) {
  std::vector<Tensor> dys;
  for (size_t y = 0; y < ys.size(); ++y)
    dys.push_back(RandomTensor(DType::kDouble, ys[y].shape(), options.seed + y));
  const std::vector<Tensor> want = Product(exact, analytic, dys);
  const int variants = !options.unknown_shapes ? 1 : options.unknown_rank ? 3 : 2;
  for (int v = 0; v < variants; ++v) {
    const std::string what = absl::StrCat(options.context, ", ", kShapesNames[v]);
    const Case c(f, exact.inputs(), options, static_cast<Shapes>(v));
    ASSERT_TRUE(c.graph().ok()) << what << ": " << c.graph().status();
    const Feeds feeds = c.FeedsFor(c.inputs(), dys);
    CompareGradients(Interpret(c.graph(), feeds, c.WantedGradients()), want, what);
    absl::StatusOr<Session> session = Session::Create(c.graph());
    ASSERT_TRUE(session.ok()) << what << ": " << session.status();
    CompareGradients(session->Run(feeds, c.WantedGradients()), want, what + ", session");
  }
}

}  // namespace

void CheckGradient(const GraphFunction& f, const std::vector<Tensor>& inputs,
                   const GradientCheckOptions& options) {
  const Case c(f, inputs, options, Shapes::kExact);
  ASSERT_TRUE(c.graph().ok()) << options.context << ": " << c.graph().status();
  ASSERT_FALSE(c.ys().empty()) << options.context << ": no double output";
  ASSERT_FALSE(c.wrt().empty()) << options.context << ": no double input";
  for (size_t x = 0; x < c.dxs().size(); ++x) {
    const bool wanted = x < c.wrt().size();
    ASSERT_EQ(c.dxs()[x].empty(), !wanted)
        << options.context << ": input "
        << (wanted ? c.wrt()[x] : options.no_gradient[x - c.wrt().size()]);
  }
  auto ys = Interpret(c.graph(), c.FeedsFor(c.inputs(), {}), c.ys());
  ASSERT_TRUE(ys.ok()) << options.context << ": " << ys.status();
  auto analytic = AnalyticJacobian(c, *ys);
  ASSERT_TRUE(analytic.ok()) << options.context << ": " << analytic.status();
  auto numeric = NumericJacobian(c, *ys, options.step);
  ASSERT_TRUE(numeric.ok()) << options.context << ": " << numeric.status();
  CompareJacobians(c, *analytic, *numeric, options);
  CheckRandomGradient(f, c, *analytic, *ys, options);
}

}  // namespace sluice
