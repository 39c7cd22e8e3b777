// The kernel behind all ops that move elements, against the loop that its contract states.
#include "ops/kernels/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "gtest/gtest.h"
#include "tests/testing/core/tensors.h"

namespace sluice::ops {
namespace {

// The elements that one layout reaches, as lowest and highest position.
std::pair<int64_t, int64_t> Reach(absl::Span<const int64_t> dims,
                                  absl::Span<const int64_t> strides) {
  int64_t low = 0, high = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t last = (dims[i] - 1) * strides[i];
    (last < 0 ? low : high) += last;
  }
  return {low, high};
}

// to[to.first + i . to] = from[from.first + i . from], by counting up the indices.
void SlowCopy(DType dtype, absl::Span<const int64_t> dims, StridedCopy::Layout from,
              StridedCopy::Layout to, const void* source, void* target) {
  int64_t total = 1;
  for (const int64_t d : dims) total *= d;
  for (int64_t n = 0; n < total; ++n) {
    int64_t rest = n, f = from.first, t = to.first;
    for (size_t i = dims.size(); i-- > 0;) {
      f += (rest % dims[i]) * from.strides[i];
      t += (rest % dims[i]) * to.strides[i];
      rest /= dims[i];
    }
    if (dtype == DType::kString) {
      static_cast<std::string*>(target)[t] = static_cast<const std::string*>(source)[f];
    } else {
      const size_t size = SizeOf(dtype);
      std::memcpy(static_cast<char*>(target) + t * size,
                  static_cast<const char*>(source) + f * size, size);
    }
  }
}

Tensor Source(DType dtype, int64_t elements) {
  if (dtype != DType::kString) {
    Tensor bytes =
        RandomTensor(DType::kUint8, {elements * static_cast<int64_t>(SizeOf(dtype))}, 3, 0, 255);
    Tensor t = Tensor::Zeros(dtype, {elements});
    std::memcpy(t.mutable_raw(), bytes.raw(), bytes.byte_size());
    return t;
  }
  Tensor t = Tensor::Zeros(dtype, {elements});
  for (int64_t i = 0; i < elements; ++i) t.mutable_data<std::string>()[i] = std::to_string(i);
  return t;
}

void CheckCopy(DType dtype, const std::vector<int64_t>& dims, const std::vector<int64_t>& from,
               const std::vector<int64_t>& to, const std::string& what) {
  const auto [from_low, from_high] = Reach(dims, from);
  const auto [to_low, to_high] = Reach(dims, to);
  const StridedCopy::Layout source{-from_low, from}, target{-to_low, to};
  const Tensor input = Source(dtype, from_high - from_low + 1);
  for (const int threads : {1, 3}) {
    const ThreadBudget budget(threads);
    Tensor want = Tensor::Zeros(dtype, {to_high - to_low + 1});
    Tensor got = Tensor::Zeros(dtype, {to_high - to_low + 1});
    SlowCopy(dtype, dims, source, target, input.raw(), want.mutable_raw());
    StridedCopy(dtype, dims, source, target).Run(input.raw(), got.mutable_raw());
    EXPECT_TRUE(BitEqual(got, want))
        << what << ", " << DTypeName(dtype) << ", " << threads << " threads";
  }
}

const DType kSizes[] = {DType::kBool,   DType::kHalf,       DType::kFloat,
                        DType::kDouble, DType::kComplex128, DType::kString};

TEST(StridedCopyTest, Patterns) {
  struct Case {
    const char* name;
    std::vector<int64_t> dims, from, to;
  };
  const Case cases[] = {
      {"scalar", {}, {}, {}},
      {"one run", {37}, {1}, {1}},
      {"rows of a pitch", {5, 7}, {10, 1}, {7, 1}},
      {"reversed", {9}, {-1}, {1}},
      {"every third", {11}, {3}, {1}},
      {"spread", {11}, {1}, {4}},
      {"repeated element", {20}, {0}, {1}},
      {"repeated row", {6, 8}, {0, 1}, {8, 1}},
      {"repeated column", {6, 8}, {1, 0}, {8, 1}},
      {"repeated plane", {3, 6, 5}, {5, 0, 1}, {30, 5, 1}},
      {"transposed", {33, 47}, {1, 33}, {47, 1}},
      {"transposed, whole tiles", {32, 64}, {1, 32}, {64, 1}},
      {"transposed pairs", {16, 12, 2}, {2, 32, 1}, {24, 2, 1}},
      {"transposed, wide pitch", {20, 300}, {1, 31}, {310, 1}},
      {"narrow transposed", {500, 3}, {1, 500}, {3, 1}},
      {"three dimensions backwards", {9, 8, 7}, {1, 9, 72}, {56, 7, 1}},
      {"channels last to first", {2, 3, 5, 6}, {90, 1, 18, 3}, {90, 30, 6, 1}},
      {"negative and repeated", {4, 3, 5}, {-5, 0, 1}, {15, 5, 1}},
      {"destination out of order", {4, 6}, {6, 1}, {1, 4}},
      {"size one dimensions", {1, 5, 1, 4}, {99, 4, 7, 1}, {3, 4, 2, 1}},
      {"empty", {3, 0, 2}, {1, 1, 1}, {1, 1, 1}},
  };
  for (const Case& c : cases) {
    if (std::string(c.name) == "empty") {
      StridedCopy(DType::kFloat, c.dims, {0, c.from}, {0, c.to}).Run(nullptr, nullptr);
      continue;
    }
    for (const DType dtype : kSizes) CheckCopy(dtype, c.dims, c.from, c.to, c.name);
  }
}

TEST(StridedCopyTest, EveryPermutationOfFiveDimensions) {
  const std::vector<int64_t> sizes = {3, 4, 2, 5, 7};
  const Dims strides = RowMajorStrides(sizes);
  std::vector<int> perm = {0, 1, 2, 3, 4};
  do {
    std::vector<int64_t> dims, from;
    for (const int axis : perm) {
      dims.push_back(sizes[axis]);
      from.push_back(strides[axis]);
    }
    const Dims dense = RowMajorStrides(dims);
    CheckCopy(DType::kFloat, dims, from, {dense.begin(), dense.end()}, "permutation");
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(StridedCopyTest, LargeOnesUseThreads) {
  CheckCopy(DType::kFloat, {700, 900}, {1, 700}, {900, 1}, "large transposed");
  CheckCopy(DType::kFloat, {3, 400000}, {400001, 1}, {400000, 1}, "few long rows");
  CheckCopy(DType::kUint8, {1000, 1001}, {1, 1000}, {1001, 1}, "large transposed bytes");
  CheckCopy(DType::kDouble, {100000, 3}, {1, 100000}, {3, 1}, "planes to pixels");
}

TEST(StridedCopyTest, FillAndZero) {
  Tensor t = Tensor::Zeros(DType::kString, {4});
  const std::string value = "a long enough string to live on the heap";
  FillElements(DType::kString, &value, t.mutable_raw(), 4);
  EXPECT_EQ(t.flat<std::string>()[3], value);
  ZeroElements(DType::kString, t.mutable_raw(), 4);
  EXPECT_EQ(t.flat<std::string>()[3], "");
  Tensor f = Tensor::Of<float>({3}, {1, 2, 3});
  const float seven = 7;
  FillElements(DType::kFloat, &seven, f.mutable_data<float>() + 1, 2);
  ExpectClose(f, Tensor::Of<float>({3}, {1, 7, 7}));
  ZeroElements(DType::kFloat, f.mutable_raw(), 2);
  ExpectClose(f, Tensor::Of<float>({3}, {0, 0, 7}));
}

TEST(StridedCopyTest, RowMajorStrides) {
  EXPECT_EQ(RowMajorStrides({2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_EQ(RowMajorStrides({2, 0, 4}), (Dims{4, 4, 1}));
  EXPECT_EQ(RowMajorStrides({}), Dims());
}

}  // namespace
}  // namespace sluice::ops
