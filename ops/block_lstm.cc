// BlockLSTM: the product of w with all of x at once, then step by step the product with h and
// kernels/lstm.h. The gradient goes the same way backwards and ends with the products for all
// steps.
#include "ops/block_lstm.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/attr_value.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/float_view.h"
#include "ops/flops.h"
#include "ops/kernels/lstm.h"
#include "ops/lstm_shapes.h"
#include "ops/rnn_product.h"

namespace sluice::ops {
namespace {

using kernels::LstmCell;
using kernels::LstmStep;

// --- shape functions ---

absl::Status SequenceShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(1, 3));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRank(8, 1));
  if (b.dim(0) >= 0 && b.dim(0) % 4 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimension size must be evenly divisible by 4 but is ", b.dim(0)));
  }
  const int64_t size = b.dim(0) < 0 ? -1 : b.dim(0) / 4;
  for (int i = 0; i < 7; ++i) c.set_output(i, {x.dim(0), x.dim(1), size});
  return absl::OkStatus();
}

absl::Status SequenceGradShape(ShapeContext& c) {
  const int ranks[] = {3, 2, 2, 2, 1, 1, 1, 1};
  for (int i = 0; i < 8; ++i) {
    SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRank(i + 1, ranks[i]));
    c.set_output(i, std::move(shape));
  }
  return absl::OkStatus();
}

// --- kernels ---

// Sizes of a sequence. w is w_x [inputs, gates] over w_h [size, gates].
struct Sequence {
  int64_t steps = 0, inputs = 0;
  LstmCell cell;

  int64_t size() const { return cell.size; }
  int64_t gates() const { return 4 * cell.size; }
  int64_t state(int64_t step) const { return step * cell.elements(); }  // offset of a step
  int64_t gate(int64_t step) const { return 4 * step * cell.elements(); }
  int64_t w_h() const { return inputs * gates(); }
};

