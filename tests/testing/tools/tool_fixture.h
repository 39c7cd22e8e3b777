// What tests of the command line start from: a folder of their own, graphs as text, `sluice` in
// this process.
#ifndef SLUICE_TESTS_TESTING_TOOLS_TOOL_FIXTURE_H_
#define SLUICE_TESTS_TESTING_TOOLS_TOOL_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/npy.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tools/sluice/commands.h"

namespace sluice::tools {

// Lines of a text GraphDef.
inline std::string Placeholder(const std::string& name, const std::string& dims,
                               const std::string& dtype = "DT_FLOAT") {
  return absl::StrCat("node { name: '", name,
                      "' op: 'Placeholder' attr { key: 'dtype' value { type: ", dtype,
                      " } } attr { key: 'shape' value { shape { ", dims, " } } } }\n");
}
// An op with the one type attribute T.
inline std::string Op(const std::string& name, const std::string& op,
                      const std::vector<std::string>& inputs,
                      const std::string& dtype = "DT_FLOAT") {
  std::string text = absl::StrCat("node { name: '", name, "' op: '", op, "'");
  for (const std::string& input : inputs) absl::StrAppend(&text, " input: '", input, "'");
  return absl::StrCat(text, " attr { key: 'T' value { type: ", dtype, " } } }\n");
}

class ToolFixture : public ::testing::Test {
 protected:
  ToolFixture() {
    const ::testing::TestInfo& info = *::testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        JoinPath(::testing::TempDir(), absl::StrCat(info.test_suite_name(), "_", info.name()));
    EXPECT_THAT(fs_.CreateDirectories(folder_), IsOk());
  }

  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }
  std::string Write(const std::string& name, const std::string& bytes) {
    EXPECT_THAT(fs_.ReplaceAtomically(Path(name), bytes), IsOk());
    return Path(name);
  }
  std::string WriteArray(const std::string& name, const Tensor& value) {
    EXPECT_THAT(WriteNpy(fs_, Path(name), value), IsOk());
    return Path(name);
  }
  Tensor ReadArray(const std::string& name) {
    const absl::StatusOr<Tensor> value = ReadNpy(fs_, Path(name));
    EXPECT_THAT(value, IsOk());
    return value.ok() ? *value : Tensor();
  }

  // Runs `sluice args...`; the exit code. What it printed is in out_ and err_.
  int Sluice(const std::vector<std::string>& args) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = Main(args);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  // Expects that exit code, and an error that holds `text`.
  void ExpectExit(int code, const std::vector<std::string>& args, const std::string& text) {
    EXPECT_EQ(Sluice(args), code);
    EXPECT_THAT(err_, ::testing::HasSubstr(text));
    EXPECT_EQ(out_, "");
  }

  FileSystem& fs_ = FileSystem::Default();
  std::string folder_, out_, err_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TESTS_TESTING_TOOLS_TOOL_FIXTURE_H_
