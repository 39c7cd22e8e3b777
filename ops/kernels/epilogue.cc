#include "ops/kernels/epilogue.h"

#include <algorithm>

#include "core/dtype.h"
#include "core/threads.h"
#include "ops/kernels/activations.h"
#include "ops/kernels/unary_math.h"

namespace sluice::kernels {
namespace {

using Function = Epilogue::Function;

constexpr int64_t kPiece = 2048;  // elements that stay in the first cache from pass to pass

template <typename T>
void Add(const T* bias, const T* residual, T* c, int64_t n) {
  if (bias != nullptr && residual != nullptr) {
    for (int64_t j = 0; j < n; ++j) c[j] = c[j] + bias[j] + residual[j];
  } else if (bias != nullptr) {
    for (int64_t j = 0; j < n; ++j) c[j] += bias[j];
  } else if (residual != nullptr) {
    for (int64_t j = 0; j < n; ++j) c[j] += residual[j];
  }
}

template <typename T>
void Unary(UnaryFunction function, T* c, int64_t n) {
  static const UnaryRun run[] = {FindUnary(UnaryFunction::kTanh, DTypeOf<T>::value).run,
                                 FindUnary(UnaryFunction::kSigmoid, DTypeOf<T>::value).run};
  run[function == UnaryFunction::kTanh ? 0 : 1](c, c, n);
}

template <typename T>
void Apply(const Epilogue& e, T* c, int64_t n) {
  switch (e.function) {
    case Function::kNone:
      return;
    case Function::kRelu:
      return Activate(Activation::kRelu, 0, c, c, n);
    case Function::kRelu6:
      return Activate(Activation::kRelu6, 0, c, c, n);
    case Function::kLeakyRelu:
      return Activate(Activation::kLeakyRelu, e.alpha, c, c, n);
    case Function::kElu:
      return Activate(Activation::kElu, 0, c, c, n);
    case Function::kTanh:
      return Unary(UnaryFunction::kTanh, c, n);
    case Function::kSigmoid:
      return Unary(UnaryFunction::kSigmoid, c, n);
  }
}

// Nanoseconds per element, about.
double Cost(const Epilogue& e) {
  return e.function == Function::kTanh || e.function == Function::kSigmoid ||
                 e.function == Function::kElu
             ? 1
             : 0.1;
}

// Columns [begin, end).
template <typename T>
EpilogueRows<T> Columns(const EpilogueRows<T>& r, int64_t begin, int64_t end) {
  EpilogueRows<T> part = r;
  part.c += begin;
  part.columns = end - begin;
  if (part.bias != nullptr) part.bias += begin;
  if (part.residual != nullptr) part.residual += begin;
  return part;
}

template <typename T>
EpilogueRows<T> Rows(const EpilogueRows<T>& r, int64_t begin, int64_t end) {
  EpilogueRows<T> part = r;
  part.c += begin * r.stride;
  part.rows = end - begin;
  if (part.residual != nullptr) part.residual += begin * r.stride;
  return part;
}

}  // namespace

template <typename T>
void Finish(const Epilogue& e, const EpilogueRows<T>& r) {
  if (e.empty()) return;
  const T* bias = e.bias ? r.bias : nullptr;
  for (int64_t row = 0; row < r.rows; ++row) {
    T* const c = r.c + row * r.stride;
    const T* residual = e.residual ? r.residual + row * r.stride : nullptr;
    for (int64_t j = 0; j < r.columns; j += kPiece) {
      const int64_t n = std::min(kPiece, r.columns - j);
      Add(bias ? bias + j : nullptr, residual ? residual + j : nullptr, c + j, n);
      Apply(e, c + j, n);
    }
  }
}

template <typename T>
void FinishInParallel(const Epilogue& e, const EpilogueRows<T>& r) {
  if (e.empty()) return;
  constexpr int64_t kFewRows = 8, kLine = 64 / sizeof(T);
  if (r.rows >= kFewRows) {
    const int64_t grain = GrainFor(Cost(e) * static_cast<double>(r.columns));
    ParallelFor(r.rows, grain, [&](int64_t begin, int64_t end) { Finish(e, Rows(r, begin, end)); });
    return;
  }
  const int64_t lines = (r.columns + kLine - 1) / kLine;
  ParallelFor(lines, GrainFor(Cost(e) * static_cast<double>(r.rows * kLine)),
              [&](int64_t begin, int64_t end) {
                Finish(e, Columns(r, begin * kLine, std::min(end * kLine, r.columns)));
              });
}

template void Finish<float>(const Epilogue&, const EpilogueRows<float>&);
template void Finish<double>(const Epilogue&, const EpilogueRows<double>&);
template void FinishInParallel<float>(const Epilogue&, const EpilogueRows<float>&);
template void FinishInParallel<double>(const Epilogue&, const EpilogueRows<double>&);

}  // namespace sluice::kernels
