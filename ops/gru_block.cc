// GRUBlockCell: r, u = sigmoid([x, h] w_ru + b_ru), c = tanh([x, h r] w_c + b_c),
// h' = u h + (1 - u) c.
#include "ops/gru_block.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/bias_add.h"
#include "ops/binary.h"
#include "ops/concat.h"
#include "ops/flops.h"
#include "ops/kernels/gru.h"
#include "ops/matmul.h"
#include "ops/rnn_product.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status CellShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape h_prev, c.WithRank(1, 2));
  for (int i = 0; i < 4; ++i) c.set_output(i, {x.dim(0), h_prev.dim(1)});
  return absl::OkStatus();
}

absl::Status CellGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape h_prev, c.WithRank(1, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape w_ru, c.WithRank(2, 2));
  c.set_output(0, x);
  for (int i = 1; i < 3; ++i) c.set_output(i, {x.dim(0), h_prev.dim(1)});
  c.set_output(3, {x.dim(0), w_ru.dim(1)});
  return absl::OkStatus();
}

// --- kernels ---

struct Sizes {
  int64_t batch = 0, inputs = 0, size = 0;
  int64_t elements() const { return batch * size; }
  kernels::GruCell cell() const { return {batch, size}; }
};

absl::StatusOr<Sizes> CheckShapes(PrepareContext& p) {
  const char* const names[] = {"x", "h_prev", "w_ru", "w_c", "b_ru", "b_c", "r", "u", "c", "d_h"};
  const TensorShape &x = p.input_shape(0), &h = p.input_shape(1);
  const Sizes s{x.dim(0), x.dim(1), h.dim(1)};
  const TensorShape state = {s.batch, s.size};
  const TensorShape wanted[] = {x,
                                state,
                                {s.inputs + s.size, 2 * s.size},
                                {s.inputs + s.size, s.size},
                                {2 * s.size},
                                {s.size},
                                state,
                                state,
                                state,
                                state};
  for (int i = 0; i < p.num_inputs(); ++i) {
    if (p.input_shape(i) == wanted[i]) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        names[i], " has shape ", p.input_shape(i).ToString(), ", must be ", wanted[i].ToString(),
        " (batch_size ", s.batch, ", input_size ", s.inputs, ", cell_size ", s.size, ")"));
  }
  return s;
}

struct Products {
  RnnProduct ru_x, ru_h, c_x, c_h;
};

absl::Status Forward(KernelContext& c, const Sizes& s, Products* by) {
  const float* in[6];
  float* out[4];
  for (int i = 0; i < 6; ++i) in[i] = c.input(i).data<float>();
  for (int i = 0; i < 4; ++i) out[i] = c.output(i).mutable_data<float>();
  const float *x = in[0], *h_prev = in[1], *w_ru = in[2], *w_c = in[3];
  float *from_x = static_cast<float*>(c.scratch()), *from_h = from_x + 2 * s.elements();
  float* hr = from_h + 2 * s.elements();
  SLUICE_RETURN_IF_ERROR(
      by->ru_x.Run({s.batch, s.inputs, 2 * s.size}, x, w_ru, from_x, c.budget()));
  SLUICE_RETURN_IF_ERROR(by->ru_h.Run({s.batch, s.size, 2 * s.size}, h_prev,
                                      w_ru + s.inputs * 2 * s.size, from_h, c.budget()));
  kernels::GruForwardGates(s.cell(), {from_x, from_h, in[4], h_prev, out[0], out[1], hr});
  SLUICE_RETURN_IF_ERROR(by->c_x.Run({s.batch, s.inputs, s.size}, x, w_c, from_x, c.budget()));
  SLUICE_RETURN_IF_ERROR(
      by->c_h.Run({s.batch, s.size, s.size}, hr, w_c + s.inputs * s.size, from_h, c.budget()));
  kernels::GruForwardContent(s.cell(), {from_x, from_h, in[5], h_prev, out[1], out[2], out[3]});
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> CellPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Sizes s, CheckShapes(p));
  p.RequestScratch(5 * s.elements() * static_cast<int64_t>(sizeof(float)));
  auto by = std::make_shared<Products>();
  return KernelRun([s, by](KernelContext& c) { return Forward(c, s, by.get()); });
}

void AddTo(float* sum, const float* more, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sum[i] += more[i];
}