absl::StatusOr<Sequence> MakeSequence(PrepareContext& p, bool v2) {
  const TensorShape& x = p.input_shape(1);
  if (p.input_shape(0).num_elements() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("seq_len_max must be a scalar, got ", p.input_shape(0).ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const LstmShapes s,
                          CheckLstmShapes(p, 2, x.dim(1), x.dim(2), p.attr<bool>("use_peephole")));
  Sequence q{.steps = x.dim(0), .inputs = s.inputs, .cell = {.batch = s.batch, .size = s.size}};
  if (v2) std::swap(q.cell.place_c, q.cell.place_f);
  return q;
}

absl::StatusOr<int64_t> ReadSteps(KernelContext& c, const Sequence& q) {
  const int64_t steps = c.input(0).flat<int64_t>()[0];
  if (steps >= 0 && steps <= q.steps) return steps;
  return absl::InvalidArgumentError(
      absl::StrCat("seq_len_max must be in [0, ", q.steps, "], the steps of x, got ", steps));
}

void SetPeephole(const FloatView& view, KernelContext& c, LstmCell* cell) {
  if (!c.attr<bool>("use_peephole")) return;
  cell->wci = view.Input(c, 5);
  cell->wcf = view.Input(c, 6);
  cell->wco = view.Input(c, 7);
}

// Steps after which a packed copy of w_h has paid.
constexpr int64_t kManySteps = 8;

// A version for weights that have none: of this run alone. (Versions count from 1.)
uint64_t VersionOf(const Tensor& weights, uint64_t* runs) {
  constexpr uint64_t kOurs = uint64_t{1} << 63;
  const uint64_t version = weights.dtype() == DType::kFloat ? weights.version() : 0;
  return version != 0 ? version : kOurs | ++*runs;
}

// Steps whose products with x are computed at once: as many rows as make a product fast and leave
// the result in the cache until the steps take it.
int64_t StepsAtOnce(const Sequence& q) {
  constexpr int64_t kRows = 256;
  return std::clamp<int64_t>(kRows / std::max<int64_t>(q.cell.batch, 1), 1,
                             std::max<int64_t>(q.steps, 1));
}

struct ForwardState {
  RnnProduct by_x, by_x_rest, by_h;
  uint64_t runs = 0;
  // Outputs that nobody reads: only what the next step needs of them is kept, in scratch memory.
  bool unused[7] = {};
};

// Where step t's activations go: to the outputs, or to `spare` (two states).
LstmStep<float> StepOutputs(const Sequence& q, const FloatView& view, KernelContext& c,
                            const ForwardState& state, int64_t t, float* spare) {
  float* y[7];
  for (int i = 0; i < 7; ++i) y[i] = state.unused[i] ? nullptr : view.Output(c, i) + q.state(t);
  if (y[1] == nullptr) y[1] = spare;
  if (y[6] == nullptr) y[6] = spare + q.cell.elements();
  return {y[0], y[1], y[2], y[3], y[4], y[5], y[6]};
}

// from_x = x w_x for `count` steps from t on.
absl::Status InputProducts(KernelContext& c, const Sequence& q, const FloatView& view, int64_t t,
                           int64_t count, float* from_x, uint64_t version, ForwardState* state) {
  const bool whole = count == StepsAtOnce(q);
  RnnProduct& product = whole ? state->by_x : state->by_x_rest;
  const RnnProduct::Sizes sizes = {.m = count * q.cell.batch,
                                   .k = q.inputs,
                                   .n = q.gates(),
                                   .keep_b = whole && q.steps >= kManySteps};
  return product.Run(sizes, view.Input(c, 1) + t * q.cell.batch * q.inputs, view.Input(c, 4),
                     from_x, c.budget(), version);
}

absl::Status Forward(KernelContext& c, Sequence q, const FloatView& view, ForwardState* state) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t steps, ReadSteps(c, q));
  SetPeephole(view, c, &q.cell);
  const int64_t at_once = StepsAtOnce(q);
  float *from_x = static_cast<float*>(view.extra(c)), *from_h = from_x + q.gate(at_once);
  float* spare = from_h + q.gate(1);
  const float *w = view.Input(c, 4), *bias = view.Input(c, 8);
  const float *cs = view.Input(c, 2), *h = view.Input(c, 3);
  const RnnProduct::Sizes by_h = {
      .m = q.cell.batch, .k = q.size(), .n = q.gates(), .keep_b = q.steps >= kManySteps};
  const uint64_t version = VersionOf(c.input(4), &state->runs);
  for (int64_t t = 0; t < steps; ++t) {
    if (t % at_once == 0) {
      SLUICE_RETURN_IF_ERROR(
          InputProducts(c, q, view, t, std::min(at_once, steps - t), from_x, version, state));
    }
    SLUICE_RETURN_IF_ERROR(state->by_h.Run(by_h, h, w + q.w_h(), from_h, c.budget(), version));
    const LstmStep<float> step = StepOutputs(q, view, c, *state, t, spare);
    kernels::LstmForward(q.cell, from_x + q.gate(t % at_once), from_h, bias, cs, step);
    cs = step.cs;
    h = step.h;
  }
  for (int i = 0; i < 7; ++i) {
    if (state->unused[i]) continue;
    float* const y = view.Output(c, i);
    std::fill(y + q.state(steps), y + q.state(q.steps), 0.0f);
  }
  view.Finish(c);
  return absl::OkStatus();
}

// Sets unused[i] for the outputs that kUnusedOutputsAttr lists.
void ReadUnused(const AttrMap& attrs, absl::Span<bool> unused) {
  const AttrValue* listed = FindAttr(attrs, kUnusedOutputsAttr);
  if (listed == nullptr) return;
  for (const int64_t i : GetAttr<std::vector<int64_t>>(attrs, kUnusedOutputsAttr)) {
    if (i >= 0 && i < static_cast<int64_t>(unused.size())) unused[i] = true;
  }
}

