// Contrast, hue, saturation, RGB and HSV: arithmetic in kernels/color.h.
#include "ops/image_color.h"

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/float_view.h"
#include "ops/kernels/color.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status CheckColors(const TensorShape& shape) {
  const int64_t channels = shape.dim(-1);
  if (channels < 0 || channels == 3) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input must have 3 channels but instead has ", channels, " channels"));
}

absl::Status AdjustShape(ShapeContext& c, bool colors) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape images, c.WithRankAtLeast(0, 3));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  if (colors && images.rank_known()) SLUICE_RETURN_IF_ERROR(CheckColors(images));
  c.set_output(0, std::move(images));
  return absl::OkStatus();
}
absl::Status ContrastShape(ShapeContext& c) { return AdjustShape(c, false); }
absl::Status ColorShape(ShapeContext& c) { return AdjustShape(c, true); }

absl::Status SpaceShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape images, c.WithRankAtLeast(0, 1));
  if (images.rank_known()) {
    SLUICE_RETURN_IF_ERROR(CheckColors(images));
    images.set_dim(-1, 3);
  }
  c.set_output(0, std::move(images));
  return absl::OkStatus();
}

// --- kernels ---

absl::StatusOr<KernelRun> ContrastPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {0}));
  return KernelRun([view](KernelContext& c) {
    const TensorShape& s = c.input(0).shape();
    const int64_t pixels = s.dim(-3) * s.dim(-2), channels = s.dim(-1);
    const int64_t elements = s.num_elements();
    if (elements == 0) return absl::OkStatus();
    kernels::AdjustContrast(elements / (pixels * channels), pixels, channels,
                            c.input(1).scalar<float>(), view.Input(c, 0), view.Output(c, 0));
    view.Finish(c);
    return absl::OkStatus();
  });
}

template <void (*adjust)(int64_t, float, const float*, float*)>
absl::StatusOr<KernelRun> AdjustPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {0}));
  return KernelRun([view](KernelContext& c) {
    adjust(c.input(0).num_elements() / 3, c.input(1).scalar<float>(), view.Input(c, 0),
           view.Output(c, 0));
    view.Finish(c);
    return absl::OkStatus();
  });
}

template <void (*convert)(int64_t, const float*, float*),
          void (*convert_double)(int64_t, const double*, double*)>
absl::StatusOr<KernelRun> SpacePrepare(PrepareContext& p) {
  if (p.input_dtype(0) == DType::kDouble) {
    return KernelRun([](KernelContext& c) {
      convert_double(c.input(0).num_elements() / 3, c.input(0).data<double>(),
                     c.output(0).mutable_data<double>());
      return absl::OkStatus();
    });
  }
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {0}));
  return KernelRun([view](KernelContext& c) {
    convert(c.input(0).num_elements() / 3, view.Input(c, 0), view.Output(c, 0));
    view.Finish(c);
    return absl::OkStatus();
  });
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

}  // namespace

OpSpec AdjustContrastv2Op() {
  return OpSpec("AdjustContrastv2")
      .Input("images: T")
      .Input("contrast_factor: float")
      .Output("output: T")
      .Attr("T: {half, float} = DT_FLOAT")
      .Shape(ContrastShape)
      .Prepare(ContrastPrepare)
      .NotDifferentiable(kNone);
}
OpSpec AdjustHueOp() {
  return OpSpec("AdjustHue")
      .Input("images: T")
      .Input("delta: float")
      .Output("output: T")
      .Attr("T: {half, float} = DT_FLOAT")
      .Shape(ColorShape)
      .Prepare(AdjustPrepare<kernels::AdjustHue>)
      .NotDifferentiable(kNone);
}
OpSpec AdjustSaturationOp() {
  return OpSpec("AdjustSaturation")
      .Input("images: T")
      .Input("scale: float")
      .Output("output: T")
      .Attr("T: {half, float} = DT_FLOAT")
      .Shape(ColorShape)
      .Prepare(AdjustPrepare<kernels::AdjustSaturation>)
      .NotDifferentiable(kNone);
}
OpSpec RGBToHSVOp() {
  return OpSpec("RGBToHSV")
      .Input("images: T")
      .Output("output: T")
      .Attr("T: {half, bfloat16, float, double} = DT_FLOAT")
      .Shape(SpaceShape)
      .Prepare(SpacePrepare<kernels::RgbToHsv<float>, kernels::RgbToHsv<double>>)
      .NotDifferentiable(kNone);
}
OpSpec HSVToRGBOp() {
  return OpSpec("HSVToRGB")
      .Input("images: T")
      .Output("output: T")
      .Attr("T: {half, bfloat16, float, double} = DT_FLOAT")
      .Shape(SpaceShape)
      .Prepare(SpacePrepare<kernels::HsvToRgb<float>, kernels::HsvToRgb<double>>)
      .NotDifferentiable(kNone);
}

Output AdjustContrastv2(At at, Output images, Output contrast_factor) {
  return at.Node("AdjustContrastv2", {images, contrast_factor});
}
Output AdjustHue(At at, Output images, Output delta) {
  return at.Node("AdjustHue", {images, delta});
}
Output AdjustSaturation(At at, Output images, Output scale) {
  return at.Node("AdjustSaturation", {images, scale});
}
Output RGBToHSV(At at, Output images) { return at.Node("RGBToHSV", {images}); }
Output HSVToRGB(At at, Output images) { return at.Node("HSVToRGB", {images}); }

}  // namespace sluice::ops
