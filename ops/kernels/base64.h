// Base64 in its web-safe alphabet ('-' and '_' for '+' and '/'; RFC 4648, section 5).
#ifndef SLUICE_OPS_KERNELS_BASE64_H_
#define SLUICE_OPS_KERNELS_BASE64_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice::ops {

// `pad`: filled with '=' to a multiple of 4.
std::string EncodeWebSafeBase64(absl::string_view bytes, bool pad);

// Text with or without '=' at its end. InvalidArgument "Invalid character found in base64.",
// "Base64 string length cannot be 1 modulo 4.".
absl::Status DecodeWebSafeBase64(absl::string_view text, std::string* bytes);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_BASE64_H_
