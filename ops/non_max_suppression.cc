// NonMaxSuppression: takes the best box that is left, drops (or, soft, devalues) those that overlap
// with it, and begins again.
#include "ops/non_max_suppression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/float_view.h"

namespace sluice::ops {
namespace {

// Which inputs and outputs a version of the op has; -1: it has not.
struct Version {
  int iou_threshold = -1, score_threshold = -1, sigma = -1;  // inputs
  int selected_scores = -1, valid = -1;                      // outputs
};
constexpr Version kV1, kV2{.iou_threshold = 3}, kV3{.iou_threshold = 3, .score_threshold = 4},
    kV4{.iou_threshold = 3, .score_threshold = 4, .valid = 1},
    kV5{.iou_threshold = 3, .score_threshold = 4, .sigma = 5, .selected_scores = 1, .valid = 2};

// --- shape functions ---

absl::Status SelectedShape(ShapeContext& c, const Version& v) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape boxes, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape scores, c.WithRank(1, 1));
  for (int i = 2; i < c.num_inputs(); ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  SLUICE_RETURN_IF_ERROR(TensorShape({boxes.dim(0)}).MergeWith(scores).status());
  if (boxes.dim(1) >= 0 && boxes.dim(1) != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("boxes must have 4 columns, got ", boxes.ToString()));
  }
  int64_t count = -1;
  if (v.valid >= 0 && c.attr<bool>("pad_to_max_output_size") && c.value(2) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(count, ReadInt(*c.value(2), "max_output_size"));
    if (count < 0) return absl::InvalidArgumentError("max_output_size must not be negative");
  }
  c.set_output(0, {count});
  if (v.selected_scores >= 0) c.set_output(v.selected_scores, {count});
  if (v.valid >= 0) c.set_output(v.valid, {});
  return absl::OkStatus();
}

// --- kernels ---

// Corners put in order.
struct Box {
  explicit Box(const float* corners)
      : top(std::min(corners[0], corners[2])),
        left(std::min(corners[1], corners[3])),
        bottom(std::max(corners[0], corners[2])),
        right(std::max(corners[1], corners[3])) {}
  float Area() const { return (bottom - top) * (right - left); }
  float top, left, bottom, right;
};

float IntersectionOverUnion(const Box& a, const Box& b) {
  const float area_a = a.Area(), area_b = b.Area();
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float both = std::max(height, 0.0f) * std::max(width, 0.0f);
  return both / (area_a + area_b - both);
}

struct Candidate {
  int32_t index;
  float score;
  int64_t compared;  // with that many of the chosen ones
};

bool Worse(const Candidate& a, const Candidate& b) {
  return a.score < b.score || (a.score == b.score && a.index > b.index);
}

struct Rules {
  int64_t limit = 0;
  float iou_threshold = 0.5f, score_threshold = std::numeric_limits<float>::lowest(), sigma = 0;
};

// Candidates: a heap with the best on top. Chosen: with their scores.
class Selection {
 public:
  Selection(const Rules& rules, const float* boxes, const float* scores, int64_t count)
      : rules_(rules), boxes_(boxes) {
    for (int64_t i = 0; i < count; ++i)
      if (scores[i] > rules.score_threshold)
        left_.push_back({static_cast<int32_t>(i), scores[i], 0});
    std::make_heap(left_.begin(), left_.end(), Worse);
  }

  void Run() {
    while (static_cast<int64_t>(chosen_.size()) < rules_.limit && !left_.empty()) {
      std::pop_heap(left_.begin(), left_.end(), Worse);
      Candidate next = left_.back();
      left_.pop_back();
      const float score = next.score;
      if (!Compare(&next)) continue;
      if (next.score == score) {
        chosen_.push_back(next);
      } else if (next.score > rules_.score_threshold) {
        left_.push_back(next);
        std::push_heap(left_.begin(), left_.end(), Worse);
      }
    }
  }

  const std::vector<Candidate>& chosen() const { return chosen_; }

 private:
  // With those chosen since the last time, the latest first. False: it is out.
  bool Compare(Candidate* candidate) const {
    const Box box(boxes_ + int64_t{4} * candidate->index);
    for (int64_t i = static_cast<int64_t>(chosen_.size()) - 1; i >= candidate->compared; --i) {
      const float overlap = IntersectionOverUnion(box, Box(boxes_ + int64_t{4} * chosen_[i].index));
      if (overlap > rules_.iou_threshold) return false;
      if (rules_.sigma > 0) candidate->score *= std::exp(-0.5f / rules_.sigma * overlap * overlap);
      if (candidate->score <= rules_.score_threshold) break;
    }
    candidate->compared = static_cast<int64_t>(chosen_.size());
    return true;
  }

