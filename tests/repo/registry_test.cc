// What must hold of every op in the list, and of the sources that the list is made of.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "graph/op_spec.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

TEST(RegistryTest, EverySchemaParses) {
  for (const OpSpec* op : ops::Builtin().ops()) EXPECT_THAT(op->status(), IsOk()) << op->name();
}

TEST(RegistryTest, EveryOpHasAGradientOrAReasonForNone) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    EXPECT_NE(op->gradient() != nullptr, op->not_differentiable()) << op->name();
  }
}

TEST(RegistryTest, ReasonsAreSentenceFragments) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    const std::string& reason = op->no_gradient_reason();
    if (reason.empty()) continue;
    EXPECT_NE(reason.back(), '.') << op->name() << ": " << reason;
    EXPECT_NE(reason.find(' '), std::string::npos) << op->name() << ": " << reason;
  }
}

TEST(RegistryTest, EveryOpInfersShapes) {
  for (const OpSpec* op : ops::Builtin().ops()) EXPECT_NE(op->shape_fn(), nullptr) << op->name();
}

TEST(RegistryTest, EveryOpCanRun) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    const bool does_nothing = op->outputs().empty();
    const bool flow = op->flow() != ControlFlow::kNone;
    EXPECT_TRUE(op->prepare() || !op->aliases().empty() || op->must_be_fed() || does_nothing ||
                flow)
        << op->name();
  }
}

// Could the arguments hold a tensor number i? A repeated one stands for any number.
bool HasTensor(const std::vector<ArgSpec>& args, int i) {
  const bool repeated = std::any_of(args.begin(), args.end(), [](const ArgSpec& a) {
    return !a.number_attr.empty() || !a.type_list_attr.empty();
  });
  return i >= 0 && (repeated || i < static_cast<int>(args.size()));
}

TEST(RegistryTest, AliasesAndInPlacePairsNameArguments) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    std::vector<std::pair<int, int>> pairs = op->aliases();
    pairs.insert(pairs.end(), op->in_place().begin(), op->in_place().end());
    for (const auto& [in, out] : pairs) {
      EXPECT_TRUE(HasTensor(op->inputs(), in) && HasTensor(op->outputs(), out))
          << op->name() << " " << in << " -> " << out;
    }
  }
}

TEST(RegistryTest, TypeAndCountAttributesAreDeclared) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    std::vector<ArgSpec> args = op->inputs();
    args.insert(args.end(), op->outputs().begin(), op->outputs().end());
    for (const ArgSpec& arg : args) {
      for (const std::string& attr : {arg.type_attr, arg.number_attr, arg.type_list_attr}) {
        EXPECT_TRUE(attr.empty() || op->FindAttr(attr))
            << op->name() << " " << arg.name << ": " << attr;
      }
    }
  }
}

// --- the sources: handed over as data of this test ---

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first groups of all matches.
std::set<std::string> Matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    found.insert((*it)[1]);
  return found;
}

// Xs of "OpSpec XOp() {" in a file.
std::set<std::string> SpecFunctions(const std::filesystem::path& path) {
  return Matches(ReadFile(path), "(?:^|\\n)OpSpec (\\w+)Op\\(\\) *\\{");
}

std::set<std::string> ListedOps() {
  std::set<std::string> listed = Matches(ReadFile("ops/all_ops.cc"), "X\\((\\w+)\\)");
  listed.erase("name");  // the macro's own parameter
  listed.erase("X");     // the example in the file's comment
  return listed;
}

std::vector<std::filesystem::path> OpFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("ops"))
    if (entry.path().extension() == ".cc") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(RegistryTest, EverySpecFunctionIsInTheListOnce) {
  const std::set<std::string> listed = ListedOps();
  std::set<std::string> written;
  ASSERT_GT(OpFiles().size(), 10u) << "no sources to look at";
  for (const auto& path : OpFiles()) {
    for (const std::string& name : SpecFunctions(path)) {
      EXPECT_TRUE(listed.count(name)) << path << ": " << name << "Op() is not in ops/all_ops.cc";
      EXPECT_TRUE(written.insert(name).second) << path << ": " << name << "Op() again";
    }
  }
  EXPECT_EQ(ops::Builtin().ops().size(), listed.size());
}

TEST(RegistryTest, SpecFunctionsAreNamedAfterTheirOps) {
  for (const std::string& name : ListedOps()) {
    // C++ reserves names that begin with an underscore and a capital: _Retval's function is
    // RetvalOp().
    EXPECT_TRUE(ops::Builtin().Find(name) || ops::Builtin().Find("_" + name)) << name;
  }
}

TEST(RegistryTest, EveryFileOfOpsHasATest) {
  for (const auto& path : OpFiles()) {
    if (SpecFunctions(path).empty()) continue;  // helpers
    const std::string test = "tests/ops/" + path.stem().string() + "_test.cc";
    EXPECT_TRUE(std::filesystem::exists(test)) << test << " is missing";
  }
}

}  // namespace
}  // namespace sluice
