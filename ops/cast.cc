// Cast: y[i] = x[i] in another dtype. The rules of conversion are in kernels/cast.h.
#include "ops/cast.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/cast.h"

namespace sluice::ops {
namespace {

absl::StatusOr<KernelRun> CastPrepare(PrepareContext& p) {
  const DType from = p.input_dtype(0), to = p.output_dtype(0);
  if (from == to) {  // strings and quantized numbers too
    return [](KernelContext& c) {
      if (c.output(0).raw() != c.input(0).raw()) c.output(0).CopyElements(c.input(0));
      return absl::OkStatus();
    };
  }
  const kernels::CastRun run = kernels::FindCast(from, to, p.attr<bool>("Truncate"));
  if (!run) {
    return absl::UnimplementedError(
        absl::StrCat("Cast ", DTypeName(from), " to ", DTypeName(to), " is not supported"));
  }
  constexpr double kCost = 0.4;
  const int64_t from_size = SizeOf(from), to_size = SizeOf(to), grain = GrainFor(kCost);
  return [=](KernelContext& c) {
    const char* x = static_cast<const char*>(c.input(0).raw());
    char* y = static_cast<char*>(c.output(0).mutable_raw());
    ParallelFor(c.input(0).num_elements(), grain, [&](int64_t begin, int64_t end) {
      run(x + begin * from_size, y + begin * to_size, end - begin);
    });
    return absl::OkStatus();
  };
}

template <typename From, typename To>
void CastTile(const void* const* inputs, void* output, int64_t n, const double*) {
  const From* x = static_cast<const From*>(inputs[0]);
  To* y = static_cast<To*>(output);
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
}

std::optional<TileKernel> CastTileOf(const AttrMap& attrs, DType from) {
  const DType to = GetAttr<DType>(attrs, "DstT");
  const bool truncate = GetAttr<bool>(attrs, "Truncate");
  if (from == DType::kFloat && to == DType::kDouble) return TileKernel{CastTile<float, double>};
  if (from == DType::kDouble && to == DType::kFloat && !truncate)
    return TileKernel{CastTile<double, float>};
  if (from == DType::kBool && to == DType::kFloat) return TileKernel{CastTile<bool, float>};
  if (from == DType::kBool && to == DType::kDouble) return TileKernel{CastTile<bool, double>};
  return std::nullopt;
}

Outputs CastGradient(At at, const Node& op, const Outputs& dy) {
  const DType from = BaseType(op.input(0).dtype()), to = op.output_dtype(0);
  const bool differentiable =
      (IsFloating(from) || IsComplex(from)) && (IsFloating(to) || IsComplex(to));
  return {differentiable ? Cast(at, dy[0], from) : Output()};
}

}  // namespace

OpSpec CastOp() {
  return OpSpec("Cast")
      .Input("x: SrcT")
      .Output("y: DstT")
      .Attr("SrcT: type")
      .Attr("DstT: type")
      .Attr("Truncate: bool = false")
      .Shape(shapes::SameAsInput)
      .Prepare(CastPrepare)
      .Tiled(CastTileOf)
      .InPlace(0, 0)
      .Gradient(CastGradient);
}

Output Cast(At at, Output x, DType dtype, const CastOptions& options) {
  if (!x.empty() && BaseType(x.dtype()) == dtype) return x;
  return at.Node("Cast", {x}, {{"DstT", dtype}, {"Truncate", options.truncate}});
}

}  // namespace sluice::ops
