// Rows 1 to 4 of what training must survive, for a whole Save with several shards, the graph and
// the state: a process that dies, a machine that loses power, a disk that fails or is full, at any
// call; the newest checkpoint that is found is whole, and what is restored is never half of it.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "ops/all_ops.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left");

// One saver serves all trials, each on a file system of its own.
class Redirected : public FileSystem {
 public:
  FileSystem* files = nullptr;
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return files->Create(path);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    return files->OpenForAppend(path);
  }
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override {
    return files->Open(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files->Rename(from, to);
  }
  absl::Status Delete(const std::string& path) override { return files->Delete(path); }
  absl::Status CreateDirectories(const std::string& path) override {
    return files->CreateDirectories(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return files->SyncDirectory(path);
  }
  bool Exists(const std::string& path) override { return files->Exists(path); }
  bool IsDirectory(const std::string& path) override { return files->IsDirectory(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return files->List(directory);
  }
};

// Three variables on two devices, all of one value: the step.
class SaverSurvivalTest : public ::testing::Test {
 protected:
  SaverSurvivalTest() {
    const Scope root = Scope::Root(graph_);
    const std::vector<const char*> devices = {"/cpu:0", "/gpu:0", "/cpu:0"};
    value_ =
        At(root).Node("Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape({2})}});
    Outputs assigned;
    for (size_t i = 0; i < devices.size(); ++i) {
      variables_.push_back(
          GetVariable(root.Device(devices[i]), absl::StrCat("v", i),
                      {.initializer = Tensor::Of<float>({2}, {0, 0}), .trainable = false}));
      assigned.push_back(variables_.back().Assign(root, value_));
    }
    assign_ = Group(root, assigned);
    saver_ = std::make_unique<Saver>(
        graph_, SaverOptions{.sharded = true, .max_to_keep = 1, .fs = &files_});
    EXPECT_THAT(graph_.status(), IsOk());
    session_ = std::make_unique<Session>(*Session::Create(graph_));
    start_.CreateDirectories("/run").IgnoreError();
    EXPECT_THAT(Save(start_, 1, {}), IsOk());
  }

  void SetAll(float value) {
    EXPECT_THAT(session_->Run({{value_, Tensor::Of<float>({2}, {value, value})}}, Outputs{assign_}),
                IsOk());
  }
  absl::Status Save(FileSystem& files, int step, const std::vector<std::string>& kept) {
    files_.files = &files;
    saver_->SetLastCheckpoints(kept);
    SetAll(static_cast<float>(step));
    return saver_->Save(*session_, "/run/s", step).status();
  }
  // The step that a new process goes on from; 0 when there is none, -1 when the model is a mixture.
  int Found(FileSystem& files) {
    files_.files = &files;
    SetAll(-7);
    const auto prefix = saver_->RestoreLatest(*session_, "/run");
    Outputs fetches;
    for (const Variable& v : variables_) fetches.push_back(v.value());
    const std::vector<Tensor> values = session_->Run({}, fetches).value();
    std::vector<float> seen;
    for (const Tensor& t : values) seen.insert(seen.end(), t.data<float>(), t.data<float>() + 2);
    const bool same = seen == std::vector<float>(6, seen[0]);
    if (!prefix.ok()) return same && seen[0] == -7 ? 0 : -1;
    return same && *prefix == absl::StrCat("/run/s-", static_cast<int>(seen[0]))
               ? static_cast<int>(seen[0])
               : -1;
  }
  int64_t Calls() {
    MemoryFileSystem memory = start_;
    FaultyFileSystem files(memory);
    EXPECT_THAT(Save(files, 2, {"/run/s-1"}), IsOk());
    return files.calls();
  }
  // The next save works, leaves a whole checkpoint and nothing of the one that died.
  void ExpectHealed(MemoryFileSystem& memory) {
    EXPECT_THAT(Save(memory, 3, {}), IsOk());
    EXPECT_EQ(Found(memory), 3);
    for (const std::string& path : memory.Paths()) {
      EXPECT_FALSE(absl::StrContains(path, ".tmp") || absl::StrContains(path, ".new")) << path;
    }
  }

  Graph graph_{ops::Builtin()};
  std::vector<Variable> variables_;
  Output value_, assign_;
  Redirected files_;
  std::unique_ptr<Saver> saver_;
  std::unique_ptr<Session> session_;
  MemoryFileSystem start_;  // after the first save
};

TEST_F(SaverSurvivalTest, TwoShardsAreSavedAndRestored) {
  MemoryFileSystem memory = start_;
  EXPECT_THAT(
      memory.Paths(),
      ::testing::ElementsAre("/run/checkpoint", "/run/s-1.data-00000-of-00002",
                             "/run/s-1.data-00001-of-00002", "/run/s-1.index", "/run/s-1.meta"));
  EXPECT_EQ(Found(memory), 1);
  EXPECT_THAT(Save(memory, 2, {"/run/s-1"}), IsOk());
  EXPECT_EQ(memory.Paths().size(), 5u);  // the first is gone, with all its files
  EXPECT_EQ(Found(memory), 2);
}

TEST_F(SaverSurvivalTest, OneFailingCall) {
  const int64_t calls = Calls();
  ASSERT_GT(calls, 40);
  for (int64_t n = 1; n <= calls; ++n) {
    MemoryFileSystem memory = start_;
    FaultyFileSystem files(memory);
    files.FailCall(n, kDiskFull);
    const absl::Status saved = Save(files, 2, {"/run/s-1"});
    SCOPED_TRACE(absl::StrCat("call ", n, ": ", saved.ToString()));
    const int found = Found(memory);
    EXPECT_TRUE(found == 2 || (found == 1 && !saved.ok())) << found;
    ExpectHealed(memory);
  }
}

TEST_F(SaverSurvivalTest, KilledAtAnyCall) {
  const int64_t calls = Calls();
  int seen[3] = {};
  for (int64_t n = 1; n <= calls; ++n) {
    MemoryFileSystem memory = start_;
    FaultyFileSystem files(memory);
    files.FailFrom(n, kDiskFull);
    Save(files, 2, {"/run/s-1"}).IgnoreError();
    SCOPED_TRACE(absl::StrCat("call ", n));
    const int found = Found(memory);
    ASSERT_TRUE(found == 1 || found == 2) << found << ": " << absl::StrJoin(memory.Paths(), " ");
    ++seen[found];
    ExpectHealed(memory);
  }
  EXPECT_TRUE(seen[1] > 0 && seen[2] > 0);
}

TEST_F(SaverSurvivalTest, PowerLossAtAnyCall) {
  const int64_t calls = Calls();
  for (int64_t n = 1; n <= calls + 1; ++n) {
    MemoryFileSystem memory = start_;
    FaultyFileSystem files(memory);
    files.FailFrom(n, kDiskFull);
    const bool saved = Save(files, 2, {"/run/s-1"}).ok();
    ASSERT_LE(memory.pending(), 12);
    const uint64_t outcomes = uint64_t{1} << memory.pending();
    // All outcomes where there are few; else none, all, and each operation alone kept or lost.
    std::vector<uint64_t> kept;
    for (uint64_t k = 0; k < std::min<uint64_t>(outcomes, 16); ++k) kept.push_back(k);
    for (uint64_t bit = 16; bit < outcomes; bit *= 2) {
      kept.push_back(bit);
      kept.push_back(outcomes - 1 - bit);
    }
    kept.push_back(outcomes - 1);
    for (const uint64_t k : kept) {
      MemoryFileSystem after = memory;
      after.LosePower(k);
      const int found = Found(after);
      ASSERT_TRUE(found == 2 || (found == 1 && !saved))
          << "call " << n << ", kept " << k << ": " << found << "; "
          << absl::StrJoin(after.Paths(), " ");
    }
  }
}

// Row 4: the newest is damaged in any of its files.
TEST_F(SaverSurvivalTest, DamageFallsBackToTheOlderOne) {
  MemoryFileSystem both = start_;
  ASSERT_THAT(Save(both, 2, {}), IsOk());  // forgets the first, so it is not deleted
  ASSERT_TRUE(BundleExists(both, "/run/s-1"));
  for (const char* suffix : {".index", ".data-00000-of-00002", ".data-00001-of-00002"}) {
    const std::string path = absl::StrCat("/run/s-2", suffix), whole = both.Get(path);
    for (size_t byte = 0; byte < whole.size(); ++byte) {
      MemoryFileSystem memory = both;
      std::string damaged = whole;
      damaged[byte] ^= static_cast<char>(1 << (byte % 8));
      memory.Set(path, damaged);
      const int flipped = Found(memory);
      EXPECT_TRUE(flipped == 1 || (flipped == 2 && absl::EndsWith(suffix, "index")))
          << path << " byte " << byte << ": " << flipped;
      memory.Set(path, whole.substr(0, byte));
      EXPECT_EQ(Found(memory), 1) << path << " cut at " << byte;
    }
    MemoryFileSystem memory = both;
    ASSERT_THAT(memory.Delete(path), IsOk());
    EXPECT_EQ(Found(memory), 1) << path;
  }
}

}  // namespace
}  // namespace sluice::train
