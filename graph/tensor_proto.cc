#include "graph/tensor_proto.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <complex>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "core/storage_type.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor_content is little-endian");

// Elements as the storage type's C++ type, which for quantized types is not the dtype's.
template <typename T>
absl::Span<T> Elements(Tensor* tensor) {
  return {static_cast<T*>(tensor->mutable_raw()), static_cast<size_t>(tensor->num_elements())};
}

// Elements 0 to `given` - 1 are value(i), the others the last of these.
template <typename T, typename Value>
void Fill(int64_t given, const Value& value, Tensor* out) {
  const absl::Span<T> elements = Elements<T>(out);
  given = std::min<int64_t>(given, elements.size());
  for (int64_t i = 0; i < given; ++i) elements[i] = value(static_cast<int>(i));
  std::fill(elements.begin() + given, elements.end(), given > 0 ? elements[given - 1] : T());
}

// Repeating a long string takes memory that Tensor::Make did not ask for.
absl::Status FillStrings(const proto::TensorProto& in, MemoryBudget* budget, Tensor* out) {
  const int64_t repeats = out->num_elements() - in.string_val_size();
  if (repeats > 0 && in.string_val_size() > 0) {
    const int64_t each = in.string_val(in.string_val_size() - 1).size();
    if (each > INT64_MAX / repeats) {
      return absl::ResourceExhaustedError(
          absl::StrCat(repeats, " repetitions of a string of ", each, " bytes"));
    }
    SLUICE_RETURN_IF_ERROR(budget->Reserve(each * repeats));
    budget->Release(each * repeats);
  }
  Fill<std::string>(
      in.string_val_size(), [&](int i) { return in.string_val(i); }, out);
  return absl::OkStatus();
}

absl::Status FillFromLists(const proto::TensorProto& in, MemoryBudget* budget, Tensor* out) {
  const auto ints = [&](int i) { return in.int_val(i); };
  switch (StorageType(out->dtype())) {
    case DType::kFloat:
      Fill<float>(
          in.float_val_size(), [&](int i) { return in.float_val(i); }, out);
      break;
    case DType::kDouble:
      Fill<double>(
          in.double_val_size(), [&](int i) { return in.double_val(i); }, out);
      break;
    case DType::kInt32:
      Fill<int32_t>(in.int_val_size(), ints, out);
      break;
    case DType::kInt16:
      Fill<int16_t>(in.int_val_size(), ints, out);
      break;
    case DType::kInt8:
      Fill<int8_t>(in.int_val_size(), ints, out);
      break;
    case DType::kUint16:
      Fill<uint16_t>(in.int_val_size(), ints, out);
      break;
    case DType::kUint8:
      Fill<uint8_t>(in.int_val_size(), ints, out);
      break;
    case DType::kInt64:
      Fill<int64_t>(
          in.int64_val_size(), [&](int i) { return in.int64_val(i); }, out);
      break;
    case DType::kUint32:
      Fill<uint32_t>(
          in.uint32_val_size(), [&](int i) { return in.uint32_val(i); }, out);
      break;
    case DType::kUint64:
      Fill<uint64_t>(
          in.uint64_val_size(), [&](int i) { return in.uint64_val(i); }, out);
      break;
    case DType::kBool:
      Fill<bool>(
          in.bool_val_size(), [&](int i) { return in.bool_val(i); }, out);
      break;
    case DType::kHalf:
    case DType::kBfloat16:  // both are 16 bits
      Fill<uint16_t>(
          in.half_val_size(), [&](int i) { return in.half_val(i); }, out);
      break;
    case DType::kComplex64:
      Fill<std::complex<float>>(
          in.scomplex_val_size() / 2,
          [&](int i) {
            return std::complex<float>(in.scomplex_val(2 * i), in.scomplex_val(2 * i + 1));
          },
          out);
      break;
    case DType::kComplex128:
      Fill<std::complex<double>>(
          in.dcomplex_val_size() / 2,
          [&](int i) {
            return std::complex<double>(in.dcomplex_val(2 * i), in.dcomplex_val(2 * i + 1));
          },
          out);
      break;
    case DType::kString:
      return FillStrings(in, budget, out);
    default:
      return absl::UnimplementedError(
          absl::StrCat("a constant of dtype ", DTypeName(out->dtype())));
  }
  return absl::OkStatus();
}

// What a *_val list is called, how many numbers it has and which storage types it is for.
struct List {
  const char* name;
  int size;
  std::vector<DType> types;
};

