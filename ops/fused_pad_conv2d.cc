// FusedResizeAndPadConv2D: ResizeBilinear, then MirrorPad, then Conv2D. FusedPadConv2D: without the
// first.
#include "ops/fused_pad_conv2d.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/float_view.h"
#include "ops/flops.h"
#include "ops/image_size.h"
#include "ops/kernels/conv.h"
#include "ops/kernels/resize.h"
#include "ops/window.h"

namespace sluice::ops {
namespace {

// What happens to height and width (or to one of them that is not known: -1).
struct Stages {
  int64_t resized[2] = {-1, -1};
  int64_t before[2] = {0, 0}, after[2] = {0, 0};  // mirrored border
  WindowDim window[2];                            // on the padded image
  int64_t padded(int i) const { return before[i] + resized[i] + after[i]; }
};

// --- shape functions ---

absl::Status ReadBorder(const Tensor& paddings, int64_t skip, Stages* s) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, paddings.ToInt64s());
  if (paddings.shape() != TensorShape{4, 2}) {
    return absl::InvalidArgumentError(absl::StrCat(
        "paddings must be a matrix with 4 rows and 2 columns: ", paddings.shape().ToString()));
  }
  if (sizes[0] != 0 || sizes[1] != 0 || sizes[6] != 0 || sizes[7] != 0) {
    return absl::InvalidArgumentError("paddings of batch and channels must be 0");
  }
  for (int i = 0; i < 2; ++i) {
    s->before[i] = sizes[2 + 2 * i];
    s->after[i] = sizes[3 + 2 * i];
    const int64_t most = s->resized[i] < 0 ? kMaxElements : s->resized[i] - skip;
    for (const int64_t size : {s->before[i], s->after[i]}) {
      if (size < 0 || size > most) {
        return absl::InvalidArgumentError(absl::StrCat(
            "paddings must be no less than 0 and no greater than the dimension size (REFLECT: one "
            "less): ",
            size, ", dimension size ", s->resized[i]));
      }
    }
  }
  return absl::OkStatus();
}

// The stages for an image and a filter of rank 4; size and paddings may be null: not known.
absl::StatusOr<Stages> PlanStages(const AttrMap& attrs, const TensorShape& image, bool resizes,
                                  const Tensor* size, const Tensor* paddings,
                                  const TensorShape& filter) {
  Stages s;
  if (!resizes) {
    for (int i = 0; i < 2; ++i) s.resized[i] = image.dim(1 + i);
  } else if (size != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const ImageSize read, ReadImageSize(*size, "output"));
    s.resized[0] = read.height;
    s.resized[1] = read.width;
  }
  const int64_t skip = GetAttr<std::string>(attrs, "mode") == "REFLECT" ? 1 : 0;
  if (paddings != nullptr) SLUICE_RETURN_IF_ERROR(ReadBorder(*paddings, skip, &s));
  SLUICE_ASSIGN_OR_RETURN(const WindowAttrs window, ParseWindowAttrs(attrs));
  for (int i = 0; i < 2; ++i) {
    const bool known = s.resized[i] >= 0 && paddings != nullptr;
    SLUICE_ASSIGN_OR_RETURN(s.window[i],
                            SlideWindow(window, i, known ? s.padded(i) : -1, filter.dim(i)));
  }
  if (image.dim(3) >= 0 && filter.dim(2) >= 0 && image.dim(3) != filter.dim(2)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input and filter must have the same depth: ", image.dim(3), " vs ", filter.dim(2)));
  }
  return s;
}

template <bool resizes>
absl::Status FusedShape(ShapeContext& c) {
  constexpr int kPaddings = resizes ? 2 : 1;
  SLUICE_ASSIGN_OR_RETURN(const TensorShape image, c.WithRank(0, 4));
  if (resizes) SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(kPaddings, 2).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(kPaddings + 1, 4));
  SLUICE_ASSIGN_OR_RETURN(const Stages s, PlanStages(c.attrs(), image, resizes, c.value(1),
                                                     c.value(kPaddings), filter));
  c.set_output(0, {image.dim(0), s.window[0].output, s.window[1].output, filter.dim(3)});
  return absl::OkStatus();
}

