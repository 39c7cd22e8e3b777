// What a user of Session sees: results, errors, effects.
#include "session/session.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/session/session_ops.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class SessionTest : public ::testing::Test {
 protected:
  Session MakeSession(SessionOptions options = {}) {
    absl::StatusOr<Session> session = Session::Create(graph_, options);
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }
  // The only fetch.
  Tensor Run(Session& session, const Feeds& feeds, const Output& fetch) {
    auto results = session.Run(feeds, Outputs{fetch});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? (*results)[0] : Tensor();
  }

  Graph graph_{Registry()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(SessionTest, RunsWhatTheFetchNeeds) {
  const Output x = Placeholder(root_.Named("x"), DType::kFloat, {-1});
  const Output y = Add(root_, Square(root_, x), x);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Tensor::Of<float>({3}, {1, 2, 3})}}, y),
              Tensor::Of<float>({3}, {2, 6, 12}));
  ExpectClose(Run(session, {{x, Tensor::Of<float>({1}, {-4})}}, y), Tensor::Of<float>({1}, {12}));
}

}  // namespace
}  // namespace sluice
