// From training to serving: fits y = 0.5 x + 2, writes a SavedModel, loads it as a server would,
// which knows nothing but the directory, and asks it.
//   bazel run //examples/serving -- --out=/tmp/half_plus_two
//   bazel-bin/tools/sluice inspect /tmp/half_plus_two
#include <cstdio>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "sluice.h"

ABSL_FLAG(std::string, out, "", "directory for the model: a new or an empty one");
ABSL_FLAG(int, steps, 500, "training steps");

using namespace sluice;

namespace {

// The trainer's side: a graph with all that training needs.
absl::Status TrainAndSave(const std::string& directory, int steps) {
  Graph graph(ops::Builtin());
  graph.SetSeed(1);
  Scope root = Scope::Root(graph);
  Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 1});
  Output wanted = ops::Placeholder(root.Named("wanted"), DType::kFloat, {-1, 1});
  Output y = layers::Dense(root, x, {.units = 1, .name = "line"});
  Output loss = losses::MeanSquaredError(root, wanted, y);
  Output train_op = train::GradientDescent({.learning_rate = 0.1f}).Minimize(root, loss);

  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(GlobalVariablesInitializer(root)));
  const Feeds data = {{x, Tensor::Of<float>({4, 1}, {-1, 0, 1, 2})},
                      {wanted, Tensor::Of<float>({4, 1}, {1.5, 2, 2.5, 3})}};
  for (int step = 0; step < steps; ++step) {
    SLUICE_RETURN_IF_ERROR(session.Run(data, {train_op}).status());
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string file,
                          SimpleSave(session, directory, {{"x", x}}, {{"y", y}}));
  std::printf("wrote %s\n", file.c_str());
  return absl::OkStatus();
}

// The server's side.
absl::Status LoadAndAsk(const std::string& directory) {
  SLUICE_ASSIGN_OR_RETURN(SavedModel model, SavedModel::Load(directory, {"serve"}));
  for (const auto& [key, signature] : model.signatures()) {
    std::printf("signature %s:", key.c_str());
    for (const auto& [name, tensor] : signature.inputs) std::printf(" %s", name.c_str());
    std::printf(" ->");
    for (const auto& [name, tensor] : signature.outputs) std::printf(" %s", name.c_str());
    std::printf("\n");
  }
  const Tensor asked = Tensor::Of<float>({2, 1}, {3, 10});
  SLUICE_ASSIGN_OR_RETURN(const KeyedTensors answer, model.Run("serving_default", {{"x", asked}}));
  const auto y = answer.at("y").flat<float>();
  std::printf("y(3) = %.3f\ny(10) = %.3f\n", static_cast<double>(y[0]), static_cast<double>(y[1]));
  return absl::OkStatus();
}

absl::Status Main() {
  const std::string directory = absl::GetFlag(FLAGS_out);
  if (directory.empty()) return absl::InvalidArgumentError("--out=DIRECTORY is missing");
  SLUICE_RETURN_IF_ERROR(TrainAndSave(directory, absl::GetFlag(FLAGS_steps)));
  return LoadAndAsk(directory);
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("trains a line, writes it as a SavedModel, loads it and runs it");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = Main();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
