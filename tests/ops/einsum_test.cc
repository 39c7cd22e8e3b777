#include "ops/einsum.h"

#include <algorithm>
#include <complex>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Einsum by its definition: a loop over all values of all letters. No "...".
Tensor Naive(const std::string& equation, const std::vector<Tensor>& inputs) {
  const std::vector<std::string> sides = absl::StrSplit(equation, "->");
  const std::vector<std::string> subscripts = absl::StrSplit(sides[0], ',');
  std::map<char, int64_t> sizes, place;
  for (size_t i = 0; i < inputs.size(); ++i)
    for (size_t k = 0; k < subscripts[i].size(); ++k)
      sizes[subscripts[i][k]] = inputs[i].dim(static_cast<int>(k));
  std::vector<std::vector<double>> values;
  for (const Tensor& input : inputs) values.push_back(ToDoubles(input));
  TensorShape shape;
  for (const char c : sides[1]) shape.AddDim(sizes[c]);
  std::vector<double> result(shape.num_elements());
  int64_t total = 1;
  for (const auto& [letter, size] : sizes) total *= size;
  const auto offset = [&](const std::string& text) {
    int64_t at = 0;
    for (const char c : text) at = at * sizes[c] + place[c];
    return at;
  };
  for (int64_t step = 0; step < total; ++step) {
    int64_t rest = step;
    for (const auto& [letter, size] : sizes) {
      place[letter] = rest % size;
      rest /= size;
    }
    double product = 1;
    for (size_t i = 0; i < inputs.size(); ++i) product *= values[i][offset(subscripts[i])];
    result[offset(sides[1])] += product;
  }
  return FromDoubles(inputs[0].dtype(), shape, result);
}

struct Case {
  const char* equation;
  std::vector<TensorShape> shapes;
};

const Case kPlainCases[] = {
    {"ij,jk->ik", {{2, 3}, {3, 4}}},
    {"ij,kj->ki", {{2, 3}, {4, 3}}},
    {"ij->ji", {{2, 3}}},
    {"ij->", {{2, 3}}},
    {"ijk->k", {{2, 3, 4}}},
    {"i,i->", {{5}, {5}}},
    {"i,j->ij", {{2}, {3}}},
    {"i,j->ji", {{2}, {3}}},
    {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}},
    {"bij,jk->bik", {{2, 3, 4}, {4, 5}}},
    {"abc,cd->da", {{2, 3, 4}, {4, 5}}},
    {"abc,d->d", {{2, 3, 4}, {5}}},
    {"abcd,cbe->dae", {{2, 3, 4, 5}, {4, 3, 2}}},
    {"ab,ab->ab", {{2, 3}, {2, 3}}},
    {"ab,ab->ba", {{2, 3}, {2, 3}}},
    {",ij->ij", {{}, {2, 3}}},
    {"ij,jk->ik", {{2, 0}, {0, 4}}},
    {"ij,jk->ik", {{0, 3}, {3, 4}}},
    {"ij,jk->ik", {{1, 1}, {1, 1}}},
};

const Case kDiagonalCases[] = {
    {"ii->i", {{3, 3}}},
    {"ii->", {{3, 3}}},
    {"i->ii", {{3}}},
    {"iij,j->i", {{3, 3, 2}, {2}}},
    {"aab,bc->cca", {{2, 2, 3}, {3, 4}}},
};

std::vector<Tensor> InputsOf(const Case& c, DType dtype) {
  std::vector<Tensor> inputs;
  for (const TensorShape& shape : c.shapes)
    inputs.push_back(RandomTensor(dtype, shape, inputs.size() + 1, -4, 4));
  return inputs;
}

TEST(EinsumOpTest, MatchesItsDefinition) {
  for (const DType dtype : {DType::kDouble, DType::kFloat, DType::kInt32}) {
    for (const Case& c : kPlainCases) {
      const std::vector<Tensor> inputs = InputsOf(c, dtype);
      OpTest("Einsum")
          .Attr("equation", c.equation)
          .Inputs(inputs)
          .Expect(Naive(c.equation, inputs), {1e-5, 1e-4});
    }
    for (const Case& c : kDiagonalCases) {
      const std::vector<Tensor> inputs = InputsOf(c, dtype);
      OpTest("Einsum")
          .Attr("equation", c.equation)
          .Inputs(inputs)
          .Expect(Naive(c.equation, inputs), {1e-5, 1e-4});
    }
  }
}

