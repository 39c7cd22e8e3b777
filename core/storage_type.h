// How elements of quantized types lie in memory.
#ifndef SLUICE_CORE_STORAGE_TYPE_H_
#define SLUICE_CORE_STORAGE_TYPE_H_

#include "core/dtype.h"

namespace sluice {

// The type whose C++ type stores the elements of `dtype`: the integer of the same width for a
// quantized type, `dtype` itself for all others.
DType StorageType(DType dtype);

}  // namespace sluice

#endif  // SLUICE_CORE_STORAGE_TYPE_H_
