// Regular expressions in RE2's syntax over strings. A pattern that RE2 does not take is
// InvalidArgument "Invalid pattern: (, error: missing ): (".
#ifndef SLUICE_OPS_REGEX_H_
#define SLUICE_OPS_REGEX_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Does the whole string match? bool. `pattern` is a scalar; or, of the static form, an attribute.
Output RegexFullMatch(At at, Output input, Output pattern);
Output StaticRegexFullMatch(At at, Output input, const std::string& pattern);

// Matches replaced by `rewrite`, where \1 to \9 stand for groups and \0 for the match.
// `replace_global`: all of them, else the first.
Output RegexReplace(At at, Output input, Output pattern, Output rewrite,
                    bool replace_global = true);
Output StaticRegexReplace(At at, Output input, const std::string& pattern,
                          const std::string& rewrite, bool replace_global = true);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REGEX_H_
