// Bundles of several shards: what they hold, and what is on the disk when writing one fails, or
// stops, at any point.
#include "train/sharded_bundle.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::train {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left");

// The two halves of a vector in two shards, and a tensor in each.
TensorSlice Half(int64_t start) { return {{{start, 2}}}; }

absl::Status Save(FileSystem& files, int shards, int32_t version) {
  auto writer = ShardedBundleWriter::Create(files, "d/m", shards);
  if (!writer.ok()) return writer.status();
  absl::Status status;
  for (int i = 0; i < 2; ++i) {
    const int shard = i % shards;
    const Tensor part = Tensor::Of<int32_t>({2}, {version, version});
    if (status.ok()) status = (*writer)->AddSlice(shard, "cut", {4}, Half(2 * i), part);
    if (status.ok()) status = (*writer)->Add(shard, absl::StrCat("w", i), part);
  }
  if (!status.ok()) return status;
  return (*writer)->Finish();
}

// The version that can be read; 0 when there is no bundle; -1 when it is damaged or mixed.
int32_t Version(FileSystem& files) {
  auto reader = BundleReader::Open(files, "d/m");
  if (absl::IsNotFound(reader.status())) return 0;
  if (!reader.ok() || !(*reader)->VerifyAll().ok()) return -1;
  std::vector<int32_t> seen;
  for (const char* name : {"cut", "w0", "w1"}) {
    const auto tensor = (*reader)->Lookup(name);
    if (!tensor.ok()) return -1;
    for (const int32_t value : tensor->flat<int32_t>()) seen.push_back(value);
  }
  return seen == std::vector<int32_t>(8, seen[0]) ? seen[0] : -1;
}

std::vector<std::string> Files(int shards) {
  std::vector<std::string> paths;
  for (int i = 0; i < shards; ++i) paths.push_back(BundleDataPath("d/m", i, shards));
  paths.push_back("d/m.index");
  return paths;
}

MemoryFileSystem Older(int shards) {
  MemoryFileSystem files;
  files.CreateDirectories("d").IgnoreError();
  if (shards > 0) {
    EXPECT_THAT(Save(files, shards, 1), IsOk());
  }
  return files;
}

int64_t Calls(int older) {
  MemoryFileSystem memory = Older(older);
  FaultyFileSystem files(memory);
  EXPECT_THAT(Save(files, 2, 99), IsOk());
  return files.calls();
}

// --- what they hold ------------------------------------------------------------------------------

