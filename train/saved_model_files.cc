#include "train/saved_model_files.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "proto/meta_graph.pb.h"
#include "train/model_signature.h"

namespace sluice {
namespace {

constexpr char kBinaryName[] = "saved_model.pb";
constexpr char kTextName[] = "saved_model.pbtxt";
constexpr char kVariables[] = "variables";

// "00000-of-00002" -> "00002"; nothing for other endings.
std::optional<std::string> ShardCount(absl::string_view ending) {
  const std::vector<std::string> parts = absl::StrSplit(ending, "-of-");
  const auto number = [](const std::string& s) {
    return s.size() == 5 && std::all_of(s.begin(), s.end(), absl::ascii_isdigit);
  };
  if (parts.size() != 2 || !number(parts[0]) || !number(parts[1])) return std::nullopt;
  return parts[1];
}

// The one name that a collection of it must hold; "" when there is no such collection.
absl::StatusOr<std::string> OnlyName(const proto::MetaGraphDef& meta, const std::string& key) {
  const auto found = meta.collection_def().find(key);
  if (found == meta.collection_def().end()) return std::string();
  const auto& names = found->second.node_list().value();
  if (names.size() == 1) return names[0];
  return absl::InvalidArgumentError(absl::StrCat(
      "collection '", key, "' must hold the name of exactly one op, got ", names.size()));
}

}  // namespace

bool IsSavedModel(FileSystem& fs, const std::string& directory) {
  return SavedModelPath(fs, directory).ok();
}

std::string SavedModelDirectory(FileSystem& fs, const std::string& path) {
  if (fs.IsDirectory(path)) return IsSavedModel(fs, path) ? path : "";
  const std::string name = BaseName(path);
  if ((name != kBinaryName && name != kTextName) || !fs.Exists(path)) return "";
  return DirectoryOf(path);
}

absl::StatusOr<std::string> SavedModelPath(FileSystem& fs, const std::string& directory) {
  for (const char* name : {kBinaryName, kTextName}) {
    std::string path = JoinPath(directory, name);
    if (fs.Exists(path)) return path;
  }
  return absl::NotFoundError(absl::StrCat(
      absl::CHexEscape(directory), fs.IsDirectory(directory) ? " is" : " is no directory, so no",
      fs.IsDirectory(directory) ? " no SavedModel: it has neither " : " SavedModel with ",
      kBinaryName, fs.IsDirectory(directory) ? " nor " : " or ", kTextName));
}

absl::Status ReadSavedModel(FileSystem& fs, const std::string& directory,
                            proto::SavedModel* model) {
  SLUICE_ASSIGN_OR_RETURN(const std::string path, SavedModelPath(fs, directory));
  const std::string shown = absl::CHexEscape(path);
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, fs.ReadAll(path));
  SLUICE_RETURN_IF_ERROR(
      Annotate(ParseMessage(bytes, absl::EndsWith(path, kTextName), model), shown));
  SLUICE_RETURN_IF_ERROR(Annotate(CheckWireTypes(*model), shown));
  if (model->saved_model_schema_version() > kSavedModelSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(shown, ": saved_model_schema_version is ", model->saved_model_schema_version(),
                     ", at most ", kSavedModelSchemaVersion, " can be read"));
  }
  if (model->meta_graphs_size() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(shown, ": a SavedModel without meta graphs"));
  }
  for (const proto::MetaGraphDef& meta : model->meta_graphs()) {
    SLUICE_RETURN_IF_ERROR(Annotate(CheckWireTypes(meta), shown));
    SLUICE_RETURN_IF_ERROR(Annotate(CheckWireTypes(meta.meta_info_def()), shown));
  }
  return absl::OkStatus();
}

TagSet TagsOf(const proto::MetaGraphDef& meta) {
  return TagSet(meta.meta_info_def().tags().begin(), meta.meta_info_def().tags().end());
}

std::vector<TagSet> TagSets(const proto::SavedModel& model) {
  std::vector<TagSet> sets;
  for (const proto::MetaGraphDef& meta : model.meta_graphs()) sets.push_back(TagsOf(meta));
  return sets;
}

TagSet DefaultTags(const proto::SavedModel& model) {
  const std::vector<TagSet> sets = TagSets(model);
  const TagSet serve = {kServeTag};
  const bool several =
      std::any_of(sets.begin(), sets.end(), [&](const TagSet& set) { return set != sets[0]; });
  if (sets.empty() || several) return serve;
  return sets[0];
}

