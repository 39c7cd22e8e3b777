#include "train/saved_model_builder.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "proto/meta_graph.pb.h"
#include "train/checkpoint_diff.h"
#include "train/signature_call.h"

namespace sluice {

struct SavedModelBuilder::State {
  std::string directory;
  FileSystem* fs;
  proto::SavedModel model;
  bool has_variables = false;                 // written, if there are any
  std::map<std::string, std::string> assets;  // where each file in assets/ came from

  absl::Status Add(Graph& graph, const train::Saver& saver, const TagSet& tags,
                   const MetaGraphOptions& options, proto::MetaGraphDef* meta);
  absl::Status AddAssets(const Graph& graph, const MetaGraphOptions& options,
                         proto::MetaGraphDef* meta);
  absl::StatusOr<std::string> CopyAsset(const std::string& path);
  absl::Status CheckTags(const TagSet& tags) const;
};

namespace {

// Only a graph that may grow can get a saver. A session's graph is never empty.
Graph& GraphOf(const Session& session) { return session.graph().node(0)->graph(); }

std::unique_ptr<train::Saver> MakeSaver(Graph& graph, FileSystem& fs) {
  return std::make_unique<train::Saver>(
      graph,
      train::SaverOptions{.sharded = true, .max_to_keep = 0, .allow_empty = true, .fs = &fs});
}

absl::Status WriteSignatures(const Graph& graph, const MetaGraphOptions& options,
                             proto::MetaGraphDef* meta) {
  for (const auto& [key, signature] : options.signatures) {
    const std::string context = absl::StrCat("signature '", Printable(key), "'");
    if (key == kInitOpSignature || key == kTrainOpSignature) {
      return absl::InvalidArgumentError(absl::StrCat(context, " is a reserved key"));
    }
    std::vector<std::string> contradictions;
    SLUICE_RETURN_IF_ERROR(
        Annotate(SignatureCall::Resolve(graph, signature, &contradictions).status(), context));
    if (!contradictions.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(context, ": ", contradictions[0]));
    }
    SLUICE_RETURN_IF_ERROR(
        Annotate(ToProto(signature, &(*meta->mutable_signature_def())[key]), context));
  }
  return absl::OkStatus();
}

// A collection with the name of this one op.
absl::Status WriteOp(const Graph& graph, const char* key, const Output& op,
                     proto::MetaGraphDef* meta) {
  if (op.empty()) return absl::OkStatus();
  if (op.graph() != &graph) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": '", op.node()->name(), "' is an op of another graph"));
  }
  auto* names = (*meta->mutable_collection_def())[key].mutable_node_list();
  names->clear_value();
  names->add_value(op.node()->name());
  return absl::OkStatus();
}

// The file that a constant names.
absl::StatusOr<std::string> FileOf(const Graph& graph, const Output& tensor) {
  if (tensor.empty() || tensor.graph() != &graph || tensor.is_operation()) {
    return absl::InvalidArgumentError("an asset must be a tensor of the graph");
  }
  const std::optional<Tensor> value = graph.ConstantValue(tensor);
  if (!value.has_value() || value->dtype() != DType::kString || value->num_elements() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the asset ", tensor.name(), " must be a constant string scalar that names a file"));
  }
  return value->scalar<std::string>();
}

// Have all variables of a further graph values in the model?
absl::Status CheckCovers(const train::CheckpointDiff& diff) {
  if (diff.fits()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("the model's variables are not those of this graph:\n", train::ToText(diff)));
}

// Both where later loaders look for it and where older ones do.
absl::Status WriteAsset(const std::string& tensor, const std::string& file_name,
                        proto::MetaGraphDef* meta) {
  proto::AssetFileDef* asset = meta->add_asset_file_def();
  asset->set_filename(file_name);
  asset->mutable_tensor_info()->set_name(tensor);
  asset->mutable_tensor_info()->set_dtype(proto::DT_STRING);
  asset->mutable_tensor_info()->mutable_tensor_shape();
  google::protobuf::Any* any =
      (*meta->mutable_collection_def())[kAssetsKey].mutable_any_list()->add_value();
  any->set_type_url("type.googleapis.com/tensorflow.AssetFileDef");
  SLUICE_ASSIGN_OR_RETURN(*any->mutable_value(), SerializeMessage(*asset));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SavedModelBuilder> SavedModelBuilder::Create(const std::string& directory,
                                                            FileSystem& fs) {
  if (fs.IsDirectory(directory)) {
    SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
    if (!names.empty()) {
      return absl::AlreadyExistsError(absl::StrCat(
          "Export directory already exists, and isn't empty: ", absl::CHexEscape(directory)));
    }
  }
  SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(directory));
  auto state = std::make_unique<State>();
  state->directory = directory;
  state->fs = &fs;
  state->model.set_saved_model_schema_version(kSavedModelSchemaVersion);
  return SavedModelBuilder(std::move(state));
}

