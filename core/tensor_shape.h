// The shape of a tensor, known, partly known or unknown.
#ifndef SLUICE_CORE_TENSOR_SHAPE_H_
#define SLUICE_CORE_TENSOR_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sluice {

// Limits of every tensor (and so of every fully defined shape that came through Check()).
inline constexpr int kMaxRank = 254;
inline constexpr int64_t kMaxElements = int64_t{1} << 40;

// A list of dimensions, -1 for an unknown one; or unknown rank. A cheap value (no heap up to rank
// 6). A default-constructed shape is the scalar's: rank 0.
class TensorShape {
 public:
  TensorShape() = default;
  TensorShape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit TensorShape(absl::Span<const int64_t> dims) : dims_(dims.begin(), dims.end()) {}
  static TensorShape Unknown();         // unknown rank
  static TensorShape OfRank(int rank);  // every dimension unknown

  bool rank_known() const { return rank_known_; }
  int rank() const { return rank_known_ ? static_cast<int>(dims_.size()) : -1; }
  // Dimension i; negative i counts from the end. -1 when that dimension, or the rank, is unknown.
  // REQUIRES, when the rank is known: -rank <= i < rank.
  int64_t dim(int i) const;
  void set_dim(int i, int64_t size);
  void AddDim(int64_t size) { dims_.push_back(size); }
  void InsertDim(int position, int64_t size);
  void RemoveDim(int position);
  absl::Span<const int64_t> dims() const { return dims_; }

  bool fully_defined() const;
  // Product of the dimensions, 1 for a scalar; -1 when not fully defined or when the product passes
  // kMaxElements.
  int64_t num_elements() const;

  // OK when: rank <= kMaxRank, every dimension >= -1, every product of known non-zero dimensions <=
  // kMaxElements. InvalidArgument otherwise, naming the shape.
  absl::Status Check() const;

  // Same rank and equal dimensions; two unknowns are equal. (An identity of descriptions, not of
  // run-time shapes.)
  friend bool operator==(const TensorShape& a, const TensorShape& b) = default;
  // Could both describe one run-time shape? Unknown fits everything.
  bool CompatibleWith(const TensorShape& other) const;
  // What is known when both hold. InvalidArgument when they are incompatible.
  absl::StatusOr<TensorShape> MergeWith(const TensorShape& other) const;

  // "[2,?,3]", "[]" for a scalar, "<unknown>".
  std::string ToString() const;

  template <typename H>
  friend H AbslHashValue(H h, const TensorShape& s) {
    return H::combine(std::move(h), s.rank_known_, s.dims_);
  }

 private:
  absl::InlinedVector<int64_t, 6> dims_;
  bool rank_known_ = true;
};

// ToString().
std::ostream& operator<<(std::ostream& out, const TensorShape& shape);

}  // namespace sluice

#endif  // SLUICE_CORE_TENSOR_SHAPE_H_
