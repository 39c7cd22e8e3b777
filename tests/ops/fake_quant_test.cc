#include "ops/fake_quant.h"

#include <cmath>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// What TensorFlow's own tests say of the ranges: [-0.1, 63.65] at 8 bits becomes [0, 63.75] in
// steps of 0.25; so do [-0.125, 63.625] and [0.4, 64.15]-like ranges, moved to hold zero.
struct Case {
  float min, max;
  int64_t bits;
  bool narrow;
  float nudged_min, nudged_max, step;
};
const Case kCases[] = {
    {0, 63.75, 8, false, 0, 63.75, 0.25},          {-0.1f, 63.65f, 8, false, 0, 63.75, 0.25},
    {-0.125, 63.625, 8, false, -0.25, 63.5, 0.25}, {-0.1f, 63.4f, 8, true, 0, 63.5, 0.25},
    {-0.4f, 7.1f, 4, false, -0.5, 7, 0.5},         {-0.125, 6.875, 4, true, 0, 7, 0.5},
    {0, 16383.75, 16, false, 0, 16383.75, 0.25},
};

std::vector<float> Points(const Case& c) {
  const float a = c.nudged_min, b = c.nudged_max, s = c.step;
  return {a - 1,         a - 0.01f, a, a + 0.01f, a + s - 0.01f, a + s,
          a + s + 0.01f, b - 0.01f, b, b + 0.01f, b + 1};
}
std::vector<float> Rounded(const Case& c) {
  const float a = c.nudged_min, b = c.nudged_max, s = c.step;
  return {a, a, a, a, a + s, a + s, a + s, b, b, b, b};
}

OpTest Args(const char* op, const Case& c) {
  OpTest test(op);
  return test.Attr("min", c.min)
      .Attr("max", c.max)
      .Attr("num_bits", c.bits)
      .Attr("narrow_range", c.narrow);
}
OpTest Vars(const char* op, const Case& c) {
  OpTest test(op);
  return test.Attr("num_bits", c.bits).Attr("narrow_range", c.narrow);
}
Tensor V(const std::vector<float>& values) {
  return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}

TEST(FakeQuantTest, RoundsToTheStepsOfTheNudgedRange) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(absl::StrCat(c.min, " ", c.max, " ", c.bits));
    const Tolerance tolerance = {1e-5, 1e-5};
    Args("FakeQuantWithMinMaxArgs", c).Input(V(Points(c))).Expect(V(Rounded(c)), tolerance);
    Vars("FakeQuantWithMinMaxVars", c)
        .Input(V(Points(c)))
        .Input(Tensor::Scalar(c.min))
        .Input(Tensor::Scalar(c.max))
        .Expect(V(Rounded(c)), tolerance);
  }
  OpTest("FakeQuantWithMinMaxArgs")
      .Input({3}, {std::nanf(""), INFINITY, -INFINITY})
      .Expect({3}, {std::nanf(""), 12.f / 255 * 127, -12.f / 255 * 128}, 1e-5);
  OpTest("FakeQuantWithMinMaxArgs").Input({0, 2}, {}).Expect({0, 2}, {});
}

TEST(FakeQuantTest, PerChannel) {
  OpTest("FakeQuantWithMinMaxVarsPerChannel")
      .Attr("num_bits", 4)
      .Input({2, 2}, {0.3f, 100, 7.3f, -3})
      .Input({2}, {-0.4f, 0})
      .Input({2}, {7.1f, 15})
      .Expect({2, 2}, {0.5f, 15, 7, 0});
  OpTest("FakeQuantWithMinMaxVarsPerChannel")
      .Input({2, 0}, {})
      .Input({0}, {})
      .Input({0}, {})
      .Expect({2, 0}, {});
}