template <bool v2>
absl::StatusOr<KernelRun> ForwardPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(Sequence q, MakeSequence(p, v2));
  q.cell.forget_bias = v2 ? 0 : p.attr<float>("forget_bias");
  q.cell.clip = p.attr<float>("cell_clip");
  SLUICE_ASSIGN_OR_RETURN(const FloatView view,
                          FloatView::Make(p, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 2, 3, 4, 5, 6},
                                          (q.gate(StepsAtOnce(q) + 1) + q.state(2)) *
                                              static_cast<int64_t>(sizeof(float))));
  auto state = std::make_shared<ForwardState>();
  ReadUnused(p.attrs(), absl::MakeSpan(state->unused));
  return KernelRun([q, view, state](KernelContext& c) { return Forward(c, q, view, state.get()); });
}

struct BackwardState {
  RnnProduct dh, dx, dw_x, dw_first, dw_rest;
  uint64_t runs = 0;
  bool unused[8] = {};
};

// The gradient op's tensors as floats.
struct BackwardArgs {
  BackwardArgs(KernelContext& c, const FloatView& view) {
    for (int i = 1; i < 18; ++i) in[i] = view.Input(c, i);
    for (int i = 0; i < 8; ++i) out[i] = view.Output(c, i);
  }
  const float* x() const { return in[1]; }
  const float* cs_prev() const { return in[2]; }
  const float* h_prev() const { return in[3]; }
  const float* w() const { return in[4]; }
  const float* cs() const { return in[10]; }
  const float* h() const { return in[15]; }
  const float* dcs() const { return in[16]; }
  const float* dh() const { return in[17]; }
  float* dx() const { return out[0]; }
  float* dcs_prev() const { return out[1]; }
  float* dh_prev() const { return out[2]; }
  float* dw() const { return out[3]; }
  LstmStep<const float> Step(int64_t at) const {
    return {in[9] + at,  in[10] + at, in[11] + at, in[12] + at,
            in[13] + at, in[14] + at, in[15] + at};
  }
  const float* in[18];
  float* out[8];
};

// The steps, last first: fills dgates, dcs_prev, dh_prev and the gradients of the peephole weights
// and of b.
absl::Status BackwardSteps(KernelContext& c, const Sequence& q, const BackwardArgs& a,
                           int64_t steps, float* dgates, BackwardState* state) {
  const int64_t n = q.cell.elements();
  std::fill_n(a.dcs_prev(), n, 0.0f);
  std::fill_n(a.dh_prev(), n, 0.0f);
  const RnnProduct::Sizes sizes = {.m = q.cell.batch,
                                   .k = q.gates(),
                                   .n = q.size(),
                                   .transpose_b = true,
                                   .keep_b = q.steps >= kManySteps};
  const uint64_t version = VersionOf(c.input(4), &state->runs);
  for (int64_t t = steps - 1; t >= 0; --t) {
    const float* before = t > 0 ? a.cs() + q.state(t - 1) : a.cs_prev();
    kernels::LstmBackward(q.cell, a.Step(q.state(t)), before,
                          {.dcs = a.dcs() + q.state(t),
                           .dh = a.dh() + q.state(t),
                           .dcs_after = a.dcs_prev(),
                           .dh_after = a.dh_prev(),
                           .dgates = dgates + q.gate(t),
                           .dcs_prev = a.dcs_prev(),
                           .dbias = a.out[7],
                           .dwci = a.out[4],
                           .dwcf = a.out[5],
                           .dwco = a.out[6]});
    SLUICE_RETURN_IF_ERROR(state->dh.Run(sizes, dgates + q.gate(t), a.w() + q.w_h(), a.dh_prev(),
                                         c.budget(), version));
  }
  return absl::OkStatus();
}

