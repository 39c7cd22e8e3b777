// Restoring parts of a checkpoint, under other names, with reports; checkpoints of the older
// format.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/node.h"
#include "gtest/gtest.h"
#include "io/tensor_bundle.h"
#include "ops/all_ops.h"
#include "ops/old_checkpoint.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/adam.h"
#include "train/global_step.h"
#include "train/restore_model.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Skipped = RestoreReport::Skipped;

// net/w and net/b (floats [2]) trained by Adam, a running mean that nobody trains, a global step.
class SaverRestoreTest : public ::testing::Test {
 protected:
  SaverRestoreTest() {
    EXPECT_THAT(files_.CreateDirectories("/run"), IsOk());
    w_ = Make("net/w", 1, true);
    b_ = Make("net/b", 2, true);
    mean_ = Make("net/mean", 3, false);
    step_ = CreateGlobalStep(root_);
    const Output loss = At(root_).Node("L2Loss", {w_.value() + b_.value()});
    train_ = Adam({.learning_rate = 0.1f}).Minimize(root_, loss, {.global_step = step_});
    init_ = GlobalVariablesInitializer(root_);
    saver_ = std::make_unique<Saver>(graph_, SaverOptions{.fs = &files_});
    EXPECT_THAT(graph_.status(), IsOk());
  }
  Variable Make(const char* name, float value, bool trainable) {
    return GetVariable(
        root_, name,
        {.initializer = Tensor::Of<float>({2}, {value, value}), .trainable = trainable});
  }
  Session Start(bool initialize) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (initialize) {
      EXPECT_THAT(session->Run(init_), IsOk());
    }
    return *std::move(session);
  }
  // A bundle whose tensors have the value 9.
  void Write(const std::string& prefix, const std::vector<std::string>& names,
             const TensorShape& shape = {2}) {
    auto writer = BundleWriter::Create(files_, prefix).value();
    for (const std::string& name : names) {
      const std::vector<float> nines(static_cast<size_t>(shape.num_elements()), 9.0f);
      ASSERT_THAT(writer->Add(name, Tensor::Of<float>(shape, absl::MakeSpan(nines))), IsOk());
    }
    ASSERT_THAT(writer->Finish(), IsOk());
  }
  float Get(Session& session, const Variable& v) {
    const auto values = session.Run({}, {v.value()});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0].data<float>()[0] : -1;
  }
  int64_t Step(Session& session) {
    return session.Run({}, {step_.value()}).value()[0].scalar<int64_t>();
  }

  MemoryFileSystem files_;
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  Variable w_, b_, mean_, step_;
  Output train_, init_;
  std::unique_ptr<Saver> saver_;
};

TEST_F(SaverRestoreTest, Roles) {
  const VariableRoles roles(graph_);
  const auto role = [&](const char* name) {
    return RoleName(roles.Of(graph_.FindTensor(std::string(name) + ":0").value()));
  };
  for (const char* name : {"net/w", "net/b", "net/mean"})
    EXPECT_EQ(role(name), "part of the model");
  for (const char* name : {"net/w/Adam", "net/w/Adam_1", "net/b/Adam"}) {
    EXPECT_EQ(role(name), "slot of an optimizer") << name;
  }
  EXPECT_EQ(role("beta1_power"), "number of an optimizer");
  EXPECT_EQ(role("beta2_power"), "number of an optimizer");
  EXPECT_EQ(role("global_step"), "global step");
}

// By their names alone, where no op trains.
TEST(VariableRoles, ByName) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const auto make = [&](const char* name, const Tensor& value, bool trainable) {
    return GetVariable(root, name, {.initializer = value, .trainable = trainable});
  };
  const Tensor two = Tensor::Of<float>({2}, {1, 2});
  const Variable w = make("conv/kernel", two, true);
  const Variable slot = make("opt/conv/kernel/Momentum", two, false);
  const Variable average = make("conv/kernel/ExponentialMovingAverage", two, false);
  const Variable mean = make("conv/moving_mean", two, false);
  const Variable other = make("other/kernel/Momentum", two, false);
  const Variable power = make("opt/beta1_power_1", Tensor::Scalar(0.9f), false);
  const Variable no_power = make("beta1_power", two, false);
  const Variable step = make("train/global_step", Tensor::Scalar(int64_t{3}), false);
  ASSERT_THAT(graph.status(), IsOk());
  const VariableRoles roles(graph);
  EXPECT_EQ(roles.Of(w.handle()), VariableRole::kModel);
  EXPECT_EQ(roles.Of(slot.handle()), VariableRole::kSlot);
  EXPECT_EQ(roles.Of(average.handle()), VariableRole::kSlot);
  EXPECT_EQ(roles.Of(mean.handle()), VariableRole::kModel);
  EXPECT_EQ(roles.Of(other.handle()), VariableRole::kModel);
  EXPECT_EQ(roles.Of(power.handle()), VariableRole::kHyper);
  EXPECT_EQ(roles.Of(no_power.handle()), VariableRole::kModel);
  EXPECT_EQ(roles.Of(step.handle()), VariableRole::kGlobalStep);
}

