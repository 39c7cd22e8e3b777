// LSTMBlockCell: one step. Arithmetic: kernels/lstm.h between two matrix products.
#include "ops/lstm_block.h"

#include <algorithm>
#include <memory>

#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/bias_add.h"
#include "ops/binary.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/float_view.h"
#include "ops/flops.h"
#include "ops/kernels/lstm.h"
#include "ops/lstm_shapes.h"
#include "ops/matmul.h"
#include "ops/rnn_product.h"
#include "ops/shape.h"
#include "ops/slice.h"

namespace sluice::ops {
namespace {

using kernels::LstmCell;

// --- shape functions ---

absl::Status CellShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape cs_prev, c.WithRank(1, 2));
  for (int i = 0; i < 7; ++i) c.set_output(i, {x.dim(0), cs_prev.dim(1)});
  return absl::OkStatus();
}

absl::Status CellGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape cs_prev, c.WithRank(1, 2));
  const int64_t size = cs_prev.dim(1);
  c.set_output(0, {x.dim(0), size});
  c.set_output(1, {x.dim(0), size < 0 ? -1 : 4 * size});
  for (int i = 2; i < 5; ++i) c.set_output(i, {size});
  return absl::OkStatus();
}

// --- kernels ---

absl::StatusOr<LstmShapes> CellShapes(PrepareContext& p) {
  const TensorShape& x = p.input_shape(0);
  return CheckLstmShapes(p, 1, x.dim(0), x.dim(1), p.attr<bool>("use_peephole"));
}

// Sets the cell's weights from inputs 4, 5, 6.
void SetPeephole(const FloatView& view, KernelContext& c, LstmCell* cell) {
  if (!c.attr<bool>("use_peephole")) return;
  cell->wci = view.Input(c, 4);
  cell->wcf = view.Input(c, 5);
  cell->wco = view.Input(c, 6);
}

absl::StatusOr<KernelRun> CellPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const LstmShapes s, CellShapes(p));
  LstmCell cell{.batch = s.batch,
                .size = s.size,
                .forget_bias = p.attr<float>("forget_bias"),
                .clip = p.attr<float>("cell_clip")};
  const int64_t gates = 4 * cell.elements();
  SLUICE_ASSIGN_OR_RETURN(const FloatView view,
                          FloatView::Make(p, {0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6},
                                          2 * gates * static_cast<int64_t>(sizeof(float))));
  auto by_x = std::make_shared<RnnProduct>(), by_h = std::make_shared<RnnProduct>();
  return KernelRun([s, cell, gates, view, by_x, by_h](KernelContext& c) mutable -> absl::Status {
    float *from_x = static_cast<float*>(view.extra(c)), *from_h = from_x + gates;
    const float* w = view.Input(c, 3);
    SLUICE_RETURN_IF_ERROR(
        by_x->Run({s.batch, s.inputs, 4 * s.size}, view.Input(c, 0), w, from_x, c.budget()));
    SLUICE_RETURN_IF_ERROR(by_h->Run({s.batch, s.size, 4 * s.size}, view.Input(c, 2),
                                     w + s.inputs * 4 * s.size, from_h, c.budget()));
    SetPeephole(view, c, &cell);
    float* y[7];
    for (int i = 0; i < 7; ++i) y[i] = view.Output(c, i);
    kernels::LstmForward(cell, from_x, from_h, view.Input(c, 7), view.Input(c, 1),
                         {y[0], y[1], y[2], y[3], y[4], y[5], y[6]});
    view.Finish(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> CellGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const LstmShapes s, CellShapes(p));
  SLUICE_RETURN_IF_ERROR(CheckInputShapes(p, 8, 15, {s.batch, s.size}));
  LstmCell cell{.batch = s.batch, .size = s.size};
  SLUICE_ASSIGN_OR_RETURN(
      const FloatView view,
      FloatView::Make(p, {1, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15}, {0, 1, 2, 3, 4}));
  return KernelRun([cell, view](KernelContext& c) mutable {
    SetPeephole(view, c, &cell);
    const float* in[16];
    float* out[5];
    for (const int i : {1, 8, 9, 10, 11, 12, 13, 14, 15}) in[i] = view.Input(c, i);
    for (int i = 0; i < 5; ++i) out[i] = view.Output(c, i);
    for (int i = 2; i < 5; ++i) std::fill_n(out[i], cell.size, 0.0f);
    kernels::LstmBackward(cell, {in[8], in[9], in[10], in[11], in[12], in[13], nullptr}, in[1],
                          {.dcs = in[14],
                           .dh = in[15],
                           .dgates = out[1],
                           .dcs_prev = out[0],
                           .dwci = out[2],
                           .dwcf = out[3],
                           .dwco = out[4]});
    view.Finish(c);
    return absl::OkStatus();
  });
}

// --- gradients ---

Output OrZeros(At at, const Output& dy, const Output& y) {
  return dy.empty() ? at.Node("ZerosLike", {y}) : dy;
}

Outputs CellGradient(At at, const Node& op, const Outputs& dy) {
  Outputs inputs = op.inputs();
  const Output x = inputs[0], h_prev = inputs[2], w = inputs[3];
  for (int i = 0; i < 6; ++i) inputs.push_back(op.output(i));
  inputs.push_back(OrZeros(at, dy[1], op.output(1)));
  inputs.push_back(OrZeros(at, dy[6], op.output(6)));
  const Outputs d =
      at.Nodes("LSTMBlockCellGrad", inputs, {{"use_peephole", op.attr<bool>("use_peephole")}});
  if (d.size() != 5) return Outputs(8);
  const Output dgates = d[1];
  const Output dxh = MatMul(at, dgates, w, {.transpose_b = true});
  const Output x_shape = ShapeTensor(at, x);
  const Output behind_x = Mul(at, x_shape, Const(at, {0, 1}));
  const Output xh = ConcatV2(at, {x, h_prev}, 1);
  return {Slice(at, dxh, {0, 0}, x_shape),
          d[0],
          Slice(at, dxh, behind_x, ShapeTensor(at, h_prev)),
          MatMul(at, xh, dgates, {.transpose_a = true}),
          d[2],
          d[3],
          d[4],
          BiasAddGrad(at, dgates)};
}

}  // namespace

