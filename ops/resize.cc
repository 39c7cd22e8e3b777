// Resize*: each cell of the result is a weighted sum of cells of the source; the gradient goes the
// same ways back. Arithmetic: kernels/resize.h.
#include "ops/resize.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/float_view.h"
#include "ops/image_size.h"
#include "ops/kernels/resize.h"
#include "ops/shape.h"
#include "ops/slice.h"

namespace sluice::ops {
namespace {

using kernels::ResizeAxis;
using kernels::ResizeShape;

// --- shape functions ---

absl::Status ResizedShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape images, c.WithRank(0, 4));
  return SetSizedImage(c, 1, images.dim(0), images.dim(3));
}

absl::Status OriginalShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 4).status());
  SLUICE_ASSIGN_OR_RETURN(TensorShape original, c.WithRank(1, 4));
  c.set_output(0, std::move(original));
  return absl::OkStatus();
}

// --- kernels ---

// The four ways: what is known of an axis, and the loops over images.
struct Nearest {
  using Tap = int64_t;
  static constexpr auto Taps = kernels::NearestTaps;
};
struct Bilinear {
  using Tap = kernels::LinearTap;
  static constexpr auto Taps = kernels::LinearTaps;
  static constexpr auto Run = kernels::ResizeBilinear;
  static constexpr auto Gradient = kernels::ResizeBilinearGradient;
};
struct Bicubic {
  using Tap = kernels::CubicTap;
  static constexpr auto Taps = kernels::CubicTaps;
  static constexpr auto Run = kernels::ResizeBicubic;
  static constexpr auto Gradient = kernels::ResizeBicubicGradient;
};
struct Area {
  using Tap = kernels::AreaTap;
  static constexpr auto Taps = kernels::AreaTaps;
};

// The taps of both axes, kept from run to run while the sizes stay the same.
template <typename Way>
class Plan {
 public:
  explicit Plan(const AttrMap& attrs)
      : align_corners_(GetAttr<bool>(attrs, "align_corners")),
        half_pixel_centers_(FindAttr(attrs, "half_pixel_centers") != nullptr &&
                            GetAttr<bool>(attrs, "half_pixel_centers")) {}

  absl::Status Check() const {
    if (!align_corners_ || !half_pixel_centers_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "If half_pixel_centers is True, align_corners must be False.");
  }

  void Set(const ResizeShape& s) {
    shape_ = s;
    for (int i = 0; i < 2; ++i) {
      if (axis_[i].in == s.in[i] && axis_[i].out == s.out[i] && !taps_[i].empty()) continue;
      axis_[i] = {s.in[i], s.out[i], align_corners_, half_pixel_centers_};
      taps_[i] = Way::Taps(axis_[i]);
    }
  }

  const ResizeShape& shape() const { return shape_; }
  float scale(int i) const { return axis_[i].Scale(); }
  const typename Way::Tap* rows() const { return taps_[0].data(); }
  const typename Way::Tap* columns() const { return taps_[1].data(); }

 private:
  bool align_corners_, half_pixel_centers_;
  ResizeShape shape_;
  ResizeAxis axis_[2];
  std::vector<typename Way::Tap> taps_[2];
};

absl::Status CheckImage(const TensorShape& image, const char* what) {
  if (image.dim(3) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("image must have at least one channel, got ", what, " ", image.ToString()));
  }
  if (image.dim(1) < 1 || image.dim(2) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("input image must be of non-zero size, got ", what, " ", image.ToString()));
  }
  if (image.dim(1) >= INT32_MAX || image.dim(2) >= INT32_MAX) {
    return absl::InvalidArgumentError("input sizes must be between 0 and max int32");
  }
  return absl::OkStatus();
}

ResizeShape ShapesOf(const TensorShape& in, const ImageSize& out) {
  return {.batch = in.dim(0),
          .channels = in.dim(3),
          .in = {in.dim(1), in.dim(2)},
          .out = {out.height, out.width}};
}