  Rules rules_;
  const float* boxes_;
  std::vector<Candidate> left_, chosen_;
};

absl::StatusOr<Rules> ReadRules(KernelContext& c, const Version& v, const FloatView& view) {
  Rules rules;
  SLUICE_ASSIGN_OR_RETURN(rules.limit, ReadInt(c.input(2), "max_output_size"));
  if (rules.limit < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_output_size must be non-negative, got ", rules.limit));
  }
  rules.iou_threshold =
      v.iou_threshold < 0 ? c.attr<float>("iou_threshold") : view.Input(c, v.iou_threshold)[0];
  if (!(rules.iou_threshold >= 0 && rules.iou_threshold <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("iou_threshold must be in [0, 1], got ", rules.iou_threshold));
  }
  if (v.score_threshold >= 0) rules.score_threshold = view.Input(c, v.score_threshold)[0];
  if (v.sigma >= 0) rules.sigma = view.Input(c, v.sigma)[0];
  if (!(rules.sigma >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("soft_nms_sigma must be non-negative, got ", rules.sigma));
  }
  return rules;
}

absl::Status WriteScores(KernelContext& c, int output, bool planned, int64_t size,
                         const std::vector<Candidate>& chosen) {
  SLUICE_ASSIGN_OR_RETURN(Tensor * scores, ProvideOutput(c, output, planned, {size}));
  ZeroElements(scores->dtype(), scores->mutable_raw(), size);
  const kernels::CastRun cast = kernels::FindCast(DType::kFloat, scores->dtype());
  for (size_t i = 0; i < chosen.size(); ++i) {
    cast(&chosen[i].score,
         ElementAt(scores->mutable_raw(), static_cast<int64_t>(i), scores->dtype()), 1);
  }
  return absl::OkStatus();
}

absl::Status Suppress(KernelContext& c, const Version& v, const FloatView& view, bool planned) {
  SLUICE_ASSIGN_OR_RETURN(const Rules rules, ReadRules(c, v, view));
  Selection selection(rules, view.Input(c, 0), view.Input(c, 1), c.input(1).num_elements());
  selection.Run();
  const std::vector<Candidate>& chosen = selection.chosen();
  const auto count = static_cast<int64_t>(chosen.size());
  const bool pad = v.valid >= 0 && c.attr<bool>("pad_to_max_output_size");
  const int64_t size = pad ? rules.limit : count;
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, ProvideOutput(c, 0, planned, {size}));
  auto* to = indices->mutable_data<int32_t>();
  std::fill_n(to, size, 0);
  for (int64_t i = 0; i < count; ++i) to[i] = chosen[i].index;
  if (v.selected_scores >= 0) {
    SLUICE_RETURN_IF_ERROR(WriteScores(c, v.selected_scores, planned, size, chosen));
  }
  if (v.valid >= 0) c.output(v.valid).mutable_data<int32_t>()[0] = static_cast<int32_t>(count);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> SuppressPrepare(PrepareContext& p, const Version& v) {
  if (p.input_shape(0).dim(0) > INT32_MAX) {
    return absl::InvalidArgumentError("there are more boxes than int32 can count");
  }
  std::vector<int> floats = {0, 1};
  for (const int i : {v.iou_threshold, v.score_threshold, v.sigma})
    if (i >= 0) floats.push_back(i);
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, floats, {}));
  return KernelRun([view, v, planned = p.output_shape(0).fully_defined()](KernelContext& c) {
    return Suppress(c, v, view, planned);
  });
}

OpSpec Spec(const char* name, const Version& v) {
  return OpSpec(name)
      .Shape([v](ShapeContext& c) { return SelectedShape(c, v); })
      .Prepare([v](PrepareContext& p) { return SuppressPrepare(p, v); })
      .NotDifferentiable("its results are indices");
}

}  // namespace

