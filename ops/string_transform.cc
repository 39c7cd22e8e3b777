#include "ops/string_transform.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/kernels/base64.h"
#include "ops/kernels/strided_copy.h"
#include "ops/kernels/utf8.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status SubstrShape(ShapeContext& c) {
  if (!c.input(1).CompatibleWith(c.input(2))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pos and len shapes must match: ", c.input(1).ToString(), " vs. ", c.input(2).ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape pos, c.input(1).MergeWith(c.input(2)));
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, BroadcastShapes(c.input(0), pos));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

// to[i] = f(from[i]).
template <typename F>
absl::Status ForEachString(KernelContext& c, const F& f) {
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  const absl::Span<std::string> to = c.output(0).mutable_flat<std::string>();
  for (size_t i = 0; i < from.size(); ++i) SLUICE_RETURN_IF_ERROR(f(from[i], &to[i]));
  return absl::OkStatus();
}

template <bool upper>
absl::StatusOr<KernelRun> CasePrepare(PrepareContext& p) {
  const auto encoding = p.attr<std::string>("encoding");
  if (!encoding.empty() && encoding != "utf-8") {
    return absl::InvalidArgumentError(absl::StrCat(
        "only utf-8 or '' (no encoding) is supported, received ", Printable(encoding)));
  }
  return KernelRun([utf8 = !encoding.empty()](KernelContext& c) {
    return ForEachString(c, [utf8](const std::string& from, std::string* to) {
      if (utf8) return ChangeCaseUtf8(from, upper, to);
      *to = upper ? absl::AsciiStrToUpper(from) : absl::AsciiStrToLower(from);
      return absl::OkStatus();
    });
  });
}

absl::Status StripKernel(KernelContext& c) {
  return ForEachString(c, [](const std::string& from, std::string* to) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(from);
    to->assign(stripped.data(), stripped.size());
    return absl::OkStatus();
  });
}

absl::Status LengthKernel(KernelContext& c) {
  const bool characters = c.attr<std::string>("unit") == "UTF8_CHAR";
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  int32_t* to = c.output(0).mutable_data<int32_t>();
  for (const std::string& text : from) {
    const auto length = static_cast<int64_t>(characters ? CountUtf8(text) : text.size());
    if (length > std::numeric_limits<int32_t>::max()) {
      return absl::InvalidArgumentError("the length of a string does not fit int32");
    }
    *to++ = static_cast<int32_t>(length);
  }
  return absl::OkStatus();
}

// The part of `text`; false when pos is out of range.
bool CutBytes(absl::string_view text, int64_t pos, int64_t len, absl::string_view* part) {
  const auto size = static_cast<int64_t>(text.size());
  if (pos < -size || pos > size) return false;
  if (pos < 0) pos += size;
  *part = text.substr(pos, len < 0 ? absl::string_view::npos : static_cast<size_t>(len));
  return true;
}

bool CutCharacters(absl::string_view text, int64_t pos, int64_t len, absl::string_view* part) {
  if (pos < 0) {
    const auto count = static_cast<int64_t>(CountUtf8(text));
    if (pos < -count) return false;
    pos += count;
  }
  size_t begin = 0;
  for (; pos > 0; --pos) {
    if (begin == text.size()) return false;
    begin = NextUtf8(text, begin);
  }
  size_t end = begin;
  for (; len > 0 && end < text.size(); --len) end = NextUtf8(text, end);
  *part = text.substr(begin, end - begin);
  return true;
}

// Strides of a tensor of shape `from` along the dimensions of `to`, which it is broadcast to.
Dims BroadcastStrides(const TensorShape& from, const TensorShape& to) {
  Dims strides(to.rank(), 0);
  const Dims own = RowMajorStrides(from.dims());
  for (int d = 1; d <= from.rank(); ++d) {
    if (from.dim(-d) != 1) strides[to.rank() - d] = own[from.rank() - d];
  }
  return strides;
}