absl::Status Backward(KernelContext& c, const Sizes& s, Products* by) {
  const float* in[10];
  float* out[4];
  for (int i = 0; i < 10; ++i) in[i] = c.input(i).data<float>();
  for (int i = 0; i < 4; ++i) out[i] = c.output(i).mutable_data<float>();
  const float *h_prev = in[1], *w_ru = in[2], *w_c = in[3], *r = in[6], *u = in[7], *dh = in[9];
  float *dx = out[0], *dh_prev = out[1], *dc_bar = out[2], *dru_bar = out[3];
  auto* more = static_cast<float*>(c.scratch());
  kernels::GruBackwardContent(s.cell(), h_prev, u, in[8], dh, dc_bar, dru_bar);
  SLUICE_RETURN_IF_ERROR(by->c_h.Run({s.batch, s.size, s.size, false, true}, dc_bar,
                                     w_c + s.inputs * s.size, more, c.budget()));
  kernels::GruBackwardReset(s.cell(), h_prev, r, u, dh, more, dru_bar, dh_prev);
  SLUICE_RETURN_IF_ERROR(by->ru_h.Run({s.batch, 2 * s.size, s.size, false, true}, dru_bar,
                                      w_ru + s.inputs * 2 * s.size, more, c.budget()));
  AddTo(dh_prev, more, s.elements());
  SLUICE_RETURN_IF_ERROR(
      by->c_x.Run({s.batch, s.size, s.inputs, false, true}, dc_bar, w_c, dx, c.budget()));
  SLUICE_RETURN_IF_ERROR(
      by->ru_x.Run({s.batch, 2 * s.size, s.inputs, false, true}, dru_bar, w_ru, more, c.budget()));
  AddTo(dx, more, s.batch * s.inputs);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> CellGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Sizes s, CheckShapes(p));
  p.RequestScratch(s.batch * std::max(s.size, s.inputs) * static_cast<int64_t>(sizeof(float)));
  auto by = std::make_shared<Products>();
  return KernelRun([s, by](KernelContext& c) { return Backward(c, s, by.get()); });
}

// --- gradients ---

Outputs CellGradient(At at, const Node& op, const Outputs& dy) {
  if (dy[3].empty()) return Outputs(6);
  Outputs inputs = op.inputs();
  const Output x = inputs[0], h_prev = inputs[1], r = op.output(0);
  for (int i = 0; i < 3; ++i) inputs.push_back(op.output(i));
  inputs.push_back(dy[3]);
  const Outputs d = at.Nodes("GRUBlockCellGrad", inputs);
  if (d.size() != 4) return Outputs(6);
  const Output xh = ConcatV2(at, {x, h_prev}, 1);
  const Output xhr = ConcatV2(at, {x, Mul(at, h_prev, r)}, 1);
  return {d[0],
          d[1],
          MatMul(at, xh, d[3], {.transpose_a = true}),
          MatMul(at, xhr, d[2], {.transpose_a = true}),
          BiasAddGrad(at, d[3]),
          BiasAddGrad(at, d[2])};
}

}  // namespace

OpSpec GRUBlockCellOp() {
  return OpSpec("GRUBlockCell")
      .Attr("T: {float}")
      .Input("x: T")
      .Input("h_prev: T")
      .Input("w_ru: T")
      .Input("w_c: T")
      .Input("b_ru: T")
      .Input("b_c: T")
      .Output("r: T")
      .Output("u: T")
      .Output("c: T")
      .Output("h: T")
      .Shape(CellShape)
      .Prepare(CellPrepare)
      .ThreadSensitive()
      .Flops(RecurrentFlops(0, {2, 3}, 1, -4, 11))
      .Gradient(CellGradient);
}
OpSpec GRUBlockCellGradOp() {
  OpSpec spec("GRUBlockCellGrad");
  for (const char* input : {"x: T", "h_prev: T", "w_ru: T", "w_c: T", "b_ru: T", "b_c: T", "r: T",
                            "u: T", "c: T", "d_h: T"})
    spec.Input(input);
  return spec.Attr("T: {float}")
      .Output("d_x: T")
      .Output("d_h_prev: T")
      .Output("d_c_bar: T")
      .Output("d_r_bar_u_bar: T")
      .Shape(CellGradShape)
      .Prepare(CellGradPrepare)
      .ThreadSensitive()
      .Flops(RecurrentFlops(0, {2, 3}, 1, 9, 18))
      .NotDifferentiable("TensorFlow has no gradient for it");
}

GRUBlockCellOutputs GRUBlockCell(At at, Output x, Output h_prev, Output w_ru, Output w_c,
                                 Output b_ru, Output b_c) {
  const Outputs y = at.Nodes("GRUBlockCell", {x, h_prev, w_ru, w_c, b_ru, b_c});
  if (y.size() != 4) return {};
  return {y[0], y[1], y[2], y[3]};
}
GRUBlockCellGradOutputs GRUBlockCellGrad(At at, Output x, Output h_prev, Output w_ru, Output w_c,
                                         Output b_ru, Output b_c, Output r, Output u, Output c,
                                         Output d_h) {
  const Outputs d = at.Nodes("GRUBlockCellGrad", {x, h_prev, w_ru, w_c, b_ru, b_c, r, u, c, d_h});
  if (d.size() != 4) return {};
  return {d[0], d[1], d[2], d[3]};
}

}  // namespace sluice::ops
