#include "ops/kernels/dnnl_util.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#if defined(__SANITIZE_THREAD__)
#define SLUICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TSAN 1
#endif
#endif

// oneDNN is not instrumented, so the thread sanitizer is told what a primitive touches.
#ifdef SLUICE_TSAN
extern "C" void __tsan_read_range(void* address, unsigned long size);   // NOLINT
extern "C" void __tsan_write_range(void* address, unsigned long size);  // NOLINT
#endif

namespace sluice::kernels {
namespace {

absl::Status FromDnnl(dnnl_status_t status, const std::string& what) {
  switch (status) {
    case dnnl_success:
      return absl::OkStatus();
    case dnnl_unimplemented:
      return absl::UnimplementedError(absl::StrCat("oneDNN has no implementation: ", what));
    case dnnl_out_of_memory:
      return absl::ResourceExhaustedError(absl::StrCat("oneDNN ran out of memory: ", what));
    default:
      return absl::InternalError(
          absl::StrCat("oneDNN status ", static_cast<int>(status), ": ", what));
  }
}

dnnl::stream& ThreadStream() {
  thread_local dnnl::stream stream(DnnlEngine());
  return stream;
}

}  // namespace

const dnnl::engine& DnnlEngine() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

absl::Status DnnlError() {
  try {
    throw;
  } catch (const dnnl::error& e) {
    return FromDnnl(e.status, e.message);
  }
}

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

DnnlCall::DnnlCall(dnnl::primitive primitive, absl::Span<const Argument> arguments)
    : primitive_(std::move(primitive)) {
  for (const Argument& a : arguments) {
    Slot slot{.bytes = static_cast<int64_t>(a.desc.get_size()), .written = a.written};
    if (slot.bytes > 0) {
      slot.memory = dnnl::memory(a.desc, DnnlEngine(), DNNL_MEMORY_NONE);
      args_.push_back({a.arg, slot.memory.get()});
    }
    slots_.push_back(std::move(slot));
  }
}

void DnnlCall::Set(int i, void* data) {
  Slot& slot = slots_[i];
  if (slot.bytes == 0 || slot.data == data) return;
  slot.data = data;
  dnnl_memory_set_data_handle(slot.memory.get(), data);
}

absl::Status DnnlCall::Execute() {
#ifdef SLUICE_TSAN
  for (const Slot& s : slots_) {
    if (s.bytes > 0 && s.written) __tsan_write_range(s.data, s.bytes);
    if (s.bytes > 0 && !s.written) __tsan_read_range(s.data, s.bytes);
  }
#endif
  dnnl::stream& stream = ThreadStream();
  const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), stream.get(),
                                                      static_cast<int>(args_.size()), args_.data());
  if (status != dnnl_success) return FromDnnl(status, "execute");
  return FromDnnl(dnnl_stream_wait(stream.get()), "wait");
}

DnnlCall DnnlReorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                     int64_t* scratch_bytes) {
  const dnnl::reorder::primitive_desc pd(DnnlEngine(), from, DnnlEngine(), to, UserScratchpad());
  const dnnl::memory::desc scratch = pd.scratchpad_desc();
  *scratch_bytes = static_cast<int64_t>(scratch.get_size());
  return DnnlCall(dnnl::reorder(pd), {{DNNL_ARG_FROM, from, false},
                                      {DNNL_ARG_TO, to, true},
                                      {DNNL_ARG_SCRATCHPAD, scratch, true}});
}

}  // namespace sluice::kernels
