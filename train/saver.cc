#include "train/saver.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "io/bundle_files.h"
#include "io/tensor_bundle.h"
#include "ops/save_restore.h"
#include "proto/meta_graph.pb.h"
#include "train/checkpoint_state.h"

namespace sluice::train {
namespace {

// One variable under `key`: its parts where it is partitioned.
void AddEntries(const std::string& key, const Variable& v, std::vector<SavedVariable>* entries) {
  for (const Variable& part : v.parts()) AddEntries(key, part, entries);
  if (v.is_partitioned()) return;
  SavedVariable entry{.key = key, .variable = v, .full_shape = v.shape()};
  if (const auto& info = v.data().save_slice_info) {
    entry.full_shape = info->full_shape;
    entry.slice.emplace();
    for (size_t i = 0; i < info->var_offset.size(); ++i) {
      entry.slice->extents.push_back(
          {info->var_offset[i], info->var_shape.dim(static_cast<int>(i))});
    }
  }
  entries->push_back(std::move(entry));
}

std::string KeyOf(const Variable& v) {
  const auto& info = v.data().save_slice_info;
  return info.has_value() ? info->full_name : v.op_name();
}

// The same variable twice is one entry in a default list, else a mistake; two entries of one key
// must be slices.
absl::Status CheckEntries(const std::vector<SavedVariable>& entries) {
  std::map<std::string, const SavedVariable*> by_key;
  std::set<std::pair<const Node*, int>> seen;
  for (const SavedVariable& entry : entries) {
    const auto [place, is_new] = by_key.emplace(entry.key, &entry);
    if (!is_new &&
        (!entry.slice || !place->second->slice || entry.full_shape != place->second->full_shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat("At least two variables have the same name: ", entry.key));
    }
    const Output handle = entry.variable.handle();
    if (!seen.insert({handle.node(), handle.index()}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("The same saveable will be restored with two names: ", entry.key));
    }
  }
  return absl::OkStatus();
}

// Rule COL-5.
std::vector<Variable> SavedByDefault(const Graph& graph) {
  std::vector<Variable> variables = graph.GlobalVariables();
  for (Variable& v : graph.Variables(keys::kSaveableObjects)) variables.push_back(std::move(v));
  return variables;
}

// What is to be saved, in the order of keys (rule SV-1).
absl::StatusOr<std::vector<SavedVariable>> Collect(const Graph& graph,
                                                   const SaverOptions& options) {
  std::vector<SavedVariable> entries;
  for (const auto& [key, v] : options.var_map) {
    if (v.empty()) return absl::InvalidArgumentError("Variable to save is not a Variable");
    AddEntries(key, v, &entries);
  }
  if (options.var_map.empty()) {
    const bool all = options.var_list.empty();
    std::vector<Variable> known;
    for (const Variable& v : all ? SavedByDefault(graph) : options.var_list) {
      if (v.empty()) return absl::InvalidArgumentError("Variable to save is not a Variable");
      if (all && std::find(known.begin(), known.end(), v) != known.end()) continue;
      known.push_back(v);
      AddEntries(KeyOf(v.is_partitioned() ? v.parts()[0] : v), v, &entries);
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const SavedVariable& a, const SavedVariable& b) { return a.key < b.key; });
  SLUICE_RETURN_IF_ERROR(CheckEntries(entries));
  if (entries.empty() && !options.allow_empty) {
    return absl::InvalidArgumentError("No variables to save");
  }
  return entries;
}

Output Strings(At at, const char* name, const std::vector<std::string>& values) {
  const TensorShape shape = {static_cast<int64_t>(values.size())};
  return at.Named(name).Node("Const", {},
                             {{"value", Tensor::Of<std::string>(shape, absl::MakeSpan(values))},
                              {"dtype", DType::kString}});
}

// The words of rule SV-6.
absl::Status Wrapped(const absl::Status& why) {
  const char* reason =
      absl::IsNotFound(why)
          ? "a Variable name or other graph key that is missing from the checkpoint"
          : "a mismatch between the current graph and the graph from the checkpoint";
  return absl::Status(
      why.code(),
      absl::StrCat("Restoring from checkpoint failed. This is most likely due to ", reason,
                   ". Please ensure that you have not altered the graph expected based on the "
                   "checkpoint. Original error: ",
                   why.message()));
}

absl::Status CheckEntry(const BundleReader& reader, const SavedVariable& saved) {
  const std::string& key = saved.key;
  const Variable& v = saved.variable;
  const BundleTensor* entry = reader.Find(key);
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("Key ", key, " not found in checkpoint"));
  }
  if (entry->dtype != v.dtype()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor_name = ", key, "; expected dtype ", DTypeName(v.dtype()),
                     " does not equal original dtype ", DTypeName(entry->dtype)));
  }
  if (!saved.full_shape.CompatibleWith(entry->shape)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "variable ", key, ": Assign requires shapes of both tensors to match. lhs shape= ",
        saved.full_shape.ToString(), " rhs shape= ", entry->shape.ToString()));
  }
  return absl::OkStatus();
}

