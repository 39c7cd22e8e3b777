// Arithmetic that can be said shorter. Only what leaves every result bit as it is (NaN stays some
// NaN): no reordering of sums and products, x + 0 stays (it turns -0 into 0), (x * a) * b stays (it
// rounds twice).
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/op_spec.h"
#include "graph/rewrite.h"
#include "ops/rewrites/tile_group.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

bool IsReal(DType dtype) { return dtype == DType::kFloat || dtype == DType::kDouble; }

std::optional<double> ElementOf(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kFloat:
      return t.data<float>()[i];
    case DType::kDouble:
      return t.data<double>()[i];
    case DType::kInt32:
      return t.data<int32_t>()[i];
    case DType::kInt64:
      return static_cast<double>(t.data<int64_t>()[i]);
    default:
      return std::nullopt;
  }
}

// The number that `value` is in every run; nullopt: it is none, or not known.
std::optional<double> NumberAt(const PlanEditor& plan, int value) {
  const Tensor* t = plan.constant(value);
  return t != nullptr && t->num_elements() == 1 ? ElementOf(*t, 0) : std::nullopt;
}

bool IsNumber(const PlanEditor& plan, int value, double number) {
  const auto x = NumberAt(plan, value);
  return x && *x == number && std::signbit(*x) == std::signbit(number);
}

int In(const PlanEditor& plan, int work, int i) { return plan.inputs(work)[i]; }
int Out(const PlanEditor& plan, int work) { return plan.outputs(work)[0]; }

// The result is input i.
bool Become(PlanEditor& plan, int work, int i) {
  return plan.Forward(Out(plan, work), In(plan, work, i));
}

// The result is that of another op, of attributes with those names.
bool BecomeOp(PlanEditor& plan, int work, const char* op, std::vector<int> inputs) {
  AttrMap attrs;
  if (const AttrValue* type = FindAttr(plan.node(work).attrs(), "T")) attrs["T"] = *type;
  const std::vector<int> outputs = {Out(plan, work)};
  return plan.Replace(work, {op, std::move(attrs), std::move(inputs), outputs}) != kNone;
}

// The input of the op `op` whose value `value` is; kNone.
int OperandOf(const PlanEditor& plan, int value, const char* op) {
  const int maker = plan.producer(value);
  return plan.Is(maker, op) ? In(plan, maker, 0) : kNone;
}

// x * 1 = 1 * x = x.
bool Product(PlanEditor& plan, int work) {
  if (IsNumber(plan, In(plan, work, 1), 1) && Become(plan, work, 0)) return true;
  return IsNumber(plan, In(plan, work, 0), 1) && Become(plan, work, 1);
}

// x / 1 = x; x / 2^k = x * 2^-k, both rounded once.
bool Quotient(PlanEditor& plan, int work) {
  const int divisor = In(plan, work, 1);
  if (IsNumber(plan, divisor, 1) && Become(plan, work, 0)) return true;
  const auto number = NumberAt(plan, divisor);
  if (!number || !IsReal(plan.dtype(divisor)) || !std::isfinite(*number)) return false;
  int exponent;
  constexpr int kSafe = 120;  // the inverse is a normal number of either type
  if (std::abs(std::frexp(*number, &exponent)) != 0.5 || std::abs(exponent) > kSafe) return false;
  const double inverse = 1 / *number;
  Tensor factor = Tensor::Zeros(plan.dtype(divisor), plan.shape(divisor));
  if (factor.dtype() == DType::kFloat) {
    factor.mutable_data<float>()[0] = static_cast<float>(inverse);
  } else {
    factor.mutable_data<double>()[0] = inverse;
  }
  return BecomeOp(plan, work, "Mul", {In(plan, work, 0), plan.Constant(factor)});
}

// x + (-0) = x; whole numbers: x + 0 = x. x + (-y) = x - y.
bool Addition(PlanEditor& plan, int work) {
  for (const int i : {0, 1}) {
    const int other = In(plan, work, i);
    const double zero = IsReal(plan.dtype(other)) ? -0.0 : 0.0;
    if (IsNumber(plan, other, zero) && Become(plan, work, 1 - i)) return true;
  }
  for (const int i : {1, 0}) {
    const int y = OperandOf(plan, In(plan, work, i), "Neg");
    if (y != kNone && BecomeOp(plan, work, "Sub", {In(plan, work, 1 - i), y})) return true;
  }
  return false;
}

// x - 0 = x. x - (-y) = x + y.
bool Difference(PlanEditor& plan, int work) {
  if (IsNumber(plan, In(plan, work, 1), 0) && Become(plan, work, 0)) return true;
  const int y = OperandOf(plan, In(plan, work, 1), "Neg");
  return y != kNone && BecomeOp(plan, work, "AddV2", {In(plan, work, 0), y});
}

// -(-x) = x.
bool Negative(PlanEditor& plan, int work) {
  const int x = OperandOf(plan, In(plan, work, 0), "Neg");
  return x != kNone && plan.Forward(Out(plan, work), x);
}

