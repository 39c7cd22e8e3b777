// Small ops for tests of sessions: every kind of op that a plan treats differently, and nothing of
// ops/.
#ifndef SLUICE_TESTS_TESTING_SESSION_SESSION_OPS_H_
#define SLUICE_TESTS_TESTING_SESSION_SESSION_OPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "graph/output.h"

namespace sluice::session_ops {

const OpRegistry& Registry();

// --- stateless, float ---
Output Const(At at, Tensor value);
Output Const(At at, float value);
Output Placeholder(At at, DType dtype, const TensorShape& shape);
// Element by element, same shapes; may work in place on either input; commutative. Counts in
// KernelRuns().
Output Add(At at, Output x, Output y);
Output Sub(At at, Output x, Output y);  // in place on input 0
Output Square(At at, Output x);         // in place; needs scratch as large as x
Output AddN(At at, const Outputs& xs);
Output Sum(At at, Output x);             // to a scalar
Output Split(At at, Output x);           // outputs 0: x + 1, 1: x - 1. Returns output 0.
Output Join(At at, Output x, Output y);  // strings, element by element
// Kernels that ran since the last call of this function: how much work a plan really does. Adds,
// Subs, Squares, AddNs, Sums, Splits count.
int64_t TakeKernelRuns();

// --- shapes ---
Output Identity(At at, Output x);               // an alias
Output Reshape(At at, Output x, Output shape);  // an alias; the shape is a value (int64)
Output ShapeOf(At at, Output x);                // int64, known from shapes
Output Fill(At at, Output dims, Output value);  // the output's shape is a value (int64)
Output Positive(At at, Output x);  // elements > 0: the output's shape is known after the kernel
Output ReferenceShape(
    At at, Output x);  // like ShapeOf, but through a kernel that sees only values; never folded

// --- effects ---
// An operation that writes `tag` in the log.
Output Effect(At at, const std::string& tag);
// x, writing `tag` in the log: stateful.
Output Logged(At at, Output x, const std::string& tag);
std::vector<std::string> TakeLog();
Output NoOp(At at);
// x; InvalidArgument with `message` when its first element is negative. `when`: "run" or "prepare"
// (then always).
Output Check(At at, Output x, const std::string& message, const std::string& when = "run");
Output Random(At at);  // float scalar, the run counter
Output Seed(At at);    // int64 scalar: the session's seed; stateful
Output Throw(At at);   // its kernel throws std::bad_alloc

// --- variables ---
Output VarHandle(At at, const std::string& variable, const TensorShape& shape);
Output Read(At at, Output handle);                     // hands the snapshot over
Output ReadCopy(At at, Output handle);                 // the same, without telling the plan
Output Assign(At at, Output handle, Output value);     // operation; creates the value
Output AssignAdd(At at, Output handle, Output value);  // operation
// How often an AssignAdd or RefAssignAdd found a snapshot in its way, since the last call.
int64_t TakeCopies();

Output RefVariable(At at, const std::string& variable, const TensorShape& shape);  // float_ref
Output RefAssign(At at, Output ref, Output value);                                 // float_ref
Output RefAssignAdd(At at, Output ref, Output value);                              // float_ref
Output RefIdentity(At at, Output ref);                          // float_ref, an alias
Output RefSelect(At at, Output condition, Output a, Output b);  // float_ref, chosen while running
Output IsInitialized(At at, Output ref);                        // bool scalar

}  // namespace sluice::session_ops

#endif  // SLUICE_TESTS_TESTING_SESSION_SESSION_OPS_H_
