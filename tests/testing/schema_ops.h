// Ops with schemas and shapes but without kernels: for tests of graphs that never run.
#ifndef SLUICE_TESTS_TESTING_SCHEMA_OPS_H_
#define SLUICE_TESTS_TESTING_SCHEMA_OPS_H_

#include "graph/op_spec.h"

namespace sluice {

// Schemas as TensorFlow's of Const, Placeholder, Identity, NoOp, Add, AddN, MatMul, Equal, Split,
// Conv2D, LeakyRelu; Switch, Merge, Enter, Exit, NextIteration, LoopCond; resource and reference
// variables with their reads and assignments.
const OpRegistry& SchemaOps();

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_SCHEMA_OPS_H_