SavedModelBuilder::SavedModelBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {}
SavedModelBuilder::SavedModelBuilder(SavedModelBuilder&&) noexcept = default;
SavedModelBuilder& SavedModelBuilder::operator=(SavedModelBuilder&&) noexcept = default;
SavedModelBuilder::~SavedModelBuilder() = default;

absl::Status SavedModelBuilder::State::CheckTags(const TagSet& tags) const {
  for (const TagSet& there : TagSets(model)) {
    if (there == tags) {
      return absl::AlreadyExistsError(
          absl::StrCat("the model has a graph with the tags ", DescribeTags(tags), " already"));
    }
  }
  return absl::OkStatus();
}

// The name in assets/ of a copy of that file: its own, or, when another file has that, with a
// number.
absl::StatusOr<std::string> SavedModelBuilder::State::CopyAsset(const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, fs->ReadAll(path));
  const std::string base = BaseName(path);
  std::string name = base;
  for (int i = 1;; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const std::string to, AssetPath(directory, name));
    const auto taken = assets.find(name);
    if (taken == assets.end()) {
      SLUICE_RETURN_IF_ERROR(fs->CreateDirectories(DirectoryOf(to)));
      SLUICE_RETURN_IF_ERROR(fs->ReplaceAtomically(to, bytes));
      assets.emplace(name, path);
      return name;
    }
    if (taken->second == path) return name;
    SLUICE_ASSIGN_OR_RETURN(const std::string other, fs->ReadAll(to));
    if (other == bytes) return name;
    name = absl::StrCat(base, "_", i);
  }
}

absl::Status SavedModelBuilder::State::AddAssets(const Graph& graph,
                                                 const MetaGraphOptions& options,
                                                 proto::MetaGraphDef* meta) {
  std::map<std::string, std::string> files = options.assets;
  for (const Output& tensor : options.asset_filepaths) {
    SLUICE_ASSIGN_OR_RETURN(const std::string file, FileOf(graph, tensor));
    files[tensor.name()] = file;
  }
  for (const auto& [tensor, file] : files) {
    const std::string context = absl::StrCat("the asset ", Printable(tensor));
    SLUICE_RETURN_IF_ERROR(Annotate(FindModelTensor(graph, tensor).status(), context));
    const absl::StatusOr<std::string> name = CopyAsset(file);
    SLUICE_RETURN_IF_ERROR(Annotate(name.status(), context));
    SLUICE_RETURN_IF_ERROR(WriteAsset(tensor, *name, meta));
  }
  return absl::OkStatus();
}

// All but the values of the variables.
absl::Status SavedModelBuilder::State::Add(Graph& graph, const train::Saver& saver,
                                           const TagSet& tags, const MetaGraphOptions& options,
                                           proto::MetaGraphDef* meta) {
  SLUICE_RETURN_IF_ERROR(ToMetaGraphDef(graph, meta,
                                        {.clear_devices = options.clear_devices,
                                         .strip_default_attrs = options.strip_default_attrs}));
  for (const std::string& tag : tags) meta->mutable_meta_info_def()->add_tags(tag);
  const absl::Status saved = saver.ToSaverDef(meta->mutable_saver_def());
  if (absl::IsFailedPrecondition(saved)) {
    meta->clear_saver_def();  // no variables
  } else {
    SLUICE_RETURN_IF_ERROR(saved);
  }
  SLUICE_RETURN_IF_ERROR(WriteSignatures(graph, options, meta));
  SLUICE_RETURN_IF_ERROR(WriteOp(graph, kMainOpKey, options.main_op, meta));
  SLUICE_RETURN_IF_ERROR(WriteOp(graph, kLegacyInitOpKey, options.legacy_init_op, meta));
  SLUICE_RETURN_IF_ERROR(WriteOp(graph, kTrainOpKey, options.train_op, meta));
  return AddAssets(graph, options, meta);
}

