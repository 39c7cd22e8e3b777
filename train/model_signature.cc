#include "train/model_signature.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/meta_graph.pb.h"

namespace sluice {
namespace {

// TensorInfo's later kind of encoding, which our message does not declare.
constexpr int kCompositeTensorField = 5;

bool IsComposite(const proto::TensorInfo& info) {
  const auto& unknown = info.GetReflection()->GetUnknownFields(info);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() == kCompositeTensorField) return true;
  }
  return false;
}

using InfoMap = google::protobuf::Map<std::string, proto::TensorInfo>;

absl::StatusOr<std::map<std::string, ModelTensor>> TensorsFromProto(const InfoMap& infos,
                                                                    absl::string_view what) {
  std::map<std::string, ModelTensor> tensors;
  for (const auto& [key, info] : infos) {
    absl::StatusOr<ModelTensor> tensor = ModelTensorFromProto(info);
    SLUICE_RETURN_IF_ERROR(
        Annotate(tensor.status(), absl::StrCat(what, " '", Printable(key), "'")));
    tensors.emplace(key, *std::move(tensor));
  }
  return tensors;
}

std::map<std::string, ModelTensor> Describe(const std::map<std::string, Output>& tensors) {
  std::map<std::string, ModelTensor> described;
  for (const auto& [key, tensor] : tensors) described.emplace(key, MakeModelTensor(tensor));
  return described;
}

absl::Status CheckDType(absl::string_view what, const Output& tensor, DType wanted) {
  const DType got = tensor.empty() ? DType::kInvalid : BaseType(tensor.dtype());
  if (got == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be a tensor of ", DTypeName(wanted),
                                                 ", got ",
                                                 tensor.empty() ? "none" : DTypeName(got)));
}

}  // namespace

absl::StatusOr<ModelTensor> ModelTensorFromProto(const proto::TensorInfo& info) {
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(info));
  ModelTensor tensor;
  tensor.name = info.name();
  tensor.values = info.coo_sparse().values_tensor_name();
  tensor.indices = info.coo_sparse().indices_tensor_name();
  tensor.dense_shape = info.coo_sparse().dense_shape_tensor_name();
  tensor.dtype = BaseType(static_cast<DType>(info.dtype()));
  if (info.has_tensor_shape()) {
    SLUICE_ASSIGN_OR_RETURN(tensor.shape, ShapeFromProto(info.tensor_shape()));
  }
  tensor.composite = IsComposite(info);
  return tensor;
}

void ToProto(const ModelTensor& tensor, proto::TensorInfo* info) {
  info->Clear();
  if (tensor.sparse()) {
    info->mutable_coo_sparse()->set_values_tensor_name(tensor.values);
    info->mutable_coo_sparse()->set_indices_tensor_name(tensor.indices);
    info->mutable_coo_sparse()->set_dense_shape_tensor_name(tensor.dense_shape);
  } else {
    info->set_name(tensor.name);
  }
  info->set_dtype(static_cast<proto::DataType>(tensor.dtype));
  ToProto(tensor.shape, info->mutable_tensor_shape());
}

absl::StatusOr<ModelSignature> SignatureFromProto(const proto::SignatureDef& def) {
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(def));
  ModelSignature signature;
  signature.method_name = def.method_name();
  SLUICE_ASSIGN_OR_RETURN(signature.inputs, TensorsFromProto(def.inputs(), "input"));
  SLUICE_ASSIGN_OR_RETURN(signature.outputs, TensorsFromProto(def.outputs(), "output"));
  for (const auto& [key, value] : def.defaults()) {
    absl::StatusOr<Tensor> tensor = TensorFromProto(value);
    SLUICE_RETURN_IF_ERROR(
        Annotate(tensor.status(), absl::StrCat("default of input '", Printable(key), "'")));
    signature.defaults.emplace(key, *std::move(tensor));
  }
  return signature;
}

absl::Status ToProto(const ModelSignature& signature, proto::SignatureDef* def) {
  def->Clear();
  def->set_method_name(signature.method_name);
  for (const auto& [key, tensor] : signature.inputs)
    ToProto(tensor, &(*def->mutable_inputs())[key]);
  for (const auto& [key, tensor] : signature.outputs) {
    ToProto(tensor, &(*def->mutable_outputs())[key]);
  }
  for (const auto& [key, value] : signature.defaults) {
    SLUICE_RETURN_IF_ERROR(Annotate(ToProto(value, &(*def->mutable_defaults())[key]),
                                    absl::StrCat("default of input '", Printable(key), "'")));
  }
  return absl::OkStatus();
}

