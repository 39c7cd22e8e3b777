// drop_unused_outputs: an LSTM over a sequence is told which of its outputs nobody reads
// (ops/block_lstm.h): the gradient with respect to its input costs a fifth of its backward pass,
// and is not needed where the input is data.
#include <string>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/block_lstm.h"

namespace sluice::ops {
namespace {

bool Apply(PlanEditor& plan, int work) {
  const Node& node = plan.node(work);
  if (FindAttr(node.attrs(), kUnusedOutputsAttr) != nullptr) return false;
  const absl::Span<const int> outputs = plan.outputs(work), inputs = plan.inputs(work);
  std::vector<int64_t> unused;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool read = !plan.only_readers(outputs[i]) || !plan.readers(outputs[i]).empty();
    if (!read) unused.push_back(static_cast<int64_t>(i));
  }
  if (unused.empty()) return false;
  PlanEditor::Work by = {.op = node.op(),
                         .attrs = node.attrs(),
                         .inputs = {inputs.begin(), inputs.end()},
                         .outputs = {outputs.begin(), outputs.end()}};
  by.attrs[kUnusedOutputsAttr] = unused;
  return plan.Replace(work, by) != PlanEditor::kNone;
}

}  // namespace

Rewrite DropUnusedOutputsRewrite() {
  return {.name = "drop_unused_outputs",
          .description = "recurrent layers compute only the outputs that somebody reads",
          .ops = {"BlockLSTM", "BlockLSTMV2", "BlockLSTMGrad", "BlockLSTMGradV2"},
          .apply = Apply};
}

}  // namespace sluice::ops