TEST(ShardedBundle, TwoShardsAreOneBundle) {
  MemoryFileSystem files = Older(2);
  EXPECT_EQ(files.Paths(), Files(2));
  const auto reader = BundleReader::Open(files, "d/m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->num_shards(), 2);
  std::vector<std::string> names;
  for (const BundleTensor& entry : (*reader)->Keys()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("cut", "w0", "w1"));
  EXPECT_EQ((*reader)->Find("cut")->slices.size(), 2u);
  EXPECT_THAT((*reader)->VerifyAll(), IsOk());
  // 4 bytes a number: each shard has a half of "cut" and a tensor of two.
  EXPECT_EQ(files.Get("d/m.data-00000-of-00002").size(), 16u);
  EXPECT_EQ(files.Get("d/m.data-00001-of-00002").size(), 16u);
}

TEST(ShardedBundle, OneShardIsAPlainBundle) {
  MemoryFileSystem files = Older(1);
  EXPECT_EQ(files.Paths(), Files(1));
  EXPECT_EQ(Version(files), 1);
}

TEST(ShardedBundle, AnotherNumberOfShardsLeavesNoOldData) {
  for (const int before : {1, 2, 3}) {
    for (const int after : {1, 2, 3}) {
      MemoryFileSystem files = Older(before);
      ASSERT_THAT(Save(files, after, 2), IsOk());
      EXPECT_EQ(files.Paths(), Files(after)) << before << " then " << after;
      EXPECT_EQ(Version(files), 2);
    }
  }
}

TEST(ShardedBundle, Errors) {
  MemoryFileSystem files = Older(0);
  for (const int shards : {0, -1, 100000}) {
    EXPECT_THAT(ShardedBundleWriter::Create(files, "d/m", shards),
                StatusIs(Code::kInvalidArgument, "1 to 99999 shards"));
  }
  const Tensor two = Tensor::Of<int32_t>({2}, {1, 2});
  {
    auto writer = ShardedBundleWriter::Create(files, "d/m", 2);
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Add(0, "a", two), IsOk());
    ASSERT_THAT((*writer)->AddSlice(0, "s", {4}, Half(0), two), IsOk());
    const absl::Status again = (*writer)->Add(1, "a", two);
    EXPECT_THAT(again, StatusIs(Code::kInvalidArgument, "Adding duplicate key: a"));
    EXPECT_THAT((*writer)->Add(1, "s", two), StatusIs(Code::kInvalidArgument, "duplicate key: s"));
    EXPECT_THAT((*writer)->AddSlice(1, "a", {4}, Half(0), two),
                StatusIs(Code::kInvalidArgument, "duplicate key: a"));
    EXPECT_THAT((*writer)->AddSlice(1, "s", {4}, Half(0), two),
                StatusIs(Code::kInvalidArgument, "Adding duplicate key"));
    EXPECT_THAT((*writer)->AddSlice(1, "s", {5}, Half(2), two),
                StatusIs(Code::kInvalidArgument, "slices of 's' disagree"));
    EXPECT_THAT((*writer)->AddSlice(1, "s", {4}, Half(3), two),
                StatusIs(Code::kInvalidArgument, ""));
    EXPECT_THAT((*writer)->AddSlice(1, "t", {4}, Half(2), Tensor::Scalar(1)),
                StatusIs(Code::kInvalidArgument, "has shape [2], got []"));
    EXPECT_THAT((*writer)->Add(1, "", two), StatusIs(Code::kInvalidArgument, "needs a name"));
    // None of these did harm.
    ASSERT_THAT((*writer)->AddSlice(1, "s", {4}, Half(2), two), IsOk());
    ASSERT_THAT((*writer)->Finish(), IsOk());
    EXPECT_THAT((*writer)->Finish(), StatusIs(Code::kFailedPrecondition, "is finished"));
  }
  const auto reader = BundleReader::Open(files, "d/m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->Keys().size(), 2u);
  EXPECT_THAT((*reader)->VerifyAll(), IsOk());
}

TEST(ShardedBundle, AWriterThatIsDroppedLeavesNothing) {
  MemoryFileSystem files = Older(2);
  {
    auto writer = ShardedBundleWriter::Create(files, "d/m", 2);
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Add(1, "a", Tensor::Scalar(1)), IsOk());
  }
  EXPECT_EQ(files.Paths(), Files(2));
  EXPECT_EQ(Version(files), 1);
}

// --- faults --------------------------------------------------------------------------------------

TEST(ShardedBundle, OneFailingCall) {
  for (const int older : {0, 1, 2}) {
    const int64_t calls = Calls(older);
    ASSERT_GT(calls, 20);
    for (int64_t n = 1; n <= calls; ++n) {
      MemoryFileSystem memory = Older(older);
      FaultyFileSystem files(memory);
      files.FailCall(n, kDiskFull);
      const absl::Status saved = Save(files, 2, 2);
      const int32_t version = Version(memory);
      SCOPED_TRACE(absl::StrCat("call ", n, " over ", older, " shards: ", saved.ToString()));
      EXPECT_TRUE(version == 2 || (version == (older > 0 ? 1 : 0) && !saved.ok())) << version;
      if (version != 2) {  // nothing is left of a save that did not happen
        EXPECT_EQ(memory.Paths(), older > 0 ? Files(older) : std::vector<std::string>{});
      }
      EXPECT_THAT(Save(memory, 2, 3), IsOk());
      EXPECT_EQ(Version(memory), 3);
      EXPECT_EQ(memory.Paths(), Files(2));
    }
  }
}

