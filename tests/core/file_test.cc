#include "core/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "gtest/gtest.h"
#include "tests/testing/core/fake_env.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using Names = std::vector<std::string>;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/file_test_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }

  std::string Path(const std::string& name) const { return JoinPath(directory_, name); }

  void Write(const std::string& path, absl::string_view bytes) {
    auto file = files_.Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append(bytes).ok());
    ASSERT_TRUE((*file)->Close().ok());
  }

  std::string Content(const std::string& path) {
    const auto content = files_.ReadAll(path);
    return content.ok() ? *content : content.status().ToString();
  }

  FileSystem& files_ = FileSystem::Default();
  std::string directory_;
};

// `n` bytes that do not repeat with a power of two.
std::string Bytes(int n) {
  std::string bytes(n, '\0');
  for (int i = 0; i < n; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

TEST_F(FileTest, AppendsOfAllSizesArriveInOrder) {
  const std::string all = Bytes(400000);
  auto file = files_.Create(Path("f"));
  ASSERT_TRUE(file.ok());
  size_t done = 0;
  // Around the size of the buffer (64 KiB) and far from it.
  for (const size_t size : {1, 0, 65535, 1, 65536, 65537, 3, 130000, 7}) {
    ASSERT_TRUE((*file)->Append(absl::string_view(all).substr(done, size)).ok());
    done += size;
  }
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->Close().ok());
  EXPECT_EQ(Content(Path("f")), all.substr(0, done));
}

TEST_F(FileTest, CreateTruncatesAndAppendKeeps) {
  Write(Path("f"), "long content");
  Write(Path("f"), "ab");
  EXPECT_EQ(Content(Path("f")), "ab");
  {
    auto file = files_.OpenForAppend(Path("f"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append("cd").ok());
  }  // the destructor writes and closes
  EXPECT_EQ(Content(Path("f")), "abcd");
}

TEST_F(FileTest, FlushMakesBytesVisible) {
  auto file = files_.Create(Path("f"));
  ASSERT_TRUE((*file)->Append("abc").ok());
  ASSERT_TRUE((*file)->Flush().ok());
  EXPECT_EQ(Content(Path("f")), "abc");
}

TEST_F(FileTest, AClosedFileRefusesWrites) {
  auto file = files_.Create(Path("f"));
  ASSERT_TRUE((*file)->Close().ok());
  EXPECT_EQ((*file)->Append("x").code(), Code::kFailedPrecondition);
  EXPECT_EQ((*file)->Sync().code(), Code::kFailedPrecondition);
  EXPECT_TRUE((*file)->Close().ok());
}

TEST_F(FileTest, ReadsExactRanges) {
  Write(Path("f"), "0123456789");
  auto file = files_.Open(Path("f"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->size(), 10);
  char out[10];
  ASSERT_TRUE((*file)->Read(3, 4, out).ok());
  EXPECT_EQ(std::string(out, 4), "3456");
  EXPECT_TRUE((*file)->Read(10, 0, out).ok());
  const int64_t bad[][2] = {
      {0, 11},        {10, 1},        {11, 0},         {-1, 1},        {0, -1},
      {INT64_MAX, 1}, {1, INT64_MAX}, {INT64_MIN, 10}, {5, INT64_MIN}, {INT64_MAX, INT64_MAX}};
  for (const auto& [offset, count] : bad) {
    const absl::Status status = (*file)->Read(offset, count, out);
    EXPECT_EQ(status.code(), Code::kOutOfRange) << offset << " " << count;
    EXPECT_NE(status.message().find(Path("f")), absl::string_view::npos) << status;
  }
}

TEST_F(FileTest, AFileThatShrankIsOutOfRange) {
  Write(Path("f"), "0123456789");
  auto file = files_.Open(Path("f"));
  ASSERT_EQ(truncate(Path("f").c_str(), 5), 0);
  char out[10];
  EXPECT_EQ((*file)->Read(0, 10, out).code(), Code::kOutOfRange);
}

TEST_F(FileTest, WhatCannotBeReadAsAFileIsAnErrorAtOnce) {
  EXPECT_EQ(files_.ReadAll(Path("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(files_.ReadAll("").status().code(), Code::kNotFound);
  EXPECT_EQ(files_.ReadAll(directory_).status().code(), Code::kFailedPrecondition);
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(files_.ReadAll(Path("pipe")).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(files_.ReadAll("/dev/zero").status().code(), Code::kFailedPrecondition);
  Write(Path("f"), "x");
  EXPECT_EQ(files_.ReadAll(Path("f/g")).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(files_.ReadAll(Path("f") + std::string("\0g", 2)).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(files_.ReadAll(Path(std::string(300, 'n'))).status().code(), Code::kInvalidArgument);
  EXPECT_NE(files_.ReadAll(Path("none")).status().message().find(Path("none")),
            absl::string_view::npos);
}

TEST_F(FileTest, ReadAllKeepsToItsLimit) {
  Write(Path("f"), "0123456789");
  EXPECT_EQ(*files_.ReadAll(Path("f"), 10), "0123456789");
  EXPECT_EQ(files_.ReadAll(Path("f"), 9).status().code(), Code::kResourceExhausted);
  Write(Path("empty"), "");
  EXPECT_EQ(*files_.ReadAll(Path("empty"), 0), "");
}

TEST_F(FileTest, ANewFileThatCannotBeMadeIsAnError) {
  EXPECT_EQ(files_.Create(Path("none/f")).status().code(), Code::kNotFound);
  EXPECT_EQ(files_.Create(directory_).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(files_.Create(std::string("a\0b", 3)).status().code(), Code::kInvalidArgument);
  // A pipe that nobody reads: no waiting.
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(files_.Create(Path("pipe")).ok());
}

TEST_F(FileTest, AFullDiskIsResourceExhaustedAndStaysAnError) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  auto file = files_.Create("/dev/full");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("abc").ok());
  EXPECT_EQ((*file)->Flush().code(), Code::kResourceExhausted);
  EXPECT_EQ((*file)->Append("d").code(), Code::kResourceExhausted);
  EXPECT_EQ((*file)->Close().code(), Code::kResourceExhausted);
}

// At the limit of a file's size the system writes a part first, then refuses.
TEST_F(FileTest, AShortWriteIsContinued) {
  struct rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit small = old;
  small.rlim_cur = 100000;
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto file = files_.Create(Path("f"));
  const absl::Status status = (*file)->Append(Bytes(150000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status;
  EXPECT_EQ(Content(Path("f")), Bytes(100000));
}

// A write to a full pipe waits; signals interrupt it before and after its first bytes.
TEST_F(FileTest, SignalsDoNotDisturbAWrite) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const int reader = open(Path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  ASSERT_EQ(fcntl(reader, F_SETFL, 0), 0);
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  struct sigaction old;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  auto file = files_.Create(Path("pipe"));
  ASSERT_TRUE(file.ok()) << file.status();
  const std::string sent = Bytes(1 << 20);
  absl::Status status;
  std::thread writer([&] {
    status = (*file)->Append(sent);
    if (status.ok()) status = (*file)->Close();
  });
  const auto disturb = [&](int times) {
    for (int i = 0; i < times; ++i) {
      pthread_kill(writer.native_handle(), SIGUSR1);
      sched_yield();
    }
  };
  disturb(100);
  std::string received(sent.size(), '\0');
  size_t done = 0;
  while (done < received.size()) {
    const ssize_t got = read(reader, received.data() + done, received.size() - done);
    ASSERT_GT(got, 0);
    done += got;
    if (done < received.size()) disturb(2);
  }
  writer.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(received == sent);
  sigaction(SIGUSR1, &old, nullptr);
  close(reader);
}

TEST_F(FileTest, Directories) {
  EXPECT_TRUE(files_.CreateDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(files_.CreateDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(files_.CreateDirectories(Path("a/b/d/")).ok());
  EXPECT_TRUE(files_.IsDirectory(Path("a/b/c")));
  EXPECT_TRUE(files_.SyncDirectory(Path("a/b")).ok());
  Write(Path("a/b/B"), "");
  Write(Path("a/b/.hidden"), "");
  EXPECT_EQ(*files_.List(Path("a/b")), (Names{".hidden", "B", "c", "d"}));
  EXPECT_FALSE(files_.IsDirectory(Path("a/b/B")));
  EXPECT_TRUE(files_.Exists(Path("a/b/B")));
  EXPECT_FALSE(files_.Exists(Path("a/b/b")));
  EXPECT_EQ(files_.CreateDirectories(Path("a/b/B")).code(), Code::kFailedPrecondition);
  EXPECT_EQ(files_.CreateDirectories(Path("a/b/B/x")).code(), Code::kFailedPrecondition);
  EXPECT_EQ(files_.List(Path("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(files_.SyncDirectory(Path("none")).code(), Code::kNotFound);
  EXPECT_EQ(files_.List(Path("a/b/B")).status().code(), Code::kFailedPrecondition);
}

TEST_F(FileTest, RenameReplacesAndDeleteRemoves) {
  Write(Path("from"), "new");
  Write(Path("to"), "old");
  EXPECT_TRUE(files_.Rename(Path("from"), Path("to")).ok());
  EXPECT_EQ(*files_.List(directory_), (Names{"to"}));
  EXPECT_EQ(Content(Path("to")), "new");
  EXPECT_EQ(files_.Rename(Path("from"), Path("to")).code(), Code::kNotFound);
  EXPECT_TRUE(files_.Delete(Path("to")).ok());
  EXPECT_EQ(files_.Delete(Path("to")).code(), Code::kNotFound);
}

TEST_F(FileTest, ReplaceAtomicallyMakesAndReplaces) {
  ASSERT_TRUE(files_.ReplaceAtomically(Path("f"), "one").ok());
  EXPECT_EQ(Content(Path("f")), "one");
  ASSERT_TRUE(files_.ReplaceAtomically(Path("f"), Bytes(200000)).ok());
  EXPECT_EQ(Content(Path("f")), Bytes(200000));
  const std::string longest(255, 'n');  // the system's limit: a temporary name must not be longer
  ASSERT_TRUE(files_.ReplaceAtomically(Path(longest), "").ok());
  EXPECT_EQ(*files_.List(directory_), (Names{"f", longest}));
}

TEST_F(FileTest, ReplaceAtomicallyOntoADirectoryLeavesNoTemporary) {
  ASSERT_TRUE(files_.CreateDirectories(Path("d")).ok());
  EXPECT_FALSE(files_.ReplaceAtomically(Path("d"), "x").ok());
  EXPECT_EQ(*files_.List(directory_), (Names{"d"}));
  EXPECT_EQ(files_.ReplaceAtomically(Path("none/f"), "x").code(), Code::kNotFound);
}

TEST_F(FileTest, ReplaceAtomicallyIsAllOrNothingAtEveryFault) {
  testing::FaultyFileSystem faulty;
  ASSERT_TRUE(faulty.ReplaceAtomically(Path("f"), "old").ok());
  const int64_t calls = faulty.calls();
  EXPECT_EQ(calls, 6);  // Create, Append, Sync, Close, Rename, SyncDirectory
  for (int64_t n = 1; n <= calls; ++n) {
    ASSERT_TRUE(files_.ReplaceAtomically(Path("f"), "old").ok());
    faulty.FailCall(n, absl::DataLossError("injected"));
    const absl::Status status = faulty.ReplaceAtomically(Path("f"), "new!");
    EXPECT_EQ(status, absl::DataLossError("injected")) << n;
    // The last call comes after the exchange: the new file is whole, only not certain to survive a
    // power cut.
    EXPECT_EQ(Content(Path("f")), n < calls ? "old" : "new!") << n;
    EXPECT_EQ(*files_.List(directory_), (Names{"f"})) << n;
  }
  faulty.FailCall(calls + 1, absl::DataLossError("injected"));
  EXPECT_TRUE(faulty.ReplaceAtomically(Path("f"), "new").ok());
}

TEST_F(FileTest, ThreadsThatReplaceOneFileNeverMixContents) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(files_.ReplaceAtomically(Path("f"), std::string(1000 + t, 'a' + t)).ok());
      }
    });
  }
  for (std::thread& t : threads) t.join();
  const std::string content = Content(Path("f"));
  EXPECT_EQ(content, std::string(1000 + (content[0] - 'a'), content[0]));
  EXPECT_EQ(*files_.List(directory_), (Names{"f"}));
}

TEST(PathTest, Parts) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", ""), "a");
  EXPECT_EQ(DirectoryOf("a/b/c"), "a/b");
  EXPECT_EQ(DirectoryOf("a//b"), "a");
  EXPECT_EQ(DirectoryOf("/b"), "/");
  EXPECT_EQ(DirectoryOf("//b"), "/");
  EXPECT_EQ(DirectoryOf("b"), ".");
  EXPECT_EQ(DirectoryOf(""), ".");
  EXPECT_EQ(BaseName("a/b"), "b");
  EXPECT_EQ(BaseName("b"), "b");
  EXPECT_EQ(BaseName("a/"), "");
}

TEST_F(FileTest, FaultyFileSystemFailsTheChosenCallsOnly) {
  testing::FaultyFileSystem faulty;
  faulty.FailCall(2, absl::ResourceExhaustedError("full"));
  auto file = faulty.Create(Path("f"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->Append("abcdef").code(), Code::kResourceExhausted);
  EXPECT_TRUE((*file)->Append("gh").ok());
  EXPECT_TRUE((*file)->Close().ok());
  EXPECT_EQ(Content(Path("f")), "abcgh");
  EXPECT_EQ(faulty.calls(), 4);
  faulty.FailFrom(1, absl::DataLossError("gone"));
  EXPECT_EQ(faulty.Open(Path("f")).status().code(), Code::kDataLoss);
  EXPECT_EQ(faulty.List(directory_).status().code(), Code::kDataLoss);
  EXPECT_EQ(faulty.Delete(Path("f")).code(), Code::kDataLoss);
  faulty.FailCall(2, absl::DataLossError("bad sector"));
  const auto reading = faulty.Open(Path("f"));
  ASSERT_TRUE(reading.ok());
  char out[5];
  EXPECT_EQ((*reading)->Read(0, 5, out).code(), Code::kDataLoss);
  EXPECT_TRUE((*reading)->Read(0, 5, out).ok());
}

}  // namespace
}  // namespace sluice
