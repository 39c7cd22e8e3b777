#include "benchmarks/workload.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

// So many batches are taken in turn in training, less where they are large.
constexpr int kMostBatches = 8;
constexpr int64_t kMostBytes = 32 << 20;

struct Job {
  const Network* network = nullptr;
  const Program* program = nullptr;
  bool training = false;
};

Job FindJob(absl::string_view name) {
  for (const Program& program : Programs()) {
    if (name == program.name) return {.program = &program};
  }
  const bool training = absl::ConsumeSuffix(&name, "_train");
  if (!training && !absl::ConsumeSuffix(&name, "_infer")) return {};
  for (const Network& network : Networks()) {
    if (name == network.name) return {.network = &network, .training = training};
  }
  return {};
}

TensorShape WithBatch(const Network& network, const NetworkOptions& options, int64_t batch) {
  const TensorShape one = network.input(options);
  std::vector<int64_t> dims(one.dims().begin(), one.dims().end());
  dims.insert(dims.begin() + network.batch_axis, batch);
  return TensorShape(dims);
}

absl::StatusOr<Workload> Inference(const Network& network, int batch, const NetworkOptions& options,
                                   bool freeze) {
  Workload w{.graph = std::make_unique<Graph>(ops::Builtin())};
  w.graph->SetSeed(1);
  const Scope root = Scope::Root(*w.graph);
  Output x = ops::Placeholder(root.Named("input"), DType::kFloat, WithBatch(network, options, -1));
  Output logits = ops::Identity(root.Named("output"), network.logits(root, x, options));
  w.init = GlobalVariablesInitializer(root);
  if (freeze) {
    SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(*w.graph));
    SLUICE_RETURN_IF_ERROR(session.Run(w.init));
    SLUICE_ASSIGN_OR_RETURN(const std::string bytes, train::FreezeToBytes(session, {logits}));
    auto frozen = std::make_unique<Graph>(ops::Builtin());
    SLUICE_RETURN_IF_ERROR(train::ImportFrozen(bytes, frozen.get()));
    SLUICE_ASSIGN_OR_RETURN(x, frozen->FindTensor("input:0"));
    SLUICE_ASSIGN_OR_RETURN(logits, frozen->FindTensor("output:0"));
    w.init = {};
    w.graph = std::move(frozen);
  }
  std::mt19937 random(7);
  w.feeds = {{{x, RandomFloats(WithBatch(network, options, batch), &random)}}};
  w.fetches = {logits};
  w.flops = network.flops * batch;
  return w;
}

absl::StatusOr<Workload> TrainingStep(const Network& network, int batch,
                                      const NetworkOptions& options) {
  Workload w{.graph = std::make_unique<Graph>(ops::Builtin())};
  w.graph->SetSeed(1);
  const Scope root = Scope::Root(*w.graph);
  const Output x =
      ops::Placeholder(root.Named("input"), DType::kFloat, WithBatch(network, options, -1));
  const Output labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});
  const Output logits = network.logits(root, x, options);
  const Output loss = losses::SparseSoftmaxCrossEntropy(root, labels, logits);
  // Minimize also runs the updates of batch normalization's moving averages.
  const Output step =
      train::Momentum({.learning_rate = 1e-3f, .momentum = 0.9f}).Minimize(root, loss);
  w.init = GlobalVariablesInitializer(root);
  w.fetches = {loss, step};
  w.flops = 3 * network.flops * batch;  // backwards to the input and to the weights as much again

  std::mt19937 random(7);
  const TensorShape shape = WithBatch(network, options, batch);
  const int64_t bytes = 4 * shape.num_elements();
  const int64_t batches = std::clamp<int64_t>(kMostBytes / bytes, 1, kMostBatches);
  for (int64_t i = 0; i < batches; ++i) {
    std::vector<int64_t> classes(static_cast<size_t>(batch));
    for (int64_t& c : classes) c = static_cast<int64_t>(random()) % network.classes;
    Tensor input = RandomFloats(shape, &random);
    w.feeds.push_back({{x, std::move(input)}, {labels, Tensor::Of<int64_t>({batch}, classes)}});
  }
  return w;
}

}  // namespace

absl::StatusOr<Workload> MakeWorkload(absl::string_view name, int batch,
                                      const WorkloadOptions& options) {
  const Job job = FindJob(name);
  if (job.network == nullptr && job.program == nullptr) {
    return absl::NotFoundError(absl::StrCat("no workload is called \"", name, "\""));
  }
  if (batch < 1 || (job.program != nullptr && batch != 1)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " has no batch ", batch));
  }
  if (job.program != nullptr) return job.program->make(options.divisor);
  const NetworkOptions network{
      .training = job.training, .side = options.side, .divisor = options.divisor};
  return job.training ? TrainingStep(*job.network, batch, network)
                      : Inference(*job.network, batch, network, options.freeze);
}

Tensor RandomFloats(const TensorShape& shape, std::mt19937* random) {
  Tensor t = Tensor::Zeros(DType::kFloat, shape);
  for (float& x : t.mutable_flat<float>()) {
    x = static_cast<float>((*random)() >> 8) * 0x1p-24f * 3.4f - 1.7f;
  }
  return t;
}

}  // namespace sluice::benchmarks
