#include <algorithm>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/conv.h"
#include "ops/kernels/dnnl_util.h"

// g++ 12 takes the undefined registers of its own intrinsics for mistakes (GCC bug 105593), and
// warns that vector types lose their alignment attribute as template arguments, which nothing here
// needs.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#include "Eigen/Core"

namespace sluice::kernels {
namespace {

using Packet = Eigen::internal::packet_traits<float>::type;
using Eigen::internal::padd;
using Eigen::internal::pload;
using Eigen::internal::ploadu;
using Eigen::internal::pmadd;
using Eigen::internal::pmax;
using Eigen::internal::pmin;
using Eigen::internal::pmul;
using Eigen::internal::pset1;
using Eigen::internal::pstoreu;
using Eigen::internal::psub;
constexpr int kSize = Eigen::internal::unpacket_traits<Packet>::size;

Packet Times(float factor, Packet x) { return pmul(pset1<Packet>(factor), x); }
// factor * x + y
Packet Fma(float factor, Packet x, Packet y) { return pmadd(pset1<Packet>(factor), x, y); }

// The three transforms of F(M x M, 3 x 3) along one axis, as in Lavin and Gray, "Fast Algorithms
// for Convolutional Neural Networks" (2015): v = B^T d, u = G g, y = A^T m.
template <int M>
struct Transform;

template <>
struct Transform<2> {
  static constexpr int kWide = 4;
  static void Input(const Packet (&d)[4], Packet (&v)[4]) {
    v[0] = psub(d[0], d[2]);
    v[1] = padd(d[1], d[2]);
    v[2] = psub(d[2], d[1]);
    v[3] = psub(d[1], d[3]);
  }
  static void Filter(const Packet (&g)[3], Packet (&u)[4]) {
    const Packet ends = Times(0.5f, padd(g[0], g[2])), middle = Times(0.5f, g[1]);
    u[0] = g[0];
    u[1] = padd(ends, middle);
    u[2] = psub(ends, middle);
    u[3] = g[2];
  }
  static void Output(const Packet (&m)[4], Packet (&y)[2]) {
    y[0] = padd(m[0], padd(m[1], m[2]));
    y[1] = psub(psub(m[1], m[2]), m[3]);
  }
};

template <>
struct Transform<4> {
  static constexpr int kWide = 6;
  static void Input(const Packet (&d)[6], Packet (&v)[6]) {
    const Packet a = Fma(-4, d[2], d[4]), b = Fma(-4, d[1], d[3]);
    const Packet c = psub(d[4], d[2]), e = psub(d[3], d[1]);
    v[0] = Fma(4, d[0], Fma(-5, d[2], d[4]));
    v[1] = padd(a, b);
    v[2] = psub(a, b);
    v[3] = Fma(2, e, c);
    v[4] = Fma(-2, e, c);
    v[5] = Fma(4, d[1], Fma(-5, d[3], d[5]));
  }
  static void Filter(const Packet (&g)[3], Packet (&u)[6]) {
    const Packet ends = Times(-1.0f / 6, padd(g[0], g[2])), middle = Times(-1.0f / 6, g[1]);
    const Packet far = Fma(1.0f / 24, g[0], Times(1.0f / 6, g[2])), half = Times(1.0f / 12, g[1]);
    u[0] = Times(0.25f, g[0]);
    u[1] = padd(ends, middle);
    u[2] = psub(ends, middle);
    u[3] = padd(far, half);
    u[4] = psub(far, half);
    u[5] = g[2];
  }
  static void Output(const Packet (&m)[6], Packet (&y)[4]) {
    const Packet sum1 = padd(m[1], m[2]), difference1 = psub(m[1], m[2]);
    const Packet sum2 = padd(m[3], m[4]), difference2 = psub(m[3], m[4]);
    y[0] = padd(m[0], padd(sum1, sum2));
    y[1] = Fma(2, difference2, difference1);
    y[2] = Fma(4, sum2, sum1);
    y[3] = padd(Fma(8, difference2, difference1), m[5]);
  }
};

// Tiles of M x M output pixels. A tile's surroundings, M + 2 square, are transformed; so is the
// filter, once; at each of the (M + 2)^2 places a matrix product [tiles, in] x [in, out] is left;
// the products are transformed into output pixels. Blocks of tiles go through the three steps while
// they are in the cache.
template <int M>
class WinogradConv : public Conv {
 public:
  static constexpr int kWide = Transform<M>::kWide, kPlaces = kWide * kWide;

