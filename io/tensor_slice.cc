#include "io/tensor_slice.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {
namespace {

// Numbers of the key code: unsigned as a length byte and big-endian bytes without leading zeros.
void AppendOrderedUnsigned(std::string* out, uint64_t value) {
  int bytes = 0;
  while (bytes < 8 && (value >> (8 * bytes)) != 0) ++bytes;
  out->push_back(static_cast<char>(bytes));
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// Signed in n big-endian bytes with 7n - 1 bits of payload. The first n bits are inverted sign
// bits, so that longer positive numbers sort after shorter ones and longer negative ones before.
void AppendOrderedSigned(std::string* out, int64_t value) {
  const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  int n = 1;
  while (n < 10 && (magnitude >> (7 * n - 1)) != 0) ++n;
  std::string bytes(n, '\0');
  for (int i = 0; i < n; ++i) {  // sign-extended beyond 8 bytes
    bytes[n - 1 - i] = static_cast<char>(value >> std::min(8 * i, 63));
  }
  const uint32_t header = 0xffff0000u >> n;  // n ones at the top of 16 bits
  bytes[0] = static_cast<char>(bytes[0] ^ static_cast<char>(header >> 8));
  if (n > 1) bytes[1] = static_cast<char>(bytes[1] ^ static_cast<char>(header));
  out->append(bytes);
}

// Text with 00 and ff escaped and an end mark, so that a prefix sorts first.
void AppendOrderedString(std::string* out, absl::string_view text) {
  for (const char c : text) {
    out->push_back(c);
    if (c == '\0') out->push_back('\xff');
    if (c == '\xff') out->push_back('\0');
  }
  out->append("\0\1", 2);
}

absl::Status BadSpec(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("slice specification '", Printable(text), "': ", what));
}

absl::StatusOr<SliceExtent> ParseExtent(absl::string_view text) {
  if (text == "-") return SliceExtent{};
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  SliceExtent extent;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &extent.start) ||
      !absl::SimpleAtoi(parts[1], &extent.length) || extent.start < 0 || extent.length < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected 'start,length' or '-', got '", Printable(text), "'"));
  }
  return extent;
}

// Calls copy(offset in the whole, offset in the part, count) for each run of elements that is
// contiguous in both.
template <typename F>
void ForEachRun(const TensorShape& whole, const TensorSlice& slice, const F& copy) {
  const int rank = whole.rank();
  const TensorShape part = *slice.ShapeWithin(whole);
  if (part.num_elements() == 0) return;
  if (rank == 0) return copy(0, 0, 1);
  std::vector<int64_t> stride(rank, 1);
  for (int d = rank - 2; d >= 0; --d) stride[d] = stride[d + 1] * whole.dim(d + 1);
  const int64_t run = part.dim(rank - 1);
  std::vector<int64_t> index(rank, 0);  // of the run within the part
  for (int64_t done = 0; done < part.num_elements(); done += run) {
    int64_t from = 0;
    for (int d = 0; d < rank; ++d) from += (slice.extents[d].start + index[d]) * stride[d];
    copy(from, done, run);
    for (int d = rank - 2; d >= 0 && ++index[d] == part.dim(d); --d) index[d] = 0;
  }
}

void CheckFits(const Tensor& whole, const TensorSlice& slice, const Tensor& part) {
  const auto shape = slice.ShapeWithin(whole.shape());
  CHECK(shape.ok()) << shape.status();
  CHECK(*shape == part.shape() && whole.dtype() == part.dtype())
      << part.DebugString(0) << " is not slice " << slice.ToString() << " of "
      << whole.DebugString(0);
}

