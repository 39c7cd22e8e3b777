#include "train/variables_io.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/node.h"
#include "train/restore_model.h"
#include "train/saver_graph.h"
#include "train/tensor_file.h"

namespace sluice::train {
namespace {

// A tensor of the file: a variable, or the parts of a partitioned one.
using Parts = std::vector<SavedVariable>;
using ByName = std::map<std::string, Parts>;

absl::StatusOr<ByName> Collect(const Session& session, const VariablesIoOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<SavedVariable> variables,
                          CollectSaved(session.graph(), options.var_list, options.var_map));
  ByName by_name;
  for (const SavedVariable& saved : variables) by_name[saved.place.key].push_back(saved);
  return by_name;
}

// --- export --------------------------------------------------------------------------------------

// The tensor that the parts make up. There are as many elements in them as in it.
absl::StatusOr<Tensor> Whole(const Parts& parts, const Tensor* values) {
  if (!parts[0].place.slice) return values[0];
  SLUICE_ASSIGN_OR_RETURN(Tensor whole, Tensor::Make(values[0].dtype(), parts[0].place.full_shape));
  for (size_t i = 0; i < parts.size(); ++i) CopySliceIn(values[i], *parts[i].place.slice, whole);
  return whole;
}

bool Overlap(const TensorSlice& a, const TensorShape& a_shape, const TensorSlice& b,
             const TensorShape& b_shape) {
  for (int d = 0; d < a_shape.rank(); ++d) {
    const int64_t a_start = a.extents[d].start, b_start = b.extents[d].start;
    if (a_start + a_shape.dim(d) <= b_start || b_start + b_shape.dim(d) <= a_start) return false;
  }
  return true;
}

// What is written for a variable. Its parts have to make it up: as many elements, and none twice.
absl::StatusOr<BundleTensor> Describe(const std::string& name, const Parts& parts,
                                      const Tensor* values) {
  BundleTensor tensor = {name, values[0].dtype(), values[0].shape(), {}};
  if (!parts[0].place.slice) return tensor;
  tensor.shape = parts[0].place.full_shape;
  int64_t elements = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto shape = parts[i].place.slice->ShapeWithin(tensor.shape);
    if (!shape.ok() || *shape != values[i].shape()) {
      return absl::InvalidArgumentError(
          absl::StrCat("variable '", name, "': its part ", parts[i].place.slice->ToString(), " of ",
                       tensor.shape.ToString(), " has the shape ", values[i].shape().ToString()));
    }
    elements += values[i].num_elements();
  }
  bool sound = elements == tensor.shape.num_elements();
  for (size_t i = 0; i < parts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      sound = sound && !Overlap(*parts[i].place.slice, values[i].shape(), *parts[j].place.slice,
                                values[j].shape());
    }
  }
  if (sound) return tensor;
  return absl::InvalidArgumentError(absl::StrCat("variable '", name, "': its parts, of ", elements,
                                                 " elements, do not make up ",
                                                 tensor.shape.ToString()));
}

// --- import --------------------------------------------------------------------------------------

// What is to be fed so that the variable's initializer assigns it; empty when there is nothing.
Output Assigned(const Variable& variable) {
  const Output initializer = variable.initializer();
  if (initializer.empty()) return {};
  const Node& node = *initializer.node();
  const bool assigns = node.op() == "Assign" || node.op() == "AssignVariableOp";
  return assigns && node.num_inputs() == 2 ? node.input(1) : variable.initial_value();
}

struct Assignment {
  Variable variable;
  Output fed;
  Tensor value;
};

absl::StatusOr<std::vector<Assignment>> ReadValues(const ByName& variables, const RestorePlan& plan,
                                                   const TensorFile& file) {
  std::vector<Assignment> assignments;
  for (const auto& [name, key] : plan.keys) {
    SLUICE_ASSIGN_OR_RETURN(const Tensor whole, file.GetTensor(key));
    for (const SavedVariable& part : variables.at(name)) {
      Assignment one = {part.variable, Assigned(part.variable), whole};
      if (one.fed.empty()) {
        return absl::FailedPreconditionError(absl::StrCat(
            "variable '", part.variable.op_name(), "' has no initializer that could assign it"));
      }
      if (part.place.slice) {
        SLUICE_ASSIGN_OR_RETURN(const TensorShape shape,
                                part.place.slice->ShapeWithin(whole.shape()));
        SLUICE_ASSIGN_OR_RETURN(one.value, Tensor::Make(whole.dtype(), shape));
        CopySliceOut(whole, *part.place.slice, one.value);
      }
      assignments.push_back(std::move(one));
    }
  }
  return assignments;
}

