#include "session/plan_description.h"

namespace sluice {

std::string ToString(const PlanDescription&) { return ""; }

}  // namespace sluice
