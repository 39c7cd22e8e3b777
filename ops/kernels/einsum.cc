// An operand is brought to [batch, free, contracted] or [batch, contracted, free], where letters
// that only it has are summed; one batched product; its result is put where the output has it.
#include "ops/kernels/einsum.h"

#include <algorithm>
#include <complex>
#include <utility>

#include "core/status.h"
#include "ops/kernels/accumulate.h"

namespace sluice::kernels {
namespace {

using ops::Plus;
using Labels = absl::InlinedVector<int, 6>;

bool Has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// The size of a label in an operand, 1 where it has none, and the stride of stepping all its
// dimensions together.
int64_t SizeOfLabel(const EinsumOperand& x, int label) {
  for (size_t i = 0; i < x.labels.size(); ++i)
    if (x.labels[i] == label) return x.sizes[i];
  return 1;
}

int64_t StrideOfLabel(const EinsumOperand& x, int label) {
  int64_t stride = 1, total = 0;
  for (size_t i = x.labels.size(); i-- > 0;) {
    if (x.labels[i] == label) total += stride;
    stride *= x.sizes[i];
  }
  return total;
}

int64_t Elements(const EinsumOperand& x) {
  int64_t n = 1;
  for (const int64_t size : x.sizes) n *= size;
  return n;
}

// From x to a dense array of `order`; the other labels of x are summed.
SummedCopy GatherTo(const EinsumOperand& x, const Labels& order) {
  SummedCopy copy;
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    const int64_t size = SizeOfLabel(x, order[i]);
    copy.kept.insert(copy.kept.begin(), {size, StrideOfLabel(x, order[i]), stride});
    stride *= size;
  }
  copy.to_size = stride;
  Labels seen = order;
  for (const int label : x.labels) {
    if (Has(seen, label)) continue;
    seen.push_back(label);
    copy.summed.push_back({SizeOfLabel(x, label), StrideOfLabel(x, label), 0});
  }
  return copy;
}

// From a dense array of `order` to the output, which may have a label twice.
SummedCopy ScatterFrom(const Labels& order, const EinsumOperand& output) {
  SummedCopy copy;
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    const int64_t size = SizeOfLabel(output, order[i]);
    copy.kept.insert(copy.kept.begin(), {size, stride, StrideOfLabel(output, order[i])});
    stride *= size;
  }
  copy.to_size = Elements(output);
  copy.clear = stride != copy.to_size;
  return copy;
}

template <typename T>
T SumOver(const std::vector<SummedCopy::Dim>& dims, size_t d, const T* from) {
  if (d == dims.size()) return *from;
  T sum{};
  for (int64_t i = 0; i < dims[d].size; ++i)
    sum = Plus(sum, SumOver(dims, d + 1, from + i * dims[d].from));
  return sum;
}

template <typename T>
void CopyLevel(const SummedCopy& copy, size_t d, const T* from, T* to) {
  if (d == copy.kept.size()) {
    *to = SumOver(copy.summed, 0, from);
    return;
  }
  const SummedCopy::Dim& dim = copy.kept[d];
  if (d + 1 == copy.kept.size() && copy.summed.empty()) {
    for (int64_t i = 0; i < dim.size; ++i) to[i * dim.to] = from[i * dim.from];
    return;
  }
  for (int64_t i = 0; i < dim.size; ++i)
    CopyLevel(copy, d + 1, from + i * dim.from, to + i * dim.to);
}

template <typename T>
void CopyAll(const SummedCopy& copy, const void* from, void* to) {
  T* result = static_cast<T*>(to);
  if (copy.clear) std::fill(result, result + copy.to_size, T{});
  CopyLevel(copy, 0, static_cast<const T*>(from), result);
}

absl::Status RunCopy(DType dtype, const SummedCopy& copy, const void* from, void* to) {
  return Dispatch<float, double, Half, BFloat16, int32_t, int64_t, std::complex<float>,
                  std::complex<double>>(dtype, [&](auto tag) {
    CopyAll<typename decltype(tag)::type>(copy, from, to);
    return absl::OkStatus();
  });
}

// Which part each label of two operands plays.
struct Parts {
  Labels batch, free_a, free_b, contracted;
};

