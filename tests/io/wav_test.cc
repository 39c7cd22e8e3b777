// The bytes of a WAV file, field by field.
#include "io/wav.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(WavTest, ByHand) {
  // Two frames of two channels; 1 and beyond are clipped.
  const auto file = EncodeWav({0.0f, -1.0f, 0.5f, 2.0f}, 44100, 2);
  ASSERT_THAT(file, IsOk());
  const std::string want =
      std::string("RIFF\x2C\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00", 24) +
      std::string("\x44\xAC\x00\x00\x10\xB1\x02\x00\x04\x00\x10\x00", 12) +
      std::string("data\x08\x00\x00\x00\x00\x00\x00\x80\x00\x40\xFF\x7F", 16);
  EXPECT_EQ(*file, want);
}

TEST(WavTest, Rounds) {
  const float step = 1.0f / 32768;
  const auto file = EncodeWav({0.4f * step, 0.6f * step, -0.6f * step}, 1, 1);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->substr(44), std::string("\x00\x00\x01\x00\xFF\xFF", 6));
}

TEST(WavTest, Errors) {
  EXPECT_THAT(EncodeWav({}, 1, 1),
              StatusIs(StatusCode::kInvalidArgument, "num_frames must be positive."));
  EXPECT_THAT(EncodeWav({1.0f}, 0, 1), StatusIs(StatusCode::kInvalidArgument, "sample_rate"));
  EXPECT_THAT(EncodeWav({1.0f}, 1, 0), StatusIs(StatusCode::kInvalidArgument, "num_channels"));
  EXPECT_THAT(EncodeWav({1.0f}, 1, 2), StatusIs(StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(EncodeWav({1.0f}, 1LL << 31, 1), StatusIs(StatusCode::kInvalidArgument, "too large"));
}

}  // namespace
}  // namespace sluice