TEST(EinsumOpTest, EllipsisBroadcasts) {
  OpTest("Einsum")
      .Attr("equation", "...ij,...jk->...ik")
      .Input({2, 1, 2}, {1, 2, 3, 4})
      .Input({2, 1}, {1, 10})
      .Expect({2, 1, 1}, {21, 43});
  OpTest("Einsum").Attr("equation", "i...->...").Input({2, 2}, {1, 2, 3, 4}).Expect({2}, {4, 6});
  OpTest("Einsum")
      .Attr("equation", "a...,...b->ab...")
      .Input({1, 2}, {1, 2})
      .Input({1, 2}, {10, 100})
      .Expect({1, 2, 2}, {10, 20, 100, 200});
  OpTest("Einsum")
      .Attr("equation", "...,...->...")
      .Input({}, {2})
      .Input({2}, {3, 4})
      .Expect({2}, {6, 8});
}

TEST(EinsumOpTest, OtherTypes) {
  using C = std::complex<float>;
  OpTest("Einsum")
      .Attr("equation", "i,i->")
      .Input<C>({2}, {C(0, 1), C(1, 0)})
      .Input<C>({2}, {C(0, 1), C(2, 0)})
      .Expect<C>({}, {C(1, 0)});
  for (const DType dtype : {DType::kHalf, DType::kBfloat16, DType::kInt64}) {
    OpTest("Einsum")
        .Attr("equation", "ij,j->i")
        .Input(FromDoubles(dtype, {2, 2}, {1, 2, 3, 4}))
        .Input(FromDoubles(dtype, {2}, {1, 2}))
        .Expect(FromDoubles(dtype, {2}, {5, 11}));
  }
}

TEST(EinsumOpTest, Errors) {
  const auto one = [](const char* equation) {
    return std::move(OpTest("Einsum").Attr("equation", equation).Input({2, 2}, {1, 2, 3, 4}));
  };
  one("ij").ExpectError(kInvalid, "Expecting exactly one '->'");
  one("ij->i->j").ExpectError(kInvalid, "Expecting exactly one '->'");
  one("i->i").ExpectError(kInvalid, "Expected input to have rank 1 but got rank 2");
  one("ij->k").ExpectError(kInvalid, "label k which is not present");
  one("i1->i").ExpectError(kInvalid, "Invalid character '1'");
  one("i..->i").ExpectError(kInvalid, "Invalid character '.'");
  one("ij,j->i").ExpectError(kInvalid, "Expecting 1 or 2 input subscripts");
  one("...->").ExpectError(kInvalid, "must have an ellipsis");
  OpTest("Einsum")
      .Attr("equation", "ij,jk->ik")
      .Input({1, 2}, {1, 2})
      .Input({3, 1}, {1, 2, 3})
      .ExpectError(kInvalid, "must be equal, but are 2 and 3");
  OpTest("Einsum")
      .Attr("equation", "ii->i")
      .Input({1, 2}, {1, 2})
      .ExpectError(kInvalid, "must be equal, but are 1 and 2");
}

TEST(EinsumOpTest, Gradients) {
  for (const Case& c : kPlainCases) {
    const std::vector<Tensor> inputs = InputsOf(c, DType::kDouble);
    if (inputs[0].num_elements() == 0) continue;
    OpTest("Einsum")
        .Attr("equation", c.equation)
        .Inputs(inputs)
        .CheckGradient({.context = c.equation});
  }
  for (const Case& c : kDiagonalCases) {
    OpTest("Einsum")
        .Attr("equation", c.equation)
        .Inputs(InputsOf(c, DType::kDouble))
        .CheckGradient({.context = c.equation});
  }
  OpTest("Einsum")
      .Attr("equation", "...ij,...jk->...ik")
      .Input(RandomTensor(DType::kDouble, {2, 1, 2, 3}, 1))
      .Input(RandomTensor(DType::kDouble, {3, 3, 2}, 2))
      .CheckGradient();
  OpTest("Einsum")
      .Attr("equation", "ij,...jk->...ik")
      .Input(RandomTensor(DType::kDouble, {2, 3}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 3, 2}, 2))
      .CheckGradient();
}

