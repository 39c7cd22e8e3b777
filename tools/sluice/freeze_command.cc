// sluice freeze: a graph with its variables as constants, ready for inference elsewhere.
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/nearest.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "ops/all_ops.h"
#include "proto/graph.pb.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/json.h"
#include "tools/sluice/start_variables.h"
#include "train/checkpoint_reader.h"
#include "train/freeze_for_inference.h"
#include "train/weight_sizes.h"

namespace sluice::tools {
namespace {

// Values of a flag that may stand with commas between them.
std::vector<std::string> ListOf(const CommandLine& line, const char* flag) {
  std::vector<std::string> all;
  for (const std::string& value : line.All(flag)) {
    for (absl::string_view one : absl::StrSplit(value, ',', absl::SkipEmpty()))
      all.emplace_back(one);
  }
  return all;
}

// "images" or "images=?x28x28x1".
absl::StatusOr<train::CutInput> ParseInput(const std::string& text) {
  train::CutInput input;
  const size_t equals = text.find('=');
  input.name = text.substr(0, equals);
  if (equals == std::string::npos) return input;
  const std::string shape = text.substr(equals + 1);
  input.shape.emplace();
  if (shape == "scalar") return input;
  for (absl::string_view piece : absl::StrSplit(shape, 'x')) {
    int64_t dim = -1;
    if (piece != "?" && piece != "-1" && (!absl::SimpleAtoi(piece, &dim) || dim < 0))
      return UsageError(
          absl::StrCat("--inputs is NAME or NAME=?x28x28x1, got \"", Printable(text), "\""));
    input.shape->AddDim(dim);
  }
  SLUICE_RETURN_IF_ERROR(input.shape->Check());
  return input;
}

// `text` as a scalar of that dtype.
std::optional<Tensor> ParseScalar(DType dtype, const std::string& text) {
  bool flag = false;
  double real = 0;
  int64_t whole = 0;
  if (dtype == DType::kBool && absl::SimpleAtob(text, &flag)) return Tensor::Scalar<bool>(flag);
  if (dtype == DType::kFloat && absl::SimpleAtod(text, &real))
    return Tensor::Scalar<float>(static_cast<float>(real));
  if (dtype == DType::kDouble && absl::SimpleAtod(text, &real)) return Tensor::Scalar<double>(real);
  if (dtype == DType::kInt64 && absl::SimpleAtoi(text, &whole))
    return Tensor::Scalar<int64_t>(whole);
  int32_t small = 0;
  if (dtype == DType::kInt32 && absl::SimpleAtoi(text, &small))
    return Tensor::Scalar<int32_t>(small);
  return std::nullopt;
}

// NAME=VALUE.
absl::Status ParseValue(const Graph& graph, const std::string& text,
                        std::map<std::string, Tensor>* values) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    return UsageError(absl::StrCat("--set is NAME=VALUE, got \"", Printable(text), "\""));
  SLUICE_ASSIGN_OR_RETURN(const Output tensor, FindTensor(graph, text.substr(0, equals)));
  const std::optional<Tensor> value =
      ParseScalar(BaseType(tensor.dtype()), text.substr(equals + 1));
  if (!value.has_value())
    return UsageError(absl::StrCat("--set ", Printable(text), ": ", tensor.name(), " is ",
                                   DTypeName(tensor.dtype()), ", which the value is not"));
  (*values)[tensor.node()->name()] = *value;
  return absl::OkStatus();
}

// The checkpoint beside "model-10.meta": "model-10"; "" for none.
std::string CheckpointOf(const CommandLine& line) {
  if (line.Has("checkpoint")) return line.Get("checkpoint", "");
  const std::string& path = line.positional()[0];
  if (!absl::EndsWith(path, ".meta")) return "";
  const std::string prefix = path.substr(0, path.size() - std::string(".meta").size());
  return train::CheckpointReader::Open(prefix).ok() ? prefix : "";
}

class Freezing {
 public:
  explicit Freezing(const CommandLine& line) : line_(line), graph_(ops::Builtin()) {}

  absl::Status Run() {
    SLUICE_RETURN_IF_ERROR(Load());
    SLUICE_RETURN_IF_ERROR(ReadOptions());
    SLUICE_RETURN_IF_ERROR(Restore());
    SLUICE_RETURN_IF_ERROR(
        train::FreezeForInference(session(), outputs_, &def_, options_, &report_));
    return Write();
  }

 private:
  Graph& graph() { return model_.has_value() ? model_->graph() : graph_; }
  Session& session() { return model_.has_value() ? model_->session() : *session_; }

  absl::Status Load() {
    SLUICE_ASSIGN_OR_RETURN(const SessionOptions options, GraphJob::ReadLimits(line_));
    if (NamesSavedModel(line_)) {
      if (line_.Has("checkpoint"))
        return UsageError("--checkpoint is for graph files: a SavedModel has its own variables");
      SLUICE_ASSIGN_OR_RETURN(model_, LoadModel(line_, options));
      return absl::OkStatus();
    }
    if (line_.Has("signature"))
      return UsageError("--signature is for the directory of a SavedModel");
    SLUICE_RETURN_IF_ERROR(LoadGraph(line_.positional()[0], &graph_));
    SLUICE_ASSIGN_OR_RETURN(session_, Session::Create(graph_, options));
    return absl::OkStatus();
  }

