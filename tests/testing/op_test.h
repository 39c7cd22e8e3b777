// The test harness of ops: a case is data, the harness runs it every way that a program could.
//
//   OpTest("Conv2D").Attr("strides", {1, 1, 1, 1}).Attr("padding", "VALID")
//       .Input({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
//       .Input({2, 2, 1, 1}, {1, 0, 0, 1})
//       .Expect({1, 2, 2, 1}, {6, 8, 12, 14});
//   OpTest("MatMul").Input({2, 3}, ...).Input({2, 3}, ...)
//       .ExpectError(absl::StatusCode::kInvalidArgument, "must be equal, but are 3 and 2");
//
// The ways: (1) EvaluateOp; (2) the kernel between guards (kernel_runner.h): one thread, several
// threads, inputs as known constants, and over its input for each InPlace pair that fits; (3) in a
// graph and session: inputs fed to placeholders of the exact shapes, of an unknown first dimension,
// of unknown rank, and inputs as constants (folded and not). In (3) every shape that was inferred
// while building must fit the result. Every failure names the way and the line of the test.
//
// Ops with resources or references cannot be run here: test them through a session.
#ifndef SLUICE_TESTS_TESTING_OP_TEST_H_
#define SLUICE_TESTS_TESTING_OP_TEST_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/attr_value.h"
#include "core/tensor.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/gradient_check.h"

namespace sluice {

class OpTest {
 public:
  explicit OpTest(absl::string_view op, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE());

  // Type and count attributes that follow from the inputs need not be given.
  OpTest& Attr(absl::string_view name, AttrValue value);
  OpTest& Attr(absl::string_view name, std::initializer_list<int64_t> list);
  OpTest& Attr(absl::string_view name, std::initializer_list<DType> list);

  // The next input, flat (lists spread out).
  template <typename T = float>
  OpTest& Input(const TensorShape& shape, std::initializer_list<std::type_identity_t<T>> values) {
    return Input(Tensor::Of<T>(shape, values));
  }
  OpTest& Input(Tensor value);
  OpTest& Inputs(const std::vector<Tensor>& values);

  // The output shapes are not known before the kernel ran even when all inputs are (Where, Unique).
  // Without this, inputs that are constants must give fully defined shapes.
  OpTest& DataDependentShape();
  // Only way (1), for cases that would take too long or that graphs refuse earlier for other
  // reasons.
  OpTest& EvaluateOnly();

  // --- one of these ends the case ---

  // Output 0 (the only one) in every way. Tolerance as in tensors.h: negative means the dtype's
  // default.
  template <typename T = float>
  void Expect(const TensorShape& shape, std::initializer_list<std::type_identity_t<T>> values,
              double tolerance = -1) {
    Expect(Tensor::Of<T>(shape, values), {tolerance, tolerance});
  }
  void Expect(const Tensor& want, Tolerance tolerance = {}) { ExpectAll({want}, tolerance); }
  // All outputs.
  void ExpectAll(const std::vector<Tensor>& want, Tolerance tolerance = {});
  // Every way fails with that code and a message that holds `text`, while building or while
  // running.
  void ExpectError(absl::StatusCode code, absl::string_view text);
  // The result of EvaluateOp, every other way compared with it (shapes and dtypes only for random
  // ops). For slow twins: the caller compares the values. An error of any way is returned.
  absl::StatusOr<std::vector<Tensor>> Run(Tolerance tolerance = {});
  // The shape function alone: output 0's shape when input i has shapes[i] (which may be partly or
  // wholly unknown) and only the values of the inputs listed in `known` are known. The Input()
  // values give dtypes and those values.
  absl::StatusOr<TensorShape> InferShape(const std::vector<TensorShape>& shapes,
                                         const std::vector<int>& known = {});
  // The gradients of the floating outputs with respect to the double inputs against differences
  // (gradient_check.h).
  void CheckGradient(const GradientCheckOptions& options = {});

 private:
  struct Way {
    std::string name;
    absl::StatusOr<std::vector<Tensor>> result;
  };
  // All ways, or an error of the case itself (unknown op, attributes).
  absl::StatusOr<std::vector<Way>> RunAllWays();
  void AddKernelWays(const class OpSpec& spec, const AttrMap& attrs, std::vector<Way>* ways);
  void AddGraphWays(std::vector<Way>* ways);
  absl::StatusOr<std::vector<Tensor>> RunInGraph(const std::vector<TensorShape>& shapes,
                                                 bool constants, bool optimize);
  std::string Where(const std::string& way) const;

  std::string op_, file_;
  int line_;
  AttrMap attrs_;
  std::vector<Tensor> inputs_;
  bool data_dependent_shape_ = false, evaluate_only_ = false;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_OP_TEST_H_
