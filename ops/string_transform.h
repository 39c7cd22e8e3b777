// Strings changed one by one: case, white space, parts, base64.
#ifndef SLUICE_OPS_STRING_TRANSFORM_H_
#define SLUICE_OPS_STRING_TRANSFORM_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Letters in lower (upper) case. `encoding` "": ASCII letters only; "utf-8": all letters that have
// one counterpart.
Output StringLower(At at, Output input, const std::string& encoding = "");
Output StringUpper(At at, Output input, const std::string& encoding = "");

// Without white space at both ends.
Output StringStrip(At at, Output input);

// Bytes (`unit` "BYTE") or characters ("UTF8_CHAR"), int32.
Output StringLength(At at, Output input, const std::string& unit = "BYTE");

// `len` bytes (characters) from `pos` on, as far as they exist; a negative `pos` counts from the
// end. `pos` and `len` (int32 or int64) have one shape, which is broadcast with input's.
// InvalidArgument "pos 7 out of range for string b'abc' at index 0".
Output Substr(At at, Output input, Output pos, Output len, const std::string& unit = "BYTE");

// The web-safe alphabet ('-' and '_'); `pad`: with '=' to a multiple of 4.
Output EncodeBase64(At at, Output input, bool pad = false);
// InvalidArgument "Invalid character found in base64.".
Output DecodeBase64(At at, Output input);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_TRANSFORM_H_
