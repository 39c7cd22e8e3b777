// The half of train/saver.h that restores.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/node.h"
#include "io/bundle_files.h"
#include "proto/meta_graph.pb.h"
#include "train/checkpoint_reader.h"
#include "train/checkpoint_state.h"
#include "train/restore_model.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

absl::StatusOr<CheckpointReader> Open(const std::string& prefix, FileSystem& fs) {
  if (prefix.empty()) {
    return absl::InvalidArgumentError("Can't load save_path when it is None.");
  }
  if (!CheckpointExists(prefix, fs)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The passed save_path is not a valid checkpoint: ", absl::CHexEscape(prefix)));
  }
  return CheckpointReader::Open(prefix, fs);
}

// What a checkpoint holds, less what is ours.
std::vector<TensorFact> Held(const CheckpointReader& reader) {
  std::vector<TensorFact> facts;
  for (const BundleTensor& entry : reader.entries()) {
    if (entry.name != kRandomRunKey) facts.push_back({entry.name, entry.dtype, entry.shape});
  }
  return facts;
}

// The session's counter as the checkpoint has it; nothing when it has none, as TensorFlow's.
absl::StatusOr<std::optional<uint64_t>> RandomRunIn(const CheckpointReader& reader) {
  const BundleTensor* entry = reader.Find(kRandomRunKey);
  if (entry == nullptr) return std::optional<uint64_t>();
  if (entry->dtype != DType::kInt64 || entry->shape != TensorShape()) {
    return absl::DataLossError(absl::StrCat(kRandomRunKey, " is ", DTypeName(entry->dtype),
                                            entry->shape.ToString(), ", expected int64[]"));
  }
  SLUICE_ASSIGN_OR_RETURN(const Tensor value, reader.GetTensor(kRandomRunKey));
  return std::optional<uint64_t>(static_cast<uint64_t>(value.scalar<int64_t>()));
}

// Every variable that a collection holds, in parts, by the node of its handle.
std::map<const Node*, Variable> KnownVariables(const Graph& graph) {
  std::map<const Node*, Variable> known;
  for (const std::string& key : graph.CollectionKeys()) {
    for (const Variable& variable : graph.Variables(key)) {
      if (!variable.is_partitioned()) known.emplace(variable.handle().node(), variable);
      for (const Variable& part : variable.parts()) known.emplace(part.handle().node(), part);
    }
  }
  return known;
}

}  // namespace

// The tensors that a restore in this mode is to restore; the others go to the report.
std::vector<TensorFact> Saver::Wanted(RestoreMode mode, RestoreReport* report) const {
  std::map<std::string, TensorFact> wanted;
  std::map<std::string, VariableRole> others;
  std::optional<VariableRoles> roles;
  if (mode != RestoreMode::kAll) roles.emplace(graph_);
  for (const SaverGraph::Restored& restored : nodes_.restored) {
    const std::string& key = restored.place.key;
    const VariableRole role = roles ? roles->Of(restored.variable) : VariableRole::kModel;
    if (role == VariableRole::kModel) {
      wanted[key] = {key, restored.dtype, restored.place.full_shape};
    } else {
      others[key] = role;
    }
  }
  for (const auto& [key, role] : others) {
    report->skipped.push_back({key, std::string(RoleName(role))});
  }
  std::vector<TensorFact> facts;
  for (auto& [key, fact] : wanted) facts.push_back(std::move(fact));
  return facts;
}

