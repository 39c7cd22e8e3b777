#include "session/rewrites.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "session/program_editor.h"

namespace sluice {
namespace {

// More changes than this in one place are a rewrite that undoes itself.
constexpr int kMostChangesInPlace = 1000;

int Apply(const Rewrite& rewrite, ProgramEditor* editor) {
  const absl::flat_hash_set<std::string> ops(rewrite.ops.begin(), rewrite.ops.end());
  int applied = 0;
  for (int work : editor->Works()) {
    for (int i = 0; i < kMostChangesInPlace && editor->alive(work); ++i) {
      if (!ops.empty() && !ops.contains(editor->node(work).op())) break;
      const int before = editor->last_made();
      if (!rewrite.apply(*editor, work)) break;
      ++applied;
      if (editor->last_made() != before) work = editor->last_made();
    }
  }
  return applied;
}

}  // namespace

void ApplyRewrites(SessionState& session, const OpRegistry& registry, Program* program) {
  ProgramEditor editor(session, registry, program);
  for (const Rewrite& rewrite : registry.rewrites()) {
    if (session.disabled_rewrites.contains(rewrite.name)) continue;
    const int applied = Apply(rewrite, &editor);
    if (applied > 0) program->rewrites.emplace_back(rewrite.name, applied);
  }
  editor.Finish();
}

}  // namespace sluice
