#include "ops/media_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/status.h"
#include "graph/op_spec.h"
#include "graph/tensor_proto.h"
#include "io/png.h"
#include "io/wav.h"
#include "ops/kernels/accumulate.h"
#include "proto/event.pb.h"

namespace sluice::ops {
namespace {

bool IsLegacyScalar(const Tensor& t) { return t.shape().rank() <= 1 && t.num_elements() == 1; }

void SetSummary(const proto::Summary& summary, KernelContext& c) {
  summary.SerializeToString(c.output(0).mutable_data<std::string>());
}

// "tag/image", numbered unless only one may be made.
std::string ItemTag(const KernelContext& c, const char* kind, int64_t most, int64_t i) {
  const std::string base = absl::StrCat(c.input(0).flat<std::string>()[0], "/", kind);
  return most > 1 ? absl::StrCat(base, "/", i) : base;
}

// --- images --------------------------------------------------------------------------------------

template <typename T>
float ToFloat(const T& value) {
  return static_cast<float>(value);
}

// Bytes of an image whose pixels have `channels` values each.
template <typename T>
void Normalize(absl::Span<const T> values, int64_t channels, const uint8_t* bad_color,
               std::vector<uint8_t>* image) {
  const auto finite = [&](size_t pixel) {
    for (int64_t k = 0; k < channels; ++k) {
      if (!std::isfinite(static_cast<double>(
              static_cast<std::conditional_t<kIsHalf<T>, float, T>>(values[pixel + k])))) {
        return false;
      }
    }
    return true;
  };
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (size_t pixel = 0; pixel < values.size(); pixel += channels) {
    if (!finite(pixel)) continue;
    for (int64_t k = 0; k < channels; ++k) {
      low = std::min(low, ToFloat(values[pixel + k]));
      high = std::max(high, ToFloat(values[pixel + k]));
    }
  }
  constexpr float kZero = 1e-6f;
  const float most = low < 0 ? std::max(std::abs(low), std::abs(high)) : high;
  const T scale = T(most < kZero ? 0.0f : (low < 0 ? 127.0f : 255.0f) / most);
  const T offset = T(low < 0 ? 128.0f : 0.0f);
  image->resize(values.size());
  for (size_t pixel = 0; pixel < values.size(); pixel += channels) {
    const bool good = finite(pixel);
    for (int64_t k = 0; k < channels; ++k) {
      const T scaled = Plus(Times(values[pixel + k], scale), offset);
      (*image)[pixel + k] =
          good ? static_cast<uint8_t>(std::clamp(ToFloat(scaled), 0.0f, 255.0f)) : bad_color[k];
    }
  }
}

absl::Status CheckImages(const KernelContext& c, const Tensor& bad_color) {
  const Tensor& tensor = c.input(1);
  if (!IsLegacyScalar(c.input(0))) return absl::InvalidArgumentError("Tags must be a scalar");
  const int64_t channels = tensor.shape().rank() == 4 ? tensor.dim(3) : 0;
  if (channels != 1 && channels != 3 && channels != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Tensor must be 4-D with last dim 1, 3, or 4, not ", tensor.shape().ToString()));
  }
  if (tensor.dim(1) == 0 || tensor.dim(2) == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input tensor must have non-zero dims. Found: ", tensor.shape().ToString(), "."));
  }
  if (bad_color.dtype() != DType::kUint8) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad_color must be uint8, got ", DTypeSchemaName(bad_color.dtype())));
  }
  if (bad_color.shape().rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad_color must be a vector, got shape ", bad_color.shape().ToString()));
  }
  if (bad_color.num_elements() < channels) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected depth <= bad_color.size, got depth = ", channels,
                     ", bad_color.size = ", bad_color.num_elements()));
  }
  return absl::OkStatus();
}

