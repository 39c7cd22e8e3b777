// get_variable: the decision table VS-1 and what leads to it.
#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/make_variable.h"
#include "graph/nearest.h"
#include "graph/partitioned_variable.h"
#include "graph/variable.h"

namespace sluice {
namespace {

Output DefaultInitialValue(At at, const TensorShape& shape, DType dtype,
                           const PartitionInfo* partition) {
  if (IsFloating(dtype)) {
    const auto [low, high] =
        GlorotUniformRange(partition == nullptr ? shape : partition->full_shape);
    return UniformInitializerNodes(at, shape, dtype, low, high, std::nullopt);
  }
  return ZerosInitializer(at, shape, dtype);
}

// Rule VS-7.
absl::StatusOr<Initializer> DefaultInitializer(const std::string& name, DType dtype) {
  if (IsFloating(dtype) || IsInteger(dtype) || dtype == DType::kBool || dtype == DType::kString)
    return Initializer(DefaultInitialValue);
  return absl::InvalidArgumentError(
      absl::StrCat("An initializer for variable ", name, " of ", DTypeName(dtype), " is required"));
}

std::string DescribeHere(At at, const VariableOptions& options) {
  return absl::StrCat("op scope '", at.scope().name(), "', variable scope '",
                      at.scope().variable_scope(), "', shape ", options.shape.ToString());
}

std::string DescribeThere(const Variable& found) {
  const Variable::Data& data = found.data();
  return absl::StrCat(data.created_at.empty() ? std::string("an unknown line") : data.created_at,
                      " (", data.created_in, ", shape ", found.shape().ToString(), ")");
}

absl::Status AlreadyExists(At at, const std::string& name, const Variable& found,
                           const VariableOptions& options) {
  return absl::AlreadyExistsError(absl::StrCat(
      found.is_partitioned() ? "Partitioned variable " : "Variable ", name,
      " already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
      "VarScope? Originally defined at ",
      DescribeThere(found), "; asked for again in ", DescribeHere(at, options),
      ". To share it, build the second user in scope.WithReuse() or with {.reuse = "
      "Reuse::kAuto}; for a variable of its own, give the layer or scope another name."));
}

absl::Status DoesNotExist(At at, const std::string& name) {
  return absl::NotFoundError(absl::StrCat(
      "Variable ", name,
      " does not exist, or was not created with tf.get_variable(). Did you mean to set "
      "reuse=tf.AUTO_REUSE in VarScope?",
      DidYouMean(name, at.graph().StoredVariableNames())));
}

// Rules VS-2 and VS-3.
absl::Status CheckShared(const Variable& found, const std::string& name,
                         const VariableOptions& options) {
  if (!found.shape().CompatibleWith(options.shape)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Trying to share variable ", name, ", but specified shape ", options.shape.ToString(),
        " and found shape ", found.shape().ToString(), ". Defined at ", DescribeThere(found)));
  }
  if (options.dtype != DType::kInvalid && BaseType(options.dtype) != found.dtype()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Trying to share variable ", name, ", but specified dtype ", DTypeName(options.dtype),
        " and found dtype ", DTypeName(found.dtype()), ". Defined at ", DescribeThere(found)));
  }
  return absl::OkStatus();
}

// The initializer of a part of a variable: it is told where the part lies.
Initializer PartInitializer(const Initializer& whole, PartitionInfo info) {
  return Initializer([whole, info = std::move(info)](At at, const TensorShape& shape, DType dtype) {
    return whole(at, shape, dtype, &info);
  });
}

Variable Create(At at, const std::string& name, const VariableOptions& options,
                const SaveSliceInfo* slice = nullptr) {
  const Initializer& initializer = options.initializer;
  if (!options.shape.fully_defined() && (!initializer || initializer.needs_shape())) {
    return FailVariable(
        at, name,
        absl::InvalidArgumentError(absl::StrCat(
            "Shape of a new variable (", name, ") must be fully defined, but instead was ",
            options.shape.ToString(),
            ". (Only an initializer function that expects no arguments may leave it open.)")));
  }
  if (!IsValidOpName(name))
    return FailVariable(at, name, absl::InvalidArgumentError("is not a valid node name"));
  // A value's own dtype wins over the scope's (rule VS-5).
  DType dtype = BaseType(options.dtype);
  if (dtype == DType::kInvalid && (!initializer || initializer.needs_shape()))
    dtype = at.scope().dtype();
  VariablePlan plan{at.graph().UniqueName(name), options.shape, dtype, options, initializer};
  if (!initializer) {
    absl::StatusOr<Initializer> standard = DefaultInitializer(name, dtype);
    if (!standard.ok()) return FailVariable(at, name, standard.status());
    plan.initializer = *std::move(standard);
  }
  plan.save_slice_info = options.save_slice_info;
  if (slice != nullptr) {
    plan.save_slice_info = *slice;
    if (!plan.initializer.is_value())
      plan.initializer = PartInitializer(plan.initializer, {slice->full_shape, slice->var_offset});
  }
  const Variable variable = MakeVariable(at, plan);
  if (variable.empty()) return {};
  at.graph().StoreVariable(name, variable);
  Regularize(at, name, variable, options.regularizer);
  return variable;
}

