#include "ops/parse_example.h"

#include <algorithm>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "proto/example.pb.h"

namespace sluice::ops {
namespace {

// What is asked for.
struct Wanted {
  std::vector<std::string> sparse_keys, dense_keys;
  std::vector<DType> sparse_types, dense_types;
  std::vector<TensorShape> dense_shapes;
  std::vector<const Tensor*> defaults;
};

bool VariableLength(const TensorShape& shape) { return shape.rank() > 0 && shape.dim(0) < 0; }

// Elements of a dense feature, or of one row of it where the number of rows varies.
int64_t Stride(TensorShape shape) {
  if (VariableLength(shape)) shape.set_dim(0, 1);
  return shape.num_elements();
}

absl::Status CheckDenseShapes(const std::vector<TensorShape>& shapes, size_t count) {
  if (shapes.size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat("len(dense_keys) != len(dense_shapes): ", count, " vs. ", shapes.size()));
  }
  for (size_t d = 0; d < shapes.size(); ++d) {
    SLUICE_RETURN_IF_ERROR(shapes[d].Check());
    if (shapes[d].rank_known() && Stride(shapes[d]) >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("dense_shapes[", d,
                     "] has unknown rank or unknown inner dimensions: ", shapes[d].ToString()));
  }
  return absl::OkStatus();
}

// --- shapes --------------------------------------------------------------------------------------

// Outputs of `sparse` sparse features in `rank` dimensions, then the dense ones behind `prefix`.
absl::Status SetShapes(ShapeContext& c, int sparse, int64_t rank, const TensorShape& prefix) {
  const auto shapes = c.attr<std::vector<TensorShape>>("dense_shapes");
  const int dense = c.num_outputs() - 3 * sparse;
  SLUICE_RETURN_IF_ERROR(CheckDenseShapes(shapes, dense));
  if (c.attr<std::vector<DType>>("sparse_types").size() != static_cast<size_t>(sparse)) {
    return absl::InvalidArgumentError("len(sparse_keys) != len(sparse_types)");
  }
  for (int i = 0; i < sparse; ++i) {
    c.set_output(i, {-1, rank});
    c.set_output(sparse + i, TensorShape::OfRank(1));
    c.set_output(2 * sparse + i, {rank});
  }
  for (int i = 0; i < dense; ++i) {
    TensorShape shape = prefix;
    for (const int64_t d : shapes[i].dims()) shape.AddDim(d);
    SLUICE_RETURN_IF_ERROR(shape.Check());
    c.set_output(3 * sparse + i, std::move(shape));
  }
  return absl::OkStatus();
}

absl::Status BatchShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape serialized, c.WithRank(0, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  return SetShapes(c, static_cast<int>(c.attr<int64_t>("Nsparse")), 2, serialized);
}

absl::Status SingleShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  const auto sparse = c.attr<int64_t>("num_sparse");
  const auto keys = c.attr<std::vector<std::string>>("sparse_keys");
  if (static_cast<int64_t>(keys.size()) != sparse) {
    return absl::InvalidArgumentError(absl::StrCat(
        "num_sparse (", sparse, ") must match the size of sparse_keys (", keys.size(), ")"));
  }
  return SetShapes(c, static_cast<int>(sparse), 1, {});
}

// --- features ------------------------------------------------------------------------------------

const auto& ValuesOf(const proto::Feature& f, TypeTag<float>) { return f.float_list().value(); }
const auto& ValuesOf(const proto::Feature& f, TypeTag<int64_t>) { return f.int64_list().value(); }
const auto& ValuesOf(const proto::Feature& f, TypeTag<std::string>) {
  return f.bytes_list().value();
}

template <typename F>
absl::Status DispatchFeature(DType dtype, F f) {
  return Dispatch<float, int64_t, std::string>(dtype, f);
}

DType TypeOf(const proto::Feature& feature) {
  switch (feature.kind_case()) {
    case proto::Feature::kBytesList:
      return DType::kString;
    case proto::Feature::kFloatList:
      return DType::kFloat;
    case proto::Feature::kInt64List:
      return DType::kInt64;
    default:
      return DType::kInvalid;
  }
}

// One message, and what to call it.
struct Parsed {
  proto::Example example;
  std::string name;

