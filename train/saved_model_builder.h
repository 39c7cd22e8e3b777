// Writing SavedModels, as tf.saved_model.Builder does: TensorFlow's loaders and ours read them.
#ifndef SLUICE_TRAIN_SAVED_MODEL_BUILDER_H_
#define SLUICE_TRAIN_SAVED_MODEL_BUILDER_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "graph/graph.h"
#include "session/session.h"
#include "train/model_signature.h"
#include "train/saved_model_files.h"
#include "train/saver.h"

namespace sluice {

// What a meta graph has beside its graph (the arguments of add_meta_graph).
struct MetaGraphOptions {
  // By key. Checked: every tensor is in the graph, with this dtype and a shape that fits.
  std::map<std::string, ModelSignature> signatures = {};
  // Constant string scalars that name files: each file is copied to assets/, and loaders feed the
  // constant the place of the copy (assets_collection; usually the collection ASSET_FILEPATHS).
  Outputs asset_filepaths = {};
  // The same for any string tensor, by name, with its file: SavedModel::assets() of a loaded model.
  std::map<std::string, std::string> assets = {};
  Output main_op = {};         // an operation that loaders run after restoring: fills tables, ...
  Output legacy_init_op = {};  // the same, as old loaders know it
  Output train_op = {};        // which one trains; loaders never run it
  bool clear_devices = false;
  bool strip_default_attrs = false;  // older releases then read graphs with attributes they lack
  // The saver whose graph restores the variables; null: a new sharded one over all variables, whose
  // nodes are added to the graph.
  train::Saver* saver = nullptr;
};

// Usage: Create, AddMetaGraphAndVariables once, AddMetaGraph for further graphs of the same
// variables (one for training and one for serving, say), Save.
//
// The directory is a SavedModel from the moment that Save() ends on: saved_model.pb is written last
// and appears whole or not at all. After an error of a call it may be tried again.
class SavedModelBuilder {
 public:
  // Makes the directory. AlreadyExists when it is there and not empty. `fs` must outlive the
  // builder.
  static absl::StatusOr<SavedModelBuilder> Create(const std::string& directory,
                                                  FileSystem& fs = FileSystem::Default());
  SavedModelBuilder(SavedModelBuilder&&) noexcept;
  SavedModelBuilder& operator=(SavedModelBuilder&&) noexcept;
  ~SavedModelBuilder();

  // Writes the variables' values in `session` and the assets, and notes the session's graph under
  // these tags. FailedPrecondition the second time, and for an uninitialized variable;
  // InvalidArgument for signatures that the graph does not bear out, reserved keys, assets that are
  // no constant string scalars, ops of another graph; the errors of the files.
  absl::Status AddMetaGraphAndVariables(Session& session, const TagSet& tags,
                                        const MetaGraphOptions& options = {});
  // Notes another graph; its variables are restored from the values written. AlreadyExists for tags
  // that a graph has; FailedPrecondition before AddMetaGraphAndVariables; NotFound for a variable
  // that has no value there; else as above.
  absl::Status AddMetaGraph(Graph& graph, const TagSet& tags, const MetaGraphOptions& options = {});

  // Writes saved_model.pb, or saved_model.pbtxt, and returns its path. FailedPrecondition without a
  // graph.
  absl::StatusOr<std::string> Save(bool as_text = false);

 private:
  struct State;
  explicit SavedModelBuilder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// tf.saved_model.simple_save: one graph with the tag "serve" and the signature serving_default.
absl::StatusOr<std::string> SimpleSave(Session& session, const std::string& directory,
                                       const std::map<std::string, Output>& inputs,
                                       const std::map<std::string, Output>& outputs,
                                       const Output& main_op = {});

}  // namespace sluice

#endif  // SLUICE_TRAIN_SAVED_MODEL_BUILDER_H_