// Output 0 for the size that input 1 spells; the plan is set for it.
template <typename Way>
absl::StatusOr<Tensor*> SizedOutput(KernelContext& c, bool planned, Plan<Way>* plan) {
  const TensorShape& images = c.input(0).shape();
  SLUICE_ASSIGN_OR_RETURN(const ImageSize size, ReadImageSize(c.input(1), "output"));
  SLUICE_ASSIGN_OR_RETURN(
      Tensor * output,
      ProvideOutput(c, 0, planned, {images.dim(0), size.height, size.width, images.dim(3)}));
  if (output->num_elements() > 0) plan->Set(ShapesOf(images, size));
  return output;
}

// Bilinear and bicubic.
template <typename Way>
absl::StatusOr<KernelRun> ResizePrepare(PrepareContext& p) {
  auto plan = std::make_shared<Plan<Way>>(p.attrs());
  SLUICE_RETURN_IF_ERROR(plan->Check());
  SLUICE_RETURN_IF_ERROR(CheckImage(p.input_shape(0), "images"));
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {}));
  return KernelRun(
      [plan, view, planned = p.output_shape(0).fully_defined()](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(Tensor * y, SizedOutput(c, planned, plan.get()));
        Way::Run(plan->shape(), plan->rows(), plan->columns(), view.Input(c, 0),
                 y->mutable_data<float>());
        return absl::OkStatus();
      });
}

absl::StatusOr<KernelRun> AreaPrepare(PrepareContext& p) {
  auto plan = std::make_shared<Plan<Area>>(p.attrs());
  SLUICE_RETURN_IF_ERROR(CheckImage(p.input_shape(0), "images"));
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {}));
  return KernelRun(
      [plan, view, planned = p.output_shape(0).fully_defined()](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(Tensor * y, SizedOutput(c, planned, plan.get()));
        const float scale = 1.0f / (plan->scale(0) * plan->scale(1));
        kernels::ResizeArea(plan->shape(), plan->rows(), plan->columns(), scale, view.Input(c, 0),
                            y->mutable_data<float>());
        return absl::OkStatus();
      });
}

absl::StatusOr<KernelRun> NearestPrepare(PrepareContext& p) {
  auto plan = std::make_shared<Plan<Nearest>>(p.attrs());
  SLUICE_RETURN_IF_ERROR(plan->Check());
  SLUICE_RETURN_IF_ERROR(CheckImage(p.input_shape(0), "images"));
  return KernelRun(
      [plan, planned = p.output_shape(0).fully_defined()](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(Tensor * y, SizedOutput(c, planned, plan.get()));
        kernels::ResizeNearest(plan->shape(), y->dtype(), plan->rows(), plan->columns(),
                               c.input(0).raw(), y->mutable_raw());
        return absl::OkStatus();
      });
}

absl::Status CheckGradientShapes(const TensorShape& grads, const TensorShape& original) {
  if (grads.dim(1) < 1 || grads.dim(2) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("resized dimensions must be positive, got grads ", grads.ToString()));
  }
  SLUICE_RETURN_IF_ERROR(CheckImage(original, "original_image"));
  if (grads.dim(0) != original.dim(0) || grads.dim(3) != original.dim(3)) {
    return absl::InvalidArgumentError(
        absl::StrCat("grads and original_image must agree in batch and channels, got ",
                     grads.ToString(), " and ", original.ToString()));
  }
  return absl::OkStatus();
}

