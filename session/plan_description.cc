#include "session/plan_description.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/status.h"

namespace sluice {
namespace {

// The columns of the table: those to the left of text, then numbers, then the marks.
enum Column { kNumber, kOp, kNode, kOutput, kOffset, kBytes, kFlops, kMarks, kColumns };
using Row = std::array<std::string, kColumns>;

bool AlignsRight(int column) {
  return column == kNumber || column == kOffset || column == kBytes || column == kFlops;
}

// Longer texts stick out instead of widening the column for all.
constexpr size_t kWidest = 56;

// "1.93 G": four figures at most.
std::string Count(double count) {
  const char* const units[] = {"", " k", " M", " G", " T", " P"};
  int unit = 0;
  while (count >= 1000 && unit < 5) {
    count /= 1000;
    ++unit;
  }
  return absl::StrFormat(unit == 0 ? "%.0f%s" : "%.4g%s", count, units[unit]);
}

std::string TensorName(const PlanDescription::Tensor& tensor) {
  return absl::StrCat(DTypeName(tensor.dtype), tensor.shape.ToString());
}

std::string Marks(const PlanDescription& plan, const PlanDescription::Step& step) {
  std::vector<std::string> marks;
  if (step.invariant) marks.push_back("invariant");
  if (step.late) marks.push_back("late");
  if (step.in_place) marks.push_back("in place");
  if (step.outputs.size() > 1) {
    marks.push_back(absl::StrCat("and ", step.outputs.size() - 1, " more outputs"));
  }
  if (step.scratch_bytes > 0) marks.push_back(absl::StrCat("scratch ", step.scratch_bytes));
  if (!step.outputs.empty()) {
    const std::string& home = plan.tensors[step.outputs[0]].home;
    if (home == "owned" || home == "result") marks.push_back(home);
  }
  return absl::StrJoin(marks, ", ");
}

Row RowOf(const PlanDescription& plan, size_t number) {
  const PlanDescription::Step& step = plan.steps[number];
  Row row;
  row[kNumber] = absl::StrCat(number);
  row[kOp] = Printable(step.op);
  row[kNode] = Printable(step.node);
  if (!step.outputs.empty()) {
    const PlanDescription::Tensor& first = plan.tensors[step.outputs[0]];
    int64_t bytes = 0;
    for (const int output : step.outputs) bytes += plan.tensors[output].bytes;
    row[kOutput] = TensorName(first);
    row[kOffset] = first.offset < 0 ? "-" : absl::StrCat(first.offset);
    row[kBytes] = absl::StrCat(bytes);
  }
  if (step.flops > 0) row[kFlops] = Count(step.flops);
  row[kMarks] = Marks(plan, step);
  return row;
}

std::string Line(const Row& row, const std::array<size_t, kColumns>& widths) {
  std::string line;
  for (int c = 0; c < kColumns; ++c) {
    const std::string& text = row[c];
    const std::string pad(widths[c] > text.size() ? widths[c] - text.size() : 0, ' ');
    absl::StrAppend(&line, c == 0 ? "" : "  ", AlignsRight(c) ? pad : "", text,
                    AlignsRight(c) ? "" : pad);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Table(const PlanDescription& plan) {
  std::vector<Row> rows = {{"#", "op", "node", "output", "offset", "bytes", "FLOPs", ""}};
  for (size_t s = 0; s < plan.steps.size(); ++s) rows.push_back(RowOf(plan, s));
  std::array<size_t, kColumns> widths = {};
  for (const Row& row : rows) {
    for (int c = 0; c < kColumns; ++c) {
      widths[c] = std::max(widths[c], std::min(row[c].size(), kWidest));
    }
  }
  std::string text;
  for (const Row& row : rows) absl::StrAppend(&text, Line(row, widths));
  return text;
}

// By how much the arena is larger than it must be.
std::string OverLowerBound(const PlanDescription& plan) {
  if (plan.lower_bound_bytes <= 0) return "";
  const double over =
      static_cast<double>(plan.arena_bytes) / static_cast<double>(plan.lower_bound_bytes) - 1;
  return absl::StrFormat(", %.1f %% over the lower bound of %d", 100 * over,
                         plan.lower_bound_bytes);
}

}  // namespace

std::string ToString(const PlanDescription& plan) {
  std::string text = Table(plan);
  absl::StrAppend(&text, "\nrewrites", plan.rewrites.empty() ? ": none" : "", "\n");
  for (const auto& [name, count] : plan.rewrites) {
    absl::StrAppendFormat(&text, "  %6d  %s\n", count, name);
  }
  absl::StrAppend(&text, "nodes folded while compiling: ", plan.folded, "\n");
  double flops = 0;
  for (const PlanDescription::Step& step : plan.steps) flops += step.flops;
  absl::StrAppend(&text, "\nmemory in bytes\n", "  planned    ", plan.arena_bytes,
                  OverLowerBound(plan), "\n", "  constants  ", plan.constant_bytes, "\n");
  if (plan.owned_bytes > 0) absl::StrAppend(&text, "  owned      ", plan.owned_bytes, "\n");
  absl::StrAppend(&text, "\n", plan.steps.size(), plan.steps.size() == 1 ? " step, " : " steps, ",
                  Count(flops), flops >= 1000 ? "FLOPs" : " FLOPs", "\n");
  return text;
}

}  // namespace sluice
