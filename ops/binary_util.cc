#include "ops/binary_util.h"

#include <memory>
#include <optional>
#include <string>

#include "ops/flops.h"
#include "ops/kernels/broadcast.h"

namespace sluice::ops {

KernelPrepare BroadcastKernel(kernels::BinaryFunction function, absl::string_view invalid) {
  return
      [function, message = std::string(invalid)](PrepareContext& p) -> absl::StatusOr<KernelRun> {
        const DType dtype = p.input_dtype(0);
        const kernels::BinaryKernel kernel = kernels::FindBinary(function, dtype);
        if (!kernel.vv) return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
        auto plan = std::make_shared<const kernels::BroadcastBinary>(
            kernel, dtype, p.output_dtype(0), p.input_shape(0), p.input_shape(1));
        return [plan, message](KernelContext& c) {
          if (!plan->Run(c.input(0).raw(), c.input(1).raw(), c.output(0).mutable_raw()))
            return absl::InvalidArgumentError(message);
          return absl::OkStatus();
        };
      };
}

TiledFn TileOf(kernels::BinaryFunction function) {
  return [function](const AttrMap&, DType dtype) -> std::optional<TileKernel> {
    const TileFn tile = kernels::FindBinary(function, dtype).tile;
    return tile ? std::optional(TileKernel{tile}) : std::nullopt;
  };
}

OpSpec BroadcastOp(absl::string_view name, absl::string_view types,
                   kernels::BinaryFunction function) {
  return OpSpec(name)
      .Input("x: T")
      .Input("y: T")
      .Output("z: T")
      .Attr(types)
      .Shape(shapes::BroadcastBinary)
      .Prepare(BroadcastKernel(function))
      .Tiled(TileOf(function))
      .InPlace(0, 0)
      .InPlace(1, 0)
      .Flops(FlopsPerElement(1));
}

OpSpec ComparisonOp(absl::string_view name, absl::string_view types,
                    kernels::BinaryFunction function) {
  return OpSpec(name)
      .Input("x: T")
      .Input("y: T")
      .Output("z: bool")
      .Attr(types)
      .Shape(shapes::BroadcastBinary)
      .Prepare(BroadcastKernel(function))
      .Tiled(TileOf(function))
      .NotDifferentiable("its result is not a number");
}

}  // namespace sluice::ops