// The powers that are computed as products anyway, as ops that chains can take in.
bool Power(PlanEditor& plan, int work) {
  const int x = In(plan, work, 0);
  const auto power = NumberAt(plan, In(plan, work, 1));
  if (!power || !IsReal(plan.dtype(x))) return false;
  if (*power == 1) return Become(plan, work, 0);
  if (*power == 2) return BecomeOp(plan, work, "Square", {x});
  if (*power == -1) return BecomeOp(plan, work, "Reciprocal", {x});
  if (*power != 3 || plan.shape(Out(plan, work)) != plan.shape(x)) return false;
  // Two passes where there was one, unless a reader makes it part of a chain.
  const int y = Out(plan, work);
  const auto readers = plan.readers(y);
  if (!std::any_of(readers.begin(), readers.end(), [&](int r) {
        return TileKernelOf(plan, r) && plan.shape(Out(plan, r)) == plan.shape(y);
      })) {
    return false;
  }
  const std::vector<int> square = plan.Add(work, {.op = "Square", .inputs = {x}});
  return !square.empty() && BecomeOp(plan, work, "Mul", {square[0], x});
}

// The sum of one tensor is that tensor. A sum of many that are computed element by element is cut
// into sums of three, in their order, which chains can take in.
bool SumOfMany(PlanEditor& plan, int work) {
  constexpr size_t kStep = 3;  // summands of one step of a chain
  const std::vector<int> summands(plan.inputs(work).begin(), plan.inputs(work).end());
  if (summands.size() == 1) return Become(plan, work, 0);
  const auto computed = [&](int v) {
    return plan.ReadOnce(v) && TileKernelOf(plan, plan.producer(v));
  };
  if (summands.size() <= kStep || !IsReal(plan.dtype(summands[0])) ||
      std::count_if(summands.begin(), summands.end(), computed) < 2)
    return false;
  const auto sum_of = [&](std::vector<int> some, std::vector<int> outputs) {
    AttrMap attrs = {{"T", plan.dtype(some[0])}, {"N", static_cast<int64_t>(some.size())}};
    return PlanEditor::Work{"AddN", std::move(attrs), std::move(some), std::move(outputs)};
  };
  std::vector<int> some = {summands[0]};
  for (size_t i = 1; i < summands.size(); ++i) {
    if (some.size() == kStep) {
      const std::vector<int> sum = plan.Add(work, sum_of(some, {}));
      if (sum.empty()) return false;
      some = sum;
    }
    some.push_back(summands[i]);
  }
  return plan.Replace(work, sum_of(some, {Out(plan, work)})) != kNone;
}

// A condition that is one known value; else the form that chains can take in.
bool Choice(PlanEditor& plan, int work) {
  const int condition = In(plan, work, 0);
  if (const Tensor* t = plan.constant(condition); t != nullptr && t->num_elements() == 1)
    return Become(plan, work, *t->data<bool>() ? 1 : 2);
  if (!plan.Is(work, "Select")) return false;
  // Where every element has its own condition, or all have one, both ops mean the same.
  const TensorShape& shape = plan.shape(Out(plan, work));
  if (plan.shape(condition) != shape && plan.shape(condition).rank() != 0) return false;
  const auto readers = plan.readers(Out(plan, work));
  const auto tiled = [&](int w) { return TileKernelOf(plan, w).has_value(); };
  bool beside = std::any_of(readers.begin(), readers.end(), tiled);
  for (const int v : plan.inputs(work)) beside |= tiled(plan.producer(v));
  const std::vector<int> inputs(plan.inputs(work).begin(), plan.inputs(work).end());
  return beside && BecomeOp(plan, work, "SelectV2", inputs);
}

// Ops that take or repeat elements in their order: with as many results as elements they change
// nothing.
bool Copy(PlanEditor& plan, int work) {
  return plan.shape(Out(plan, work)) == plan.shape(In(plan, work, 0)) && Become(plan, work, 0);
}

bool SameType(PlanEditor& plan, int work) {
  return plan.dtype(Out(plan, work)) == plan.dtype(In(plan, work, 0)) && Become(plan, work, 0);
}

// Elements taken in steps of 1, as many as there are.
bool WholeSlice(PlanEditor& plan, int work) {
  const Tensor* steps = plan.constant(In(plan, work, 3));
  if (steps == nullptr) return false;
  for (int64_t i = 0; i < steps->num_elements(); ++i)
    if (ElementOf(*steps, i) != 1.0) return false;
  return Copy(plan, work);
}

std::optional<std::vector<int64_t>> PermutationOf(const PlanEditor& plan, int work) {
  const Tensor* t = plan.constant(In(plan, work, 1));
  if (t == nullptr) return std::nullopt;
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < t->num_elements(); ++i)
    perm.push_back(static_cast<int64_t>(*ElementOf(*t, i)));
  return perm;
}

