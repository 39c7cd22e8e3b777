// What tests of sessions start from: a graph over session_ops and short ways to run it.
#ifndef SLUICE_TESTS_TESTING_SESSION_SESSION_FIXTURE_H_
#define SLUICE_TESTS_TESTING_SESSION_SESSION_FIXTURE_H_

#include <initializer_list>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/session/session_ops.h"

namespace sluice {

inline Tensor Floats(std::initializer_list<float> values) {
  return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}
inline Tensor Ints(std::initializer_list<int64_t> values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

class SessionFixture : public ::testing::Test {
 protected:
  SessionFixture() {
    session_ops::TakeLog();
    session_ops::TakeKernelRuns();
    session_ops::TakeCopies();
  }

  Session MakeSession(SessionOptions options = {}) {
    EXPECT_THAT(graph_.status(), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph_, options);
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }

  // The value of the only fetch; an empty tensor, and a failed test, when the run fails.
  static Tensor Run(Session& session, const Feeds& feeds, const Output& fetch) {
    auto results = session.Run(feeds, Outputs{fetch});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? (*results)[0] : Tensor();
  }
  static Tensor Run(Session& session, const Output& fetch) { return Run(session, {}, fetch); }

  Graph graph_{session_ops::Registry()};
  Scope root_ = Scope::Root(graph_);
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_SESSION_SESSION_FIXTURE_H_