TEST(ShardedBundle, KilledAtAnyCall) {
  for (const int older : {0, 1, 2}) {
    const int64_t calls = Calls(older);
    bool seen_older = false, seen_new = false;
    for (int64_t n = 1; n <= calls; ++n) {
      MemoryFileSystem memory = Older(older);
      FaultyFileSystem files(memory);
      files.FailFrom(n, kDiskFull);
      Save(files, 2, 2).IgnoreError();
      const int32_t version = Version(memory);
      SCOPED_TRACE(absl::StrCat("call ", n, " over ", older, " shards"));
      EXPECT_TRUE(version == 2 || version == (older > 0 ? 1 : 0)) << version;
      seen_older |= version != 2;
      seen_new |= version == 2;
      // A new process clears up, or just saves, with whatever number of shards.
      MemoryFileSystem cleared = memory;
      EXPECT_THAT(RemoveBundleLeftovers(cleared, "d/m"), IsOk());
      EXPECT_THAT(RemoveShardLeftovers(cleared, "d/m"), IsOk());
      EXPECT_EQ(Version(cleared), version);
      for (const std::string& path : cleared.Paths()) {
        EXPECT_FALSE(absl::StrContains(path, ".tmp") || absl::StrContains(path, ".new")) << path;
      }
      for (const int shards : {1, 2, 3}) {
        MemoryFileSystem again = memory;
        EXPECT_THAT(Save(again, shards, 3), IsOk());
        EXPECT_EQ(Version(again), 3);
        EXPECT_EQ(again.Paths(), Files(shards));
      }
    }
    EXPECT_TRUE(seen_older && seen_new);
  }
}

TEST(ShardedBundle, PowerLossAtAnyCall) {
  for (const int older : {0, 1, 2}) {
    const int64_t calls = Calls(older);
    int states = 0;
    for (int64_t n = 1; n <= calls + 1; ++n) {
      MemoryFileSystem memory = Older(older);
      FaultyFileSystem files(memory);
      files.FailFrom(n, kDiskFull);
      const bool saved = Save(files, 2, 2).ok();
      ASSERT_LE(memory.pending(), 12);
      for (uint64_t kept = 0; kept < uint64_t{1} << memory.pending(); ++kept) {
        MemoryFileSystem after = memory;
        after.LosePower(kept);
        ++states;
        const int32_t version = Version(after);
        EXPECT_TRUE(version == 2 || (version == (older > 0 ? 1 : 0) && !saved))
            << "call " << n << ", kept " << kept << ": " << version << "; "
            << absl::StrJoin(after.Paths(), " ");
        if (kept % 16 != 0) continue;
        EXPECT_THAT(Save(after, 2, 3), IsOk());
        EXPECT_EQ(Version(after), 3);
        EXPECT_EQ(after.Paths(), Files(2));
      }
    }
    EXPECT_GT(states, 100);
  }
}

TEST(ShardedBundle, LeftoversOfOthersStay) {
  MemoryFileSystem files;
  const std::vector<std::string> stay = {
      "d/m.shard-0-of-1.tmp.index", "d/mm.shard-00000-of-00002.tmp.index",
      "d/m-x.shard-00000-of-00002.tmp.index", "e/m.shard-00000-of-00002.tmp.index",
      "d/m.shard-00000-of-00002.index"};
  for (const std::string& path : stay) files.Set(path, "x");
  files.Set("d/m.shard-00000-of-00002.tmp.index", "x");
  files.Set("d/m-12.shard-00001-of-00002.tmp.data-00000-of-00001.tmp", "x");
  EXPECT_THAT(RemoveShardLeftovers(files, "d/m"), IsOk());
  EXPECT_THAT(files.Paths(), ::testing::UnorderedElementsAreArray(stay));
  EXPECT_TRUE(IsShardInProgress("d/m.shard-00000-of-00002.tmp.index"));
  EXPECT_FALSE(IsShardInProgress("d/m.index"));
}

}  // namespace
}  // namespace sluice::train
