// One training step at batch 128; train_step_torch.cc is the same in libtorch. README.md describes
// the work.
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "benchmarks/timing.h"
#include "core/status.h"
#include "examples/fashion_mnist/network.h"
#include "glog/logging.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

constexpr int kBatch = 128;

// A graph that trains, and what a run needs.
struct Model {
  Graph graph{ops::Builtin()};
  Output images, labels, loss, train, init;
};

using Build = void (*)(Model*, Scope root);

void BuildFashion(Model* m, Scope root) {
  Scope net = root.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
  const Output logits = examples::Classifier(net, m->images, ops::Const(root, true));
  m->loss =
      losses::SparseSoftmaxCrossEntropy(root, m->labels, logits) + losses::RegularizationLoss(root);
  m->train = train::Adam({.learning_rate = 1e-3f}).Minimize(root, m->loss);
}

void BuildLenet(Model* m, Scope root) {
  const auto conv = [&](Output x, int64_t filters) {
    x = layers::Conv2D(root, x,
                       {.filters = filters,
                        .kernel_size = 5,
                        .padding = Padding::kSame,
                        .activation = ops::Relu,
                        .kernel_initializer = initializers::HeNormal()});
    return layers::MaxPooling2D(root, x, {.pool_size = 2, .strides = 2});
  };
  Output x = layers::Flatten(root, conv(conv(m->images, 32), 64));
  x = layers::Dense(
      root, x,
      {.units = 1024, .activation = ops::Relu, .kernel_initializer = initializers::LecunNormal()});
  x = layers::Dense(root, x, {.units = 10, .kernel_initializer = initializers::LecunNormal()});
  m->loss = losses::SparseSoftmaxCrossEntropy(root, m->labels, x);
  m->train = train::Momentum({.learning_rate = 1e-3f, .momentum = 0.9f}).Minimize(root, m->loss);
}

absl::Status Run(const char* workload, const Flags& flags, Build build) {
  if (!flags.workload.empty() && flags.workload != workload) return absl::OkStatus();
  Model m;
  m.graph.SetSeed(1);
  Scope root = Scope::Root(m.graph);
  m.images = ops::Placeholder(root, DType::kFloat, {-1, 28, 28, 1});
  m.labels = ops::Placeholder(root, DType::kInt64, {-1});
  build(&m, root);
  m.init = GlobalVariablesInitializer(root);
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(m.graph, {.intra_op_threads = flags.threads}));
  SLUICE_RETURN_IF_ERROR(session.Run(m.init));

  std::vector<Feeds> feeds;
  for (const ImageBatch& b : ImageBatches(kBatch)) {
    feeds.push_back({{m.images, Tensor::Of<float>({kBatch, 28, 28, 1}, b.images)},
                     {m.labels, Tensor::Of<int64_t>({kBatch}, b.labels)}});
  }
  const Outputs fetches = {m.loss, m.train};
  std::vector<Tensor> results;
  absl::Status status;
  size_t next = 0;
  const Times times = Measure(
      [&] { status.Update(session.RunInto(feeds[next++ % feeds.size()], fetches, &results)); },
      flags.seconds);
  SLUICE_RETURN_IF_ERROR(status);
  PrintJson("sluice", workload, flags.threads, kBatch, times);
  return absl::OkStatus();
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  const Flags flags = ParseFlags(argc, argv);
  absl::Status status = Run("fashion_train", flags, BuildFashion);
  status.Update(Run("lenet_train", flags, BuildLenet));
  if (!status.ok()) LOG(ERROR) << status;
  return status.ok() ? 0 : 1;
}