std::string DescribeModelTensor(const ModelTensor& tensor) {
  if (tensor.dtype == DType::kInvalid && !tensor.composite) {
    return absl::StrCat("operation ", Printable(tensor.name));
  }
  return absl::StrCat(DTypeName(tensor.dtype), tensor.shape.ToString(), " (",
                      tensor.composite  ? "composite"
                      : tensor.sparse() ? absl::StrCat("sparse: ", Printable(tensor.values), ", ",
                                                       Printable(tensor.indices), ", ",
                                                       Printable(tensor.dense_shape))
                                        : Printable(tensor.name),
                      ")");
}

ModelTensor MakeModelTensor(const Output& tensor) {
  if (tensor.empty()) return {};
  if (tensor.is_operation()) return {.name = tensor.name(), .shape = TensorShape()};
  return {.name = tensor.name(), .dtype = BaseType(tensor.dtype()), .shape = tensor.shape()};
}

ModelTensor MakeSparseModelTensor(const Output& indices, const Output& values,
                                  const Output& dense_shape) {
  if (indices.empty() || values.empty() || dense_shape.empty()) return {};
  ModelTensor tensor{.values = values.name(),
                     .indices = indices.name(),
                     .dense_shape = dense_shape.name(),
                     .dtype = BaseType(values.dtype())};
  // What the graph knows of the dense shape: its value, or its length, the rank.
  const std::optional<Tensor> known = values.node()->graph().ConstantValue(dense_shape);
  if (known.has_value() && known->dtype() == DType::kInt64) {
    tensor.shape = TensorShape(known->flat<int64_t>());
  } else if (dense_shape.shape().rank() == 1 && dense_shape.shape().dim(0) >= 0) {
    tensor.shape = TensorShape::OfRank(static_cast<int>(dense_shape.shape().dim(0)));
  }
  return tensor;
}

ModelSignature MakeSignature(const std::map<std::string, Output>& inputs,
                             const std::map<std::string, Output>& outputs,
                             const std::string& method_name) {
  return {.method_name = method_name, .inputs = Describe(inputs), .outputs = Describe(outputs)};
}

absl::StatusOr<ModelSignature> PredictSignature(const std::map<std::string, Output>& inputs,
                                                const std::map<std::string, Output>& outputs) {
  if (inputs.empty()) return absl::InvalidArgumentError("Prediction inputs cannot be empty");
  if (outputs.empty()) return absl::InvalidArgumentError("Prediction outputs cannot be empty");
  return MakeSignature(inputs, outputs, kPredictMethod);
}

absl::StatusOr<ModelSignature> ClassificationSignature(const Output& examples,
                                                       const Output& classes,
                                                       const Output& scores) {
  SLUICE_RETURN_IF_ERROR(CheckDType("Classification examples", examples, DType::kString));
  std::map<std::string, Output> outputs;
  if (!classes.empty()) {
    SLUICE_RETURN_IF_ERROR(CheckDType("Classification classes", classes, DType::kString));
    outputs["classes"] = classes;
  }
  if (!scores.empty()) {
    SLUICE_RETURN_IF_ERROR(CheckDType("Classification scores", scores, DType::kFloat));
    outputs["scores"] = scores;
  }
  if (outputs.empty()) {
    return absl::InvalidArgumentError("Classification classes and scores cannot both be missing");
  }
  return MakeSignature({{"inputs", examples}}, outputs, kClassifyMethod);
}

absl::StatusOr<ModelSignature> RegressionSignature(const Output& examples,
                                                   const Output& predictions) {
  SLUICE_RETURN_IF_ERROR(CheckDType("Regression examples", examples, DType::kString));
  SLUICE_RETURN_IF_ERROR(CheckDType("Regression predictions", predictions, DType::kFloat));
  return MakeSignature({{"inputs", examples}}, {{"outputs", predictions}}, kRegressMethod);
}

}  // namespace sluice
