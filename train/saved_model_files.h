// The directory of a SavedModel, and the messages in it: what its reader, its writer and the tools
// share.
//
//   <directory>/saved_model.pb (or saved_model.pbtxt)   the message SavedModel: the meta graphs
//   <directory>/variables/variables.index, .data-...    a checkpoint for all of them
//   <directory>/assets/<file>                           files that the graphs read
#ifndef SLUICE_TRAIN_SAVED_MODEL_FILES_H_
#define SLUICE_TRAIN_SAVED_MODEL_FILES_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice {
namespace proto {
class AssetFileDef;
class MetaGraphDef;
class SavedModel;
}  // namespace proto

// Tags of meta graphs (tf.saved_model.tag_constants).
inline constexpr char kServeTag[] = "serve";
inline constexpr char kTrainTag[] = "train";
inline constexpr char kGpuTag[] = "gpu";
inline constexpr char kTpuTag[] = "tpu";

// Collections of a meta graph that a loader looks at.
inline constexpr char kMainOpKey[] = "saved_model_main_op";
inline constexpr char kLegacyInitOpKey[] = "legacy_init_op";
inline constexpr char kTrainOpKey[] = "saved_model_train_op";
inline constexpr char kAssetsKey[] = "saved_model_assets";

inline constexpr int kSavedModelSchemaVersion = 1;

using TagSet = std::set<std::string>;

// Is there a saved_model.pb or saved_model.pbtxt? (maybe_saved_model_directory)
bool IsSavedModel(FileSystem& fs, const std::string& directory);
// The directory of the SavedModel that a user names: `path` itself, or the directory of its file
// saved_model.pb(txt); "" when it is none.
std::string SavedModelDirectory(FileSystem& fs, const std::string& path);
// Where they are; saved_model.pb wins. NotFound, naming both, when there is neither.
absl::StatusOr<std::string> SavedModelPath(FileSystem& fs, const std::string& directory);
// Reads that file. Errors name it: NotFound; InvalidArgument for damaged bytes and for a model
// without meta graphs; FailedPrecondition for a newer schema version.
absl::Status ReadSavedModel(FileSystem& fs, const std::string& directory, proto::SavedModel* model);

// The tags of each meta graph, in the order of the file.
std::vector<TagSet> TagSets(const proto::SavedModel& model);
TagSet TagsOf(const proto::MetaGraphDef& meta);
// The tags that are meant where none are said: "serve" alone, or the only ones there are. With
// several tag sets, "serve" though it is none of them.
TagSet DefaultTags(const proto::SavedModel& model);
// "{gpu, serve}".
std::string DescribeTags(const TagSet& tags);
// The first meta graph with exactly these tags. NotFound, listing the tag sets that there are.
absl::StatusOr<proto::MetaGraphDef*> FindMetaGraph(const TagSet& tags, proto::SavedModel* model);

// The prefix that the variables have in a model just written: <directory>/variables/variables.
std::string VariablesPrefix(const std::string& directory);
// What to restore from: that prefix where it names a checkpoint of version 2, or the one file of
// version 1; the pattern of the files of version 1 where there are several ("...-?????-of-00002");
// "" when there is no folder of variables or nothing in it. DataLoss when there are data files
// without their index.
absl::StatusOr<std::string> FindVariables(FileSystem& fs, const std::string& directory);

// The name of the op that a loader runs after restoring: what the signature __saved_model_init_op
// has as its output, else the item of the collection saved_model_main_op, else of legacy_init_op;
// "" when there is none. InvalidArgument unless it is exactly one.
absl::StatusOr<std::string> InitOpOf(const proto::MetaGraphDef& meta);

// The assets of a meta graph: field asset_file_def, else the collection of them. InvalidArgument
// for a collection of anything else.
absl::StatusOr<std::vector<proto::AssetFileDef>> AssetsOf(const proto::MetaGraphDef& meta);
// <directory>/assets/<file_name>. InvalidArgument for a name that is empty, absolute, or leaves the
// folder: a model never makes anybody read a file outside of it.
absl::StatusOr<std::string> AssetPath(const std::string& directory, const std::string& file_name);

}  // namespace sluice

#endif  // SLUICE_TRAIN_SAVED_MODEL_FILES_H_
