// Which steps may run at the same time (SessionOptions::inter_op_threads).
#ifndef SLUICE_SESSION_WAVES_H_
#define SLUICE_SESSION_WAVES_H_

#include "session/program.h"

namespace sluice {

// Groups the steps behind the invariant ones into waves and sorts them by wave (ProgramStep::wave):
// no step of a wave needs another one of it. Steps with effects and reads of variables keep their
// order, each in a wave of its own kind. A program with loops or branches is left as it is, all
// waves -1: one step after another.
void AssignWaves(Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_WAVES_H_
