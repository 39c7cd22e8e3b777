#include "ops/summary.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "io/histogram.h"
#include "proto/event.pb.h"

namespace sluice::ops {
namespace {

void SetSummary(const proto::Summary& summary, KernelContext& c) {
  summary.SerializeToString(c.output(0).mutable_data<std::string>());
}

// What serves as a scalar: one element of rank 0 or 1.
bool IsLegacyScalar(const Tensor& t) { return t.shape().rank() <= 1 && t.num_elements() == 1; }

absl::Status ScalarSummaryKernel(KernelContext& c) {
  const auto tags = c.input(0).flat<std::string>();
  if (c.input(0).shape() != c.input(1).shape() &&
      !(IsLegacyScalar(c.input(0)) && IsLegacyScalar(c.input(1)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("tags and values not the same shape: ", c.input(0).shape().ToString(),
                     " != ", c.input(1).shape().ToString(),
                     tags.size() == 1 ? absl::StrCat(" (tag '", Printable(tags[0]), "')") : ""));
  }
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
  if (!IsLegacyScalar(c.input(0))) return absl::InvalidArgumentError("tags must be scalar");
  Histogram histogram;
  const absl::Status added = histogram.Add(c.input(1));
  if (absl::IsInvalidArgument(added)) {  // TensorFlow's words, with its capitals
    const bool nan = absl::StartsWith(added.message(), "NaN");
    return absl::InvalidArgumentError(
        absl::StrCat(nan ? "Nan" : "Infinity", " in summary histogram for: ", c.node_name()));
  }
  SLUICE_RETURN_IF_ERROR(added);
  proto::Summary summary;
  proto::Summary::Value* value = summary.add_value();
  value->set_tag(c.input(0).flat<std::string>()[0]);
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
      .Shape(shapes::Scalar)
      .Kernel(ScalarSummaryKernel)
      .NotDifferentiable(kStrings);
}

OpSpec HistogramSummaryOp() {
  return OpSpec("HistogramSummary")
      .Input("tag: string")
      .Input("values: T")
      .Output("summary: string")
      .Attr("T: realnumbertype = DT_FLOAT")
      .Shape(shapes::Scalar)
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
