// Sets of element types that schemas allow and kernels of arithmetic lack.
#ifndef SLUICE_OPS_DTYPE_SETS_H_
#define SLUICE_OPS_DTYPE_SETS_H_

#include <vector>

#include "core/dtype.h"

namespace sluice::ops {

// Of a schema's "numbertype": without arithmetic.
inline std::vector<DType> QuantizedNumbers() {
  return {DType::kQint8, DType::kQuint8, DType::kQint32};
}

// Of a schema's "type": neither numbers nor bools nor strings.
inline std::vector<DType> NeitherNumbersNorStrings() {
  return {DType::kQint8,   DType::kQuint8,   DType::kQint32, DType::kQint16,
          DType::kQuint16, DType::kResource, DType::kVariant};
}

// Of a schema's "numbertype": not floating.
inline std::vector<DType> NotFloatingNumbers() {
  return {DType::kInt8,   DType::kInt16,  DType::kInt32,  DType::kInt64,     DType::kUint8,
          DType::kUint16, DType::kUint32, DType::kUint64, DType::kComplex64, DType::kComplex128,
          DType::kQint8,  DType::kQuint8, DType::kQint32};
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DTYPE_SETS_H_
