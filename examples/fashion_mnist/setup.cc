#include "examples/fashion_mnist/setup.h"

#include <csignal>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "core/file.h"

namespace sluice::examples {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

const std::vector<std::string> kClasses = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                           "sandal",  "shirt",   "sneaker",  "bag",   "boot"};

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted != 0; }

absl::StatusOr<train::ImageSet> ReadImages(const std::string& data, const std::string& prefix) {
  const std::string base = JoinPath(data, prefix);
  absl::StatusOr<train::ImageSet> set =
      train::ReadImageSet(base + "-images-idx3-ubyte.gz", base + "-labels-idx1-ubyte.gz");
  if (set.ok()) return set;
  return absl::Status(
      set.status().code(),
      absl::StrCat(set.status().message(),
                   "\nThe images come with Debian's package dataset-fashion-mnist: install it "
                   "(apt-get install "
                   "--reinstall dataset-fashion-mnist), or name another folder with --data."));
}

void PrintVariables(const Graph& graph) {
  int64_t total = 0;
  for (const Variable& v : graph.TrainableVariables()) {
    std::printf("  %-30s %-14s %8lld\n", v.name().c_str(), v.shape().ToString().c_str(),
                static_cast<long long>(v.shape().num_elements()));
    total += v.shape().num_elements();
  }
  std::printf("  %-30s %-14s %8lld parameters\n", "", "", static_cast<long long>(total));
  std::fflush(stdout);
}

}  // namespace sluice::examples
