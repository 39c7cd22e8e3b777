#include "train/saved_model.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/graph_def.h"
#include "graph/nearest.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"

namespace sluice {

struct SavedModel::State {
  std::string directory;
  TagSet tags;
  proto::MetaGraphDef meta;  // without graph_def
  std::map<std::string, std::string> assets;
  std::map<std::string, ModelSignature> signatures;
  std::map<std::string, absl::StatusOr<SignatureCall>> calls;
  Graph graph{ops::Builtin()};
  std::optional<Session> session;  // after the graph that it runs
};

namespace {

constexpr char kVariableOps[][16] = {"VarHandleOp", "VariableV2", "Variable"};

bool HasVariables(const Graph& graph) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (const char* op : kVariableOps) {
      if (graph.node(id)->op() == op) return true;
    }
  }
  return false;
}

bool IsScalar(const proto::AttrValue& value) {
  return value.has_shape() && !value.shape().unknown_rank() && value.shape().dim_size() == 0;
}

// A function of TensorFlow 2 that was traced with a number computes with arrays as well, and no
// loader of TensorFlow looks at the shapes of what a signature gets. So placeholders of scalars
// that functions compute with are let take any shape. Returns the names of these tensors.
std::set<std::string> FreeScalars(proto::MetaGraphDef* meta) {
  std::set<std::string> inputs, freed;
  if (meta->graph_def().library().function_size() == 0) return freed;
  for (const auto& [key, signature] : meta->signature_def()) {
    for (const auto& [input, info] : signature.inputs()) inputs.insert(info.name());
  }
  for (proto::NodeDef& node : *meta->mutable_graph_def()->mutable_node()) {
    const std::string tensor = absl::StrCat(node.name(), ":0");
    const auto shape = node.mutable_attr()->find("shape");
    if (node.op() != "Placeholder" || inputs.count(tensor) == 0) continue;
    if (shape == node.attr().end() || !IsScalar(shape->second)) continue;
    shape->second.mutable_shape()->set_unknown_rank(true);
    node.mutable_attr()->erase("_output_shapes");
    freed.insert(tensor);
  }
  return freed;
}

// The graph without collections is worth having: TensorFlow's own loader does not read them.
absl::Status ImportGraph(const proto::MetaGraphDef& meta, Graph* graph) {
  const absl::Status imported = ImportMetaGraph(meta, graph);
  if (imported.ok() || meta.collection_def().empty()) return imported;
  proto::MetaGraphDef bare;
  *bare.mutable_meta_info_def() = meta.meta_info_def();
  *bare.mutable_graph_def() = meta.graph_def();
  if (!ImportMetaGraph(bare, graph).ok()) return imported;
  LOG(WARNING) << "the model's collections are left out: " << imported;
  return absl::OkStatus();
}

// What the graph reads from the model's folder of assets, by the tensor that gets the path.
absl::StatusOr<std::map<std::string, std::string>> ReadAssets(const proto::MetaGraphDef& meta,
                                                              const std::string& directory,
                                                              FileSystem& fs) {
  std::map<std::string, std::string> paths;
  SLUICE_ASSIGN_OR_RETURN(const std::vector<proto::AssetFileDef> assets, AssetsOf(meta));
  for (const proto::AssetFileDef& asset : assets) {
    SLUICE_ASSIGN_OR_RETURN(std::string path, AssetPath(directory, asset.filename()));
    if (!fs.Exists(path)) {
      return absl::NotFoundError(absl::StrCat("the asset ", absl::CHexEscape(path), " is missing"));
    }
    paths[asset.tensor_info().name()] = std::move(path);
  }
  return paths;
}

absl::StatusOr<Feeds> AssetFeeds(const std::map<std::string, std::string>& assets,
                                 const Graph& graph) {
  Feeds feeds;
  for (const auto& [name, path] : assets) {
    absl::StatusOr<Output> tensor = FindModelTensor(graph, name);
    SLUICE_RETURN_IF_ERROR(
        Annotate(tensor.status(), absl::StrCat("the asset ", absl::CHexEscape(path))));
    feeds.emplace_back(*std::move(tensor), Tensor::Scalar(path));
  }
  return feeds;
}

