#include "io/npy.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "core/storage_type.h"
#include "io/coding.h"

namespace sluice {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;  // of the elements, as numpy.save does
constexpr int64_t kMaxHeaderBytes = 1 << 20;

struct Code {
  absl::string_view code;  // kind and bytes per element; the byte order comes before
  DType dtype;
};
constexpr Code kCodes[] = {
    {"b1", DType::kBool},      {"i1", DType::kInt8},        {"i2", DType::kInt16},
    {"i4", DType::kInt32},     {"i8", DType::kInt64},       {"u1", DType::kUint8},
    {"u2", DType::kUint16},    {"u4", DType::kUint32},      {"u8", DType::kUint64},
    {"f2", DType::kHalf},      {"f4", DType::kFloat},       {"f8", DType::kDouble},
    {"c8", DType::kComplex64}, {"c16", DType::kComplex128},
};

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed header: ", what));
}

// Reads the header's dict: string keys; values that are a string, True or False, or a tuple of
// integers. Nothing else.
class HeaderParser {
 public:
  explicit HeaderParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<Header> Parse() {
    Header header;
    if (!Eat('{')) return Malformed("it does not begin with '{'");
    while (!Eat('}')) {
      std::string key;
      SLUICE_RETURN_IF_ERROR(String(&key));
      if (!Eat(':')) return Malformed(absl::StrCat("no ':' after '", Printable(key), "'"));
      SLUICE_RETURN_IF_ERROR(Value(key, &header));
      if (!Eat(',') && !Peek('}')) return Malformed("no ',' or '}' after a value");
    }
    SkipSpace();
    if (!text_.empty()) return Malformed("text after '}'");
    if (seen_ != kAll) return Malformed("it needs the keys 'descr', 'fortran_order' and 'shape'");
    return header;
  }

 private:
  enum Key { kDescr = 1, kOrder = 2, kShape = 4, kAll = 7 };

  absl::Status Value(const std::string& name, Header* header) {
    const int key = name == "descr"           ? kDescr
                    : name == "fortran_order" ? kOrder
                    : name == "shape"         ? kShape
                                              : 0;
    if (key == 0 || (seen_ & key)) {
      return Malformed(absl::StrCat(key ? "repeated" : "unknown", " key '", Printable(name), "'"));
    }
    seen_ |= key;
    if (key == kDescr) {
      if (Peek('[')) return absl::UnimplementedError("records have no tensor");
      return String(&header->descr);
    }
    return key == kOrder ? Bool(&header->fortran_order) : Tuple(&header->shape);
  }

  absl::Status String(std::string* out) {
    SkipSpace();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"'))
      return Malformed("no string where one is due");
    const size_t end = text_.find(text_[0], 1);
    if (end == absl::string_view::npos) return Malformed("a string does not end");
    *out = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return absl::OkStatus();
  }

  absl::Status Bool(bool* out) {
    SkipSpace();
    *out = absl::StartsWith(text_, "True");
    if (!*out && !absl::StartsWith(text_, "False")) {
      return Malformed("fortran_order is neither True nor False");
    }
    text_.remove_prefix(*out ? 4 : 5);
    return absl::OkStatus();
  }

  absl::Status Tuple(std::vector<int64_t>* out) {
    if (!Eat('(')) return Malformed("shape is not a tuple");
    bool comma = true;
    while (!Eat(')')) {
      int64_t size = 0;
      SkipSpace();
      const size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
      if (!comma || !absl::SimpleAtoi(text_.substr(0, digits), &size)) {
        return Malformed("shape is not a tuple of sizes");
      }
      text_.remove_prefix(digits);
      if (!text_.empty() && text_[0] == 'L') text_.remove_prefix(1);  // Python 2's long
      if (out->size() == static_cast<size_t>(kMaxRank)) {
        return Malformed(absl::StrCat("shape has more than ", kMaxRank, " dimensions"));
      }
      out->push_back(size);
      comma = Eat(',');
    }
    if (out->size() == 1 && !comma) return Malformed("shape is a number, not a tuple");
    return absl::OkStatus();
  }

