// A small matrix product whose operands lie scattered in memory: patches of an image are multiplied
// where they are, without being copied together first.
#ifndef SLUICE_OPS_KERNELS_INDEXED_PRODUCT_H_
#define SLUICE_OPS_KERNELS_INDEXED_PRODUCT_H_

#include <cstdint>

namespace sluice::kernels {

//   c[c_row[r] + j] = sum over i < steps of  a[a_row[r] + a_step[i]] * b[b_step[i] + j]
//
// for r < rows, j < columns. Every table has an entry per row or per step, counted in elements.
// Columns are neighbours in b and c; c is apart from a and b. No steps: zeros.
template <typename T>
struct IndexedProduct {
  int64_t rows = 0, columns = 0, steps = 0;
  const int64_t *a_row = nullptr, *a_step = nullptr;
  const int64_t* b_step = nullptr;
  const int64_t* c_row = nullptr;
  const T* a = nullptr;
  const T* b = nullptr;
  T* c = nullptr;
};

// On the calling thread; allocates nothing. An element's sum is made in the order of the steps,
// the same whichever rows are computed with it. float and double.
template <typename T>
void Multiply(const IndexedProduct<T>& p);

// to[j * pitch + i] = from[rows[i] + j] for i < count, j < width. Writes up to the next multiple of
// PacketSize<T>() columns of `to` (at most `pitch`, which is such a multiple): the rest is noise.
template <typename T>
void TransposeRows(const T* from, const int64_t* rows, int64_t count, int64_t width, T* to,
                   int64_t pitch);

// Numbers in a register.
template <typename T>
int64_t PacketSize();

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_INDEXED_PRODUCT_H_
