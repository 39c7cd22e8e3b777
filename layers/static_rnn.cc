#include "layers/static_rnn.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/concat.h"
#include "ops/fill.h"
#include "ops/reverse.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/split.h"
#include "ops/strided_slice.h"

namespace sluice::nn {
namespace {

using layers::CellStep;
using layers::LayerName;
using layers::RNNCell;

At Open(At at, const LayerName& name) {
  const Scope& outside = at.scope();
  const Caller caller{at.file(), at.line()};
  return at.In(name.scope().has_value() ? outside.VariableScope(*name.scope(), {}, caller)
                                        : outside.VariableScope(name.text(), {}, caller));
}

// The batch size that the inputs agree on, -1 when none tells.
absl::StatusOr<int64_t> CheckInputs(const Outputs& inputs) {
  if (inputs.empty()) return absl::InvalidArgumentError("inputs must not be empty");
  int64_t batch = -1;
  for (const Output& x : inputs) {
    const TensorShape& shape = x.shape();
    if (!shape.rank_known() || shape.rank() < 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("Shape ", shape.ToString(), " must have rank at least 2"));
    }
    for (int i = 1; i < shape.rank(); ++i) {
      if (shape.dim(i) >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("Input size (dimension ", i - 1,
                       " of inputs) must be accessible via shape inference, but saw value None."));
    }
    if (batch >= 0 && shape.dim(0) >= 0 && shape.dim(0) != batch) {
      return absl::InvalidArgumentError(
          absl::StrCat("Dimensions ", batch, " and ", shape.dim(0), " are not compatible"));
    }
    batch = std::max(batch, shape.dim(0));
  }
  return batch;
}

absl::Status CheckLengths(const Output& lengths) {
  if (lengths.empty()) return absl::OkStatus();
  const bool integer = lengths.dtype() == DType::kInt32 || lengths.dtype() == DType::kInt64;
  if (integer && (!lengths.shape().rank_known() || lengths.shape().rank() == 1))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("sequence_length must be a vector of length batch_size, but saw ",
                   DTypeName(lengths.dtype()), " of shape: ", lengths.shape().ToString()));
}

bool AnyEmpty(const Outputs& outputs) {
  return std::any_of(outputs.begin(), outputs.end(), [](const Output& o) { return o.empty(); });
}

// The size of dimension 0, known or not.
ops::Ints BatchOf(At at, const Output& input, int64_t known) {
  if (known > 0) return known;
  return ops::StridedSlice(at.Named("strided_slice"), ops::Shape(at, input), {0}, {1}, {1},
                           {.shrink_axis_mask = 1});
}

// What examples that are over get.
class Lengths {
 public:
  Lengths(At at, const Output& lengths, const ops::Ints& batch, int64_t width, DType dtype)
      : given_(!lengths.empty()) {
    if (!given_) return;
    lengths_ = ops::Cast(at, lengths, DType::kInt32);
    const Output rows = batch.is_tensor() ? batch.Tensor(at, "batch")
                                          : ops::Const(at.Named("batch_size"),
                                                       static_cast<int32_t>(*batch.number()));
    const Output columns = ops::Const(at.Named("output_size"), static_cast<int32_t>(width));
    const At zeros = at.Composite("zeros");
    zero_ = ops::Fill(zeros.AsScope(), ops::Pack(zeros.Named("stack"), {rows, columns}),
                      ops::ConstOf(zeros.Named("Const"), dtype, 0));
  }

  // Chooses per example between `step` and, past its end, zeros and the old state.
  void Apply(At at, int64_t time, const Outputs& old_state, CellStep* step) const {
    if (!given_) return;
    const Output now = ops::Const(at.Named("time"), static_cast<int32_t>(time));
    const Output over = ops::GreaterEqual(at, now, lengths_);
    step->output = ops::Select(at, over, zero_, step->output);
    for (size_t i = 0; i < step->state.size() && i < old_state.size(); ++i)
      step->state[i] = ops::Select(at, over, old_state[i], step->state[i]);
  }

 private:
  const bool given_;
  Output lengths_, zero_;
};

}  // namespace

