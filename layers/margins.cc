#include "layers/margins.h"

#include "absl/strings/str_cat.h"
#include "graph/at.h"
#include "layers/activation.h"

namespace sluice::layers {

absl::Status CheckMargins(const char* option, const Margins& margins) {
  for (const Margin& m : margins) {
    if (m.before >= 0 && m.after >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("`", option, "` should be an int >= 0, or a tuple of ", margins.size(),
                     margins.size() == 1 ? " pair" : " ints or pairs", " of ints >= 0. Found: (",
                     m.before, ", ", m.after, ")"));
  }
  return absl::OkStatus();
}

namespace {

Margins Visit(ConfigFields& f, const char* name, const Margins& value) {
  std::vector<int64_t> ints;
  for (const Margin& m : value) {
    ints.push_back(m.before);
    ints.push_back(m.after);
  }
  f(name, ints);
  const size_t n = value.size();
  Margins read;
  for (size_t i = 0; i < n; ++i) {
    if (ints.size() == 2 * n) {
      read.push_back({ints[2 * i], ints[2 * i + 1]});
    } else {
      read.push_back(ints.size() == n ? ints[i] : ints.size() == 1 ? ints[0] : -1);
    }
  }
  return read;
}

}  // namespace

void VisitMargins(ConfigFields& f, const char* name, Margin& value) {
  value = Visit(f, name, ToMargins(value))[0];
}
void VisitMargins(ConfigFields& f, const char* name, Margin2& value) {
  const Margins read = Visit(f, name, ToMargins(value));
  value = {read[0], read[1]};
}
void VisitMargins(ConfigFields& f, const char* name, Margin3& value) {
  const Margins read = Visit(f, name, ToMargins(value));
  value = {read[0], read[1], read[2]};
}

}  // namespace sluice::layers
