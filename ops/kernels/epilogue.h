// What is done to sums before they are stored: a bias, a residual and an activation, while the
// sums are still in the cache.
#ifndef SLUICE_OPS_KERNELS_EPILOGUE_H_
#define SLUICE_OPS_KERNELS_EPILOGUE_H_

#include <cstdint>

namespace sluice::kernels {

// c = f(c + bias + residual), each part where asked for. The functions are those of
// kernels/activations.h and kernels/unary_math.h: the results are, bit for bit, what BiasAdd, Add
// and the activation would give one after another. (oneDNN's post-ops are not used for it: they
// turn NaN into 0 and round otherwise. The pass costs 1 % of a product with 1,024 terms.)
struct Epilogue {
  enum class Function { kNone, kRelu, kRelu6, kLeakyRelu, kElu, kTanh, kSigmoid };
  bool bias = false;      // one number per column
  bool residual = false;  // one number per element
  Function function = Function::kNone;
  float alpha = 0.2f;  // of kLeakyRelu

  bool empty() const { return !bias && !residual && function == Function::kNone; }
};

// Rows of numbers in row-major order, `stride` elements from row to row. What the epilogue does
// not ask for may be null.
template <typename T>
struct EpilogueRows {
  T* c = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;
  const T* bias = nullptr;      // [columns]
  const T* residual = nullptr;  // laid out like c
};

// On the calling thread. float and double.
template <typename T>
void Finish(const Epilogue& epilogue, const EpilogueRows<T>& rows);

// In parallel, over the rows or, where they are few, over the columns.
template <typename T>
void FinishInParallel(const Epilogue& epilogue, const EpilogueRows<T>& rows);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_EPILOGUE_H_
