#include "io/wav.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "io/coding.h"

namespace sluice {
namespace {

void AppendFixed16(std::string* out, uint16_t value) {
  out->push_back(static_cast<char>(value));
  out->push_back(static_cast<char>(value >> 8));
}

int16_t ToInt16(float sample) {
  const float scaled = std::round(sample * 32768.0f);
  if (std::isnan(scaled)) return 0;
  return static_cast<int16_t>(std::clamp(scaled, -32768.0f, 32767.0f));
}

}  // namespace

absl::StatusOr<std::string> EncodeWav(absl::Span<const float> samples, int64_t sample_rate,
                                      int64_t channels) {
  constexpr int64_t kMax32 = std::numeric_limits<uint32_t>::max();
  constexpr int64_t kSampleBytes = 2, kHeaderBytes = 44;
  if (sample_rate < 1 || sample_rate > kMax32) {
    return absl::InvalidArgumentError(
        absl::StrCat("sample_rate must be in (0, 2^32), but was: ", sample_rate));
  }
  if (channels < 1 || channels > std::numeric_limits<uint16_t>::max() / kSampleBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_channels must be in (0, 2^15), but was: ", channels));
  }
  const auto count = static_cast<int64_t>(samples.size());
  if (count == 0 || count % channels != 0) {
    return absl::InvalidArgumentError("num_frames must be positive.");
  }
  if (sample_rate * channels * kSampleBytes > kMax32 ||
      count > (kMax32 - kHeaderBytes) / kSampleBytes) {
    return absl::InvalidArgumentError("the sound is too large for a WAV file");
  }
  std::string out = "RIFF";
  AppendFixed32(&out, static_cast<uint32_t>(kHeaderBytes - 8 + count * kSampleBytes));
  out += "WAVEfmt ";
  AppendFixed32(&out, 16);  // bytes of the format
  AppendFixed16(&out, 1);   // PCM
  AppendFixed16(&out, static_cast<uint16_t>(channels));
  AppendFixed32(&out, static_cast<uint32_t>(sample_rate));
  AppendFixed32(&out, static_cast<uint32_t>(sample_rate * channels * kSampleBytes));
  AppendFixed16(&out, static_cast<uint16_t>(channels * kSampleBytes));
  AppendFixed16(&out, 8 * kSampleBytes);
  out += "data";
  AppendFixed32(&out, static_cast<uint32_t>(count * kSampleBytes));
  for (const float sample : samples) AppendFixed16(&out, static_cast<uint16_t>(ToInt16(sample)));
  return out;
}

}  // namespace sluice
