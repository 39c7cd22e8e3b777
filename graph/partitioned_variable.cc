#include "graph/partitioned_variable.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/make_variable.h"

namespace sluice {
namespace {

Tensor Int32s(const std::vector<int64_t>& values) {
  const std::vector<int32_t> narrow(values.begin(), values.end());
  return Tensor::Of<int32_t>({static_cast<int64_t>(narrow.size())}, narrow);
}

Output Int32Const(At at, const char* name, const std::vector<int64_t>& values) {
  return at.Named(name).Node("Const", {}, {{"value", Int32s(values)}, {"dtype", DType::kInt32}});
}

SaveSliceInfo SliceInfo(const std::string& name, const TensorShape& shape,
                        const Partition& partition, size_t i) {
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  SaveSliceInfo info{name, shape, std::vector<int64_t>(dims.size(), 0), {}};
  info.var_offset[partition.axis] = partition.offsets[i];
  dims[partition.axis] = partition.sizes[i];
  info.var_shape = TensorShape(dims);
  return info;
}

VariableOptions PartOptions(At at, const std::string& part_name, const VariableOptions& options,
                            const SaveSliceInfo& slice) {
  VariableOptions part = options;
  part.partitioner = nullptr;
  if (options.initializer.is_value()) {
    const At inside = at.Sub(absl::StrCat(part_name, "/PartitionedInitializer"));
    part.initializer = SlicePart(
        inside, slice, options.initializer(inside, TensorShape::Unknown(), DType::kInvalid));
    part.shape = TensorShape::Unknown();
    return part;
  }
  part.shape = slice.var_shape;
  return part;
}

TensorShape WholeShape(const VariableOptions& options) {
  if (const Tensor* value = options.initializer.value()) return value->shape();
  const Output* tensor = options.initializer.output();
  return tensor != nullptr && !tensor->empty() ? tensor->shape() : options.shape;
}

}  // namespace

Output SlicePart(At at, const SaveSliceInfo& part, const Output& whole) {
  const At inside = at.Sub("Slice");
  const Output begin = Int32Const(inside, "begin", part.var_offset);
  const std::vector<int64_t> size(part.var_shape.dims().begin(), part.var_shape.dims().end());
  return inside.AsScope().Node("Slice", {whole, begin, Int32Const(inside, "size", size)});
}

absl::StatusOr<Partition> AskPartitioner(At at, const std::string& name,
                                         const VariableOptions& options) {
  TensorShape shape = WholeShape(options);
  const Variable* found = at.graph().FindVariable(name);
  if (!shape.fully_defined() && found != nullptr) shape = found->shape();
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(absl::StrCat("Shape of a new partitioned variable (", name,
                                                   ") must be fully defined, but instead was ",
                                                   shape.ToString(), "."));
  }
  const DType dtype =
      options.dtype == DType::kInvalid ? at.scope().dtype() : BaseType(options.dtype);
  return CutShape(shape, options.partitioner(shape, dtype));
}

Variable MakePartitioned(At at, const std::string& name, const VariableOptions& options,
                         const Partition& partition, const PartMaker& make_part) {
  const TensorShape shape = WholeShape(options);
  auto data = std::make_shared<Variable::Data>();
  Outputs values, initializers;
  for (size_t i = 0; i < partition.sizes.size(); ++i) {
    const SaveSliceInfo slice = SliceInfo(name, shape, partition, i);
    const std::string part_name = absl::StrCat(name, "/part_", i);
    const Variable part =
        make_part(at, part_name, PartOptions(at, part_name, options, slice), &slice);
    if (part.empty()) return {};
    data->parts.push_back(part);
    values.push_back(part.value());
    initializers.push_back(part.initializer());
  }
  const Variable& first = data->parts[0];
  data->op_name = name;
  data->dtype = first.dtype();
  data->shape = shape;
  data->partitions = partition.counts;
  data->trainable = first.trainable();
  data->constraint = first.constraint();
  data->created_at = first.data().created_at;
  data->created_in = first.data().created_in;
  const At inside =
      at.In(at.scope().WithoutControl()).Sub(absl::StrCat(name, "/ConcatPartitions/"));
  data->value = ConcatParts(inside, Variable(data), values);
  data->initializer = Group(inside.Named("Assign"), initializers);
  const Variable variable(std::move(data));
  at.graph().StoreVariable(name, variable);
  return variable;
}

Output ConcatParts(At at, const Variable& variable, const Outputs& values) {
  const std::vector<int>& counts = variable.data().partitions;
  int64_t axis = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 1) axis = static_cast<int64_t>(i);
  }
  const At whole = at.Sub("").Named(variable.op_name());
  if (values.size() == 1) return whole.Node("Identity", values);
  const At concat = at.Sub("concat");
  const Output along = concat.Named("axis").Node(
      "Const", {},
      {{"value", Tensor::Scalar(static_cast<int32_t>(axis))}, {"dtype", DType::kInt32}});
  Outputs inputs = values;
  inputs.push_back(along);
  return whole.Node(
      "Identity",
      {concat.AsScope().Node("ConcatV2", inputs, {{"N", static_cast<int64_t>(values.size())}})});
}

absl::Status CheckSamePartitions(const Variable& found, const std::string& name,
                                 const std::vector<int>& counts) {
  if (found.data().partitions == counts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Trying to reuse partitioned variable ", name, ", but specified partitions [",
      absl::StrJoin(counts, ", "), "] and found partitions [",
      absl::StrJoin(found.data().partitions, ", "), "]. Defined at ", found.created_at()));
}

}  // namespace sluice
