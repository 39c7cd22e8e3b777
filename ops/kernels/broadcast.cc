#include "ops/kernels/broadcast.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/memory.h"
#include "core/threads.h"

namespace sluice::kernels {
namespace {

// Rows shorter than this are computed several at a time, from copies in which repeated operands are
// written out.
constexpr int64_t kShortRow = 32;
constexpr int64_t kBlockBytes = 4096;  // of one such copy

int64_t DimFromEnd(const TensorShape& shape, int i) {
  return i < shape.rank() ? shape.dim(-1 - i) : 1;
}

// Writes each of `count` elements `repeats` times.
template <typename T>
void RepeatEach(const char* from, int64_t step, int64_t count, int64_t repeats, char* to) {
  T* out = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) {
    T value;
    memcpy(&value, from + i * step, sizeof(T));
    for (int64_t k = 0; k < repeats; ++k) *out++ = value;
  }
}

struct Bytes16 {
  uint64_t half[2];
};

void RepeatElement(int64_t size, const char* from, int64_t repeats, char* to) {
  switch (size) {
    case 1:
      return RepeatEach<uint8_t>(from, 0, 1, repeats, to);
    case 2:
      return RepeatEach<uint16_t>(from, 0, 1, repeats, to);
    case 4:
      return RepeatEach<uint32_t>(from, 0, 1, repeats, to);
    case 8:
      return RepeatEach<uint64_t>(from, 0, 1, repeats, to);
    default:
      return RepeatEach<Bytes16>(from, 0, 1, repeats, to);
  }
}

}  // namespace

// A position in the outer loops, with the operands' offsets in elements.
class BroadcastBinary::Walk {
 public:
  Walk(const BroadcastBinary& plan, int64_t row) : loops_(plan.outer_) {
    index_.resize(loops_.size());
    for (int i = static_cast<int>(loops_.size()) - 1; i >= 0; --i) {
      index_[i] = row % loops_[i].size;
      row /= loops_[i].size;
      x += index_[i] * loops_[i].step_x;
      y += index_[i] * loops_[i].step_y;
    }
  }
  void Next() {
    for (int i = static_cast<int>(loops_.size()) - 1; i >= 0; --i) {
      x += loops_[i].step_x;
      y += loops_[i].step_y;
      if (++index_[i] < loops_[i].size) return;
      x -= loops_[i].size * loops_[i].step_x;
      y -= loops_[i].size * loops_[i].step_y;
      index_[i] = 0;
    }
  }
  int64_t x = 0, y = 0;

 private:
  const absl::InlinedVector<Loop, 6>& loops_;
  absl::InlinedVector<int64_t, 6> index_;
};

BroadcastBinary::BroadcastBinary(const BinaryKernel& kernel, DType input, DType output,
                                 const TensorShape& x, const TensorShape& y)
    : kernel_(kernel),
      input_size_(static_cast<int64_t>(SizeOf(input))),
      output_size_(static_cast<int64_t>(SizeOf(output))) {
  int64_t size_x = 1, size_y = 1;  // of the dimensions so far: the step of the next one
  int64_t total = 1;
  absl::InlinedVector<Loop, 6> loops;  // innermost first
  for (int i = 0; i < std::max(x.rank(), y.rank()); ++i) {
    const int64_t dim_x = DimFromEnd(x, i), dim_y = DimFromEnd(y, i);
    const int64_t dim = dim_x == 1 ? dim_y : dim_x;
    total *= dim;
    if (dim != 1) {
      const Loop loop{dim, dim_x == 1 ? 0 : size_x, dim_y == 1 ? 0 : size_y};
      if (!loops.empty() && (loops.back().step_x == 0) == (loop.step_x == 0) &&
          (loops.back().step_y == 0) == (loop.step_y == 0)) {
        loops.back().size *= dim;
      } else {
        loops.push_back(loop);
      }
    }
    size_x *= dim_x;
    size_y *= dim_y;
  }
  if (total == 0) {
    inner_.size = 0;
  } else if (!loops.empty()) {
    inner_ = loops.front();
    outer_.assign(loops.rbegin(), loops.rend() - 1);
  }
  rows_ = 1;
  for (const Loop& loop : outer_) rows_ *= total == 0 ? 0 : loop.size;
  if (total == 0) outer_.clear();
  inner_run_ = inner_.size == 1     ? kernel_.vv
               : inner_.step_x == 0 ? kernel_.sv
               : inner_.step_y == 0 ? kernel_.vs
                                    : kernel_.vv;
  short_rows_ = rows_ > 1 && inner_.size < kShortRow && IsTriviallyCopyable(input);
}