// The gradients of x and w from those of all gates. `more`: memory for w_h.
absl::Status BackwardProducts(KernelContext& c, const Sequence& q, const BackwardArgs& a,
                              int64_t steps, const float* dgates, float* more,
                              BackwardState* state) {
  const int64_t rows = steps * q.cell.batch;
  if (!state->unused[0]) {
    SLUICE_RETURN_IF_ERROR(
        state->dx.Run({rows, q.gates(), q.inputs, false, true}, dgates, a.w(), a.dx(), c.budget()));
    const int64_t row = q.cell.batch * q.inputs;
    std::fill(a.dx() + steps * row, a.dx() + q.steps * row, 0.0f);
  }
  if (state->unused[3]) return absl::OkStatus();
  SLUICE_RETURN_IF_ERROR(
      state->dw_x.Run({q.inputs, rows, q.gates(), true, false}, a.x(), dgates, a.dw(), c.budget()));
  const int64_t first = steps > 0 ? q.cell.batch : 0;
  float* dw_h = a.dw() + q.w_h();
  SLUICE_RETURN_IF_ERROR(state->dw_first.Run({q.size(), first, q.gates(), true, false}, a.h_prev(),
                                             dgates, dw_h, c.budget()));
  SLUICE_RETURN_IF_ERROR(state->dw_rest.Run({q.size(), rows - first, q.gates(), true, false}, a.h(),
                                            dgates + first * q.gates(), more, c.budget()));
  for (int64_t i = 0; i < q.size() * q.gates(); ++i) dw_h[i] += more[i];
  return absl::OkStatus();
}

absl::Status Backward(KernelContext& c, Sequence q, const FloatView& view, BackwardState* state) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t steps, ReadSteps(c, q));
  SetPeephole(view, c, &q.cell);
  const BackwardArgs a(c, view);
  float* dgates = static_cast<float*>(view.extra(c));
  float* more = dgates + q.gate(q.steps);
  for (int i = 4; i < 8; ++i) std::fill_n(a.out[i], c.output(i).num_elements(), 0.0f);
  SLUICE_RETURN_IF_ERROR(BackwardSteps(c, q, a, steps, dgates, state));
  SLUICE_RETURN_IF_ERROR(BackwardProducts(c, q, a, steps, dgates, more, state));
  view.Finish(c);
  return absl::OkStatus();
}

template <bool v2>
absl::StatusOr<KernelRun> BackwardPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Sequence q, MakeSequence(p, v2));
  SLUICE_RETURN_IF_ERROR(CheckInputShapes(p, 9, 17, {q.steps, q.cell.batch, q.size()}));
  const int64_t floats = q.gate(q.steps) + q.size() * q.gates();
  SLUICE_ASSIGN_OR_RETURN(
      const FloatView view,
      FloatView::Make(p, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
                      {0, 1, 2, 3, 4, 5, 6, 7}, floats * static_cast<int64_t>(sizeof(float))));
  auto state = std::make_shared<BackwardState>();
  ReadUnused(p.attrs(), absl::MakeSpan(state->unused));
  return KernelRun(
      [q, view, state](KernelContext& c) { return Backward(c, q, view, state.get()); });
}

// --- gradients ---

Outputs SequenceGradient(At at, const Node& op, const Outputs& dy) {
  Outputs inputs = op.inputs();
  for (int i = 0; i < 7; ++i) inputs.push_back(op.output(i));
  for (const int i : {1, 6}) {
    inputs.push_back(dy[i].empty() ? at.Node("ZerosLike", {op.output(i)}) : dy[i]);
  }
  const char* name = op.op() == "BlockLSTM" ? "BlockLSTMGrad" : "BlockLSTMGradV2";
  Outputs d = at.Nodes(name, inputs, {{"use_peephole", op.attr<bool>("use_peephole")}});
  if (d.size() != 8) return Outputs(9);
  d.insert(d.begin(), Output());  // seq_len_max
  return d;
}