RnnOutputs StaticRnn(At at, RNNCell& cell, const Outputs& inputs, StaticRnnOptions options) {
  const RnnOutputs none{Outputs(inputs.size()), Outputs(cell.StateSize().size())};
  if (!at.ok() || AnyEmpty(inputs)) return none;
  const absl::StatusOr<int64_t> known = CheckInputs(inputs);
  absl::Status status = known.status();
  status.Update(CheckLengths(options.sequence_length));
  const bool has_state = !options.initial_state.empty();
  if (status.ok() && !has_state && options.dtype == DType::kInvalid) {
    status = absl::InvalidArgumentError("If there is no initial_state, you must give a dtype.");
  }
  if (!status.ok()) {
    at.Fail("rnn", status);
    return none;
  }
  At inside = Open(at, options.scope);
  const bool needs_batch = !has_state || !options.sequence_length.empty();
  const ops::Ints batch = needs_batch ? BatchOf(inside, inputs[0], *known) : ops::Ints(*known);
  Outputs state = has_state ? options.initial_state : cell.ZeroState(inside, batch, options.dtype);
  if (AnyEmpty(state)) return none;
  const DType dtype = state.empty() ? inputs[0].dtype() : state[0].dtype();
  const Lengths lengths(inside, options.sequence_length, batch, cell.OutputSize(), dtype);
  RnnOutputs result;
  for (size_t time = 0; time < inputs.size(); ++time) {
    if (time == 1) inside = inside.In(inside.scope().With({.reuse = Reuse::kTrue}));
    CellStep step = cell.Step(inside, inputs[time], state);
    lengths.Apply(inside, static_cast<int64_t>(time), state, &step);
    if (!at.ok() || step.output.empty()) return none;
    result.outputs.push_back(step.output);
    state = std::move(step.state);
  }
  result.state = std::move(state);
  return result;
}

namespace {

// The steps in the opposite order, those of each example within its length.
Outputs Reversed(At at, const Outputs& steps, const Output& lengths) {
  if (lengths.empty()) return Outputs(steps.rbegin(), steps.rend());
  const Output stacked = ops::Pack(at.Named("stack"), steps);
  const Output reversed = ops::ReverseSequence(at, stacked, lengths, 0, {.batch_dim = 1});
  Outputs back = ops::Unpack(at.Named("unstack"), reversed, static_cast<int64_t>(steps.size()));
  back.resize(steps.size());
  return back;
}

}  // namespace

BidirectionalOutputs StaticBidirectionalRnn(At at, RNNCell& cell_fw, RNNCell& cell_bw,
                                            const Outputs& inputs,
                                            StaticBidirectionalRnnOptions o) {
  BidirectionalOutputs result{Outputs(inputs.size()), Outputs(cell_fw.StateSize().size()),
                              Outputs(cell_bw.StateSize().size())};
  if (!at.ok() || AnyEmpty(inputs)) return result;
  absl::Status status = CheckInputs(inputs).status();
  status.Update(CheckLengths(o.sequence_length));
  if (!status.ok()) {
    at.Fail("bidirectional_rnn", status);
    return result;
  }
  const At inside = Open(at, o.scope);
  const Scope fw = inside.scope().VariableScope("fw"), bw = inside.scope().VariableScope("bw");
  const RnnOutputs forward = StaticRnn(inside.In(fw), cell_fw, inputs,
                                       {.initial_state = o.initial_state_fw,
                                        .dtype = o.dtype,
                                        .sequence_length = o.sequence_length,
                                        .scope = fw});
  const RnnOutputs backward =
      StaticRnn(inside.In(bw), cell_bw, Reversed(inside.In(bw), inputs, o.sequence_length),
                {.initial_state = o.initial_state_bw,
                 .dtype = o.dtype,
                 .sequence_length = o.sequence_length,
                 .scope = bw});
  if (!at.ok()) return result;
  const Outputs back = Reversed(inside, backward.outputs, o.sequence_length);
  for (size_t t = 0; t < inputs.size(); ++t)
    result.outputs[t] = ops::ConcatV2(inside.Named("concat"), {forward.outputs[t], back[t]}, 1);
  result.output_state_fw = forward.state;
  result.output_state_bw = backward.state;
  return result;
}

}  // namespace sluice::nn
