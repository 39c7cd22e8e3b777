// Strings to numbers of buckets.
#ifndef SLUICE_OPS_STRING_HASH_H_
#define SLUICE_OPS_STRING_HASH_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The bucket 0 .. num_buckets-1 (int64) of each string, the same on every machine and in every
// release: FarmHash's Fingerprint64 modulo num_buckets (>= 1).
Output StringToHashBucketFast(At at, Output input, int64_t num_buckets);

// The older form, by TensorFlow's Hash64 (a MurmurHash).
Output StringToHashBucket(At at, Output string_tensor, int64_t num_buckets);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_HASH_H_
