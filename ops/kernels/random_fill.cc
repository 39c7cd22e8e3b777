#include "ops/kernels/random_fill.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/random.h"
#include "core/threads.h"
#include "ops/kernels/philox_fill.h"

namespace sluice::kernels {
namespace {

// Numbers of type T that one block of the stream gives.
template <typename T>
constexpr int64_t kPerBlock = std::is_same_v<T, float> ? 4 : 2;

struct Uniform {
  static void Make(const Philox::Block& b, double* out) {
    out[0] = UniformDouble(b[0], b[1]);
    out[1] = UniformDouble(b[2], b[3]);
  }
};

struct Normal {
  static void Make(const Philox::Block& b, float* out) {
    const auto first = NormalFloats(b[0], b[1]), second = NormalFloats(b[2], b[3]);
    out[0] = first[0], out[1] = first[1], out[2] = second[0], out[3] = second[1];
  }
  static void Make(const Philox::Block& b, double* out) {
    const auto pair = NormalDoubles(b[0], b[1], b[2], b[3]);
    out[0] = pair[0], out[1] = pair[1];
  }
};

// Block i makes elements i * kPerBlock and following.
template <typename Maker, typename T>
void FillBlocks(const RandomStream& stream, T* out, int64_t n, double cost) {
  constexpr int64_t per_block = kPerBlock<T>;
  const Philox random(stream.key, stream.stream);
  const int64_t blocks = (n + per_block - 1) / per_block;
  ParallelFor(blocks, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T numbers[per_block];
      Maker::Make(random(static_cast<uint64_t>(i)), numbers);
      std::copy_n(numbers, std::min(per_block, n - i * per_block), out + i * per_block);
    }
  });
}

}  // namespace

template <typename T>
void FillUniform(const RandomStream& stream, T* out, int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    PhiloxUniform(stream.key, stream.stream, 0, n, out);
  } else {
    FillBlocks<Uniform>(stream, out, n, 8);
  }
}

template <typename T>
void FillNormal(const RandomStream& stream, T* out, int64_t n) {
  FillBlocks<Normal>(stream, out, n, 60);
}

// Element i tries the numbers of blocks i, i + 2^48, i + 2 * 2^48, ... until one lies within two
// standard deviations (95 % do at once).
template <typename T>
void FillTruncatedNormal(const RandomStream& stream, T* out, int64_t n) {
  constexpr uint64_t kNextTry = uint64_t{1} << 48;
  const Philox random(stream.key, stream.stream);
  ParallelFor(n, GrainFor(70), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      bool found = false;
      for (uint64_t block = static_cast<uint64_t>(i); !found; block += kNextTry) {
        T numbers[kPerBlock<T>];
        Normal::Make(random(block), numbers);
        for (const T number : numbers) {
          if (std::abs(number) < T(2)) {
            out[i] = number;
            found = true;
            break;
          }
        }
      }
    }
  });
}

// The upper half of a 128-bit product (Lemire 2019, without rejection: the bias is below range /
// 2^64).
template <typename T>
void FillUniformInt(const RandomStream& stream, T low, T high, T* out, int64_t n) {
  const Philox random(stream.key, stream.stream);
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  ParallelFor((n + 1) / 2, GrainFor(10), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Philox::Block b = random(static_cast<uint64_t>(i));
      for (int64_t k = 0; k < 2 && 2 * i + k < n; ++k) {
        const uint64_t bits = uint64_t{b[2 * k]} << 32 | b[2 * k + 1];
        const uint64_t offset =
            static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * range) >> 64);
        out[2 * i + k] = static_cast<T>(static_cast<uint64_t>(low) + offset);
      }
    }
  });
}

template void FillUniform(const RandomStream&, float*, int64_t);
template void FillUniform(const RandomStream&, double*, int64_t);
template void FillNormal(const RandomStream&, float*, int64_t);
template void FillNormal(const RandomStream&, double*, int64_t);
template void FillTruncatedNormal(const RandomStream&, float*, int64_t);
template void FillTruncatedNormal(const RandomStream&, double*, int64_t);
template void FillUniformInt(const RandomStream&, int32_t, int32_t, int32_t*, int64_t);
template void FillUniformInt(const RandomStream&, int64_t, int64_t, int64_t*, int64_t);

}  // namespace sluice::kernels