TEST(FakeQuantTest, ZeroRangeGivesZero) {
  OpTest("FakeQuantWithMinMaxVars")
      .Input({3}, {-1, 0, 2})
      .Input(Tensor::Scalar(0.f))
      .Input(Tensor::Scalar(0.f))
      .Expect({3}, {0, 0, 0});
  OpTest("FakeQuantWithMinMaxVarsGradient")
      .Input({3}, {4, 5, 6})
      .Input({3}, {-1, 0, 2})
      .Input(Tensor::Scalar(0.f))
      .Input(Tensor::Scalar(0.f))
      .ExpectAll({Tensor::Of<float>({3}, {4, 5, 6}), Tensor::Scalar(0.f), Tensor::Scalar(0.f)});
}

TEST(FakeQuantTest, GradientPassesInsideAndMovesTheEnds) {
  const Case c = {-0.4f, 7.1f, 4, false, -0.5, 7, 0.5};
  const Tensor x = Tensor::Of<float>({6}, {-3, -0.5, 0, 7, 7.1f, 9});
  const Tensor dy = Tensor::Of<float>({6}, {1, 2, 4, 8, 16, 32});
  const Tensor dx = Tensor::Of<float>({6}, {0, 2, 4, 8, 0, 0});
  Args("FakeQuantWithMinMaxArgsGradient", c).Input(dy).Input(x).Expect(dx);
  Vars("FakeQuantWithMinMaxVarsGradient", c)
      .Input(dy)
      .Input(x)
      .Input(Tensor::Scalar(c.min))
      .Input(Tensor::Scalar(c.max))
      .ExpectAll({dx, Tensor::Scalar(1.f), Tensor::Scalar(48.f)});
  Vars("FakeQuantWithMinMaxVarsPerChannelGradient", c)
      .Input({2, 2}, {1, 2, 4, 8})
      .Input({2, 2}, {-3, 1, 9, 20})
      .Input({2}, {c.min, c.min})
      .Input({2}, {c.max, c.max})
      .ExpectAll({Tensor::Of<float>({2, 2}, {0, 2, 0, 0}), Tensor::Of<float>({2}, {1, 0}),
                  Tensor::Of<float>({2}, {4, 8})});
}

TEST(FakeQuantTest, GraphsDifferentiate) {
  Graph graph(ops::Builtin());
  const Scope s = Scope::Root(graph);
  const Output x = ops::Const<float>(s, {-3, 1, 9});
  const Output min = ops::Const(s, -0.4f), max = ops::Const(s, 7.1f);
  const Outputs d = Gradients(s,
                              {ops::FakeQuantWithMinMaxVars(s, x, min, max, {.num_bits = 4}),
                               ops::FakeQuantWithMinMaxArgs(s, x, {.min = -4, .max = 4})},
                              {x, min, max});
  ASSERT_TRUE(graph.ok()) << graph.status();
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  const auto values = session->Run({}, d);
  ASSERT_THAT(values, IsOk());
  // To x: 0 + 1, 1 + 1, 0 + 0.
  ExpectClose((*values)[0], Tensor::Of<float>({3}, {1, 2, 0}));
  ExpectClose((*values)[1], Tensor::Scalar(1.f));
  ExpectClose((*values)[2], Tensor::Scalar(1.f));
}

TEST(FakeQuantTest, Errors) {
  for (const int64_t bits : {1, 17, -3}) {
    OpTest("FakeQuantWithMinMaxArgs")
        .Attr("num_bits", bits)
        .Input({1}, {1})
        .ExpectError(StatusCode::kInvalidArgument, "num_bits must be between 2 and 16");
  }
  OpTest("FakeQuantWithMinMaxArgs")
      .Attr("min", 2.f)
      .Attr("max", 2.f)
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "min has to be smaller than max");
  OpTest("FakeQuantWithMinMaxVars")
      .Input({1}, {1})
      .Input({1}, {1})
      .Input({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "rank 0 but is rank 1");
  OpTest("FakeQuantWithMinMaxVarsPerChannel")
      .Input({1, 2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .Input({3}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
