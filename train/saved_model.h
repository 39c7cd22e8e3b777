// SavedModel: a model from TensorFlow's directory of that name, ready to run
// (tf.saved_model.loader.load).
#ifndef SLUICE_TRAIN_SAVED_MODEL_H_
#define SLUICE_TRAIN_SAVED_MODEL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "graph/graph.h"
#include "session/session.h"
#include "train/model_signature.h"
#include "train/saved_model_files.h"
#include "train/signature_call.h"

namespace sluice {

struct SavedModelOptions {
  SessionOptions session = {};
  bool restore_variables = true;
  bool run_init_op = true;
  std::string init_op = {};  // runs instead of the one that the model names
  // Where saved_model.pb and the names of the other files are read. The graph's own ops, which read
  // variables and assets, use the default one.
  FileSystem* fs = &FileSystem::Default();
};

// A graph, a session with the values of its variables, and the signatures to call.
//
//   SLUICE_ASSIGN_OR_RETURN(SavedModel model, SavedModel::Load("half_plus_two", {"serve"}));
//   SLUICE_ASSIGN_OR_RETURN(KeyedTensors out, model.Run("serving_default", {{"x", t}}));
//   out.at("y") ...
//
// Movable. Run() may be called from many threads at once.
class SavedModel {
 public:
  // Does what TensorFlow's loader does: reads saved_model.pb (or .pbtxt), takes the meta graph with
  // exactly these tags, imports it into a graph over our ops (ops that we lack are kept; only what
  // reaches one cannot run), makes a session, restores the variables by running the graph's own
  // restore op (saver_def), and runs the initializer: the signature __saved_model_init_op, else the
  // collection saved_model_main_op, else legacy_init_op. Assets are fed in both runs.
  //
  // Errors name the file: NotFound for the model, its tags or an asset; InvalidArgument for damaged
  // bytes, a graph that makes no sense, assets outside of the model's folder, no or several
  // initializers in a collection; FailedPrecondition for variables without a restore op; those of
  // the restore (DataLoss for damaged or missing data) and of the initializer.
  //
  // Tolerated with a warning in the log, as TensorFlow's loader never looks at them: collections
  // that contradict the graph (they are left out), signatures that do (see Run).
  static absl::StatusOr<SavedModel> Load(const std::string& directory, const TagSet& tags,
                                         const SavedModelOptions& options = {});

  SavedModel(SavedModel&&) noexcept;
  SavedModel& operator=(SavedModel&&) noexcept;
  ~SavedModel();

  // The outputs of a signature for these inputs, by key (sparse tensors: SignatureCall). Operations
  // among the outputs run and give nothing. Errors, which name the signature: NotFound with the
  // nearest names for an unknown one; what its tensors lack in the graph; those of
  // SignatureCall::MakeFeeds and Session::Run. An input that a model with functions (TensorFlow 2)
  // says is a scalar takes any shape: TensorFlow does not look at it either.
  absl::StatusOr<KeyedTensors> Run(const std::string& signature, const KeyedTensors& inputs);
  // Of the default signature: serving_default, or the only one there is.
  absl::StatusOr<KeyedTensors> Run(const KeyedTensors& inputs);

  // The default signature's key; NotFound, listing the keys, when there is no such.
  absl::StatusOr<std::string> DefaultSignature() const;
  // A signature and how it is bound to the graph. Errors as Run.
  absl::StatusOr<const SignatureCall*> FindSignature(const std::string& key) const;

  const std::string& directory() const;
  const TagSet& tags() const;
  const std::map<std::string, ModelSignature>& signatures() const;
  // Names of asset tensors, and the files that they are fed.
  const std::map<std::string, std::string>& assets() const;
  // All of the MetaGraphDef but graph_def, which is graph().
  const proto::MetaGraphDef& meta_graph() const;
  // May grow, for training that goes on.
  Graph& graph();
  const Graph& graph() const;
  Session& session();

 private:
  struct State;
  explicit SavedModel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_TRAIN_SAVED_MODEL_H_
