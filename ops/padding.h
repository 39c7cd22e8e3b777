// Small values that convolutions, pools and their layers share.
#ifndef SLUICE_OPS_PADDING_H_
#define SLUICE_OPS_PADDING_H_

#include <cstdint>
#include <string>

namespace sluice {

// How a window is placed at the edges of its input (rule CV-1).
//   kValid: only where it fits as a whole.  output = floor((input - effective window) / stride) + 1
//   kSame:  the input is padded, the odd cell at the end.  output = ceil(input / stride)
enum class Padding { kValid, kSame };

// TensorFlow's attribute value: "VALID" or "SAME".
inline std::string PaddingName(Padding padding) {
  return padding == Padding::kSame ? "SAME" : "VALID";
}

// Height and width. One number stands for both: `.strides = 2`, `.kernel_size = {3, 5}`.
struct Int2 {
  int64_t height = 0;
  int64_t width = 0;
  constexpr Int2(int64_t both) : height(both), width(both) {}  // NOLINT: implicit
  constexpr Int2(int64_t h, int64_t w) : height(h), width(w) {}
  friend constexpr bool operator==(const Int2& a, const Int2& b) = default;
};

}  // namespace sluice

#endif  // SLUICE_OPS_PADDING_H_
