// A convolutional network learns to tell pictures of clothes apart (Fashion-MNIST): graph,
// variables in scopes, training, checkpoints, summaries.
//   bazel run -c opt //examples/fashion_mnist -- --epochs=5 --out=/tmp/run
#include <cmath>
#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "examples/fashion_mnist/evaluate.h"
#include "examples/fashion_mnist/history.h"
#include "examples/fashion_mnist/network.h"
#include "examples/fashion_mnist/progress.h"
#include "examples/fashion_mnist/report.h"
#include "examples/fashion_mnist/setup.h"
#include "glog/logging.h"
#include "sluice.h"

ABSL_FLAG(int, epochs, 5, "passes over the 60,000 training images");
ABSL_FLAG(int, batch, 64, "images a step");
ABSL_FLAG(int, seed, 1, "of the initial weights, the order of the images and dropout");
ABSL_FLAG(std::string, out, "run", "where checkpoints, graph, event files and the report go");
ABSL_FLAG(bool, resume, false, "go on from the newest checkpoint in --out");
ABSL_FLAG(std::string, data, "/usr/share/datasets/fashion-mnist", "folder of the four IDX files");

using namespace sluice;
using namespace sluice::examples;

namespace {

// The handles that the training loop needs.
struct Model {
  Output images, labels, loss, accuracy, train_op, summaries, test_probabilities, init;
  Variable step;
};

Model Build(Graph& graph, int64_t steps) {
  Scope root = Scope::Root(graph);
  Model m;
  m.images = ops::Placeholder(root.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  m.labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});

  Scope net = root.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
  Output logits = Classifier(net, m.images, ops::Const(root, true));
  Output test_logits = Classifier(net.WithReuse(), m.images,
                                  ops::Const(root, false));  // the same variables, a second tower
  m.test_probabilities = ops::Softmax(root.Named("probabilities"), test_logits);

  m.loss =
      losses::SparseSoftmaxCrossEntropy(root, m.labels, logits) + losses::RegularizationLoss(root);
  m.accuracy = ops::Mean(
      root.Named("accuracy"),
      ops::Cast(root, ops::Equal(root, ops::ArgMax(root, logits, 1), m.labels), DType::kFloat),
      {0});
  m.step = train::CreateGlobalStep(root);
  // The learning rate falls linearly to 0 at the last step.
  Output rate = 3e-3 * (1.0 - ops::Cast(root, m.step, DType::kFloat) / static_cast<double>(steps));
  m.train_op = train::Adam({.learning_rate = rate}).Minimize(root, m.loss, {.global_step = m.step});

  Outputs summaries = {ops::ScalarSummary(root, "loss", m.loss),
                       ops::ScalarSummary(root, "accuracy", m.accuracy)};
  for (const Variable& v : graph.TrainableVariables())
    summaries.push_back(ops::HistogramSummary(root, v.op_name(), v));
  m.summaries = ops::MergeSummary(root, summaries);
  m.init = GlobalVariablesInitializer(root);
  return m;
}

// Everything that lasts through a run.
struct Training {
  Model model;
  Session& session;
  train::Saver& saver;
  EventFileWriter& events;
  History history;
  const std::string out;

  absl::Status Save(int64_t step) {
    SLUICE_RETURN_IF_ERROR(saver.Save(session, JoinPath(out, "model"), step).status());
    SLUICE_RETURN_IF_ERROR(history.Save(JoinPath(out, "history.tsv")));
    return events.Flush();
  }

  // One step on one batch; every 50th also writes summaries.
  absl::Status Step(int64_t step, const train::Batch& batch, Progress& progress) {
    Outputs fetches = {model.loss, model.accuracy, model.train_op};
    if (step % 50 == 0) fetches.push_back(model.summaries);
    SLUICE_ASSIGN_OR_RETURN(
        const std::vector<Tensor> results,
        session.Run({{model.images, batch.images}, {model.labels, batch.labels}}, fetches));
    const float loss = results[0].scalar<float>(), accuracy = results[1].scalar<float>();
    if (!std::isfinite(loss))
      return absl::OutOfRangeError(
          absl::StrCat("the loss is ", loss, " at step ", step,
                       "; the last checkpoint is kept: ", saver.last_checkpoint()));
    if (results.size() > 3)
      SLUICE_RETURN_IF_ERROR(events.AddSummary(results[3].scalar<std::string>(), step));
    history.loss.push_back({step, loss});
    history.accuracy.push_back({step, accuracy});
    progress.Step(step, loss, accuracy);
    return absl::OkStatus();
  }
};

