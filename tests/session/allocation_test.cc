// A steady-state training step allocates nothing: neither the plan nor the kernels of a small
// network. Every malloc and operator new of the process is counted while a step runs, except those
// of oneDNN (libdnnl) and OpenMP (libgomp), which are not ours to change.
#include <dlfcn.h>
#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/variable.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/bias_add.h"
#include "ops/const.h"
#include "ops/cross_entropy.h"
#include "ops/matmul.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/training.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

// The replaced operators below are a matching pair, which g++ does not see.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

std::atomic<bool> counting{false};
std::atomic<int> ours{0}, theirs{0};

bool Excepted(const void* caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == nullptr) return false;
  return std::strstr(info.dli_fname, "libdnnl") != nullptr ||
         std::strstr(info.dli_fname, "libgomp") != nullptr;
}

void Count(const void* caller) {
  if (!counting.load(std::memory_order_relaxed)) return;
  counting = false;  // what follows may allocate
  if (Excepted(caller)) {
    ++theirs;
  } else if (++ours <= 3) {
    void* frames[24];
    const int depth = backtrace(frames, 24);
    backtrace_symbols_fd(frames, depth, STDERR_FILENO);
  }
  counting = true;
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* malloc(size_t size) {
  Count(__builtin_return_address(0));
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Count(__builtin_return_address(0));
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  Count(__builtin_return_address(0));
  return __libc_realloc(old, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  Count(__builtin_return_address(0));
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
}

// The library's would be called from libstdc++, whoever asked.
void* operator new(size_t size) {
  Count(__builtin_return_address(0));
  void* memory = __libc_malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) {
  Count(__builtin_return_address(0));
  void* memory = __libc_malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace sluice {
namespace {

TEST(AllocationTest, TheCounterCounts) {
  ours = 0;
  counting = true;
  auto* number = new std::vector<int>(100);
  counting = false;
  EXPECT_EQ(ours, 2);
  delete number;
}

// Two dense layers with softmax cross-entropy, trained by `momentum` or plain gradient descent.
struct Network {
  explicit Network(Graph& graph) : root(Scope::Root(graph)) {
    x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 16});
    labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});
    const Output hidden = ops::Relu(root, Dense(x, 16, 32, "hidden"));
    const Output logits = Dense(hidden, 32, 10, "logits");
    const Outputs both = ops::SparseSoftmaxCrossEntropyWithLogits(root, logits, labels);
    loss = ops::Mean(root, both[0], {0});
    const Output rate = ops::Const(root, 0.05f), momentum = ops::Const(root, 0.9f);
    const std::vector<Variable> variables = graph.TrainableVariables();
    Outputs values, updates;
    for (const Variable& v : variables) values.push_back(v.handle());
    const Outputs gradients = Gradients(root, {loss}, values);
    for (size_t i = 0; i < variables.size(); ++i) {
      const Variable slot = NewVariable(
          root.Named("slot"), ops::Const(root, Tensor::Zeros(DType::kFloat, variables[i].shape())),
          {.trainable = false});
      updates.push_back(ops::ResourceApplyMomentum(root, variables[i].handle(), slot.handle(), rate,
                                                   gradients[i], momentum));
    }
    const Variable step =
        NewVariable(root.Named("step"), ops::Const(root, int64_t{0}), {.trainable = false});
    updates.push_back(step.AssignAdd(root, ops::Const(root, int64_t{1})));
    train = Group(root, updates);
    init = GlobalVariablesInitializer(root);
  }

  Output Dense(Output input, int64_t from, int64_t to, const std::string& name) {
    const Variable kernel = GetVariable(root, name + "/kernel", {.shape = {from, to}});
    const Variable bias =
        GetVariable(root, name + "/bias", {.shape = {to}, .initializer = ZerosInitializer});
    return ops::BiasAdd(root, ops::MatMul(root, input, kernel), bias);
  }

  Scope root;
  Output x, labels, loss, train, init;
};

TEST(AllocationTest, ATrainingStepAllocatesNothing) {
  Graph graph(ops::Builtin());
  graph.SetSeed(1);
  const Network network(graph);
  ASSERT_THAT(graph.status(), IsOk());
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(network.init), IsOk());
  const Feeds feeds = {{network.x, RandomTensor(DType::kFloat, {8, 16}, 1)},
                       {network.labels, Tensor::Of<int64_t>({8}, {0, 1, 2, 3, 4, 5, 6, 7})}};
  const Outputs fetches = {network.loss, network.train};
  std::vector<Tensor> results;
  for (int i = 0; i < 3; ++i) ASSERT_THAT(session->RunInto(feeds, fetches, &results), IsOk());
  const float before = results[0].scalar<float>();
  void* warm_up[1];
  backtrace(warm_up, 1);  // loads what it needs now
  ours = theirs = 0;
  for (int i = 0; i < 20; ++i) {
    counting = true;
    const absl::Status status = session->RunInto(feeds, fetches, &results);
    counting = false;
    ASSERT_THAT(status, IsOk());
  }
  EXPECT_EQ(ours, 0);
  EXPECT_LT(results[0].scalar<float>(), before);  // it did train
  RecordProperty("allocations_of_onednn_and_openmp", theirs);
}

TEST(AllocationTest, APreparedCallAllocatesNothing) {
  Graph graph(ops::Builtin());
  graph.SetSeed(1);
  const Network network(graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(network.init), IsOk());
  auto train = session->MakeCallable({network.loss, network.train}, {network.labels, network.x});
  auto infer = session->MakeCallable({network.loss}, {network.x, network.labels});
  ASSERT_THAT(train, IsOk());
  ASSERT_THAT(infer, IsOk());
  const Tensor x = RandomTensor(DType::kFloat, {8, 16}, 1);
  const Tensor labels = Tensor::Of<int64_t>({8}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<Tensor> trained, inferred;
  const auto both = [&] {
    absl::Status status = train->Run({labels, x}, &trained);
    status.Update(infer->Run({x, labels}, &inferred));
    return status;
  };
  for (int i = 0; i < 3; ++i) ASSERT_THAT(both(), IsOk());
  ours = 0;
  for (int i = 0; i < 20; ++i) {
    counting = true;
    const absl::Status status = both();
    counting = false;
    ASSERT_THAT(status, IsOk());
    EXPECT_LT(inferred[0].scalar<float>(), trained[0].scalar<float>());  // after the step
  }
  EXPECT_EQ(ours, 0);
}

}  // namespace
}  // namespace sluice

#else

TEST(AllocationTest, SanitizersHaveTheirOwnAllocator) { GTEST_SKIP(); }

#endif
