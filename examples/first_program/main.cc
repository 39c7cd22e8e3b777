// Learns the exclusive or: two layers, Adam, 500 steps.
#include <iostream>

#include "sluice.h"
using namespace sluice;

absl::Status Learn() {
  Graph graph(ops::Builtin());
  graph.SetSeed(1);
  Scope root = Scope::Root(graph);
  Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 2});
  Output y = ops::Placeholder(root.Named("y"), DType::kFloat, {-1, 1});

  Scope net = root.VariableScope("net");
  Output hidden = layers::Dense(net, x, {.units = 8, .activation = ops::Tanh, .name = "hidden"});
  Output guess =
      layers::Dense(net, hidden, {.units = 1, .activation = ops::Sigmoid, .name = "out"});
  Output loss = losses::MeanSquaredError(root, y, guess);
  Output train_op = train::Adam({.learning_rate = 0.05f}).Minimize(root, loss);
  for (const Variable& v : graph.TrainableVariables()) std::cout << v.name() << "\n";

  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(GlobalVariablesInitializer(root)));
  Feeds xor_table = {{x, Tensor::Of<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1})},
                     {y, Tensor::Of<float>({4, 1}, {0, 1, 1, 0})}};
  for (int step = 0; step < 500; ++step) {
    SLUICE_RETURN_IF_ERROR(session.Run(xor_table, {train_op}).status());
  }
  SLUICE_ASSIGN_OR_RETURN(auto out, session.Run(xor_table, {guess}));
  for (float p : out[0].flat<float>()) std::cout << (p > 0.5f ? 1 : 0) << " ";
  std::cout << "\n";
  return absl::OkStatus();
}

int main() {
  const absl::Status status = Learn();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
