#include "ops/kernels/random_fill.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/dtype.h"
#include "core/threads.h"
#include "ops/kernels/narrow_float.h"
#include "ops/kernels/philox_fill.h"

namespace sluice::kernels {
namespace {

template <typename T>
constexpr bool kWide = std::is_same_v<T, double> || std::is_same_v<T, int64_t>;

// Numbers of type T that one block of the stream gives.
template <typename T>
constexpr int64_t kPerBlock = kWide<T> ? 2 : 4;

float Narrowed(float x, float*) { return x; }
double Narrowed(double x, double*) { return x; }
template <typename T>
T Narrowed(float x, T* to) {
  NarrowTo(x, to);
  return *to;
}

struct Uniform {
  void operator()(const Philox::Block& b, double* out) const {
    out[0] = UniformDouble(b[0], b[1]);
    out[1] = UniformDouble(b[2], b[3]);
  }
  // As many random bits as the fraction has.
  void operator()(const Philox::Block& b, Half* out) const { Share(b, 10, out); }
  void operator()(const Philox::Block& b, BFloat16* out) const { Share(b, 7, out); }

 private:
  template <typename T>
  static void Share(const Philox::Block& b, int bits, T* out) {
    const uint32_t mask = (1u << bits) - 1;
    for (int k = 0; k < 4; ++k) {
      NarrowTo(static_cast<float>(b[k] & mask) / static_cast<float>(1u << bits), out + k);
    }
  }
};

struct Normal {
  template <typename T>
  void operator()(const Philox::Block& b, T* out) const {
    const auto first = BoxMuller(b[0], b[1]), second = BoxMuller(b[2], b[3]);
    out[0] = Narrowed(first[0], out), out[1] = Narrowed(first[1], out + 1);
    out[2] = Narrowed(second[0], out + 2), out[3] = Narrowed(second[1], out + 3);
  }
  void operator()(const Philox::Block& b, double* out) const {
    const auto pair = BoxMuller(b[0], b[1], b[2], b[3]);
    out[0] = pair[0], out[1] = pair[1];
  }
};

// The remainder of the bits: a bias below range / 2^32 (2^64).
template <typename T>
struct UniformInt {
  T low;
  std::make_unsigned_t<T> range;
  void operator()(const Philox::Block& b, T* out) const {
    using Bits = std::make_unsigned_t<T>;
    for (int64_t k = 0; k < kPerBlock<T>; ++k) {
      Bits bits;
      if constexpr (kWide<T>) {
        bits = b[2 * k] | static_cast<uint64_t>(b[2 * k + 1]) << 32;
      } else {
        bits = b[k];
      }
      out[k] = static_cast<T>(static_cast<Bits>(low) + bits % range);
    }
  }
};

// Block i makes elements i * kPerBlock and following.
template <typename T, typename Maker>
void FillBlocks(const RandomStream& stream, const Maker& make, T* out, int64_t n, double cost) {
  constexpr int64_t per_block = kPerBlock<T>;
  const Philox random(stream.key, stream.stream);
  const int64_t blocks = (n + per_block - 1) / per_block;
  ParallelFor(blocks, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T numbers[per_block];
      make(random(static_cast<uint64_t>(i)), numbers);
      std::copy_n(numbers, std::min(per_block, n - i * per_block), out + i * per_block);
    }
  });
}

}  // namespace

RandomStream StatelessStream(uint64_t seed0, uint64_t seed1) {
  const Philox::Block mix = Philox(0x02461e293ec8f720, seed1)(seed0);
  return {mix[0] | uint64_t{mix[1]} << 32, mix[2] | uint64_t{mix[3]} << 32};
}

std::array<float, 2> BoxMuller(uint32_t a, uint32_t b) {
  const float radius = std::sqrt(-2.0f * std::log(std::max(UniformFloat(a), 1e-7f)));
  const auto angle = static_cast<float>(2 * M_PI * UniformFloat(b));
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

std::array<double, 2> BoxMuller(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const double radius = std::sqrt(-2.0 * std::log(std::max(UniformDouble(a, b), 1e-7)));
  const double angle = 2 * M_PI * UniformDouble(c, d);
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

double NumberSource::Uniform() {
  if (uniforms_left_ == 0) {
    const Philox::Block b = random_(next_++);
    uniforms_ = {UniformDouble(b[0], b[1]), UniformDouble(b[2], b[3])};
    uniforms_left_ = 2;
  }
  return uniforms_[--uniforms_left_];
}

double NumberSource::Normal() {
  if (normals_left_ == 0) {
    const Philox::Block b = random_(next_++);
    normals_ = BoxMuller(b[0], b[1], b[2], b[3]);
    normals_left_ = 2;
  }
  return normals_[--normals_left_];
}

template <typename T>
void FillUniform(const RandomStream& stream, T* out, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    PhiloxUniform(stream.key, stream.stream, 0, n, out);
  } else {
    FillBlocks(stream, Uniform(), out, n, 8);
  }
}

template <typename T>
void FillNormal(const RandomStream& stream, T* out, int64_t n) {
  FillBlocks(stream, Normal(), out, n, 60);
}

// As many elements as one block could give share kPerBlock * kBlocksPerSample / 4 blocks, from
// which normal numbers are taken until so many lie within two standard deviations (95 % do).
template <typename T>
void FillTruncatedNormal(const RandomStream& stream, T* out, int64_t n) {
  constexpr int64_t group = kPerBlock<T>;
  constexpr uint64_t blocks_per_group = group * kBlocksPerSample / 4;
  using Wide = std::conditional_t<kWide<T>, double, float>;
  const Philox random(stream.key, stream.stream);
  ParallelFor((n + group - 1) / group, GrainFor(130), [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      const int64_t count = std::min(group, n - g * group);
      uint64_t block = static_cast<uint64_t>(g) * blocks_per_group;
      for (int64_t k = 0; k < count;) {
        Wide numbers[group];
        Normal()(random(block++), numbers);
        for (int64_t i = 0; i < group && k < count; ++i) {
          if (std::abs(numbers[i]) < Wide(2)) {
            T* to = out + g * group + k++;
            *to = Narrowed(numbers[i], to);
          }
        }
      }
    }
  });
}

template <typename T>
void FillUniformInt(const RandomStream& stream, T low, T high, T* out, int64_t n) {
  using Bits = std::make_unsigned_t<T>;
  const auto range = static_cast<Bits>(static_cast<Bits>(high) - static_cast<Bits>(low));
  FillBlocks(stream, UniformInt<T>{low, range}, out, n, 10);
}

#define SLUICE_FOR_FLOATING(T)                                 \
  template void FillUniform(const RandomStream&, T*, int64_t); \
  template void FillNormal(const RandomStream&, T*, int64_t);  \
  template void FillTruncatedNormal(const RandomStream&, T*, int64_t);
SLUICE_FOR_FLOATING(float)
SLUICE_FOR_FLOATING(double)
SLUICE_FOR_FLOATING(Half)
SLUICE_FOR_FLOATING(BFloat16)
#undef SLUICE_FOR_FLOATING
template void FillUniformInt(const RandomStream&, int32_t, int32_t, int32_t*, int64_t);
template void FillUniformInt(const RandomStream&, int64_t, int64_t, int64_t*, int64_t);

}  // namespace sluice::kernels
