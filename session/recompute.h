// Less memory for more work: activations of scopes that ask for it (Scope::Recompute) are computed
// again where gradients need them.
#ifndef SLUICE_SESSION_RECOMPUTE_H_
#define SLUICE_SESSION_RECOMPUTE_H_

#include "session/program.h"

namespace sluice {

// A work marked with _recompute_hint whose results gradients read gets a double just before the
// first of them; the double reads doubles of other marked works, and what is not marked as it is.
// Works with effects, random ones and late ones are never doubled. A reader is part of the
// gradients when it was built as such or bears a name below "gradients".
void Recompute(Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_RECOMPUTE_H_