  // May throw dnnl::error.
  WinogradConv(const ConvShape& shape, const ConvOptions& options)
      : s_(shape), epilogue_(options.epilogue) {
    constexpr int64_t kBlockBytes = 1 << 20, kFewest = 16;
    tile_rows_ = (s_.output[1] + M - 1) / M;
    tile_columns_ = (s_.output[2] + M - 1) / M;
    tiles_ = s_.batch * tile_rows_ * tile_columns_;
    const int64_t tile_bytes = kPlaces * (s_.in_channels + s_.out_channels) * kFloat;
    const int64_t most = std::max(kFewest, options.threads * kBlockBytes / tile_bytes);
    const int64_t blocks = (tiles_ + most - 1) / most;
    block_ = (tiles_ + blocks - 1) / blocks;
    products_ = MakeProducts(block_);
    if (tiles_ % block_ != 0) last_products_ = MakeProducts(tiles_ % block_);
  }

  int64_t scratch_bytes() const override {
    return input_bytes() + product_bytes() + std::max(products_.scratch, last_products_.scratch);
  }

  // Memory for the transformed filter; a constant one is transformed now.
  absl::Status MakeFilterCopy(const void* constant, const std::shared_ptr<MemoryBudget>& budget) {
    const int64_t elements = kPlaces * s_.in_channels * s_.out_channels;
    SLUICE_ASSIGN_OR_RETURN(filter_, Buffer::Make(DType::kFloat, elements, budget));
    constant_filter_ = constant != nullptr;
    if (constant_filter_) TransformFilter(static_cast<const float*>(constant));
    return absl::OkStatus();
  }

