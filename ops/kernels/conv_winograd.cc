#include <algorithm>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/conv.h"
#include "ops/kernels/dnnl_util.h"
#include "ops/kernels/strided_copy.h"

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

// By interpolation at 0, a, -a, b, -b and infinity. With 5/8 and 3/2 numbers on the way grow less,
// and the rounding with them, than with the paper's 1 and 2.
template <>
struct Transform<4> {
  static constexpr int kWide = 6;
  static constexpr float a = 0.625f, b = 1.5f, a2 = a * a, b2 = b * b;
  static void Input(const Packet (&d)[6], Packet (&v)[6]) {
    const Packet even_a = Fma(-b2, d[2], d[4]), odd_a = Times(a, Fma(-b2, d[1], d[3]));
    const Packet even_b = Fma(-a2, d[2], d[4]), odd_b = Times(b, Fma(-a2, d[1], d[3]));
    v[0] = Fma(a2 * b2, d[0], Fma(-(a2 + b2), d[2], d[4]));
    v[1] = padd(even_a, odd_a);
    v[2] = psub(even_a, odd_a);
    v[3] = padd(even_b, odd_b);
    v[4] = psub(even_b, odd_b);
    v[5] = Fma(a2 * b2, d[1], Fma(-(a2 + b2), d[3], d[5]));
  }
  static void Filter(const Packet (&g)[3], Packet (&u)[6]) {
    constexpr float at_a = 1 / (2 * a2 * (a2 - b2)), at_b = 1 / (2 * b2 * (b2 - a2));
    const Packet even_a = Times(at_a, Fma(a2, g[2], g[0])), odd_a = Times(at_a * a, g[1]);
    const Packet even_b = Times(at_b, Fma(b2, g[2], g[0])), odd_b = Times(at_b * b, g[1]);
    u[0] = Times(1 / (a2 * b2), g[0]);
    u[1] = padd(even_a, odd_a);
    u[2] = psub(even_a, odd_a);
    u[3] = padd(even_b, odd_b);
    u[4] = psub(even_b, odd_b);
    u[5] = g[2];
  }
  static void Output(const Packet (&m)[6], Packet (&y)[4]) {
    const Packet even_a = padd(m[1], m[2]), odd_a = psub(m[1], m[2]);
    const Packet even_b = padd(m[3], m[4]), odd_b = psub(m[3], m[4]);
    y[0] = padd(m[0], padd(even_a, even_b));
    y[1] = Fma(a, odd_a, Times(b, odd_b));
    y[2] = Fma(a2, even_a, Times(b2, even_b));
    y[3] = Fma(a * a2, odd_a, Fma(b * b2, odd_b, m[5]));
  }
};

// Tiles that are worked on together: as many as stay in the second cache, more where the filter is
// large, all of which each block reads.
int64_t WinogradBlock(const ConvShape& s, int m, int threads) {
  constexpr int64_t kCacheBytes = 1 << 20;
  const int64_t channels = s.in_channels + s.out_channels;
  const int64_t tile_bytes = (m + 2) * (m + 2) * channels * static_cast<int64_t>(sizeof(float));
  return std::max({int64_t{16}, threads * kCacheBytes / tile_bytes,
                   s.in_channels * s.out_channels / (2 * channels)});
}

// Tiles of M x M output pixels. A tile's surroundings, M + 2 square, are transformed; so is the
// filter, once; at each of the (M + 2)^2 places a matrix product [tiles, in] x [in, out] is left;
// the products are transformed into output pixels. Blocks of tiles go through the three steps while
// they are in the cache.
template <int M>
class WinogradConv : public Conv {
 public:
  static constexpr int kWide = Transform<M>::kWide, kPlaces = kWide * kWide;

  // `shape` as of a forward pass; `mirrored`: the filter is that of the pass which this one is the
  // gradient of. May throw dnnl::error.
  WinogradConv(const ConvShape& shape, const ConvOptions& options, bool mirrored)
      : s_(shape),
        epilogue_(mirrored ? Epilogue{} : options.epilogue),
        mirrored_(mirrored),
        keep_filter_(options.stable_filter || options.constant_filter != nullptr) {
    tile_rows_ = (s_.output[1] + M - 1) / M;
    tile_columns_ = (s_.output[2] + M - 1) / M;
    tiles_ = s_.batch * tile_rows_ * tile_columns_;
    const int64_t most = WinogradBlock(s_, M, options.threads);
    const int64_t blocks = (tiles_ + most - 1) / most;
    block_ = (tiles_ + blocks - 1) / blocks;
    products_ = MakeProducts(block_);
    if (tiles_ % block_ != 0) last_products_ = MakeProducts(tiles_ % block_);
    if (mirrored_) {
      const int64_t in = s_.in_channels, out = s_.out_channels;
      const int64_t dims[] = {in, out}, from[] = {1, in}, to[] = {out, 1};
      turn_ = ops::StridedCopy(DType::kFloat, dims, {0, from}, {0, to});
    }
  }

