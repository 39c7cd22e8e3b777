#include "core/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sluice {
namespace {

constexpr double kTwoPi = 6.283185307179586;

uint64_t SplitMix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Philox::Block Philox::operator()(uint64_t index) const {
  auto k0 = static_cast<uint32_t>(key_);
  auto k1 = static_cast<uint32_t>(key_ >> 32);
  auto c0 = static_cast<uint32_t>(index);
  auto c1 = static_cast<uint32_t>(index >> 32);
  auto c2 = static_cast<uint32_t>(stream_);
  auto c3 = static_cast<uint32_t>(stream_ >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xd2511f53} * c0;
    const uint64_t p1 = uint64_t{0xcd9e8d57} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  return {c0, c1, c2, c3};
}

// The bits become the fraction of a number in [1, 2).
float UniformFloat(uint32_t bits) {
  const uint32_t pattern = 0x3f800000 | (bits & 0x7fffff);
  float value;
  std::memcpy(&value, &pattern, sizeof(value));
  return value - 1.0f;
}

double UniformDouble(uint32_t high, uint32_t low) {
  const uint64_t pattern = 0x3ff0000000000000 | (uint64_t{high & 0xfffff} << 32) | low;
  double value;
  std::memcpy(&value, &pattern, sizeof(value));
  return value - 1.0;
}

std::array<float, 2> NormalFloats(uint32_t a, uint32_t b) {
  const float radius = std::sqrt(-2.0f * std::log(std::max(UniformFloat(a), 1e-7f)));
  const float angle = static_cast<float>(kTwoPi) * UniformFloat(b);
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

std::array<double, 2> NormalDoubles(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const double radius = std::sqrt(-2.0 * std::log(std::max(UniformDouble(a, b), 0x1p-53)));
  const double angle = kTwoPi * UniformDouble(c, d);
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

uint64_t MixSeeds(uint64_t a, uint64_t b) { return SplitMix(SplitMix(a) + b); }

}  // namespace sluice
