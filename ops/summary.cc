#include "ops/summary.h"

#include <set>

#include "absl/strings/ascii.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "io/histogram.h"
#include "proto/event.pb.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status ScalarSummaryShape(ShapeContext& c) {
  if (!c.input(0).CompatibleWith(c.input(1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("tags and values are not the same shape: ", c.input(0).ToString(),
                     " != ", c.input(1).ToString()));
  }
  return shapes::Scalar(c);
}

absl::Status HistogramSummaryShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return shapes::Scalar(c);
}

// --- kernels -------------------------------------------------------------------------------------

void SetSummary(const proto::Summary& summary, KernelContext& c) {
  summary.SerializeToString(c.output(0).mutable_data<std::string>());
}

absl::Status ScalarSummaryKernel(KernelContext& c) {
  const auto tags = c.input(0).flat<std::string>();
  proto::Summary summary;
  for (const std::string& tag : tags) summary.add_value()->set_tag(tag);
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                uint64_t, Half, BFloat16>(c.input(1).dtype(), [&](auto tag) {
        const auto values = c.input(1).flat<typename decltype(tag)::type>();
        for (size_t i = 0; i < values.size(); ++i) {
          summary.mutable_value(static_cast<int>(i))
              ->set_simple_value(static_cast<float>(values[i]));
        }
        return absl::OkStatus();
      })));
  SetSummary(summary, c);
  return absl::OkStatus();
}

absl::Status HistogramSummaryKernel(KernelContext& c) {
  Histogram histogram;
  const absl::Status added = histogram.Add(c.input(1));
  if (absl::IsInvalidArgument(added)) {
    return Annotate(added, absl::StrCat("Nan in summary histogram for: ", c.node_name()));
  }
  SLUICE_RETURN_IF_ERROR(added);
  proto::Summary summary;
  proto::Summary::Value* value = summary.add_value();
  value->set_tag(c.input(0).scalar<std::string>());
  histogram.ToProto(value->mutable_histo());
  SetSummary(summary, c);
  return absl::OkStatus();
}

absl::Status MergeSummaryKernel(KernelContext& c) {
  proto::Summary merged;
  std::set<std::string> tags;
  for (int i = 0; i < c.num_inputs(); ++i) {
    for (const std::string& bytes : c.input(i).flat<std::string>()) {
      proto::Summary summary;
      if (!summary.ParseFromString(bytes)) {
        return absl::InvalidArgumentError(
            absl::StrCat("Could not parse one of the summary inputs: input ", i));
      }
      for (proto::Summary::Value& value : *summary.mutable_value()) {
        if (!value.tag().empty() && !tags.insert(value.tag()).second) {
          return absl::InvalidArgumentError(
              absl::StrCat("Duplicate tag ", Printable(value.tag()), " found in summary inputs"));
        }
        merged.add_value()->Swap(&value);
      }
    }
  }
  SetSummary(merged, c);
  return absl::OkStatus();
}

constexpr char kStrings[] = "its output is a string";

// The nodes of tf.summary.<op>.
Output NamedSummary(At at, const char* op, absl::string_view name, const Output& values) {
  if (!at.ok()) return {};
  const std::string clean = CleanTag(name);
  if (clean.empty()) return at.Fail(op, absl::InvalidArgumentError("a summary needs a name"));
  const std::string& prefix = at.scope().name();
  const At inside = at.Sub(clean);
  const Output tag =
      inside.Named(op == std::string("ScalarSummary") ? "tags" : "tag")
          .Node(
              "Const", {},
              {{"value", Tensor::Scalar(prefix.empty() ? clean : absl::StrCat(prefix, "/", clean))},
               {"dtype", DType::kString}});
  const Output summary = inside.AsScope().Node(op, {tag, values});
  if (!summary.empty()) at.graph().AddToCollection(keys::kSummaries, summary);
  return summary;
}

}  // namespace

OpSpec ScalarSummaryOp() {
  return OpSpec("ScalarSummary")
      .Input("tags: string")
      .Input("values: T")
      .Output("summary: string")
      .Attr("T: realnumbertype")
      .Shape(ScalarSummaryShape)
      .Kernel(ScalarSummaryKernel)
      .NotDifferentiable(kStrings);
}

OpSpec HistogramSummaryOp() {
  return OpSpec("HistogramSummary")
      .Input("tag: string")
      .Input("values: T")
      .Output("summary: string")
      .Attr("T: realnumbertype = DT_FLOAT")
      .Shape(HistogramSummaryShape)
      .Kernel(HistogramSummaryKernel)
      .NotDifferentiable(kStrings);
}

OpSpec MergeSummaryOp() {
  return OpSpec("MergeSummary")
      .Input("inputs: N * string")
      .Output("summary: string")
      .Attr("N: int >= 1")
      .Shape(shapes::Scalar)
      .Kernel(MergeSummaryKernel)
      .NotDifferentiable(kStrings);
}

Output ScalarSummary(At at, Output tags, Output values) {
  return at.Node("ScalarSummary", {tags, values});
}
Output ScalarSummary(At at, absl::string_view name, Output value) {
  return NamedSummary(at, "ScalarSummary", name, value);
}
Output HistogramSummary(At at, Output tag, Output values) {
  return at.Node("HistogramSummary", {tag, values});
}
Output HistogramSummary(At at, absl::string_view name, Output values) {
  return NamedSummary(at, "HistogramSummary", name, values);
}
Output MergeSummary(At at, const Outputs& inputs) { return at.Node("MergeSummary", inputs); }

Output MergeAllSummaries(At at) {
  const Outputs all = at.graph().OutputsIn(keys::kSummaries);
  if (all.empty()) return {};
  return MergeSummary(at.Composite("Merge"), all);
}

std::string CleanTag(absl::string_view name) {
  std::string clean;
  for (char c : name) {
    const bool fine = absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '/' || c == '.';
    clean.push_back(fine ? c : '_');
  }
  return clean.substr(std::min(clean.find_first_not_of('/'), clean.size()));
}

}  // namespace sluice::ops
