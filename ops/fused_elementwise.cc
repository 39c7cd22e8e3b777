#include "ops/fused_elementwise.h"

#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

using kernels::TileInput;
using kernels::TileOutput;
using kernels::TileProgram;
using kernels::TileSteps;

constexpr int kMaxInPlace = 16;  // inputs and outputs that in-place facts are stated for

int64_t BitsOf(double x) {
  int64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}
double DoubleOf(int64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

// The functions that chains were made of, with the types of their operands and of their result.
struct Signature {
  TileFn run;
  std::vector<DType> operands;
  DType result;
  friend bool operator<(const Signature& a, const Signature& b) {
    return std::tie(a.run, a.operands, a.result) < std::tie(b.run, b.operands, b.result);
  }
};
struct KnownFunctions {
  std::mutex mutex;
  std::set<Signature> signatures;
};
KnownFunctions& Known() {
  static auto* const known = new KnownFunctions;
  return *known;
}

Signature SignatureOf(const TileSteps& steps, const TileSteps::Step& step) {
  Signature signature{step.kernel.run, {}, step.dtype};
  for (const int v : step.operands) signature.operands.push_back(steps.dtype(v));
  return signature;
}

// Reads numbers that may be anything.
class Reader {
 public:
  explicit Reader(const std::vector<int64_t>& code) : code_(code) {}
  bool done() const { return at_ >= code_.size(); }
  bool ok() const { return ok_; }
  int64_t Any() {
    if (done()) ok_ = false;
    return done() ? 0 : code_[at_++];
  }
  // In [low, high], else not ok() and `low`.
  int64_t Within(int64_t low, int64_t high) {
    const int64_t x = Any();
    if (x < low || x > high) ok_ = false;
    return ok_ ? x : low;
  }

 private:
  const std::vector<int64_t>& code_;
  size_t at_ = 0;
  bool ok_ = true;
};

bool IsElement(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kDouble || dtype == DType::kBool;
}

int64_t Elements(TileInput form, const TileSteps& steps) {
  switch (form) {
    case TileInput::kWhole:
      return steps.rows * steps.columns;
    case TileInput::kScalar:
      return 1;
    case TileInput::kRow:
      return steps.columns;
    default:
      return steps.rows;
  }
}
int64_t Elements(TileOutput form, const TileSteps& steps) {
  switch (form) {
    case TileOutput::kWhole:
      return steps.rows * steps.columns;
    case TileOutput::kSum:
      return 1;
    case TileOutput::kColumnSums:
      return steps.columns;
    default:
      return steps.rows;
  }
}

absl::Status CheckSizes(const TileSteps& steps, const PrepareContext& p) {
  for (int i = 0; i < p.num_inputs(); ++i) {
    if (p.input_shape(i).num_elements() != Elements(steps.inputs[i].form, steps))
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " does not fit the chain"));
  }
  for (int i = 0; i < p.num_outputs(); ++i) {
    if (p.output_shape(i).num_elements() != Elements(steps.outputs[i].form, steps))
      return absl::InvalidArgumentError(absl::StrCat("output ", i, " does not fit the chain"));
  }
  return absl::OkStatus();
}

absl::Status ChainShape(ShapeContext& c) {
  const auto shapes = c.attr<std::vector<TensorShape>>("shapes");
  if (static_cast<int>(shapes.size()) != c.num_outputs())
    return absl::InvalidArgumentError("a chain needs one shape per output");
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, shapes[i]);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ChainPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(TileSteps steps, ChainOf(p.attrs()));
  SLUICE_RETURN_IF_ERROR(CheckSizes(steps, p));
  auto program = std::make_shared<const TileProgram>(std::move(steps), p.threads());
  p.RequestScratch(program->scratch_bytes());
  return KernelRun([program](KernelContext& c) {
    const void* inputs[TileSteps::kMaxInputs];
    void* outputs[TileSteps::kMaxSteps];
    for (int i = 0; i < c.num_inputs(); ++i) inputs[i] = c.input(i).raw();
    for (int i = 0; i < c.num_outputs(); ++i) outputs[i] = c.output(i).mutable_raw();
    program->Run(inputs, outputs, c.scratch());
    return absl::OkStatus();
  });
}

double ChainFlops(const AttrMap& attrs, absl::Span<const TensorShape>,
                  absl::Span<const TensorShape>) {
  const auto steps = ChainOf(attrs);
  if (!steps.ok()) return 0;
  return static_cast<double>(steps->rows * steps->columns) *
         static_cast<double>(steps->steps.size());
}

