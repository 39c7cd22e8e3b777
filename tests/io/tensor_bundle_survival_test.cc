// What is on the disk when writing a bundle fails, or stops, at any point.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/tensor_bundle.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left");

// A bundle all of whose tensors say `version`.
absl::Status Save(FileSystem& files, const std::string& prefix, int32_t version) {
  auto writer = BundleWriter::Create(files, prefix);
  if (!writer.ok()) return writer.status();
  for (const char* name : {"a", "b"}) {
    const absl::Status status = (*writer)->Add(name, Tensor::Of<int32_t>({2}, {version, version}));
    if (!status.ok()) {
      EXPECT_EQ((*writer)->Finish(), status);  // the error stays
      return status;
    }
  }
  const absl::Status words =
      (*writer)->Add("words", Tensor::Of<std::string>({1}, {absl::StrCat("v", version)}));
  if (!words.ok()) return words;
  const absl::Status status = (*writer)->Finish();
  if (!status.ok()) {
    EXPECT_EQ((*writer)->Add("c", Tensor::Scalar(1)), status);
  }
  return status;
}

// The version that can be read; 0 when there is no bundle; -1 when it is damaged or mixed.
int32_t Version(FileSystem& files, const std::string& prefix) {
  auto reader = BundleReader::Open(files, prefix);
  if (absl::IsNotFound(reader.status())) return 0;
  if (!reader.ok() || !(*reader)->VerifyAll().ok()) return -1;
  const auto a = (*reader)->Lookup("a");
  const auto b = (*reader)->Lookup("b");
  const auto words = (*reader)->Lookup("words");
  if (!a.ok() || !b.ok() || !words.ok() || !BitEqual(*a, *b)) return -1;
  const int32_t version = a->flat<int32_t>()[0];
  return words->flat<std::string>()[0] == absl::StrCat("v", version) ? version : -1;
}

const std::vector<std::string> kFiles = {"d/m.data-00000-of-00001", "d/m.index"};

// Calls that a save makes when all goes well.
int64_t Calls(const MemoryFileSystem& start) {
  MemoryFileSystem memory = start;
  FaultyFileSystem files(memory);
  EXPECT_THAT(Save(files, "d/m", 99), IsOk());
  return files.calls();
}

MemoryFileSystem Nothing() {
  MemoryFileSystem files;
  files.CreateDirectories("d").IgnoreError();
  return files;
}

MemoryFileSystem Older() {
  MemoryFileSystem files = Nothing();
  EXPECT_THAT(Save(files, "d/m", 1), IsOk());
  return files;
}

TEST(TensorBundleSurvival, OneFailingCall) {
  for (const int32_t older : {0, 1}) {
    const int64_t calls = Calls(older ? Older() : Nothing());
    ASSERT_GT(calls, 10);
    for (int64_t n = 1; n <= calls; ++n) {
      MemoryFileSystem memory = older ? Older() : Nothing();
      FaultyFileSystem files(memory);
      files.FailCall(n, kDiskFull);
      EXPECT_EQ(Save(files, "d/m", 2), kDiskFull) << "call " << n;
      const int32_t version = Version(memory, "d/m");
      EXPECT_TRUE(version == older || version == 2) << "call " << n << ": " << version;
      // Nothing is left of a save that did not happen.
      if (version == older) {
        EXPECT_EQ(memory.Paths(), older ? kFiles : std::vector<std::string>{}) << "call " << n;
      }
      // The next save heals whatever there is.
      EXPECT_THAT(Save(memory, "d/m", 3), IsOk());
      EXPECT_EQ(Version(memory, "d/m"), 3);
      EXPECT_EQ(memory.Paths(), kFiles) << "call " << n;
    }
  }
}

// No call works any more, as if the process had been killed: nothing is cleaned up.
TEST(TensorBundleSurvival, KilledAtAnyCall) {
  for (const int32_t older : {0, 1}) {
    const int64_t calls = Calls(older ? Older() : Nothing());
    bool seen_older = false, seen_new = false;
    for (int64_t n = 1; n <= calls; ++n) {
      MemoryFileSystem memory = older ? Older() : Nothing();
      FaultyFileSystem files(memory);
      files.FailFrom(n, kDiskFull);
      EXPECT_EQ(Save(files, "d/m", 2), kDiskFull);
      const int32_t version = Version(memory, "d/m");
      EXPECT_TRUE(version == older || version == 2) << "call " << n << ": " << version;
      EXPECT_EQ(BundleExists(memory, "d/m"), version != 0);
      seen_older |= version == older;
      seen_new |= version == 2;
      // A new process clears up, or just saves.
      MemoryFileSystem cleared = memory;
      EXPECT_THAT(RemoveBundleLeftovers(cleared, "d/m"), IsOk());
      EXPECT_EQ(Version(cleared, "d/m"), version);
      EXPECT_EQ(cleared.Paths(), version == 0 ? std::vector<std::string>{} : kFiles);
      EXPECT_THAT(Save(memory, "d/m", 3), IsOk());
      EXPECT_EQ(Version(memory, "d/m"), 3);
      EXPECT_EQ(memory.Paths(), kFiles) << "call " << n;
    }
    EXPECT_TRUE(seen_older && seen_new);
  }
}