OpSpec ForwardSpec(const char* name) {
  OpSpec spec(name);
  spec.Input("seq_len_max: int64");
  for (const char* input :
       {"x: T", "cs_prev: T", "h_prev: T", "w: T", "wci: T", "wcf: T", "wco: T", "b: T"})
    spec.Input(input);
  for (const char* output : {"i: T", "cs: T", "f: T", "o: T", "ci: T", "co: T", "h: T"})
    spec.Output(output);
  return spec.Shape(SequenceShape)
      .Flops(RecurrentFlops(1, {4}, 1, -7, 13))
      .ThreadSensitive()
      .Gradient(SequenceGradient);
}

OpSpec BackwardSpec(const char* name) {
  OpSpec spec(name);
  spec.Input("seq_len_max: int64");
  for (const char* input :
       {"x: T", "cs_prev: T", "h_prev: T", "w: T", "wci: T", "wcf: T", "wco: T", "b: T", "i: T",
        "cs: T", "f: T", "o: T", "ci: T", "co: T", "h: T", "cs_grad: T", "h_grad: T"})
    spec.Input(input);
  for (const char* output : {"x_grad: T", "cs_prev_grad: T", "h_prev_grad: T", "w_grad: T",
                             "wci_grad: T", "wcf_grad: T", "wco_grad: T", "b_grad: T"})
    spec.Output(output);
  return spec.Attr("use_peephole: bool")
      .Attr("T: {half, float}")
      .Shape(SequenceGradShape)
      .Flops(RecurrentFlops(1, {4}, 2, 17, 28))
      .ThreadSensitive()
      .NotDifferentiable("TensorFlow has no gradient for it");
}

BlockLSTMOutputs All(const Outputs& y) {
  if (y.size() != 7) return {};
  return {y[0], y[1], y[2], y[3], y[4], y[5], y[6]};
}

}  // namespace

OpSpec BlockLSTMOp() {
  return ForwardSpec("BlockLSTM")
      .Attr("forget_bias: float = 1.0")
      .Attr("cell_clip: float = 3.0")
      .Attr("use_peephole: bool = false")
      .Attr("T: {half, float}")
      .Prepare(ForwardPrepare<false>);
}
OpSpec BlockLSTMV2Op() {
  return ForwardSpec("BlockLSTMV2")
      .Attr("cell_clip: float = 0.0")
      .Attr("use_peephole: bool = false")
      .Attr("T: {half, float}")
      .Prepare(ForwardPrepare<true>);
}
OpSpec BlockLSTMGradOp() { return BackwardSpec("BlockLSTMGrad").Prepare(BackwardPrepare<false>); }
OpSpec BlockLSTMGradV2Op() {
  return BackwardSpec("BlockLSTMGradV2").Prepare(BackwardPrepare<true>);
}

BlockLSTMOutputs BlockLSTM(At at, Output seq_len_max, Output x, Output cs_prev, Output h_prev,
                           Output w, Output wci, Output wcf, Output wco, Output b,
                           const BlockLSTMOptions& options) {
  return All(at.Nodes("BlockLSTM", {seq_len_max, x, cs_prev, h_prev, w, wci, wcf, wco, b},
                      {{"forget_bias", options.forget_bias},
                       {"cell_clip", options.cell_clip},
                       {"use_peephole", options.use_peephole}}));
}
BlockLSTMOutputs BlockLSTMV2(At at, Output seq_len_max, Output x, Output cs_prev, Output h_prev,
                             Output w, Output wci, Output wcf, Output wco, Output b,
                             const BlockLSTMV2Options& options) {
  return All(at.Nodes("BlockLSTMV2", {seq_len_max, x, cs_prev, h_prev, w, wci, wcf, wco, b},
                      {{"cell_clip", options.cell_clip}, {"use_peephole", options.use_peephole}}));
}

}  // namespace sluice::ops
