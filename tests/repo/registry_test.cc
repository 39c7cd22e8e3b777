// What must hold of every op in the list, and of the sources that the list is made of.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
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
    std::vector<std::string> reasons;
    if (op->not_differentiable()) reasons.push_back(op->no_gradient_reason());
    for (const MissingKernel& missing : op->missing_kernels()) reasons.push_back(missing.reason);
    for (const std::string& reason : reasons) {
      ASSERT_FALSE(reason.empty()) << op->name();
      EXPECT_NE(reason.back(), '.') << op->name() << ": " << reason;
      EXPECT_NE(reason.find(' '), std::string::npos) << op->name() << ": " << reason;
    }
  }
}

template <typename T>
bool Contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool IsTypeAttr(const AttrSpec& attr) { return attr.type == "type" || attr.type == "list(type)"; }

TEST(RegistryTest, MissingKernelsNameTypesOfTheSchema) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    std::set<std::pair<std::string, DType>> seen;
    for (const MissingKernel& missing : op->missing_kernels()) {
      const AttrSpec* attr = op->FindAttr(missing.attr);
      ASSERT_TRUE(attr && IsTypeAttr(*attr)) << op->name() << ": " << missing.attr;
      EXPECT_FALSE(missing.types.empty()) << op->name();
      for (DType d : missing.types) {
        EXPECT_TRUE(attr->allowed_types.empty() || Contains(attr->allowed_types, d))
            << op->name() << " does not allow " << missing.attr << " = " << d;
        EXPECT_TRUE(seen.emplace(missing.attr, d).second)
            << op->name() << " says it twice: " << missing.attr << " = " << d;
      }
    }
  }
}

TEST(RegistryTest, SomeTypeHasAKernel) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    for (const AttrSpec& attr : op->attrs()) {
      std::vector<DType> left = attr.allowed_types;
      if (left.empty()) continue;
      for (const MissingKernel& missing : op->missing_kernels())
        for (DType d : missing.types)
          if (missing.attr == attr.name)
            left.erase(std::remove(left.begin(), left.end(), d), left.end());
      EXPECT_FALSE(left.empty()) << op->name() << ": " << attr.name;
    }
  }
}

// Is a default value one that a node may have?
bool IsAllowed(const AttrSpec& attr, const AttrValue& value) {
  const auto type_allowed = [&](DType d) {
    return attr.allowed_types.empty() || Contains(attr.allowed_types, d);
  };
  const auto string_allowed = [&](const std::string& s) {
    return attr.allowed_strings.empty() || Contains(attr.allowed_strings, s);
  };
  const int64_t minimum = attr.minimum.value_or(std::numeric_limits<int64_t>::min());
  if (const auto* d = value.get_if<DType>()) return type_allowed(*d);
  if (const auto* s = value.get_if<std::string>()) return string_allowed(*s);
  if (const auto* i = value.get_if<int64_t>()) return *i >= minimum;
  if (value.get_if<EmptyList>()) return minimum <= 0;
  if (const auto* list = value.get_if<std::vector<DType>>())
    return static_cast<int64_t>(list->size()) >= minimum &&
           std::all_of(list->begin(), list->end(), type_allowed);
  if (const auto* list = value.get_if<std::vector<std::string>>())
    return static_cast<int64_t>(list->size()) >= minimum &&
           std::all_of(list->begin(), list->end(), string_allowed);
  if (const auto* list = value.get_if<std::vector<int64_t>>())
    return static_cast<int64_t>(list->size()) >= minimum;
  return true;
}

TEST(RegistryTest, DefaultsAreOfTheTypeAndAllowed) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    for (const AttrSpec& attr : op->attrs()) {
      if (!attr.default_value) continue;
      const std::string kind = attr.default_value->KindName();
      const bool fits = kind == attr.type || (kind == "list()" && attr.type.rfind("list(", 0) == 0);
      EXPECT_TRUE(fits) << op->name() << " " << attr.name << ": " << kind << ", not " << attr.type;
      EXPECT_TRUE(IsAllowed(attr, *attr.default_value))
          << op->name() << " " << attr.name << ": " << attr.default_value->ToString();
    }
  }
}

TEST(RegistryTest, NamesAndAllowedValuesAreNotRepeated) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    std::set<std::string> args, attrs;
    for (const auto* list : {&op->inputs(), &op->outputs()}) {
      std::set<std::string> names;
      for (const ArgSpec& arg : *list)
        EXPECT_TRUE(names.insert(arg.name).second) << op->name() << ": " << arg.name;
    }
    for (const AttrSpec& attr : op->attrs()) {
      EXPECT_TRUE(attrs.insert(attr.name).second) << op->name() << ": " << attr.name;
      for (DType d : attr.allowed_types) EXPECT_TRUE(IsKnown(d)) << op->name() << ": " << attr.name;
      const std::set<std::string> strings(attr.allowed_strings.begin(), attr.allowed_strings.end());
      EXPECT_EQ(strings.size(), attr.allowed_strings.size()) << op->name() << ": " << attr.name;
    }
  }
}

TEST(RegistryTest, FactsDoNotContradictEachOther) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    EXPECT_FALSE(op->value_from_shapes() && op->stateful()) << op->name();
    EXPECT_FALSE(op->random() && op->session_constant()) << op->name();
    EXPECT_FALSE(op->passes_gradient_through() && !op->gradient()) << op->name();
    EXPECT_FALSE(op->must_be_fed() && op->prepare()) << op->name();
    EXPECT_FALSE(op->flow() != ControlFlow::kNone && op->prepare()) << op->name();
    EXPECT_FALSE(op->value_from_shapes() && op->gradient()) << op->name() << ": shapes are whole";
    EXPECT_FALSE(op->opaque()) << op->name();
  }
}

TEST(RegistryTest, CommutativeOpsTakeInputsOfOneType) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    if (!op->commutative()) continue;
    std::set<std::string> types;
    for (const ArgSpec& arg : op->inputs())
      types.insert(arg.type_attr.empty() ? DTypeSchemaName(arg.type) : arg.type_attr);
    EXPECT_EQ(types.size(), 1u) << op->name();
  }
}

TEST(RegistryTest, AggregatesAreCommutative) {
  for (const OpSpec* op : ops::Builtin().ops())
    EXPECT_TRUE(!op->aggregate() || op->commutative()) << op->name();
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