absl::Status ImageSummaryKernel(KernelContext& c) {
  const auto bad_color = c.attr<Tensor>("bad_color");
  SLUICE_RETURN_IF_ERROR(CheckImages(c, bad_color));
  const Tensor& tensor = c.input(1);
  const auto most = c.attr<int64_t>("max_images");
  const int64_t height = tensor.dim(1), width = tensor.dim(2), channels = tensor.dim(3);
  const auto size = static_cast<size_t>(height * width * channels);
  proto::Summary summary;
  std::vector<uint8_t> image;
  for (int64_t i = 0; i < std::min(most, tensor.dim(0)); ++i) {
    SLUICE_RETURN_IF_ERROR((Dispatch<uint8_t, float, Half, double>(tensor.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const absl::Span<const T> values =
          tensor.flat<T>().subspan(static_cast<size_t>(i) * size, size);
      if constexpr (std::is_same_v<T, uint8_t>) {
        image.assign(values.begin(), values.end());
      } else {
        Normalize(values, channels, bad_color.data<uint8_t>(), &image);
      }
      return absl::OkStatus();
    })));
    proto::Summary::Value* value = summary.add_value();
    value->set_tag(ItemTag(c, "image", most, i));
    value->mutable_image()->set_height(static_cast<int32_t>(height));
    value->mutable_image()->set_width(static_cast<int32_t>(width));
    value->mutable_image()->set_colorspace(static_cast<int32_t>(channels));
    SLUICE_ASSIGN_OR_RETURN(*value->mutable_image()->mutable_encoded_image_string(),
                            EncodePng(image, width, height, static_cast<int>(channels)));
  }
  SetSummary(summary, c);
  return absl::OkStatus();
}

// --- sound ---------------------------------------------------------------------------------------

absl::Status AddAudio(KernelContext& c, float sample_rate) {
  const Tensor& tensor = c.input(1);
  const int rank = tensor.shape().rank();
  if (!IsLegacyScalar(c.input(0))) return absl::InvalidArgumentError("Tag must be a scalar");
  if (rank != 2 && rank != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tensor must be 3-D or 2-D, got: ", tensor.shape().ToString()));
  }
  if (!(sample_rate > 0 && sample_rate < 4294967296.0f)) {
    return absl::InvalidArgumentError("sample_rate must be > 0");
  }
  const auto most = c.attr<int64_t>("max_outputs");
  const int64_t frames = tensor.dim(1), channels = rank == 2 ? 1 : tensor.dim(2);
  const int64_t rate = std::max<int64_t>(1, std::lrint(sample_rate));
  const absl::Span<const float> samples = tensor.flat<float>();
  proto::Summary summary;
  for (int64_t i = 0; i < std::min(most, tensor.dim(0)); ++i) {
    proto::Summary::Value* value = summary.add_value();
    value->set_tag(ItemTag(c, "audio", most, i));
    proto::Summary::Audio* audio = value->mutable_audio();
    audio->set_sample_rate(sample_rate);
    audio->set_num_channels(channels);
    audio->set_length_frames(frames);
    audio->set_content_type("audio/wav");
    SLUICE_ASSIGN_OR_RETURN(
        *audio->mutable_encoded_audio_string(),
        EncodeWav(samples.subspan(i * frames * channels, frames * channels), rate, channels));
  }
  SetSummary(summary, c);
  return absl::OkStatus();
}

absl::Status AudioSummaryKernel(KernelContext& c) {
  return AddAudio(c, c.attr<float>("sample_rate"));
}

absl::Status AudioSummaryV2Kernel(KernelContext& c) {
  if (!IsLegacyScalar(c.input(2))) {
    return absl::InvalidArgumentError(
        absl::StrCat("sample_rate must be rank-0: ", c.input(2).shape().ToString()));
  }
  return AddAudio(c, c.input(2).flat<float>()[0]);
}

// --- tensors -------------------------------------------------------------------------------------

// Numbers as raw bytes, also a single one; strings as a list.
absl::Status SetTensor(const Tensor& tensor, proto::TensorProto* out) {
  if (tensor.dtype() == DType::kString || !IsTriviallyCopyable(tensor.dtype())) {
    return ToProto(tensor, out);
  }
  out->set_dtype(static_cast<proto::DataType>(tensor.dtype()));
  ToProto(tensor.shape(), out->mutable_tensor_shape());
  out->set_tensor_content(tensor.raw(), static_cast<size_t>(tensor.byte_size()));
  return absl::OkStatus();
}

