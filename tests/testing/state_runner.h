// Runs ops on variables one by one, without a session.
#ifndef SLUICE_TESTS_TESTING_STATE_RUNNER_H_
#define SLUICE_TESTS_TESTING_STATE_RUNNER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "core/variable_resource.h"

namespace sluice {

// A session's variables, and what a plan does with one op at a time.
//
//   StateRunner state;
//   const Tensor w = state.Variable("w", Tensor::Of<float>({2}, {1, 2}));
//   EXPECT_THAT(state.Run("AssignAddVariableOp", {w, Tensor::Of<float>({2}, {1, 1})}), IsOk());
//   ExpectClose(state.Value(w), Tensor::Of<float>({2}, {2, 3}));
class StateRunner : public ResourceStore {
 public:
  explicit StateRunner(int threads = 1) : threads_(threads) {}

  // A handle, for resource and for reference inputs.
  Tensor Variable(const std::string& name, const Tensor& value);
  Tensor Uninitialized(const std::string& name, DType dtype, const TensorShape& shape);
  // A copy of the present value. REQUIRES (CHECK): initialized.
  Tensor Value(const Tensor& handle) const;

  // Type attributes that follow from the inputs are filled in; those of references from the
  // variable.
  absl::StatusOr<std::vector<Tensor>> Run(const std::string& op, const std::vector<Tensor>& inputs,
                                          AttrMap attrs = {});

  absl::StatusOr<ResourceRef> GetOrCreate(const std::string& name,
                                          const std::function<ResourceRef()>& make) override;

 private:
  const int threads_;
  std::map<std::string, ResourceRef> resources_;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_STATE_RUNNER_H_