// --- kernels ---

// Where cell i of a padded axis comes from.
int64_t Mirrored(int64_t i, int64_t before, int64_t size, bool reflect) {
  const int64_t at = i - before;
  if (at < 0) return reflect ? -at : -at - 1;
  if (at >= size) return reflect ? 2 * (size - 1) - at : 2 * size - 1 - at;
  return at;
}

void PadImages(const Stages& s, bool reflect, int64_t batch, int64_t channels, const float* from,
               float* to) {
  const int64_t row = s.resized[1] * channels;
  ParallelFor(batch * s.padded(0), GrainFor(static_cast<double>(row)),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t y = Mirrored(i % s.padded(0), s.before[0], s.resized[0], reflect);
                  const float* line = from + (i / s.padded(0) * s.resized[0] + y) * row;
                  float* out = to + i * s.padded(1) * channels;
                  for (int64_t x = 0; x < s.padded(1); ++x) {
                    const int64_t at = Mirrored(x, s.before[1], s.resized[1], reflect);
                    out = std::copy_n(line + at * channels, channels, out);
                  }
                }
              });
}

absl::Status Convolve(KernelContext& c, const Stages& s, int64_t batch, const TensorShape& filter,
                      float* image, const float* weights, float* y) {
  kernels::ConvShape shape{
      .batch = batch, .in_channels = filter.dim(2), .out_channels = filter.dim(3)};
  for (int i = 0; i < 2; ++i) {
    const WindowDim& w = s.window[i];
    shape.input[i] = w.input;
    shape.kernel[i] = w.window;
    shape.output[i] = w.output;
    shape.stride[i] = w.stride;
    shape.before[i] = w.before;
    shape.after[i] = w.after;
  }
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<kernels::Conv> conv,
                          kernels::MakeConv(DType::kFloat, kernels::ConvPass::kForward, shape,
                                            {.threads = c.threads(), .budget = c.budget()}));
  SLUICE_ASSIGN_OR_RETURN(Tensor scratch,
                          Tensor::Make(DType::kUint8, {conv->scratch_bytes()}, c.budget()));
  return conv->Run({.input = image,
                    .filter = const_cast<float*>(weights),
                    .output = y,
                    .scratch = scratch.mutable_raw()});
}

// The image [batch, s.padded(0), s.padded(1), channels].
absl::StatusOr<Tensor> ResizeAndPad(KernelContext& c, const Stages& s, bool resizes,
                                    const float* x) {
  const TensorShape& image = c.input(0).shape();
  const int64_t batch = image.dim(0), channels = image.dim(3);
  Tensor resized;
  if (resizes) {
    SLUICE_ASSIGN_OR_RETURN(
        resized,
        Tensor::Make(DType::kFloat, {batch, s.resized[0], s.resized[1], channels}, c.budget()));
    const bool align = c.attr<bool>("resize_align_corners");
    const kernels::ResizeShape shape{.batch = batch,
                                     .channels = channels,
                                     .in = {image.dim(1), image.dim(2)},
                                     .out = {s.resized[0], s.resized[1]}};
    const auto rows = kernels::LinearTaps({shape.in[0], shape.out[0], align});
    const auto columns = kernels::LinearTaps({shape.in[1], shape.out[1], align});
    kernels::ResizeBilinear(shape, rows.data(), columns.data(), x, resized.mutable_data<float>());
    x = resized.data<float>();
  }
  SLUICE_ASSIGN_OR_RETURN(
      Tensor padded,
      Tensor::Make(DType::kFloat, {batch, s.padded(0), s.padded(1), channels}, c.budget()));
  PadImages(s, c.attr<std::string>("mode") == "REFLECT", batch, channels, x,
            padded.mutable_data<float>());
  return padded;
}