std::vector<List> ListsOf(const proto::TensorProto& in) {
  return {{"float_val", in.float_val_size(), {DType::kFloat}},
          {"double_val", in.double_val_size(), {DType::kDouble}},
          {"int_val",
           in.int_val_size(),
           {DType::kInt32, DType::kInt16, DType::kInt8, DType::kUint16, DType::kUint8}},
          {"string_val", in.string_val_size(), {DType::kString}},
          {"scomplex_val", in.scomplex_val_size(), {DType::kComplex64}},
          {"int64_val", in.int64_val_size(), {DType::kInt64}},
          {"bool_val", in.bool_val_size(), {DType::kBool}},
          {"dcomplex_val", in.dcomplex_val_size(), {DType::kComplex128}},
          {"half_val", in.half_val_size(), {DType::kHalf, DType::kBfloat16}},
          {"resource_handle_val", in.resource_handle_val_size(), {DType::kResource}},
          {"variant_val", in.variant_val_size(), {DType::kVariant}},
          {"uint32_val", in.uint32_val_size(), {DType::kUint32}},
          {"uint64_val", in.uint64_val_size(), {DType::kUint64}}};
}

// Values in the list of another dtype would silently read as zeros.
absl::Status CheckLists(const proto::TensorProto& in, DType dtype) {
  const DType storage = StorageType(dtype);
  std::vector<std::string> strays;
  for (const List& list : ListsOf(in)) {
    const bool own = std::find(list.types.begin(), list.types.end(), storage) != list.types.end();
    if (own && list.size > 0) {
      if (IsComplex(dtype) && list.size % 2 != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(list.name, " holds pairs, got ", list.size, " numbers"));
      }
      return absl::OkStatus();
    }
    if (list.size > 0) strays.push_back(list.name);
  }
  if (strays.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(absl::StrJoin(strays, ", "),
                                                 " cannot hold the values of a tensor of dtype ",
                                                 DTypeName(dtype)));
}

// Takes a varint of at most 32 bits off the front. False when there is none.
bool TakeVarint32(absl::string_view* bytes, uint32_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < bytes->size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    result |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      *value = static_cast<uint32_t>(result);
      return result <= UINT32_MAX;
    }
  }
  return false;
}

// `count` varint lengths, then the strings back to back, to the last byte.
absl::Status ReadStringContent(absl::string_view content, absl::Span<std::string> out) {
  std::vector<uint32_t> lengths(out.size());
  uint64_t total = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (!TakeVarint32(&content, &lengths[i])) {
      return absl::InvalidArgumentError(absl::StrCat("tensor_content must begin with ",
                                                     lengths.size(), " string lengths, got ", i));
    }
    total += lengths[i];
  }
  if (total != content.size()) {
    return absl::InvalidArgumentError(absl::StrCat("tensor_content announces strings of ", total,
                                                   " bytes, got ", content.size(), " bytes"));
  }
  for (size_t i = 0; i < lengths.size(); ++i) {
    out[i] = std::string(content.substr(0, lengths[i]));
    content.remove_prefix(lengths[i]);
  }
  return absl::OkStatus();
}

// Before anything is allocated: a few bytes must not ask for a tensor of terabytes.
absl::Status CheckContentSize(const std::string& content, DType dtype, const TensorShape& shape) {
  const int64_t elements = shape.num_elements();
  const int64_t size = content.size();
  const int64_t wanted = dtype == DType::kString ? elements : elements * SizeOf(dtype);
  if (dtype == DType::kString ? size >= wanted : size == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor_content of a ", DTypeName(dtype), " tensor of shape ", shape.ToString(),
      " must have ", dtype == DType::kString ? "at least " : "", wanted, " bytes, got ", size));
}

absl::Status ReadContent(const std::string& content, Tensor* out) {
  if (out->dtype() == DType::kString) {
    return ReadStringContent(content, out->mutable_flat<std::string>());
  }
  if (out->dtype() == DType::kBool) {  // a bool of 2 would be undefined behaviour
    const absl::Span<bool> elements = out->mutable_flat<bool>();
    for (size_t i = 0; i < elements.size(); ++i) elements[i] = content[i] != 0;
    return absl::OkStatus();
  }
  std::memcpy(out->mutable_raw(), content.data(), content.size());
  return absl::OkStatus();
}

absl::StatusOr<DType> TensorDType(const proto::TensorProto& in) {
  const auto dtype = static_cast<DType>(in.dtype());
  if (!IsWireDType(in.dtype()) || dtype == DType::kInvalid || IsRef(dtype)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor must have the dtype of a value, got ", DTypeName(dtype)));
  }
  if (SizeOf(dtype) == 0 || dtype == DType::kResource) {
    return absl::UnimplementedError(absl::StrCat("a constant of dtype ", DTypeName(dtype)));
  }
  return dtype;
}

