// Results that are computed where the caller wants them, instead of being copied there.
#ifndef SLUICE_SESSION_DIRECT_RESULTS_H_
#define SLUICE_SESSION_DIRECT_RESULTS_H_

#include "session/program.h"

namespace sluice {

// Gives Home::kResult to values in planned memory that one work makes and one fetch alone reads.
// Their steps are prepared.
void FindDirectResults(Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_DIRECT_RESULTS_H_
