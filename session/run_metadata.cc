#include "session/run_metadata.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/json_text.h"

namespace sluice {
namespace {

// Nanoseconds in the format's microseconds.
std::string Microseconds(int64_t ns) {
  ns = std::max<int64_t>(ns, 0);
  return absl::StrFormat("%d.%03d", ns / 1000, ns % 1000);
}

std::string MetadataEvent(const char* what, int thread, const std::string& name) {
  return absl::StrCat("{\"name\": \"", what, "\", \"ph\": \"M\", \"pid\": 1, \"tid\": ", thread,
                      ", \"args\": {\"name\": ", JsonQuoted(name), "}}");
}

std::string StepEvent(const StepStats& step) {
  std::string args =
      absl::StrCat("\"node\": ", JsonQuoted(step.node), ", \"op\": ", JsonQuoted(step.op),
                   ", \"bytes\": ", step.bytes, ", \"output_bytes\": ", step.output_bytes);
  const auto ns = static_cast<double>(std::max<int64_t>(step.duration_ns, 1));
  absl::StrAppendFormat(&args, ", \"GB/s\": %.3f", static_cast<double>(step.bytes) / ns);
  if (step.flops > 0) {
    absl::StrAppendFormat(&args, ", \"flops\": %.0f, \"GF/s\": %.3f", step.flops, step.flops / ns);
  }
  return absl::StrCat("{\"name\": ", JsonQuoted(step.op), ", \"cat\": \"step\", \"ph\": \"X\"",
                      ", \"pid\": 1, \"tid\": ", step.thread,
                      ", \"ts\": ", Microseconds(step.start_ns),
                      ", \"dur\": ", Microseconds(step.duration_ns), ", \"args\": {", args, "}}");
}

}  // namespace

std::string ChromeTrace(const RunMetadata& run) {
  std::set<int> threads = {0};
  for (const StepStats& step : run.steps) threads.insert(step.thread);
  std::string text =
      absl::StrCat("{\"traceEvents\": [\n", MetadataEvent("process_name", 0, "Session::Run"));
  for (const int thread : threads) {
    const std::string name = thread == 0 ? "caller" : absl::StrCat("branch thread ", thread);
    absl::StrAppend(&text, ",\n", MetadataEvent("thread_name", thread, name));
  }
  for (const StepStats& step : run.steps) absl::StrAppend(&text, ",\n", StepEvent(step));
  absl::StrAppend(&text, "\n],\n\"displayTimeUnit\": \"ns\",\n\"otherData\": {\"start_us\": ",
                  run.start_us, ", \"duration_us\": ", Microseconds(run.duration_ns),
                  ", \"arena_bytes\": ", run.arena_bytes, ", \"threads\": ", run.threads, "}}\n");
  return text;
}

}  // namespace sluice
