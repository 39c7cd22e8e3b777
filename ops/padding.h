// Small values that convolutions, pools and their layers share.
#ifndef SLUICE_OPS_PADDING_H_
#define SLUICE_OPS_PADDING_H_

#include <cstdint>
#include <string>

namespace sluice {

// How a window is placed at the edges of its input (rule CV-1).
//   kValid: only where it fits as a whole.  output = floor((input - effective window) / stride) + 1
//   kSame:  the input is padded, the odd cell at the end.  output = ceil(input / stride)
//   kCausal: as much padding before the input that no output sees what comes after it; of layers
//           over one dimension (Conv1D, SeparableConv1D) only, no op takes it.
enum class Padding { kValid, kSame, kCausal };

// TensorFlow's attribute value: "VALID" or "SAME"; "CAUSAL", which ops refuse.
inline std::string PaddingName(Padding padding) {
  return padding == Padding::kSame ? "SAME" : padding == Padding::kCausal ? "CAUSAL" : "VALID";
}

// Height and width. One number stands for both: `.strides = 2`, `.kernel_size = {3, 5}`.
struct Int2 {
  int64_t height = 0;
  int64_t width = 0;
  constexpr Int2(int64_t both) : height(both), width(both) {}  // NOLINT: implicit
  constexpr Int2(int64_t h, int64_t w) : height(h), width(w) {}
  friend constexpr bool operator==(const Int2& a, const Int2& b) = default;
};

// Depth, height and width, as Int2.
struct Int3 {
  int64_t depth = 0;
  int64_t height = 0;
  int64_t width = 0;
  constexpr Int3(int64_t all) : depth(all), height(all), width(all) {}  // NOLINT: implicit
  constexpr Int3(int64_t d, int64_t h, int64_t w) : depth(d), height(h), width(w) {}
  friend constexpr bool operator==(const Int3& a, const Int3& b) = default;
};

}  // namespace sluice

#endif  // SLUICE_OPS_PADDING_H_
