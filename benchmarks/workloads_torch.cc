// The peer of workloads.cc: the same networks and small programs in libtorch, given its best.
//
// Inference: eager and TorchScript (traced and frozen; and also optimized for inference), images in
// both memory layouts, inputs used where they lie. Training: eager, both layouts, in-place
// activations, momentum in two passes (what torch::optim::SGD does in three). Every way is tried
// shortly in a process of its own, so that each has the memory it would have alone; the fastest is
// measured and named in "config". --config=NAME measures that one.
#include <torch/torch.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/speed_workloads.h"
#include "benchmarks/torch_networks.h"
#include "benchmarks/torch_programs.h"
#include "benchmarks/torch_ways.h"

namespace sluice::benchmarks {
namespace {

constexpr size_t kMostBytes = 32 << 20;  // of the batches that training takes in turn

enum class Mode { kEager, kScript, kOptimizedScript };

Tensor Input(const Network& network, int batch, bool channels_last) {
  std::vector<int64_t> shape = network.item;
  const bool steps = shape.size() == 2;  // [steps, batch, features]
  shape.insert(shape.begin() + (steps ? 1 : 0), batch);
  const Tensor x = steps ? at::randn(shape) : at::rand(shape);
  return channels_last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

void CheckParameters(const Layers& layers, const SpeedRun& run, bool verbose) {
  if (verbose) {
    std::fprintf(stderr, "%s: %lld parameters\n", run.workload.c_str(),
                 static_cast<long long>(layers.parameters()));
  }
  TORCH_CHECK(layers.parameters() == run.parameters, run.workload, " has ", layers.parameters(),
              " parameters instead of ", run.parameters);
}

Run InferenceRun(const Network& network, const SpeedRun& run, bool verbose, Mode mode,
                 bool channels_last, LocalWay local) {
  const auto layers = std::make_shared<Layers>(channels_last, /*training=*/false, local);
  const Tensor x = Input(network, run.batch, channels_last);
  const auto forward = [=, f = network.forward](const std::vector<Tensor>& in) {
    layers->Begin();
    return f(*layers, in[0]);
  };
  forward({x});
  CheckParameters(*layers, run, verbose);
  if (mode == Mode::kEager) return [=] { return forward({x}); };
  return ScriptRun(Traced(forward, {x}), {x}, mode == Mode::kOptimizedScript);
}

// One step; its result is the loss.
Run TrainingRun(const Network& network, const SpeedRun& run, bool verbose, bool channels_last,
                LocalWay local) {
  const auto layers = std::make_shared<Layers>(channels_last, /*training=*/true, local);
  // Several in turn, less where they are large, as ours: one alone is soon memorised, its gradients
  // become denormal numbers, and the time changes its meaning.
  std::vector<std::pair<Tensor, Tensor>> batches;
  do {
    batches.emplace_back(Input(network, run.batch, channels_last),
                         at::randint(network.classes, {run.batch}, at::kLong));
  } while (batches.size() < 8 && batches[0].first.nbytes() * (batches.size() + 1) <= kMostBytes);
  auto loss = [=, f = network.forward, next = size_t{0}]() mutable {
    const at::AutoGradMode with_gradients(true);
    layers->Begin();
    const auto& [x, labels] = batches[next++ % batches.size()];
    return at::cross_entropy_loss(f(*layers, x), labels);
  };
  loss();  // makes the weights
  CheckParameters(*layers, run, verbose);
  auto momenta = std::make_shared<std::vector<Tensor>>();
  for (const Tensor& p : layers->trainable()) momenta->push_back(at::zeros_like(p));
  return [=]() mutable {
    for (const Tensor& p : layers->trainable()) p.mutable_grad().reset();
    const Tensor result = loss();
    result.backward();
    for (size_t i = 0; i < momenta->size(); ++i) {
      const Tensor& p = layers->trainable()[i];
      Tensor& m = (*momenta)[i];
      at::add_out(m, p.grad(), m, 0.9);
      p.add_(m, -1e-3);
    }
    return result.detach();
  };
}

std::vector<Way> NetworkWays(const SpeedRun& run, bool verbose) {
  const size_t underscore = run.workload.rfind('_');
  const bool training = run.workload.substr(underscore) == "_train";
  const Network* network = nullptr;
  for (const Network& n : Networks()) {
    if (n.name == run.workload.substr(0, underscore)) network = &n;
  }
  TORCH_CHECK(network != nullptr, run.workload, " is missing");
  const bool image = network->item.size() == 3;
  std::vector<Way> ways;
  for (const bool last : {false, true}) {
    if (last && !image) continue;
    for (const LocalWay local : {LocalWay{false, false}, {false, true}, {true, false}}) {
      const bool other_local = local.sum || local.copied;
      if (other_local && network->name != "local2d") continue;
      const std::string layout = std::string(!image ? ""
                                             : last ? ",nhwc"
                                                    : ",nchw") +
                                 (local.sum ? ",sum" : "") + (local.copied ? ",copied" : "");
      if (training) {
        ways.push_back(
            {"eager" + layout, [=] { return TrainingRun(*network, run, verbose, last, local); }});
        continue;
      }
      for (const Mode mode : {Mode::kEager, Mode::kScript, Mode::kOptimizedScript}) {
        if (other_local && mode != Mode::kEager) continue;
        const char* const name = mode == Mode::kEager    ? "eager"
                                 : mode == Mode::kScript ? "script"
                                                         : "optimized";
        ways.push_back({name + layout,
                        [=] { return InferenceRun(*network, run, verbose, mode, last, local); }});
      }
    }
  }
  return ways;
}

// Measures one way in this process and prints its line.
void MeasureHere(const SpeedRun& run, const Way& way, const SpeedFlags& flags) {
  at::set_num_threads(flags.threads);
  at::manual_seed(7);
  const at::NoGradGuard no_gradients;
  const double base_mb = ResidentMb();
  const Run go = way.prepare();
  ForgetPeak();                                 // that of a model being made
  std::optional<c10::InferenceMode> inference;  // less work per op than without gradients
  if (run.workload.rfind("_train") == std::string::npos) inference.emplace();
  Tensor result;
  const Times times = Measure([&] { result = go(); }, flags.effort());
  TORCH_CHECK(at::isfinite(result).all().item<bool>(), run.workload, " ", way.config,
              ": the result is not finite");
  if (flags.verbose) {
    std::fprintf(stderr, "%s, %s: mean magnitude of the result %.6g\n", run.workload.c_str(),
                 way.config.c_str(), result.abs().mean().item<double>());
  }
  PrintSpeedJson("libtorch", run, flags.threads, times, base_mb, way.config);
}

// The lines that this program prints for one way, run as a process of its own; nothing when it
// fails.
std::optional<std::string> MeasureInChild(const SpeedRun& run, const std::string& config,
                                          const SpeedFlags& flags, const Effort& effort) {
  char path[4096] = {};
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) return std::nullopt;
  const std::string command =
      "'" + std::string(path) + "' --workload=" + run.workload +
      " --batch=" + std::to_string(run.batch) + " --threads=" + std::to_string(flags.threads) +
      " --seconds=" + std::to_string(effort.seconds) + " --runs=" + std::to_string(effort.runs) +
      " --config=" + config + (flags.verbose ? " --verbose" : "");
  std::FILE* child = popen(command.c_str(), "r");
  if (child == nullptr) return std::nullopt;
  std::string out;
  char line[1024];
  while (std::fgets(line, sizeof(line), child) != nullptr) out += line;
  if (pclose(child) != 0) return std::nullopt;
  return out;
}

// The configuration with the smallest median of a short try; empty when none works.
std::string Fastest(const SpeedRun& run, const std::vector<Way>& ways, const SpeedFlags& flags) {
  if (ways.size() == 1) return ways[0].config;
  std::string best;
  double best_ms = 0;
  for (const Way& way : ways) {
    const auto out =
        MeasureInChild(run, way.config, flags, {std::min(0.3, flags.seconds), 3, /*runs=*/3});
    const size_t at = out ? out->find("\"median_ms\":") : std::string::npos;
    if (at == std::string::npos) {
      std::fprintf(stderr, "note: %s cannot run as %s\n", run.workload.c_str(), way.config.c_str());
      continue;
    }
    const double ms = std::atof(out->c_str() + at + std::strlen("\"median_ms\":"));
    if (flags.verbose) {
      std::fprintf(stderr, "%s batch %d, %d threads, %s: %.4g ms\n", run.workload.c_str(),
                   run.batch, flags.threads, way.config.c_str(), ms);
    }
    if (best.empty() || ms < best_ms) {
      best = way.config;
      best_ms = ms;
    }
  }
  return best;
}

// False when the workload could not be measured.
bool MeasureRun(const SpeedRun& run, const SpeedFlags& flags) {
  const std::vector<Way> ways =
      run.parameters > 0 ? NetworkWays(run, flags.verbose) : ProgramWays(run.workload);
  if (flags.config.empty()) {
    const std::string best = Fastest(run, ways, flags);
    if (best.empty()) return false;  // without a name the child would try all ways again
    const auto out = MeasureInChild(run, best, flags, flags.effort());
    if (!out) return false;
    std::fputs(out->c_str(), stdout);
    std::fflush(stdout);
    return true;
  }
  for (const Way& way : ways) {
    if (way.config != flags.config) continue;
    MeasureHere(run, way, flags);
    return true;
  }
  std::fprintf(stderr, "%s has no configuration %s, only:", run.workload.c_str(),
               flags.config.c_str());
  for (const Way& way : ways) std::fprintf(stderr, " %s", way.config.c_str());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  const SpeedFlags flags = ParseSpeedFlags(argc, argv);
  const std::vector<SpeedRun> runs = ChooseRuns(flags);
  if (flags.list) {
    PrintList(runs);
    return 0;
  }
  if (!at::hasMKLDNN()) std::fprintf(stderr, "note: this libtorch has no oneDNN\n");
  bool good = true;
  for (const SpeedRun& run : runs) {
    try {
      good = MeasureRun(run, flags) && good;
    } catch (const c10::Error& error) {
      std::fprintf(stderr, "%s: %s\n", run.workload.c_str(), error.what_without_backtrace());
      good = false;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", run.workload.c_str(), error.what());
      good = false;
    }
  }
  return good ? 0 : 1;
}