template <bool resizes>
absl::Status Fused(KernelContext& c, const FloatView& view, bool planned) {
  constexpr int kPaddings = resizes ? 2 : 1;
  const TensorShape &image = c.input(0).shape(), &filter = c.input(kPaddings + 1).shape();
  SLUICE_ASSIGN_OR_RETURN(const Stages s, PlanStages(c.attrs(), image, resizes, &c.input(1),
                                                     &c.input(kPaddings), filter));
  if (resizes && (image.dim(1) < 1 || image.dim(2) < 1)) {
    return absl::InvalidArgumentError("input image must be of non-zero size");
  }
  const TensorShape wanted = {image.dim(0), s.window[0].output, s.window[1].output, filter.dim(3)};
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, ProvideOutput(c, 0, planned, wanted));
  if (wanted.num_elements() == 0) return absl::OkStatus();
  if (image.dim(3) == 0) {
    ZeroElements(output->dtype(), output->mutable_raw(), wanted.num_elements());
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor padded, ResizeAndPad(c, s, resizes, view.Input(c, 0)));
  Tensor y = *output;
  if (y.dtype() != DType::kFloat) {
    SLUICE_ASSIGN_OR_RETURN(y, Tensor::Make(DType::kFloat, wanted, c.budget()));
  }
  SLUICE_RETURN_IF_ERROR(Convolve(c, s, image.dim(0), filter, padded.mutable_data<float>(),
                                  view.Input(c, kPaddings + 1), y.mutable_data<float>()));
  if (y.dtype() != output->dtype()) {
    kernels::FindCast(DType::kFloat, output->dtype())(y.raw(), output->mutable_raw(),
                                                      wanted.num_elements());
  }
  return absl::OkStatus();
}

template <bool resizes>
absl::StatusOr<KernelRun> FusedPrepare(PrepareContext& p) {
  constexpr int kFilter = resizes ? 3 : 2;
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0, kFilter}, {}));
  return KernelRun([view, planned = p.output_shape(0).fully_defined()](KernelContext& c) {
    return Fused<resizes>(c, view, planned);
  });
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

}  // namespace

OpSpec FusedPadConv2DOp() {
  return OpSpec("FusedPadConv2D")
      .Input("input: T")
      .Input("paddings: int32")
      .Input("filter: T")
      .Output("output: T")
      .Attr("T: {half, float, double}")
      .Attr("mode: {'REFLECT', 'SYMMETRIC'}")
      .Attr("strides: list(int)")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(FusedShape<false>)
      .Prepare(FusedPrepare<false>)
      .Flops(ConvolutionFlops(2, kOutput))
      .NotDifferentiable(kNone);
}
OpSpec FusedResizeAndPadConv2DOp() {
  return OpSpec("FusedResizeAndPadConv2D")
      .Input("input: T")
      .Input("size: int32")
      .Input("paddings: int32")
      .Input("filter: T")
      .Output("output: T")
      .Attr("T: {half, float, double}")
      .Attr("resize_align_corners: bool = false")
      .Attr("mode: {'REFLECT', 'SYMMETRIC'}")
      .Attr("strides: list(int)")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(FusedShape<true>)
      .Prepare(FusedPrepare<true>)
      .Flops(ConvolutionFlops(3, kOutput))
      .NotDifferentiable(kNone);
}

Output FusedPadConv2D(At at, Output input, Ints paddings, Output filter, const std::string& mode,
                      const std::vector<int64_t>& strides, Padding padding) {
  return at.Node("FusedPadConv2D", {input, paddings.Matrix(at, "paddings", 2), filter},
                 {{"mode", mode}, {"strides", strides}, {"padding", PaddingName(padding)}});
}
Output FusedResizeAndPadConv2D(At at, Output input, Ints size, Ints paddings, Output filter,
                               const std::string& mode, const std::vector<int64_t>& strides,
                               Padding padding, const FusedResizeAndPadConv2DOptions& options) {
  return at.Node("FusedResizeAndPadConv2D",
                 {input, size.Tensor(at, "size"), paddings.Matrix(at, "paddings", 2), filter},
                 {{"resize_align_corners", options.resize_align_corners},
                  {"mode", mode},
                  {"strides", strides},
                  {"padding", PaddingName(padding)}});
}

}  // namespace sluice::ops