  absl::Status Run(const ConvTensors& t) override {
    if (!constant_filter_ && (t.filter_version == 0 || t.filter_version != filter_version_)) {
      TransformFilter(static_cast<const float*>(t.filter));
      filter_version_ = t.filter_version;
    }
    char* const memory = static_cast<char*>(t.scratch);
    float* const inputs = static_cast<float*>(t.scratch);
    float* const products = reinterpret_cast<float*>(memory + input_bytes());
    for (int64_t first = 0; first < tiles_; first += block_) {
      const int64_t tiles = std::min(block_, tiles_ - first);
      ParallelFor(tiles, GrainFor(2.0 * kPlaces / kSize * s_.in_channels),
                  [&](int64_t b, int64_t e) {
                    for (int64_t i = b; i < e; ++i) {
                      InputTile(static_cast<const float*>(t.input), first + i,
                                inputs + i * s_.in_channels, tiles * s_.in_channels);
                    }
                  });
      Products& p = tiles == block_ ? products_ : last_products_;
      p.call.Set(0, inputs);
      p.call.Set(1, filter_->data());
      p.call.Set(2, products);
      p.call.Set(3, memory + input_bytes() + product_bytes());
      SLUICE_RETURN_IF_ERROR(p.call.Execute());
      ParallelFor(
          tiles, GrainFor(2.0 * kPlaces / kSize * s_.out_channels), [&](int64_t b, int64_t e) {
            for (int64_t i = b; i < e; ++i) {
              OutputTile(products + i * s_.out_channels, tiles * s_.out_channels, first + i, t);
            }
          });
    }
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kFloat = sizeof(float);

  struct Products {
    DnnlCall call;
    int64_t scratch = 0;
  };
  Products MakeProducts(int64_t tiles) const {
    using dnnl::memory;
    const auto matrices = [](int64_t rows, int64_t columns) {
      return memory::desc({kPlaces, rows, columns}, memory::data_type::f32,
                          memory::format_tag::abc);
    };
    const memory::desc a = matrices(tiles, s_.in_channels), c = matrices(tiles, s_.out_channels);
    const memory::desc b = matrices(s_.in_channels, s_.out_channels);
    const dnnl::matmul::primitive_desc pd({a, b, c}, UserScratchpad(), DnnlEngine());
    const memory::desc scratch = pd.scratchpad_desc();
    return {DnnlCall(dnnl::matmul(pd), {{DNNL_ARG_SRC, a},
                                        {DNNL_ARG_WEIGHTS, b},
                                        {DNNL_ARG_DST, c, true},
                                        {DNNL_ARG_SCRATCHPAD, scratch, true}}),
            static_cast<int64_t>(scratch.get_size())};
  }

  // Both are multiples of 64, channels being multiples of 16.
  int64_t input_bytes() const { return kPlaces * block_ * s_.in_channels * kFloat; }
  int64_t product_bytes() const { return kPlaces * block_ * s_.out_channels * kFloat; }

  void TransformFilter(const float* w) const {
    const int64_t plane = s_.in_channels * s_.out_channels;
    float* const to = static_cast<float*>(filter_->data());
    ParallelFor(plane / kSize, GrainFor(4.0 * kPlaces), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * kSize; i < end * kSize; i += kSize) {
        Packet rows[kWide][3];
        for (int column = 0; column < 3; ++column) {
          const Packet g[3] = {ploadu<Packet>(w + column * plane + i),
                               ploadu<Packet>(w + (3 + column) * plane + i),
                               ploadu<Packet>(w + (6 + column) * plane + i)};
          Packet u[kWide];
          Transform<M>::Filter(g, u);
          for (int row = 0; row < kWide; ++row) rows[row][column] = u[row];
        }
        for (int row = 0; row < kWide; ++row) {
          Packet u[kWide];
          Transform<M>::Filter(rows[row], u);
          for (int j = 0; j < kWide; ++j) pstoreu(to + (row * kWide + j) * plane + i, u[j]);
        }
      }
    });
  }

  // The image and the place in it of a tile's first output pixel.
  struct Place {
    int64_t image, y, x;
  };
  Place PlaceOf(int64_t tile) const {
    const int64_t per_image = tile_rows_ * tile_columns_, rest = tile % per_image;
    return {tile / per_image, rest / tile_columns_ * M, rest % tile_columns_ * M};
  }

  // Writes place p to v + p * step.
  void InputTile(const float* x, int64_t tile, float* v, int64_t step) const {
    const Place at = PlaceOf(tile);
    const int64_t height = s_.input[1], width = s_.input[2], channels = s_.in_channels;
    const float* pixels[kWide][kWide];  // null: outside
    for (int i = 0; i < kWide; ++i) {
      for (int j = 0; j < kWide; ++j) {
        const int64_t row = at.y - s_.before[1] + i, column = at.x - s_.before[2] + j;
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        pixels[i][j] =
            inside ? x + ((at.image * height + row) * width + column) * channels : nullptr;
      }
    }
    for (int64_t c = 0; c < channels; c += kSize) {
      Packet rows[kWide][kWide];
      for (int j = 0; j < kWide; ++j) {
        Packet d[kWide], u[kWide];
        for (int i = 0; i < kWide; ++i) {
          d[i] = pixels[i][j] != nullptr ? ploadu<Packet>(pixels[i][j] + c) : pset1<Packet>(0);
        }
        Transform<M>::Input(d, u);
        for (int i = 0; i < kWide; ++i) rows[i][j] = u[i];
      }
      for (int i = 0; i < kWide; ++i) {
        Packet u[kWide];
        Transform<M>::Input(rows[i], u);
        for (int j = 0; j < kWide; ++j) pstoreu(v + (i * kWide + j) * step + c, u[j]);
      }
    }
  }

