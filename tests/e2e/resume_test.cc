// Training that stops, is saved and goes on in a new session ends in the same bits as training that
// never stopped: variables, the optimizer's slots, the random numbers of dropout and the order of
// the images.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

constexpr int64_t kBatch = 16, kImages = 100, kSize = 8;
constexpr int64_t kSteps = 137;  // not a multiple of the 6 steps of an epoch

// Seeded noise of bytes; the label is the brightest quarter of the image.
train::ImageSet MakeImages() {
  train::ImageSet set{Tensor::Zeros(DType::kUint8, {kImages, kSize, kSize}),
                      Tensor::Zeros(DType::kUint8, {kImages})};
  uint32_t state = 12345;
  for (int64_t n = 0; n < kImages; ++n) {
    int64_t quarters[4] = {};
    for (int64_t i = 0; i < kSize * kSize; ++i) {
      state = state * 1664525 + 1013904223;
      const uint8_t pixel = static_cast<uint8_t>(state >> 24);
      set.images.mutable_flat<uint8_t>()[n * kSize * kSize + i] = pixel;
      quarters[i / kSize / (kSize / 2) * 2 + i % kSize / (kSize / 2)] += pixel;
    }
    set.labels.mutable_flat<uint8_t>()[n] =
        static_cast<uint8_t>(std::max_element(quarters, quarters + 4) - quarters);
  }
  return set;
}

using Values = std::map<std::string, Tensor>;

// A graph and a session of its own: convolution, pooling, dropout and a dense layer under Adam.
class Training {
 public:
  explicit Training(uint64_t seed) : images_(MakeImages()) {
    graph_.SetSeed(static_cast<int64_t>(seed));
    Scope root = Scope::Root(graph_);
    input_ = ops::Placeholder(root, DType::kFloat, {-1, kSize, kSize, 1});
    labels_ = ops::Placeholder(root, DType::kInt64, {-1});
    Output x =
        layers::Conv2D(root, input_, {.filters = 4, .kernel_size = 3, .activation = ops::Relu});
    x = layers::MaxPooling2D(root, x, {.pool_size = 2, .strides = 2});
    x = layers::Dropout(root, layers::Flatten(root, x), {.rate = 0.4f, .training = true});
    x = layers::Dense(root, x, {.units = 4});
    loss_ = losses::SparseSoftmaxCrossEntropy(root, labels_, x);
    step_ = train::CreateGlobalStep(root);
    train_ = train::Adam({.learning_rate = 1e-2f}).Minimize(root, loss_, {.global_step = step_});
    init_ = GlobalVariablesInitializer(root);
    saver_ = std::make_unique<train::Saver>(graph_);
    batches_.emplace(train::ShuffledBatches::Create(images_, kBatch, seed).value());
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    session_.emplace(*std::move(session));
  }

  void Initialize() { ASSERT_THAT(session_->Run(init_), IsOk()); }

  // Trains up to step `last`, from where the global step is; returns the last loss.
  float RunTo(int64_t last) {
    float loss = 0;
    for (int64_t step = GlobalStep(); step < last; ++step) {
      const absl::StatusOr<train::Batch> batch = batches_->At(step);
      EXPECT_THAT(batch, IsOk());
      const auto results =
          session_->Run({{input_, batch->images}, {labels_, batch->labels}}, {loss_, train_});
      EXPECT_THAT(results, IsOk());
      if (!results.ok()) return loss;
      loss = (*results)[0].scalar<float>();
    }
    return loss;
  }

  int64_t GlobalStep() {
    const auto value = session_->Run({}, {step_});
    EXPECT_THAT(value, IsOk());
    return value.ok() ? (*value)[0].scalar<int64_t>() : 0;
  }

  // Every variable: weights, slots, powers of Adam's betas, the step.
  Values Variables() {
    Outputs fetches;
    for (const Variable& v : graph_.GlobalVariables()) fetches.push_back(v);
    const auto values = session_->Run({}, fetches);
    EXPECT_THAT(values, IsOk());
    Values named;
    for (size_t i = 0; values.ok() && i < fetches.size(); ++i) {
      named[graph_.GlobalVariables()[i].op_name()] = (*values)[i];
    }
    return named;
  }

  Session& session() { return *session_; }
  train::Saver& saver() { return *saver_; }

 private:
  const train::ImageSet images_;
  Graph graph_{ops::Builtin()};
  Output input_, labels_, loss_, train_, init_;
  Variable step_;
  std::unique_ptr<train::Saver> saver_;
  std::optional<train::ShuffledBatches> batches_;
  std::optional<Session> session_;
};

void ExpectSameBits(const Values& got, const Values& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, value] : want) {
    ASSERT_TRUE(got.count(name)) << name;
    EXPECT_TRUE(BitEqual(got.at(name), value))
        << name << ": " << got.at(name).DebugString() << " is not " << value.DebugString();
  }
}

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() : folder_(std::filesystem::path(::testing::TempDir()) / "sluice_resume_test") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ResumeTest() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_;
};

TEST_F(ResumeTest, StopSaveRestoreGoOnEqualsNeverStopped) {
  Training straight(7);
  straight.Initialize();
  straight.RunTo(2 * kSteps);
  const Values want = straight.Variables();
  ASSERT_GE(want.size(), 4 * 3 + 3u) << "4 weights with two slots each, two powers, the step";

  {
    Training first(7);
    first.Initialize();
    first.RunTo(kSteps);
    ASSERT_THAT(first.saver().Save(first.session(), (folder_ / "model").string(), kSteps), IsOk());
  }
  Training second(7);  // nothing is initialized: all comes from the checkpoint
  const auto checkpoint = second.saver().RestoreLatest(second.session(), folder_.string());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(second.GlobalStep(), kSteps);
  second.RunTo(2 * kSteps);
  ExpectSameBits(second.Variables(), want);
}

TEST_F(ResumeTest, SavingDoesNotDisturbTraining) {
  Training quiet(3), saving(3);
  quiet.Initialize();
  quiet.RunTo(20);
  saving.Initialize();
  for (int64_t step = 1; step <= 20; ++step) {
    saving.RunTo(step);
    ASSERT_THAT(saving.saver().Save(saving.session(), (folder_ / "model").string(), step), IsOk());
  }
  ExpectSameBits(saving.Variables(), quiet.Variables());
}

TEST_F(ResumeTest, TheSameSeedTwiceIsTheSame) {
  Training a(5), b(5);
  a.Initialize();
  b.Initialize();
  EXPECT_EQ(a.RunTo(kSteps), b.RunTo(kSteps));
  ExpectSameBits(a.Variables(), b.Variables());
}

// Else the tests above would say nothing about random numbers.
TEST_F(ResumeTest, AnotherSeedOrAnotherDropoutIsNotTheSame) {
  Training a(5), b(6), c(5);
  a.Initialize();
  b.Initialize();
  c.Initialize();
  ASSERT_EQ(a.session().random_run(), c.session().random_run());
  a.RunTo(3);
  b.RunTo(3);
  c.session().set_random_run(c.session().random_run() + 1);
  c.RunTo(3);
  const Values want = a.Variables();
  EXPECT_FALSE(BitEqual(b.Variables().at("dense/kernel"), want.at("dense/kernel")));
  EXPECT_FALSE(BitEqual(c.Variables().at("dense/kernel"), want.at("dense/kernel")));
}

}  // namespace
}  // namespace sluice
