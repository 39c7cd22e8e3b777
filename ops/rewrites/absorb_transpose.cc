// A transpose of a matrix that is multiplied: the product reads it the other way round.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"

namespace sluice::ops {
namespace {

// `work` exchanges the last two dimensions and nothing else.
bool ExchangesLastTwo(const PlanEditor& plan, int work) {
  if (!plan.Is(work, "Transpose")) return false;
  const Tensor* perm = plan.constant(plan.inputs(work)[1]);
  if (perm == nullptr || perm->num_elements() < 2) return false;
  const int64_t rank = perm->num_elements();
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t at =
        perm->dtype() == DType::kInt32 ? perm->data<int32_t>()[i] : perm->data<int64_t>()[i];
    const int64_t want = i < rank - 2 ? i : i == rank - 2 ? rank - 1 : rank - 2;
    if (at != want) return false;
  }
  return true;
}

bool Apply(PlanEditor& plan, int work) {
  const bool single = plan.Is(work, "MatMul");
  const char* const flags[2] = {single ? "transpose_a" : "adj_x", single ? "transpose_b" : "adj_y"};
  std::vector<int> inputs(plan.inputs(work).begin(), plan.inputs(work).end());
  AttrMap attrs = plan.node(work).attrs();
  // adj_x conjugates as well, which numbers of these types do not notice.
  if (!IsFloating(plan.dtype(inputs[0]))) return false;
  bool changed = false;
  for (int i = 0; i < 2; ++i) {
    const int maker = plan.producer(inputs[i]);
    if (maker == PlanEditor::kNone || !ExchangesLastTwo(plan, maker)) continue;
    inputs[i] = plan.inputs(maker)[0];
    attrs[flags[i]] = !plan.node(work).attr<bool>(flags[i]);
    changed = true;
  }
  if (!changed) return false;
  const std::string op = plan.node(work).op();
  const std::vector<int> outputs = {plan.outputs(work)[0]};
  return plan.Replace(work, {op, std::move(attrs), std::move(inputs), outputs}) !=
         PlanEditor::kNone;
}

}  // namespace

Rewrite AbsorbTransposeRewrite() {
  return {.name = "absorb_transpose",
          .description = "products of transposed matrices read them the other way round",
          .ops = {"MatMul", "BatchMatMul", "BatchMatMulV2"},
          .apply = Apply};
}

}  // namespace sluice::ops
