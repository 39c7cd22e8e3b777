// DrawBoundingBoxes: the pixels of each box's four sides take its colour.
#include "ops/draw_bounding_boxes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/float_view.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status DrawnShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape images, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape boxes, c.WithRank(1, 3));
  if (boxes.dim(2) >= 0 && boxes.dim(2) != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The size of the third dimension of the box must be 4. Received: ", boxes.ToString()));
  }
  const int64_t depth = images.dim(3);
  if (depth >= 0 && depth != 1 && depth != 3 && depth != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("Channel depth should be either 1 (GRY), 3 (RGB), or 4 (RGBA), got ", depth));
  }
  if (c.num_inputs() > 2) SLUICE_RETURN_IF_ERROR(c.WithRank(2, 2).status());
  c.set_output(0, std::move(images));
  return absl::OkStatus();
}

// --- kernels ---

constexpr float kColors[10][4] = {
    {1, 1, 0, 1},       {0, 0, 1, 1},    {1, 0, 0, 1},    {0, 1, 0, 1}, {0.5f, 0, 0.5f, 1},
    {0.5f, 0.5f, 0, 1}, {0.5f, 0, 0, 1}, {0, 0, 0.5f, 1}, {0, 1, 1, 1}, {1, 0, 1, 1}};

// Colour i, of `channels` numbers, at first[i * channels].
struct Palette {
  const float* first = kColors[0];
  int64_t count = 10, channels = 4;
};

// The first and last pixel of a box along one axis.
struct Span {
  int64_t first = 0, last = -1;
  bool Seen(int64_t size) const { return first <= last && first < size && last >= 0; }
};

// What lies beyond `size` in either direction may come back nearer; NaN gives nothing to see.
Span Pixels(float begin, float end, int64_t size) {
  const float last = static_cast<float>(size - 1), far = static_cast<float>(size) + 1;
  const float from = begin * last, to = end * last;
  if (std::isnan(from) || std::isnan(to)) return {};
  return {static_cast<int64_t>(std::clamp(from, -far, far)),
          static_cast<int64_t>(std::clamp(to, -far, far))};
}

struct Canvas {
  int64_t height, width, depth;
  float* pixels;

  void Rectangle(const Span& rows, const Span& columns, const float* color) const {
    for (int64_t y = rows.first; y <= rows.last; ++y)
      for (int64_t x = columns.first; x <= columns.last; ++x)
        std::copy_n(color, depth, pixels + (y * width + x) * depth);
  }

  void Frame(const Span& rows, const Span& columns, const float* color) const {
    if (!rows.Seen(height) || !columns.Seen(width)) return;
    const Span y = {std::max<int64_t>(rows.first, 0), std::min(rows.last, height - 1)};
    const Span x = {std::max<int64_t>(columns.first, 0), std::min(columns.last, width - 1)};
    if (rows.first >= 0) Rectangle({y.first, y.first}, x, color);
    if (rows.last < height) Rectangle({y.last, y.last}, x, color);
    if (columns.first >= 0) Rectangle(y, {x.first, x.first}, color);
    if (columns.last < width) Rectangle(y, {x.last, x.last}, color);
  }
};

absl::StatusOr<KernelRun> DrawPrepare(PrepareContext& p) {
  const TensorShape &images = p.input_shape(0), &boxes = p.input_shape(1);
  if (images.dim(0) != boxes.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The batch sizes should be the same: ", images.dim(0), " images, boxes for ",
                     boxes.dim(0)));
  }
  const bool has_colors = p.num_inputs() > 2 && p.input_shape(2).num_elements() > 0;
  if (has_colors && p.input_shape(2).dim(1) < images.dim(3)) {
    return absl::InvalidArgumentError(
        absl::StrCat("colors must have equal or more channels than the image provided: ",
                     p.input_shape(2).dim(1), " vs. ", images.dim(3)));
  }
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {0}));
  return KernelRun([has_colors, view](KernelContext& c) {
    const TensorShape& s = c.input(0).shape();
    const int64_t count = c.input(1).dim(1), size = s.dim(1) * s.dim(2) * s.dim(3);
    Palette palette;
    if (has_colors) palette = {c.input(2).data<float>(), c.input(2).dim(0), c.input(2).dim(1)};
    const float* box = c.input(1).data<float>();
    float* y = view.Output(c, 0);
    std::copy_n(view.Input(c, 0), s.num_elements(), y);
    for (int64_t n = 0; n < s.dim(0) && size > 0; ++n) {
      const Canvas canvas{s.dim(1), s.dim(2), s.dim(3), y + n * size};
      for (int64_t i = 0; i < count; ++i, box += 4) {
        const float* color = palette.first + i % palette.count * palette.channels;
        // One channel: white, whatever the colour.
        constexpr float kWhite = 1;
        if (!has_colors && canvas.depth == 1) color = &kWhite;
        canvas.Frame(Pixels(box[0], box[2], canvas.height), Pixels(box[1], box[3], canvas.width),
                     color);
      }
    }
    view.Finish(c);
    return absl::OkStatus();
  });
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

}  // namespace

OpSpec DrawBoundingBoxesOp() {
  return OpSpec("DrawBoundingBoxes")
      .Input("images: T")
      .Input("boxes: float")
      .Output("output: T")
      .Attr("T: {float, half} = DT_FLOAT")
      .Shape(DrawnShape)
      .Prepare(DrawPrepare)
      .NotDifferentiable(kNone);
}
OpSpec DrawBoundingBoxesV2Op() {
  return OpSpec("DrawBoundingBoxesV2")
      .Input("images: T")
      .Input("boxes: float")
      .Input("colors: float")
      .Output("output: T")
      .Attr("T: {float, half} = DT_FLOAT")
      .Shape(DrawnShape)
      .Prepare(DrawPrepare)
      .NotDifferentiable(kNone);
}

Output DrawBoundingBoxes(At at, Output images, Output boxes) {
  return at.Node("DrawBoundingBoxes", {images, boxes});
}
Output DrawBoundingBoxesV2(At at, Output images, Output boxes, Output colors) {
  return at.Node("DrawBoundingBoxesV2", {images, boxes, colors});
}

}  // namespace sluice::ops