// Killed, and the machine loses power: only what was synced is certain, and any of the renames may
// have happened.
TEST(TensorBundleSurvival, PowerLossAtAnyCall) {
  for (const int32_t older : {0, 1}) {
    const int64_t calls = Calls(older ? Older() : Nothing());
    int states = 0;
    for (int64_t n = 1; n <= calls + 1; ++n) {
      MemoryFileSystem memory = older ? Older() : Nothing();
      FaultyFileSystem files(memory);
      files.FailFrom(n, kDiskFull);
      const bool saved = Save(files, "d/m", 2).ok();
      ASSERT_EQ(saved, n == calls + 1);
      for (uint64_t kept = 0; kept < uint64_t{1} << memory.pending(); ++kept) {
        // Power loss changes files in place: every outcome needs a file system of its own.
        MemoryFileSystem after = memory;
        after.LosePower(kept);
        ++states;
        const int32_t version = Version(after, "d/m");
        EXPECT_TRUE(version == 2 || (version == older && !saved))
            << "call " << n << ", kept " << kept << ": " << version << "; "
            << absl::StrJoin(after.Paths(), " ");
        EXPECT_THAT(Save(after, "d/m", 3), IsOk());
        EXPECT_EQ(Version(after, "d/m"), 3);
        EXPECT_EQ(after.Paths(), kFiles);
      }
    }
    EXPECT_GT(states, 30);
  }
}

// As above, but what dies is the save after a save that died at its moment of change.
TEST(TensorBundleSurvival, PowerLossWhileCompletingAnOlderSave) {
  MemoryFileSystem start = Older();
  {
    FaultyFileSystem files(start);
    // The last four calls of a save: rename the data, sync, rename the index, sync.
    files.FailFrom(Calls(Older()) - 3, kDiskFull);
    EXPECT_EQ(Save(files, "d/m", 2), kDiskFull);
  }
  ASSERT_TRUE(start.Exists("d/m.index.new"));
  ASSERT_TRUE(start.Exists("d/m.data-00000-of-00001.tmp"));
  ASSERT_EQ(Version(start, "d/m"), 2);
  const int64_t calls = Calls(start);
  for (int64_t n = 1; n <= calls; ++n) {
    MemoryFileSystem memory = start;
    FaultyFileSystem files(memory);
    files.FailFrom(n, kDiskFull);
    EXPECT_EQ(Save(files, "d/m", 3), kDiskFull);
    for (uint64_t kept = 0; kept < uint64_t{1} << memory.pending(); ++kept) {
      MemoryFileSystem after = memory;
      after.LosePower(kept);
      const int32_t version = Version(after, "d/m");
      EXPECT_TRUE(version == 2 || version == 3) << n << ", " << kept << ": " << version;
    }
  }
}

TEST(TensorBundleSurvival, FailingReads) {
  MemoryFileSystem memory = Older();
  FaultyFileSystem files(memory);
  auto reader = BundleReader::Open(files, "d/m");
  ASSERT_THAT(reader, IsOk());
  ASSERT_THAT((*reader)->VerifyAll(), IsOk());
  const int64_t calls = files.calls();
  for (int64_t n = 1; n <= calls; ++n) {
    files.FailCall(n, absl::DataLossError("input/output error"));
    auto again = BundleReader::Open(files, "d/m");
    const absl::Status status = again.ok() ? (*again)->VerifyAll() : again.status();
    EXPECT_THAT(status, StatusIs(Code::kDataLoss, "input/output error")) << n;
  }
}

TEST(TensorBundleSurvival, LeftoversOfOthersStay) {
  MemoryFileSystem files;
  const std::vector<std::string> stay = {"d/m-1.index",    "d/m-1.index.new2",  "d/m-x.index.tmp",
                                         "d/m2.index.tmp", "d/other.index.tmp", "e/m.index.tmp",
                                         "d/m-1.data.tmp", "d/m-.index.tmp"};
  const std::vector<std::string> go = {"d/m.index.tmp", "d/m-12.data-00000-of-00001.tmp",
                                       "d/m-12.meta.tmp-1234-0", "d/m-7.index.tmp"};
  for (const auto& list : {stay, go}) {
    for (const std::string& path : list) files.Set(path, "x");
  }
  EXPECT_THAT(RemoveBundleLeftovers(files, "d/m"), IsOk());
  EXPECT_THAT(files.Paths(), ::testing::UnorderedElementsAreArray(stay));
  EXPECT_THAT(RemoveBundleLeftovers(files, "nowhere/m"), IsOk());
}

TEST(TensorBundleSurvival, DeleteBundle) {
  MemoryFileSystem files;
  EXPECT_THAT(Save(files, "d/m-1", 1), IsOk());
  EXPECT_THAT(Save(files, "d/m-10", 1), IsOk());
  files.Set("d/m-1.meta", "x");
  files.Set("d/m-1.data-00001-of-00002", "x");
  EXPECT_THAT(DeleteBundle(files, "d/m-1"), IsOk());
  EXPECT_THAT(files.Paths(),
              ElementsAre("d/m-1.meta", "d/m-10.data-00000-of-00001", "d/m-10.index"));
  EXPECT_THAT(DeleteBundle(files, "d/m-1"), IsOk());
  EXPECT_THAT(DeleteBundle(files, "nowhere/m"), IsOk());
}

}  // namespace
}  // namespace sluice