std::string DescribeTags(const TagSet& tags) {
  return absl::StrCat("{",
                      absl::StrJoin(tags, ", ",
                                    [](std::string* out, const std::string& tag) {
                                      absl::StrAppend(out, Printable(tag));
                                    }),
                      "}");
}

absl::StatusOr<proto::MetaGraphDef*> FindMetaGraph(const TagSet& tags, proto::SavedModel* model) {
  for (proto::MetaGraphDef& meta : *model->mutable_meta_graphs()) {
    if (TagsOf(meta) == tags) return &meta;
  }
  return absl::NotFoundError(
      absl::StrCat("no meta graph has exactly the tags ", DescribeTags(tags), "; there are: ",
                   absl::StrJoin(TagSets(*model), ", ", [](std::string* out, const TagSet& set) {
                     absl::StrAppend(out, DescribeTags(set));
                   })));
}

std::string VariablesPrefix(const std::string& directory) {
  return JoinPath(JoinPath(directory, kVariables), kVariables);
}

absl::StatusOr<std::string> FindVariables(FileSystem& fs, const std::string& directory) {
  const std::string folder = JoinPath(directory, kVariables);
  const std::string prefix = VariablesPrefix(directory);
  if (!fs.IsDirectory(folder)) return std::string();
  // P.index.new: a writer died after its checkpoint was complete (io/bundle_files.h).
  if (fs.Exists(prefix + ".index") || fs.Exists(prefix + ".index.new")) return prefix;
  if (fs.Exists(prefix)) return prefix;
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(folder));
  for (absl::string_view name : names) {
    if (absl::StartsWith(name, "variables.data-")) {
      return absl::DataLossError(absl::StrCat(absl::CHexEscape(folder), " has ", Printable(name),
                                              ", but no variables.index that says what is in it"));
    }
    if (!absl::ConsumePrefix(&name, "variables-")) continue;
    if (const auto count = ShardCount(name); count.has_value()) {
      return absl::StrCat(prefix, "-", std::string(5, '?'), "-of-", *count);
    }
  }
  return std::string();
}

absl::StatusOr<std::string> InitOpOf(const proto::MetaGraphDef& meta) {
  const auto signature = meta.signature_def().find(kInitOpSignature);
  if (signature != meta.signature_def().end()) {
    const auto& outputs = signature->second.outputs();
    const auto found = outputs.find(kInitOpSignature);
    if (found != outputs.end()) return found->second.name();
    if (outputs.size() == 1) return outputs.begin()->second.name();
    return absl::InvalidArgumentError(absl::StrCat(
        "signature '", kInitOpSignature, "' must have exactly one output, got ", outputs.size()));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string main, OnlyName(meta, kMainOpKey));
  return main.empty() ? OnlyName(meta, kLegacyInitOpKey) : main;
}

absl::StatusOr<std::vector<proto::AssetFileDef>> AssetsOf(const proto::MetaGraphDef& meta) {
  std::vector<proto::AssetFileDef> assets(meta.asset_file_def().begin(),
                                          meta.asset_file_def().end());
  const auto collection = meta.collection_def().find(kAssetsKey);
  if (!assets.empty() || collection == meta.collection_def().end()) return assets;
  if (collection->second.kind_case() != proto::CollectionDef::kAnyList) {
    return absl::InvalidArgumentError(
        absl::StrCat("collection '", kAssetsKey, "' must be a list of messages (any_list)"));
  }
  for (const google::protobuf::Any& any : collection->second.any_list().value()) {
    if (!absl::EndsWith(any.type_url(), "/tensorflow.AssetFileDef")) {
      return absl::InvalidArgumentError(absl::StrCat("collection '", kAssetsKey,
                                                     "' must hold tensorflow.AssetFileDef, got '",
                                                     Printable(any.type_url()), "'"));
    }
    SLUICE_RETURN_IF_ERROR(
        Annotate(ParseMessage(any.value(), /*text=*/false, &assets.emplace_back()),
                 absl::StrCat("collection '", kAssetsKey, "'")));
  }
  return assets;
}

absl::StatusOr<std::string> AssetPath(const std::string& directory, const std::string& file_name) {
  const std::vector<std::string> parts = absl::StrSplit(file_name, '/');
  const bool leaves = std::find(parts.begin(), parts.end(), "..") != parts.end();
  if (file_name.empty() || file_name[0] == '/' || leaves || parts.back().empty() ||
      parts.back() == "." || file_name.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the asset's file name '", Printable(file_name),
                     "' must name a file inside the model's folder of assets"));
  }
  return JoinPath(JoinPath(directory, "assets"), file_name);
}

}  // namespace sluice
