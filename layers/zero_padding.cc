#include "layers/zero_padding.h"

#include <vector>

#include "ops/pad.h"

namespace sluice::layers {

void ZeroPadding1DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "padding", padding);
  f("name", name);
}
void ZeroPadding2DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "padding", padding);
  f("data_format", data_format);
  f("name", name);
}
void ZeroPadding3DOptions::Fields(ConfigFields& f) {
  VisitMargins(f, "padding", padding);
  f("data_format", data_format);
  f("name", name);
}

template <typename OptionsT>
ZeroPadding<OptionsT>::ZeroPadding(const char* class_name, OptionsT options, LayerKind kind)
    : LayerOf<OptionsT>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = static_cast<int>(ToMargins(this->options_.padding).size()) + 2}};
}

template <typename OptionsT>
absl::Status ZeroPadding<OptionsT>::Build(At, const TensorShape&) {
  return CheckMargins("padding", ToMargins(this->options_.padding));
}

template <typename OptionsT>
Output ZeroPadding<OptionsT>::Call(At at, const Output& input, const CallOptions&) {
  const Margins margins = ToMargins(this->options_.padding);
  std::vector<int64_t> paddings(2 * (margins.size() + 2), 0);
  size_t entry = 2 * FirstSize(this->options_);
  for (const Margin& m : margins) {
    paddings[entry++] = m.before;
    paddings[entry++] = m.after;
  }
  return ops::Pad(at, input, paddings);
}

template class ZeroPadding<ZeroPadding1DOptions>;
template class ZeroPadding<ZeroPadding2DOptions>;
template class ZeroPadding<ZeroPadding3DOptions>;

Output ZeroPadding1D(At at, Output inputs, ZeroPadding1DOptions options) {
  return ApplyOnce<ZeroPadding1DLayer>(at, inputs, std::move(options));
}
Output ZeroPadding2D(At at, Output inputs, ZeroPadding2DOptions options) {
  return ApplyOnce<ZeroPadding2DLayer>(at, inputs, std::move(options));
}
Output ZeroPadding3D(At at, Output inputs, ZeroPadding3DOptions options) {
  return ApplyOnce<ZeroPadding3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
