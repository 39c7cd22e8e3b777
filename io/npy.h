// numpy's .npy files: one array each. Format: numpy/lib/format.py (a magic number, a version, a
// Python dict literal, the raw elements).
#ifndef SLUICE_IO_NPY_H_
#define SLUICE_IO_NPY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice {

// Reads format versions 1.0, 2.0 and 3.0. Fortran order is transposed and big-endian numbers are
// swapped: the tensor is always row-major. Dtypes: bool, (u)int8..64, float16/32/64, complex64/128.
// NotFound; InvalidArgument, naming the file and what is wrong, for a malformed header or when the
// size of the file is not exactly what the header says; Unimplemented for an element type that has
// no tensor (strings, objects, records, long double).
absl::StatusOr<Tensor> ReadNpy(
    FileSystem& fs, const std::string& path,
    const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());

// Writes version 1.0 in row-major order, replacing the file atomically. bfloat16, which numpy
// lacks, becomes float32; quantized types become the integers that they are stored as.
// Unimplemented for strings and resources.
absl::Status WriteNpy(FileSystem& fs, const std::string& path, const Tensor& tensor);

// --- For files that hold .npy files (npz.h) ---

// Fetches the next `count` bytes; an error when there are fewer.
using NextBytes = std::function<absl::Status(int64_t count, char* out)>;

// What a .npy file says before its elements.
struct NpyArray {
  DType dtype = DType::kInvalid;
  TensorShape shape;
  bool big_endian = false;
  bool fortran_order = false;
  int64_t offset = 0;  // of the elements, bytes
};
// The header of a .npy file of `size` bytes; the elements come next, and are exactly the rest.
absl::StatusOr<NpyArray> ReadNpyHeader(int64_t size, const NextBytes& next);
// The elements after it.
absl::StatusOr<Tensor> ReadNpyElements(const NpyArray& array, const NextBytes& next,
                                       const std::shared_ptr<MemoryBudget>& budget);

// What goes before the elements of a row-major array. Unimplemented for a dtype that numpy does not
// have: here bfloat16 and quantized types, too, have no stand-in.
absl::StatusOr<std::string> MakeNpyHeader(DType dtype, const TensorShape& shape);

}  // namespace sluice

#endif  // SLUICE_IO_NPY_H_
