#include "ops/kernels/select.h"

#include <string>

namespace sluice::kernels {
namespace {

struct Bytes16 {
  uint64_t half[2];
};

template <typename T>
void Select(const bool* condition, int64_t condition_step, const void* from_t, int64_t t_step,
            const void* from_e, int64_t e_step, void* to, int64_t n) {
  const T* t = static_cast<const T*>(from_t);
  const T* e = static_cast<const T*>(from_e);
  T* out = static_cast<T*>(to);
  if (condition_step == 1 && t_step == 1 && e_step == 1) {
    for (int64_t i = 0; i < n; ++i) {
      const T x = t[i], y = e[i];  // both loaded: no branch
      out[i] = condition[i] ? x : y;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = condition[i * condition_step] ? t[i * t_step] : e[i * e_step];
    }
  }
}

}  // namespace

void SelectElements(DType dtype, const bool* condition, int64_t condition_step, const void* t,
                    int64_t t_step, const void* e, int64_t e_step, void* to, int64_t n) {
  auto run = [&](auto select) { select(condition, condition_step, t, t_step, e, e_step, to, n); };
  if (dtype == DType::kString) return run(Select<std::string>);
  if (dtype == DType::kResource) return run(Select<ResourceRef>);
  switch (SizeOf(dtype)) {
    case 1:
      return run(Select<uint8_t>);
    case 2:
      return run(Select<uint16_t>);
    case 4:
      return run(Select<uint32_t>);
    case 8:
      return run(Select<uint64_t>);
    default:
      return run(Select<Bytes16>);
  }
}

}  // namespace sluice::kernels