Variable TakeOrMakeWhole(At at, const std::string& name, const VariableOptions& options) {
  if (at.graph().FindVariable(name + "/part_0") != nullptr &&
      at.graph().FindVariable(name) == nullptr) {
    return FailVariable(at, name,
                        absl::InvalidArgumentError(absl::StrCat(
                            "No partitioner was provided, but a partitioned version of the "
                            "variable was found: ",
                            name, "/part_0")));
  }
  if (const Variable* found = at.graph().FindVariable(name)) {
    const Variable shared = *found;
    if (shared.is_partitioned() && options.reuse != Reuse::kTrue) {
      return FailVariable(at, name,
                          absl::InvalidArgumentError(absl::StrCat(
                              "No partitioner was provided, but a partitioned version of the "
                              "variable was found: ",
                              name, "/part_0. Defined at ", DescribeThere(shared))));
    }
    const absl::Status fits = options.reuse == Reuse::kFalse
                                  ? AlreadyExists(at, name, shared, options)
                                  : CheckShared(shared, name, options);
    return fits.ok() ? shared : FailVariable(at, name, fits);
  }
  if (options.reuse == Reuse::kTrue) return FailVariable(at, name, DoesNotExist(at, name));
  return Create(at, name, options);
}

// Rule VS-42.
Variable TakeOrMakePartitioned(At at, const std::string& name, const VariableOptions& options) {
  const Variable* found = at.graph().FindVariable(name);
  if (found != nullptr && !found->is_partitioned()) {
    return FailVariable(at, name,
                        absl::InvalidArgumentError(absl::StrCat(
                            "A partitioner was provided, but an unpartitioned version of the "
                            "variable was found: ",
                            name, ". Defined at ", DescribeThere(*found))));
  }
  if (found == nullptr && options.reuse == Reuse::kTrue)
    return FailVariable(at, name, DoesNotExist(at, name));
  const absl::StatusOr<Partition> partition = AskPartitioner(at, name, options);
  if (!partition.ok()) return FailVariable(at, name, partition.status());
  if (found == nullptr) return MakePartitioned(at, name, options, *partition, Create);
  const Variable shared = *found;
  if (options.reuse == Reuse::kFalse)
    return FailVariable(at, name, AlreadyExists(at, name, shared, options));
  absl::Status fits = CheckShared(shared, name, options);
  fits.Update(CheckSamePartitions(shared, name, partition->counts));
  return fits.ok() ? shared : FailVariable(at, name, fits);
}

// The end of all getters: `options` are complete.
Variable TakeOrMake(At at, const std::string& name, const VariableOptions& options) {
  if (!at.ok()) return {};
  if (options.initializer.is_value() && options.shape.rank_known()) {
    return FailVariable(
        at, name,
        absl::InvalidArgumentError("If initializer is a constant, do not specify shape."));
  }
  const auto lock = at.graph().Hold();
  const bool scalar = options.shape.rank_known() && options.shape.rank() == 0;
  return options.partitioner && !scalar ? TakeOrMakePartitioned(at, name, options)
                                        : TakeOrMakeWhole(at, name, options);
}

// Rule VS-5, for an initializer given to the call.
absl::Status CheckExplicitDtype(const VariableOptions& options) {
  const Tensor* value = options.initializer.value();
  const Output* tensor = options.initializer.output();
  if (options.dtype == DType::kInvalid || (value == nullptr && tensor == nullptr))
    return absl::OkStatus();
  if (tensor != nullptr && tensor->empty())
    return absl::InvalidArgumentError("the initializer is an empty tensor");
  const DType dtype = BaseType(value != nullptr ? value->dtype() : tensor->dtype());
  if (dtype == BaseType(options.dtype)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Initializer type '", DTypeName(dtype),
                                                 "' and explicit dtype '", DTypeName(options.dtype),
                                                 "' don't match."));
}

void InheritFrom(const Scope& scope, VariableOptions* options) {
  if (!options->initializer) options->initializer = scope.initializer();
  if (!options->regularizer) options->regularizer = scope.regularizer();
  if (!options->constraint) options->constraint = scope.constraint();
  if (!options->caching_device) options->caching_device = scope.caching_device();
  if (!options->partitioner) options->partitioner = scope.partitioner();
  if (!options->use_resource) options->use_resource = scope.use_resource();
  if (options->reuse == Reuse::kInherit) options->reuse = scope.reuse();
}

}  // namespace

Variable GetVariable(At at, absl::string_view name, const VariableOptions& options) {
  if (!at.ok()) return {};
  const Scope& scope = at.scope();
  if (name.empty() && scope.variable_scope().empty())
    return FailVariable(at, "Variable", absl::InvalidArgumentError("a variable needs a name"));
  // Without a name of its own it is called like its scope: slots of optimizers are.
  std::string full = scope.variable_scope();
  if (!name.empty()) absl::StrAppend(&full, full.empty() ? "" : "/", name);
  const absl::Status dtypes = CheckExplicitDtype(options);
  if (!dtypes.ok()) return FailVariable(at, full, dtypes);
  VariableOptions resolved = options;
  InheritFrom(scope, &resolved);
  const CustomGetter getter = options.custom_getter ? options.custom_getter : scope.custom_getter();
  resolved.custom_getter = nullptr;
  return getter ? getter(TakeOrMake, at, full, resolved) : TakeOrMake(at, full, resolved);
}

Variable GetLocalVariable(At at, absl::string_view name, VariableOptions options) {
  options.trainable = false;
  if (std::find(options.collections.begin(), options.collections.end(), keys::kLocalVariables) ==
      options.collections.end()) {
    options.collections.push_back(keys::kLocalVariables);
  }
  return GetVariable(at, name, options);
}

}  // namespace sluice
