#include "layers/cropping.h"

#include <string>
#include <vector>

#include "core/status.h"
#include "ops/strided_slice.h"

namespace sluice::layers {

void Cropping1DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "cropping", cropping);
  f("name", name);
}
void Cropping2DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "cropping", cropping);
  f("data_format", data_format);
  f("name", name);
}
void Cropping3DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "cropping", cropping);
  f("data_format", data_format);
  f("name", name);
}

template <typename OptionsT>
Cropping<OptionsT>::Cropping(const char* class_name, OptionsT options, LayerKind kind)
    : LayerOf<OptionsT>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = static_cast<int>(ToMargins(this->options_.cropping).size()) + 2}};
}

template <typename OptionsT>
absl::Status Cropping<OptionsT>::Build(At, const TensorShape& input) {
  const Margins margins = ToMargins(this->options_.cropping);
  SLUICE_RETURN_IF_ERROR(CheckMargins("cropping", margins));
  for (size_t i = 0; i < margins.size(); ++i) {
    const int64_t size = input.dim(FirstSize(this->options_) + static_cast<int>(i));
    if (size < 0 || margins[i].before + margins[i].after <= size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("`cropping` (", margins[i].before, ", ", margins[i].after,
                     ") is more than the input of shape ", input.ToString(), " has"));
  }
  return absl::OkStatus();
}

template <typename OptionsT>
Output Cropping<OptionsT>::Call(At at, const Output& input, const CallOptions&) {
  const Margins margins = ToMargins(this->options_.cropping);
  const size_t rank = margins.size() + 2;
  std::vector<int64_t> begin(rank, 0), end(rank, 0);
  ops::StridedSliceOptions masks = {.begin_mask = (int64_t{1} << rank) - 1,
                                    .end_mask = (int64_t{1} << rank) - 1};
  for (size_t i = 0; i < margins.size(); ++i) {
    const size_t axis = FirstSize(this->options_) + i;
    begin[axis] = margins[i].before;
    end[axis] = -margins[i].after;
    masks.begin_mask &= ~(int64_t{1} << axis);
    if (margins[i].after > 0) masks.end_mask &= ~(int64_t{1} << axis);
  }
  return ops::StridedSlice(at.Named("strided_slice"), input, begin, end,
                           std::vector<int64_t>(rank, 1), masks);
}

template class Cropping<Cropping1DOptions>;
template class Cropping<Cropping2DOptions>;
template class Cropping<Cropping3DOptions>;

Output Cropping1D(At at, Output inputs, Cropping1DOptions options) {
  return ApplyOnce<Cropping1DLayer>(at, inputs, std::move(options));
}
Output Cropping2D(At at, Output inputs, Cropping2DOptions options) {
  return ApplyOnce<Cropping2DLayer>(at, inputs, std::move(options));
}
Output Cropping3D(At at, Output inputs, Cropping3DOptions options) {
  return ApplyOnce<Cropping3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
