// Matchers for absl::Status and absl::StatusOr.
//   EXPECT_THAT(session.Run(...), IsOk());
//   EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, "expects 3
//   channels"));
#ifndef SLUICE_TESTS_TESTING_CORE_STATUS_MATCHERS_H_
#define SLUICE_TESTS_TESTING_CORE_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace sluice {

inline const absl::Status& StatusOf(const absl::Status& s) { return s; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& s) {
  return s.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// That code, and a message that holds `text` ("" fits every message).
MATCHER_P2(StatusIs, code, text,
           absl::StatusCodeToString(code) + " with \"" + std::string(text) + "\"") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         std::string(status.message()).find(std::string(text)) != std::string::npos;
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_CORE_STATUS_MATCHERS_H_