// In one run, but for variables whose initializers share a tensor: they take turns.
absl::Status Assign(Session& session, std::vector<Assignment> assignments) {
  while (!assignments.empty()) {
    Feeds feeds;
    Outputs targets;
    std::set<std::pair<const Node*, int>> fed;
    std::vector<Assignment> later;
    for (Assignment& one : assignments) {
      if (!fed.insert({one.fed.node(), one.fed.index()}).second) {
        later.push_back(std::move(one));
        continue;
      }
      feeds.emplace_back(one.fed, std::move(one.value));
      targets.push_back(one.variable.initializer());
    }
    SLUICE_RETURN_IF_ERROR(session.Run(feeds, targets).status());
    assignments = std::move(later);
  }
  return absl::OkStatus();
}

// The tensors to import, sorted by name; what the mode leaves out goes to `others`.
std::vector<TensorFact> Wanted(const Graph& graph, const ByName& variables, RestoreMode mode,
                               std::vector<RestoreReport::Skipped>* others) {
  std::vector<TensorFact> wanted;
  const VariableRoles roles(graph);
  for (const auto& [name, parts] : variables) {
    const VariableRole role = roles.Of(parts[0].variable.handle());
    if (mode != RestoreMode::kAll && role != VariableRole::kModel) {
      others->push_back({name, std::string(RoleName(role))});
    } else {
      wanted.push_back({name, parts[0].variable.dtype(), parts[0].place.full_shape});
    }
  }
  return wanted;
}

std::vector<TensorFact> Held(const TensorFile& file) {
  std::vector<TensorFact> held;
  for (const BundleTensor& entry : file.entries()) {
    if (entry.name != kRandomRunKey) held.push_back({entry.name, entry.dtype, entry.shape});
  }
  return held;
}

absl::StatusOr<Outputs> InitializersOfRest(const ByName& variables, const RestorePlan& plan,
                                           RestoreReport* report) {
  Outputs initializers;
  for (const auto& [name, parts] : variables) {
    if (plan.keys.contains(name)) continue;
    for (const SavedVariable& part : parts) {
      initializers.push_back(part.variable.initializer());
      if (!initializers.back().empty()) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("variable '", name, "' is not imported and has no initializer"));
    }
    report->initialized.push_back(name);
  }
  return initializers;
}

}  // namespace

absl::Status ExportVariables(Session& session, const std::string& path,
                             const VariablesIoOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(const ByName variables, Collect(session, options));
  if (variables.empty()) return absl::InvalidArgumentError("No variables to save");
  Outputs reads;
  for (const auto& [name, parts] : variables) {
    for (const SavedVariable& part : parts) reads.push_back(part.variable.value());
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session.Run({}, reads));
  std::vector<BundleTensor> tensors;
  std::map<std::string, const Tensor*> first_value;  // of each variable's parts
  const Tensor* next = values.data();
  for (const auto& [name, parts] : variables) {
    SLUICE_ASSIGN_OR_RETURN(BundleTensor tensor, Describe(name, parts, next));
    tensors.push_back(std::move(tensor));
    first_value[name] = next;
    next += parts.size();
  }
  const auto source = [&](const BundleTensor& tensor) {
    return Whole(variables.at(tensor.name), first_value.at(tensor.name));
  };
  return WriteTensorFile(*options.fs, path, tensors, source, options.metadata);
}

absl::StatusOr<RestoreReport> ImportVariables(Session& session, const std::string& path,
                                              const RestoreOptions& restore,
                                              const VariablesIoOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(const ByName variables, Collect(session, options));
  SLUICE_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(path, *options.fs));
  std::vector<RestoreReport::Skipped> others;
  const std::vector<TensorFact> wanted = Wanted(session.graph(), variables, restore.mode, &others);
  absl::StatusOr<RestorePlan> plan = PlanRestore(wanted, Held(file), restore);
  if (!plan.ok()) return Annotate(plan.status(), absl::CHexEscape(path));
  RestoreReport& report = plan->report;
  report.checkpoint = path;
  report.skipped.insert(report.skipped.end(), others.begin(), others.end());
  std::sort(report.skipped.begin(), report.skipped.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  Outputs initializers;
  if (restore.mode == RestoreMode::kModelThenInitRest) {
    SLUICE_ASSIGN_OR_RETURN(initializers, InitializersOfRest(variables, *plan, &report));
  }
  SLUICE_RETURN_IF_ERROR(file.VerifyAll());
  SLUICE_ASSIGN_OR_RETURN(std::vector<Assignment> assignments, ReadValues(variables, *plan, file));
  SLUICE_RETURN_IF_ERROR(Assign(session, std::move(assignments)));
  if (!initializers.empty()) SLUICE_RETURN_IF_ERROR(session.Run({}, initializers).status());
  return std::move(report);
}

}  // namespace sluice::train