  int64_t scratch_bytes() const override {
    return input_bytes() + product_bytes() + kept_out_bytes() + turned_bytes() +
           std::max(products_.scratch, last_products_.scratch);
  }

  // Memory for the transformed filter where it is kept; a constant one is transformed now.
  absl::Status MakeFilterCopy(const void* constant, const std::shared_ptr<MemoryBudget>& budget) {
    if (!keep_filter_) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(filter_, Buffer::Make(DType::kUint8, filter_bytes(), budget));
    constant_filter_ = constant != nullptr;
    if (!constant_filter_) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(const BufferRef turned,
                            Buffer::Make(DType::kUint8, turned_bytes(), budget));
    TransformFilter(static_cast<const float*>(constant), static_cast<float*>(turned->data()),
                    static_cast<float*>(filter_->data()));
    return absl::OkStatus();
  }

  absl::Status Run(const ConvTensors& t) override {
    char* rest = static_cast<char*>(t.scratch) + input_bytes() + product_bytes();
    float* filter = reinterpret_cast<float*>(rest);
    if (keep_filter_) filter = static_cast<float*>(filter_->data());
    rest += kept_out_bytes();
    if (!constant_filter_ && (t.filter_version == 0 || t.filter_version != filter_version_)) {
      TransformFilter(static_cast<const float*>(t.filter), reinterpret_cast<float*>(rest), filter);
      filter_version_ = keep_filter_ ? t.filter_version : 0;
    }
    rest += turned_bytes();
    const float* const x = static_cast<const float*>(mirrored_ ? t.output : t.input);
    float* const y = static_cast<float*>(mirrored_ ? t.input : t.output);
    char* const memory = static_cast<char*>(t.scratch);
    float* const inputs = static_cast<float*>(t.scratch);
    float* const products = reinterpret_cast<float*>(memory + input_bytes());
    for (int64_t first = 0; first < tiles_; first += block_) {
      const int64_t tiles = std::min(block_, tiles_ - first);
      ParallelFor(tiles, GrainFor(2.0 * kPlaces / kSize * s_.in_channels),
                  [&](int64_t b, int64_t e) {
                    for (int64_t i = b; i < e; ++i) {
                      InputTile(x, first + i, inputs + i * s_.in_channels, tiles * s_.in_channels);
                    }
                  });
      Products& p = tiles == block_ ? products_ : last_products_;
      p.call.Set(0, inputs);
      p.call.Set(1, filter);
      p.call.Set(2, products);
      p.call.Set(3, rest);
      SLUICE_RETURN_IF_ERROR(p.call.Execute());
      ParallelFor(
          tiles, GrainFor(2.0 * kPlaces / kSize * s_.out_channels), [&](int64_t b, int64_t e) {
            for (int64_t i = b; i < e; ++i) {
              OutputTile(products + i * s_.out_channels, tiles * s_.out_channels, first + i, t, y);
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

  // All are multiples of 64, channels being multiples of 16.
  int64_t input_bytes() const { return kPlaces * block_ * s_.in_channels * kFloat; }
  int64_t product_bytes() const { return kPlaces * block_ * s_.out_channels * kFloat; }

  int64_t filter_bytes() const { return kPlaces * s_.in_channels * s_.out_channels * kFloat; }
  int64_t kept_out_bytes() const { return keep_filter_ ? 0 : filter_bytes(); }
  int64_t turned_bytes() const {
    return mirrored_ ? 9 * s_.in_channels * s_.out_channels * kFloat : 0;
  }

  // From [3, 3, in, out] to [places, in, out]. A mirrored filter is turned round first: its taps in
  // reverse, its channels exchanged.
  void TransformFilter(const float* w, float* turned, float* to) const {
    const int64_t plane = s_.in_channels * s_.out_channels;
    if (mirrored_) {
      for (int64_t tap = 0; tap < 9; ++tap) turn_.Run(w + (8 - tap) * plane, turned + tap * plane);
      w = turned;
    }
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
  void OutputTile(const float* m, int64_t step, int64_t tile, const ConvTensors& t,
                  float* images) const {
    const Place at = PlaceOf(tile);
    const int64_t height = s_.output[1], width = s_.output[2], channels = s_.out_channels;
    const int64_t rows = std::min<int64_t>(M, height - at.y);
    const int64_t columns = std::min<int64_t>(M, width - at.x);
    const int64_t first = ((at.image * height + at.y) * width + at.x) * channels;
    float* const y = images + first;
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
  const bool mirrored_, keep_filter_;
  ops::StridedCopy turn_;  // channels of a mirrored filter
  int64_t tile_rows_ = 0, tile_columns_ = 0, tiles_ = 0;
  int64_t block_ = 0;  // tiles at a time
  Products products_, last_products_;
  BufferRef filter_;  // transformed, where it is kept
  uint64_t filter_version_ = 0;
  bool constant_filter_ = false;
};

template <int M>
absl::StatusOr<std::unique_ptr<Conv>> Make(const ConvShape& shape, const ConvOptions& options,
                                           bool mirrored) {
  const ThreadBudget threads(options.threads);
  std::unique_ptr<WinogradConv<M>> conv;
  SLUICE_RETURN_IF_ERROR(
      DnnlTry([&] { conv = std::make_unique<WinogradConv<M>>(shape, options, mirrored); }));
  SLUICE_RETURN_IF_ERROR(conv->MakeFilterCopy(options.constant_filter, options.budget));
  return conv;
}

// The gradient of the input as a forward pass: of the output's gradient, with the mirrored filter.
ConvShape Mirrored(const ConvShape& s) {
  ConvShape m = s;
  std::swap(m.in_channels, m.out_channels);
  for (int i = 0; i < 3; ++i) {
    std::swap(m.input[i], m.output[i]);
    m.before[i] = s.kernel[i] - 1 - s.before[i];
    m.after[i] = s.kernel[i] - 1 - s.after[i];
  }
  return m;
}

bool Is3x3(const ConvShape& s) {
  for (int i = 0; i < 3; ++i) {
    const int64_t wanted = i == 0 ? 1 : 3;
    if (s.stride[i] != 1 || s.dilation[i] != 1 || s.kernel[i] != wanted) return false;
  }
  return !s.depthwise && s.input[0] == 1 && !s.channels_first && s.in_channels % 16 == 0 &&
         s.out_channels % 16 == 0;
}

}  // namespace

int WinogradTile(ConvPass pass, const ConvShape& s, const ConvOptions& options) {
  if (options.exact || pass == ConvPass::kBackwardFilter || !Is3x3(s)) return 0;
  const bool kept = options.stable_filter || options.constant_filter != nullptr;
  // Transforming a large filter in every run costs more here than in oneDNN.
  if (!kept && s.in_channels * s.out_channels > 256 * 256) return 0;
  const auto channels = static_cast<double>(s.in_channels * s.out_channels);
  const auto pixels = static_cast<double>(s.batch * s.output_pixels());
  // Nanoseconds: 105 to 125 operations each in products; 40 bytes moved in the second cache, 12 of
  // the filter, which every block of tiles reads (measured: the table in conv.cc).
  double least = 0.9 * (9 * pixels * channels * 2 / 125 + 9 * channels * 4 / 12);
  int best = 0;
  for (const int m : {2, 4}) {
    const int64_t tiles = s.batch * ((s.output[1] + m - 1) / m) * ((s.output[2] + m - 1) / m);
    const int64_t most = WinogradBlock(s, m, options.threads);
    const int64_t blocks = (tiles + most - 1) / most;
    const double places = (m + 2) * (m + 2), filter = places * channels * 4;
    const double moved = places * static_cast<double>(tiles * (s.in_channels + s.out_channels)) * 8;
    const double cost = places * static_cast<double>(tiles) * channels * 2 / 105 + moved / 40 +
                        static_cast<double>(blocks + (kept ? 0 : 2)) * filter / 12;
    if (cost >= least) continue;
    least = cost;
    best = m;
  }
  return best;
}

absl::StatusOr<std::unique_ptr<Conv>> MakeWinogradConv(ConvPass pass, const ConvShape& shape,
                                                       const ConvOptions& options, int tile) {
  if (pass == ConvPass::kBackwardFilter || !Is3x3(shape)) {
    return absl::UnimplementedError("not a 3 x 3 window over so many channels");
  }
  const bool mirrored = pass == ConvPass::kBackwardInput;
  const ConvShape s = mirrored ? Mirrored(shape) : shape;
  return tile == 2 ? Make<2>(s, options, mirrored) : Make<4>(s, options, mirrored);
}

}  // namespace sluice::kernels
