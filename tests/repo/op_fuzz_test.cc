// Every op against random calls: half of them meant to fit, half hostile
// (tests/testing/registry/op_trial.h). Whatever a file or a feed may hold, an op must answer with a
// value or with one of a few errors.
//
// A longer campaign by hand:
//   SLUICE_FUZZ_SEED=7 SLUICE_FUZZ_TRIALS=100000 bazel-bin/tests/repo_op_fuzz_test
//       --gtest_filter='*/Conv2D'
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/memory.h"
#include "graph/op_spec.h"
#include "graph/shape_context.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/kernel_runner.h"
#include "tests/testing/registry/op_samples.h"
#include "tests/testing/registry/op_trial.h"

namespace sluice {
namespace {

constexpr int64_t kMemory = int64_t{64} << 20;  // bytes that a call may hold
constexpr int kTrials = 400;                    // of each op
constexpr size_t kCorpus = 12;                  // successful calls that are kept to be changed

// --- telling which call it was ---

const OpSpec* current_spec = nullptr;
const OpTrial* current_trial = nullptr;

// Not safe in a signal handler, but the process is lost anyway.
void ReportTrial() {
  if (!current_trial) return;
  std::cerr << "lost in " << current_spec->name() << " " << current_trial->ToString() << std::endl;
}

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
void ReportWhenLost() { __sanitizer_set_death_callback(ReportTrial); }
#else
void ReportAndDie(int signal) {
  std::signal(signal, SIG_DFL);
  ReportTrial();
  std::raise(signal);
}
void ReportWhenLost() {
  for (int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS, SIGTERM})
    std::signal(signal, ReportAndDie);
}
#endif

int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

// --- what must hold of one call ---

// What TensorFlow's CPU kernels answer Unimplemented to as well.
constexpr const char* kMissingFeatures[] = {"data_format",
                                            "Pooling is not yet supported",
                                            "only single elements are repeated",
                                            "Cast ",
                                            "grouped convolutions",
                                            "Depthwise max pooling",
                                            "MaxPooling supports exactly one of"};

bool NamesFeature(absl::string_view message) {
  return std::any_of(std::begin(kMissingFeatures), std::end(kMissingFeatures),
                     [&](const char* feature) { return absl::StrContains(message, feature); });
}

bool IsAllowed(const OpSpec& spec, const OpTrial& trial, const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
      return true;
    case absl::StatusCode::kDataLoss:  // damaged files, damaged compressed bytes
      return spec.stateful() || spec.name() == "DecodeCompressed";
    case absl::StatusCode::kUnimplemented:
      return UsesMissing(spec, trial.attrs) || NamesFeature(status.message());
    default:
      return false;
  }
}

// Runs the shape function with less known than there is: no values, no ranks, no first dimensions.
// When the call succeeds, so must the shape function, with shapes that the results have.
std::string CheckShapes(const OpSpec& spec, const OpTrial& trial,
                        const absl::StatusOr<std::vector<Tensor>>& results) {
  AttrMap attrs = trial.attrs;
  if (TakesVariables(spec) || !CheckAttrs(spec, &attrs).ok()) return "";
  const auto input_types = ArgTypes(spec.inputs(), attrs);
  const auto output_types = ArgTypes(spec.outputs(), attrs);
  if (!input_types.ok() || !output_types.ok() || input_types->size() != trial.inputs.size())
    return "";
  for (int way = 0; way < 4; ++way) {
    std::vector<TensorShape> shapes;
    std::vector<const Tensor*> values;
    for (const Tensor& input : trial.inputs) {
      TensorShape shape = way == 0 ? TensorShape::Unknown() : input.shape();
      if (way == 1 && shape.rank() > 0) shape.set_dim(0, -1);
      if (way == 2 && shape.rank() > 0) shape = TensorShape::OfRank(shape.rank());
      shapes.push_back(shape);
      values.push_back(nullptr);
    }
    ShapeContext context(attrs, shapes, values, *input_types, *output_types);
    const absl::Status status = spec.shape_fn()(context);
    if (!results.ok()) continue;
    const std::string where = absl::StrCat("shape function, way ", way, ": ");
    if (!status.ok()) return absl::StrCat(where, status.ToString());
    for (size_t i = 0; i < results->size(); ++i) {
      if (IsRef((*output_types)[i])) continue;  // the result is a handle
      if (IsRef((*output_types)[i])) continue;  // a handle, under the variable's shape
      const TensorShape& shape = context.output(static_cast<int>(i));
      if (!shape.CompatibleWith((*results)[i].shape()))
        return absl::StrCat(where, "output ", i, " inferred as ", shape.ToString(), ", but is ",
                            (*results)[i].shape().ToString());
    }
  }
  return "";
}

