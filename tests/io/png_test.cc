#include "io/png.h"

#include <png.h>

#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using absl::StatusCode;

// The pixels that libpng reads.
std::vector<uint8_t> Decode(const std::string& file, uint32_t format, uint32_t* width,
                            uint32_t* height) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, file.data(), file.size()), 0) << image.message;
  EXPECT_EQ(image.format, format);
  *width = image.width;
  *height = image.height;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  return pixels;
}

TEST(PngTest, ReadsBack) {
  const uint32_t formats[] = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
  for (int channels = 1; channels <= 4; ++channels) {
    std::vector<uint8_t> pixels;
    for (int i = 0; i < 5 * 7 * channels; ++i) pixels.push_back(static_cast<uint8_t>(i * 37));
    const auto file = EncodePng(pixels, 7, 5, channels);
    ASSERT_THAT(file, IsOk());
    uint32_t width = 0, height = 0;
    EXPECT_EQ(Decode(*file, formats[channels], &width, &height), pixels) << channels;
    EXPECT_EQ(width, 7u);
    EXPECT_EQ(height, 5u);
  }
}

TEST(PngTest, RefusesWhatIsNoImage) {
  const std::vector<uint8_t> pixels(12, 0);
  EXPECT_THAT(EncodePng(pixels, 0, 12, 1), StatusIs(StatusCode::kInvalidArgument, "0 x 12"));
  EXPECT_THAT(EncodePng(pixels, 2, 2, 4), StatusIs(StatusCode::kInvalidArgument, "12 bytes"));
  EXPECT_THAT(EncodePng(pixels, 1, 2, 6), StatusIs(StatusCode::kInvalidArgument, "6 channels"));
  EXPECT_THAT(EncodePng(pixels, 1LL << 40, 1, 1), StatusIs(StatusCode::kInvalidArgument, ""));
}

}  // namespace
}  // namespace sluice
