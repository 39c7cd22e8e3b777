// Memory of tensors: aligned, reference-counted buffers, every byte of which is asked of a budget
// first.
#ifndef SLUICE_CORE_MEMORY_H_
#define SLUICE_CORE_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"

namespace sluice {

inline constexpr size_t kBufferAlignment = 64;  // bytes: a cache line, an AVX-512 register

// How many bytes may be held at once. Thread-safe. Shared by a session and every buffer that it
// made.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit_bytes) : limit_(limit_bytes) {}
  // ResourceExhausted, with asked, held and limit, when the limit would be passed.
  absl::Status Reserve(int64_t bytes);
  void Release(int64_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }
  int64_t held() const { return held_.load(std::memory_order_relaxed); }
  int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // What is held stays held, also above the new limit.
  void set_limit(int64_t limit_bytes) { limit_.store(limit_bytes, std::memory_order_relaxed); }

  // The process-wide budget of tensors made outside a session: no limit but 80 % of physical
  // memory.
  static const std::shared_ptr<MemoryBudget>& Process();
  static int64_t DefaultLimit();  // 80 % of physical memory, bytes

 private:
  std::atomic<int64_t> limit_;
  std::atomic<int64_t> held_{0};
};

// A block of memory for `count` elements of one dtype. Elements with constructors (strings,
// resources) are constructed and destroyed by the buffer; others are left uninitialized.
// Intrusively counted: copying a BufferRef never allocates.
class Buffer {
 public:
  // ResourceExhausted when the budget or the system refuses, InvalidArgument for a negative or
  // overflowing size or a type that a tensor cannot hold. From 2 MiB on the block is aligned to 2
  // MiB and asks for huge pages.
  static absl::StatusOr<class BufferRef> Make(DType dtype, int64_t count,
                                              const std::shared_ptr<MemoryBudget>& budget);
  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  DType dtype() const { return dtype_; }
  bool unique() const { return refs_.load(std::memory_order_acquire) == 1; }
  // Equal nonzero versions: equal contents, in whatever buffers. 0: may change at any time.
  // Whoever writes a buffer that has a version gives it a new one.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void SetNewVersion();

 private:
  friend class BufferRef;
  Buffer() = default;
  ~Buffer();
  void* data_ = nullptr;
  int64_t bytes_ = 0;
  int64_t count_ = 0;
  DType dtype_ = DType::kInvalid;
  std::shared_ptr<MemoryBudget> budget_;
  std::atomic<int32_t> refs_{0};
  std::atomic<uint64_t> version_{0};
};

// A counted pointer to a Buffer.
class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* b) : buffer_(b) { Ref(); }
  BufferRef(const BufferRef& o) : buffer_(o.buffer_) { Ref(); }
  BufferRef(BufferRef&& o) noexcept : buffer_(std::exchange(o.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef o) noexcept {
    std::swap(buffer_, o.buffer_);
    return *this;
  }
  ~BufferRef() { Unref(); }
  Buffer* get() const { return buffer_; }
  Buffer* operator->() const { return buffer_; }
  explicit operator bool() const { return buffer_ != nullptr; }

 private:
  void Ref() {
    if (buffer_) buffer_->refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void Unref() {
    if (buffer_ && buffer_->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete buffer_;
  }
  Buffer* buffer_ = nullptr;
};

}  // namespace sluice

#endif  // SLUICE_CORE_MEMORY_H_
