#include <algorithm>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/json_text.h"
#include "core/status.h"
#include "io/coding.h"
#include "io/safetensors.h"

namespace sluice {
namespace {

constexpr char kMetadata[] = "__metadata__";
constexpr size_t kAlignment = 8;

// In the reference's order, which is that of its files: the last come first.
struct Row {
  absl::string_view name;
  DType dtype;
};
constexpr Row kRows[] = {
    {"BOOL", DType::kBool},     {"U8", DType::kUint8},   {"I8", DType::kInt8},
    {"I16", DType::kInt16},     {"U16", DType::kUint16}, {"F16", DType::kHalf},
    {"BF16", DType::kBfloat16}, {"I32", DType::kInt32},  {"U32", DType::kUint32},
    {"F32", DType::kFloat},     {"F64", DType::kDouble}, {"I64", DType::kInt64},
    {"U64", DType::kUint64},
};

// The place in kRows; -1 for a dtype that the format lacks.
int Rank(DType dtype) {
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return r.dtype == dtype; });
  return row == std::end(kRows) ? -1 : static_cast<int>(row - std::begin(kRows));
}

std::string MakeHeader(absl::Span<const BundleTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    const auto pair = [](std::string* out, const auto& entry) {
      absl::StrAppend(out, JsonQuoted(entry.first), ":", JsonQuoted(entry.second));
    };
    members.push_back(
        absl::StrCat("\"", kMetadata, "\":{", absl::StrJoin(metadata, ",", pair), "}"));
  }
  int64_t offset = 0;
  for (const BundleTensor& t : tensors) {
    const int64_t end = offset + t.shape.num_elements() * static_cast<int64_t>(SizeOf(t.dtype));
    members.push_back(absl::StrCat(JsonQuoted(t.name), ":{\"dtype\":\"", SafetensorsDType(t.dtype),
                                   "\",\"shape\":[", absl::StrJoin(t.shape.dims(), ","),
                                   "],\"data_offsets\":[", offset, ",", end, "]}"));
    offset = end;
  }
  std::string header = absl::StrCat("{", absl::StrJoin(members, ","), "}");
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');
  return header;
}

absl::Status CheckTensor(const BundleTensor& tensor) {
  if (tensor.name == kMetadata) {
    return absl::InvalidArgumentError(
        absl::StrCat("a safetensors file cannot hold a tensor '", kMetadata, "'"));
  }
  const std::string context = absl::StrCat("tensor '", Printable(tensor.name), "'");
  if (Rank(tensor.dtype) < 0) {
    return absl::UnimplementedError(
        absl::StrCat(context, ": safetensors has no type for ", DTypeName(tensor.dtype)));
  }
  if (!tensor.shape.fully_defined())
    return absl::InvalidArgumentError(absl::StrCat(context, ": its shape is not known"));
  return Annotate(tensor.shape.Check(), context);
}

}  // namespace

std::string SafetensorsDType(DType dtype) {
  const int rank = Rank(dtype);
  return rank < 0 ? "" : std::string(kRows[rank].name);
}

absl::StatusOr<DType> ParseSafetensorsDType(absl::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return absl::UnimplementedError(
      absl::StrCat("elements of type '", Printable(name), "' have no tensor"));
}

absl::Status CheckSafetensors(absl::Span<const BundleTensor> tensors) {
  SLUICE_RETURN_IF_ERROR(CheckArchiveNames(tensors));
  for (const BundleTensor& tensor : tensors) SLUICE_RETURN_IF_ERROR(CheckTensor(tensor));
  return absl::OkStatus();
}

absl::Status WriteSafetensors(FileSystem& fs, const std::string& path,
                              absl::Span<const BundleTensor> tensors, const TensorSource& source,
                              const std::map<std::string, std::string>& metadata) {
  SLUICE_RETURN_IF_ERROR(Annotate(CheckSafetensors(tensors), absl::CHexEscape(path)));
  std::vector<BundleTensor> sorted(tensors.begin(), tensors.end());
  std::sort(sorted.begin(), sorted.end(), [](const BundleTensor& a, const BundleTensor& b) {
    const int rank_a = Rank(a.dtype), rank_b = Rank(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  const std::string header = MakeHeader(sorted, metadata);
  if (static_cast<int64_t>(header.size()) > kMaxSafetensorsHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(absl::CHexEscape(path),
                                                   ": its header would have ", header.size(),
                                                   " bytes, the limit is 100 MB"));
  }
  return WriteAtomically(fs, path, [&](WritableFile& file) {
    std::string length;
    AppendFixed64(&length, header.size());
    SLUICE_RETURN_IF_ERROR(file.Append(length));
    SLUICE_RETURN_IF_ERROR(file.Append(header));
    for (const BundleTensor& tensor : sorted) {
      SLUICE_ASSIGN_OR_RETURN(const Tensor value, FetchTensor(source, tensor));
      SLUICE_RETURN_IF_ERROR(file.Append(
          {static_cast<const char*>(value.raw()), static_cast<size_t>(value.byte_size())}));
    }
    return absl::OkStatus();
  });
}

absl::Status WriteSafetensors(FileSystem& fs, const std::string& path,
                              const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  return WriteSafetensors(fs, path, Announce(tensors), SourceOf(tensors), metadata);
}

}  // namespace sluice
