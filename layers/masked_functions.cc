// masked_convolution and masked_fully_connected: the layers of masked.h with contrib's names.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/collections.h"
#include "graph/graph.h"
#include "layers/masked.h"

namespace sluice::layers {
namespace {

// Makes `kernel` and `bias` of a layer the model variables `weights` and `biases`, through the
// getter that the scope has.
CustomGetter ModelVariables() {
  return [](const VariableGetter& getter, At at, const std::string& name,
            const VariableOptions& options) {
    const size_t slash = name.rfind('/');
    std::string scope = slash == std::string::npos ? "" : name.substr(0, slash + 1);
    const std::string last = name.substr(scope.size());
    VariableOptions model = options;
    for (const char* key : {keys::kGlobalVariables, keys::kModelVariables}) {
      if (std::find(model.collections.begin(), model.collections.end(), key) ==
          model.collections.end())
        model.collections.push_back(key);
    }
    return getter(at,
                  absl::StrCat(scope, last == "kernel" ? "weights"
                                      : last == "bias" ? "biases"
                                                       : last),
                  model);
  };
}

// The scope that the function works in.
Scope OpenScope(At at, const LayerName& name, const char* default_name, Reuse reuse) {
  const VariableScopeOptions options{.custom_getter = ModelVariables(), .reuse = reuse};
  const Caller caller{at.file(), at.line()};
  const Scope outside = at.scope().Named("");
  if (name.scope().has_value()) return outside.VariableScope(*name.scope(), options, caller);
  if (!name.empty()) return outside.VariableScope(name.text(), options, caller);
  return outside.DefaultVariableScope(default_name, options, caller);
}

// Adds the variable, or its parts, to each collection, once.
void AddTo(Graph& graph, const Variable& variable, const std::vector<std::string>& collections) {
  const std::vector<Variable> all =
      variable.is_partitioned() ? variable.parts() : std::vector<Variable>{variable};
  for (const std::string& key : collections) {
    const std::vector<Variable> there = graph.Variables(key);
    for (const Variable& v : all) {
      if (std::find(there.begin(), there.end(), v) == there.end()) graph.AddToCollection(key, v);
    }
  }
}

// What both functions do with the result of their layer.
template <typename LayerT, typename Options>
Output Finish(At at, const LayerT& layer, Output y, const Options& o) {
  if (!at.ok()) return {};
  const VariablesCollections& c = o.variables_collections;
  for (const auto* list : {&c.all, &c.weights}) AddTo(at.graph(), layer.kernel(), *list);
  if (!layer.bias().empty()) {
    for (const auto* list : {&c.all, &c.biases}) AddTo(at.graph(), layer.bias(), *list);
  }
  if (o.normalizer_fn) y = o.normalizer_fn(at, y);
  y = o.activation_fn(at, y);
  if (y.empty()) return {};
  for (const std::string& key : o.outputs_collections) at.graph().AddToCollection(key, y);
  return y;
}

bool IsDataFormat(const std::string& text) {
  constexpr std::array kAll = {"", "NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW"};
  return std::find(kAll.begin(), kAll.end(), text) != kAll.end();
}

absl::StatusOr<DataFormat> ReadDataFormat(const std::string& text, const TensorShape& input) {
  if (!input.rank_known() || input.rank() < 3 || input.rank() > 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("Sparse Convolution not supported for input with rank ",
                     input.rank_known() ? absl::StrCat(input.rank()) : "None"));
  }
  if (text.empty()) return DataFormat::kChannelsLast;
  for (const DataFormat f : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
    if (text == DataFormatName(f, input.rank())) return f;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Unsupported data format ", text, " for input with rank ", input.rank()));
}

// `n` sizes out of one or n.
absl::StatusOr<std::vector<int64_t>> Sizes(const char* name, const WindowSizes& sizes, size_t n) {
  if (sizes.values.size() == n) return sizes.values;
  if (sizes.values.size() == 1) return std::vector<int64_t>(n, sizes.values[0]);
  return absl::InvalidArgumentError(absl::StrCat("The `", name, "` argument must be a tuple of ", n,
                                                 " integers. Received: (",
                                                 absl::StrJoin(sizes.values, ", "), ")"));
}

Int1 As(Int1, const std::vector<int64_t>& v) { return v[0]; }
Int2 As(Int2, const std::vector<int64_t>& v) { return {v[0], v[1]}; }
Int3 As(Int3, const std::vector<int64_t>& v) { return {v[0], v[1], v[2]}; }

// The options of the layer object in the scope `place`.
template <typename Window>
absl::StatusOr<MaskedConvOptions<Window>> LayerOptions(const MaskedConvolutionOptions& o,
                                                       DataFormat data_format, const Scope& place) {
  const size_t n = SizesOf(Window(1)).size();
  SLUICE_ASSIGN_OR_RETURN(const auto kernel, Sizes("kernel_size", o.kernel_size, n));
  SLUICE_ASSIGN_OR_RETURN(const auto stride, Sizes("strides", o.stride, n));
  SLUICE_ASSIGN_OR_RETURN(const auto rate, Sizes("dilation_rate", o.rate, n));
  return MaskedConvOptions<Window>{.filters = o.num_outputs,
                                   .kernel_size = As(Window(1), kernel),
                                   .strides = As(Window(1), stride),
                                   .padding = o.padding,
                                   .data_format = data_format,
                                   .dilation_rate = As(Window(1), rate),
                                   .use_bias = !o.normalizer_fn && o.biases_initializer,
                                   .kernel_initializer = o.weights_initializer,
                                   .bias_initializer = o.biases_initializer,
                                   .kernel_regularizer = o.weights_regularizer,
                                   .bias_regularizer = o.biases_regularizer,
                                   .trainable = o.trainable,
                                   .name = place};
}

template <typename LayerT, typename Window>
Output Convolve(At at, const Output& inputs, const MaskedConvolutionOptions& o,
                DataFormat data_format) {
  absl::StatusOr<MaskedConvOptions<Window>> options =
      LayerOptions<Window>(o, data_format, at.scope());
  if (!options.ok()) return at.Fail("Conv", options.status());
  LayerT layer(*std::move(options), LayerKind::kFunction);
  const Output y = layer(at, inputs);
  return Finish(at, layer, y, o);
}

}  // namespace

Output MaskedConvolution(At at, Output inputs, MaskedConvolutionOptions o) {
  if (!at.ok() || inputs.empty()) return {};
  if (!IsDataFormat(o.data_format)) {
    return at.Named("").Fail("masked_convolution",
                             absl::InvalidArgumentError(absl::StrCat(
                                 "Invalid data_format: '", Printable(o.data_format), "'")));
  }
  const absl::StatusOr<DataFormat> data_format = ReadDataFormat(o.data_format, inputs.shape());
  if (!data_format.ok()) return at.Named("").Fail("masked_convolution", data_format.status());
  const At place = at.In(OpenScope(at, o.scope, "Conv", o.reuse));
  if (!at.ok()) return {};
  switch (inputs.shape().rank()) {
    case 3:
      return Convolve<MaskedConv1DLayer, Int1>(place, inputs, o, *data_format);
    case 4:
      return Convolve<MaskedConv2DLayer, Int2>(place, inputs, o, *data_format);
    default:
      return Convolve<MaskedConv3DLayer, Int3>(place, inputs, o, *data_format);
  }
}

Output MaskedConv2D(At at, Output inputs, MaskedConvolutionOptions options) {
  return MaskedConvolution(at, std::move(inputs), std::move(options));
}

Output MaskedFullyConnected(At at, Output inputs, MaskedFullyConnectedOptions o) {
  if (!at.ok() || inputs.empty()) return {};
  if (o.num_outputs <= 0) {
    return at.Named("").Fail("masked_fully_connected",
                             absl::InvalidArgumentError(absl::StrCat(
                                 "num_outputs should be int or long > 0, got ", o.num_outputs)));
  }
  const At place = at.In(OpenScope(at, o.scope, "fully_connected", o.reuse));
  if (!at.ok()) return {};
  MaskedFullyConnectedLayer layer({.units = o.num_outputs,
                                   .use_bias = !o.normalizer_fn && o.biases_initializer,
                                   .kernel_initializer = o.weights_initializer,
                                   .bias_initializer = o.biases_initializer,
                                   .kernel_regularizer = o.weights_regularizer,
                                   .bias_regularizer = o.biases_regularizer,
                                   .trainable = o.trainable,
                                   .name = place.scope()},
                                  LayerKind::kFunction);
  const Output y = layer(place, inputs);
  return Finish(place, layer, y, o);
}

}  // namespace sluice::layers