// Two transposes are one; one that moves nothing is none.
bool Permutation(PlanEditor& plan, int work) {
  const auto perm = PermutationOf(plan, work);
  if (!perm) return false;
  if (std::is_sorted(perm->begin(), perm->end())) return Become(plan, work, 0);
  const int before = plan.producer(In(plan, work, 0));
  if (!plan.Is(before, "Transpose")) return false;
  const auto first = PermutationOf(plan, before);
  if (!first) return false;
  Tensor both = Tensor::Zeros(DType::kInt32, {static_cast<int64_t>(perm->size())});
  for (size_t i = 0; i < perm->size(); ++i)
    both.mutable_data<int32_t>()[i] = static_cast<int32_t>((*first)[(*perm)[i]]);
  const int* const data = both.data<int32_t>();
  if (std::is_sorted(data, data + perm->size()))
    return plan.Forward(Out(plan, work), In(plan, before, 0));
  return BecomeOp(plan, work, "Transpose", {In(plan, before, 0), plan.Constant(both)});
}

// The one value of all elements of what `value` is: of ZerosLike, OnesLike and Fill.
std::optional<Tensor> Repeated(const PlanEditor& plan, int value) {
  const int maker = plan.producer(value);
  const DType dtype = plan.dtype(value);
  if (maker == kNone || !IsReal(dtype)) return std::nullopt;
  double number = 0;
  if (plan.Is(maker, "Fill")) {
    const auto filled = NumberAt(plan, In(plan, maker, 1));
    if (!filled) return std::nullopt;
    number = *filled;
  } else if (plan.Is(maker, "OnesLike")) {
    number = 1;
  } else if (!plan.Is(maker, "ZerosLike")) {
    return std::nullopt;
  }
  if (dtype == DType::kDouble) return Tensor::Scalar<double>(number);
  return Tensor::Scalar<float>(static_cast<float>(number));
}

// The values that `work` reads, with a number in the place of each tensor full of it.
std::vector<int> NumbersRead(PlanEditor& plan, int work) {
  std::vector<int> inputs(plan.inputs(work).begin(), plan.inputs(work).end());
  for (int& v : inputs)
    if (const auto number = Repeated(plan, v)) v = plan.Constant(*number);
  return inputs;
}

// The result is a tensor full of one number as well.
bool FillWith(PlanEditor& plan, int work, const std::vector<int>& numbers) {
  const auto known = [&](int v) { return NumberAt(plan, v).has_value(); };
  if (!std::all_of(numbers.begin(), numbers.end(), known)) return false;
  const TensorShape& shape = plan.shape(Out(plan, work));
  if (!IsReal(plan.dtype(Out(plan, work)))) return false;
  const std::vector<int> result =
      plan.Add(work, {plan.node(work).op(), plan.node(work).attrs(), numbers});
  if (result.empty() || !known(result[0]) || plan.shape(result[0]).rank() != 0) return false;
  Tensor dims = Tensor::Zeros(DType::kInt64, {shape.rank()});
  for (int i = 0; i < shape.rank(); ++i) dims.mutable_data<int64_t>()[i] = shape.dim(i);
  AttrMap attrs = {{"T", plan.dtype(result[0])}, {"index_type", DType::kInt64}};
  const std::vector<int> inputs = {plan.Constant(dims), result[0]}, outputs = {Out(plan, work)};
  return plan.Replace(work, {"Fill", std::move(attrs), inputs, outputs}) != kNone;
}

// An elementwise op reads numbers instead of tensors full of them, where it may (an op that wants
// equal shapes refuses).
bool ReadNumbers(PlanEditor& plan, int work) {
  const auto repeated = [&](int v) { return Repeated(plan, v).has_value(); };
  const auto inputs = plan.inputs(work);
  if (!TileKernelOf(plan, work) || std::none_of(inputs.begin(), inputs.end(), repeated))
    return false;
  const std::vector<int> numbers = NumbersRead(plan, work);
  if (FillWith(plan, work, numbers)) return true;
  const AttrMap attrs = plan.node(work).attrs();
  return plan.Replace(work, {plan.node(work).op(), attrs, numbers, {Out(plan, work)}}) != kNone;
}

struct Rule {
  const char* op;
  bool (*apply)(PlanEditor& plan, int work);
};
constexpr Rule kRules[] = {
    {"Mul", Product},
    {"RealDiv", Quotient},
    {"Div", Quotient},
    {"Add", Addition},
    {"AddV2", Addition},
    {"Sub", Difference},
    {"Neg", Negative},
    {"Pow", Power},
    {"AddN", SumOfMany},
    {"AccumulateNV2", SumOfMany},
    {"Select", Choice},
    {"SelectV2", Choice},
    {"Tile", Copy},
    {"Pad", Copy},
    {"PadV2", Copy},
    {"MirrorPad", Copy},
    {"Slice", Copy},
    {"BroadcastTo", Copy},
    {"StridedSlice", WholeSlice},
    {"Cast", SameType},
    {"Transpose", Permutation},
};

bool Apply(PlanEditor& plan, int work) {
  for (const Rule& rule : kRules)
    if (plan.Is(work, rule.op) && rule.apply(plan, work)) return true;
  return ReadNumbers(plan, work);
}

}  // namespace

Rewrite SimplifyRewrite() {
  return {.name = "simplify",
          .description = "arithmetic, copies and transposes that come to less, bit by bit the same",
          .apply = Apply};
}

}  // namespace sluice::ops