absl::Status RestoreVariables(const proto::SaverDef& saver, const std::string& files, Feeds feeds,
                              Session* session) {
  const Graph& graph = session->graph();
  if (saver.restore_op_name().empty()) {
    if (!HasVariables(graph)) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the model has variables, but names no op that restores them (saver_def)");
  }
  const absl::StatusOr<Output> restore = FindModelOperation(graph, saver.restore_op_name());
  SLUICE_RETURN_IF_ERROR(Annotate(restore.status(), "the restore op of saver_def"));
  const absl::StatusOr<Output> filename = FindModelTensor(graph, saver.filename_tensor_name());
  SLUICE_RETURN_IF_ERROR(Annotate(filename.status(), "the file name's tensor of saver_def"));
  feeds.emplace_back(*filename, Tensor::Scalar(files));
  return session->Run(feeds, {*restore}).status();
}

absl::Status RunInitOp(const proto::MetaGraphDef& meta, const SavedModelOptions& options,
                       const Feeds& feeds, Session* session) {
  std::string name = options.init_op;
  if (name.empty()) {
    SLUICE_ASSIGN_OR_RETURN(name, InitOpOf(meta));
  }
  if (name.empty()) return absl::OkStatus();
  const absl::StatusOr<Output> op = FindModelOperation(session->graph(), name);
  SLUICE_RETURN_IF_ERROR(op.status());
  return session->Run(feeds, {*op}).status();
}

// Restores and initializes.
absl::Status Start(const proto::MetaGraphDef& meta, const std::string& directory,
                   const std::map<std::string, std::string>& assets,
                   const SavedModelOptions& options, Session* session) {
  SLUICE_ASSIGN_OR_RETURN(const Feeds feeds, AssetFeeds(assets, session->graph()));
  if (options.restore_variables) {
    SLUICE_ASSIGN_OR_RETURN(const std::string files, FindVariables(*options.fs, directory));
    if (!files.empty()) {
      SLUICE_RETURN_IF_ERROR(
          Annotate(RestoreVariables(meta.saver_def(), files, feeds, session),
                   absl::StrCat("restoring the variables from ", absl::CHexEscape(files))));
    }
  }
  if (!options.run_init_op) return absl::OkStatus();
  return Annotate(RunInitOp(meta, options, feeds, session), "the model's initializer");
}

absl::Status ReadSignatures(const proto::MetaGraphDef& meta,
                            std::map<std::string, ModelSignature>* signatures) {
  for (const auto& [key, def] : meta.signature_def()) {
    absl::StatusOr<ModelSignature> signature = SignatureFromProto(def);
    SLUICE_RETURN_IF_ERROR(
        Annotate(signature.status(), absl::StrCat("signature '", Printable(key), "'")));
    signatures->emplace(key, *std::move(signature));
  }
  return absl::OkStatus();
}

// What is wrong with a signature is the matter of those who call it. `freed`: FreeScalars().
std::map<std::string, absl::StatusOr<SignatureCall>> Bind(
    const std::map<std::string, ModelSignature>& signatures, const std::set<std::string>& freed,
    const Graph& graph) {
  std::map<std::string, absl::StatusOr<SignatureCall>> calls;
  for (auto [key, signature] : signatures) {
    for (auto& [input, tensor] : signature.inputs) {
      if (freed.count(tensor.name) > 0) tensor.shape = TensorShape::Unknown();
    }
    std::vector<std::string> warnings;
    calls.emplace(key, SignatureCall::Resolve(graph, signature, &warnings));
    for (const std::string& warning : warnings) {
      LOG(WARNING) << "signature '" << Printable(key) << "': " << warning;
    }
  }
  return calls;
}

}  // namespace

