#include "core/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

// Null when the system refuses.
void* AllocateAligned(int64_t bytes) {
  const bool huge = bytes >= kHugePage;
  void* data = nullptr;
  // At least one byte, so that an empty buffer has an address too.
  const size_t size = bytes > 0 ? static_cast<size_t>(bytes) : 1;
  if (posix_memalign(&data, huge ? kHugePage : kBufferAlignment, size) != 0) return nullptr;
  if (huge) madvise(data, size, MADV_HUGEPAGE);  // advice only: a refusal costs speed
  return data;
}

void ConstructElements(DType dtype, void* data, int64_t count) {
  if (dtype == DType::kString) {
    std::uninitialized_value_construct_n(static_cast<std::string*>(data), count);
  } else if (dtype == DType::kResource) {
    std::uninitialized_value_construct_n(static_cast<ResourceRef*>(data), count);
  }
}

void DestroyElements(DType dtype, void* data, int64_t count) {
  if (dtype == DType::kString) {
    std::destroy_n(static_cast<std::string*>(data), count);
  } else if (dtype == DType::kResource) {
    std::destroy_n(static_cast<ResourceRef*>(data), count);
  }
}

absl::Status RefusedBySystem(int64_t bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the system refused ", bytes, " bytes of memory"));
}

}  // namespace

absl::Status MemoryBudget::Reserve(int64_t bytes) {
  CHECK_GE(bytes, 0);
  int64_t held = held_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit() - held) {
      return absl::ResourceExhaustedError(absl::StrCat("memory limit reached: asked for ", bytes,
                                                       " bytes, ", held, " held, limit ", limit()));
    }
  } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
  return absl::OkStatus();
}

const std::shared_ptr<MemoryBudget>& MemoryBudget::Process() {
  // Never destroyed: tensors with static storage may outlive everything else.
  static const auto& budget = *new std::shared_ptr<MemoryBudget>(new MemoryBudget(DefaultLimit()));
  return budget;
}

int64_t MemoryBudget::DefaultLimit() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  CHECK(pages > 0 && page_bytes > 0) << "the system does not tell its memory size";
  return pages / 5 * 4 * page_bytes;
}

absl::StatusOr<BufferRef> Buffer::Make(DType dtype, int64_t count,
                                       const std::shared_ptr<MemoryBudget>& budget) {
  const auto element = static_cast<int64_t>(SizeOf(dtype));
  if (element == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor cannot hold elements of type ", DTypeName(dtype)));
  }
  int64_t bytes = 0;
  if (count < 0 || __builtin_mul_overflow(count, element, &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " elements of ", DTypeName(dtype), " are not a possible buffer size"));
  }
  SLUICE_RETURN_IF_ERROR(budget->Reserve(bytes));
  Buffer* buffer = new (std::nothrow) Buffer;
  if (buffer == nullptr) {
    budget->Release(bytes);
    return RefusedBySystem(sizeof(Buffer));
  }
  BufferRef ref(buffer);  // from here on its destructor undoes what was done
  buffer->bytes_ = bytes;
  buffer->budget_ = budget;
  buffer->data_ = AllocateAligned(bytes);
  if (buffer->data_ == nullptr) return RefusedBySystem(bytes);
  buffer->dtype_ = dtype;
  buffer->count_ = count;
  ConstructElements(dtype, buffer->data_, count);
  return ref;
}

void Buffer::SetNewVersion() {
  static std::atomic<uint64_t> last{0};
  version_.store(last.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_release);
}

Buffer::~Buffer() {
  DestroyElements(dtype_, data_, count_);
  std::free(data_);
  if (budget_ != nullptr) budget_->Release(bytes_);
}

}  // namespace sluice
