#include "core/memory.h"

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

// The sanitizers' allocators end the program instead of returning null, unless told otherwise.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace sluice {
namespace {

using Code = absl::StatusCode;

std::shared_ptr<MemoryBudget> Budget(int64_t limit) {
  return std::make_shared<MemoryBudget>(limit);
}

TEST(MemoryBudgetTest, RefusesWhatWouldPassTheLimit) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.Reserve(60).ok());
  const absl::Status refused = budget.Reserve(41);
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.message(), "memory limit reached: asked for 41 bytes, 60 held, limit 100");
  EXPECT_EQ(budget.held(), 60);
  EXPECT_TRUE(budget.Reserve(40).ok());
  EXPECT_TRUE(budget.Reserve(0).ok());
  EXPECT_EQ(budget.Reserve(1).code(), Code::kResourceExhausted);
  EXPECT_EQ(budget.Reserve(INT64_MAX).code(), Code::kResourceExhausted);
  budget.Release(100);
  EXPECT_EQ(budget.held(), 0);
}

TEST(MemoryBudgetTest, ThreadsNeverPassTheLimitTogether) {
  MemoryBudget budget(100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&budget] {
      for (int i = 0; i < 20000; ++i) {
        if (!budget.Reserve(30).ok()) continue;
        EXPECT_LE(budget.held(), 100);
        budget.Release(30);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(budget.held(), 0);
}

TEST(MemoryBudgetTest, TheProcessMayHoldMostOfTheMachine) {
  EXPECT_GT(MemoryBudget::DefaultLimit(), 0);
  EXPECT_EQ(MemoryBudget::Process()->limit(), MemoryBudget::DefaultLimit());
}

TEST(BufferTest, AlignmentSizeAndAccount) {
  const auto budget = Budget(int64_t{64} << 20);
  const struct {
    DType dtype;
    int64_t count;
    int64_t bytes;
    uintptr_t alignment;
  } kCases[] = {
      {DType::kFloat, 0, 0, 64},
      {DType::kFloat, 1, 4, 64},
      {DType::kBool, 65, 65, 64},
      {DType::kComplex128, 3, 48, 64},
      {DType::kQint16, 3, 6, 64},
      {DType::kFloat, (1 << 19) - 1, (2 << 20) - 4, 64},
      {DType::kFloat, 1 << 19, 2 << 20, 2 << 20},
      {DType::kUint8, (5 << 20) + 1, (5 << 20) + 1, 2 << 20},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.bytes);
    {
      const BufferRef buffer = *Buffer::Make(c.dtype, c.count, budget);
      EXPECT_EQ(buffer->bytes(), c.bytes);
      EXPECT_EQ(buffer->dtype(), c.dtype);
      EXPECT_EQ(budget->held(), c.bytes);
      ASSERT_NE(buffer->data(), nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % c.alignment, 0u);
      std::memset(buffer->data(), 0xab, c.bytes);
    }
    EXPECT_EQ(budget->held(), 0);
  }
}

TEST(BufferTest, ImpossibleSizesAndTypes) {
  const auto budget = Budget(INT64_MAX);
  const struct {
    DType dtype;
    int64_t count;
  } kCases[] = {
      {DType::kFloat, -1},
      {DType::kFloat, INT64_MIN},
      {DType::kFloat, int64_t{1} << 62},  // x 4 = 2^64 = 0
      {DType::kComplex128, int64_t{1} << 60},
      {DType::kUint64, INT64_MAX},
      {DType::kVariant, 1},
      {DType::kInvalid, 1},
      {static_cast<DType>(101), 1},
      {static_cast<DType>(77), 1},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Buffer::Make(c.dtype, c.count, budget).status().code(), Code::kInvalidArgument)
        << DTypeName(c.dtype) << " x " << c.count;
    EXPECT_EQ(budget->held(), 0);
  }
}

TEST(BufferTest, RefusalsAreStatusesAndLeaveNoTrace) {
  const auto small = Budget(1000);
  EXPECT_EQ(Buffer::Make(DType::kFloat, 251, small).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(Buffer::Make(DType::kFloat, 250, small).ok());
  EXPECT_EQ(small->held(), 0);
  // Within the budget, beyond the machine: more than the address space.
  const auto endless = Budget(INT64_MAX);
  for (const DType dtype : {DType::kFloat, DType::kString}) {
    EXPECT_EQ(Buffer::Make(dtype, int64_t{1} << 47, endless).status().code(),
              Code::kResourceExhausted);
    EXPECT_EQ(endless->held(), 0);
  }
}

TEST(BufferTest, ElementsWithConstructorsLiveAndDie) {
  const auto budget = Budget(1 << 20);
  std::weak_ptr<Resource> watch;
  struct Thing : Resource {
    std::string DebugString() const override { return "thing"; }
  };
  {
    const BufferRef strings = *Buffer::Make(DType::kString, 3, budget);
    auto* s = static_cast<std::string*>(strings->data());
    EXPECT_EQ(s[2], "");
    s[1] = std::string(1000, 'x');  // on the heap: a leak would be found by the address sanitizer
    const BufferRef resources = *Buffer::Make(DType::kResource, 2, budget);
    auto* r = static_cast<ResourceRef*>(resources->data());
    EXPECT_EQ(r[0], nullptr);
    r[1] = std::make_shared<Thing>();
    watch = r[1];
    EXPECT_EQ(budget->held(),
              static_cast<int64_t>(3 * sizeof(std::string) + 2 * sizeof(ResourceRef)));
  }
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(budget->held(), 0);
}

TEST(BufferRefTest, Counts) {
  const auto budget = Budget(100);
  BufferRef a = *Buffer::Make(DType::kUint8, 100, budget);
  EXPECT_TRUE(a->unique());
  BufferRef b = a;
  EXPECT_FALSE(a->unique());
  BufferRef c = std::move(b);
  EXPECT_FALSE(b);
  EXPECT_FALSE(a->unique());
  c = BufferRef();
  EXPECT_TRUE(a->unique());
  a = *&a;
  EXPECT_TRUE(a->unique());
  EXPECT_EQ(budget->held(), 100);
  a = BufferRef();
  EXPECT_EQ(budget->held(), 0);
}

TEST(BufferRefTest, CountsAcrossThreads) {
  const auto budget = Budget(100);
  BufferRef shared = *Buffer::Make(DType::kUint8, 100, budget);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([mine = shared] {
      for (int i = 0; i < 10000; ++i) {
        BufferRef copy = mine;
        BufferRef moved = std::move(copy);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  threads.clear();
  EXPECT_TRUE(shared->unique());
  shared = BufferRef();
  EXPECT_EQ(budget->held(), 0);
}

// Tensors may outlive the session whose budget paid for them.
TEST(BufferRefTest, KeepsItsBudgetAlive) {
  auto budget = Budget(100);
  BufferRef buffer = *Buffer::Make(DType::kUint8, 10, budget);
  const std::weak_ptr<MemoryBudget> watch = budget;
  budget.reset();
  EXPECT_FALSE(watch.expired());
  buffer = BufferRef();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace sluice
