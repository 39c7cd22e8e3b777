// Making and comparing tensors in tests.
#ifndef SLUICE_TESTS_TESTING_CORE_TENSORS_H_
#define SLUICE_TESTS_TESTING_CORE_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "gtest/gtest.h"

namespace sluice {

// got is close to want when |got - want| <= atol + rtol * |want|. Negative: the dtype's default,
// see DefaultTolerance().
struct Tolerance {
  double rtol = -1;
  double atol = -1;
};

// rtol and atol for results of a few rounded operations on values near 1: float 1e-5, double 1e-12,
// half 4e-3, bfloat16 3e-2, complex as its parts, 0 for everything else.
Tolerance DefaultTolerance(DType dtype);

// Same dtype and shape, elements close. NaN is close to NaN only, an infinity to the same infinity
// only. Integers, bools and strings must be equal whatever the tolerance. The failure lists the
// first wrong elements.
::testing::AssertionResult IsClose(const Tensor& got, const Tensor& want, Tolerance tolerance = {});
// EXPECT_TRUE(IsClose(...)) with `what` in the failure.
void ExpectClose(const Tensor& got, const Tensor& want, Tolerance tolerance = {},
                 const std::string& what = "");

// Elements of a real tensor (bool counts: 0, 1) as doubles; int64 values past 2^53 are rounded.
std::vector<double> ToDoubles(const Tensor& t);
// The other way: each value converted to `dtype` by C++'s rules (REQUIRES that it fits). Real
// dtypes and bool.
Tensor FromDoubles(DType dtype, const TensorShape& shape, const std::vector<double>& values);

// Uniform numbers in [low, high): whole ones for integers; false and true for bool; both parts for
// complex types. The same seed gives the same numbers on every machine.
Tensor RandomTensor(DType dtype, const TensorShape& shape, uint64_t seed = 1, double low = -1,
                    double high = 1);

// Distinct values in random order, evenly spaced over [low, high], ends included: for maxima,
// sorting and kinks, where a small step must not change the winner. Real floating dtypes.
Tensor LadderTensor(DType dtype, const TensorShape& shape, uint64_t seed = 1, double low = -1,
                    double high = 1);

// `t` with every element that is nearer than `distance` to one of `kinks` moved that far away from
// it, on its own side.
Tensor MovedOff(const Tensor& t, const std::vector<double>& kinks, double distance = 0.05);

// Dtypes that ops are commonly swept over.
inline const std::vector<DType> kFloatDTypes = {DType::kFloat, DType::kDouble};
inline const std::vector<DType> kSignedIntegerDTypes = {DType::kInt8, DType::kInt16, DType::kInt32,
                                                        DType::kInt64};
inline const std::vector<DType> kIntegerDTypes = {DType::kInt8,   DType::kInt16, DType::kInt32,
                                                  DType::kInt64,  DType::kUint8, DType::kUint16,
                                                  DType::kUint32, DType::kUint64};
inline const std::vector<DType> kFloatAndIndexDTypes = {DType::kFloat, DType::kDouble,
                                                        DType::kInt32, DType::kInt64};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_CORE_TENSORS_H_