  // Null when it is missing. InvalidArgument when it has another dtype.
  absl::StatusOr<const proto::Feature*> Find(const std::string& key, DType dtype) const {
    const auto& features = example.features().feature();
    const auto found = features.find(key);
    if (found == features.end() || TypeOf(found->second) == DType::kInvalid) return nullptr;
    const DType got = TypeOf(found->second);
    if (got == dtype) return &found->second;
    return absl::InvalidArgumentError(
        absl::StrCat("Name: ", Printable(name), ", Key: ", Printable(key),
                     ".  Data types don't match. Data type: ", DTypeSchemaName(got),
                     " but expected type: ", DTypeSchemaName(dtype)));
  }
};

absl::Status Parse(const std::string& bytes, const std::string& name, Parsed* parsed) {
  parsed->name = name;
  if (parsed->example.ParseFromString(bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Name: ", Printable(name),
                                                 ": Could not parse example input, value: '",
                                                 Printable(bytes), "'"));
}

// How many values the feature has; 0 when it is missing.
int64_t CountValues(const proto::Feature* feature) {
  if (feature == nullptr) return 0;
  switch (feature->kind_case()) {
    case proto::Feature::kBytesList:
      return feature->bytes_list().value_size();
    case proto::Feature::kFloatList:
      return feature->float_list().value_size();
    default:
      return feature->int64_list().value_size();
  }
}

void CopyValues(const proto::Feature& feature, Tensor& to, int64_t position) {
  DispatchFeature(to.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto& values = ValuesOf(feature, tag);
    std::copy(values.begin(), values.end(), to.mutable_data<T>() + position);
    return absl::OkStatus();
  }).IgnoreError();  // one of the three
}

// --- kernels -------------------------------------------------------------------------------------

// Sparse feature `i` of all examples; `batch`: with the example's number in front of each index.
absl::Status SetSparse(KernelContext& c, const Wanted& wanted, int i,
                       const std::vector<Parsed>& examples, bool batch) {
  const int n = static_cast<int>(wanted.sparse_keys.size());
  std::vector<const proto::Feature*> features;
  int64_t total = 0, widest = 0;
  for (const Parsed& parsed : examples) {
    SLUICE_ASSIGN_OR_RETURN(const proto::Feature* feature,
                            parsed.Find(wanted.sparse_keys[i], wanted.sparse_types[i]));
    features.push_back(feature);
    total += CountValues(feature);
    widest = std::max(widest, CountValues(feature));
  }
  const int64_t rank = batch ? 2 : 1;
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(i, {total, rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(n + i, {total}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(2 * n + i, {rank}));
  int64_t* index = indices->mutable_data<int64_t>();
  int64_t position = 0;
  for (size_t e = 0; e < features.size(); ++e) {
    if (features[e] == nullptr) continue;
    CopyValues(*features[e], *values, position);
    const int64_t count = CountValues(features[e]);
    for (int64_t k = 0; k < count; ++k) {
      if (batch) *index++ = static_cast<int64_t>(e);
      *index++ = k;
    }
    position += count;
  }
  int64_t* dims = shape->mutable_data<int64_t>();
  if (batch) *dims++ = static_cast<int64_t>(examples.size());
  *dims = widest;
  return absl::OkStatus();
}

absl::Status CheckDefault(const Wanted& wanted, int d) {
  const Tensor& value = *wanted.defaults[d];
  const TensorShape& shape = wanted.dense_shapes[d];
  if (VariableLength(shape)) {
    if (value.num_elements() == 1) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("dense_shape[", d, "] is a variable length shape: ", shape.ToString(),
                     ", therefore def_value[", d,
                     "] must contain a single element ( the padding element).  But its shape is: ",
                     value.shape().ToString()));
  }
  if (value.num_elements() == 0 || shape.CompatibleWith(value.shape())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("def_value[", d, "].shape() == ", value.shape().ToString(), " != dense_shapes_[",
                   d, "] == ", shape.ToString()));
}

// Checks one example's values against the shape.
absl::Status CheckDense(const Wanted& wanted, int d, const Parsed& parsed, size_t example,
                        const proto::Feature* feature) {
  const TensorShape& shape = wanted.dense_shapes[d];
  const std::string& key = wanted.dense_keys[d];
  const std::string type = DTypeSchemaName(wanted.dense_types[d]);
  if (feature == nullptr) {
    if (VariableLength(shape) || wanted.defaults[d]->num_elements() > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("Name: ", Printable(parsed.name), ", Feature: ", Printable(key),
                     " (data type: ", type, ") is required but could not be found."));
  }
  const int64_t count = CountValues(feature), stride = Stride(shape);
  const bool fits =
      VariableLength(shape) ? (stride > 0 ? count % stride == 0 : count == 0) : count == stride;
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Name: ", Printable(parsed.name), ", Key: ", Printable(key), ", Index: ", example,
      ".  Number of ", type, " values != expected.  values size: ", count,
      " but output shape: ", shape.ToString()));
}