  void SkipSpace() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\n"), text_.size()));
  }
  bool Peek(char c) {
    SkipSpace();
    return !text_.empty() && text_[0] == c;
  }
  bool Eat(char c) {
    if (!Peek(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  absl::string_view text_;
  int seen_ = 0;
};

absl::Status ParseDescr(absl::string_view descr, DType* dtype, bool* big_endian) {
  for (const Code& code : kCodes) {
    if (descr.size() >= 3 && absl::StrContains("<>|=", descr.substr(0, 1)) &&
        code.code == descr.substr(1)) {
      *dtype = code.dtype;
      *big_endian = descr[0] == '>';
      return absl::OkStatus();
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("elements of numpy type '", Printable(descr), "' have no tensor"));
}

void ReverseEach(char* bytes, int64_t size, int64_t width) {
  for (char* end = bytes + size; bytes != end; bytes += width) std::reverse(bytes, bytes + width);
}

// From Fortran order (the first index runs fastest) to row-major order.
void CopyTransposed(const char* from, const TensorShape& shape, int64_t width, char* to) {
  const int rank = shape.rank();
  std::vector<int64_t> stride(rank, 1), index(rank, 0);
  for (int d = 1; d < rank; ++d) stride[d] = stride[d - 1] * shape.dim(d - 1);
  int64_t source = 0;
  for (int64_t i = 0, n = shape.num_elements(); i < n; ++i) {
    std::memcpy(to + i * width, from + source * width, static_cast<size_t>(width));
    for (int d = rank - 1; d >= 0; --d) {
      source += stride[d];
      if (++index[d] < shape.dim(d)) break;
      source -= stride[d] * shape.dim(d);
      index[d] = 0;
    }
  }
}

const Code* FindCode(DType dtype) {
  for (const Code& code : kCodes) {
    if (code.dtype == dtype) return &code;
  }
  return nullptr;
}

std::string MakeHeader(const Code& code, const TensorShape& shape) {
  const absl::string_view order = SizeOf(code.dtype) == 1 ? "|" : "<";
  std::string dict =
      absl::StrCat("{'descr': '", order, code.code, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(shape.dims(), ", "), shape.rank() == 1 ? "," : "", "), }");
  const size_t used = kMagic.size() + 4 + dict.size() + 1;  // version, length, line feed
  dict.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  dict.push_back('\n');
  std::string header = absl::StrCat(kMagic, absl::string_view("\1\0", 2));
  header.push_back(static_cast<char>(dict.size()));
  header.push_back(static_cast<char>(dict.size() >> 8));
  return header + dict;
}

}  // namespace

absl::StatusOr<NpyArray> ReadNpyHeader(int64_t size, const NextBytes& next) {
  char start[12] = {};
  const absl::string_view magic(start, kMagic.size());
  if (size >= 10) SLUICE_RETURN_IF_ERROR(next(10, start));
  if (size < 10 || magic != kMagic) {
    return absl::InvalidArgumentError("not a .npy file: wrong magic number");
  }
  const int version = static_cast<uint8_t>(start[6]);
  if (version < 1 || version > 3 || start[7] != 0) {
    return absl::InvalidArgumentError(absl::StrCat("format version ", version, ".",
                                                   static_cast<uint8_t>(start[7]),
                                                   ", expected 1.0, 2.0 or 3.0"));
  }
  NpyArray array;
  array.offset = version == 1 ? 10 : 12;
  if (size < array.offset) return Malformed("cut off");
  if (version > 1) SLUICE_RETURN_IF_ERROR(next(2, start + 10));
  // The length of the dict has 2 or 4 bytes.
  const uint32_t length = DecodeFixed32(start + 8);
  if (length > std::min(size - array.offset, kMaxHeaderBytes)) {
    return Malformed(absl::StrCat("it claims ", length, " bytes"));
  }
  std::string text(length, '\0');
  SLUICE_RETURN_IF_ERROR(next(length, text.data()));
  array.offset += length;
  SLUICE_ASSIGN_OR_RETURN(const Header header, HeaderParser(text).Parse());
  SLUICE_RETURN_IF_ERROR(ParseDescr(header.descr, &array.dtype, &array.big_endian));
  array.fortran_order = header.fortran_order;
  array.shape = TensorShape(absl::Span<const int64_t>(header.shape));
  SLUICE_RETURN_IF_ERROR(array.shape.Check());
  const int64_t expected = array.shape.num_elements() * static_cast<int64_t>(SizeOf(array.dtype));
  if (size - array.offset == expected) return array;
  return absl::InvalidArgumentError(absl::StrCat(DTypeName(array.dtype), array.shape.ToString(),
                                                 " takes ", expected, " bytes, the file has ",
                                                 size - array.offset));
}

absl::StatusOr<Tensor> ReadNpyElements(const NpyArray& array, const NextBytes& next,
                                       const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(array.dtype, array.shape, budget));
  const int64_t bytes = tensor.byte_size();
  if (bytes == 0) return tensor;
  char* out = static_cast<char*>(tensor.mutable_raw());
  SLUICE_RETURN_IF_ERROR(next(bytes, out));
  const int64_t width = static_cast<int64_t>(SizeOf(array.dtype));
  if (array.big_endian) ReverseEach(out, bytes, IsComplex(array.dtype) ? width / 2 : width);
  if (array.dtype == DType::kBool) {
    for (int64_t i = 0; i < bytes; ++i) out[i] = out[i] != 0;
  }
  if (!array.fortran_order || array.shape.rank() < 2) return tensor;
  SLUICE_ASSIGN_OR_RETURN(Tensor transposed, Tensor::Make(array.dtype, array.shape, budget));
  CopyTransposed(out, array.shape, width, static_cast<char*>(transposed.mutable_raw()));
  return transposed;
}

absl::StatusOr<Tensor> ReadNpy(FileSystem& fs, const std::string& path,
                               const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, fs.Open(path));
  int64_t position = 0;
  const NextBytes next = [&](int64_t count, char* out) {
    position += count;
    return file->Read(position - count, count, out);
  };
  const absl::StatusOr<NpyArray> array = ReadNpyHeader(file->size(), next);
  if (!array.ok()) return Annotate(array.status(), path);
  absl::StatusOr<Tensor> tensor = ReadNpyElements(*array, next, budget);
  if (!tensor.ok()) return Annotate(tensor.status(), path);
  return tensor;
}

absl::StatusOr<std::string> MakeNpyHeader(DType dtype, const TensorShape& shape) {
  if (const Code* code = FindCode(dtype)) return MakeHeader(*code, shape);
  return absl::UnimplementedError(absl::StrCat("numpy has no type for ", DTypeName(dtype)));
}

absl::Status WriteNpy(FileSystem& fs, const std::string& path, const Tensor& tensor) {
  const bool widened = tensor.dtype() == DType::kBfloat16;
  const DType dtype = widened ? DType::kFloat : StorageType(tensor.dtype());
  const absl::StatusOr<std::string> header = MakeNpyHeader(dtype, tensor.shape());
  if (!header.ok()) return Annotate(header.status(), absl::StrCat("cannot write ", path));
  std::string bytes = *header;
  if (widened) {
    for (const BFloat16 v : tensor.flat<BFloat16>()) {
      const float f = static_cast<float>(v);
      bytes.append(reinterpret_cast<const char*>(&f), sizeof(f));
    }
  } else {
    bytes.append(static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.byte_size()));
  }
  return fs.ReplaceAtomically(path, bytes);
}

}  // namespace sluice