OpSpec NonMaxSuppressionOp() {
  return Spec("NonMaxSuppression", kV1)
      .Input("boxes: float")
      .Input("scores: float")
      .Input("max_output_size: int32")
      .Output("selected_indices: int32")
      .Attr("iou_threshold: float = 0.5");
}
OpSpec NonMaxSuppressionV2Op() {
  return Spec("NonMaxSuppressionV2", kV2)
      .Input("boxes: T")
      .Input("scores: T")
      .Input("max_output_size: int32")
      .Input("iou_threshold: T_threshold")
      .Output("selected_indices: int32")
      .Attr("T: {half, float} = DT_FLOAT")
      .Attr("T_threshold: {half, float} = DT_FLOAT");
}
OpSpec NonMaxSuppressionV3Op() {
  return Spec("NonMaxSuppressionV3", kV3)
      .Input("boxes: T")
      .Input("scores: T")
      .Input("max_output_size: int32")
      .Input("iou_threshold: T_threshold")
      .Input("score_threshold: T_threshold")
      .Output("selected_indices: int32")
      .Attr("T: {half, float} = DT_FLOAT")
      .Attr("T_threshold: {half, float} = DT_FLOAT");
}
OpSpec NonMaxSuppressionV4Op() {
  return Spec("NonMaxSuppressionV4", kV4)
      .Input("boxes: T")
      .Input("scores: T")
      .Input("max_output_size: int32")
      .Input("iou_threshold: T_threshold")
      .Input("score_threshold: T_threshold")
      .Output("selected_indices: int32")
      .Output("valid_outputs: int32")
      .Attr("T: {half, float} = DT_FLOAT")
      .Attr("T_threshold: {half, float} = DT_FLOAT")
      .Attr("pad_to_max_output_size: bool = false");
}
OpSpec NonMaxSuppressionV5Op() {
  return Spec("NonMaxSuppressionV5", kV5)
      .Input("boxes: T")
      .Input("scores: T")
      .Input("max_output_size: int32")
      .Input("iou_threshold: T")
      .Input("score_threshold: T")
      .Input("soft_nms_sigma: T")
      .Output("selected_indices: int32")
      .Output("selected_scores: T")
      .Output("valid_outputs: int32")
      .Attr("T: {half, float} = DT_FLOAT")
      .Attr("pad_to_max_output_size: bool = false");
}

Output NonMaxSuppression(At at, Output boxes, Output scores, Ints max_output_size,
                         const NonMaxSuppressionOptions& options) {
  return at.Node("NonMaxSuppression",
                 {boxes, scores, max_output_size.Tensor(at, "max_output_size")},
                 {{"iou_threshold", options.iou_threshold}});
}
Output NonMaxSuppressionV2(At at, Output boxes, Output scores, Ints max_output_size,
                           Output iou_threshold) {
  return at.Node("NonMaxSuppressionV2",
                 {boxes, scores, max_output_size.Tensor(at, "max_output_size"), iou_threshold});
}
Output NonMaxSuppressionV3(At at, Output boxes, Output scores, Ints max_output_size,
                           Output iou_threshold, Output score_threshold) {
  return at.Node("NonMaxSuppressionV3",
                 {boxes, scores, max_output_size.Tensor(at, "max_output_size"), iou_threshold,
                  score_threshold});
}
NonMaxSuppressionV4Outputs NonMaxSuppressionV4(At at, Output boxes, Output scores,
                                               Ints max_output_size, Output iou_threshold,
                                               Output score_threshold,
                                               const NonMaxSuppressionPadOptions& options) {
  const Outputs y = at.Nodes("NonMaxSuppressionV4",
                             {boxes, scores, max_output_size.Tensor(at, "max_output_size"),
                              iou_threshold, score_threshold},
                             {{"pad_to_max_output_size", options.pad_to_max_output_size}});
  return y.size() == 2 ? NonMaxSuppressionV4Outputs{y[0], y[1]} : NonMaxSuppressionV4Outputs{};
}
NonMaxSuppressionV5Outputs NonMaxSuppressionV5(At at, Output boxes, Output scores,
                                               Ints max_output_size, Output iou_threshold,
                                               Output score_threshold, Output soft_nms_sigma,
                                               const NonMaxSuppressionPadOptions& options) {
  const Outputs y = at.Nodes("NonMaxSuppressionV5",
                             {boxes, scores, max_output_size.Tensor(at, "max_output_size"),
                              iou_threshold, score_threshold, soft_nms_sigma},
                             {{"pad_to_max_output_size", options.pad_to_max_output_size}});
  return y.size() == 3 ? NonMaxSuppressionV5Outputs{y[0], y[1], y[2]}
                       : NonMaxSuppressionV5Outputs{};
}

}  // namespace sluice::ops
