// Little-endian and variable-length numbers, as record files, tables and bundles hold them.
#ifndef SLUICE_IO_CODING_H_
#define SLUICE_IO_CODING_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// The little-endian number at `bytes`. REQUIRES: 4 (8) readable bytes.
uint32_t DecodeFixed32(const char* bytes);
uint64_t DecodeFixed64(const char* bytes);
void AppendFixed32(std::string* out, uint32_t value);
void AppendFixed64(std::string* out, uint64_t value);

// Variable-length: 7 bits a byte, lowest first; the top bit says that more follow.
void AppendVarint64(std::string* out, uint64_t value);
// Takes a number off the front of `bytes`. False, with `bytes` unchanged, when it is cut off or
// does not fit.
bool ConsumeVarint64(absl::string_view* bytes, uint64_t* value);
bool ConsumeVarint32(absl::string_view* bytes, uint32_t* value);

}  // namespace sluice

#endif  // SLUICE_IO_CODING_H_
