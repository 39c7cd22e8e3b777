// CropAndResize: each cell of a crop is the image at a place in its box, linear between the nearest
// pixels. Arithmetic: kernels/crop.h.
#include "ops/crop_and_resize.h"

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/float_view.h"
#include "ops/image_size.h"
#include "ops/kernels/crop.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

using kernels::CropShape;

// --- shape functions ---

// How many boxes there are: inputs `boxes` [n, 4] and boxes + 1 [n].
absl::StatusOr<int64_t> CountBoxes(ShapeContext& c, int boxes) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(boxes, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape image_of, c.WithRank(boxes + 1, 1));
  if (shape.dim(1) >= 0 && shape.dim(1) != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("boxes must have 4 columns, got ", shape.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape count, TensorShape({shape.dim(0)}).MergeWith(image_of));
  return count.dim(0);
}

absl::Status CropsShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape image, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const int64_t boxes, CountBoxes(c, 1));
  return SetSizedImage(c, 3, boxes, image.dim(3));
}

absl::Status GradImageShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 4).status());
  SLUICE_RETURN_IF_ERROR(CountBoxes(c, 1).status());
  SLUICE_ASSIGN_OR_RETURN(TensorShape image, c.ShapeFromValue(3));
  if (!image.rank_known()) image = TensorShape::OfRank(4);
  if (image.rank() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_size must have 4 elements, got ", image.ToString()));
  }
  c.set_output(0, std::move(image));
  return absl::OkStatus();
}

absl::Status GradBoxesShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 4).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 4).status());
  SLUICE_ASSIGN_OR_RETURN(const int64_t boxes, CountBoxes(c, 2));
  c.set_output(0, {boxes, 4});
  return absl::OkStatus();
}

// --- kernels ---

absl::Status CheckBoxes(const Tensor& image_of, int64_t batch) {
  for (const int32_t image : image_of.flat<int32_t>()) {
    if (image < 0 || image >= batch) {
      return absl::OutOfRangeError(absl::StrCat(
          "box_ind has values outside [0, batch_size): ", image, ", batch_size is ", batch));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CropShape> ShapesOf(const TensorShape& image, const TensorShape& crops) {
  if (image.dim(1) < 1 || image.dim(2) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("image dimensions must be positive, got ", image.ToString()));
  }
  if (crops.dim(1) < 1 || crops.dim(2) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("crop dimensions must be positive, got ", crops.ToString()));
  }
  return CropShape{.boxes = crops.dim(0),
                   .channels = crops.dim(3),
                   .batch = image.dim(0),
                   .image = {image.dim(1), image.dim(2)},
                   .crop = {crops.dim(1), crops.dim(2)}};
}

absl::StatusOr<KernelRun> CropPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {}));
  return KernelRun(
      [view, planned = p.output_shape(0).fully_defined(),
       nearest = p.attr<std::string>("method") == "nearest",
       outside = p.attr<float>("extrapolation_value")](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(const ImageSize size, ReadImageSize(c.input(3), "crop"));
        const TensorShape& image = c.input(0).shape();
        const TensorShape wanted = {c.input(1).dim(0), size.height, size.width, image.dim(3)};
        SLUICE_ASSIGN_OR_RETURN(CropShape s, ShapesOf(image, wanted));
        s.nearest = nearest;
        SLUICE_RETURN_IF_ERROR(CheckBoxes(c.input(2), s.batch));
        SLUICE_ASSIGN_OR_RETURN(Tensor * crops, ProvideOutput(c, 0, planned, wanted));
        kernels::CropAndResize(s, c.input(1).data<float>(), c.input(2).data<int32_t>(), outside,
                               view.Input(c, 0), crops->mutable_data<float>());
        return absl::OkStatus();
      });
}

// The image's shape that input 3 spells, checked against grads.
absl::StatusOr<TensorShape> ReadImageShape(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Dims sizes, ReadInts(c.input(3), "image_size"));
  const TensorShape image{absl::Span<const int64_t>(sizes)};
  SLUICE_RETURN_IF_ERROR(image.Check());
  if (image.rank() != 4 || !image.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_size must have 4 elements, none negative, got ", image.ToString()));
  }
  const TensorShape& grads = c.input(0).shape();
  if (grads.dim(0) != c.input(1).dim(0) || grads.dim(3) != image.dim(3)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "boxes and grads have incompatible shape, or image_size and grads are incompatible: ",
        c.input(1).dim(0), " boxes, grads ", grads.ToString(), ", image_size ", image.ToString()));
  }
  return image;
}