// The session's counter as the checkpoint has it; nothing when it has none, as TensorFlow's.
absl::StatusOr<std::optional<uint64_t>> RandomRunIn(const BundleReader& reader) {
  const BundleTensor* entry = reader.Find(kRandomRunKey);
  if (entry == nullptr) return std::optional<uint64_t>();
  if (entry->dtype != DType::kInt64 || entry->shape != TensorShape()) {
    return absl::DataLossError(absl::StrCat(kRandomRunKey, " is ", DTypeName(entry->dtype),
                                            entry->shape.ToString(), ", expected int64[]"));
  }
  SLUICE_ASSIGN_OR_RETURN(const Tensor value, reader.Lookup(kRandomRunKey));
  return std::optional<uint64_t>(static_cast<uint64_t>(value.scalar<int64_t>()));
}

}  // namespace

std::string SavedVariable::SliceSpec() const {
  if (!slice.has_value()) return "";
  return absl::StrCat(absl::StrJoin(full_shape.dims(), " "), " ", slice->ToString());
}

// --- the graph -----------------------------------------------------------------------------------

Saver::Saver(Graph& graph, SaverOptions options, const char* file, int line)
    : graph_(graph),
      options_(std::move(options)),
      retention_{.next_preserved = Now() + options_.keep_checkpoint_every_n_hours * 3600} {
  Build(At(Scope::Root(graph), file, line));
}

void Saver::Build(At at) {
  if (!at.ok()) return;
  absl::StatusOr<std::vector<SavedVariable>> variables = Collect(graph_, options_);
  if (!variables.ok()) {
    at.Fail("Saver", variables.status());
    return;
  }
  variables_ = *std::move(variables);
  if (variables_.empty()) return;
  const At inside = at.Sub(options_.name.empty() ? "save" : options_.name);
  filename_ = inside.Named("Const").Node(
      "Const", {}, {{"value", Tensor::Scalar(std::string("model"))}, {"dtype", DType::kString}});
  BuildSave(inside);
  BuildRestore(inside);
}

void Saver::BuildSave(At at) {
  // What Save() stores under that key; a constant in the graph, so that TensorFlow can run it.
  const Output random_run =
      at.Named("random_run")
          .Node("Const", {}, {{"value", Tensor::Scalar(int64_t{0})}, {"dtype", DType::kInt64}});
  std::vector<std::string> names, slices;
  for (const SavedVariable& saved : variables_) {
    const Variable& v = saved.variable;
    names.push_back(saved.key);
    slices.push_back(saved.SliceSpec());
    saved_.push_back(v.is_resource() ? v.value() : v.handle());
  }
  names.push_back(kRandomRunKey);
  slices.push_back("");
  Outputs tensors = saved_;
  tensors.push_back(random_run);
  const At save = at.Sub("SaveV2");
  const Output written =
      ops::SaveV2(save.AsScope(), filename_, Strings(save, "tensor_names", names),
                  Strings(save, "shape_and_slices", slices), tensors);
  save_ =
      at.In(at.scope().After({written})).Named("control_dependency").Node("Identity", {filename_});
}

void Saver::BuildRestore(At at) {
  std::vector<std::string> names, slices;
  std::vector<DType> dtypes;
  for (const SavedVariable& saved : variables_) {
    names.push_back(saved.key);
    slices.push_back(saved.SliceSpec());
    dtypes.push_back(saved.variable.dtype());
  }
  const At restore = at.Sub("RestoreV2");
  restored_ = ops::RestoreV2(restore.AsScope(), filename_, Strings(restore, "tensor_names", names),
                             Strings(restore, "shape_and_slices", slices), dtypes);
  if (!at.ok()) return;
  Outputs assigned;
  for (size_t i = 0; i < variables_.size(); ++i) {
    const Variable& v = variables_[i].variable;
    assigned.push_back(v.Assign(at.In(at.scope().ColocateWith(v.handle())), restored_[i]));
  }
  restore_all_ = Group(at.Named("restore_all"), assigned);
}