// The tensors are fed in the place of the restore op's outputs: all are there before one is
// assigned.
absl::Status Saver::Assign(Session& session, const CheckpointReader& reader,
                           const RestorePlan& plan) {
  Feeds feeds;
  std::vector<bool> wanted(nodes_.targets.size()), left_out(nodes_.targets.size());
  for (const SaverGraph::Restored& restored : nodes_.restored) {
    const SavedPlace& place = restored.place;
    const auto key = plan.keys.find(place.key);
    (key == plan.keys.end() ? left_out : wanted)[static_cast<size_t>(restored.target)] = true;
    if (key == plan.keys.end()) continue;
    SLUICE_ASSIGN_OR_RETURN(Tensor value, place.slice ? reader.GetSlice(key->second, *place.slice)
                                                      : reader.GetTensor(key->second));
    feeds.emplace_back(restored.tensor, std::move(value));
  }
  Outputs targets;
  bool all = true;
  for (size_t i = 0; i < nodes_.targets.size(); ++i) {
    all &= !left_out[i];
    if (wanted[i] && left_out[i]) {
      return absl::FailedPreconditionError(
          absl::StrCat("'", nodes_.targets[i].name(),
                       "' restores several tensors at once, not all of which are to be restored"));
    }
    if (wanted[i]) targets.push_back(nodes_.targets[i]);
  }
  if (all) targets = {nodes_.restore_all};
  if (targets.empty()) return absl::OkStatus();
  return session.Run(feeds, targets).status();
}

absl::StatusOr<Outputs> Saver::InitializersOfRest(const RestorePlan& plan,
                                                  RestoreReport* report) const {
  std::set<const Node*> restored;
  std::map<std::string, const Node*> rest;  // by name
  const std::map<const Node*, Variable> known = KnownVariables(graph_);
  for (const SaverGraph::Restored& r : nodes_.restored) {
    if (r.variable.empty()) continue;
    if (plan.keys.contains(r.place.key)) {
      restored.insert(r.variable.node());
    } else {
      rest[r.variable.node()->name()] = r.variable.node();
    }
  }
  for (const Variable& variable : graph_.GlobalVariables()) {
    for (const Variable& v : variable.is_partitioned() ? variable.parts() : std::vector{variable}) {
      rest[v.op_name()] = v.handle().node();
    }
  }
  Outputs initializers;
  for (const auto& [name, node] : rest) {
    if (restored.contains(node)) continue;
    const auto variable = known.find(node);
    if (variable == known.end() || variable->second.initializer().empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("variable '", name, "' is not restored and has no initializer"));
    }
    initializers.push_back(variable->second.initializer());
    report->initialized.push_back(name);
  }
  return initializers;
}

absl::Status Saver::Restore(Session& session, const std::string& prefix) {
  return Restore(session, prefix, RestoreOptions()).status();
}

