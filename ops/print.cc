#include "ops/print.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "core/file.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/summarize.h"

namespace sluice::ops {
namespace {

// --- Print ---------------------------------------------------------------------------------------

// How often a node has printed in a session.
class PrintCount : public Resource {
 public:
  // True for the first n calls.
  bool Take(int64_t n) { return count_.fetch_add(1, std::memory_order_relaxed) < n; }
  std::string DebugString() const override { return "the count of a Print"; }

 private:
  std::atomic<int64_t> count_{0};
};

std::shared_ptr<PrintCount> CountOf(const PrepareContext& p) {
  const auto shared = p.resources().GetOrCreate(absl::StrCat("|print|", p.node_name()),
                                                [] { return std::make_shared<PrintCount>(); });
  auto count = shared.ok() ? std::dynamic_pointer_cast<PrintCount>(*shared) : nullptr;
  return count != nullptr ? count
                          : std::make_shared<PrintCount>();  // no session: a count of its own
}

absl::StatusOr<KernelRun> PrintPrepare(PrepareContext& p) {
  const auto first_n = p.attr<int64_t>("first_n");
  const std::shared_ptr<PrintCount> count = first_n >= 0 ? CountOf(p) : nullptr;
  p.WillSetOutput(0);
  return KernelRun([message = p.attr<std::string>("message"),
                    summarize = p.attr<int64_t>("summarize"), first_n, count](KernelContext& c) {
    c.SetOutput(0, c.input(0));
    if (count != nullptr && !count->Take(first_n)) return absl::OkStatus();
    std::string text = message;
    for (int i = 1; i < c.num_inputs(); ++i) {
      absl::StrAppend(&text, "[", SummarizeValue(c.input(i), summarize), "]");
    }
    std::fprintf(stderr, "%s\n", text.c_str());
    return absl::OkStatus();
  });
}

Outputs PrintGradient(At, const Node& op, const Outputs& dy) {
  Outputs result(op.num_inputs());
  result[0] = dy[0];
  return result;
}

// --- PrintV2 -------------------------------------------------------------------------------------

absl::Status PrintV2Shape(ShapeContext& c) {
  const TensorShape& input = c.input(0);
  if (!input.rank_known() || input.rank() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input must be a scalar, but has rank: ", input.rank()));
}

constexpr char kFile[] = "file://";

absl::Status CheckStream(absl::string_view stream) {
  for (const char* known : {"stdout", "stderr", "log(info)", "log(warning)", "log(error)"}) {
    if (stream == known) return absl::OkStatus();
  }
  if (absl::StartsWith(stream, kFile)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Unknown output stream: ", Printable(stream),
      ", Valid streams are: stdout, stderr, log(info), log(warning), log(error), file://<path>"));
}

absl::Status PrintTo(absl::string_view stream, const std::string& text) {
  if (absl::ConsumePrefix(&stream, kFile)) {
    SLUICE_ASSIGN_OR_RETURN(const auto file,
                            FileSystem::Default().OpenForAppend(std::string(stream)));
    SLUICE_RETURN_IF_ERROR(file->Append(text));
    return file->Close();
  }
  if (stream == "log(info)") {
    LOG(INFO) << text;
  } else if (stream == "log(warning)") {
    LOG(WARNING) << text;
  } else if (stream == "log(error)") {
    LOG(ERROR) << text;
  } else {
    std::FILE* to = stream == "stdout" ? stdout : stderr;
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> PrintV2Prepare(PrepareContext& p) {
  const auto stream = p.attr<std::string>("output_stream");
  SLUICE_RETURN_IF_ERROR(CheckStream(stream));
  return KernelRun([stream, end = p.attr<std::string>("end")](KernelContext& c) {
    if (c.input(0).num_elements() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("input must be a scalar, but has shape ", c.input(0).shape().ToString()));
    }
    return PrintTo(stream, c.input(0).flat<std::string>()[0] + end);
  });
}

absl::Status TimestampKernel(KernelContext& c) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  *c.output(0).mutable_data<double>() =
      static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()) / 1e6;
  return absl::OkStatus();
}

}  // namespace

OpSpec PrintOp() {
  return OpSpec("Print")
      .Input("input: T")
      .Input("data: U")
      .Output("output: T")
      .Attr("T: type")
      .Attr("U: list(type) >= 0")
      .Attr("message: string = ''")
      .Attr("first_n: int = -1")
      .Attr("summarize: int = 3")
      .Shape(shapes::SameAsInput)
      .Prepare(PrintPrepare)
      .Stateful()
      .Gradient(PrintGradient)
      .PassesGradientThrough();
}

OpSpec PrintV2Op() {
  return OpSpec("PrintV2")
      .Input("input: string")
      .Attr("output_stream: string = 'stderr'")
      .Attr("end: string = '\n'")
      .Shape(PrintV2Shape)
      .Prepare(PrintV2Prepare)
      .Stateful()
      .NotDifferentiable("PrintV2 has no output");
}

OpSpec TimestampOp() {
  return OpSpec("Timestamp")
      .Output("ts: float64")
      .Shape(shapes::Scalar)
      .Kernel(TimestampKernel)
      .Stateful()
      .NotDifferentiable("the time depends on nothing");
}

Output Print(At at, Output input, const Outputs& data, const PrintOptions& options) {
  Outputs inputs = {input};
  inputs.insert(inputs.end(), data.begin(), data.end());
  return at.Node("Print", inputs,
                 {{"message", options.message},
                  {"first_n", options.first_n},
                  {"summarize", options.summarize}});
}
Output PrintV2(At at, Output input, const PrintV2Options& options) {
  return at.Node("PrintV2", {input},
                 {{"output_stream", options.output_stream}, {"end", options.end}});
}
Output Timestamp(At at) { return at.Node("Timestamp"); }

}  // namespace sluice::ops