  Packet Finished(Packet sum, const float* bias, const float* residual) const {
    if (bias != nullptr) sum = padd(sum, ploadu<Packet>(bias));
    if (residual != nullptr) sum = padd(sum, ploadu<Packet>(residual));
    const bool six = epilogue_.function == Epilogue::Function::kRelu6;
    if (!six && epilogue_.function != Epilogue::Function::kRelu) return sum;
    sum = pmax(sum, pset1<Packet>(0));
    return six ? pmin(sum, pset1<Packet>(6)) : sum;
  }

  // Reads place p at m + p * step.
  void OutputTile(const float* m, int64_t step, int64_t tile, const ConvTensors& t) const {
    const Place at = PlaceOf(tile);
    const int64_t height = s_.output[1], width = s_.output[2], channels = s_.out_channels;
    const int64_t rows = std::min<int64_t>(M, height - at.y);
    const int64_t columns = std::min<int64_t>(M, width - at.x);
    const int64_t first = ((at.image * height + at.y) * width + at.x) * channels;
    float* const y = static_cast<float*>(t.output) + first;
    const float* const bias = epilogue_.bias ? static_cast<const float*>(t.bias) : nullptr;
    const float* const residual =
        epilogue_.residual ? static_cast<const float*>(t.residual) + first : nullptr;
    for (int64_t c = 0; c < channels; c += kSize) {
      Packet half[M][kWide];
      for (int j = 0; j < kWide; ++j) {
        Packet p[kWide], u[M];
        for (int i = 0; i < kWide; ++i) p[i] = ploadu<Packet>(m + (i * kWide + j) * step + c);
        Transform<M>::Output(p, u);
        for (int i = 0; i < M; ++i) half[i][j] = u[i];
      }
      for (int i = 0; i < rows; ++i) {
        Packet u[M];
        Transform<M>::Output(half[i], u);
        for (int j = 0; j < columns; ++j) {
          const int64_t offset = (i * width + j) * channels + c;
          pstoreu(y + offset, Finished(u[j], bias ? bias + c : nullptr,
                                       residual ? residual + offset : nullptr));
        }
      }
    }
    if (epilogue_.function <= Epilogue::Function::kRelu6) return;
    const Epilogue function{.function = epilogue_.function, .alpha = epilogue_.alpha};
    for (int i = 0; i < rows; ++i) {
      Finish<float>(function,
                    {.c = y + i * width * channels, .rows = 1, .columns = columns * channels});
    }
  }

  const ConvShape s_;
  const Epilogue epilogue_;
  int64_t tile_rows_ = 0, tile_columns_ = 0, tiles_ = 0;
  int64_t block_ = 0;  // tiles at a time
  Products products_, last_products_;
  BufferRef filter_;  // [places, in, out]
  uint64_t filter_version_ = 0;
  bool constant_filter_ = false;
};

template <int M>
absl::StatusOr<std::unique_ptr<Conv>> Make(const ConvShape& shape, const ConvOptions& options) {
  const ThreadBudget threads(options.threads);
  std::unique_ptr<WinogradConv<M>> conv;
  SLUICE_RETURN_IF_ERROR(
      DnnlTry([&] { conv = std::make_unique<WinogradConv<M>>(shape, options); }));
  SLUICE_RETURN_IF_ERROR(conv->MakeFilterCopy(options.constant_filter, options.budget));
  return conv;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Conv>> MakeWinogradConv(const ConvShape& s,
                                                       const ConvOptions& options, int tile) {
  const bool window =
      !s.depthwise && s.input[0] == 1 && s.kernel[0] == 1 && s.kernel[1] == 3 && s.kernel[2] == 3;
  for (int i = 0; i < 3; ++i) {
    if (!window || s.stride[i] != 1 || s.dilation[i] != 1) {
      return absl::UnimplementedError("not a window of 3 x 3 that moves by 1");
    }
  }
  if (s.channels_first || s.in_channels % 16 != 0 || s.out_channels % 16 != 0) {
    return absl::UnimplementedError("channels must come last and be a multiple of 16");
  }
  return tile == 2 ? Make<2>(s, options) : Make<4>(s, options);
}

}  // namespace sluice::kernels
