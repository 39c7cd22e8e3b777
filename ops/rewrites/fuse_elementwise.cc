// Chains of elementwise ops, and the sums that they end in, become one step that passes over memory
// once. What is computed stays the same, operation by operation; sums are taken in another order.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/fused_elementwise.h"
#include "ops/rewrites/tile_group.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

// Somebody who reads `work`'s value can take `work` into a chain that is yet to be made.
bool GoesOn(const PlanEditor& plan, int work) {
  const int value = plan.outputs(work)[0];
  for (const int reader : plan.readers(value)) {
    if (TileKernelOf(plan, reader) && plan.shape(plan.outputs(reader)[0]) == plan.shape(value))
      return true;
    const auto fold = TileFoldOf(plan, reader);
    if (fold && fold->value == value) return true;
  }
  return false;
}

// Puts the chain in the place of `work`: its last work, or a sum of what that makes.
int Place(PlanEditor& plan, int work, const TileGroup& group, const std::optional<TileFold>& fold) {
  TileGroup::Chain chain = group.Build(!fold);
  bool overwritable = chain.overwritable;
  if (fold) {
    // The sum's readers need nothing else: it is no more reason to write the value out.
    chain.steps.outputs.push_back({chain.last_value, fold->form, fold->mean});
    chain.outputs.push_back(plan.outputs(work)[0]);
    overwritable = false;
  }
  std::vector<TensorShape> shapes;
  for (const int v : chain.outputs) shapes.push_back(plan.shape(v));
  std::string text = group.Text();
  if (fold) absl::StrAppend(&text, " ", plan.node(work).op());
  return plan.Replace(work, {.op = overwritable ? kFusedElementwise : kFusedReduction,
                             .attrs = ChainAttrs(chain.steps, std::move(shapes), std::move(text)),
                             .inputs = std::move(chain.inputs),
                             .outputs = std::move(chain.outputs)});
}

// The chain that ends in `last`, or in the sum `work` of its value. Returns the new work.
int Fuse(PlanEditor& plan, int work, int last, const std::optional<TileFold>& fold) {
  for (const bool shared : {true, false}) {
    TileGroup group(plan, last, fold ? fold->columns : 0);
    if (!group.ok()) return kNone;
    if (fold) group.AddReader(work);
    group.Grow(shared);
    if (group.size() + (fold ? 1 : 0) < 2) return kNone;
    const int made = Place(plan, work, group, fold);
    if (made != kNone) return made;
  }
  return kNone;
}

// Elementwise works before `work` that its chain had no room for end chains of their own.
bool FuseBefore(PlanEditor& plan, int work) {
  bool changed = false;
  std::vector<int> works = {work};
  absl::flat_hash_set<int> seen;
  while (!works.empty()) {
    const int at = works.back();
    works.pop_back();
    const std::vector<int> inputs(plan.inputs(at).begin(), plan.inputs(at).end());
    for (const int v : inputs) {
      const int maker = plan.producer(v);
      if (maker == kNone || !TileKernelOf(plan, maker) || !seen.insert(maker).second) continue;
      const int made = Fuse(plan, maker, maker, std::nullopt);
      changed |= made != kNone;
      works.push_back(made != kNone ? made : maker);
    }
  }
  return changed;
}

bool Apply(PlanEditor& plan, int work) {
  int made = kNone;
  if (const auto fold = TileFoldOf(plan, work)) {
    const int maker = plan.producer(fold->value);
    if (!TileKernelOf(plan, maker)) return false;
    made = Fuse(plan, work, maker, fold);
    if (made == kNone) return FuseBefore(plan, work);
  } else if (TileKernelOf(plan, work)) {
    if (GoesOn(plan, work)) return false;
    made = Fuse(plan, work, work, std::nullopt);
  } else {
    return false;
  }
  const bool more = FuseBefore(plan, made == kNone ? work : made);
  return more || made != kNone;
}

}  // namespace

Rewrite FuseElementwiseRewrite() {
  return {.name = "fuse_elementwise",
          .description = "chains of elementwise ops and the sums of their results in one pass",
          .apply = Apply};
}

}  // namespace sluice::ops
