// The three passes of convolutions of small networks for images, alone: one JSON line each, with
// the arithmetic reached in "config" (two operations per multiply-add).
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmarks/timing.h"
#include "core/threads.h"
#include "glog/logging.h"
#include "ops/kernels/conv.h"

namespace sluice::benchmarks {
namespace {

using kernels::Conv;
using kernels::ConvPass;
using kernels::ConvShape;

// Square images and windows, stride 1.
ConvShape Square(int64_t in_channels, int64_t out_channels, int64_t size, int64_t kernel,
                 int64_t padding, bool depthwise = false) {
  const int64_t out = size + 2 * padding - kernel + 1;
  return {.batch = 128,
          .in_channels = in_channels,
          .out_channels = out_channels,
          .input = {1, size, size},
          .kernel = {1, kernel, kernel},
          .output = {1, out, out},
          .before = {0, padding, padding},
          .after = {0, padding, padding},
          .depthwise = depthwise};
}

const struct {
  const char* name;
  ConvShape shape;
} kWorkloads[] = {
    {"fashion_conv1", Square(1, 32, 28, 5, 2)},
    {"fashion_depthwise", Square(32, 32, 14, 3, 0, /*depthwise=*/true)},
    {"fashion_pointwise", Square(32, 64, 12, 1, 0)},
    {"lenet_conv2", Square(32, 64, 14, 5, 2)},
};
const char* const kPasses[] = {"forward", "backward_input", "backward_filter"};

void Run(const std::string& name, const ConvShape& s, ConvPass pass, const Flags& flags) {
  const std::string workload = absl::StrFormat("%s_%s", name, kPasses[static_cast<int>(pass)]);
  if (!flags.workload.empty() && flags.workload != name && flags.workload != workload) return;
  std::vector<float> input(s.batch * s.input_pixels() * s.in_channels, 0.5f);
  std::vector<float> filter(s.filter_elements(), 0.1f);
  std::vector<float> output(s.batch * s.output_pixels() * s.out_channels, 0.25f);
  absl::StatusOr<std::unique_ptr<Conv>> conv =
      kernels::MakeConv(DType::kFloat, pass, s, {.threads = flags.threads});
  CHECK(conv.ok()) << conv.status();
  const auto scratch =
      Buffer::Make(DType::kUint8, (*conv)->scratch_bytes() + 1, MemoryBudget::Process()).value();
  const Times times = Measure(
      [&] {
        const absl::Status status = (*conv)->Run({.input = input.data(),
                                                  .filter = filter.data(),
                                                  .output = output.data(),
                                                  .scratch = scratch->data()});
        CHECK(status.ok()) << status;
      },
      flags.seconds);
  const double multiply_adds =
      static_cast<double>(s.filter_elements() * s.batch * s.output_pixels());
  PrintJson("sluice", workload, flags.threads, static_cast<int>(s.batch), times,
            absl::StrFormat("%.0f GF/s", 2e-6 * multiply_adds / times.median));
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice;
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  const Flags flags = ParseFlags(argc, argv);
  const ThreadBudget threads(flags.threads);
  for (const auto& w : kWorkloads) {
    for (int pass = 0; pass < 3; ++pass) Run(w.name, w.shape, static_cast<ConvPass>(pass), flags);
  }
}