absl::Status Saver::ExportMetaGraph(const std::string& path) const {
  proto::MetaGraphDef def;
  SLUICE_RETURN_IF_ERROR(ToMetaGraphDef(graph_, &def));
  if (!variables_.empty()) {
    proto::SaverDef* saver = def.mutable_saver_def();
    saver->set_filename_tensor_name(filename_.name());
    saver->set_save_tensor_name(save_.name());
    saver->set_restore_op_name(restore_all_.node()->name());
    saver->set_max_to_keep(options_.max_to_keep);
    saver->set_keep_checkpoint_every_n_hours(
        static_cast<float>(options_.keep_checkpoint_every_n_hours));
    saver->set_version(proto::SaverDef::V2);
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMessage(def));
  return options_.fs->ReplaceAtomically(path, bytes);
}

// --- saving --------------------------------------------------------------------------------------

double Saver::Now() const {
  if (options_.clock) return options_.clock();
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

absl::Status Saver::CheckSession(const Session& session) const {
  SLUICE_RETURN_IF_ERROR(graph_.status());
  if (&session.graph() == &graph_) return absl::OkStatus();
  return absl::InvalidArgumentError("the session runs another graph than the saver's");
}

absl::StatusOr<std::string> Saver::CheckedPrefix(const std::string& path,
                                                 std::optional<int64_t> step,
                                                 const SaveOptions& options) const {
  const std::string base = BaseName(path);
  if (base.empty() || absl::EndsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(path), "' names a directory, expected a path and a name"));
  }
  if (options.latest_filename.empty() || absl::StrContains(options.latest_filename, "/")) {
    return absl::InvalidArgumentError("'latest_filename' must not contain path components");
  }
  if (!step.has_value() && base == options.latest_filename) {
    return absl::InvalidArgumentError(absl::StrCat("'latest_filename' collides with 'save_path': '",
                                                   options.latest_filename, "' and '",
                                                   Printable(path), "'"));
  }
  const std::string directory = DirectoryOf(path);
  if (!options_.fs->IsDirectory(directory)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Parent directory of ", Printable(path), " doesn't exist, can't save."));
  }
  if (!step.has_value()) return path;
  return options_.pad_step_number ? absl::StrFormat("%s-%08d", path, *step)
                                  : absl::StrCat(path, "-", *step);
}

absl::Status Saver::WriteBundle(Session& session, const std::string& prefix) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session.Run({}, saved_));
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleWriter> writer,
                          BundleWriter::Create(*options_.fs, prefix));
  for (size_t i = 0; i < variables_.size(); ++i) {
    const SavedVariable& saved = variables_[i];
    SLUICE_RETURN_IF_ERROR(
        saved.slice ? writer->AddSlice(saved.key, saved.full_shape, *saved.slice, values[i])
                    : writer->Add(saved.key, values[i]));
  }
  SLUICE_RETURN_IF_ERROR(
      writer->Add(kRandomRunKey, Tensor::Scalar(static_cast<int64_t>(session.random_run()))));
  return writer->Finish();
}

// Rule SV-5.
void Saver::Retention::Add(const std::string& prefix, double now, const SaverOptions& options) {
  const auto is_prefix = [&](const Kept& k) { return k.prefix == prefix; };
  kept.erase(std::remove_if(kept.begin(), kept.end(), is_prefix), kept.end());
  doomed.erase(std::remove(doomed.begin(), doomed.end(), prefix), doomed.end());
  kept.push_back({prefix, now});
  while (kept.size() > static_cast<size_t>(options.max_to_keep)) {
    if (kept.front().time > next_preserved) {
      next_preserved += options.keep_checkpoint_every_n_hours * 3600;
    } else {
      doomed.push_back(kept.front().prefix);
    }
    kept.erase(kept.begin());
  }
}

absl::Status Saver::Record(const std::string& prefix, const SaveOptions& options) {
  Retention next = retention_;
  CheckpointState state{.latest = prefix, .all = {prefix}};
  if (options_.max_to_keep > 0) {
    next.Add(prefix, Now(), options_);
    state.all.clear();
    for (const Kept& k : next.kept) state.all.push_back(k.prefix);
  }
  SLUICE_RETURN_IF_ERROR(WriteCheckpointState(*options_.fs, DirectoryOf(prefix), state,
                                              options_.save_relative_paths,
                                              options.latest_filename));
  // Only now: until here the file named the older checkpoints.
  retention_ = std::move(next);
  last_ = prefix;
  DeleteDoomed(options);
  return absl::OkStatus();
}

