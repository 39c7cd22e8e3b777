// Signatures of a SavedModel: which tensors go in and come out under which keys (SignatureDef).
#ifndef SLUICE_TRAIN_MODEL_SIGNATURE_H_
#define SLUICE_TRAIN_MODEL_SIGNATURE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/output.h"

namespace sluice {
namespace proto {
class SignatureDef;
class TensorInfo;
}  // namespace proto

// The key that is meant where none is said, and the method names of the three usual signatures
// (tf.saved_model.signature_constants).
inline constexpr char kDefaultSignature[] = "serving_default";
inline constexpr char kPredictMethod[] = "tensorflow/serving/predict";
inline constexpr char kClassifyMethod[] = "tensorflow/serving/classify";
inline constexpr char kRegressMethod[] = "tensorflow/serving/regress";
// Signatures of TensorFlow 2 that name an operation, under a key that is their own again.
inline constexpr char kInitOpSignature[] = "__saved_model_init_op";
inline constexpr char kTrainOpSignature[] = "__saved_model_train_op";

// A tensor as a signature describes it (TensorInfo). The graph may know more, and decides where the
// two disagree.
struct ModelTensor {
  std::string name = {};  // "x:0"; "init" for an operation; "" for a sparse tensor
  // The parts of a sparse tensor (coo_sparse), else "".
  std::string values = {}, indices = {}, dense_shape = {};
  DType dtype = DType::kInvalid;  // of the values, never a reference; kInvalid for operations
  TensorShape shape = TensorShape::Unknown();
  bool composite = false;  // a ragged tensor or the like: shown, but cannot be run

  bool sparse() const { return !values.empty(); }
};

struct ModelSignature {
  std::string method_name = {};
  std::map<std::string, ModelTensor> inputs = {}, outputs = {};
  std::map<std::string, Tensor> defaults = {};  // of inputs that need not be given
};

// InvalidArgument, naming the key, for a shape or a default that makes no sense.
absl::StatusOr<ModelSignature> SignatureFromProto(const proto::SignatureDef& def);
absl::Status ToProto(const ModelSignature& signature, proto::SignatureDef* def);
absl::StatusOr<ModelTensor> ModelTensorFromProto(const proto::TensorInfo& info);
void ToProto(const ModelTensor& tensor, proto::TensorInfo* info);

// "float32[?,3] (x:0)": what messages and listings say of it.
std::string DescribeModelTensor(const ModelTensor& tensor);

// --- for programs that write models (train/saved_model_builder.h) ---

// A tensor with the dtype and shape that the graph knows (tf.saved_model.build_tensor_info), and a
// sparse one from its three parts.
ModelTensor MakeModelTensor(const Output& tensor);
ModelTensor MakeSparseModelTensor(const Output& indices, const Output& values,
                                  const Output& dense_shape);

// tf.saved_model.build_signature_def.
ModelSignature MakeSignature(const std::map<std::string, Output>& inputs,
                             const std::map<std::string, Output>& outputs,
                             const std::string& method_name);
// The same with kPredictMethod. InvalidArgument when either is empty.
absl::StatusOr<ModelSignature> PredictSignature(const std::map<std::string, Output>& inputs,
                                                const std::map<std::string, Output>& outputs);
// `examples` (string) under "inputs"; `classes` (string) and `scores` (float) under those keys; one
// of the two may be an empty Output. InvalidArgument for other dtypes, or when both are missing.
absl::StatusOr<ModelSignature> ClassificationSignature(const Output& examples,
                                                       const Output& classes, const Output& scores);
// `examples` (string) under "inputs", `predictions` (float) under "outputs".
absl::StatusOr<ModelSignature> RegressionSignature(const Output& examples,
                                                   const Output& predictions);

}  // namespace sluice

#endif  // SLUICE_TRAIN_MODEL_SIGNATURE_H_
