#include "ops/media_summary.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "io/png.h"
#include "io/wav.h"
#include "proto/event.pb.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }

proto::Summary Parsed(const absl::StatusOr<std::vector<Tensor>>& result) {
  EXPECT_THAT(result, IsOk());
  proto::Summary summary;
  if (result.ok()) {
    EXPECT_TRUE(summary.ParseFromString((*result)[0].scalar<std::string>()));
  }
  return summary;
}

OpTest Image(const Tensor& tensor) {
  return OpTest("ImageSummary").Input(Text("tag")).Input(tensor);
}

TEST(ImageSummaryTest, BytesAsTheyAre) {
  const proto::Summary s = Parsed(Image(Tensor::Of<uint8_t>({2, 1, 2, 1}, {1, 2, 3, 4})).Run());
  ASSERT_EQ(s.value_size(), 2);
  EXPECT_EQ(s.value(1).tag(), "tag/image/1");
  const proto::Summary::Image& image = s.value(1).image();
  EXPECT_EQ(image.height(), 1);
  EXPECT_EQ(image.width(), 2);
  EXPECT_EQ(image.colorspace(), 1);
  const std::vector<uint8_t> pixels = {3, 4};
  EXPECT_EQ(image.encoded_image_string(), EncodePng(pixels, 2, 1, 1).value());
}

TEST(ImageSummaryTest, AsManyAsAllowed) {
  const proto::Summary s =
      Parsed(Image(Tensor::Of<uint8_t>({2, 1, 1, 1}, {1, 2})).Attr("max_images", 1).Run());
  ASSERT_EQ(s.value_size(), 1);
  EXPECT_EQ(s.value(0).tag(), "tag/image");
}

// What an image of one row and channel becomes.
void ExpectPixels(const Tensor& tensor, const std::vector<uint8_t>& want) {
  const proto::Summary s = Parsed(Image(tensor).Run());
  ASSERT_EQ(s.value_size(), 1);
  EXPECT_EQ(s.value(0).image().encoded_image_string(),
            EncodePng(want, tensor.dim(2), 1, static_cast<int>(tensor.dim(3))).value());
}

TEST(ImageSummaryTest, FloatsAreScaled) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  ExpectPixels(Tensor::Of<float>({1, 1, 3, 1}, {0, 1, 2}), {0, 127, 255});
  ExpectPixels(Tensor::Of<double>({1, 1, 3, 1}, {-2, 0, 1}), {1, 128, 191});
  ExpectPixels(Tensor::Of<Half>({1, 1, 2, 1}, {Half(0.0f), Half(1.0f)}), {0, 255});
  ExpectPixels(Tensor::Of<float>({1, 1, 2, 1}, {0, 0}), {0, 0});
  // A pixel that is not finite gets the bad colour, red, and does not count.
  ExpectPixels(Tensor::Of<float>({1, 1, 3, 3}, {kNan, 9, 9, 1, 2, 0, 0, kInf, 0}),
               {255, 0, 0, 127, 255, 0, 255, 0, 0});
}

TEST(ImageSummaryTest, Errors) {
  const auto refused = [](const TensorShape& shape, const char* why) {
    Image(Tensor::Zeros(DType::kFloat, shape)).ExpectError(StatusCode::kInvalidArgument, why);
  };
  refused({1, 2, 2, 2}, "Tensor must be 4-D with last dim 1, 3, or 4, not [1,2,2,2]");
  refused({2, 2, 1}, "Tensor must be 4-D with last dim 1, 3, or 4");
  refused({1, 0, 2, 1}, "input tensor must have non-zero dims.");
  Image(Tensor::Zeros(DType::kFloat, {1, 1, 1, 4}))
      .Attr("bad_color", Tensor::Of<uint8_t>({3}, {1, 2, 3}))
      .ExpectError(StatusCode::kInvalidArgument,
                   "expected depth <= bad_color.size, got depth = 4, bad_color.size = 3");
  Image(Tensor::Zeros(DType::kFloat, {1, 1, 1, 1}))
      .Attr("bad_color", Tensor::Of<float>({1}, {1}))
      .ExpectError(StatusCode::kInvalidArgument, "bad_color must be uint8, got float");
}

