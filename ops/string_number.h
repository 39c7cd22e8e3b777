// Numbers to strings and back.
#ifndef SLUICE_OPS_STRING_NUMBER_H_
#define SLUICE_OPS_STRING_NUMBER_H_

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct AsStringOptions {
  int64_t precision = -1;   // digits behind the point; floating and complex only. -1: 6
  bool scientific = false;  // 1.500000e+00
  bool shortest = false;    // 1.5 or 1e+20, whichever is shorter (%g)
  int64_t width = -1;       // at least so many characters
  std::string fill = "";    // printf's flag before the width: "0", " ", "-", "+", "#"
};
// Every element printed: "1.500000", "-3", "true", "(1.000000,2.000000)". int8, int16, int32,
// int64, complex, float, double, bool. InvalidArgument for options that the dtype does not have.
Output AsString(At at, Output input, const AsStringOptions& options = {});

// The numbers that the strings spell: float, double, int32, int64. White space around them is
// ignored; "inf", "nan" and "0x1f" are read as floats. InvalidArgument "StringToNumberOp could not
// correctly convert string: abc".
Output StringToNumber(At at, Output string_tensor, DType out_type = DType::kFloat);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_NUMBER_H_