// One element, or strings: the *_val list.
void WriteLists(const Tensor& tensor, proto::TensorProto* out) {
  const void* first = tensor.raw();
  const auto as = [&](auto tag) -> const auto& {
    return *static_cast<const typename decltype(tag)::type*>(first);
  };
  switch (StorageType(tensor.dtype())) {
    case DType::kFloat:
      return out->add_float_val(as(TypeTag<float>{}));
    case DType::kDouble:
      return out->add_double_val(as(TypeTag<double>{}));
    case DType::kInt32:
      return out->add_int_val(as(TypeTag<int32_t>{}));
    case DType::kInt16:
      return out->add_int_val(as(TypeTag<int16_t>{}));
    case DType::kInt8:
      return out->add_int_val(as(TypeTag<int8_t>{}));
    case DType::kUint16:
      return out->add_int_val(as(TypeTag<uint16_t>{}));
    case DType::kUint8:
      return out->add_int_val(as(TypeTag<uint8_t>{}));
    case DType::kInt64:
      return out->add_int64_val(as(TypeTag<int64_t>{}));
    case DType::kUint32:
      return out->add_uint32_val(as(TypeTag<uint32_t>{}));
    case DType::kUint64:
      return out->add_uint64_val(as(TypeTag<uint64_t>{}));
    case DType::kBool:
      return out->add_bool_val(as(TypeTag<bool>{}));
    case DType::kHalf:
    case DType::kBfloat16:
      return out->add_half_val(as(TypeTag<uint16_t>{}));
    case DType::kComplex64:
      out->add_scomplex_val(as(TypeTag<std::complex<float>>{}).real());
      return out->add_scomplex_val(as(TypeTag<std::complex<float>>{}).imag());
    case DType::kComplex128:
      out->add_dcomplex_val(as(TypeTag<std::complex<double>>{}).real());
      return out->add_dcomplex_val(as(TypeTag<std::complex<double>>{}).imag());
    case DType::kString:
      for (const std::string& s : tensor.flat<std::string>()) out->add_string_val(s);
      return;
    default:
      return;
  }
}

}  // namespace

bool IsWireDType(int number) {
  constexpr int kLast = 33;  // DT_FLOAT4_E2M1FN
  return (number >= 0 && number <= kLast) || (number > 100 && number <= 100 + kLast);
}

void ToProto(const TensorShape& shape, proto::TensorShapeProto* out) {
  out->Clear();
  if (!shape.rank_known()) {
    out->set_unknown_rank(true);
    return;
  }
  for (const int64_t d : shape.dims()) out->add_dim()->set_size(d);
}

absl::StatusOr<TensorShape> ShapeFromProto(const proto::TensorShapeProto& in) {
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(in));
  if (in.unknown_rank()) {
    if (in.dim_size() == 0) return TensorShape::Unknown();
    return absl::InvalidArgumentError(
        absl::StrCat("a shape of unknown rank must have no dimensions, got ", in.dim_size()));
  }
  if (in.dim_size() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank must be at most ", kMaxRank, ", got ", in.dim_size()));
  }
  TensorShape shape;
  for (const auto& dim : in.dim()) {
    SLUICE_RETURN_IF_ERROR(CheckWireTypes(dim));
    shape.AddDim(dim.size());
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  return shape;
}

absl::Status ToProto(const Tensor& tensor, proto::TensorProto* out) {
  out->Clear();
  if (tensor.empty_handle()) return absl::OkStatus();
  const DType dtype = tensor.dtype();
  if (dtype == DType::kResource) {
    return absl::UnimplementedError("a resource cannot be written to a file");
  }
  if (tensor.byte_size() > INT_MAX) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message holds at most 2 GiB, got a tensor of ", tensor.byte_size(),
                     " bytes (", DTypeName(dtype), tensor.shape().ToString(), ")"));
  }
  out->set_dtype(static_cast<proto::DataType>(dtype));
  ToProto(tensor.shape(), out->mutable_tensor_shape());
  if (tensor.num_elements() == 0) return absl::OkStatus();
  if (tensor.num_elements() == 1 || dtype == DType::kString) {
    WriteLists(tensor, out);
  } else {
    out->set_tensor_content(tensor.raw(), tensor.byte_size());
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> TensorFromProto(const proto::TensorProto& in,
                                       const std::shared_ptr<MemoryBudget>& budget) {
  // What an unset attribute of type tensor looks like.
  if (in.ByteSizeLong() == 0) return Tensor();
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(in));
  SLUICE_ASSIGN_OR_RETURN(const DType dtype, TensorDType(in));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, ShapeFromProto(in.tensor_shape()));
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the shape of a tensor must be fully known, got ", shape.ToString()));
  }
  const bool has_content = !in.tensor_content().empty();
  SLUICE_RETURN_IF_ERROR(has_content ? CheckContentSize(in.tensor_content(), dtype, shape)
                                     : CheckLists(in, dtype));
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(dtype, shape, budget));
  if (tensor.num_elements() == 0) return tensor;
  SLUICE_RETURN_IF_ERROR(has_content ? ReadContent(in.tensor_content(), &tensor)
                                     : FillFromLists(in, budget.get(), &tensor));
  return tensor;
}

}  // namespace sluice