absl::StatusOr<KernelRun> GradImagePrepare(PrepareContext& p) {
  const DType dtype = p.output_dtype(0);
  const kernels::CastRun cast = kernels::FindCast(DType::kFloat, dtype);
  return KernelRun(
      [cast, dtype, planned = p.output_shape(0).fully_defined(),
       nearest = p.attr<std::string>("method") == "nearest"](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(const TensorShape image, ReadImageShape(c));
        SLUICE_ASSIGN_OR_RETURN(CropShape s, ShapesOf(image, c.input(0).shape()));
        s.nearest = nearest;
        SLUICE_RETURN_IF_ERROR(CheckBoxes(c.input(2), s.batch));
        SLUICE_ASSIGN_OR_RETURN(Tensor * dimage, ProvideOutput(c, 0, planned, image));
        Tensor sum = *dimage;
        if (dtype != DType::kFloat) {
          SLUICE_ASSIGN_OR_RETURN(sum, Tensor::Make(DType::kFloat, image, c.budget()));
        }
        kernels::CropImageGradient(s, c.input(1).data<float>(), c.input(2).data<int32_t>(),
                                   c.input(0).data<float>(), sum.mutable_data<float>());
        if (dtype != DType::kFloat) cast(sum.raw(), dimage->mutable_raw(), sum.num_elements());
        return absl::OkStatus();
      });
}

absl::StatusOr<KernelRun> GradBoxesPrepare(PrepareContext& p) {
  const TensorShape &grads = p.input_shape(0), &image = p.input_shape(1);
  SLUICE_ASSIGN_OR_RETURN(const CropShape s, ShapesOf(image, grads));
  if (grads.dim(0) != p.input_shape(2).dim(0) || grads.dim(3) != image.dim(3)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "boxes and grads have incompatible shape, or image and grads differ in depth: ",
        p.input_shape(2).dim(0), " boxes, grads ", grads.ToString(), ", image ", image.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {1}, {}));
  return KernelRun([s, view](KernelContext& c) -> absl::Status {
    SLUICE_RETURN_IF_ERROR(CheckBoxes(c.input(3), s.batch));
    kernels::CropBoxGradient(s, c.input(2).data<float>(), c.input(3).data<int32_t>(),
                             view.Input(c, 1), c.input(0).data<float>(),
                             c.output(0).mutable_data<float>());
    return absl::OkStatus();
  });
}

// --- gradients ---

Outputs CropGradient(At at, const Node& op, const Outputs& dy) {
  const Output image = op.input(0), boxes = op.input(1), image_of = op.input(2);
  Outputs dx(4);
  const DType dtype = op.input_dtype(0);
  if (dtype == DType::kHalf || dtype == DType::kFloat || dtype == DType::kDouble) {
    dx[0] = CropAndResizeGradImage(at, dy[0], boxes, image_of, ShapeTensor(at, image), dtype,
                                   {.method = op.attr<std::string>("method")});
  }
  dx[1] = CropAndResizeGradBoxes(at, dy[0], image, boxes, image_of);
  return dx;
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

}  // namespace

OpSpec CropAndResizeOp() {
  return OpSpec("CropAndResize")
      .Input("image: T")
      .Input("boxes: float")
      .Input("box_ind: int32")
      .Input("crop_size: int32")
      .Output("crops: float")
      .Attr("T: {uint8, uint16, int8, int16, int32, int64, half, float, double}")
      .Attr("method: {'bilinear', 'nearest'} = 'bilinear'")
      .Attr("extrapolation_value: float = 0")
      .Shape(CropsShape)
      .Prepare(CropPrepare)
      .Gradient(CropGradient);
}
OpSpec CropAndResizeGradImageOp() {
  return OpSpec("CropAndResizeGradImage")
      .Input("grads: float")
      .Input("boxes: float")
      .Input("box_ind: int32")
      .Input("image_size: int32")
      .Output("output: T")
      .Attr("T: {float, half, double}")
      .Attr("method: {'bilinear', 'nearest'} = 'bilinear'")
      .Shape(GradImageShape)
      .Prepare(GradImagePrepare)
      .NotDifferentiable(kNone);
}
OpSpec CropAndResizeGradBoxesOp() {
  return OpSpec("CropAndResizeGradBoxes")
      .Input("grads: float")
      .Input("image: T")
      .Input("boxes: float")
      .Input("box_ind: int32")
      .Output("output: float")
      .Attr("T: {uint8, uint16, int8, int16, int32, int64, half, float, double}")
      .Attr("method: {'bilinear'} = 'bilinear'")
      .Shape(GradBoxesShape)
      .Prepare(GradBoxesPrepare)
      .NotDifferentiable(kNone);
}

Output CropAndResize(At at, Output image, Output boxes, Output box_ind, Ints crop_size,
                     const CropAndResizeOptions& options) {
  return at.Node(
      "CropAndResize", {image, boxes, box_ind, crop_size.Tensor(at, "crop_size")},
      {{"method", options.method}, {"extrapolation_value", options.extrapolation_value}});
}
Output CropAndResizeGradImage(At at, Output grads, Output boxes, Output box_ind, Ints image_size,
                              DType T, const CropAndResizeGradImageOptions& options) {
  return at.Node("CropAndResizeGradImage",
                 {grads, boxes, box_ind, image_size.Tensor(at, "image_size")},
                 {{"T", T}, {"method", options.method}});
}
Output CropAndResizeGradBoxes(At at, Output grads, Output image, Output boxes, Output box_ind) {
  return at.Node("CropAndResizeGradBoxes", {grads, image, boxes, box_ind});
}

}  // namespace sluice::ops
