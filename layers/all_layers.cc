#include "layers/all_layers.h"

#include "core/status.h"
#include "layers/activation_layers.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/conv_transpose.h"
#include "layers/core_layers.h"
#include "layers/cropping.h"
#include "layers/dense.h"
#include "layers/depthwise_conv2d.h"
#include "layers/embedding.h"
#include "layers/global_pooling.h"
#include "layers/group_norm.h"
#include "layers/layer_normalization.h"
#include "layers/locally_connected.h"
#include "layers/lrn.h"
#include "layers/masked.h"
#include "layers/masked_rnn.h"
#include "layers/merge.h"
#include "layers/noise.h"
#include "layers/pooling.h"
#include "layers/reshape_layers.h"
#include "layers/rnn_basic.h"
#include "layers/rnn_lstm.h"
#include "layers/rnn_wrappers.h"
#include "layers/separable_conv.h"
#include "layers/up_sampling.h"
#include "layers/zero_padding.h"
#include "proto/config.pb.h"

namespace sluice::layers {
namespace {

// The one list: class X is XLayer with XLayer::Options. Sorted within its group.
#define SLUICE_LAYERS(X)                          \
  /* convolutions */                              \
  X(Conv1D)                                       \
  X(Conv2D)                                       \
  X(Conv2DTranspose)                              \
  X(Conv3D)                                       \
  X(Conv3DTranspose)                              \
  X(DepthwiseConv2D)                              \
  X(SeparableConv1D)                              \
  X(SeparableConv2D)                              \
  /* locally connected, masked */                 \
  X(LocallyConnected1D)                           \
  X(LocallyConnected2D)                           \
  X(MaskedConv1D)                                 \
  X(MaskedConv2D)                                 \
  X(MaskedConv3D)                                 \
  X(MaskedFullyConnected)                         \
  /* core, merging, normalization, activations */ \
  X(Activation)                                   \
  X(ActivityRegularization)                       \
  X(Add)                                          \
  X(AlphaDropout)                                 \
  X(Average)                                      \
  X(BatchNormalization)                           \
  X(Concatenate)                                  \
  X(Cropping1D)                                   \
  X(Cropping2D)                                   \
  X(Cropping3D)                                   \
  X(Dense)                                        \
  X(Dot)                                          \
  X(Dropout)                                      \
  X(ELU)                                          \
  X(Embedding)                                    \
  X(Flatten)                                      \
  X(GaussianDropout)                              \
  X(GaussianNoise)                                \
  X(GroupNorm)                                    \
  X(InstanceNorm)                                 \
  X(LayerNormalization)                           \
  X(LeakyReLU)                                    \
  X(LocalResponseNormalization)                   \
  X(Masking)                                      \
  X(MaxOut)                                       \
  X(Maximum)                                      \
  X(Minimum)                                      \
  X(Multiply)                                     \
  X(PReLU)                                        \
  X(Permute)                                      \
  X(ReLU)                                         \
  X(RepeatVector)                                 \
  X(Reshape)                                      \
  X(Softmax)                                      \
  X(SpatialDropout1D)                             \
  X(SpatialDropout2D)                             \
  X(SpatialDropout3D)                             \
  X(Subtract)                                     \
  X(ThresholdedReLU)                              \
  X(UpSampling1D)                                 \
  X(UpSampling2D)                                 \
  X(UpSampling3D)                                 \
  X(ZeroPadding1D)                                \
  X(ZeroPadding2D)                                \
  X(ZeroPadding3D)                                \
  /* pooling */                                   \
  X(AveragePooling1D)                             \
  X(AveragePooling2D)                             \
  X(AveragePooling3D)                             \
  X(GlobalAveragePooling1D)                       \
  X(GlobalAveragePooling2D)                       \
  X(GlobalAveragePooling3D)                       \
  X(GlobalMaxPooling1D)                           \
  X(GlobalMaxPooling2D)                           \
  X(GlobalMaxPooling3D)                           \
  X(MaxPooling1D)                                 \
  X(MaxPooling2D)                                 \
  X(MaxPooling3D)
// Cells have no functional form: class X is X.
#define SLUICE_CELLS(X)  \
  X(BasicLSTMCell)       \
  X(BasicRNNCell)        \
  X(DeviceWrapper)       \
  X(DropoutWrapper)      \
  X(GRUCell)             \
  X(LSTMCell)            \
  X(MaskedBasicLSTMCell) \
  X(MaskedLSTMCell)      \
  X(MultiRNNCell)        \
  X(ResidualWrapper)

template <typename LayerT>
absl::StatusOr<std::shared_ptr<Layer>> Read(const Config& config) {
  typename LayerT::Options options;
  SLUICE_RETURN_IF_ERROR(ReadConfig(config, &options));
  return std::shared_ptr<Layer>(std::make_shared<LayerT>(std::move(options)));
}

struct LayerClass {
  const char* name;
  absl::StatusOr<std::shared_ptr<Layer>> (*read)(const Config&);
};
constexpr LayerClass kClasses[] = {
#define SLUICE_LAYER_CLASS(Name) {#Name, Read<Name##Layer>},
    SLUICE_LAYERS(SLUICE_LAYER_CLASS)
#undef SLUICE_LAYER_CLASS
#define SLUICE_CELL_CLASS(Name) {#Name, Read<Name>},
        SLUICE_CELLS(SLUICE_CELL_CLASS)
#undef SLUICE_CELL_CLASS
};
#undef SLUICE_CELLS
#undef SLUICE_LAYERS

}  // namespace

absl::StatusOr<std::shared_ptr<Layer>> LayerFromConfig(const Config& config) {
  for (const LayerClass& one : kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown layer: ", config.class_name));
}

absl::StatusOr<std::shared_ptr<Layer>> FromConfig(const proto::ObjectConfig& config) {
  return LayerFromConfig(ConfigFromProto(config));
}

std::vector<std::string> LayerClassNames() {
  std::vector<std::string> names;
  for (const LayerClass& one : kClasses) names.push_back(one.name);
  return names;
}

std::shared_ptr<Layer> MakeLayer(const std::string& class_name) {
  absl::StatusOr<std::shared_ptr<Layer>> layer = LayerFromConfig({class_name});
  return layer.ok() ? *std::move(layer) : nullptr;
}

}  // namespace sluice::layers
