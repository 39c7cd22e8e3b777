// Error handling: absl::Status everywhere that something can fail for reasons outside the program,
// and the only two macros of the project.
#ifndef SLUICE_CORE_STATUS_H_
#define SLUICE_CORE_STATUS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sluice {

// The same code and payloads with `context` and ": " put in front of the message. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// Text that came from a file or a user, made safe to print: control and non-ASCII bytes are
// escaped, at most 200 characters are kept (an ellipsis shows the cut).
std::string Printable(absl::string_view text);

}  // namespace sluice

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define SLUICE_RETURN_IF_ERROR(expr)       \
  do {                                     \
    absl::Status sluice_status_ = (expr);  \
    if (!sluice_status_.ok()) [[unlikely]] \
      return sluice_status_;               \
  } while (false)

#define SLUICE_CONCAT_INNER_(a, b) a##b
#define SLUICE_CONCAT_(a, b) SLUICE_CONCAT_INNER_(a, b)

// SLUICE_ASSIGN_OR_RETURN(auto x, F()): x gets the value of F() (an absl::StatusOr), or its error
// is returned.
#define SLUICE_ASSIGN_OR_RETURN(lhs, expr) \
  SLUICE_ASSIGN_OR_RETURN_IMPL_(SLUICE_CONCAT_(sluice_statusor_, __LINE__), lhs, expr)
#define SLUICE_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  if (!tmp.ok()) [[unlikely]]                         \
    return std::move(tmp).status();                   \
  lhs = *std::move(tmp)

#endif  // SLUICE_CORE_STATUS_H_
