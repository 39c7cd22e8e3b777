// Characters of UTF-8 text. Bytes that are no UTF-8 do no harm: whatever begins neither a character
// nor goes on with one counts as a character.
#ifndef SLUICE_OPS_KERNELS_UTF8_H_
#define SLUICE_OPS_KERNELS_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice::ops {

// The number of bytes that begin a character.
size_t CountUtf8(absl::string_view text);

// Where the next character begins. REQUIRES: position < text.size().
size_t NextUtf8(absl::string_view text, size_t position);

// Every letter that has one counterpart in the other case, in `*to`. InvalidArgument for text that
// is no UTF-8.
absl::Status ChangeCaseUtf8(absl::string_view text, bool upper, std::string* to);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_UTF8_H_