// The kernel once more, in memory that holds other bytes: what was never written shows.
std::string CheckGuarded(const OpSpec& spec, const OpTrial& trial,
                         const std::vector<Tensor>& results) {
  AttrMap attrs = trial.attrs;
  if (const absl::Status status = CheckAttrs(spec, &attrs); !status.ok()) return status.ToString();
  const auto guarded = RunKernelGuarded(spec, attrs, trial.inputs);
  if (!guarded.ok()) return absl::StrCat("between guards: ", guarded.status().ToString());
  for (size_t i = 0; i < results.size(); ++i) {
    if (BitEqual((*guarded)[i], results[i])) continue;
    const ::testing::AssertionResult close = IsClose((*guarded)[i], results[i]);
    if (!close) return absl::StrCat("output ", i, " between guards: ", close.message());
  }
  return "";
}

std::string CheckResults(const OpSpec& spec, const OpTrial& trial,
                         const std::vector<Tensor>& results) {
  AttrMap attrs = trial.attrs;
  if (const absl::Status status = CheckAttrs(spec, &attrs); !status.ok()) return status.ToString();
  const auto types = ArgTypes(spec.outputs(), attrs);
  if (results.size() != types->size()) return "wrong number of outputs";
  for (size_t i = 0; i < results.size(); ++i) {
    if (IsRef((*types)[i])) continue;  // a handle
    if (results[i].dtype() != (*types)[i])
      return absl::StrCat("output ", i, " is ", results[i].DebugString());
    if (!results[i].shape().fully_defined() || !results[i].shape().Check().ok())
      return absl::StrCat("output ", i, " has shape ", results[i].shape().ToString());
  }
  const bool has_effects = (spec.stateful() && !spec.random()) || TakesVariables(spec);
  return has_effects ? "" : CheckGuarded(spec, trial, results);
}

// What is wrong with a call, "" if nothing; `succeeded` when it gave a value.
std::string CheckTrial(const OpSpec& spec, const OpTrial& trial, bool* succeeded) {
  current_trial = &trial;
  std::string wrong;
  try {
    const absl::StatusOr<std::vector<Tensor>> results = RunTrial(spec, trial);
    *succeeded = results.ok();
    if (!IsAllowed(spec, trial, results.status())) wrong = results.status().ToString();
    if (wrong.empty()) wrong = CheckShapes(spec, trial, results);
    if (wrong.empty() && results.ok()) wrong = CheckResults(spec, trial, *results);
  } catch (const std::exception& e) {
    wrong = absl::StrCat("threw ", e.what());
  }
  current_trial = nullptr;
  return wrong;
}

class OpFuzzTest : public ::testing::TestWithParam<std::string> {
 public:
  static void SetUpTestSuite() {
    ReportWhenLost();
    // Ops that touch files find only what they made.
    const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "fuzz";
    std::filesystem::create_directories(folder);
    std::filesystem::current_path(folder);
    MemoryBudget::Process()->set_limit(kMemory);
    mallopt(M_PERTURB, 0x5A);  // new memory is filled with its complement
#if !defined(__SANITIZE_ADDRESS__) && !defined(SLUICE_TSAN)
    const rlimit limit{rlim_t{4} << 30, rlim_t{4} << 30};
    setrlimit(RLIMIT_AS, &limit);
#endif
  }
};

TEST_P(OpFuzzTest, AnswersEveryCall) {
  const OpSpec& spec = *ops::Builtin().Find(GetParam());
  current_spec = &spec;
  TrialMaker maker(spec, FromEnvironment("SLUICE_FUZZ_SEED", 1));
  std::vector<OpTrial> corpus = ListedSamples(spec);
  const int trials = FromEnvironment("SLUICE_FUZZ_TRIALS", kTrials);
  int wrongs = 0;
  for (int i = 0; i < trials && wrongs < 3; ++i) {
    const bool change = !corpus.empty() && i % 2 == 1;
    const OpTrial trial = change ? maker.Mutated(corpus[i / 2 % corpus.size()]) : maker.Fresh();
    bool succeeded = false;
    const std::string wrong = CheckTrial(spec, trial, &succeeded);
    if (!wrong.empty()) {
      ++wrongs;
      ADD_FAILURE() << "trial " << i << " " << trial.ToString() << "\n  " << wrong;
    } else if (succeeded) {
      if (corpus.size() < kCorpus)
        corpus.push_back(trial);
      else
        corpus[i % kCorpus] = trial;
    }
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const OpSpec* op : ops::Builtin().ops())
    if (CanTry(*op)) names.push_back(op->name());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpFuzzTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sluice
