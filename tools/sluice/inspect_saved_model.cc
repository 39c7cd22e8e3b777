// sluice inspect of SavedModels.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "ops/all_ops.h"
#include "proto/meta_graph.pb.h"
#include "tools/sluice/inspect.h"
#include "tools/sluice/json.h"
#include "tools/sluice/scope_tree.h"
#include "train/checkpoint_reader.h"
#include "train/model_signature.h"
#include "train/saved_model_files.h"

namespace sluice::tools {
namespace {

struct FunctionSummary {
  std::string name, inputs, outputs;  // "x: float32, v: resource"
  int nodes = 0;
};

struct MetaGraphSummary {
  TagSet tags;
  std::string tensorflow_version;
  std::map<std::string, ModelSignature> signatures;
  std::vector<std::pair<std::string, std::string>> assets;  // tensor, file name
  std::string init_op;
  int nodes = 0;
  std::map<std::string, int> ops;  // also those in functions
  std::set<std::string> unknown_ops;
  std::vector<FunctionSummary> functions;
};

std::string DescribeArgs(const google::protobuf::RepeatedPtrField<proto::OpDef::ArgDef>& args) {
  return absl::StrJoin(args, ", ", [](std::string* out, const proto::OpDef::ArgDef& arg) {
    absl::StrAppend(out, Printable(arg.name()), ": ",
                    arg.type() == proto::DT_INVALID ? Printable(arg.type_attr())
                                                    : DTypeName(static_cast<DType>(arg.type())));
  });
}

// Ops by how often they occur, in the graph and in the functions of its library.
void CountOps(const proto::GraphDef& def, MetaGraphSummary* summary) {
  std::set<std::string> functions;
  for (const proto::FunctionDef& function : def.library().function()) {
    functions.insert(function.signature().name());
    for (const proto::NodeDef& node : function.node_def()) ++summary->ops[node.op()];
    summary->functions.push_back({.name = function.signature().name(),
                                  .inputs = DescribeArgs(function.signature().input_arg()),
                                  .outputs = DescribeArgs(function.signature().output_arg()),
                                  .nodes = function.node_def_size()});
  }
  std::sort(summary->functions.begin(), summary->functions.end(),
            [](const FunctionSummary& a, const FunctionSummary& b) { return a.name < b.name; });
  for (const proto::NodeDef& node : def.node()) ++summary->ops[node.op()];
  summary->nodes = def.node_size();
  for (const auto& [op, count] : summary->ops) {
    if (ops::Builtin().Find(op) == nullptr && functions.count(op) == 0) {
      summary->unknown_ops.insert(op);
    }
  }
}

absl::StatusOr<MetaGraphSummary> Summarize(const proto::MetaGraphDef& meta) {
  MetaGraphSummary summary{.tags = TagsOf(meta),
                           .tensorflow_version = meta.meta_info_def().tensorflow_version()};
  for (const auto& [key, def] : meta.signature_def()) {
    absl::StatusOr<ModelSignature> signature = SignatureFromProto(def);
    SLUICE_RETURN_IF_ERROR(
        Annotate(signature.status(), absl::StrCat("signature '", Printable(key), "'")));
    summary.signatures.emplace(key, *std::move(signature));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<proto::AssetFileDef> assets, AssetsOf(meta));
  for (const proto::AssetFileDef& asset : assets) {
    summary.assets.emplace_back(asset.tensor_info().name(), asset.filename());
  }
  SLUICE_ASSIGN_OR_RETURN(summary.init_op, InitOpOf(meta));
  // A graph that cannot be imported is refused, not listed.
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(ImportGraphDef(meta.graph_def(), &graph,
                                        {.producer_ops = &meta.meta_info_def().stripped_op_list()})
                             .status());
  CountOps(meta.graph_def(), &summary);
  return summary;
}

absl::StatusOr<std::vector<Entry>> ReadVariables(const std::string& directory) {
  std::vector<Entry> variables;
  SLUICE_ASSIGN_OR_RETURN(const std::string files, FindVariables(FileSystem::Default(), directory));
  if (files.empty()) return variables;
  SLUICE_ASSIGN_OR_RETURN(const train::CheckpointReader reader,
                          train::CheckpointReader::Open(files));
  SLUICE_RETURN_IF_ERROR(reader.VerifyAll());
  for (const BundleTensor& t : reader.entries()) variables.push_back({t.name, t.dtype, t.shape});
  return variables;
}

// --- text ---

void PrintTensors(const char* title, const std::map<std::string, ModelTensor>& tensors) {
  for (const auto& [key, tensor] : tensors) {
    std::printf("    %s %s  %s\n", title, Printable(key).c_str(),
                DescribeModelTensor(tensor).c_str());
  }
}

void PrintMetaGraph(const MetaGraphSummary& s) {
  std::printf("\ngraph with tags %s", DescribeTags(s.tags).c_str());
  if (!s.tensorflow_version.empty()) {
    std::printf("  (written by TensorFlow %s)", Printable(s.tensorflow_version).c_str());
  }
  std::printf("\n  signatures (%zu)\n", s.signatures.size());
  for (const auto& [key, signature] : s.signatures) {
    std::printf("  %s  %s\n", Printable(key).c_str(), Printable(signature.method_name).c_str());
    PrintTensors("in ", signature.inputs);
    PrintTensors("out", signature.outputs);
  }
  if (!s.assets.empty()) std::printf("  assets (%zu)\n", s.assets.size());
  for (const auto& [tensor, file] : s.assets) {
    std::printf("    %s  %s\n", Printable(file).c_str(), Printable(tensor).c_str());
  }
  if (!s.init_op.empty()) std::printf("  initializer  %s\n", Printable(s.init_op).c_str());
  if (!s.functions.empty()) std::printf("  functions (%zu)\n", s.functions.size());
  for (const FunctionSummary& f : s.functions) {
    std::printf("    %s(%s) -> (%s)  %d nodes\n", Printable(f.name).c_str(), f.inputs.c_str(),
                f.outputs.c_str(), f.nodes);
  }
  std::printf("  %d nodes, %zu op types%s\n", s.nodes, s.ops.size(),
              s.functions.empty() ? "" : " with those in functions");
  std::vector<std::pair<int, std::string>> by_count;
  for (const auto& [op, count] : s.ops) by_count.emplace_back(-count, op);
  std::sort(by_count.begin(), by_count.end());
  for (const auto& [negative, op] : by_count) {
    std::printf("    %6d  %s%s\n", -negative, Printable(op).c_str(),
                s.unknown_ops.count(op) ? "  (not known here: cannot run)" : "");
  }
}

// --- JSON ---

Json TensorsJson(const std::map<std::string, ModelTensor>& tensors) {
  Json all = Json::Object();
  for (const auto& [key, tensor] : tensors) {
    Json one = Json::Object();
    if (tensor.sparse()) {
      one.Set("values", tensor.values)
          .Set("indices", tensor.indices)
          .Set("dense_shape", tensor.dense_shape);
    } else {
      one.Set("name", tensor.name);
    }
    const bool operation = tensor.dtype == DType::kInvalid;
    one.Set("dtype", operation ? Json::Null() : Json(DTypeName(tensor.dtype)));
    all.Set(key, one.Set("shape", operation ? Json::Null() : ShapeJson(tensor.shape)));
  }
  return all;
}

Json MetaGraphJson(const MetaGraphSummary& s) {
  Json tags = Json::Array(), signatures = Json::Object(), assets = Json::Array(),
       ops = Json::Object(), unknown = Json::Array(), functions = Json::Array();
  for (const std::string& tag : s.tags) tags.Add(tag);
  for (const auto& [key, signature] : s.signatures) {
    signatures.Set(key, Json::Object()
                            .Set("method_name", signature.method_name)
                            .Set("inputs", TensorsJson(signature.inputs))
                            .Set("outputs", TensorsJson(signature.outputs)));
  }
  for (const auto& [tensor, file] : s.assets) {
    assets.Add(Json::Object().Set("tensor", tensor).Set("file", file));
  }
  for (const auto& [op, count] : s.ops) ops.Set(op, int64_t{count});
  for (const std::string& op : s.unknown_ops) unknown.Add(op);
  for (const FunctionSummary& f : s.functions) {
    functions.Add(Json::Object()
                      .Set("name", f.name)
                      .Set("inputs", f.inputs)
                      .Set("outputs", f.outputs)
                      .Set("nodes", int64_t{f.nodes}));
  }
  return Json::Object()
      .Set("tags", tags)
      .Set("tensorflow_version", s.tensorflow_version)
      .Set("signatures", signatures)
      .Set("assets", assets)
      .Set("init_op", s.init_op.empty() ? Json::Null() : Json(s.init_op))
      .Set("nodes", int64_t{s.nodes})
      .Set("ops", ops)
      .Set("unknown_ops", unknown)
      .Set("functions", functions);
}

}  // namespace

bool HoldsSavedModel(const std::string& path) {
  return !SavedModelDirectory(FileSystem::Default(), path).empty();
}

absl::Status InspectSavedModel(const std::string& path, bool json) {
  FileSystem& fs = FileSystem::Default();
  const std::string directory = SavedModelDirectory(fs, path);
  SLUICE_ASSIGN_OR_RETURN(const std::string file_path, SavedModelPath(fs, directory));
  proto::SavedModel file;
  SLUICE_RETURN_IF_ERROR(ReadSavedModel(fs, directory, &file));
  std::vector<MetaGraphSummary> graphs;
  for (const proto::MetaGraphDef& meta : file.meta_graphs()) {
    absl::StatusOr<MetaGraphSummary> summary = Summarize(meta);
    SLUICE_RETURN_IF_ERROR(Annotate(summary.status(), absl::CHexEscape(file_path)));
    graphs.push_back(*std::move(summary));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Entry> variables, ReadVariables(directory));
  if (json) {
    Json all = Json::Array();
    for (const MetaGraphSummary& graph : graphs) all.Add(MetaGraphJson(graph));
    std::printf("%s\n", Json::Object()
                            .Set("graphs", all)
                            .Set("variables", EntriesJson(variables))
                            .Set("parameters", CountElements(variables))
                            .text()
                            .c_str());
    return absl::OkStatus();
  }
  std::printf("SavedModel %s: %zu graph%s\n", absl::CHexEscape(file_path).c_str(), graphs.size(),
              graphs.size() == 1 ? "" : "s");
  for (const MetaGraphSummary& graph : graphs) PrintMetaGraph(graph);
  PrintTree("variables", variables);
  std::printf("\nelements in variables: %lld\n", static_cast<long long>(CountElements(variables)));
  return absl::OkStatus();
}

}  // namespace sluice::tools
