// A pass over a compiled program.
#ifndef SLUICE_SESSION_DROP_UNUSED_H_
#define SLUICE_SESSION_DROP_UNUSED_H_

#include "session/program.h"

namespace sluice {

// Drops the steps that folding left behind, whose results nobody uses, and the memory of what
// nobody makes or uses. Loops stay whole.
void DropUnused(Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_DROP_UNUSED_H_