TEST_F(SaverRestoreTest, ModelOnly) {
  Write("/run/m", {"net/w", "net/b", "net/mean", "unknown"});
  Session session = Start(/*initialize=*/true);
  ASSERT_THAT(session.Run(train_), IsOk());
  session.set_random_run(17);
  const auto report = saver_->Restore(session, "/run/m", {.mode = RestoreMode::kModelOnly});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Get(session, w_), 9);
  EXPECT_EQ(Get(session, mean_), 9);
  EXPECT_EQ(Step(session), 1);  // as it was
  EXPECT_EQ(session.random_run(), 17u);
  EXPECT_EQ(report->restored.size(), 3u);
  EXPECT_THAT(report->skipped, Contains(Skipped{"net/w/Adam", "slot of an optimizer"}));
  EXPECT_THAT(report->skipped, Contains(Skipped{"global_step", "global step"}));
  EXPECT_EQ(report->skipped.size(), 7u);  // two slots of each, two powers, the step
  EXPECT_THAT(report->extra, ElementsAre("unknown"));
  EXPECT_THAT(report->initialized, IsEmpty());
}

TEST_F(SaverRestoreTest, ModelThenInitRest) {
  Write("/run/m", {"net/w", "net/b", "net/mean"});
  Session session = Start(/*initialize=*/false);
  const auto report = saver_->Restore(session, "/run/m", {.mode = RestoreMode::kModelThenInitRest});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Get(session, w_), 9);
  EXPECT_EQ(Step(session), 0);
  EXPECT_EQ(report->initialized.size(), 7u);
  ASSERT_THAT(session.Run(train_), IsOk());  // everything has a value
  EXPECT_EQ(Step(session), 1);
}

TEST_F(SaverRestoreTest, ModelThenInitRestNeedsInitializers) {
  // Not restored, and nobody knows how it begins.
  auto data = std::make_shared<Variable::Data>(mean_.data());
  data->initializer = Output();
  graph_.SetCollection(keys::kGlobalVariables, {w_, b_, Variable(std::move(data))});
  Write("/run/m", {"net/w", "net/b"});
  Session session = Start(/*initialize=*/true);
  EXPECT_THAT(saver_->Restore(session, "/run/m",
                              {.mode = RestoreMode::kModelThenInitRest, .partial = true}),
              StatusIs(StatusCode::kFailedPrecondition, "has no initializer"));
  EXPECT_EQ(Get(session, w_), 1);  // nothing changed
}

TEST_F(SaverRestoreTest, Partial) {
  Write("/run/m", {"net/w"});
  Write("/run/shape", {"net/w", "net/b"}, {3});
  Session session = Start(/*initialize=*/true);
  const auto report = saver_->Restore(session, "/run/m", {.partial = true});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Get(session, w_), 9);
  EXPECT_EQ(Get(session, b_), 2);
  EXPECT_EQ(report->restored.size(), 1u);
  EXPECT_THAT(report->skipped, Contains(Skipped{"net/b", "Key net/b not found in checkpoint"}));
  EXPECT_EQ(report->checkpoint, "/run/m");
  const auto none = saver_->Restore(session, "/run/shape", {.partial = true});
  ASSERT_THAT(none, IsOk());
  EXPECT_THAT(none->restored, IsEmpty());
  EXPECT_EQ(Get(session, w_), 9);
}

TEST_F(SaverRestoreTest, PartialDoesNotExcuseDamage) {
  Write("/run/m", {"net/w"});
  std::string data = files_.Get("/run/m.data-00000-of-00001");
  data[0] ^= 1;
  files_.Set("/run/m.data-00000-of-00001", data);
  Session session = Start(/*initialize=*/true);
  EXPECT_THAT(saver_->Restore(session, "/run/m", {.partial = true}),
              StatusIs(StatusCode::kDataLoss, "wrong checksum"));
  EXPECT_EQ(Get(session, w_), 1);
}

TEST_F(SaverRestoreTest, UnderOtherNames) {
  Write("/run/m", {"model/weights", "model/bias", "model/mean"});
  Session session = Start(/*initialize=*/true);
  RestoreOptions options{.mode = RestoreMode::kModelOnly};
  EXPECT_THAT(saver_->Restore(session, "/run/m", options),
              StatusIs(StatusCode::kNotFound, "Key net/b not found in checkpoint"));
  EXPECT_EQ(Get(session, mean_), 3);
  options.renames.table = {{"model/weights", "net/w"}};
  options.renames.regexes = {{"^model/", "net/"}, {"/bias$", "/b"}};
  const auto report = saver_->Restore(session, "/run/m", options);
  ASSERT_THAT(report, IsOk());
  for (const Variable& v : {w_, b_, mean_}) EXPECT_EQ(Get(session, v), 9) << v.op_name();
  EXPECT_THAT(report->restored, Contains(RestoreReport::Restored{"net/w", "model/weights"}));
}

