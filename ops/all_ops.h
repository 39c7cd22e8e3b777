// Every op that Sluice has.
#ifndef SLUICE_OPS_ALL_OPS_H_
#define SLUICE_OPS_ALL_OPS_H_

#include "graph/op_spec.h"

namespace sluice::ops {

// The registry of all built-in ops, made on first use. To add your own ops, copy it: OpRegistry r =
// ops::Builtin(); r.Add(MyOp());
const OpRegistry& Builtin();

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ALL_OPS_H_
