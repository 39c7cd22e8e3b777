// Building and saving; the rest of train/saver.h is in saver_restore.cc.
#include "train/saver.h"

#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "io/bundle_files.h"
#include "proto/meta_graph.pb.h"
#include "re2/re2.h"
#include "train/checkpoint_state.h"
#include "train/sharded_bundle.h"

namespace sluice::train {
namespace {

double Clock(const SaverOptions& options) {
  if (options.clock) return options.clock();
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

absl::Status CheckOptions(const SaverOptions& options) {
  if (options.write_version == CheckpointVersion::kV1) {
    return absl::UnimplementedError(
        "write_version V1: checkpoints of the older format are read, not written; V2 ones are "
        "what TensorFlow 0.12 and later read");
  }
  if (options.defer_build && !(options.var_list.empty() && options.var_map.empty())) {
    return absl::InvalidArgumentError(
        "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or "
        "var_list=None.");
  }
  return absl::OkStatus();
}

// Deletes what FileSystem::ReplaceAtomically left of the state file and of graphs when it died.
absl::Status RemoveTemporaries(FileSystem& fs, const std::string& path,
                               const SaveOptions& options) {
  const std::string directory = DirectoryOf(path);
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  const RE2 pattern(absl::StrCat("(", RE2::QuoteMeta(options.latest_filename), "|",
                                 RE2::QuoteMeta(BaseName(path)), "(-\\d+)?\\.",
                                 RE2::QuoteMeta(options.meta_graph_suffix), ")\\.tmp-\\d+-\\d+"),
                    RE2::Quiet);
  for (const std::string& name : names) {
    if (RE2::FullMatch(name, pattern)) {
      SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(directory, name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// --- the graph -----------------------------------------------------------------------------------

Saver::Saver(Graph& graph, SaverOptions options, const char* file, int line)
    : graph_(graph),
      options_(std::move(options)),
      retention_(options_.max_to_keep, options_.keep_checkpoint_every_n_hours, Now()) {
  const At at(Scope::Root(graph), file, line);
  const absl::Status usable = CheckOptions(options_);
  if (!usable.ok() && at.ok()) at.Fail("Saver", usable);
  if (!options_.defer_build) Build(file, line);
}

Saver::Saver(Graph& graph, SaverOptions options, SaverGraph nodes)
    : graph_(graph),
      options_(std::move(options)),
      nodes_(std::move(nodes)),
      built_(true),
      retention_(options_.max_to_keep, options_.keep_checkpoint_every_n_hours, Now()) {}

void Saver::Build(const char* file, int line) {
  const At at(Scope::Root(graph_), file, line);
  if (built_ || !at.ok()) return;
  built_ = true;
  const auto variables = CollectSaved(graph_, options_.var_list, options_.var_map);
  absl::Status status = variables.status();
  if (status.ok() && variables->empty() && !options_.allow_empty) {
    status = absl::InvalidArgumentError("No variables to save");
  }
  if (!status.ok()) {
    at.Fail("Saver", status);
    return;
  }
  if (variables->empty()) return;
  nodes_ = BuildSaverGraph(at, *variables,
                           {.name = options_.name.empty() ? "save" : options_.name,
                            .filename = options_.filename.empty() ? "model" : options_.filename,
                            .reshape = options_.reshape,
                            .sharded = options_.sharded});
}

absl::StatusOr<std::unique_ptr<Saver>> Saver::FromDef(Graph& graph, const proto::SaverDef& def,
                                                      const std::string& import_scope,
                                                      SaverOptions options) {
  SLUICE_RETURN_IF_ERROR(graph.status());
  SLUICE_ASSIGN_OR_RETURN(SaverGraph nodes, ReadSaverGraph(graph, def, import_scope));
  options.max_to_keep = def.max_to_keep();
  options.sharded = def.sharded();
  if (def.keep_checkpoint_every_n_hours() > 0) {
    options.keep_checkpoint_every_n_hours = def.keep_checkpoint_every_n_hours();
  }
  return std::unique_ptr<Saver>(new Saver(graph, std::move(options), std::move(nodes)));
}

absl::Status Saver::ToSaverDef(proto::SaverDef* def) const {
  SLUICE_RETURN_IF_ERROR(graph_.status());
  if (nodes_.empty()) return absl::FailedPreconditionError("the saver has no graph");
  def->set_filename_tensor_name(nodes_.filename.name());
  def->set_save_tensor_name(nodes_.save.name());
  def->set_restore_op_name(nodes_.restore_all.node()->name());
  def->set_max_to_keep(options_.max_to_keep);
  def->set_sharded(options_.sharded);
  def->set_keep_checkpoint_every_n_hours(
      static_cast<float>(options_.keep_checkpoint_every_n_hours));
  def->set_version(proto::SaverDef::V2);
  return absl::OkStatus();
}

absl::Status Saver::ExportMetaGraph(const std::string& path) const {
  proto::MetaGraphDef def;
  SLUICE_RETURN_IF_ERROR(ToMetaGraphDef(graph_, &def));
  if (!nodes_.empty()) SLUICE_RETURN_IF_ERROR(ToSaverDef(def.mutable_saver_def()));
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMessage(def));
  return options_.fs->ReplaceAtomically(path, bytes);
}

// --- saving --------------------------------------------------------------------------------------

double Saver::Now() const { return Clock(options_); }

absl::Status Saver::CheckUsable(const Session& session, const char* what) const {
  SLUICE_RETURN_IF_ERROR(graph_.status());
  if (!built_) {
    return absl::FailedPreconditionError(
        absl::StrCat("`build()` should be called before ", what, " if defer_build==True"));
  }
  if (&session.graph() == &graph_) return absl::OkStatus();
  return absl::InvalidArgumentError("the session runs another graph than the saver's");
}

absl::StatusOr<std::string> Saver::CheckedPrefix(const std::string& path,
                                                 std::optional<int64_t> step,
                                                 const SaveOptions& options) const {
  const std::string base = BaseName(path);
  if (base.empty() || absl::EndsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", absl::CHexEscape(path), "' names a directory, expected a path and a name"));
  }
  if (options.latest_filename.empty() || absl::StrContains(options.latest_filename, "/")) {
    return absl::InvalidArgumentError("'latest_filename' must not contain path components");
  }
  if (!step.has_value() && base == options.latest_filename) {
    return absl::InvalidArgumentError(absl::StrCat("'latest_filename' collides with 'save_path': '",
                                                   options.latest_filename, "' and '",
                                                   absl::CHexEscape(path), "'"));
  }
  const std::string directory = DirectoryOf(path);
  if (!options_.fs->IsDirectory(directory)) {
    return absl::InvalidArgumentError(absl::StrCat("Parent directory of ", absl::CHexEscape(path),
                                                   " doesn't exist, can't save."));
  }
  if (!step.has_value()) return path;
  return options_.pad_step_number ? absl::StrFormat("%s-%08d", path, *step)
                                  : absl::StrCat(path, "-", *step);
}

absl::Status Saver::WriteBundle(Session& session, const std::string& prefix) {
  Outputs fetches;
  for (const SaverGraph::Saved& saved : nodes_.saved) fetches.push_back(saved.tensor);
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session.Run({}, fetches));
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<ShardedBundleWriter> writer,
                          ShardedBundleWriter::Create(*options_.fs, prefix, nodes_.num_shards));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto& [place, tensor, shard] = nodes_.saved[i];
    SLUICE_RETURN_IF_ERROR(
        place.slice ? writer->AddSlice(shard, place.key, place.full_shape, *place.slice, values[i])
                    : writer->Add(shard, place.key, values[i]));
  }
  SLUICE_RETURN_IF_ERROR(
      writer->Add(0, kRandomRunKey, Tensor::Scalar(static_cast<int64_t>(session.random_run()))));
  return writer->Finish();
}

absl::Status Saver::Record(const std::string& prefix, const SaveOptions& options) {
  Retention next = retention_;
  next.Add(prefix, Now());
  CheckpointState state{.latest = prefix, .all = {prefix}, .last_preserved = next.last_preserved()};
  if (next.keeps_list()) {
    state.all.clear();
    for (const Retention::Kept& kept : next.kept()) {
      state.all.push_back(kept.prefix);
      state.times.push_back(kept.time);
    }
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
  for (const std::string& prefix : retention_.doomed()) {
    const absl::Status deleted = RemoveCheckpoint(prefix, *options_.fs, options.meta_graph_suffix);
    if (deleted.ok()) continue;
    LOG(WARNING) << "an old checkpoint stays: " << deleted;
    left.push_back(prefix);
  }
  retention_.set_doomed(std::move(left));
}

absl::StatusOr<std::string> Saver::Save(Session& session, const std::string& path,
                                        std::optional<int64_t> global_step,
                                        const SaveOptions& options) {
  SLUICE_RETURN_IF_ERROR(CheckUsable(session, "save"));
  if (nodes_.empty()) return std::string();
  SLUICE_ASSIGN_OR_RETURN(const std::string prefix, CheckedPrefix(path, global_step, options));
  SLUICE_RETURN_IF_ERROR(RemoveBundleLeftovers(*options_.fs, path));
  SLUICE_RETURN_IF_ERROR(RemoveShardLeftovers(*options_.fs, path));
  SLUICE_RETURN_IF_ERROR(RemoveTemporaries(*options_.fs, path, options));
  SLUICE_RETURN_IF_ERROR(WriteBundle(session, prefix));
  if (options.write_meta_graph) {
    SLUICE_RETURN_IF_ERROR(ExportMetaGraph(absl::StrCat(prefix, ".", options.meta_graph_suffix)));
  }
  if (options.write_state) SLUICE_RETURN_IF_ERROR(Record(prefix, options));
  return prefix;
}

std::vector<std::string> Saver::last_checkpoints() const {
  std::vector<std::string> prefixes;
  for (const Retention::Kept& kept : retention_.kept()) prefixes.push_back(kept.prefix);
  return prefixes;
}

void Saver::SetLastCheckpoints(const std::vector<std::string>& prefixes) {
  std::vector<Retention::Kept> kept;
  for (const std::string& prefix : prefixes) kept.push_back({prefix, Now()});
  retention_.Set(std::move(kept));
}

void Saver::SetLastCheckpointsWithTime(std::vector<Retention::Kept> checkpoints) {
  retention_.Set(std::move(checkpoints));
}

void Saver::RecoverLastCheckpoints(const std::vector<std::string>& prefixes) {
  std::vector<std::string> found;
  for (const std::string& prefix : prefixes) {
    if (BundleExists(*options_.fs, prefix)) found.push_back(prefix);
  }
  SetLastCheckpoints(found);
}

}  // namespace sluice::train
