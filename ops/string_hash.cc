#include "ops/string_hash.h"

#include <farmhash.h>

#include <string>

#include "absl/strings/string_view.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

uint64_t Little64(const char* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

// TensorFlow's Hash64: MurmurHash64A with its default seed.
uint64_t Murmur64(absl::string_view text) {
  constexpr uint64_t kSeed = 0xDECAFCAFFE, kMultiplier = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  uint64_t hash = kSeed ^ (text.size() * kMultiplier);
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t word = Little64(text.data(), 8) * kMultiplier;
    word ^= word >> kShift;
    hash = (hash ^ (word * kMultiplier)) * kMultiplier;
  }
  if (!text.empty()) hash = (hash ^ Little64(text.data(), text.size())) * kMultiplier;
  hash = (hash ^ (hash >> kShift)) * kMultiplier;
  return hash ^ (hash >> kShift);
}

uint64_t Fingerprint(absl::string_view text) {
  return util::Fingerprint64(text.data(), text.size());
}

template <uint64_t (*hash)(absl::string_view)>
absl::Status HashKernel(KernelContext& c) {
  const auto buckets = static_cast<uint64_t>(c.attr<int64_t>("num_buckets"));
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  int64_t* to = c.output(0).mutable_data<int64_t>();
  for (const std::string& text : from) *to++ = static_cast<int64_t>(hash(text) % buckets);
  return absl::OkStatus();
}

OpSpec HashSpec(const char* name, const char* input) {
  return OpSpec(name)
      .Input(input)
      .Output("output: int64")
      .Attr("num_buckets: int >= 1")
      .Shape(shapes::SameAsInput)
      .NotDifferentiable("its input is a string");
}

}  // namespace

OpSpec StringToHashBucketFastOp() {
  return HashSpec("StringToHashBucketFast", "input: string").Kernel(HashKernel<Fingerprint>);
}
OpSpec StringToHashBucketOp() {
  return HashSpec("StringToHashBucket", "string_tensor: string").Kernel(HashKernel<Murmur64>);
}

Output StringToHashBucketFast(At at, Output input, int64_t num_buckets) {
  return at.Node("StringToHashBucketFast", {input}, {{"num_buckets", num_buckets}});
}
Output StringToHashBucket(At at, Output string_tensor, int64_t num_buckets) {
  return at.Node("StringToHashBucket", {string_tensor}, {{"num_buckets", num_buckets}});
}

}  // namespace sluice::ops