absl::StatusOr<SavedModel> SavedModel::Load(const std::string& directory, const TagSet& tags,
                                            const SavedModelOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(const std::string path, SavedModelPath(*options.fs, directory));
  const std::string shown = absl::CHexEscape(path);
  auto state = std::make_unique<State>();
  {
    proto::SavedModel file;
    SLUICE_RETURN_IF_ERROR(ReadSavedModel(*options.fs, directory, &file));
    const absl::StatusOr<proto::MetaGraphDef*> found = FindMetaGraph(tags, &file);
    SLUICE_RETURN_IF_ERROR(Annotate(found.status(), shown));
    state->meta.Swap(*found);
  }
  proto::MetaGraphDef& meta = state->meta;
  state->directory = directory;
  state->tags = tags;
  const std::set<std::string> freed = FreeScalars(&meta);
  SLUICE_RETURN_IF_ERROR(Annotate(ImportGraph(meta, &state->graph), shown));
  meta.clear_graph_def();
  SLUICE_RETURN_IF_ERROR(Annotate(ReadSignatures(meta, &state->signatures), shown));
  absl::StatusOr<std::map<std::string, std::string>> assets =
      ReadAssets(meta, directory, *options.fs);
  SLUICE_RETURN_IF_ERROR(Annotate(assets.status(), shown));
  state->assets = *std::move(assets);
  absl::StatusOr<Session> session = Session::Create(state->graph, options.session);
  SLUICE_RETURN_IF_ERROR(Annotate(session.status(), shown));
  state->session.emplace(*std::move(session));
  SLUICE_RETURN_IF_ERROR(
      Annotate(Start(meta, directory, state->assets, options, &*state->session), shown));
  state->calls = Bind(state->signatures, freed, state->graph);
  return SavedModel(std::move(state));
}

SavedModel::SavedModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
SavedModel::SavedModel(SavedModel&&) noexcept = default;
SavedModel& SavedModel::operator=(SavedModel&&) noexcept = default;
SavedModel::~SavedModel() = default;

absl::StatusOr<const SignatureCall*> SavedModel::FindSignature(const std::string& key) const {
  const auto found = state_->calls.find(key);
  if (found == state_->calls.end()) {
    std::vector<std::string> keys;
    for (const auto& [known, signature] : state_->signatures) keys.push_back(known);
    return absl::NotFoundError(absl::StrCat(
        absl::CHexEscape(state_->directory), " has no signature '", Printable(key), "'.",
        DidYouMean(key, keys),
        " There are: ", absl::StrJoin(keys, ", ", [](std::string* out, const std::string& known) {
          absl::StrAppend(out, "'", Printable(known), "'");
        })));
  }
  SLUICE_RETURN_IF_ERROR(
      Annotate(found->second.status(), absl::StrCat("signature '", Printable(key), "'")));
  return &*found->second;
}

absl::StatusOr<std::string> SavedModel::DefaultSignature() const {
  if (state_->signatures.count(kDefaultSignature) > 0) return std::string(kDefaultSignature);
  std::vector<std::string> keys;
  for (const auto& [key, signature] : state_->signatures) {
    if (key != kInitOpSignature && key != kTrainOpSignature) keys.push_back(key);
  }
  if (keys.size() == 1) return keys[0];
  return FindSignature(kDefaultSignature).status();
}

absl::StatusOr<KeyedTensors> SavedModel::Run(const std::string& signature,
                                             const KeyedTensors& inputs) {
  SLUICE_ASSIGN_OR_RETURN(const SignatureCall* call, FindSignature(signature));
  const std::string context = absl::StrCat("signature '", Printable(signature), "'");
  absl::StatusOr<Feeds> feeds = call->MakeFeeds(inputs);
  SLUICE_RETURN_IF_ERROR(Annotate(feeds.status(), context));
  absl::StatusOr<std::vector<Tensor>> values = state_->session->Run(*feeds, call->fetches());
  SLUICE_RETURN_IF_ERROR(Annotate(values.status(), context));
  return call->MakeResults(*std::move(values));
}

absl::StatusOr<KeyedTensors> SavedModel::Run(const KeyedTensors& inputs) {
  SLUICE_ASSIGN_OR_RETURN(const std::string key, DefaultSignature());
  return Run(key, inputs);
}

const std::string& SavedModel::directory() const { return state_->directory; }
const TagSet& SavedModel::tags() const { return state_->tags; }
const std::map<std::string, ModelSignature>& SavedModel::signatures() const {
  return state_->signatures;
}
const std::map<std::string, std::string>& SavedModel::assets() const { return state_->assets; }
const proto::MetaGraphDef& SavedModel::meta_graph() const { return state_->meta; }
Graph& SavedModel::graph() { return state_->graph; }
const Graph& SavedModel::graph() const { return state_->graph; }
Session& SavedModel::session() { return *state_->session; }

}  // namespace sluice