void CopyElements(const Tensor& from, int64_t from_offset, Tensor& to, int64_t to_offset,
                  int64_t count) {
  if (from.dtype() == DType::kString) {
    const absl::Span<const std::string> source = from.flat<std::string>();
    std::copy_n(source.begin() + from_offset, count,
                to.mutable_flat<std::string>().begin() + to_offset);
    return;
  }
  CHECK(IsTriviallyCopyable(from.dtype())) << DTypeName(from.dtype());
  const int64_t width = static_cast<int64_t>(SizeOf(from.dtype()));
  std::memcpy(static_cast<char*>(to.mutable_raw()) + to_offset * width,
              static_cast<const char*>(from.raw()) + from_offset * width, count * width);
}

}  // namespace

absl::StatusOr<TensorShape> TensorSlice::ShapeWithin(const TensorShape& full) const {
  if (full.rank() != static_cast<int>(extents.size())) {
    return absl::InvalidArgumentError(absl::StrCat("slice ", ToString(), " has ", extents.size(),
                                                   " dimensions, the tensor has shape ",
                                                   full.ToString()));
  }
  TensorShape result;
  for (int d = 0; d < full.rank(); ++d) {
    const SliceExtent& e = extents[d];
    const int64_t size = full.dim(d);
    if (e.full() ? e.start != 0 : (e.start < 0 || e.start > size || e.length > size - e.start)) {
      return absl::InvalidArgumentError(absl::StrCat("slice ", ToString(), " leaves dimension ", d,
                                                     " of shape ", full.ToString()));
    }
    result.AddDim(e.full() ? size : e.length);
  }
  return result;
}

bool TensorSlice::full() const {
  return std::all_of(extents.begin(), extents.end(), [](const SliceExtent& e) { return e.full(); });
}

std::string TensorSlice::ToString() const {
  return absl::StrJoin(extents, ":", [](std::string* out, const SliceExtent& e) {
    if (e.full()) {
      out->append("-");
    } else {
      absl::StrAppend(out, e.start, ",", e.length);
    }
  });
}

absl::StatusOr<SliceSpec> ParseSliceSpec(absl::string_view text) {
  SliceSpec spec;
  if (text.empty()) return spec;
  spec.sliced = true;
  std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  const absl::string_view extents = words.back();
  words.pop_back();
  for (const absl::string_view word : words) {
    int64_t size = 0;
    if (!absl::SimpleAtoi(word, &size) || size < 0) {
      return BadSpec(text, absl::StrCat("'", Printable(word), "' is not a dimension"));
    }
    spec.full_shape.AddDim(size);
  }
  if (const absl::Status s = spec.full_shape.Check(); !s.ok()) return BadSpec(text, s.message());
  if (!extents.empty()) {
    for (const absl::string_view part : absl::StrSplit(extents, ':')) {
      const absl::StatusOr<SliceExtent> extent = ParseExtent(part);
      if (!extent.ok()) return BadSpec(text, extent.status().message());
      spec.slice.extents.push_back(*extent);
    }
  }
  const absl::Status fits = spec.slice.ShapeWithin(spec.full_shape).status();
  if (!fits.ok()) return BadSpec(text, fits.message());
  return spec;
}

std::string SliceKey(absl::string_view name, const TensorSlice& slice) {
  std::string key;
  AppendOrderedUnsigned(&key, 0);
  AppendOrderedString(&key, name);
  AppendOrderedUnsigned(&key, slice.extents.size());
  for (const SliceExtent& extent : slice.extents) {
    AppendOrderedSigned(&key, extent.start);
    AppendOrderedSigned(&key, extent.length);
  }
  return key;
}

void CopySliceOut(const Tensor& whole, const TensorSlice& slice, Tensor& part) {
  CheckFits(whole, slice, part);
  ForEachRun(whole.shape(), slice, [&](int64_t in_whole, int64_t in_part, int64_t count) {
    CopyElements(whole, in_whole, part, in_part, count);
  });
}

void CopySliceIn(const Tensor& part, const TensorSlice& slice, Tensor& whole) {
  CheckFits(whole, slice, part);
  ForEachRun(whole.shape(), slice, [&](int64_t in_whole, int64_t in_part, int64_t count) {
    CopyElements(part, in_part, whole, in_whole, count);
  });
}

}  // namespace sluice