// The value of Einsum(equation) of constants.
absl::StatusOr<Tensor> Built(const std::string& equation, const std::vector<Tensor>& values) {
  Graph graph(ops::Builtin());
  Scope root = Scope::Root(graph);
  Outputs inputs;
  for (const Tensor& value : values) inputs.push_back(ops::Const(root, value));
  const Output y = ops::Einsum(root, equation, inputs);
  if (!graph.status().ok()) return graph.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  if (!session.ok()) return session.status();
  absl::StatusOr<std::vector<Tensor>> out = session->Run({}, {y});
  if (!out.ok()) return out.status();
  return (*out)[0];
}

TEST(EinsumTest, MatchesItsDefinition) {
  for (const Case& c : kPlainCases) {
    for (const DType dtype : {DType::kDouble, DType::kInt32}) {
      const std::vector<Tensor> inputs = InputsOf(c, dtype);
      const absl::StatusOr<Tensor> got = Built(c.equation, inputs);
      ASSERT_TRUE(got.ok()) << c.equation << ": " << got.status();
      ExpectClose(*got, Naive(c.equation, inputs), {1e-9, 1e-9}, c.equation);
    }
  }
}

TEST(EinsumTest, ThreeOperandsAndImplicitOutputs) {
  const std::vector<Tensor> three = {RandomTensor(DType::kDouble, {2, 3}, 1),
                                     RandomTensor(DType::kDouble, {3, 4}, 2),
                                     RandomTensor(DType::kDouble, {4, 2}, 3)};
  for (const std::string equation : {"ij,jk,kl->il", "ij,jk,kl->", "ij,jk,ki->i", "ij,jk,kl->lkji"})
    ExpectClose(Built(equation, three).value(), Naive(equation, three), {1e-9, 1e-9}, equation);
  const std::vector<Tensor> same(3, Tensor::Of<double>({2}, {2, 3}));
  ExpectClose(Built("i,i,i->", same).value(), Tensor::Scalar(35.0));
  const std::vector<Tensor> two = {three[0], three[1]};
  ExpectClose(Built("ij,jk", two).value(), Naive("ij,jk->ik", two), {1e-9, 1e-9});
  ExpectClose(Built("ba", {three[0]}).value(), Naive("ba->ab", {three[0]}), {1e-9, 1e-9});
  ExpectClose(Built(" i j , j k -> i k ", two).value(), Naive("ij,jk->ik", two), {1e-9, 1e-9});
}

TEST(EinsumTest, Ellipsis) {
  const Tensor a = RandomTensor(DType::kDouble, {2, 3, 4}, 1),
               b = RandomTensor(DType::kDouble, {4, 5}, 2);
  ExpectClose(Built("...j,jk->...k", {a, b}).value(), Naive("abj,jk->abk", {a, b}), {1e-9, 1e-9});
  ExpectClose(Built("...j,jk", {a, b}).value(), Naive("abj,jk->abk", {a, b}), {1e-9, 1e-9});
  ExpectClose(Built("a...->...a", {a}).value(), Naive("abc->bca", {a}), {1e-9, 1e-9});
}

TEST(EinsumTest, Gradients) {
  for (const Case& c : kPlainCases) {
    const std::vector<Tensor> inputs = InputsOf(c, DType::kDouble);
    if (inputs[0].num_elements() == 0) continue;
    CheckGradient(
        [&](At at, const Outputs& in) -> Outputs { return {ops::Einsum(at, c.equation, in)}; },
        inputs, {.unknown_rank = false, .context = c.equation});
  }
}

TEST(EinsumTest, Errors) {
  const Tensor a = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const auto message = [&](const char* equation, const std::vector<Tensor>& inputs) {
    const absl::StatusOr<Tensor> got = Built(equation, inputs);
    EXPECT_EQ(got.status().code(), kInvalid) << equation;
    return std::string(got.status().message());
  };
  EXPECT_THAT(message("ii->i", {a}), testing::HasSubstr("an axis appears more than once: ii"));
  EXPECT_THAT(message("ij,jk->ik", {a}), testing::HasSubstr("Expected 2 inputs"));
  EXPECT_THAT(message("ij->k", {a}), testing::HasSubstr("not present in the input"));
  EXPECT_THAT(message("ijk->i", {a}), testing::HasSubstr("Expected input to have rank 3"));
  EXPECT_THAT(message("ij,jk->ik", {a, Tensor::Of<float>({1, 2}, {1, 2})}),
              testing::HasSubstr("must be equal, but are 2 and 1"));
}

}  // namespace
}  // namespace sluice
