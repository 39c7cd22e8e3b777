#include "ops/decode_raw.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

absl::Status DecodeRawShape(ShapeContext& c) {
  TensorShape shape = c.input(0);
  if (shape.rank_known()) shape.AddDim(-1);
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// The length that all strings have.
absl::StatusOr<int64_t> CommonLength(absl::Span<const std::string> strings, DType dtype) {
  if (strings.empty()) return 0;
  const size_t length = strings[0].size();
  for (size_t i = 1; i < strings.size(); ++i) {
    if (strings[i].size() == length) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("DecodeRaw requires input strings to all be the same size, but element ", i,
                     " has size ", length, " != ", strings[i].size()));
  }
  if (length % SizeOf(dtype) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("Input to DecodeRaw has length ", length,
                                                   " that is not a multiple of ", SizeOf(dtype),
                                                   ", the size of ", DTypeSchemaName(dtype)));
  }
  return static_cast<int64_t>(length);
}

absl::Status DecodeRawKernel(KernelContext& c) {
  const auto dtype = c.attr<DType>("out_type");
  const absl::Span<const std::string> strings = c.input(0).flat<std::string>();
  SLUICE_ASSIGN_OR_RETURN(const int64_t length, CommonLength(strings, dtype));
  TensorShape shape = c.input(0).shape();
  shape.AddDim(length / static_cast<int64_t>(SizeOf(dtype)));
  SLUICE_RETURN_IF_ERROR(shape.Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, shape));
  auto* to = static_cast<char*>(output->mutable_raw());
  for (size_t i = 0; i < strings.size(); ++i) {
    std::copy(strings[i].begin(), strings[i].end(), to + static_cast<int64_t>(i) * length);
  }
  const int64_t bytes = output->byte_size();
  if (dtype == DType::kBool) {  // any byte but 0 is true
    for (int64_t i = 0; i < bytes; ++i) to[i] = to[i] != 0;
  }
  const bool host_is_little = std::endian::native == std::endian::little;
  if (c.attr<bool>("little_endian") == host_is_little) return absl::OkStatus();
  const auto width = static_cast<int64_t>(SizeOf(dtype)) / (IsComplex(dtype) ? 2 : 1);
  for (int64_t i = 0; i < bytes; i += width) std::reverse(to + i, to + i + width);
  return absl::OkStatus();
}

constexpr size_t kMaxDecompressed = size_t{1} << 30;  // of one string

absl::Status Inflate(const std::string& from, bool gzip, std::string* to) {
  z_stream stream = {};
  if (inflateInit2(&stream, gzip ? MAX_WBITS + 16 : MAX_WBITS) != Z_OK) {
    return absl::InternalError("zlib does not start");
  }
  to->clear();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
  stream.avail_in = static_cast<uInt>(from.size());
  int result = Z_OK;
  char buffer[1 << 14];
  while (result == Z_OK && to->size() <= kMaxDecompressed) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof(buffer);
    result = inflate(&stream, Z_NO_FLUSH);
    to->append(buffer, sizeof(buffer) - stream.avail_out);
    // A gzip file may have several parts.
    if (result == Z_STREAM_END && gzip && stream.avail_in > 0) result = inflateReset(&stream);
  }
  const std::string why = stream.msg != nullptr ? stream.msg : "it is damaged";
  inflateEnd(&stream);
  if (to->size() > kMaxDecompressed) {
    return absl::ResourceExhaustedError("a string becomes longer than 1 GiB");
  }
  // Bytes that end too early are no error to TensorFlow: what they hold is the result.
  if (result == Z_STREAM_END || result == Z_BUF_ERROR) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("inflate() failed: ", why));
}

absl::StatusOr<KernelRun> DecompressPrepare(PrepareContext& p) {
  const auto type = p.attr<std::string>("compression_type");
  if (!type.empty() && type != "ZLIB" && type != "GZIP") {
    return absl::InvalidArgumentError(
        absl::StrCat("Only ZLIB, GZIP or NONE are supported compressions, got ", Printable(type)));
  }
  return KernelRun([type](KernelContext& c) -> absl::Status {
    const absl::Span<const std::string> from = c.input(0).flat<std::string>();
    const absl::Span<std::string> to = c.output(0).mutable_flat<std::string>();
    for (size_t i = 0; i < from.size(); ++i) {
      if (type.empty()) {
        to[i] = from[i];
      } else {
        SLUICE_RETURN_IF_ERROR(Inflate(from[i], type == "GZIP", &to[i]));
      }
    }
    return absl::OkStatus();
  });
}

constexpr char kBytes[] = "its input is a string";

}  // namespace

OpSpec DecodeRawOp() {
  return OpSpec("DecodeRaw")
      .Input("bytes: string")
      .Output("output: out_type")
      .Attr(
          "out_type: {half, float, double, int32, uint16, uint8, int16, int8, int64, complex64, "
          "complex128, bool}")
      .Attr("little_endian: bool = true")
      .Shape(DecodeRawShape)
      .Kernel(DecodeRawKernel)
      .NotDifferentiable(kBytes);
}

OpSpec DecodeCompressedOp() {
  return OpSpec("DecodeCompressed")
      .Input("bytes: string")
      .Output("output: string")
      .Attr("compression_type: string = ''")
      .Shape(shapes::SameAsInput)
      .Prepare(DecompressPrepare)
      .NotDifferentiable(kBytes);
}

Output DecodeRaw(At at, Output bytes, DType out_type, const DecodeRawOptions& options) {
  return at.Node("DecodeRaw", {bytes},
                 {{"out_type", out_type}, {"little_endian", options.little_endian}});
}
Output DecodeCompressed(At at, Output bytes, const std::string& compression_type) {
  return at.Node("DecodeCompressed", {bytes}, {{"compression_type", compression_type}});
}

}  // namespace sluice::ops
