// Bytes to numbers, compressed bytes to bytes.
#ifndef SLUICE_OPS_DECODE_RAW_H_
#define SLUICE_OPS_DECODE_RAW_H_

#include <string>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct DecodeRawOptions {
  bool little_endian = true;
};
// The numbers whose bytes each string holds, in one more dimension. All strings have one length, a
// multiple of the element's size. half, float, double, int8 to int64, uint8, uint16, complex, bool.
Output DecodeRaw(At at, Output bytes, DType out_type, const DecodeRawOptions& options = {});

// Each string decompressed; `compression_type` "", "ZLIB" or "GZIP". DataLoss for damaged bytes,
// ResourceExhausted where a string becomes too long.
Output DecodeCompressed(At at, Output bytes, const std::string& compression_type = "");

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DECODE_RAW_H_
