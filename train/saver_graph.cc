#include "train/saver_graph.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/device.h"
#include "graph/node.h"
#include "io/crc32c.h"
#include "ops/placeholder.h"
#include "ops/reshape.h"
#include "ops/save_restore.h"
#include "ops/shape.h"
#include "ops/string_join.h"

namespace sluice::train {
namespace {

// --- what to save --------------------------------------------------------------------------------

// One variable under `key`: its parts where it is partitioned.
void AddEntries(const std::string& key, const Variable& v, std::vector<SavedVariable>* entries) {
  for (const Variable& part : v.parts()) AddEntries(key, part, entries);
  if (v.is_partitioned()) return;
  SavedVariable entry{.place = {.key = key, .full_shape = v.shape()}, .variable = v};
  if (const auto& info = v.data().save_slice_info) {
    entry.place.full_shape = info->full_shape;
    entry.place.slice.emplace();
    for (size_t i = 0; i < info->var_offset.size(); ++i) {
      entry.place.slice->extents.push_back(
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
  std::map<std::string, const SavedPlace*> by_key;
  std::set<std::pair<const Node*, int>> seen;
  for (const SavedVariable& entry : entries) {
    const SavedPlace& place = entry.place;
    const auto [first, is_new] = by_key.emplace(place.key, &place);
    if (!is_new &&
        (!place.slice || !first->second->slice || place.full_shape != first->second->full_shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat("At least two variables have the same name: ", place.key));
    }
    const Output handle = entry.variable.handle();
    if (!seen.insert({handle.node(), handle.index()}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("The same saveable will be restored with two names: ", place.key));
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

// --- the nodes -----------------------------------------------------------------------------------

using Entries = std::vector<SavedVariable>;

Output Constant(At at, const Tensor& value) {
  return at.Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
}

Output Strings(At at, const char* name, const std::vector<std::string>& values) {
  const TensorShape shape = {static_cast<int64_t>(values.size())};
  return Constant(at.Named(name), Tensor::Of<std::string>(shape, absl::MakeSpan(values)));
}

// TensorFlow's device_name with its CPU: checkpoints are written there.
std::string Cpu(const std::string& device) {
  absl::StatusOr<DeviceSpec> spec = DeviceSpec::Parse(device);
  if (!spec.ok() || device.empty()) return "";
  spec->type = "CPU";
  spec->index = 0;
  return spec->ToString();
}

At On(At at, const std::string& device) {
  return device.empty() ? at : at.In(at.scope().Device(device));
}

class Builder {
 public:
  Builder(At at, const SaverGraphOptions& options) : at_(at), options_(options) {}

  SaverGraph Build(const Entries& variables) {
    // The constant keeps its old name; since 1.13 both may be fed.
    const At filename = at_.Sub("filename");
    const Output input = Constant(filename.Named("input"), Tensor::Scalar(options_.filename));
    graph_.filename = ops::PlaceholderWithDefault(
        at_.Named("Const"), ops::PlaceholderWithDefault(filename.AsScope(), input, {}), {});
    graph_.reshape = options_.reshape;
    // What Save() stores under that key; a constant in the graph, so that TensorFlow can run it.
    random_run_ = Constant(at_.Named("random_run"), Tensor::Scalar(int64_t{0}));
    if (options_.sharded) {
      BuildSharded(variables);
    } else {
      graph_.save = Write(at_, graph_.filename, variables, 0);
      Restore(at_, variables, "restore_all");
    }
    return std::move(graph_);
  }

 private:
  // SaveV2 of one shard, and the name of what it has written.
  Output Write(At at, const Output& prefix, const Entries& variables, int shard) {
    std::vector<std::string> names, slices;
    Outputs tensors;
    for (const SavedVariable& saved : variables) {
      const Variable& v = saved.variable;
      names.push_back(saved.place.key);
      slices.push_back(saved.place.SliceSpec());
      tensors.push_back(v.is_resource() ? v.value() : v.handle());
      graph_.saved.push_back({saved.place, tensors.back(), shard});
    }
    if (shard == 0) {
      names.push_back(kRandomRunKey);
      slices.push_back("");
      tensors.push_back(random_run_);
    }
    const At save = at.Sub("SaveV2");
    const Output written = ops::SaveV2(save.AsScope(), prefix, Strings(save, "tensor_names", names),
                                       Strings(save, "shape_and_slices", slices), tensors);
    return at.In(at.scope().After({written}))
        .Named("control_dependency")
        .Node("Identity", {prefix});
  }

  Output Restore(At at, const Entries& variables, const char* group) {
    std::vector<std::string> names, slices;
    std::vector<DType> dtypes;
    for (const SavedVariable& saved : variables) {
      names.push_back(saved.place.key);
      slices.push_back(saved.place.SliceSpec());
      dtypes.push_back(saved.variable.dtype());
    }
    const At restore = at.Sub("RestoreV2");
    const Outputs tensors =
        ops::RestoreV2(restore.AsScope(), graph_.filename, Strings(restore, "tensor_names", names),
                       Strings(restore, "shape_and_slices", slices), dtypes);
    if (!at.ok()) return {};
    Outputs assigned;
    for (size_t i = 0; i < variables.size(); ++i) {
      const auto& [place, v] = variables[i];
      const At beside = at.In(at.scope().ColocateWith(v.handle()));
      assigned.push_back(v.Assign(beside, Reshaped(beside, v, tensors[i])));
      graph_.restored.push_back(
          {place, v.dtype(), tensors[i], static_cast<int>(graph_.targets.size()), v.handle()});
      graph_.targets.push_back(assigned.back());
    }
    const Output done = Group(at.Named(group), assigned);
    if (group == std::string("restore_all")) graph_.restore_all = done;
    return done;
  }

  Output Reshaped(At at, const Variable& v, const Output& value) const {
    if (!options_.reshape) return value;
    const At reshape = at.Sub("Reshape");
    if (!v.shape().fully_defined()) {
      return ops::Reshape(reshape.AsScope(), value, ops::Shape(at, v.value()));
    }
    const auto dims = v.shape().dims();
    const std::vector<int32_t> shape(dims.begin(), dims.end());
    const Tensor value_of = Tensor::Of<int32_t>({v.shape().rank()}, absl::MakeSpan(shape));
    return ops::Reshape(reshape.AsScope(), value, Constant(reshape.Named("shape"), value_of));
  }

  void BuildSharded(const Entries& variables) {
    std::map<std::string, Entries> by_device;
    for (const SavedVariable& saved : variables) {
      by_device[saved.variable.handle().node()->device()].push_back(saved);
    }
    graph_.num_shards = static_cast<int>(by_device.size());
    const At join = at_.Sub("StringJoin");
    const Output suffix =
        Constant(join.Named("inputs_1"), Tensor::Scalar(TemporarySuffix(variables)));
    const Output temporary = ops::StringJoin(join.AsScope(), {graph_.filename, suffix});
    const Output count = Constant(at_.Named("num_shards"), Tensor::Scalar(graph_.num_shards));
    Outputs prefixes, written;
    for (const auto& [device, entries] : by_device) {
      const At at = On(at_, Cpu(device));
      const int shard = static_cast<int>(prefixes.size());
      const At name = at.Sub("ShardedFilename");
      prefixes.push_back(ops::ShardedFilename(
          name.AsScope(), temporary, Constant(name.Named("shard"), Tensor::Scalar(shard)), count));
      written.push_back(Write(at, prefixes.back(), entries, shard));
    }
    Merge(prefixes, written, Cpu(by_device.rbegin()->first));
    Outputs restored;
    for (const auto& [device, entries] : by_device) {
      restored.push_back(Restore(On(at_, device), entries, "restore_shard"));
    }
    graph_.restore_all = Group(at_.Named("restore_all"), restored);
  }

  void Merge(const Outputs& prefixes, const Outputs& written, const std::string& device) {
    const At at = On(at_.In(at_.scope().After(written)), device);
    const At merge = at.Sub("MergeV2Checkpoints");
    const Output packed = merge.Named("checkpoint_prefixes").Node("Pack", prefixes);
    const Output merged = ops::MergeV2Checkpoints(merge.AsScope(), packed, graph_.filename);
    graph_.save = On(at_.In(at_.scope().After({merged})), device)
                      .Named("Identity")
                      .Node("Identity", {graph_.filename});
  }

  // TensorFlow takes a random number; the same graph is to be the same file here.
  static std::string TemporarySuffix(const Entries& variables) {
    uint32_t sum = 0;
    for (const SavedVariable& saved : variables) sum = crc32c::Extend(sum, saved.place.key);
    return absl::StrFormat("_temp_%08x/part", sum);
  }

  const At at_;
  const SaverGraphOptions& options_;
  SaverGraph graph_;
  Output random_run_;
};

}  // namespace

std::string SavedPlace::SliceSpec() const {
  if (!slice.has_value()) return "";
  return absl::StrCat(absl::StrJoin(full_shape.dims(), " "), " ", slice->ToString());
}

absl::StatusOr<Entries> CollectSaved(const Graph& graph, const std::vector<Variable>& list,
                                     const std::map<std::string, Variable>& by_key) {
  const absl::Status none = absl::InvalidArgumentError("Variable to save is not a Variable");
  Entries entries;
  for (const auto& [key, v] : by_key) {
    if (v.empty()) return none;
    AddEntries(key, v, &entries);
  }
  if (by_key.empty()) {
    const bool all = list.empty();
    std::vector<Variable> known;
    for (const Variable& v : all ? SavedByDefault(graph) : list) {
      if (v.empty()) return none;
      if (all && std::find(known.begin(), known.end(), v) != known.end()) continue;
      known.push_back(v);
      AddEntries(KeyOf(v.is_partitioned() ? v.parts()[0] : v), v, &entries);
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.place.key < b.place.key; });
  SLUICE_RETURN_IF_ERROR(CheckEntries(entries));
  return entries;
}

SaverGraph BuildSaverGraph(At at, const Entries& variables, const SaverGraphOptions& options) {
  return Builder(at.Sub(options.name), options).Build(variables);
}

}  // namespace sluice::train
