// A siamese network learns whether two pictures show the same kind of clothing (Fashion-MNIST): one
// tower, built twice with shared variables, maps pictures to points; pictures of one kind are to
// lie close together (Hadsell, Chopra and LeCun 2006).
//   bazel run -c opt //examples/siamese -- --steps=1000
#include <cstdio>
#include <random>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "examples/fashion_mnist/setup.h"
#include "sluice.h"

ABSL_FLAG(int, steps, 1000, "training steps");
ABSL_FLAG(int, batch, 64, "pairs a step");
ABSL_FLAG(int, seed, 1, "of the initial weights and of the pairs");
ABSL_FLAG(std::string, data, "/usr/share/datasets/fashion-mnist", "folder of the four IDX files");

using namespace sluice;
using namespace sluice::examples;

namespace {

// Pictures of different kinds are pushed apart until they are that far from each other.
constexpr double kMargin = 1;

// The points [batch, 16] of pictures [batch, 28, 28, 1].
Output Tower(Scope s, Output x) {
  x = layers::Conv2D(s, x,
                     {.filters = 16, .kernel_size = 5, .activation = ops::Relu, .name = "conv1"});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::Conv2D(s, x,
                     {.filters = 32, .kernel_size = 3, .activation = ops::Relu, .name = "conv2"});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::Dense(s, layers::Flatten(s, x),
                    {.units = 64, .activation = ops::Relu, .name = "hidden"});
  return layers::Dense(s, x, {.units = 16, .name = "point"});
}

// Pairs of pictures: every other one of the same kind.
struct Pairs {
  Tensor left, right;  // [n, 28, 28, 1] in [0, 1]
  Tensor same;         // [n]: 1 or 0
};

class PairMaker {
 public:
  PairMaker(const train::ImageSet& set, uint64_t seed) : set_(set), random_(seed), by_label_(10) {
    for (int64_t i = 0; i < set.size(); ++i) by_label_[set.labels.data<uint8_t>()[i]].push_back(i);
  }

  Pairs Make(int64_t n) {
    std::vector<float> left, right, same;
    for (int64_t i = 0; i < n; ++i) {
      const size_t label = random_() % 10, step = 1 + random_() % 9;
      Append(label, &left);
      Append(i % 2 == 0 ? label : (label + step) % 10, &right);
      same.push_back(i % 2 == 0 ? 1 : 0);
    }
    return {Tensor::Of<float>({n, 28, 28, 1}, left), Tensor::Of<float>({n, 28, 28, 1}, right),
            Tensor::Of<float>({n}, same)};
  }

 private:
  // Some picture of that label.
  void Append(size_t label, std::vector<float>* pixels) {
    const std::vector<int64_t>& choices = by_label_[label];
    const uint8_t* image =
        set_.images.data<uint8_t>() + choices[random_() % choices.size()] * 28 * 28;
    for (int i = 0; i < 28 * 28; ++i) pixels->push_back(static_cast<float>(image[i]) / 255);
  }

  const train::ImageSet& set_;
  std::mt19937_64 random_;
  std::vector<std::vector<int64_t>> by_label_;
};

// How many of 4000 pairs of test pictures lie on the right side of half the margin.
absl::StatusOr<double> Accuracy(Session& session, Output left, Output right, Output distance) {
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet set, ReadImages(absl::GetFlag(FLAGS_data), "t10k"));
  PairMaker maker(set, 7);
  int right_answers = 0;
  for (int round = 0; round < 8; ++round) {
    const Pairs pairs = maker.Make(500);
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                            session.Run({{left, pairs.left}, {right, pairs.right}}, {distance}));
    for (int i = 0; i < 500; ++i) {
      const bool close = results[0].data<float>()[i] < kMargin / 2;
      right_answers += close == (pairs.same.data<float>()[i] == 1);
    }
  }
  return right_answers / 4000.0;
}

absl::Status TrainAndTest() {
  SLUICE_ASSIGN_OR_RETURN(const train::ImageSet train_set,
                          ReadImages(absl::GetFlag(FLAGS_data), "train"));
  Graph graph(ops::Builtin());
  graph.SetSeed(absl::GetFlag(FLAGS_seed));
  Scope root = Scope::Root(graph);
  Output left = ops::Placeholder(root.Named("left"), DType::kFloat, {-1, 28, 28, 1});
  Output right = ops::Placeholder(root.Named("right"), DType::kFloat, {-1, 28, 28, 1});
  Output same = ops::Placeholder(root.Named("same"), DType::kFloat, {-1});

  Scope tower = root.VariableScope("tower");
  Output point = Tower(tower, left);
  Output other_point = Tower(tower.WithReuse(), right);  // the same variables
  Output squared = ops::Sum(root, ops::SquaredDifference(root, point, other_point), {1});
  Output distance = ops::Sqrt(root.Named("distance"), squared + 1e-6);  // a slope also at 0
  // The contrastive loss.
  Output apart = ops::Square(root, ops::Relu(root, kMargin - distance));
  Output loss = ops::Mean(root, same * squared + (1.0 - same) * apart, {0});
  Output train_op = train::Adam({.learning_rate = 1e-3f}).Minimize(root, loss);

  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  SLUICE_RETURN_IF_ERROR(session.Run(GlobalVariablesInitializer(root)));
  PrintVariables(graph);
  PairMaker maker(train_set, absl::GetFlag(FLAGS_seed));
  for (int step = 1; step <= absl::GetFlag(FLAGS_steps); ++step) {
    const Pairs pairs = maker.Make(absl::GetFlag(FLAGS_batch));
    SLUICE_ASSIGN_OR_RETURN(
        const std::vector<Tensor> results,
        session.Run({{left, pairs.left}, {right, pairs.right}, {same, pairs.same}},
                    {loss, train_op}));
    if (step % 100 == 0) std::printf("step %d  loss %.4f\n", step, results[0].scalar<float>());
  }
  SLUICE_ASSIGN_OR_RETURN(const double accuracy, Accuracy(session, left, right, distance));
  std::printf("test accuracy %.4f\n", accuracy);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Learns which pictures of Fashion-MNIST show the same kind.");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = TrainAndTest();
  if (status.ok()) return 0;
  std::fprintf(stderr, "siamese: %s\n", std::string(status.message()).c_str());
  return 1;
}
