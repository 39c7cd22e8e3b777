// Short ways to make, fill and run TensorArrays.
#ifndef SLUICE_TESTS_TESTING_TENSOR_ARRAY_FIXTURE_H_
#define SLUICE_TESTS_TESTING_TENSOR_ARRAY_FIXTURE_H_

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "ops/const.h"
#include "ops/tensor_array.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {

class TensorArrayTest : public GraphFixture {
 protected:
  ops::TensorArrayOutputs New(int size, const ops::TensorArrayOptions& options = {}) {
    return ops::TensorArrayV3(root_, ops::Const(root_, size), DType::kFloat, options);
  }
  Output Write(const ops::TensorArrayOutputs& array, int index, const Output& value,
               const Output& flow) {
    return ops::TensorArrayWriteV3(root_, array.handle, ops::Const(root_, index), value, flow);
  }
  Output Read(const ops::TensorArrayOutputs& array, int index, const Output& flow) {
    return ops::TensorArrayReadV3(root_, array.handle, ops::Const(root_, index), flow,
                                  DType::kFloat);
  }
  Output Vector(const std::vector<float>& values) {
    Tensor t = *Tensor::Make(DType::kFloat, {static_cast<int64_t>(values.size())});
    std::copy(values.begin(), values.end(), t.mutable_data<float>());
    return ops::Const(root_, t);
  }
  Output Indices(std::initializer_list<int32_t> values) {
    return ops::Const(root_, Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values));
  }
  absl::StatusOr<std::vector<Tensor>> Run(const Outputs& fetches) {
    SLUICE_RETURN_IF_ERROR(graph_.status());
    SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph_));
    return session.Run({}, fetches);
  }
  void ExpectValue(const Output& fetch, const Tensor& want) {
    const auto got = Run({fetch});
    ASSERT_THAT(got, IsOk());
    ExpectClose((*got)[0], want);
  }
  void ExpectRunError(const Output& fetch, const char* text,
                      absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    EXPECT_THAT(Run({fetch}), StatusIs(code, text));
  }
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_TENSOR_ARRAY_FIXTURE_H_
