// The one place that calls oneDNN: its engine and streams, its errors as absl::Status, primitives
// whose memory objects are made once. Include only from .cc files: <dnnl.hpp> is large.
#ifndef SLUICE_OPS_KERNELS_DNNL_UTIL_H_
#define SLUICE_OPS_KERNELS_DNNL_UTIL_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dnnl.hpp"

namespace sluice::kernels {

// The process's CPU engine.
const dnnl::engine& DnnlEngine();

// The error that the dnnl::error in flight stands for: Unimplemented, ResourceExhausted, else
// Internal. Call only in a catch block.
absl::Status DnnlError();

// Runs f(), which makes oneDNN objects; what it throws becomes a status. (oneDNN's C++ interface
// throws, nothing else of ours does.)
template <typename F>
absl::Status DnnlTry(F&& f) {
  try {
    f();
    return absl::OkStatus();
  } catch (const dnnl::error&) {
    return DnnlError();
  }
}

// Attributes of every primitive that we make: its scratchpad is handed in, so that running it
// allocates nothing. Ask primitive_desc::scratchpad_desc() for the size and pass it as argument
// DNNL_ARG_SCRATCHPAD.
dnnl::primitive_attr UserScratchpad();

// A primitive with its arguments. Not thread-safe: one object, one runner at a time
// (core/kernel.h).
class DnnlCall {
 public:
  struct Argument {
    int arg;                  // DNNL_ARG_...
    dnnl::memory::desc desc;  // an argument of zero bytes is left out
    bool written = false;
  };

  DnnlCall() = default;
  // May throw dnnl::error: call inside DnnlTry.
  DnnlCall(dnnl::primitive primitive, absl::Span<const Argument> arguments);

  // Elements of argument i (by its position in the constructor's list) for the next Execute().
  void Set(int i, void* data);
  void Set(int i, const void* data) { Set(i, const_cast<void*>(data)); }
  // Runs on the calling thread and its OpenMP team; done when it returns.
  absl::Status Execute();

  explicit operator bool() const { return static_cast<bool>(primitive_); }

 private:
  struct Slot {
    dnnl::memory memory;
    void* data = nullptr;
    int64_t bytes = 0;
    bool written = false;
  };
  dnnl::primitive primitive_;
  std::vector<Slot> slots_;
  std::vector<dnnl_exec_arg_t> args_;
};

// A reorder: copies argument 0, described by `from`, to argument 1, described by `to`, and nothing
// else. Argument 2 is its scratchpad, of `scratch_bytes` (often 0). May throw dnnl::error.
DnnlCall DnnlReorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                     int64_t* scratch_bytes);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_DNNL_UTIL_H_