absl::Status TensorSummaryKernel(KernelContext& c) {
  proto::Summary summary;
  summary.add_value()->set_node_name(c.node_name());
  SLUICE_RETURN_IF_ERROR(SetTensor(c.input(0), summary.mutable_value(0)->mutable_tensor()));
  SetSummary(summary, c);
  return absl::OkStatus();
}

absl::Status TensorSummaryV2Kernel(KernelContext& c) {
  if (!IsLegacyScalar(c.input(0)) || !IsLegacyScalar(c.input(2))) {
    return absl::InvalidArgumentError("tag and serialized_summary_metadata must be scalars");
  }
  proto::Summary summary;
  proto::Summary::Value* value = summary.add_value();
  value->set_tag(c.input(0).flat<std::string>()[0]);
  SLUICE_RETURN_IF_ERROR(SetTensor(c.input(1), value->mutable_tensor()));
  if (!value->mutable_metadata()->ParseFromString(c.input(2).flat<std::string>()[0])) {
    return absl::InvalidArgumentError("serialized_summary_metadata is no SummaryMetadata message");
  }
  SetSummary(summary, c);
  return absl::OkStatus();
}

OpSpec SummarySpec(const char* name) {
  return OpSpec(name)
      .Output("summary: string")
      .Shape(shapes::Scalar)
      .NotDifferentiable("its output is a string");
}

}  // namespace

OpSpec ImageSummaryOp() {
  return SummarySpec("ImageSummary")
      .Input("tag: string")
      .Input("tensor: T")
      .Attr("max_images: int >= 1 = 3")
      .Attr("T: {uint8, float, half, float64} = DT_FLOAT")
      .Attr(
          "bad_color: tensor = { dtype: DT_UINT8 tensor_shape: { dim { size: 4 } } "
          "int_val: 255 int_val: 0 int_val: 0 int_val: 255 }")
      .Kernel(ImageSummaryKernel);
}

OpSpec AudioSummaryV2Op() {
  return SummarySpec("AudioSummaryV2")
      .Input("tag: string")
      .Input("tensor: float")
      .Input("sample_rate: float")
      .Attr("max_outputs: int >= 1 = 3")
      .Kernel(AudioSummaryV2Kernel);
}

OpSpec AudioSummaryOp() {
  return SummarySpec("AudioSummary")
      .Input("tag: string")
      .Input("tensor: float")
      .Attr("sample_rate: float")
      .Attr("max_outputs: int >= 1 = 3")
      .Kernel(AudioSummaryKernel);
}

OpSpec TensorSummaryV2Op() {
  return SummarySpec("TensorSummaryV2")
      .Input("tag: string")
      .Input("tensor: T")
      .Input("serialized_summary_metadata: string")
      .Attr("T: type")
      .Kernel(TensorSummaryV2Kernel);
}

OpSpec TensorSummaryOp() {
  return SummarySpec("TensorSummary")
      .Input("tensor: T")
      .Attr("T: type")
      .Attr("description: string = ''")
      .Attr("labels: list(string) = []")
      .Attr("display_name: string = ''")
      .Kernel(TensorSummaryKernel);
}

Output ImageSummary(At at, Output tag, Output tensor, const ImageSummaryOptions& options) {
  return at.Node("ImageSummary", {tag, tensor},
                 {{"max_images", options.max_images}, {"bad_color", options.bad_color}});
}
Output AudioSummaryV2(At at, Output tag, Output tensor, Output sample_rate,
                      const AudioSummaryOptions& options) {
  return at.Node("AudioSummaryV2", {tag, tensor, sample_rate},
                 {{"max_outputs", options.max_outputs}});
}
Output AudioSummary(At at, Output tag, Output tensor, float sample_rate,
                    const AudioSummaryOptions& options) {
  return at.Node("AudioSummary", {tag, tensor},
                 {{"sample_rate", sample_rate}, {"max_outputs", options.max_outputs}});
}
Output TensorSummaryV2(At at, Output tag, Output tensor, Output serialized_summary_metadata) {
  return at.Node("TensorSummaryV2", {tag, tensor, serialized_summary_metadata});
}
Output TensorSummary(At at, Output tensor, const TensorSummaryOptions& options) {
  return at.Node("TensorSummary", {tensor},
                 {{"description", options.description},
                  {"labels", options.labels},
                  {"display_name", options.display_name}});
}

}  // namespace sluice::ops
