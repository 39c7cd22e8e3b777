#include "core/variable_resource.h"

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(SLUICE_TSAN)  // they have their own
// Counts every allocation of the program. Not inlined: g++ would warn of a free without its malloc.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size > 0 ? size : 1)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }
#endif

namespace sluice {
namespace {

using Code = absl::StatusCode;

const std::shared_ptr<MemoryBudget>& Budget() { return MemoryBudget::Process(); }

Tensor Pair(float a, float b) { return Tensor::Of<float>({2}, {a, b}); }

std::vector<float> Values(const VariableResource& v) {
  const Tensor t = v.Read().value();
  return {t.flat<float>().begin(), t.flat<float>().end()};
}

absl::Status AddOne(Tensor& t) {
  for (float& x : t.mutable_flat<float>()) x += 1;
  return absl::OkStatus();
}

TEST(VariableResourceTest, UninitializedIsFailedPrecondition) {
  VariableResource v("scope/v", DType::kFloat, {2});
  EXPECT_FALSE(v.initialized());
  const absl::Status read = v.Read().status();
  EXPECT_EQ(read.code(), Code::kFailedPrecondition);
  EXPECT_EQ(read.message(),
            "Error while reading resource variable scope/v from Container: localhost. This could "
            "mean that the variable was uninitialized.");
  EXPECT_EQ(v.Update(Budget(), AddOne).code(), Code::kFailedPrecondition);
  VariableUpdate update;
  VariableResource* list[] = {&v};
  const absl::Status lock = update.Lock(list, Budget());
  EXPECT_EQ(lock.code(), Code::kFailedPrecondition);
  EXPECT_EQ(lock.message(), "Attempting to use uninitialized variables: scope/v");
}

TEST(VariableResourceTest, AssignChecksTypeAndShape) {
  VariableResource v("v", DType::kFloat, {-1, 2});
  EXPECT_TRUE(v.Assign(Tensor::Zeros(DType::kFloat, {3, 2})).ok());
  EXPECT_TRUE(v.Assign(Tensor::Zeros(DType::kFloat, {5, 2})).ok());
  for (const bool copy : {false, true}) {
    const auto assign = [&](const Tensor& t) {
      return copy ? v.AssignCopy(t, Budget()) : v.Assign(t);
    };
    const absl::Status shape = assign(Tensor::Zeros(DType::kFloat, {3, 3}));
    EXPECT_EQ(shape.code(), Code::kInvalidArgument);
    EXPECT_NE(shape.message().find("Assign requires shapes of both tensors to match. lhs shape= "
                                   "[?,2] rhs shape= [3,3]"),
              absl::string_view::npos)
        << shape;
    const absl::Status dtype = assign(Tensor::Zeros(DType::kDouble, {3, 2}));
    EXPECT_EQ(dtype.code(), Code::kInvalidArgument);
    EXPECT_EQ(dtype.message(), "variable 'v' holds float32, got float64");
    EXPECT_EQ(assign(Tensor()).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(v.Read()->shape(), (TensorShape{5, 2}));
  EXPECT_EQ(v.DebugString(), "variable 'v' float32[?,2]");
}

TEST(VariableResourceTest, ReadIsASnapshot) {
  VariableResource v("v", DType::kFloat, {2});
  ASSERT_TRUE(v.Assign(Pair(1, 2)).ok());
  const Tensor before = *v.Read();
  EXPECT_TRUE(before.SharesBufferWith(*v.Read()));
  ASSERT_TRUE(v.Update(Budget(), AddOne).ok());
  EXPECT_TRUE(BitEqual(before, Pair(1, 2)));
  EXPECT_EQ(Values(v), (std::vector<float>{2, 3}));
  ASSERT_TRUE(v.AssignCopy(Pair(8, 9), Budget()).ok());
  EXPECT_TRUE(BitEqual(before, Pair(1, 2)));
  EXPECT_EQ(Values(v), (std::vector<float>{8, 9}));
  const Tensor snapshot = *v.Read();
  ASSERT_TRUE(v.AssignCopy(Pair(0, 0), Budget()).ok());
  EXPECT_TRUE(BitEqual(snapshot, Pair(8, 9)));
}

TEST(VariableResourceTest, AssignSharesAndAssignCopyDoesNot) {
  VariableResource v("v", DType::kFloat, {2});
  Tensor value = Pair(1, 2);
  ASSERT_TRUE(v.Assign(value).ok());
  EXPECT_TRUE(v.Read()->SharesBufferWith(value));
  ASSERT_TRUE(v.AssignCopy(value, Budget()).ok());  // its own buffer, held by `value` too
  EXPECT_FALSE(v.Read()->SharesBufferWith(value));
  value.mutable_flat<float>()[0] = 7;
  EXPECT_EQ(Values(v), (std::vector<float>{1, 2}));
}

TEST(VariableResourceTest, AssignCopyTakesANewShape) {
  VariableResource v("v", DType::kFloat, TensorShape::Unknown());
  ASSERT_TRUE(v.AssignCopy(Pair(1, 2), Budget()).ok());
  ASSERT_TRUE(v.AssignCopy(Tensor::Of<float>({1, 2}, {3, 4}), Budget()).ok());
  EXPECT_EQ(v.Read()->shape(), (TensorShape{1, 2}));
  EXPECT_EQ(Values(v), (std::vector<float>{3, 4}));
}

TEST(VariableResourceTest, TheUsualStepAllocatesNothing) {
  VariableResource v("v", DType::kFloat, {2}), slot("slot", DType::kFloat, {2});
  ASSERT_TRUE(v.Assign(Pair(1, 2)).ok());
  ASSERT_TRUE(slot.Assign(Pair(0, 0)).ok());
  const Tensor value = Pair(5, 6);
  const void* address = v.Read()->raw();
  const std::function<absl::Status(Tensor&)> add_one = AddOne;
  VariableResource* both[] = {&v, &slot};
  const int64_t held = Budget()->held();
  const int64_t before = allocations;
  bool ok = true;
  for (int i = 0; i < 10; ++i) {
    ok = ok && v.Read().ok();
    ok = ok && v.Update(Budget(), add_one).ok();
    ok = ok && v.AssignCopy(value, Budget()).ok();
    VariableUpdate update;
    ok = ok && update.Lock(both, Budget()).ok() && AddOne(update.value(1)).ok();
  }
  EXPECT_EQ(allocations - before, 0);
  EXPECT_TRUE(ok);
  EXPECT_EQ(Budget()->held(), held);
  EXPECT_EQ(v.Read()->raw(), address);
  EXPECT_EQ(Values(slot), (std::vector<float>{10, 10}));
}

TEST(VariableResourceTest, ABudgetThatRefusesTheCopyLeavesTheValue) {
  const auto none = std::make_shared<MemoryBudget>(0);
  VariableResource v("v", DType::kFloat, {2});
  ASSERT_TRUE(v.Assign(Pair(1, 2)).ok());
  const Tensor snapshot = *v.Read();
  EXPECT_EQ(v.Update(none, AddOne).code(), Code::kResourceExhausted);
  EXPECT_EQ(v.AssignCopy(Pair(3, 4), none).code(), Code::kResourceExhausted);
  VariableResource* list[] = {&v};
  {
    VariableUpdate update;
    EXPECT_EQ(update.Lock(list, none).code(), Code::kResourceExhausted);
  }
  EXPECT_EQ(Values(v), (std::vector<float>{1, 2}));
}

TEST(VariableResourceTest, UpdateReturnsTheCallersError) {
  VariableResource v("v", DType::kFloat, {2});
  ASSERT_TRUE(v.Assign(Pair(1, 2)).ok());
  EXPECT_EQ(v.Update(Budget(), [](Tensor&) { return absl::DataLossError("x"); }).code(),
            Code::kDataLoss);
}

TEST(VariableUpdateTest, GivesTheValuesInTheOrderAsked) {
  VariableResource v[3] = {
      {"a", DType::kFloat, {2}}, {"b", DType::kFloat, {2}}, {"c", DType::kFloat, {2}}};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(v[i].Assign(Pair(i, i)).ok());
  const Tensor snapshot = *v[2].Read();
  {
    VariableUpdate update;
    VariableResource* list[] = {&v[2], &v[0], &v[1]};
    ASSERT_TRUE(update.Lock(list, Budget()).ok());
    EXPECT_EQ(update.value(0).flat<float>()[0], 2);
    EXPECT_EQ(update.value(1).flat<float>()[0], 0);
    EXPECT_EQ(update.value(2).flat<float>()[0], 1);
    ASSERT_TRUE(AddOne(update.value(0)).ok());
  }
  EXPECT_TRUE(BitEqual(snapshot, Pair(2, 2)));
  EXPECT_EQ(Values(v[2]), (std::vector<float>{3, 3}));
}

TEST(VariableUpdateTest, TheSameVariableTwiceIsRefusedAndNothingStaysLocked) {
  VariableResource v("v", DType::kFloat, {2}), w("w", DType::kFloat, {2});
  ASSERT_TRUE(v.Assign(Pair(1, 2)).ok());
  {
    VariableUpdate update;
    VariableResource* list[] = {&v, &w, &v};
    const absl::Status status = update.Lock(list, Budget());
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_EQ(status.message(), "one update was given variable 'v' twice");
    EXPECT_TRUE(v.Read().ok());
  }
  {
    VariableUpdate update;
    VariableResource* list[] = {&v, &w};
    EXPECT_EQ(update.Lock(list, Budget()).message(),
              "Attempting to use uninitialized variables: w");
    EXPECT_TRUE(v.Read().ok()) << "a failed lock holds nothing";
  }
}

// Readers see whole updates only; updates in both orders of locking never wait for each other.
TEST(VariableUpdateTest, ThreadsNeitherRaceNorDeadlock) {
  VariableResource v("v", DType::kFloat, {100}), w("w", DType::kFloat, {100});
  ASSERT_TRUE(v.Assign(Tensor::Zeros(DType::kFloat, {100})).ok());
  ASSERT_TRUE(w.Assign(Tensor::Zeros(DType::kFloat, {100})).ok());
  constexpr int kRounds = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      VariableResource* list[] = {t == 0 ? &v : &w, t == 0 ? &w : &v};
      for (int i = 0; i < kRounds; ++i) {
        VariableUpdate update;
        ASSERT_TRUE(update.Lock(list, Budget()).ok());
        ASSERT_TRUE(AddOne(update.value(0)).ok());
        ASSERT_TRUE(AddOne(update.value(1)).ok());
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) ASSERT_TRUE(v.Update(Budget(), AddOne).ok());
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        const Tensor snapshot = *v.Read();
        for (const float x : snapshot.flat<float>()) ASSERT_EQ(x, snapshot.flat<float>()[0]);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(Values(v)[99], 4 * kRounds);
  EXPECT_EQ(Values(w)[0], 2 * kRounds);
}

}  // namespace
}  // namespace sluice
