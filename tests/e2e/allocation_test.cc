// Steps of the example's training allocate nothing: every allocation of the program is seen here
// and put down to the library that asked for it. Excepted are the allocations of oneDNN (libdnnl)
// and of the OpenMP runtime (libgomp), which are not ours to change.
#include <dlfcn.h>
#include <execinfo.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "examples/fashion_mnist/network.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SLUICE_TSAN)
#define SLUICE_COUNTS_ALLOCATIONS 0  // the sanitizers have their own malloc
#else
#define SLUICE_COUNTS_ALLOCATIONS 1
#endif

#if SLUICE_COUNTS_ALLOCATIONS
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

constexpr int kMaxKept = 16, kMaxFrames = 32;

std::atomic<bool> counting{false};
std::atomic<int64_t> ours{0}, excepted{0};
// The first stacks of ours, to be shown by a failure.
void* kept_frames[kMaxKept][kMaxFrames];
int kept_depth[kMaxKept];
thread_local bool inside = false;

bool IsLibrary(const char* path, const char* library) {
  const char* slash = std::strrchr(path, '/');
  const char* name = slash != nullptr ? slash + 1 : path;
  return std::strncmp(name, library, std::strlen(library)) == 0;
}

// Who asked: the nearest frame above malloc that is not the C or C++ library's.
[[gnu::noinline]] void Note() {
  if (!counting.load(std::memory_order_relaxed) || inside) return;
  inside = true;
  void* frames[kMaxFrames];
  const int depth = backtrace(frames, kMaxFrames);
  bool is_excepted = false;
  for (int i = 2; i < depth; ++i) {  // 0 is this function, 1 malloc
    Dl_info info;
    if (dladdr(frames[i], &info) == 0 || info.dli_fname == nullptr) break;
    if (IsLibrary(info.dli_fname, "libc.") || IsLibrary(info.dli_fname, "libstdc++.")) continue;
    is_excepted = IsLibrary(info.dli_fname, "libdnnl.") || IsLibrary(info.dli_fname, "libgomp.");
    break;
  }
  if (is_excepted) {
    ++excepted;
  } else {
    const int64_t n = ours++;
    if (n < kMaxKept) {
      std::memcpy(kept_frames[n], frames, sizeof(frames));
      kept_depth[n] = depth;
    }
  }
  inside = false;
}

}  // namespace

// Not inlined, so that the frames above are what they are said to be.
extern "C" {
[[gnu::noinline]] void* malloc(size_t size) {
  Note();
  return __libc_malloc(size);
}
[[gnu::noinline]] void* calloc(size_t count, size_t size) {
  Note();
  return __libc_calloc(count, size);
}
[[gnu::noinline]] void* realloc(void* p, size_t size) {
  Note();
  return __libc_realloc(p, size);
}
[[gnu::noinline]] void* memalign(size_t alignment, size_t size) {
  Note();
  return __libc_memalign(alignment, size);
}
[[gnu::noinline]] void* aligned_alloc(size_t alignment, size_t size) {
  Note();
  return __libc_memalign(alignment, size);
}
[[gnu::noinline]] int posix_memalign(void** p, size_t alignment, size_t size) {
  Note();
  *p = __libc_memalign(alignment, size);
  return *p != nullptr ? 0 : ENOMEM;
}
}
#endif  // SLUICE_COUNTS_ALLOCATIONS

namespace sluice {
namespace {

constexpr int kBatch = 32;

// The example's training graph in a session, and a few batches.
struct Training {
  Graph graph{ops::Builtin()};
  Outputs fetches;
  std::vector<Feeds> feeds;
  std::optional<Session> session;

  void Start(int threads) {
    graph.SetSeed(1);
    Scope root = Scope::Root(graph);
    const Output images = ops::Placeholder(root, DType::kFloat, {-1, 28, 28, 1});
    const Output labels = ops::Placeholder(root, DType::kInt64, {-1});
    Scope net = root.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
    const Output logits = examples::Classifier(net, images, ops::Const(root, true));
    const Output loss =
        losses::SparseSoftmaxCrossEntropy(root, labels, logits) + losses::RegularizationLoss(root);
    fetches = {loss, train::Adam({.learning_rate = 1e-3f}).Minimize(root, loss)};
    for (int n = 0; n < 3; ++n) {
      std::vector<float> pixels(kBatch * 28 * 28);
      for (size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = static_cast<float>((i * 7 + n) % 101) / 101;
      std::vector<int64_t> classes(kBatch);
      for (int i = 0; i < kBatch; ++i) classes[i] = (i + n) % 10;
      feeds.push_back({{images, Tensor::Of<float>({kBatch, 28, 28, 1}, pixels)},
                       {labels, Tensor::Of<int64_t>({kBatch}, classes)}});
    }
    const Output init = GlobalVariablesInitializer(root);
    absl::StatusOr<Session> created = Session::Create(graph, {.intra_op_threads = threads});
    ASSERT_THAT(created, IsOk());
    session.emplace(*std::move(created));
    ASSERT_THAT(session->Run(init), IsOk());
  }
};

class AllocationTest : public ::testing::TestWithParam<int> {};

TEST_P(AllocationTest, SteadyTrainingStepsAllocateNothing) {
#if SLUICE_COUNTS_ALLOCATIONS
  Training training;
  training.Start(GetParam());
  if (HasFatalFailure()) return;
  std::vector<Tensor> results;
  for (int step = 0; step < 5; ++step) {  // makes the plan, the results and backtrace's own memory
    ASSERT_THAT(training.session->RunInto(training.feeds[step % 3], training.fetches, &results),
                IsOk());
  }
  void* frames[kMaxFrames];
  ASSERT_GT(backtrace(frames, kMaxFrames), 0);

  ours = excepted = 0;
  counting = true;
  bool all_ok = true;
  for (int step = 0; step < 20; ++step) {
    all_ok &= training.session->RunInto(training.feeds[step % 3], training.fetches, &results).ok();
  }
  counting = false;
  EXPECT_TRUE(all_ok);
  EXPECT_EQ(ours, 0) << "in 20 steps (oneDNN and OpenMP, not counted: " << excepted << ")";
  for (int64_t i = 0; i < std::min<int64_t>(ours, kMaxKept); ++i) {
    std::fprintf(stderr, "--- allocation %d\n", static_cast<int>(i));
    backtrace_symbols_fd(kept_frames[i], kept_depth[i], 2);
  }

  // What the library does allocate is seen: Run() makes the results anew.
  ours = 0;
  counting = true;
  all_ok &= training.session->Run(training.feeds[0], training.fetches).ok();
  counting = false;
  EXPECT_TRUE(all_ok);
  EXPECT_GT(ours, 0);
#else
  GTEST_SKIP() << "sanitizers have their own malloc";
#endif
}

INSTANTIATE_TEST_SUITE_P(Threads, AllocationTest, ::testing::Values(1, 2));

// The counter sees what it should.
TEST(AllocationCounterTest, CountsNewAndMallocOfThisProgram) {
#if SLUICE_COUNTS_ALLOCATIONS
  ours = 0;
  counting = true;
  void* a = ::operator new(100);
  void* volatile b = std::malloc(100);
  counting = false;
  ::operator delete(a);
  std::free(b);
  EXPECT_EQ(ours, 2);
#else
  GTEST_SKIP() << "sanitizers have their own malloc";
#endif
}

}  // namespace
}  // namespace sluice
