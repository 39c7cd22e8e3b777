// Every op has a kernel for every type that its schema allows, or its spec says why not
// (OpSpec::NoKernelFor).
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/op_spec.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "tests/testing/registry/op_samples.h"
#include "tests/testing/registry/op_trial.h"

namespace sluice {
namespace {

constexpr int kTrials = 4000;  // to find a first call that succeeds
constexpr int kMoreTrials =
    400;  // to find one of a certain type, where no other call can be changed to it
constexpr int kSamples = 8;

// How a call of that type ends: OK when any does.
absl::Status TryType(const OpSpec& spec, const std::vector<OpTrial>& samples,
                     const std::string& attr, DType dtype) {
  absl::Status last;
  for (const OpTrial& sample : samples) {
    last = RunTrial(spec, Retyped(spec, sample, attr, dtype)).status();
    if (last.ok()) return last;
  }
  TrialMaker maker(spec, 2);
  maker.OnlySane();
  maker.Fix(attr, dtype);
  return FindSamples(spec, &maker, kMoreTrials, 1).empty() ? last : absl::OkStatus();
}

// A call of that type that succeeds, and not because there is nothing to do; null if there is none.
const OpTrial* FindSuccess(const OpSpec& spec, const std::vector<OpTrial>& samples,
                           const std::string& attr, DType dtype) {
  for (const OpTrial& sample : samples) {
    const bool work = std::all_of(sample.inputs.begin(), sample.inputs.end(),
                                  [](const Tensor& t) { return t.num_elements() > 0; });
    if (work && RunTrial(spec, Retyped(spec, sample, attr, dtype)).ok()) return &sample;
  }
  return nullptr;
}

class OpDtypesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OpDtypesTest, KernelOrReason) {
  const OpSpec& spec = *ops::Builtin().Find(GetParam());
  TrialMaker maker(spec, 1);
  maker.OnlySane();
  const std::vector<OpTrial> samples = FindSamples(spec, &maker, kTrials, kSamples);
  if (samples.empty() && (spec.stateful() || TakesVariables(spec)))
    GTEST_SKIP() << "its calls need files or other state";
  ASSERT_FALSE(samples.empty())
      << "no random call of " << spec.name()
      << " succeeds: add one that does to tests/testing/registry/op_samples.cc";
  for (const AttrSpec& attr : spec.attrs()) {
    if (attr.type != "type" && attr.type != "list(type)") continue;
    for (DType dtype : TrialDTypes(attr)) {
      const std::string what =
          absl::StrCat(spec.name(), " with ", attr.name, " = ", DTypeName(dtype));
      if (IsMissing(spec, attr.name, dtype)) {
        const OpTrial* success = FindSuccess(spec, samples, attr.name, dtype);
        EXPECT_EQ(success, nullptr)
            << what << " has no kernel, says the spec, but this succeeds: " << success->ToString();
      } else {
        const absl::Status status = TryType(spec, samples, attr.name, dtype);
        EXPECT_TRUE(status.ok()) << what << ": " << status;
      }
    }
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const OpSpec* op : ops::Builtin().ops())
    if (CanTry(*op)) names.push_back(op->name());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpDtypesTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sluice
