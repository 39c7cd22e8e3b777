// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected 0x82F63B78): the checksum of record files,
// sorted tables and tensor bundles. Definition and test vectors: RFC 3720, appendix B.4.
#ifndef SLUICE_IO_CRC32C_H_
#define SLUICE_IO_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice::crc32c {

// The checksum of A + bytes, where `crc` is the checksum of A. Uses the SSE4.2 instruction where
// the machine has it.
uint32_t Extend(uint32_t crc, absl::string_view bytes);

// The checksum of `bytes`; 0 for none. Value("123456789") == 0xE3069283.
inline uint32_t Value(absl::string_view bytes) { return Extend(0, bytes); }

// Files hold checksums masked, because the checksum of a string that contains its own checksum is
// weak: rotated right by 15 bits, plus a constant.
inline uint32_t Mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }
inline uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

// Extend() from tables alone, as on a machine without the instruction. For tests.
uint32_t ExtendPortable(uint32_t crc, absl::string_view bytes);

}  // namespace sluice::crc32c

#endif  // SLUICE_IO_CRC32C_H_
