// Text in JSON.
#ifndef SLUICE_CORE_JSON_TEXT_H_
#define SLUICE_CORE_JSON_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// `s` as a JSON string, in its quotes (RFC 8259, section 7): control characters, quotes and
// backslashes are escaped, bytes that are not UTF-8 (RFC 3629) become U+FFFD.
std::string JsonQuoted(absl::string_view s);

}  // namespace sluice

#endif  // SLUICE_CORE_JSON_TEXT_H_
