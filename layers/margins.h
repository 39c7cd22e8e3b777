// What is put around sequences, images and volumes, or cut off.
#ifndef SLUICE_LAYERS_MARGINS_H_
#define SLUICE_LAYERS_MARGINS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "layers/config.h"

namespace sluice::layers {

// Before and after one dimension. One number stands for both.
struct Margin {
  int64_t before = 0;
  int64_t after = 0;
  constexpr Margin(int64_t both) : before(both), after(both) {}  // NOLINT: implicit
  constexpr Margin(int64_t before, int64_t after) : before(before), after(after) {}
  friend constexpr bool operator==(const Margin& a, const Margin& b) = default;
};
// Of height and width: 1; {1, 2}, both sides alike; {{top, bottom}, {left, right}}.
struct Margin2 {
  Margin height = 0;
  Margin width = 0;
  constexpr Margin2(int64_t all) : height(all), width(all) {}  // NOLINT: implicit
  constexpr Margin2(Margin height, Margin width) : height(height), width(width) {}
  friend constexpr bool operator==(const Margin2& a, const Margin2& b) = default;
};
struct Margin3 {
  Margin depth = 0;
  Margin height = 0;
  Margin width = 0;
  constexpr Margin3(int64_t all) : depth(all), height(all), width(all) {}  // NOLINT: implicit
  constexpr Margin3(Margin depth, Margin height, Margin width)
      : depth(depth), height(height), width(width) {}
  friend constexpr bool operator==(const Margin3& a, const Margin3& b) = default;
};

// The same for all: one per dimension.
using Margins = std::vector<Margin>;
inline Margins ToMargins(Margin m) { return {m}; }
inline Margins ToMargins(Margin2 m) { return {m.height, m.width}; }
inline Margins ToMargins(Margin3 m) { return {m.depth, m.height, m.width}; }
// All >= 0. InvalidArgument naming the option otherwise.
absl::Status CheckMargins(const char* option, const Margins& margins);

// The first dimension of an input after batch and, perhaps, channels, for a layer of these options:
// those of sequences have no data_format.
template <typename OptionsT>
int FirstSize(const OptionsT& o) {
  if constexpr (requires { o.data_format; }) {
    return o.data_format == DataFormat::kChannelsFirst ? 2 : 1;
  } else {
    return 1;
  }
}

// Fields of configs: [before, after] per dimension, one after the other; one number per dimension
// or one for all are read too. What fits neither becomes -1, which CheckMargins refuses.
void VisitMargins(ConfigFields& f, const char* name, Margin& value);
void VisitMargins(ConfigFields& f, const char* name, Margin2& value);
void VisitMargins(ConfigFields& f, const char* name, Margin3& value);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_MARGINS_H_
