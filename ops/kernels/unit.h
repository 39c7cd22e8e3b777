// Elements by their size alone, for loops that move them and never look inside.
#ifndef SLUICE_OPS_KERNELS_UNIT_H_
#define SLUICE_OPS_KERNELS_UNIT_H_

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "glog/logging.h"

namespace sluice::ops {

// An element of N bytes at any address, whatever its type.
struct __attribute__((packed, may_alias)) Bytes1 {
  uint8_t bits;
};
struct __attribute__((packed, may_alias)) Bytes2 {
  uint16_t bits;
};
struct __attribute__((packed, may_alias)) Bytes4 {
  uint32_t bits;
};
struct __attribute__((packed, may_alias)) Bytes8 {
  uint64_t bits;
};
struct __attribute__((packed, may_alias)) Bytes16 {
  uint64_t bits[2];
};

// Calls f(TypeTag<E>{}) with the unit type of `size` bytes, or the element type itself when it is
// not trivial.
template <typename F>
void DispatchUnit(DType dtype, int64_t size, F f) {
  if (dtype == DType::kString) return f(TypeTag<std::string>{});
  if (dtype == DType::kResource) return f(TypeTag<ResourceRef>{});
  switch (size) {
    case 1:
      return f(TypeTag<Bytes1>{});
    case 2:
      return f(TypeTag<Bytes2>{});
    case 4:
      return f(TypeTag<Bytes4>{});
    case 8:
      return f(TypeTag<Bytes8>{});
    case 16:
      return f(TypeTag<Bytes16>{});
    default:
      LOG(FATAL) << "no elements of " << size << " bytes: " << DTypeName(dtype);
  }
}

template <typename F>
void DispatchUnit(DType dtype, F f) {
  DispatchUnit(dtype, static_cast<int64_t>(SizeOf(dtype)), f);
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_UNIT_H_