OpSpec LSTMBlockCellOp() {
  return OpSpec("LSTMBlockCell")
      .Input("x: T")
      .Input("cs_prev: T")
      .Input("h_prev: T")
      .Input("w: T")
      .Input("wci: T")
      .Input("wcf: T")
      .Input("wco: T")
      .Input("b: T")
      .Output("i: T")
      .Output("cs: T")
      .Output("f: T")
      .Output("o: T")
      .Output("ci: T")
      .Output("co: T")
      .Output("h: T")
      .Attr("forget_bias: float = 1.0")
      .Attr("cell_clip: float = 3.0")
      .Attr("use_peephole: bool = false")
      .Attr("T: {half, float}")
      .Shape(CellShape)
      .Prepare(CellPrepare)
      .ThreadSensitive()
      .Flops(RecurrentFlops(0, {3}, 1, -7, 13))
      .Gradient(CellGradient);
}
OpSpec LSTMBlockCellGradOp() {
  OpSpec spec("LSTMBlockCellGrad");
  for (const char* input :
       {"x: T", "cs_prev: T", "h_prev: T", "w: T", "wci: T", "wcf: T", "wco: T", "b: T", "i: T",
        "cs: T", "f: T", "o: T", "ci: T", "co: T", "cs_grad: T", "h_grad: T"})
    spec.Input(input);
  return spec.Output("cs_prev_grad: T")
      .Output("dicfo: T")
      .Output("wci_grad: T")
      .Output("wcf_grad: T")
      .Output("wco_grad: T")
      .Attr("use_peephole: bool")
      .Attr("T: {half, float}")
      .Shape(CellGradShape)
      .Prepare(CellGradPrepare)
      .Flops(FlopsPerElement(22, 15))
      .NotDifferentiable("TensorFlow has no gradient for it");
}

LSTMBlockCellOutputs LSTMBlockCell(At at, Output x, Output cs_prev, Output h_prev, Output w,
                                   Output wci, Output wcf, Output wco, Output b,
                                   const LSTMBlockCellOptions& options) {
  const Outputs y = at.Nodes("LSTMBlockCell", {x, cs_prev, h_prev, w, wci, wcf, wco, b},
                             {{"forget_bias", options.forget_bias},
                              {"cell_clip", options.cell_clip},
                              {"use_peephole", options.use_peephole}});
  if (y.size() != 7) return {};
  return {y[0], y[1], y[2], y[3], y[4], y[5], y[6]};
}

LSTMBlockCellGradOutputs LSTMBlockCellGrad(At at, Output x, Output cs_prev, Output h_prev, Output w,
                                           Output wci, Output wcf, Output wco, Output b, Output i,
                                           Output cs, Output f, Output o, Output ci, Output co,
                                           Output cs_grad, Output h_grad, bool use_peephole) {
  const Outputs d =
      at.Nodes("LSTMBlockCellGrad",
               {x, cs_prev, h_prev, w, wci, wcf, wco, b, i, cs, f, o, ci, co, cs_grad, h_grad},
               {{"use_peephole", use_peephole}});
  if (d.size() != 5) return {};
  return {d[0], d[1], d[2], d[3], d[4]};
}

}  // namespace sluice::ops