Parts FindParts(const EinsumOperand& a, const EinsumOperand& b, const EinsumOperand& c) {
  Parts parts;
  Labels seen;
  for (const EinsumOperand* x : {&a, &b}) {
    for (const int label : x->labels) {
      if (Has(seen, label)) continue;
      seen.push_back(label);
      const bool in_a = Has(a.labels, label), in_b = Has(b.labels, label);
      if (Has(c.labels, label)) {
        (in_a && in_b ? parts.batch : in_a ? parts.free_a : parts.free_b).push_back(label);
      } else if (in_a && in_b) {
        parts.contracted.push_back(label);
      }
    }
  }
  return parts;
}

int64_t SizeOfLabels(const EinsumOperand& x, const Labels& labels) {
  int64_t size = 1;
  for (const int label : labels) size *= SizeOfLabel(x, label);
  return size;
}

Labels Joined(std::initializer_list<const Labels*> parts) {
  Labels all;
  for (const Labels* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

int64_t Aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

absl::StatusOr<std::unique_ptr<EinsumPlan>> EinsumPlan::Make(
    DType dtype, const std::vector<EinsumOperand>& inputs, const EinsumOperand& output,
    const std::shared_ptr<MemoryBudget>& budget) {
  auto plan = std::make_unique<EinsumPlan>();
  plan->dtype_ = dtype;
  if (inputs.size() == 1) {
    Labels order;
    for (const int label : output.labels)
      if (!Has(order, label)) order.push_back(label);
    plan->gather_ = {GatherTo(inputs[0], order)};
    plan->scatter_ = ScatterFrom(order, output);
  } else {
    const EinsumOperand &a = inputs[0], &b = inputs[1];
    const Parts parts = FindParts(a, b, output);
    plan->gather_ = {GatherTo(a, Joined({&parts.batch, &parts.free_a, &parts.contracted})),
                     GatherTo(b, Joined({&parts.batch, &parts.contracted, &parts.free_b}))};
    plan->scatter_ = ScatterFrom(Joined({&parts.batch, &parts.free_a, &parts.free_b}), output);
    MatMulGeometry g{.m = SizeOfLabels(a, parts.free_a),
                     .k = SizeOfLabels(a, parts.contracted),
                     .n = SizeOfLabels(b, parts.free_b)};
    for (const int label : parts.batch) {
      g.batch_a.push_back(SizeOfLabel(a, label));
      g.batch_b.push_back(SizeOfLabel(b, label));
      g.batch_c.push_back(SizeOfLabel(output, label));
    }
    SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<MatMul> product,
                            MatMul::Make(dtype, g, {.budget = budget}));
    plan->product_ = std::move(product);
  }
  const auto reserve = [&](int64_t bytes) {
    plan->offsets_.push_back(plan->scratch_bytes_);
    plan->scratch_bytes_ += Aligned(bytes);
  };
  const auto size = static_cast<int64_t>(SizeOf(dtype));
  for (const SummedCopy& copy : plan->gather_) reserve(copy.to_size * size);
  if (plan->product_) {
    int64_t products = 1;
    for (const SummedCopy::Dim& dim : plan->scatter_.kept) products *= dim.size;
    reserve(products * size);
    reserve(plan->product_->scratch_bytes());
  }
  return plan;
}

absl::Status EinsumPlan::Run(const void* a, const void* b, void* c, void* scratch) const {
  char* memory = static_cast<char*>(scratch);
  SLUICE_RETURN_IF_ERROR(RunCopy(dtype_, gather_[0], a, memory + offsets_[0]));
  if (!product_) return RunCopy(dtype_, scatter_, memory + offsets_[0], c);
  SLUICE_RETURN_IF_ERROR(RunCopy(dtype_, gather_[1], b, memory + offsets_[1]));
  SLUICE_RETURN_IF_ERROR(product_->Run({.a = memory + offsets_[0],
                                        .b = memory + offsets_[1],
                                        .c = memory + offsets_[2],
                                        .scratch = memory + offsets_[3]}));
  return RunCopy(dtype_, scatter_, memory + offsets_[2], c);
}

}  // namespace sluice::kernels