absl::Status SetDense(KernelContext& c, const Wanted& wanted, int d,
                      const std::vector<Parsed>& examples, bool batch) {
  SLUICE_RETURN_IF_ERROR(CheckDefault(wanted, d));
  TensorShape shape = wanted.dense_shapes[d];
  std::vector<const proto::Feature*> features;
  int64_t most = 0;
  for (size_t e = 0; e < examples.size(); ++e) {
    SLUICE_ASSIGN_OR_RETURN(const proto::Feature* feature,
                            examples[e].Find(wanted.dense_keys[d], wanted.dense_types[d]));
    SLUICE_RETURN_IF_ERROR(CheckDense(wanted, d, examples[e], e, feature));
    features.push_back(feature);
    most = std::max(most, CountValues(feature));
  }
  const bool variable = VariableLength(shape);
  if (variable) shape.set_dim(0, most / std::max<int64_t>(1, Stride(shape)));
  const int64_t row = shape.num_elements();
  if (batch) shape.InsertDim(0, static_cast<int64_t>(examples.size()));
  SLUICE_RETURN_IF_ERROR(shape.Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor * values,
                          c.Allocate(3 * static_cast<int>(wanted.sparse_keys.size()) + d, shape));
  const Tensor& fallback = *wanted.defaults[d];
  for (size_t e = 0; e < features.size(); ++e) {
    const int64_t position = static_cast<int64_t>(e) * row;
    void* to = ElementAt(values->mutable_raw(), position, values->dtype());
    if (variable) {
      FillElements(values->dtype(), fallback.raw(), to, row);
    } else if (features[e] == nullptr) {
      CopyElements(values->dtype(), fallback.raw(), to, row);
    }
    if (features[e] != nullptr) CopyValues(*features[e], *values, position);
  }
  return absl::OkStatus();
}

absl::Status SetOutputs(KernelContext& c, const Wanted& wanted, const std::vector<Parsed>& examples,
                        bool batch) {
  SLUICE_RETURN_IF_ERROR(CheckDenseShapes(wanted.dense_shapes, wanted.dense_keys.size()));
  for (size_t i = 0; i < wanted.sparse_keys.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(SetSparse(c, wanted, static_cast<int>(i), examples, batch));
  }
  for (size_t d = 0; d < wanted.dense_keys.size(); ++d) {
    SLUICE_RETURN_IF_ERROR(SetDense(c, wanted, static_cast<int>(d), examples, batch));
  }
  return absl::OkStatus();
}

void ReadAttrs(const KernelContext& c, Wanted* wanted) {
  wanted->sparse_types = c.attr<std::vector<DType>>("sparse_types");
  wanted->dense_types = c.attr<std::vector<DType>>("Tdense");
  wanted->dense_shapes = c.attr<std::vector<TensorShape>>("dense_shapes");
}

absl::Status BatchKernel(KernelContext& c) {
  Wanted wanted;
  ReadAttrs(c, &wanted);
  const auto sparse = static_cast<int>(c.attr<int64_t>("Nsparse"));
  const auto dense = static_cast<int>(c.attr<int64_t>("Ndense"));
  for (int i = 0; i < sparse + dense; ++i) {
    const Tensor& key = c.input(2 + i);
    if (key.num_elements() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("Expected ", i < sparse ? "sparse" : "dense",
                       "_keys to be scalars, got shape: ", key.shape().ToString()));
    }
    (i < sparse ? wanted.sparse_keys : wanted.dense_keys).push_back(key.flat<std::string>()[0]);
  }
  for (int d = 0; d < dense; ++d) wanted.defaults.push_back(&c.input(2 + sparse + dense + d));
  const absl::Span<const std::string> serialized = c.input(0).flat<std::string>();
  const absl::Span<const std::string> names = c.input(1).flat<std::string>();
  if (!names.empty() && names.size() != serialized.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expected len(names) == len(serialized), or 0, but got: ", names.size(),
                     " vs. ", serialized.size()));
  }
  std::vector<Parsed> examples(serialized.size());
  for (size_t e = 0; e < serialized.size(); ++e) {
    SLUICE_RETURN_IF_ERROR(
        Parse(serialized[e], names.empty() ? "<unknown>" : names[e], &examples[e]));
  }
  return SetOutputs(c, wanted, examples, true);
}

