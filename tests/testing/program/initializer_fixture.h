// What tests of initializers start from.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_INITIALIZER_FIXTURE_H_
#define SLUICE_TESTS_TESTING_PROGRAM_INITIALIZER_FIXTURE_H_

#include <limits>
#include <string>

#include "tests/testing/program/program_fixture.h"

namespace sluice {

class InitializerFixture : public ProgramFixture {
 protected:
  // The initial value of a variable made with `initializer`, from a session of its own.
  Tensor ValueOf(const Initializer& initializer, const TensorShape& shape,
                 DType dtype = DType::kFloat) {
    const std::string name = "v" + std::to_string(count_++);
    const Variable v =
        GetVariable(root_, name, {.shape = shape, .dtype = dtype, .initializer = initializer});
    session_.reset();
    return Run(v.value());
  }
  // The constant behind "v/Initializer/<node>".
  double ConstantBehind(const Initializer& initializer, const TensorShape& shape,
                        const std::string& node) {
    const std::string name = "v" + std::to_string(count_++);
    GetVariable(root_, name, {.shape = shape, .initializer = initializer});
    const auto tensor = graph_.FindTensor(name + "/Initializer/" + node + ":0");
    EXPECT_THAT(tensor, IsOk());
    if (!tensor.ok()) return std::numeric_limits<double>::quiet_NaN();
    return graph_.ConstantValue(*tensor)->scalar<float>();
  }

  int count_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_INITIALIZER_FIXTURE_H_