absl::Status SavedModelBuilder::AddMetaGraphAndVariables(Session& session, const TagSet& tags,
                                                         const MetaGraphOptions& options) {
  if (state_->has_variables) {
    return absl::FailedPreconditionError(
        "Graph state including variables and assets has already been saved: further graphs go to "
        "AddMetaGraph");
  }
  Graph& graph = GraphOf(session);
  const std::unique_ptr<train::Saver> own =
      options.saver == nullptr ? MakeSaver(graph, *state_->fs) : nullptr;
  train::Saver& saver = options.saver == nullptr ? *own : *options.saver;
  SLUICE_RETURN_IF_ERROR(graph.status());
  proto::MetaGraphDef meta;
  SLUICE_RETURN_IF_ERROR(state_->Add(graph, saver, tags, options, &meta));
  const std::string prefix = VariablesPrefix(state_->directory);
  SLUICE_RETURN_IF_ERROR(state_->fs->CreateDirectories(DirectoryOf(prefix)));
  if (meta.has_saver_def()) {
    SLUICE_RETURN_IF_ERROR(
        saver.Save(session, prefix, std::nullopt, {.write_meta_graph = false, .write_state = false})
            .status());
  }
  state_->has_variables = true;
  *state_->model.add_meta_graphs() = std::move(meta);
  return absl::OkStatus();
}

absl::Status SavedModelBuilder::AddMetaGraph(Graph& graph, const TagSet& tags,
                                             const MetaGraphOptions& options) {
  if (!state_->has_variables) {
    return absl::FailedPreconditionError(
        "Graph state including variables and assets has not been saved yet: the first graph goes "
        "to AddMetaGraphAndVariables");
  }
  SLUICE_RETURN_IF_ERROR(state_->CheckTags(tags));
  const std::unique_ptr<train::Saver> own =
      options.saver == nullptr ? MakeSaver(graph, *state_->fs) : nullptr;
  const train::Saver& saver = options.saver == nullptr ? *own : *options.saver;
  SLUICE_RETURN_IF_ERROR(graph.status());
  proto::MetaGraphDef meta;
  SLUICE_RETURN_IF_ERROR(state_->Add(graph, saver, tags, options, &meta));
  if (meta.has_saver_def()) {
    const absl::StatusOr<train::CheckpointDiff> diff =
        saver.Compare(VariablesPrefix(state_->directory));
    SLUICE_RETURN_IF_ERROR(diff.status());
    SLUICE_RETURN_IF_ERROR(CheckCovers(*diff));
  }
  *state_->model.add_meta_graphs() = std::move(meta);
  return absl::OkStatus();
}

absl::StatusOr<std::string> SavedModelBuilder::Save(bool as_text) {
  if (!state_->has_variables) {
    return absl::FailedPreconditionError("a SavedModel needs at least one graph");
  }
  const std::string path =
      JoinPath(state_->directory, as_text ? "saved_model.pbtxt" : "saved_model.pb");
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMessage(state_->model, as_text));
  SLUICE_RETURN_IF_ERROR(state_->fs->ReplaceAtomically(path, bytes));
  return path;
}

absl::StatusOr<std::string> SimpleSave(Session& session, const std::string& directory,
                                       const std::map<std::string, Output>& inputs,
                                       const std::map<std::string, Output>& outputs,
                                       const Output& main_op) {
  SLUICE_ASSIGN_OR_RETURN(ModelSignature signature, PredictSignature(inputs, outputs));
  SLUICE_ASSIGN_OR_RETURN(SavedModelBuilder builder, SavedModelBuilder::Create(directory));
  SLUICE_RETURN_IF_ERROR(builder.AddMetaGraphAndVariables(
      session, {kServeTag},
      {.signatures = {{kDefaultSignature, std::move(signature)}}, .main_op = main_op}));
  return builder.Save();
}

}  // namespace sluice