OpSpec ChainSpec(absl::string_view name) {
  return OpSpec(name)
      .Input("inputs: Tin")
      .Output("outputs: Tout")
      .Attr("Tin: list({float, double, bool}) >= 1")
      .Attr("Tout: list({float, double, bool}) >= 1")
      .Attr("chain: string")
      .Attr("code: list(int)")
      .Attr("shapes: list(shape)")
      .Shape(ChainShape)
      .Prepare(ChainPrepare)
      .Flops(ChainFlops)
      .NotDifferentiable("only plans hold it");
}

}  // namespace

AttrMap ChainAttrs(const TileSteps& steps, std::vector<TensorShape> shapes, std::string text) {
  {
    std::lock_guard lock(Known().mutex);
    for (const TileSteps::Step& step : steps.steps)
      Known().signatures.insert(SignatureOf(steps, step));
  }
  std::vector<int64_t> code = {steps.rows, steps.columns};
  std::vector<DType> from, to;
  for (const TileSteps::Input& input : steps.inputs) {
    from.push_back(input.dtype);
    code.push_back(static_cast<int64_t>(input.form));
  }
  code.push_back(static_cast<int64_t>(steps.steps.size()));
  for (const TileSteps::Step& step : steps.steps) {
    code.push_back(reinterpret_cast<int64_t>(step.kernel.run));
    for (const double param : step.kernel.params) code.push_back(BitsOf(param));
    code.push_back(static_cast<int64_t>(step.dtype));
    code.push_back(static_cast<int64_t>(step.operands.size()));
    code.insert(code.end(), step.operands.begin(), step.operands.end());
  }
  for (const TileSteps::Output& output : steps.outputs) {
    to.push_back(steps.dtype(output.value));
    code.insert(code.end(), {output.value, static_cast<int64_t>(output.form), output.mean});
  }
  return {{"Tin", std::move(from)},
          {"Tout", std::move(to)},
          {"chain", std::move(text)},
          {"code", std::move(code)},
          {"shapes", std::move(shapes)}};
}

absl::StatusOr<TileSteps> ChainOf(const AttrMap& attrs) {
  constexpr int64_t kMost = int64_t{1} << 31;  // per side: the product fits
  const auto code = GetAttr<std::vector<int64_t>>(attrs, "code");
  const auto from = GetAttr<std::vector<DType>>(attrs, "Tin");
  const auto to = GetAttr<std::vector<DType>>(attrs, "Tout");
  const auto invalid = absl::InvalidArgumentError("the attribute 'code' holds no chain");
  if (from.size() > TileSteps::kMaxInputs || to.size() > TileSteps::kMaxSteps) return invalid;
  Reader read(code);
  TileSteps steps;
  steps.rows = read.Within(0, kMost);
  steps.columns = read.Within(0, kMost);
  for (const DType dtype : from) {
    if (!IsElement(dtype)) return invalid;
    steps.inputs.push_back({dtype, static_cast<TileInput>(read.Within(0, 3))});
  }
  const int64_t count = read.Within(0, TileSteps::kMaxSteps);
  for (int64_t s = 0; s < count && read.ok(); ++s) {
    TileSteps::Step step;
    step.kernel.run = reinterpret_cast<TileFn>(read.Any());
    for (double& param : step.kernel.params) param = DoubleOf(read.Any());
    step.dtype = static_cast<DType>(read.Within(1, static_cast<int64_t>(DType::kBool)));
    step.operands.resize(read.Within(1, 3));
    for (int& v : step.operands) v = static_cast<int>(read.Within(0, steps.num_values() - 1));
    if (!read.ok()) return invalid;
    std::lock_guard lock(Known().mutex);
    if (!Known().signatures.contains(SignatureOf(steps, step))) return invalid;
    steps.steps.push_back(std::move(step));
  }
  for (const DType dtype : to) {
    const int value = static_cast<int>(read.Within(0, steps.num_values() - 1));
    const auto form = static_cast<TileOutput>(read.Within(0, 3));
    steps.outputs.push_back({value, form, read.Within(0, 1) != 0});
    if (!read.ok() || steps.dtype(value) != dtype) return invalid;
    if (form != TileOutput::kWhole && dtype == DType::kBool) return invalid;
  }
  if (!read.ok() || !read.done()) return invalid;
  return steps;
}

OpSpec FusedElementwiseOp() {
  OpSpec spec = ChainSpec(kFusedElementwise);
  for (int out = 0; out < kMaxInPlace; ++out)
    for (int in = 0; in < kMaxInPlace; ++in) spec.InPlace(in, out);
  return spec;
}

OpSpec FusedReductionOp() { return ChainSpec(kFusedReduction); }

}  // namespace sluice::ops
