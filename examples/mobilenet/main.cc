// A network of depthwise separable convolutions in the way of MobileNet (Howard et al., 2017)
// learns Fashion-MNIST: batch normalization, whose moving averages a second tower reads, global
// pooling.
//   bazel run //examples/mobilenet -- --steps=1000
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

Output NormAndRelu(Scope s, Output x, Training training) {
  x = layers::BatchNormalization(s, x, {.momentum = 0.9, .training = training});
  return ops::Relu(s, x);
}

// MobileNet's block: a 3x3 filter per channel, then a 1x1 convolution that mixes the channels, each
// with batch normalization and ReLU.
Output Block(Scope s, Output x, int64_t filters, int64_t stride, Training training) {
  x = layers::DepthwiseConv2D(
      s, x, {.kernel_size = 3, .strides = stride, .padding = Padding::kSame, .use_bias = false});
  x = NormAndRelu(s, x, training);
  x = layers::Conv2D(s, x, {.filters = filters, .kernel_size = 1, .use_bias = false});
  return NormAndRelu(s, x, training);
}

// Logits [batch, 10] of images [batch, 28, 28, 1].
Output MobileNet(Scope s, Output images, Training training) {
  Output x = layers::Conv2D(s, images,
                            {.filters = 16,
                             .kernel_size = 3,
                             .strides = 2,
                             .padding = Padding::kSame,
                             .use_bias = false});
  x = NormAndRelu(s, x, training);
  x = Block(s.VariableScope("block1"), x, 32, 1, training);  // 14x14
  x = Block(s.VariableScope("block2"), x, 64, 2, training);  // 7x7
  x = Block(s.VariableScope("block3"), x, 64, 1, training);
  x = Block(s.VariableScope("block4"), x, 128, 2, training);  // 4x4
  x = layers::GlobalAveragePooling2D(s, x);
  return layers::Dense(s, x, {.units = 10, .name = "logits"});
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
  Scope net = root.VariableScope("net");
  Output logits = MobileNet(net, images, true);
  // The same variables once more, with the moving averages instead of the batch's moments.
  Output probabilities = ops::Softmax(root, MobileNet(net.WithReuse(), images, false));
  Output loss = losses::SparseSoftmaxCrossEntropy(root, labels, logits);
  // Minimize also runs the updates of the moving averages.
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
  absl::SetProgramUsageMessage("Trains a MobileNet-style network on Fashion-MNIST.");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = TrainAndTest();
  if (status.ok()) return 0;
  std::fprintf(stderr, "mobilenet: %s\n", std::string(status.message()).c_str());
  return 1;
}
