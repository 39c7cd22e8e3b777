// ExtractImagePatches: y[b, i, j, (r, s, c)] = x[b, i * stride + r * rate - pad, ..., c].
#include "ops/extract_image_patches.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/binary.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/range.h"
#include "ops/reshape.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/slice.h"
#include "ops/split.h"
#include "ops/transpose.h"
#include "ops/window_rates.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::StatusOr<RatedWindow> WindowOf(const AttrMap& attrs, const TensorShape& images) {
  const auto ksizes = GetAttr<std::vector<int64_t>>(attrs, "ksizes");
  if (ksizes.size() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "ExtractImagePatches requires the ksizes attribute to contain 4 values, but got: ",
        ksizes.size()));
  }
  if (ksizes[0] != 1 || ksizes[3] != 1 || ksizes[1] < 1 || ksizes[2] < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("ksizes must be {1, rows, columns, 1} with positive rows and columns, got ",
                     AttrValue(ksizes).ToString()));
  }
  return PlaceRatedWindow(attrs, images, ksizes[1], ksizes[2]);
}

absl::Status PatchesShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape images, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const RatedWindow w, WindowOf(c.attrs(), images));
  SLUICE_ASSIGN_OR_RETURN(const int64_t cells, MultiplySizes(w.dims[0].window, w.dims[1].window));
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, MultiplySizes(cells, w.channels));
  TensorShape patches = {w.batch, w.dims[0].output, w.dims[1].output, depth};
  SLUICE_RETURN_IF_ERROR(patches.Check());
  c.set_output(0, std::move(patches));
  return absl::OkStatus();
}

// --- kernels ---

// Copies row `y` of the image to one row of a patch whose first pixel is in column `left`.
void CopyRow(const RatedWindow& w, int64_t pixel, const char* row, int64_t left, char* to) {
  const WindowDim& d = w.dims[1];
  if (d.dilation == 1) {
    const int64_t begin = std::clamp<int64_t>(-left, 0, d.window);
    const int64_t end = std::clamp<int64_t>(d.input - left, begin, d.window);
    std::memset(to, 0, begin * pixel);
    if (begin < end)
      std::memcpy(to + begin * pixel, row + (left + begin) * pixel, (end - begin) * pixel);
    std::memset(to + end * pixel, 0, (d.window - end) * pixel);
    return;
  }
  for (int64_t s = 0; s < d.window; ++s, to += pixel) {
    const int64_t x = left + s * d.dilation;
    if (x >= 0 && x < d.input) {
      std::memcpy(to, row + x * pixel, pixel);
    } else {
      std::memset(to, 0, pixel);
    }
  }
}

absl::StatusOr<KernelRun> PatchesPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const RatedWindow w, WindowOf(p.attrs(), p.input_shape(0)));
  const int64_t pixel = w.channels * static_cast<int64_t>(SizeOf(p.input_dtype(0)));
  return KernelRun([w, pixel](KernelContext& c) {
    if (c.output(0).num_elements() == 0) return absl::OkStatus();
    const WindowDim &down = w.dims[0], &across = w.dims[1];
    const auto* images = static_cast<const char*>(c.input(0).raw());
    auto* patches = static_cast<char*>(c.output(0).mutable_raw());
    const int64_t row = across.input * pixel, patch_row = across.window * pixel;
    const int64_t patch = down.window * patch_row;
    const double cost = 0.2 * static_cast<double>(across.output * patch);
    ParallelFor(w.batch * down.output, GrainFor(cost), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const char* image = images + i / down.output * down.input * row;
        const int64_t top = i % down.output * down.stride - down.before;
        char* to = patches + i * across.output * patch;
        for (int64_t j = 0; j < across.output; ++j) {
          for (int64_t r = 0; r < down.window; ++r, to += patch_row) {
            const int64_t y = top + r * down.dilation;
            if (y >= 0 && y < down.input) {
              CopyRow(w, pixel, image + y * row, j * across.stride - across.before, to);
            } else {
              std::memset(to, 0, patch_row);
            }
          }
        }
      }
    });
    return absl::OkStatus();
  });
}

// --- gradients ---

// Patches of an image of cell numbers (1, 2, ...; 0 is beyond the edges) tell where the pixels came
// from.
Outputs PatchesGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = DType::kInt64});
  const Outputs sizes = Unpack(at, shape, 4);
  if (sizes.size() != 4) return {{}};
  const Output one = ConstOf(at, DType::kInt64, 1);
  const Output end = AddV2(at, Mul(at, sizes[1], sizes[2]), one);
  const Output numbers =
      Reshape(at, Range(at, one, end, one), Pack(at, {one, sizes[1], sizes[2], one}));
  AttrMap attrs;
  for (const char* name : {"ksizes", "strides", "rates", "padding"})
    attrs[name] = op.attrs().find(name)->second;
  const Output from = at.Node("ExtractImagePatches", {numbers}, std::move(attrs));
  const Output count = SizeTensor(at, from, {.out_type = DType::kInt64});
  const Output by_pixel =
      Transpose(at, Reshape(at, dy[0], Pack(at, {sizes[0], count, sizes[3]})), {1, 0, 2});
  const Output sums = UnsortedSegmentSum(at, by_pixel, Reshape(at, from, {-1}), end);
  const Output cells = Slice(at, sums, {1, 0, 0}, {-1, -1, -1});
  return {Reshape(at, Transpose(at, cells, {1, 0, 2}), shape)};
}

}  // namespace

OpSpec ExtractImagePatchesOp() {
  return OpSpec("ExtractImagePatches")
      .Input("images: T")
      .Output("patches: T")
      .Attr("ksizes: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("rates: list(int) >= 4")
      .Attr("T: realnumbertype")
      .Attr("padding: {'SAME', 'VALID'}")
      .Shape(PatchesShape)
      .Prepare(PatchesPrepare)
      .Gradient(PatchesGradient);
}

Output ExtractImagePatches(At at, Output images, const std::vector<int64_t>& ksizes,
                           const std::vector<int64_t>& strides, const std::vector<int64_t>& rates,
                           Padding padding) {
  return at.Node("ExtractImagePatches", {images},
                 {{"ksizes", ksizes},
                  {"strides", strides},
                  {"rates", rates},
                  {"padding", PaddingName(padding)}});
}

}  // namespace sluice::ops