template <typename Way>
absl::StatusOr<KernelRun> ResizeGradPrepare(PrepareContext& p) {
  auto plan = std::make_shared<Plan<Way>>(p.attrs());
  SLUICE_RETURN_IF_ERROR(plan->Check());
  const TensorShape &grads = p.input_shape(0), &original = p.input_shape(1);
  SLUICE_RETURN_IF_ERROR(CheckGradientShapes(grads, original));
  if (original.num_elements() == 0)
    return KernelRun([](KernelContext&) { return absl::OkStatus(); });
  plan->Set(ShapesOf(original, {grads.dim(1), grads.dim(2)}));
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {}, {0}));
  return KernelRun([plan, view](KernelContext& c) {
    Way::Gradient(plan->shape(), plan->rows(), plan->columns(), c.input(0).data<float>(),
                  view.Output(c, 0));
    view.Finish(c);
    return absl::OkStatus();
  });
}

template <typename T>
absl::Status NearestGrad(KernelContext& c, bool planned, Plan<Nearest>* plan) {
  const TensorShape& grads = c.input(0).shape();
  SLUICE_ASSIGN_OR_RETURN(const ImageSize size, ReadImageSize(c.input(1), "output"));
  const TensorShape wanted = {grads.dim(0), size.height, size.width, grads.dim(3)};
  SLUICE_ASSIGN_OR_RETURN(Tensor * dx, ProvideOutput(c, 0, planned, wanted));
  if (dx->num_elements() > 0) plan->Set(ShapesOf(wanted, {grads.dim(1), grads.dim(2)}));
  kernels::ResizeNearestGradient(plan->shape(), plan->rows(), plan->columns(), c.input(0).data<T>(),
                                 dx->mutable_data<T>());
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> NearestGradPrepare(PrepareContext& p) {
  auto plan = std::make_shared<Plan<Nearest>>(p.attrs());
  SLUICE_RETURN_IF_ERROR(plan->Check());
  SLUICE_RETURN_IF_ERROR(CheckImage(p.input_shape(0), "grads"));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, int8_t, uint8_t, int32_t>(p.input_dtype(0), [&](auto tag) {
        run = [plan, planned = p.output_shape(0).fully_defined()](KernelContext& c) {
          return NearestGrad<typename decltype(tag)::type>(c, planned, plan.get());
        };
        return absl::OkStatus();
      })));
  return run;
}

// --- gradients ---

AttrMap WayAttrs(const Node& op) {
  return {{"align_corners", op.attr<bool>("align_corners")},
          {"half_pixel_centers", op.attr<bool>("half_pixel_centers")}};
}

Outputs BilinearGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("ResizeBilinearGrad", {dy[0], op.input(0)}, WayAttrs(op)), {}};
}

Outputs BicubicGradient(At at, const Node& op, const Outputs& dy) {
  const DType dtype = op.input_dtype(0);
  if (dtype != DType::kFloat && dtype != DType::kDouble) return {{}, {}};
  return {at.Node("ResizeBicubicGrad", {dy[0], op.input(0)}, WayAttrs(op)), {}};
}

Outputs NearestGradient(At at, const Node& op, const Outputs& dy) {
  const TensorShape& shape = op.input(0).shape();
  const Output size = shape.dim(1) >= 0 && shape.dim(2) >= 0
                          ? Const<int32_t>(at, {static_cast<int32_t>(shape.dim(1)),
                                                static_cast<int32_t>(shape.dim(2))})
                          : Slice(at, ShapeTensor(at, op.input(0)), {1}, {2});
  return {at.Node("ResizeNearestNeighborGrad", {dy[0], size}, WayAttrs(op)), {}};
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

AttrMap Attrs(const ResizeOptions& options) {
  return {{"align_corners", options.align_corners},
          {"half_pixel_centers", options.half_pixel_centers}};
}

}  // namespace