absl::Status SingleKernel(KernelContext& c) {
  Wanted wanted;
  ReadAttrs(c, &wanted);
  wanted.sparse_keys = c.attr<std::vector<std::string>>("sparse_keys");
  wanted.dense_keys = c.attr<std::vector<std::string>>("dense_keys");
  if (wanted.dense_keys.size() != wanted.dense_types.size()) {
    return absl::InvalidArgumentError("len(dense_keys) != len(dense_defaults)");
  }
  for (int d = 1; d < c.num_inputs(); ++d) wanted.defaults.push_back(&c.input(d));
  std::vector<Parsed> examples(1);
  SLUICE_RETURN_IF_ERROR(Parse(c.input(0).scalar<std::string>(), "<unknown>", examples.data()));
  return SetOutputs(c, wanted, examples, false);
}

constexpr char kBytes[] = "its input is a string";

}  // namespace

OpSpec ParseExampleOp() {
  return OpSpec("ParseExample")
      .Input("serialized: string")
      .Input("names: string")
      .Input("sparse_keys: Nsparse * string")
      .Input("dense_keys: Ndense * string")
      .Input("dense_defaults: Tdense")
      .Output("sparse_indices: Nsparse * int64")
      .Output("sparse_values: sparse_types")
      .Output("sparse_shapes: Nsparse * int64")
      .Output("dense_values: Tdense")
      .Attr("Nsparse: int >= 0")
      .Attr("Ndense: int >= 0")
      .Attr("sparse_types: list({float, int64, string}) >= 0")
      .Attr("Tdense: list({float, int64, string}) >= 0")
      .Attr("dense_shapes: list(shape) >= 0")
      .Shape(BatchShape)
      .Kernel(BatchKernel)
      .NotDifferentiable(kBytes);
}

OpSpec ParseSingleExampleOp() {
  return OpSpec("ParseSingleExample")
      .Input("serialized: string")
      .Input("dense_defaults: Tdense")
      .Output("sparse_indices: num_sparse * int64")
      .Output("sparse_values: sparse_types")
      .Output("sparse_shapes: num_sparse * int64")
      .Output("dense_values: Tdense")
      .Attr("num_sparse: int >= 0")
      .Attr("sparse_keys: list(string) >= 0")
      .Attr("dense_keys: list(string) >= 0")
      .Attr("sparse_types: list({float, int64, string}) >= 0")
      .Attr("Tdense: list({float, int64, string}) >= 0")
      .Attr("dense_shapes: list(shape) >= 0")
      .Shape(SingleShape)
      .Kernel(SingleKernel)
      .NotDifferentiable(kBytes);
}

Outputs ParseExample(At at, Output serialized, Output names, const Outputs& sparse_keys,
                     const Outputs& dense_keys, const Outputs& dense_defaults,
                     const std::vector<DType>& sparse_types,
                     const std::vector<TensorShape>& dense_shapes) {
  Outputs inputs = {serialized, names};
  for (const Outputs* more : {&sparse_keys, &dense_keys, &dense_defaults}) {
    inputs.insert(inputs.end(), more->begin(), more->end());
  }
  return at.Nodes("ParseExample", inputs,
                  {{"Nsparse", static_cast<int64_t>(sparse_keys.size())},
                   {"Ndense", static_cast<int64_t>(dense_keys.size())},
                   {"sparse_types", sparse_types},
                   {"dense_shapes", dense_shapes}});
}

Outputs ParseSingleExample(At at, Output serialized, const Outputs& dense_defaults,
                           const std::vector<std::string>& sparse_keys,
                           const std::vector<std::string>& dense_keys,
                           const std::vector<DType>& sparse_types,
                           const std::vector<TensorShape>& dense_shapes) {
  Outputs inputs = {serialized};
  inputs.insert(inputs.end(), dense_defaults.begin(), dense_defaults.end());
  return at.Nodes("ParseSingleExample", inputs,
                  {{"num_sparse", static_cast<int64_t>(sparse_keys.size())},
                   {"sparse_keys", sparse_keys},
                   {"dense_keys", dense_keys},
                   {"sparse_types", sparse_types},
                   {"dense_shapes", dense_shapes}});
}

}  // namespace sluice::ops
