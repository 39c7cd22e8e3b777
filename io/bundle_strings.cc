#include "io/bundle_strings.h"

#include <algorithm>
#include <vector>

#include "core/status.h"
#include "io/coding.h"
#include "io/crc32c.h"

namespace sluice {
namespace {

uint32_t HashLength(uint32_t crc, uint64_t length, bool big_endian) {
  std::string bytes;
  if (length <= 0xffffffffu) {
    AppendFixed32(&bytes, static_cast<uint32_t>(length));
  } else {
    AppendFixed64(&bytes, length);
  }
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return crc32c::Extend(crc, bytes);
}

}  // namespace

std::string EncodeStringLengths(absl::Span<const std::string> strings, uint32_t* crc) {
  std::string encoded;
  *crc = 0;
  for (const std::string& s : strings) {
    AppendVarint64(&encoded, s.size());
    *crc = HashLength(*crc, s.size(), /*big_endian=*/false);
  }
  AppendFixed32(&encoded, crc32c::Mask(*crc));
  *crc = crc32c::Extend(*crc, absl::string_view(encoded).substr(encoded.size() - 4));
  return encoded;
}

absl::StatusOr<Tensor> DecodeStrings(absl::string_view bytes, const TensorShape& shape,
                                     uint32_t masked_crc, bool big_endian,
                                     const std::shared_ptr<MemoryBudget>& budget) {
  const int64_t elements = shape.num_elements();
  if (elements < 0 || static_cast<uint64_t>(elements) > bytes.size()) {
    return absl::DataLossError(
        absl::StrCat(bytes.size(), " bytes cannot hold ", elements, " strings"));
  }
  std::vector<uint64_t> lengths(static_cast<size_t>(elements));
  uint32_t crc = 0;
  uint64_t total = 0;
  for (uint64_t& length : lengths) {
    // A length beyond all bytes would make the sum overflow.
    if (!ConsumeVarint64(&bytes, &length) || length > bytes.size()) {
      return absl::DataLossError("malformed length of a string");
    }
    total += length;
    crc = HashLength(crc, length, big_endian);
  }
  if (bytes.size() < 4) return absl::DataLossError("the checksum of the string lengths is cut off");
  const uint32_t stored = DecodeFixed32(bytes.data());
  if (crc32c::Mask(crc) != (big_endian ? __builtin_bswap32(stored) : stored)) {
    return absl::DataLossError("wrong checksum of the string lengths");
  }
  if (total != bytes.size() - 4) {
    return absl::DataLossError(
        absl::StrCat("strings of ", total, " bytes expected, got ", bytes.size() - 4));
  }
  if (crc32c::Mask(crc32c::Extend(crc, bytes)) != masked_crc) {
    return absl::DataLossError("wrong checksum");
  }
  bytes.remove_prefix(4);
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(DType::kString, shape, budget));
  const absl::Span<std::string> strings = tensor.mutable_flat<std::string>();
  for (size_t i = 0; i < lengths.size(); ++i) {
    strings[i].assign(bytes.data(), lengths[i]);
    bytes.remove_prefix(lengths[i]);
  }
  return tensor;
}

}  // namespace sluice
