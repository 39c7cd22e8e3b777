// Tensors, shapes and attributes to and from TensorFlow's messages.
#ifndef SLUICE_GRAPH_TENSOR_PROTO_H_
#define SLUICE_GRAPH_TENSOR_PROTO_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice {
namespace proto {
class AttrValue;
class TensorProto;
class TensorShapeProto;
}  // namespace proto

// Has any TensorFlow given this number to a dtype? Wider than IsKnown(): DT_INVALID and the types
// of later releases count.
bool IsWireDType(int number);

void ToProto(const TensorShape& shape, proto::TensorShapeProto* out);
// InvalidArgument for dimensions < -1, too many of them, products that overflow, an unknown rank
// with dimensions.
absl::StatusOr<TensorShape> ShapeFromProto(const proto::TensorShapeProto& in);

// Raw bytes (tensor_content) for more than one number, the *_val list of the dtype for scalars and
// strings, so that every reader gets each element written out. An empty handle becomes an empty
// message. Unimplemented for resources; ResourceExhausted for more than 2 GiB, which no message can
// hold.
absl::Status ToProto(const Tensor& tensor, proto::TensorProto* out);
// Reads both encodings. N being the number of elements: raw bytes must be exactly N elements
// (strings: N varint lengths, then the bytes); of a *_val list the first N values count, a shorter
// list repeats its last value, an empty one means zeros. InvalidArgument: a shape that is not fully
// known or fails ShapeFromProto, sizes that do not fit, values in the list of another dtype, an
// unknown dtype. ResourceExhausted: the budget refuses. Unimplemented: a dtype of TensorFlow that a
// Tensor cannot hold.
absl::StatusOr<Tensor> TensorFromProto(
    const proto::TensorProto& in,
    const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

absl::Status ToProto(const AttrValue& value, proto::AttrValue* out);
// Do both write the same message? Unlike ==, this holds an EmptyList equal to every list without
// elements.
bool WritesSame(const AttrValue& a, const AttrValue& b);
// A list without elements becomes EmptyList, an attribute without a value one that has_value()
// denies: whether that is allowed is the schema's matter. InvalidArgument for a list of two kinds,
// a number that is no dtype of any TensorFlow, a placeholder (which belongs in function bodies
// only), and what ShapeFromProto and TensorFromProto refuse.
absl::StatusOr<AttrValue> AttrFromProto(
    const proto::AttrValue& in,
    const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

}  // namespace sluice

#endif  // SLUICE_GRAPH_TENSOR_PROTO_H_