void Saver::DeleteDoomed(const SaveOptions& options) {
  std::vector<std::string> left;
  for (const std::string& prefix : retention_.doomed) {
    absl::Status deleted = DeleteBundle(*options_.fs, prefix);
    const std::string meta = absl::StrCat(prefix, ".", options.meta_graph_suffix);
    if (options_.fs->Exists(meta)) deleted.Update(options_.fs->Delete(meta));
    if (deleted.ok()) continue;
    LOG(WARNING) << "an old checkpoint stays: " << deleted;
    left.push_back(prefix);
  }
  retention_.doomed = std::move(left);
}

absl::StatusOr<std::string> Saver::Save(Session& session, const std::string& path,
                                        std::optional<int64_t> global_step,
                                        const SaveOptions& options) {
  SLUICE_RETURN_IF_ERROR(CheckSession(session));
  if (variables_.empty()) return std::string();
  SLUICE_ASSIGN_OR_RETURN(const std::string prefix, CheckedPrefix(path, global_step, options));
  SLUICE_RETURN_IF_ERROR(RemoveBundleLeftovers(*options_.fs, path));
  SLUICE_RETURN_IF_ERROR(WriteBundle(session, prefix));
  if (options.write_meta_graph) {
    SLUICE_RETURN_IF_ERROR(ExportMetaGraph(absl::StrCat(prefix, ".", options.meta_graph_suffix)));
  }
  if (options.write_state) SLUICE_RETURN_IF_ERROR(Record(prefix, options));
  return prefix;
}

std::vector<std::string> Saver::last_checkpoints() const {
  std::vector<std::string> prefixes;
  for (const Kept& k : retention_.kept) prefixes.push_back(k.prefix);
  return prefixes;
}

void Saver::RecoverLastCheckpoints(const std::vector<std::string>& prefixes) {
  retention_.kept.clear();
  for (const std::string& prefix : prefixes) {
    if (BundleExists(*options_.fs, prefix)) retention_.kept.push_back({prefix, Now()});
  }
}

// --- restoring -----------------------------------------------------------------------------------

absl::Status Saver::Restore(Session& session, const std::string& prefix) {
  SLUICE_RETURN_IF_ERROR(CheckSession(session));
  if (variables_.empty()) return absl::OkStatus();
  if (prefix.empty()) {
    return absl::InvalidArgumentError("Can't load save_path when it is None.");
  }
  if (!BundleExists(*options_.fs, prefix)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The passed save_path is not a valid checkpoint: ", Printable(prefix)));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleReader> reader,
                          BundleReader::Open(*options_.fs, prefix));
  for (const SavedVariable& saved : variables_) {
    const absl::Status fits = CheckEntry(*reader, saved);
    if (!fits.ok()) return Wrapped(fits);
  }
  SLUICE_RETURN_IF_ERROR(reader->VerifyAll());
  SLUICE_ASSIGN_OR_RETURN(const std::optional<uint64_t> random_run, RandomRunIn(*reader));
  // The tensors are fed in the place of RestoreV2's outputs: all are there before one is assigned.
  Feeds feeds;
  for (const SavedVariable& saved : variables_) {
    SLUICE_ASSIGN_OR_RETURN(Tensor value, saved.slice ? reader->LookupSlice(saved.key, *saved.slice)
                                                      : reader->Lookup(saved.key));
    feeds.emplace_back(restored_[feeds.size()], std::move(value));
  }
  SLUICE_RETURN_IF_ERROR(session.Run(feeds, Outputs{restore_all_}).status());
  if (random_run.has_value()) session.set_random_run(*random_run);
  last_ = prefix;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Saver::RestoreLatest(Session& session, const std::string& directory,
                                                 const std::string& latest_filename) {
  SLUICE_RETURN_IF_ERROR(CheckSession(session));
  const std::vector<std::string> prefixes = CheckpointsIn(*options_.fs, directory, latest_filename);
  if (prefixes.empty()) {
    return absl::NotFoundError(absl::StrCat("no checkpoint in ", Printable(directory)));
  }
  std::vector<std::string> failures;
  for (const std::string& prefix : prefixes) {
    const absl::Status restored = Restore(session, prefix);
    if (restored.ok()) {
      // Only those that the state file names are this saver's to delete later.
      const absl::StatusOr<CheckpointState> state =
          ReadCheckpointState(*options_.fs, directory, latest_filename);
      RecoverLastCheckpoints(state.ok() ? state->all : std::vector<std::string>{prefix});
      return prefix;
    }
    LOG(WARNING) << "skipped checkpoint " << prefix << ": " << restored;
    failures.push_back(absl::StrCat(prefix, ": ", restored.message()));
  }
  return absl::DataLossError(absl::StrCat("none of the ", prefixes.size(), " checkpoints in ",
                                          Printable(directory), " can be restored:\n",
                                          absl::StrJoin(failures, "\n")));
}

}  // namespace sluice::train
