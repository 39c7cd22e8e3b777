// The kernel interface: what an op's numeric code sees. Knows nothing of graphs or sessions.
//
// A kernel has two halves. *Prepare* runs once per plan, with attributes, concrete shapes and
// constant inputs: it checks, makes oneDNN primitives, packs constants, asks for scratch, and
// returns *Run*. Run does arithmetic on the tensors that it is handed, once per step. Simple ops
// give only Run.
//
// The contract of Run:
//  - output(i) has the planned dtype and shape and uninitialized elements (it may share memory with
//    an input only where the spec says InPlace). An op whose output shapes depend on input *values*
//    uses Allocate() instead.
//  - No pointer into a tensor is kept after return. One Run function object is never run by two
//    threads at once, so it may hold mutable state (primitive arguments); a second concurrent step
//    gets its own from a second Prepare.
//  - Values (indices, shapes, counts) that come from tensors are checked here: InvalidArgument,
//    never a crash.
//  - It allocates nothing on the heap in a steady state.
#ifndef SLUICE_CORE_KERNEL_H_
#define SLUICE_CORE_KERNEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/attr_value.h"
#include "core/tensor.h"

namespace sluice {

// State that lives as long as its session and is found by name: variables. Thread-safe.
class ResourceStore {
 public:
  virtual ~ResourceStore() = default;
  // The resource called `name`, made by `make` when there is none yet.
  virtual absl::StatusOr<ResourceRef> GetOrCreate(const std::string& name,
                                                  const std::function<ResourceRef()>& make) = 0;
};

// What Prepare sees. Inputs are flat (list arguments spread out), in schema order.
class PrepareContext {
 public:
  virtual ~PrepareContext() = default;
  virtual const std::string& node_name() const = 0;
  virtual const AttrMap& attrs() const = 0;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  virtual DType input_dtype(int i) const = 0;
  virtual DType output_dtype(int i) const = 0;
  // Concrete. (Unknown only for an output that Run allocates.)
  virtual const TensorShape& input_shape(int i) const = 0;
  virtual const TensorShape& output_shape(int i) const = 0;
  // The value of input i when it is the same in every run of the plan, else null.
  virtual const Tensor* constant_input(int i) const = 0;
  // Input i comes from variables that this plan does not write: it rarely changes, and its
  // Tensor::version() tells when. What is computed from it alone (packed weights) is worth keeping.
  virtual bool stable_input(int /*i*/) const { return false; }
  // Threads that Run may use: the session's budget; 1 where results would depend on it and the
  // session is deterministic.
  virtual int threads() const = 0;
  // Results must not depend on the number of threads, nor use faster arithmetic that rounds
  // otherwise than the plain formula (Winograd's convolution): SessionOptions::deterministic.
  virtual bool deterministic() const { return false; }
  virtual const std::shared_ptr<MemoryBudget>& budget() const = 0;
  // `bytes` of memory, 64-byte aligned, that Run finds at KernelContext::scratch(). Contents are
  // lost between runs. Once per Prepare.
  virtual void RequestScratch(int64_t bytes) = 0;
  // Run hands output i over with SetOutput(): no memory is planned for it. (Without this call the
  // value is copied to planned memory.)
  virtual void WillSetOutput(int /*i*/) {}
  virtual ResourceStore& resources() const = 0;

  template <typename T>
  T attr(absl::string_view name) const {
    return GetAttr<T>(attrs(), name);
  }
};

// What Run sees.
class KernelContext {
 public:
  virtual ~KernelContext() = default;
  virtual const AttrMap& attrs() const = 0;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  virtual const Tensor& input(int i) const = 0;
  virtual Tensor& output(int i) = 0;
  // A fresh tensor as output i, for ops whose shapes depend on values. ResourceExhausted when the
  // budget refuses.
  virtual absl::StatusOr<Tensor*> Allocate(int i, const TensorShape& shape) = 0;
  // Output i becomes `value`, which stays shared with whoever holds it: reads of variables,
  // constants.
  virtual void SetOutput(int i, Tensor value) = 0;
  virtual void* scratch() const = 0;
  virtual int threads() const = 0;
  virtual const std::shared_ptr<MemoryBudget>& budget() const = 0;
  // Counter of the session's runs that hold a random op: the same (seeds, run) gives the same
  // numbers.
  virtual uint64_t random_run() const = 0;
  // The session's own seed, drawn at its creation: for ops whose seed attributes are both 0
  // ("nondeterministic").
  virtual uint64_t session_seed() const = 0;
  virtual const std::string& node_name() const = 0;

  template <typename T>
  T attr(absl::string_view name) const {
    return GetAttr<T>(attrs(), name);
  }
};

// One elementwise function on a piece of a tensor: output[i] = f(inputs[0][i], ...), i < n. The
// elements are of the dtype it was made for; `output` may be one of the inputs. Chains of them run
// as one step, piece by piece (OpSpec::Tiled).
using TileFn = void (*)(const void* const* inputs, void* output, int64_t n, const double* params);
struct TileKernel {
  TileFn run = nullptr;
  int num_params = 0;
  double params[2] = {0, 0};  // what attributes say
};

using KernelRun = std::function<absl::Status(KernelContext&)>;
using KernelPrepare = std::function<absl::StatusOr<KernelRun>(PrepareContext&)>;

}  // namespace sluice

#endif  // SLUICE_CORE_KERNEL_H_
