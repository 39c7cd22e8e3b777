#include "tools/sluice/trial.h"

#include <algorithm>
#include <complex>
#include <cstdio>
#include <random>
#include <type_traits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/start_variables.h"

namespace sluice::tools {
namespace {

// Numbers of any type whose range has 0 and 1, the same for the same shape.
absl::StatusOr<Tensor> MakeNumbers(DType dtype, const TensorShape& shape) {
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(dtype, shape));
  std::mt19937_64 bits(20151109);  // the standard fixes its numbers
  const absl::Status filled =
      Dispatch<float, double, Half, BFloat16, std::complex<float>, std::complex<double>, int8_t,
               int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, bool>(
          dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            for (T& x : tensor.mutable_flat<T>()) {
              if constexpr (std::is_integral_v<T>) {
                x = static_cast<T>(bits() >> 63);
              } else {
                x = T(static_cast<float>(bits() >> 40) * 0x1p-24f);
              }
            }
            return absl::OkStatus();
          });
  SLUICE_RETURN_IF_ERROR(filled);
  return tensor;
}

// NAME=SHAPE as name and shape.
absl::StatusOr<std::pair<std::string, TensorShape>> ParseFeedShape(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals != std::string::npos && equals > 0) {
    const std::optional<TensorShape> shape = ParseShape(text.substr(equals + 1));
    if (shape.has_value()) return std::pair(text.substr(0, equals), *shape);
  }
  return UsageError(
      absl::StrCat("--feed-shape is NAME=SHAPE with SHAPE as 2x28x28x1 or scalar, got \"",
                   Printable(text), "\""));
}

// "x:0 float32[?,28,28,1]".
std::string Described(const Output& tensor) {
  return absl::StrCat(Printable(tensor.name()), " ", DTypeName(BaseType(tensor.dtype())),
                      tensor.shape().ToString());
}

std::vector<std::string> SplitNames(const std::vector<std::string>& values) {
  std::vector<std::string> names;
  for (const std::string& value : values) {
    for (absl::string_view name : absl::StrSplit(value, ',', absl::SkipEmpty()))
      names.emplace_back(name);
  }
  return names;
}

}  // namespace

std::optional<TensorShape> ParseShape(const std::string& text) {
  TensorShape shape;
  if (text == "scalar") return shape;
  for (absl::string_view part : absl::StrSplit(text, 'x')) {
    int64_t size;
    if (!absl::SimpleAtoi(part, &size) || size < 0) return std::nullopt;
    shape.AddDim(size);
  }
  if (!shape.Check().ok()) return std::nullopt;
  return shape;
}

std::vector<FlagSpec> Trial::Flags(std::vector<FlagSpec> own) {
  own.push_back({"fetch", true, true});
  own.push_back({"feed-shape", true, true});
  own.push_back({"disable", true, true});
  own.push_back({"no-optimize", false, false});
  return GraphJob::WithLimits(std::move(own));
}

Trial::Trial() : graph_(ops::Builtin()) {}

absl::StatusOr<std::unique_ptr<Trial>> Trial::Open(const CommandLine& line, bool values) {
  if (line.positional().size() != 1) {
    return UsageError(absl::StrCat("expected one graph file, got ", line.positional().size(),
                                   " arguments; the graph comes first, before --fetch"));
  }
  const std::vector<std::string> fetches = SplitNames(line.All("fetch"));
  if (fetches.empty()) return UsageError("--fetch NAME is missing");
  for (const std::string& feed : line.All("feed")) SLUICE_RETURN_IF_ERROR(ParseFeed(feed).status());
  for (const std::string& shape : line.All("feed-shape"))
    SLUICE_RETURN_IF_ERROR(ParseFeedShape(shape).status());
  std::unique_ptr<Trial> trial(new Trial);
  SLUICE_ASSIGN_OR_RETURN(trial->options_, GraphJob::ReadLimits(line));
  trial->options_.optimize = !line.Has("no-optimize");
  trial->options_.disabled_rewrites = SplitNames(line.All("disable"));
  trial->options_.preflight = Preflight::kOff;
  SLUICE_RETURN_IF_ERROR(LoadGraph(line.positional()[0], &trial->graph_));
  SLUICE_RETURN_IF_ERROR(trial->FindFetches(fetches));
  SLUICE_RETURN_IF_ERROR(trial->AddFeeds(line, values));
  trial->variables_ = VariablesBehind(trial->fetches_, trial->feeds_);
  return trial;
}

absl::Status Trial::FindFetches(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const Node* node = graph_.FindNode(name);
    if (node != nullptr && node->num_outputs() == 0 && !node->spec().opaque()) {
      fetches_.push_back(node->operation());
      continue;
    }
    SLUICE_ASSIGN_OR_RETURN(fetches_.emplace_back(), FindTensor(graph_, name));
  }
  return absl::OkStatus();
}

absl::Status Trial::AddFeeds(const CommandLine& line, bool values) {
  for (const std::string& feed : line.All("feed")) {
    SLUICE_ASSIGN_OR_RETURN(feeds_.emplace_back(), ReadFeed(graph_, feed));
  }
  for (const std::string& text : line.All("feed-shape")) {
    SLUICE_ASSIGN_OR_RETURN(const auto name_and_shape, ParseFeedShape(text));
    SLUICE_ASSIGN_OR_RETURN(const Output target, FindTensor(graph_, name_and_shape.first));
    SLUICE_RETURN_IF_ERROR(AddMadeUp(target, name_and_shape.second, values));
  }
  return AddPlaceholders(values);
}

absl::Status Trial::AddPlaceholders(bool values) {
  std::vector<std::string> unknown;
  for (const Node* node : NodesBehind(fetches_, feeds_)) {
    if (!node->spec().must_be_fed() || Fed(*node, 0)) continue;
    TensorShape shape = node->output_shape(0);
    if (shape.rank() > 0 && shape.dim(0) < 0) shape.set_dim(0, 1);
    if (!shape.fully_defined()) {
      unknown.push_back(Described(node->output(0)));
      continue;
    }
    if (node->output_shape(0) != shape) {
      std::fprintf(stderr,
                   "sluice: note: %s is fed with a batch of 1; --feed-shape gives another\n",
                   Described(node->output(0)).c_str());
    }
    SLUICE_RETURN_IF_ERROR(AddMadeUp(node->output(0), shape, values));
  }
  if (unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--feed-shape NAME=SHAPE is needed for ", absl::StrJoin(unknown, ", ")));
}

absl::Status Trial::AddMadeUp(const Output& to, const TensorShape& shape, bool values) {
  const DType dtype = BaseType(to.dtype());
  if (!values) {
    feeds_.emplace_back(to, Tensor::ShapeOnly(dtype, shape));
    return absl::OkStatus();
  }
  absl::StatusOr<Tensor> numbers = MakeNumbers(dtype, shape);
  if (absl::IsUnimplemented(numbers.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat("no numbers can be made up for ", Described(to), ": it needs --feed"));
  }
  SLUICE_RETURN_IF_ERROR(Annotate(numbers.status(), Described(to)));
  feeds_.emplace_back(to, *std::move(numbers));
  return absl::OkStatus();
}

bool Trial::Fed(const Node& node, int index) const {
  return std::any_of(feeds_.begin(), feeds_.end(), [&](const auto& feed) {
    return feed.first.node() == &node && feed.first.index() == index;
  });
}

}  // namespace sluice::tools