bool BroadcastBinary::Run(const void* x, const void* y, void* z) const {
  const char* from_x = static_cast<const char*>(x);
  const char* from_y = static_cast<const char*>(y);
  char* to = static_cast<char*>(z);
  if (rows_ == 1) return RunFlat(from_x, from_y, to);
  // A few long rows: each in parallel. Many rows: several at a time.
  const int64_t grain = GrainFor(kernel_.cost * static_cast<double>(inner_.size) + 3);
  std::atomic<bool> ok = true;
  ParallelFor(rows_, grain, [&](int64_t begin, int64_t end) {
    const bool done = short_rows_ ? RunShortRows(from_x, from_y, to, begin, end)
                                  : RunRows(from_x, from_y, to, begin, end);
    if (!done) ok.store(false, std::memory_order_relaxed);
  });
  return ok;
}

bool BroadcastBinary::RunFlat(const char* x, const char* y, char* z) const {
  const int64_t grain = GrainFor(kernel_.cost);
  if (inner_.size <= grain) return inner_run_(x, y, z, inner_.size);
  std::atomic<bool> ok = true;
  ParallelFor(inner_.size, grain, [&](int64_t begin, int64_t end) {
    if (!inner_run_(x + begin * inner_.step_x * input_size_,
                    y + begin * inner_.step_y * input_size_, z + begin * output_size_, end - begin))
      ok.store(false, std::memory_order_relaxed);
  });
  return ok;
}

bool BroadcastBinary::RunRows(const char* x, const char* y, char* z, int64_t begin,
                              int64_t end) const {
  Walk walk(*this, begin);
  bool ok = true;
  for (int64_t row = begin; row < end; ++row, walk.Next()) {
    ok &= inner_run_(x + walk.x * input_size_, y + walk.y * input_size_,
                     z + row * inner_.size * output_size_, inner_.size);
  }
  return ok;
}

// Writes out `rows` rows of one operand, from where the walk stands.
void BroadcastBinary::Expand(bool of_y, const Walk& from, const char* data, int64_t rows,
                             char* to) const {
  Walk walk = from;
  const int64_t row_bytes = inner_.size * input_size_;
  for (int64_t row = 0; row < rows; ++row, walk.Next(), to += row_bytes) {
    const char* element = data + (of_y ? walk.y : walk.x) * input_size_;
    if ((of_y ? inner_.step_y : inner_.step_x) == 0) {
      RepeatElement(input_size_, element, inner_.size, to);
    } else {
      memcpy(to, element, row_bytes);
    }
  }
}

bool BroadcastBinary::RunShortRows(const char* x, const char* y, char* z, int64_t begin,
                                   int64_t end) const {
  alignas(kBufferAlignment) char copies[2][kBlockBytes];
  const char* const data[2] = {x, y};
  bool dense[2], same_rows[2];  // no repetition anywhere; every row equal
  for (int k = 0; k < 2; ++k) {
    auto step = [k](const Loop& loop) { return k ? loop.step_y : loop.step_x; };
    dense[k] = step(inner_) != 0;
    same_rows[k] = true;
    for (const Loop& loop : outer_) {
      dense[k] &= step(loop) != 0;
      same_rows[k] &= step(loop) == 0;
    }
  }
  const int64_t row_bytes = inner_.size * input_size_;
  const int64_t block = std::max<int64_t>(1, kBlockBytes / row_bytes);
  const bool walks = !(dense[0] || same_rows[0]) || !(dense[1] || same_rows[1]);
  Walk walk(*this, begin);
  bool ok = true;
  for (int64_t row = begin; row < end; row += block) {
    const int64_t rows = std::min(block, end - row);
    const char* operands[2];
    for (int k = 0; k < 2; ++k) {
      operands[k] = dense[k] ? data[k] + row * row_bytes : copies[k];
      if (!dense[k] && (!same_rows[k] || row == begin))
        Expand(k == 1, walk, data[k], rows, copies[k]);
    }
    ok &= kernel_.vv(operands[0], operands[1], z + row * inner_.size * output_size_,
                     rows * inner_.size);
    for (int64_t i = 0; walks && i < rows; ++i) walk.Next();
  }
  return ok;
}

}  // namespace sluice::kernels