OpSpec ResizeAreaOp() {
  return OpSpec("ResizeArea")
      .Input("images: T")
      .Input("size: int32")
      .Output("resized_images: float")
      .Attr("T: {int8, uint8, int16, uint16, int32, int64, half, float, double}")
      .Attr("align_corners: bool = false")
      .Shape(ResizedShape)
      .Prepare(AreaPrepare)
      .NotDifferentiable(kNone);
}
OpSpec ResizeBicubicOp() {
  return OpSpec("ResizeBicubic")
      .Input("images: T")
      .Input("size: int32")
      .Output("resized_images: float")
      .Attr("T: {int8, uint8, int16, uint16, int32, int64, half, float, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(ResizedShape)
      .Prepare(ResizePrepare<Bicubic>)
      .Gradient(BicubicGradient);
}
OpSpec ResizeBilinearOp() {
  return OpSpec("ResizeBilinear")
      .Input("images: T")
      .Input("size: int32")
      .Output("resized_images: float")
      .Attr("T: {int8, uint8, int16, uint16, int32, int64, bfloat16, half, float, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(ResizedShape)
      .Prepare(ResizePrepare<Bilinear>)
      .Gradient(BilinearGradient);
}
OpSpec ResizeNearestNeighborOp() {
  return OpSpec("ResizeNearestNeighbor")
      .Input("images: T")
      .Input("size: int32")
      .Output("resized_images: T")
      .Attr("T: {int8, uint8, int16, uint16, int32, int64, half, float, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(ResizedShape)
      .Prepare(NearestPrepare)
      .Gradient(NearestGradient);
}
OpSpec ResizeBicubicGradOp() {
  return OpSpec("ResizeBicubicGrad")
      .Input("grads: float")
      .Input("original_image: T")
      .Output("output: T")
      .Attr("T: {float, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(OriginalShape)
      .Prepare(ResizeGradPrepare<Bicubic>)
      .NotDifferentiable(kNone);
}
OpSpec ResizeBilinearGradOp() {
  return OpSpec("ResizeBilinearGrad")
      .Input("grads: float")
      .Input("original_image: T")
      .Output("output: T")
      .Attr("T: {float, bfloat16, half, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(OriginalShape)
      .Prepare(ResizeGradPrepare<Bilinear>)
      .NotDifferentiable(kNone);
}
OpSpec ResizeNearestNeighborGradOp() {
  return OpSpec("ResizeNearestNeighborGrad")
      .Input("grads: T")
      .Input("size: int32")
      .Output("output: T")
      .Attr("T: {uint8, int8, int32, half, float, double}")
      .Attr("align_corners: bool = false")
      .Attr("half_pixel_centers: bool = false")
      .Shape(ResizedShape)
      .Prepare(NearestGradPrepare)
      .NotDifferentiable(kNone);
}

Output ResizeArea(At at, Output images, Ints size, const ResizeAreaOptions& options) {
  return at.Node("ResizeArea", {images, size.Tensor(at, "size")},
                 {{"align_corners", options.align_corners}});
}
Output ResizeBicubic(At at, Output images, Ints size, const ResizeOptions& options) {
  return at.Node("ResizeBicubic", {images, size.Tensor(at, "size")}, Attrs(options));
}
Output ResizeBilinear(At at, Output images, Ints size, const ResizeOptions& options) {
  return at.Node("ResizeBilinear", {images, size.Tensor(at, "size")}, Attrs(options));
}
Output ResizeNearestNeighbor(At at, Output images, Ints size, const ResizeOptions& options) {
  return at.Node("ResizeNearestNeighbor", {images, size.Tensor(at, "size")}, Attrs(options));
}
Output ResizeBicubicGrad(At at, Output grads, Output original_image, const ResizeOptions& options) {
  return at.Node("ResizeBicubicGrad", {grads, original_image}, Attrs(options));
}
Output ResizeBilinearGrad(At at, Output grads, Output original_image,
                          const ResizeOptions& options) {
  return at.Node("ResizeBilinearGrad", {grads, original_image}, Attrs(options));
}
Output ResizeNearestNeighborGrad(At at, Output grads, Ints size, const ResizeOptions& options) {
  return at.Node("ResizeNearestNeighborGrad", {grads, size.Tensor(at, "size")}, Attrs(options));
}

}  // namespace sluice::ops
