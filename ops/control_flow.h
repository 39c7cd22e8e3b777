// TensorFlow 1's control flow: the ops that its tf.cond and tf.while_loop are made of (rules CF-1
// to CF-4). Sluice runs imported graphs that hold them; the session, not a kernel, follows them.
// There are no gradient functions: gradients that TensorFlow built into a graph run like everything
// else.
//
// An output is *dead* when the branch or iteration that makes it is not taken. Every op with a dead
// data or control input is dead, too, and skipped; only Merge joins dead and live.
#ifndef SLUICE_OPS_CONTROL_FLOW_H_
#define SLUICE_OPS_CONTROL_FLOW_H_

#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct SwitchOutputs {
  Output output_false, output_true;
};
// `data` goes to one output; the other is dead. pred: a bool scalar.
SwitchOutputs Switch(At at, Output data, Output pred);

struct MergeOutputs {
  Output output;       // the first input that is live; dead when all are
  Output value_index;  // int32 scalar: its number
};
// inputs: one or more, of one dtype. Equal dimensions of their shapes stay known.
MergeOutputs Merge(At at, const Outputs& inputs);

struct EnterOptions {
  bool is_constant = false;  // the same in every iteration
  int64_t parallel_iterations = 10;
};
// `data` in the frame `frame_name`. Iterations run one after another, whatever parallel_iterations
// says.
Output Enter(At at, Output data, const std::string& frame_name, const EnterOptions& options = {});
Output Exit(At at, Output data);
Output NextIteration(At at, Output data);
Output LoopCond(At at, Output input);
// Runs though what it waits for is dead. Its control inputs: At's.
Output ControlTrigger(At at);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONTROL_FLOW_H_
