// When each value of a program lives, and where.
#ifndef SLUICE_SESSION_LAYOUT_H_
#define SLUICE_SESSION_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "session/program.h"

namespace sluice {

struct Layout {
  std::vector<int64_t>
      offsets;  // by value: in the arena, for Home::kArena; -1 where nothing makes it
  std::vector<int64_t> scratch_offsets;    // by step: in the arena, where it asked for scratch
  std::vector<std::vector<int>> releases;  // by step: runtime values that nobody needs after it
  int64_t arena_bytes = 0;
  int64_t lower_bound_bytes = 0;  // no arena for these lives is smaller
};

// Values in the arena share bytes only when their lives do not overlap or when an op works in
// place: its spec allows it, the input's memory is the plan's, is not needed afterwards (under any
// alias), appears once among the op's inputs and has the same size. `optimize` false: every value
// has bytes of its own.
Layout PlanLayout(const Program& program, bool optimize);

}  // namespace sluice

#endif  // SLUICE_SESSION_LAYOUT_H_
