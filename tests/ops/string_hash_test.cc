// Expected buckets: those that TensorFlow's documentation and tests state.
#include "ops/string_hash.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(StringHashTest, Fast) {
  OpTest("StringToHashBucketFast")
      .Attr("num_buckets", 10)
      .Input<std::string>({4}, {"a", "b", "c", "d"})
      .Expect<int64_t>({4}, {9, 2, 2, 5});
  OpTest("StringToHashBucketFast")
      .Attr("num_buckets", 1)
      .Input<std::string>({2}, {"", "x"})
      .Expect<int64_t>({2}, {0, 0});
}

TEST(StringHashTest, Legacy) {
  OpTest("StringToHashBucket")
      .Attr("num_buckets", 10)
      .Input<std::string>({3}, {"a", "b", "c"})
      .Expect<int64_t>({3}, {8, 0, 7});
}

TEST(StringHashTest, Errors) {
  OpTest("StringToHashBucketFast")
      .Attr("num_buckets", 0)
      .Input<std::string>({1}, {"a"})
      .ExpectError(StatusCode::kInvalidArgument, "num_buckets");
}

}  // namespace
}  // namespace sluice