TEST_F(SaverRestoreTest, AssignmentMap) {
  Write("/run/m", {"old/w", "old/b"});
  Session session = Start(/*initialize=*/true);
  const auto report = saver_->Restore(
      session, "/run/m", {.mode = RestoreMode::kModelOnly, .assignment_map = {{"old/w", "net/w"}}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Get(session, w_), 9);
  EXPECT_EQ(Get(session, b_), 2);
}

// A refusal lists everything, by scope, before anything changes.
TEST_F(SaverRestoreTest, RefusalsListTheDifferences) {
  Write("/run/m", {"model/w", "model/b", "model/mean"});
  Session session = Start(/*initialize=*/true);
  const auto refused = saver_->Restore(session, "/run/m", {.mode = RestoreMode::kModelOnly});
  for (const char* words :
       {"graph key that is missing", "missing in the checkpoint: 3 of 3", "net/ (3): b float32[2]",
        "only in the checkpoint: 3", "'model/' -> 'net/' would find 3 of the 3 missing"}) {
    EXPECT_THAT(refused, StatusIs(StatusCode::kNotFound, words));
  }
  const auto diff = saver_->Compare("/run/m");
  ASSERT_THAT(diff, IsOk());
  EXPECT_EQ(diff->missing.size(), 10u);
  EXPECT_EQ(diff->extra.size(), 3u);
}

TEST_F(SaverRestoreTest, CompareFindsNothingInItsOwn) {
  Session session = Start(/*initialize=*/true);
  ASSERT_THAT(saver_->Save(session, "/run/own"), IsOk());
  const auto diff = saver_->Compare("/run/own");
  ASSERT_THAT(diff, IsOk());
  EXPECT_TRUE(diff->equal()) << ToText(*diff);
}

// SV-6: reshape takes other shapes of as many elements.
TEST_F(SaverRestoreTest, Reshape) {
  Saver saver(graph_, {.var_list = {w_}, .reshape = true, .fs = &files_});
  Write("/run/m", {"net/w"}, {2, 1});
  Write("/run/three", {"net/w"}, {3});
  Session session = Start(/*initialize=*/true);
  ASSERT_THAT(saver.Restore(session, "/run/m"), IsOk());
  EXPECT_EQ(Get(session, w_), 9);
  EXPECT_THAT(saver.Restore(session, "/run/three"),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [2] rhs shape= [3]"));
}

// --- the older format ----------------------------------------------------------------------------

TEST_F(SaverRestoreTest, TheOlderFormat) {
  Saver saver(graph_, {.var_list = {w_, b_}, .fs = &files_});
  const Tensor w = Tensor::Of<float>({2}, {7, 8}), b = Tensor::Of<float>({2}, {5, 6});
  const std::vector<ops::OldSlice> both = {{"net/w", {2}, {{{0, -1}}}, &w},
                                           {"net/b", {2}, {{{0, -1}}}, &b}};
  ASSERT_THAT(ops::WriteOldCheckpoint(files_, "/run/old", both), IsOk());
  Session session = Start(/*initialize=*/true);
  ASSERT_THAT(saver.Restore(session, "/run/old"), IsOk());
  EXPECT_EQ(Get(session, w_), 7);
  EXPECT_EQ(Get(session, b_), 5);
  // In shards.
  const std::vector<ops::OldSlice> first = {both[0]}, second = {both[1]};
  ASSERT_THAT(ops::WriteOldCheckpoint(files_, "/run/cut-00000-of-00002", first), IsOk());
  ASSERT_THAT(ops::WriteOldCheckpoint(files_, "/run/cut-00001-of-00002", second), IsOk());
  Session other = Start(/*initialize=*/true);
  ASSERT_THAT(saver.Restore(other, "/run/cut"), IsOk());
  EXPECT_EQ(Get(other, b_), 5);
  // It is the latest where the state file says so, and checked like others.
  files_.Set("/run/checkpoint", "model_checkpoint_path: 'old'");
  Session third = Start(/*initialize=*/true);
  EXPECT_EQ(saver.RestoreLatest(third, "/run").value(), "/run/old");
  Saver all(graph_, {.fs = &files_});
  EXPECT_THAT(all.Restore(third, "/run/old"),
              StatusIs(StatusCode::kNotFound, "Key beta1_power not found in checkpoint"));
}

}  // namespace
}  // namespace sluice::train
