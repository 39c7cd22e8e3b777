// A network with a locally connected layer, whose filters are not shared between the places of the
// image, learns Fashion-MNIST.
//   bazel run //examples/locally_connected -- --steps=1000
#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "examples/fashion_mnist/evaluate.h"
#include "examples/fashion_mnist/setup.h"
#include "sluice.h"

ABSL_FLAG(int, steps, 1000, "training steps");
ABSL_FLAG(int, batch, 64, "images a step");
ABSL_FLAG(int, seed, 1, "of the initial weights and of the order of the images");
ABSL_FLAG(std::string, data, "/usr/share/datasets/fashion-mnist", "folder of the four IDX files");

using namespace sluice;
using namespace sluice::examples;

namespace {

// Logits [batch, 10] of images [batch, 28, 28, 1]: edges that are the same everywhere, then filters
// that are each place's own, as collars and soles lie always in the same place.
Output Network(Scope s, Output images) {
  Output x = layers::Conv2D(s, images,
                            {.filters = 8,
                             .kernel_size = 3,
                             .strides = 2,
                             .padding = Padding::kSame,
                             .activation = ops::Relu,
                             .name = "edges"});  // 14x14
  x = layers::LocallyConnected2D(s, x,
                                 {.filters = 16,
                                  .kernel_size = 3,
                                  .activation = ops::Relu,
                                  .name = "places"});  // 12x12, 144 x 72 x 16 weights
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  return layers::Dense(s, layers::Flatten(s, x), {.units = 10, .name = "logits"});
}

absl::Status TrainAndTest() {
  const std::string data = absl::GetFlag(FLAGS_data);
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet train_set, ReadImages(data, "train"));
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet test_set, ReadImages(data, "t10k"));
  SLUICE_ASSIGN_OR_RETURN(auto batches,
                          train::ShuffledBatches::Create(train_set, absl::GetFlag(FLAGS_batch),
                                                         absl::GetFlag(FLAGS_seed)));

  Graph graph(ops::Builtin());
  graph.SetSeed(absl::GetFlag(FLAGS_seed));
  Scope root = Scope::Root(graph);
  Output images = ops::Placeholder(root.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  Output labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});
  Output logits = Network(root.VariableScope("net"), images);
  Output probabilities = ops::Softmax(root, logits);
  Output loss = losses::SparseSoftmaxCrossEntropy(root, labels, logits);
  Output train_op = train::Adam({.learning_rate = 3e-3f}).Minimize(root, loss);

  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(GlobalVariablesInitializer(root)));
  PrintVariables(graph);
  for (int step = 0; step < absl::GetFlag(FLAGS_steps); ++step) {
    SLUICE_ASSIGN_OR_RETURN(const train::Batch batch, batches.At(step));
    SLUICE_ASSIGN_OR_RETURN(
        const std::vector<Tensor> results,
        session.Run({{images, batch.images}, {labels, batch.labels}}, {loss, train_op}));
    if ((step + 1) % 100 == 0)
      std::printf("step %d  loss %.3f\n", step + 1, results[0].scalar<float>());
  }
  SLUICE_ASSIGN_OR_RETURN(const Evaluation test,
                          Evaluate(session, images, probabilities, test_set));
  std::printf("test accuracy %.4f\n", test.accuracy);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Trains a locally connected network on Fashion-MNIST.");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = TrainAndTest();
  if (status.ok()) return 0;
  std::fprintf(stderr, "locally_connected: %s\n", std::string(status.message()).c_str());
  return 1;
}
