#include "ops/kernels/conv.h"

#include "core/status.h"

namespace sluice::kernels {
namespace {

template <typename T>
std::unique_ptr<Conv> MakePlainConv(ConvPass pass, const ConvShape& shape) {
  return shape.depthwise ? MakeDepthwiseConv<T>(pass, shape) : MakeGemmConv<T>(pass, shape);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Conv>> MakeConv(DType dtype, ConvPass pass, const ConvShape& shape,
                                               const ConvOptions& options) {
  if (dtype == DType::kFloat) {
    absl::StatusOr<std::unique_ptr<Conv>> conv = MakeDnnlConv(pass, shape, options);
    if (conv.ok() || !absl::IsUnimplemented(conv.status())) return conv;
  }
  std::unique_ptr<Conv> conv;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(dtype, [&](auto tag) {
    conv = MakePlainConv<typename decltype(tag)::type>(pass, shape);
    return absl::OkStatus();
  })));
  return conv;
}

}  // namespace sluice::kernels
