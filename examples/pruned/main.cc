// A network learns Fashion-MNIST, loses four fifths of its weights while it learns on (Zhu and
// Gupta, 2017), and goes to a file of a quarter of the size, which is read back and tested.
//   bazel run //examples/pruned -- --steps=600 --out=/tmp/pruned
#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "examples/fashion_mnist/evaluate.h"
#include "examples/fashion_mnist/setup.h"
#include "sluice.h"

ABSL_FLAG(int, steps, 600, "training steps with all weights, and again while pruning");
ABSL_FLAG(int, batch, 64, "images a step");
ABSL_FLAG(int, seed, 1, "of the initial weights and of the order of the images");
ABSL_FLAG(double, sparsity, 0.8, "the share of weights that goes");
ABSL_FLAG(std::string, out, "pruned", "where dense.pb and sparse.pb go");
ABSL_FLAG(std::string, data, "/usr/share/datasets/fashion-mnist", "folder of the four IDX files");

using namespace sluice;
using namespace sluice::examples;

namespace {

// Logits [batch, 10] of images [batch, 28, 28, 1]. Every weight has a mask.
Output Network(Scope s, Output images) {
  Output x = layers::MaskedConv2D(s, images, {.num_outputs = 16, .kernel_size = 5});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::MaskedConv2D(s, x, {.num_outputs = 32, .kernel_size = 3});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::MaskedFullyConnected(s, layers::Flatten(s, x), {.num_outputs = 128});
  return layers::MaskedFullyConnected(s, x, {.num_outputs = 10, .activation_fn = {}});
}

struct Model {
  Output images, labels, probabilities, loss, train_op, prune_op, init;
};

Model Build(Scope root, int64_t steps, double sparsity) {
  Model m;
  m.images = ops::Placeholder(root.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  m.labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});
  Output logits = Network(root.VariableScope("net"), m.images);
  m.probabilities = ops::Softmax(root.Named("probabilities"), logits);
  m.loss = losses::SparseSoftmaxCrossEntropy(root, m.labels, logits);
  Variable step = train::CreateGlobalStep(root);
  m.train_op = train::Adam({.learning_rate = 1e-3f}).Minimize(root, m.loss, {.global_step = step});
  // Sparsity grows from 0 during the first three quarters of the second half, fast at first; the
  // weights that are left then have the last quarter to settle.
  pruning::Pruning pruning(root, {.begin_pruning_step = steps,
                                  .pruning_frequency = 10,
                                  .target_sparsity = sparsity,
                                  .sparsity_function_begin_step = steps,
                                  .sparsity_function_end_step = steps + steps * 3 / 4});
  m.prune_op = pruning.AfterTraining(root, m.train_op);
  m.init = GlobalVariablesInitializer(root);
  return m;
}

// Steps [first, last): `target` is what to run.
absl::Status Train(Session& session, const Model& m, const Output& target, int64_t first,
                   int64_t last, train::ShuffledBatches& batches) {
  for (int64_t step = first; step < last; ++step) {
    SLUICE_ASSIGN_OR_RETURN(const train::Batch batch, batches.At(step));
    SLUICE_ASSIGN_OR_RETURN(
        const std::vector<Tensor> results,
        session.Run({{m.images, batch.images}, {m.labels, batch.labels}}, {m.loss, target}));
    if ((step + 1) % 100 == 0)
      std::printf("step %d  loss %.3f\n", static_cast<int>(step + 1), results[0].scalar<float>());
  }
  return absl::OkStatus();
}

// The accuracy of a graph from a file.
absl::StatusOr<double> TestFile(const std::string& bytes, const train::ImageSet& test_set) {
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(train::ImportFrozen(bytes, &graph));
  SLUICE_ASSIGN_OR_RETURN(const Output images, graph.FindTensor("images:0"));
  SLUICE_ASSIGN_OR_RETURN(const Output probabilities, graph.FindTensor("probabilities:0"));
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_ASSIGN_OR_RETURN(const Evaluation test,
                          Evaluate(session, images, probabilities, test_set));
  return test.accuracy;
}

absl::Status TrainPruneAndStrip() {
  const std::string data = absl::GetFlag(FLAGS_data), out = absl::GetFlag(FLAGS_out);
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet train_set, ReadImages(data, "train"));
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet test_set, ReadImages(data, "t10k"));
  SLUICE_ASSIGN_OR_RETURN(auto batches,
                          train::ShuffledBatches::Create(train_set, absl::GetFlag(FLAGS_batch),
                                                         absl::GetFlag(FLAGS_seed)));
  const int64_t steps = absl::GetFlag(FLAGS_steps);
  Graph graph(ops::Builtin());
  graph.SetSeed(absl::GetFlag(FLAGS_seed));
  const Model m = Build(Scope::Root(graph), steps, absl::GetFlag(FLAGS_sparsity));
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(m.init));

  SLUICE_RETURN_IF_ERROR(Train(session, m, m.train_op, 0, steps, batches));
  SLUICE_ASSIGN_OR_RETURN(const std::string dense,
                          pruning::StripToBytes(session, {m.probabilities}));
  SLUICE_RETURN_IF_ERROR(Train(session, m, m.prune_op, steps, 2 * steps, batches));
  SLUICE_ASSIGN_OR_RETURN(const std::string sparse,
                          pruning::StripToBytes(session, {m.probabilities},
                                                {.sparse_storage = true, .remove_filters = true}));
  SLUICE_ASSIGN_OR_RETURN(const auto report, pruning::SparsityReport(session));
  std::printf("%s", pruning::SparsityTable(report).c_str());

  FileSystem& files = FileSystem::Default();
  SLUICE_RETURN_IF_ERROR(files.CreateDirectories(out));
  SLUICE_RETURN_IF_ERROR(files.ReplaceAtomically(JoinPath(out, "dense.pb"), dense));
  SLUICE_RETURN_IF_ERROR(files.ReplaceAtomically(JoinPath(out, "sparse.pb"), sparse));
  SLUICE_ASSIGN_OR_RETURN(const double dense_accuracy, TestFile(dense, test_set));
  SLUICE_ASSIGN_OR_RETURN(const double sparse_accuracy, TestFile(sparse, test_set));
  std::printf("dense accuracy %.4f\nsparse accuracy %.4f\n", dense_accuracy, sparse_accuracy);
  std::printf("%s %zu bytes, %s %zu bytes\nsize ratio %.3f\n", JoinPath(out, "dense.pb").c_str(),
              dense.size(), JoinPath(out, "sparse.pb").c_str(), sparse.size(),
              static_cast<double>(sparse.size()) / static_cast<double>(dense.size()));
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Trains a network on Fashion-MNIST and prunes it.");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = TrainPruneAndStrip();
  if (status.ok()) return 0;
  std::fprintf(stderr, "pruned: %s\n", std::string(status.message()).c_str());
  return 1;
}