absl::StatusOr<RestoreReport> Saver::Restore(Session& session, const std::string& prefix,
                                             const RestoreOptions& options) {
  SLUICE_RETURN_IF_ERROR(CheckUsable(session, "restore"));
  RestoreReport others{.checkpoint = prefix};
  if (nodes_.empty()) return others;
  SLUICE_ASSIGN_OR_RETURN(const CheckpointReader reader, Open(prefix, *options_.fs));
  const std::vector<TensorFact> wanted = Wanted(options.mode, &others);
  SLUICE_ASSIGN_OR_RETURN(RestorePlan plan,
                          PlanRestore(wanted, Held(reader), options, nodes_.reshape));
  RestoreReport& report = plan.report;
  report.checkpoint = prefix;
  report.skipped.insert(report.skipped.end(), others.skipped.begin(), others.skipped.end());
  std::sort(report.skipped.begin(), report.skipped.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  Outputs initializers;
  if (options.mode == RestoreMode::kModelThenInitRest) {
    SLUICE_ASSIGN_OR_RETURN(initializers, InitializersOfRest(plan, &report));
  }
  SLUICE_RETURN_IF_ERROR(reader.VerifyAll());
  SLUICE_ASSIGN_OR_RETURN(const std::optional<uint64_t> random_run, RandomRunIn(reader));
  SLUICE_RETURN_IF_ERROR(Assign(session, reader, plan));
  if (!initializers.empty()) {
    SLUICE_RETURN_IF_ERROR(session.Run(Feeds(), initializers).status());
  }
  if (random_run.has_value() && options.mode == RestoreMode::kAll) {
    session.set_random_run(*random_run);
  }
  last_ = prefix;
  return std::move(report);
}

absl::StatusOr<CheckpointDiff> Saver::Compare(const std::string& prefix) const {
  SLUICE_RETURN_IF_ERROR(graph_.status());
  SLUICE_ASSIGN_OR_RETURN(const CheckpointReader reader, Open(prefix, *options_.fs));
  RestoreReport nothing;
  return DiffTensors(Wanted(RestoreMode::kAll, &nothing), Held(reader));
}

// Only those that the state file names, and that lie in the directory, are this saver's to delete
// later.
void Saver::Recover(const std::string& directory, const std::string& latest_filename,
                    const std::string& restored) {
  const absl::StatusOr<CheckpointState> state =
      ReadCheckpointState(*options_.fs, directory, latest_filename);
  if (!state.ok()) {
    RecoverLastCheckpoints({restored});
    return;
  }
  std::vector<Retention::Kept> kept;
  for (size_t i = 0; i < state->all.size(); ++i) {
    const std::string name = BaseName(state->all[i]);
    const std::string prefix = directory == "." ? name : JoinPath(directory, name);
    if (!BundleExists(*options_.fs, prefix)) continue;
    kept.push_back({prefix, state->times.empty() ? Now() : state->times[i]});
  }
  retention_.Set(std::move(kept));
}

absl::StatusOr<std::string> Saver::RestoreLatest(Session& session, const std::string& directory,
                                                 const std::string& latest_filename) {
  SLUICE_RETURN_IF_ERROR(CheckUsable(session, "restore"));
  const std::vector<std::string> prefixes = CheckpointsIn(*options_.fs, directory, latest_filename);
  if (prefixes.empty()) {
    return absl::NotFoundError(absl::StrCat("no checkpoint in ", absl::CHexEscape(directory)));
  }
  std::vector<std::string> failures;
  for (const std::string& prefix : prefixes) {
    const absl::Status restored = Restore(session, prefix);
    if (restored.ok()) {
      Recover(directory, latest_filename, prefix);
      return prefix;
    }
    LOG(WARNING) << "skipped checkpoint " << prefix << ": " << restored;
    failures.push_back(absl::StrCat(prefix, ": ", restored.message()));
  }
  return absl::DataLossError(absl::StrCat("none of the ", prefixes.size(), " checkpoints in ",
                                          absl::CHexEscape(directory), " can be restored:\n",
                                          absl::StrJoin(failures, "\n")));
}

// --- savers of graphs from files -----------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Saver>> ImportMetaGraphWithSaver(const proto::MetaGraphDef& def,
                                                                Graph* graph,
                                                                MetaGraphImportOptions options,
                                                                SaverOptions saver_options) {
  // The saver needs the name that the scope really got.
  std::string scope = options.import_scope;
  if (!scope.empty() && !absl::EndsWith(scope, "/")) {
    scope = graph->UniqueName(scope);
    options.import_scope = absl::StrCat(scope, "/");
  } else if (!scope.empty()) {
    scope.pop_back();
  }
  SLUICE_RETURN_IF_ERROR(ImportMetaGraph(def, graph, options));
  if (def.has_saver_def()) {
    return Saver::FromDef(*graph, def.saver_def(), scope, std::move(saver_options));
  }
  if (graph->GlobalVariables().empty() && graph->Variables(keys::kSaveableObjects).empty()) {
    return std::unique_ptr<Saver>();
  }
  auto saver = std::make_unique<Saver>(*graph, std::move(saver_options));
  SLUICE_RETURN_IF_ERROR(graph->status());
  return saver;
}

absl::StatusOr<std::unique_ptr<Saver>> ImportMetaGraphFile(const std::string& path, Graph* graph,
                                                           MetaGraphImportOptions options,
                                                           SaverOptions saver_options) {
  FileSystem& fs = *saver_options.fs;
  if (!fs.Exists(path)) {
    return absl::NotFoundError(absl::StrCat("File ", absl::CHexEscape(path), " does not exist."));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, fs.ReadAll(path));
  proto::MetaGraphDef def;
  SLUICE_RETURN_IF_ERROR(Annotate(ParseMetaGraphDef(bytes, absl::EndsWith(path, ".pbtxt"), &def),
                                  absl::CHexEscape(path)));
  return ImportMetaGraphWithSaver(def, graph, std::move(options), std::move(saver_options));
}

}  // namespace sluice::train