template <typename Int>
absl::Status SubstrRun(KernelContext& c) {
  const Tensor &input = c.input(0), &pos = c.input(1), &len = c.input(2);
  if (pos.shape() != len.shape()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pos and len shapes must match: ", pos.shape().ToString(), " vs. ",
                     len.shape().ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, BroadcastShapes(input.shape(), pos.shape()));
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, shape));
  const bool characters = c.attr<std::string>("unit") == "UTF8_CHAR";
  const Dims input_strides = BroadcastStrides(input.shape(), shape);
  const Dims pos_strides = BroadcastStrides(pos.shape(), shape);
  const absl::Span<std::string> to = output->mutable_flat<std::string>();
  Dims index(shape.rank(), 0);
  for (size_t i = 0; i < to.size(); ++i) {
    int64_t at = 0, pos_at = 0;
    for (int d = 0; d < shape.rank(); ++d) {
      at += index[d] * input_strides[d];
      pos_at += index[d] * pos_strides[d];
    }
    const std::string& text = input.data<std::string>()[at];
    const int64_t first = pos.data<Int>()[pos_at], count = len.data<Int>()[pos_at];
    absl::string_view part;
    if (!(characters ? CutCharacters : CutBytes)(text, first, count, &part)) {
      return absl::InvalidArgumentError(absl::StrCat("pos ", first, " out of range for string b'",
                                                     Printable(text), "' at index ", i));
    }
    to[i].assign(part.data(), part.size());
    for (int d = shape.rank(); d-- > 0;) {
      if (++index[d] < shape.dim(d)) break;
      index[d] = 0;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> SubstrPrepare(PrepareContext& p) {
  return p.input_dtype(1) == DType::kInt32 ? KernelRun(SubstrRun<int32_t>)
                                           : KernelRun(SubstrRun<int64_t>);
}

absl::Status EncodeKernel(KernelContext& c) {
  const bool pad = c.attr<bool>("pad");
  return ForEachString(c, [pad](const std::string& from, std::string* to) {
    *to = EncodeWebSafeBase64(from, pad);
    return absl::OkStatus();
  });
}

absl::Status DecodeKernel(KernelContext& c) {
  return ForEachString(
      c, [](const std::string& from, std::string* to) { return DecodeWebSafeBase64(from, to); });
}

constexpr char kString[] = "its output is a string";

OpSpec Unary(const char* name) {
  return OpSpec(name)
      .Input("input: string")
      .Output("output: string")
      .Shape(shapes::SameAsInput)
      .NotDifferentiable(kString);
}

}  // namespace

OpSpec StringLowerOp() {
  return Unary("StringLower").Attr("encoding: string = ''").Prepare(CasePrepare<false>);
}
OpSpec StringUpperOp() {
  return Unary("StringUpper").Attr("encoding: string = ''").Prepare(CasePrepare<true>);
}
OpSpec StringStripOp() { return Unary("StringStrip").Kernel(StripKernel); }
OpSpec EncodeBase64Op() {
  return Unary("EncodeBase64").Attr("pad: bool = false").Kernel(EncodeKernel);
}
OpSpec DecodeBase64Op() { return Unary("DecodeBase64").Kernel(DecodeKernel); }

OpSpec StringLengthOp() {
  return OpSpec("StringLength")
      .Input("input: string")
      .Output("output: int32")
      .Attr("unit: {'BYTE', 'UTF8_CHAR'} = 'BYTE'")
      .Shape(shapes::SameAsInput)
      .Kernel(LengthKernel)
      .NotDifferentiable("its output is integer");
}

OpSpec SubstrOp() {
  return OpSpec("Substr")
      .Input("input: string")
      .Input("pos: T")
      .Input("len: T")
      .Output("output: string")
      .Attr("T: {int32, int64}")
      .Attr("unit: {'BYTE', 'UTF8_CHAR'} = 'BYTE'")
      .Shape(SubstrShape)
      .Prepare(SubstrPrepare)
      .NotDifferentiable(kString);
}

Output StringLower(At at, Output input, const std::string& encoding) {
  return at.Node("StringLower", {input}, {{"encoding", encoding}});
}
Output StringUpper(At at, Output input, const std::string& encoding) {
  return at.Node("StringUpper", {input}, {{"encoding", encoding}});
}
Output StringStrip(At at, Output input) { return at.Node("StringStrip", {input}); }
Output StringLength(At at, Output input, const std::string& unit) {
  return at.Node("StringLength", {input}, {{"unit", unit}});
}
Output Substr(At at, Output input, Output pos, Output len, const std::string& unit) {
  return at.Node("Substr", {input, pos, len}, {{"unit", unit}});
}
Output EncodeBase64(At at, Output input, bool pad) {
  return at.Node("EncodeBase64", {input}, {{"pad", pad}});
}
Output DecodeBase64(At at, Output input) { return at.Node("DecodeBase64", {input}); }

}  // namespace sluice::ops
