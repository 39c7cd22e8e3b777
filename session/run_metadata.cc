#include "session/run_metadata.h"

namespace sluice {

std::string ChromeTrace(const RunMetadata&) { return "{\"traceEvents\":[]}"; }

}  // namespace sluice