TEST(AudioSummaryTest, Clips) {
  const Tensor tensor = Tensor::Of<float>({2, 2, 2}, {0, 0.25f, -0.5f, 1, 0, 0, 0, 0});
  const proto::Summary s = Parsed(
      OpTest("AudioSummaryV2").Input(Text("tag")).Input(tensor).Input<float>({}, {8000}).Run());
  ASSERT_EQ(s.value_size(), 2);
  EXPECT_EQ(s.value(0).tag(), "tag/audio/0");
  const proto::Summary::Audio& audio = s.value(0).audio();
  EXPECT_EQ(audio.sample_rate(), 8000);
  EXPECT_EQ(audio.num_channels(), 2);
  EXPECT_EQ(audio.length_frames(), 2);
  EXPECT_EQ(audio.content_type(), "audio/wav");
  EXPECT_EQ(audio.encoded_audio_string(), EncodeWav({0, 0.25f, -0.5f, 1}, 8000, 2).value());
  const proto::Summary one = Parsed(OpTest("AudioSummary")
                                        .Attr("sample_rate", 10.0f)
                                        .Attr("max_outputs", 1)
                                        .Input(Text("tag"))
                                        .Input<float>({2, 1}, {1, 2})
                                        .Run());
  ASSERT_EQ(one.value_size(), 1);
  EXPECT_EQ(one.value(0).tag(), "tag/audio");
  EXPECT_EQ(one.value(0).audio().num_channels(), 1);
}

TEST(AudioSummaryTest, Errors) {
  const auto clip = [](const TensorShape& shape, float rate) {
    return OpTest("AudioSummaryV2")
        .Input(Text("tag"))
        .Input(Tensor::Zeros(DType::kFloat, shape))
        .Input<float>({}, {rate});
  };
  clip({4}, 1).ExpectError(StatusCode::kInvalidArgument, "Tensor must be 3-D or 2-D, got: [4]");
  clip({1, 4}, 0).ExpectError(StatusCode::kInvalidArgument, "sample_rate must be > 0");
  clip({1, 4}, std::numeric_limits<float>::quiet_NaN())
      .ExpectError(StatusCode::kInvalidArgument, "sample_rate must be > 0");
  clip({1, 0}, 1).ExpectError(StatusCode::kInvalidArgument, "num_frames must be positive.");
}

TEST(TensorSummaryTest, KeepsBytes) {
  proto::SummaryMetadata metadata;
  metadata.set_display_name("shown");
  const proto::Summary s = Parsed(OpTest("TensorSummaryV2")
                                      .Input(Text("tag"))
                                      .Input<int16_t>({}, {258})
                                      .Input(Text(metadata.SerializeAsString()))
                                      .Run());
  ASSERT_EQ(s.value_size(), 1);
  EXPECT_EQ(s.value(0).tag(), "tag");
  EXPECT_EQ(s.value(0).tensor().tensor_content(), "\x02\x01");
  EXPECT_EQ(s.value(0).metadata().display_name(), "shown");
  const proto::Summary old =
      Parsed(OpTest("TensorSummary").Input<std::string>({1}, {"x"}).EvaluateOnly().Run());
  EXPECT_EQ(old.value(0).tensor().string_val(0), "x");
  EXPECT_FALSE(old.value(0).node_name().empty());
  OpTest("TensorSummaryV2")
      .Input(Text("tag"))
      .Input({}, {1})
      .Input(Text("\xFF"))
      .ExpectError(StatusCode::kInvalidArgument, "no SummaryMetadata");
}

}  // namespace
}  // namespace sluice
