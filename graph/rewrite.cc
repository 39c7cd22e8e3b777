#include "graph/rewrite.h"

#include "graph/node.h"

namespace sluice {

bool PlanEditor::Is(int work, absl::string_view op) const {
  return work != kNone && node(work).op() == op;
}

}  // namespace sluice
