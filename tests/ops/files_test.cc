#include "ops/files.h"

#include <string>
#include <vector>

#include "core/file.h"
#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }
Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

TEST(FilesTest, WriteAndRead) {
  const std::string path = JoinPath(testing::TempDir(), "files_test/new/a.txt");
  const std::string bytes("a\0b\n", 4);
  EXPECT_THAT(OpTest("WriteFile").Input(Text(path)).Input(Text(bytes)).EvaluateOnly().Run(),
              IsOk());
  OpTest("ReadFile").Input(Text(path)).Expect(Text(bytes));
  OpTest("ReadFile").Input(Text(path + ".not")).ExpectError(StatusCode::kNotFound, "a.txt.not");
  OpTest("ReadFile").Input(Texts({path})).ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(FilesTest, Matching) {
  const std::string root = JoinPath(testing::TempDir(), "files_test/matching");
  for (const char* name : {"a-1", "a-2", "b-1", "sub/a-3"}) {
    const std::string path = JoinPath(root, name);
    ASSERT_EQ(FileSystem::Default().CreateDirectories(DirectoryOf(path)), absl::OkStatus());
    ASSERT_EQ(FileSystem::Default().ReplaceAtomically(path, "x"), absl::OkStatus());
  }
  const auto match = [&](const std::vector<std::string>& patterns) {
    std::vector<std::string> full;
    for (const std::string& p : patterns) full.push_back(JoinPath(root, p));
    return OpTest("MatchingFiles").Input(Texts(full)).DataDependentShape();
  };
  const auto paths = [&](const std::vector<std::string>& names) {
    std::vector<std::string> full;
    for (const std::string& name : names) full.push_back(JoinPath(root, name));
    return Texts(full);
  };
  match({"a-*"}).Expect(paths({"a-1", "a-2"}));
  match({"?-1"}).Expect(paths({"a-1", "b-1"}));
  match({"[ab]-[2-9]"}).Expect(paths({"a-2"}));
  match({"s*/a*", "b-1"}).Expect(paths({"b-1", "sub/a-3"}));
  match({"none*", "none"}).Expect(Texts({}));
  OpTest("MatchingFiles")
      .Input(Text(JoinPath(root, "b*")))
      .DataDependentShape()
      .Expect(paths({"b-1"}));
}

}  // namespace
}  // namespace sluice
