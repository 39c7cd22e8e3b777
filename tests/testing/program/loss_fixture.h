// What tests of losses start from.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_LOSS_FIXTURE_H_
#define SLUICE_TESTS_TESTING_PROGRAM_LOSS_FIXTURE_H_

#include "tests/testing/program/program_fixture.h"

namespace sluice {

class LossFixture : public ProgramFixture {
 protected:
  void ExpectLoss(const Output& loss, float want) {
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    ExpectClose(Run(loss), Tensor::Scalar<float>(want));
  }
  // 1 to 6.
  Output Elements() { return Values({2, 3}, {1, 2, 3, 4, 5, 6}); }
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_LOSS_FIXTURE_H_
