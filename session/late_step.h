// A step whose shapes are known only while running, because they depend on values.
#ifndef SLUICE_SESSION_LATE_STEP_H_
#define SLUICE_SESSION_LATE_STEP_H_

#include <vector>

#include "absl/status/status.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/node.h"
#include "session/kernel_host.h"
#include "session/state.h"

namespace sluice {

// Runs the shape function with the actual shapes and values, and Prepare with what it finds; both
// only when something changed since the last run of the step. Values of more than 4096 bytes are
// not shown to the shape function: no shape, axis or padding is that long.
class LateStep {
 public:
  struct Input {
    const Tensor* slot = nullptr;
    bool constant = false;                   // the same in every run
    const TensorShape* ref_shape = nullptr;  // a reference's: its variable's shape; else null
  };

  LateStep(const Node& node, SessionState& session, std::vector<Input> inputs,
           std::vector<const TensorShape*> planned_outputs);

  // Looks at the inputs. Afterwards output_shape() tells what is known of the outputs in this run.
  absl::Status Infer();
  const TensorShape& output_shape(int i) const { return output_shapes_[i]; }

  // After Infer(): prepares the kernel if need be, allocates those outputs of `context` whose shape
  // is known and that are not planned, and runs it.
  absl::Status Run(StepContext* context);

 private:
  bool Changed();
  absl::Status InferShapes();
  absl::Status Prepare();

  const Node& node_;
  SessionState& session_;
  const std::vector<Input> inputs_;
  const std::vector<const TensorShape*> planned_;  // by output: known before the run, else null
  bool inferred_ = false, prepared_ = false;
  std::vector<TensorShape> input_shapes_, output_shapes_;  // of the last Infer()
  std::vector<char> values_;  // bytes of the small inputs, at the last Infer()
  KernelRun kernel_;
  std::vector<bool> sets_output_;
  Tensor scratch_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_LATE_STEP_H_
