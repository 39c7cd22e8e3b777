// How the data files of a tensor bundle hold a string tensor: the lengths as varints, 4 bytes
// masked checksum of the lengths, the strings. The checksums take a length as a 4-byte number (8
// bytes where 4 are too few). Used by tensor_bundle.h.
#ifndef SLUICE_IO_BUNDLE_STRINGS_H_
#define SLUICE_IO_BUNDLE_STRINGS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice {

// Everything before the strings themselves. `crc` becomes its checksum, to be extended by the
// strings.
std::string EncodeStringLengths(absl::Span<const std::string> strings, uint32_t* crc);

// DataLoss when `bytes` are not exactly the tensor's strings with right checksums;
// ResourceExhausted from the budget. `big_endian` tells how the machine that wrote them orders
// bytes.
absl::StatusOr<Tensor> DecodeStrings(absl::string_view bytes, const TensorShape& shape,
                                     uint32_t masked_crc, bool big_endian,
                                     const std::shared_ptr<MemoryBudget>& budget);

}  // namespace sluice

#endif  // SLUICE_IO_BUNDLE_STRINGS_H_