absl::Status TrainAndReport() {
  const std::string out = absl::GetFlag(FLAGS_out);
  if (absl::GetFlag(FLAGS_epochs) < 1) return absl::InvalidArgumentError("--epochs must be >= 1");
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet train_set,
                          ReadImages(absl::GetFlag(FLAGS_data), "train"));
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet test_set,
                          ReadImages(absl::GetFlag(FLAGS_data), "t10k"));
  SLUICE_ASSIGN_OR_RETURN(auto batches,
                          train::ShuffledBatches::Create(train_set, absl::GetFlag(FLAGS_batch),
                                                         absl::GetFlag(FLAGS_seed)));

  Graph graph(ops::Builtin());
  graph.SetSeed(absl::GetFlag(FLAGS_seed));
  const int64_t epoch_steps = batches.steps_per_epoch(),
                last_step = epoch_steps * absl::GetFlag(FLAGS_epochs);
  const Model model = Build(graph, last_step);
  train::Saver saver(graph);
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(model.init));
  PrintVariables(graph);

  int64_t step = 0;
  if (absl::GetFlag(FLAGS_resume)) {
    SLUICE_ASSIGN_OR_RETURN(const std::string checkpoint, saver.RestoreLatest(session, out));
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> value, session.Run({}, {model.step}));
    step = value[0].scalar<int64_t>();
    std::printf("resumed from %s\n", checkpoint.c_str());
  }
  SLUICE_ASSIGN_OR_RETURN(auto events, EventFileWriter::Create(FileSystem::Default(), out));
  SLUICE_ASSIGN_OR_RETURN(const std::string graph_def, SerializeGraphDef(graph));
  SLUICE_RETURN_IF_ERROR(events->AddGraph(graph_def));
  SLUICE_RETURN_IF_ERROR(
      FileSystem::Default().ReplaceAtomically(JoinPath(out, "graph.pb"), graph_def));
  SLUICE_RETURN_IF_ERROR(saver.ExportMetaGraph(JoinPath(out, "graph.meta")));
  SLUICE_ASSIGN_OR_RETURN(History history, History::Load(JoinPath(out, "history.tsv"), step));

  Training training{model, session, saver, *events, std::move(history), out};
  Progress progress(step + 1, last_step, absl::GetFlag(FLAGS_batch));
  CatchInterrupts();
  while (step < last_step) {
    SLUICE_ASSIGN_OR_RETURN(const train::Batch batch, batches.At(step));
    SLUICE_RETURN_IF_ERROR(training.Step(++step, batch, progress));
    if (Interrupted()) {
      SLUICE_RETURN_IF_ERROR(training.Save(step));
      progress.Line(
          absl::StrCat("interrupted; saved ", saver.last_checkpoint(), "; go on with --resume"));
      return absl::OkStatus();
    }
    if (step % epoch_steps != 0) continue;
    SLUICE_ASSIGN_OR_RETURN(const Evaluation test,
                            Evaluate(session, model.images, model.test_probabilities, test_set));
    training.history.test_accuracy.push_back({step, static_cast<float>(test.accuracy)});
    SLUICE_RETURN_IF_ERROR(
        events->AddScalar("test_accuracy", static_cast<float>(test.accuracy), step));
    SLUICE_RETURN_IF_ERROR(training.Save(step));
    progress.Line(absl::StrFormat("epoch %d/%d  test accuracy %.4f", step / epoch_steps,
                                  absl::GetFlag(FLAGS_epochs), test.accuracy));
  }

  SLUICE_ASSIGN_OR_RETURN(const Evaluation test,
                          Evaluate(session, model.images, model.test_probabilities, test_set));
  const History& curves = training.history;
  const Report report{
      .title = "Fashion-MNIST with Sluice",
      .facts = {{"test accuracy", absl::StrFormat("%.4f", test.accuracy)},
                {"steps", absl::StrCat(step, " of ", absl::GetFlag(FLAGS_batch), " images")},
                {"seed", absl::StrCat(absl::GetFlag(FLAGS_seed))}},
      .loss = curves.loss,
      .accuracy = curves.accuracy,
      .test_accuracy = curves.test_accuracy,
      .classes = kClasses,
      .confusion = test.confusion,
      .mistakes = test.mistakes};
  SLUICE_RETURN_IF_ERROR(WriteReport(report, JoinPath(out, "report.html")));
  std::printf("test accuracy %.4f\nreport: %s\n", test.accuracy,
              JoinPath(out, "report.html").c_str());
  return events->Close();
}

}  // namespace

int main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  absl::SetProgramUsageMessage("Trains a convolutional network on Fashion-MNIST.");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = TrainAndReport();
  if (status.ok()) return 0;
  std::fprintf(stderr, "fashion_mnist: %s\n", std::string(status.message()).c_str());
  return 1;
}
