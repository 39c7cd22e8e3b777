// Tensors, shapes and attributes to and from TensorFlow's messages.
#ifndef SLUICE_GRAPH_TENSOR_PROTO_H_
#define SLUICE_GRAPH_TENSOR_PROTO_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor.h"

namespace sluice {
namespace proto {
class AttrValue;
class TensorProto;
class TensorShapeProto;
}  // namespace proto

void ToProto(const TensorShape& shape, proto::TensorShapeProto* out);
// InvalidArgument for dimensions < -1, too many, products that overflow, an unknown rank with dims.
absl::StatusOr<TensorShape> ShapeFromProto(const proto::TensorShapeProto& in);

// tensor_content for more than one number, *_val otherwise.
absl::Status ToProto(const Tensor& tensor, proto::TensorProto* out);
// Both encodings, with the rule that a short *_val list repeats its last value. InvalidArgument for every mismatch of sizes;
// ResourceExhausted when the budget refuses; Unimplemented for dtypes that a Tensor cannot hold.
absl::StatusOr<Tensor> TensorFromProto(const proto::TensorProto& in,
                                       const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

absl::Status ToProto(const AttrValue& value, proto::AttrValue* out);
absl::StatusOr<AttrValue> AttrFromProto(const proto::AttrValue& in);

}  // namespace sluice

#endif  // SLUICE_GRAPH_TENSOR_PROTO_H_