  absl::Status ReadOptions() {
    for (const std::string& name : ListOf(line_, "outputs")) {
      SLUICE_ASSIGN_OR_RETURN(outputs_.emplace_back(), FindTensor(graph(), name));
    }
    if (outputs_.empty()) SLUICE_RETURN_IF_ERROR(OutputsOfSignature());
    for (const std::string& text : ListOf(line_, "inputs")) {
      SLUICE_ASSIGN_OR_RETURN(options_.inputs.emplace_back(), ParseInput(text));
    }
    for (const std::string& text : ListOf(line_, "set"))
      SLUICE_RETURN_IF_ERROR(ParseValue(graph(), text, &options_.values));
    options_.fold_batch_norms = !line_.Has("no-fold");
    return absl::OkStatus();
  }

  absl::Status OutputsOfSignature() {
    if (!model_.has_value()) return UsageError("--outputs NAME[,NAME] is missing");
    std::string key = line_.Get("signature", "");
    if (key.empty()) {
      SLUICE_ASSIGN_OR_RETURN(key, model_->DefaultSignature());
    }
    SLUICE_ASSIGN_OR_RETURN(const SignatureCall* call, model_->FindSignature(key));
    for (const SignatureCall::Slot& slot : call->outputs()) outputs_.push_back(slot.tensor);
    return absl::OkStatus();
  }

  // The values of the variables that the outputs need.
  absl::Status Restore() {
    if (model_.has_value()) return absl::OkStatus();
    Feeds cut;
    for (const train::CutInput& input : options_.inputs) {
      const Node* node = graph_.FindNode(input.name);
      if (node != nullptr && node->num_outputs() > 0) cut.emplace_back(node->output(0), Tensor());
    }
    const std::vector<const Node*> variables = VariablesBehind(outputs_, cut);
    if (variables.empty()) return absl::OkStatus();
    const std::string prefix = CheckpointOf(line_);
    if (!prefix.empty()) return RestoreVariables(prefix, variables, &graph_, &*session_);
    std::vector<std::string> names;
    for (const Node* node : variables) names.push_back(Printable(node->name()));
    return absl::FailedPreconditionError(
        absl::StrCat("variables without a value: ", absl::StrJoin(names, ", "),
                     "; --checkpoint PREFIX says where they are saved"));
  }

  absl::Status Write() {
    const std::string path = line_.Get("out", "");
    SLUICE_ASSIGN_OR_RETURN(const std::string bytes,
                            SerializeMessage(def_, absl::EndsWith(path, ".pbtxt")));
    SLUICE_RETURN_IF_ERROR(FileSystem::Default().ReplaceAtomically(path, bytes));
    if (line_.Has("json")) return PrintJson(path, bytes.size());
    std::printf("%s: %d nodes of %d, %d batch normalizations folded, %zu bytes\n", path.c_str(),
                report_.nodes_written, report_.nodes_needed, report_.batch_norms_folded,
                bytes.size());
    for (const std::string& name : report_.outputs)
      std::printf("  output %s\n", Printable(name).c_str());
    if (!line_.Has("report")) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(const train::WeightSizes sizes, train::MeasureWeights(def_));
    std::printf("%s", train::WeightSizesTable(sizes).c_str());
    return absl::OkStatus();
  }

  static Json SizeJson(const train::WeightSize& size) {
    return Json::Object()
        .Set("name", size.name)
        .Set("dtype", size.dtype)
        .Set("shape", size.shape)
        .Set("elements", size.elements)
        .Set("channels", size.channels)
        .Set("bytes", size.now)
        .Set("float16", size.half)
        .Set("int8", size.int8_per_tensor)
        .Set("int8_per_channel", size.int8_per_channel);
  }

  absl::Status PrintJson(const std::string& path, size_t bytes) const {
    SLUICE_ASSIGN_OR_RETURN(const train::WeightSizes sizes, train::MeasureWeights(def_));
    Json weights = Json::Array(), outputs = Json::Array();
    for (const std::string& name : report_.outputs) outputs.Add(name);
    for (const train::WeightSize& size : sizes.weights) weights.Add(SizeJson(size));
    std::printf("%s\n", Json::Object()
                            .Set("file", path)
                            .Set("outputs", outputs)
                            .Set("bytes", static_cast<int64_t>(bytes))
                            .Set("nodes", int64_t{report_.nodes_written})
                            .Set("nodes_before", int64_t{report_.nodes_needed})
                            .Set("batch_norms_folded", int64_t{report_.batch_norms_folded})
                            .Set("weights", weights)
                            .Set("total", SizeJson(sizes.total))
                            .text()
                            .c_str());
    return absl::OkStatus();
  }

  const CommandLine& line_;
  Graph graph_;
  std::optional<Session> session_;   // of graph_
  std::optional<SavedModel> model_;  // in place of both
  Outputs outputs_;
  train::InferenceOptions options_;
  train::InferenceReport report_;
  proto::GraphDef def_;
};

}  // namespace

absl::Status FreezeCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, GraphJob::WithLimits({{"checkpoint", true, false},
                                                     {"tags", true, false},
                                                     {"signature", true, false},
                                                     {"outputs", true, true},
                                                     {"inputs", true, true},
                                                     {"set", true, true},
                                                     {"no-fold", false, false},
                                                     {"report", false, false},
                                                     {"json", false, false},
                                                     {"out", true, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1)
    return UsageError(absl::StrCat("expected one graph file or SavedModel, got ",
                                   line->positional().size(), " arguments; it comes first"));
  if (!line->Has("out")) return UsageError("--out FILE.pb is missing");
  return Freezing(*line).Run();
}

}  // namespace sluice::tools
