// A graph imported from a .meta file continues training: the program that built it is gone, and the
// numbers are those of a run without a break, bit for bit.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/node.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

constexpr int64_t kBatch = 8, kInputs = 6;
constexpr int kSteps = 23;

// A batch is a function of the step.
Tensor Inputs(int step) {
  Tensor x = Tensor::Zeros(DType::kFloat, {kBatch, kInputs});
  uint32_t state = 977 + static_cast<uint32_t>(step);
  for (float& value : x.mutable_flat<float>()) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / (1 << 24) - 0.5f;
  }
  return x;
}

// What is called: everything by name or collection, as one must who has only the file.
class Trial {
 public:
  explicit Trial(const Graph& graph) : graph_(graph), session_(*Session::Create(graph)) {}

  float RunTo(int last) {
    const Output x = graph_.FindTensor("x:0").value(), loss = graph_.FindTensor("loss:0").value();
    const Outputs train = graph_.TrainOps();
    EXPECT_EQ(train.size(), 1u);
    float value = 0;
    for (int step = GlobalStep(); step < last; ++step) {
      const auto results = session_.Run({{x, Inputs(step)}}, {loss, train[0]});
      EXPECT_THAT(results, IsOk());
      if (!results.ok()) return value;
      value = (*results)[0].scalar<float>();
    }
    return value;
  }
  int GlobalStep() {
    const auto value = session_.Run({}, {graph_.Variables(keys::kGlobalStep)[0].value()});
    EXPECT_THAT(value, IsOk());
    return value.ok() ? static_cast<int>((*value)[0].scalar<int64_t>()) : 1 << 20;
  }
  std::map<std::string, Tensor> Variables() {
    std::map<std::string, Tensor> named;
    for (const Variable& v : graph_.GlobalVariables()) {
      named[v.op_name()] = session_.Run({}, {v.value()}).value()[0];
    }
    return named;
  }
  Session& session() { return session_; }

 private:
  const Graph& graph_;
  Session session_;
};

struct Program {
  explicit Program(bool resource, bool sharded) {
    graph.SetSeed(11);
    Scope root = Scope::Root(graph);
    if (!resource) root = root.With({.use_resource = false});
    Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, kInputs});
    Output h = layers::Dense(sharded ? root.Device("/cpu:0") : root, x,
                             {.units = 5, .activation = ops::Relu});
    h = layers::Dropout(root, h, {.rate = 0.3f, .training = true});
    h = layers::Dense(sharded ? root.Device("/gpu:0") : root, h, {.units = 3});
    const Output loss = ops::L2Loss(root.Named("loss"), h);
    const Variable step = train::CreateGlobalStep(root);
    train::Adam({.learning_rate = 0.05f}).Minimize(root, loss, {.global_step = step});
    init = GlobalVariablesInitializer(root);
    saver = std::make_unique<train::Saver>(graph, train::SaverOptions{.sharded = sharded});
    EXPECT_THAT(graph.status(), IsOk());
  }
  Graph graph{ops::Builtin()};
  Output init;
  std::unique_ptr<train::Saver> saver;
};

class MetaResumeTest : public ::testing::TestWithParam<std::pair<bool, bool>> {
 protected:
  MetaResumeTest() : folder_(std::filesystem::path(::testing::TempDir()) / "sluice_meta_resume") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~MetaResumeTest() override { std::filesystem::remove_all(folder_); }
  const std::filesystem::path folder_;
};

TEST_P(MetaResumeTest, TheSameBitsAsWithoutABreak) {  // MG-2
  const auto [resource, sharded] = GetParam();
  std::map<std::string, Tensor> want;
  float want_loss = 0;
  {
    Program program(resource, sharded);
    Trial straight(program.graph);
    ASSERT_THAT(straight.session().Run(program.init), IsOk());
    want_loss = straight.RunTo(2 * kSteps);
    want = straight.Variables();
  }
  ASSERT_EQ(want.size(), 4 * 3 + 3u) << "4 weights with two slots each, two powers, the step";
  {
    Program program(resource, sharded);
    Trial first(program.graph);
    ASSERT_THAT(first.session().Run(program.init), IsOk());
    first.RunTo(kSteps);
    ASSERT_THAT(program.saver->Save(first.session(), (folder_ / "model").string(), kSteps), IsOk());
  }
  const std::string prefix = train::LatestCheckpoint(folder_.string()).value();
  Graph graph(ops::Builtin());
  const auto saver = train::ImportMetaGraphFile(prefix + ".meta", &graph);
  ASSERT_THAT(saver, IsOk());
  ASSERT_NE(*saver, nullptr);
  Trial second(graph);
  ASSERT_THAT((*saver)->Restore(second.session(), prefix), IsOk());
  EXPECT_EQ(second.GlobalStep(), kSteps);
  EXPECT_EQ(second.RunTo(2 * kSteps), want_loss);
  const auto got = second.Variables();
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, value] : want) EXPECT_TRUE(BitEqual(got.at(name), value)) << name;

  // And the imported saver saves: a third program goes on from there.
  const auto again = (*saver)->Save(second.session(), (folder_ / "again").string(), 2 * kSteps);
  ASSERT_THAT(again, IsOk());
  const auto checkpoint = train::CheckpointReader::Open(*again);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->num_files() > 1, sharded);
  Graph third(ops::Builtin());
  const auto third_saver = train::ImportMetaGraphFile(*again + ".meta", &third);
  ASSERT_THAT(third_saver, IsOk());
  Trial last(third);
  ASSERT_THAT((*third_saver)->RestoreLatest(last.session(), folder_.string()), IsOk());
  for (const auto& [name, value] : last.Variables()) {
    EXPECT_TRUE(BitEqual(want.at(name), value)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, MetaResumeTest,
                         ::testing::Values(std::pair(true, false), std::pair(false, false),
                                           std::pair(true, true)));

}  // namespace
}  // namespace sluice
