// What tests of metrics start from.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_METRIC_FIXTURE_H_
#define SLUICE_TESTS_TESTING_PROGRAM_METRIC_FIXTURE_H_

#include <vector>

#include "tests/testing/program/program_fixture.h"

namespace sluice {

// One batch and what the metric's value is after it.
struct Batch {
  Feeds feeds;
  Tensor value;
  // Of the update op, where that is another.
  Tensor update = value;
};

class MetricFixture : public ProgramFixture {
 protected:
  // Starts a stream: a new session with all local variables initialized.
  void Start() {
    ASSERT_THAT(graph_.status(), IsOk());
    const Output init = LocalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_, {.intra_op_threads = 1});
    ASSERT_THAT(session, IsOk());
    session_.emplace(*std::move(session));
    ASSERT_THAT(session_->Run(init), IsOk());
  }

  // `value` is `before` at first, then after each batch as given there, however often it is read.
  template <typename Metric>
  void ExpectStream(const Metric& metric, const Tensor& before, const std::vector<Batch>& batches,
                    Tolerance tolerance = {}) {
    ASSERT_NO_FATAL_FAILURE(Start());
    ExpectClose(Run(metric.value), before, tolerance, "before");
    for (size_t i = 0; i < batches.size(); ++i) {
      SCOPED_TRACE("batch " + std::to_string(i));
      ExpectClose(Run(metric.update_op, batches[i].feeds), batches[i].update, tolerance, "update");
      ExpectClose(Run(metric.value), batches[i].value, tolerance, "value");
      ExpectClose(Run(metric.value), batches[i].value, tolerance, "value, read again");
    }
  }
  // Each of float32.
  static Tensor Vector(const std::vector<float>& values) {
    return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
  }
  static Tensor Scalar(float value) { return Tensor::Scalar<float>(value); }
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_METRIC_FIXTURE_H_
