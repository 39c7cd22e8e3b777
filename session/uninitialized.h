// The error of a run that found a variable without value.
#ifndef SLUICE_SESSION_UNINITIALIZED_H_
#define SLUICE_SESSION_UNINITIALIZED_H_

#include <cstddef>

#include "absl/status/status.h"
#include "session/program.h"

namespace sluice {

// `error` ended step `failed` of the program. When that step needed a variable that has no value,
// the error with the names of all others in the same case added: those that this step or a later
// one needs before any step writes them. Else `error` itself.
absl::Status NameUninitialized(const Program& program, size_t failed, const absl::Status& error);

}  // namespace sluice

#endif  // SLUICE_SESSION_UNINITIALIZED_H_
