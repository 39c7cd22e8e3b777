#include "core/tensor_shape.h"

#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace sluice {
namespace {

// `i` counted from the front. REQUIRES: -rank <= i < rank.
int FromFront(int i, int rank) {
  CHECK(i >= -rank && i < rank) << "dimension " << i << " of a shape of rank " << rank;
  return i < 0 ? i + rank : i;
}

// Product of the positive dimensions, -1 when it passes kMaxElements.
int64_t ProductOfPositive(absl::Span<const int64_t> dims) {
  int64_t product = 1;
  for (const int64_t d : dims) {
    if (d <= 0) continue;
    if (d > kMaxElements / product) return -1;
    product *= d;
  }
  return product;
}

}  // namespace

TensorShape TensorShape::Unknown() {
  TensorShape shape;
  shape.rank_known_ = false;
  return shape;
}

TensorShape TensorShape::OfRank(int rank) {
  CHECK_GE(rank, 0);
  TensorShape shape;
  shape.dims_.assign(rank, -1);
  return shape;
}

int64_t TensorShape::dim(int i) const {
  if (!rank_known_) return -1;
  return dims_[FromFront(i, rank())];
}

void TensorShape::set_dim(int i, int64_t size) { dims_[FromFront(i, rank())] = size; }

void TensorShape::InsertDim(int position, int64_t size) {
  CHECK(rank_known_ && position >= 0 && position <= rank()) << position << " in " << ToString();
  dims_.insert(dims_.begin() + position, size);
}

void TensorShape::RemoveDim(int position) {
  dims_.erase(dims_.begin() + FromFront(position, rank()));
}

bool TensorShape::fully_defined() const {
  return rank_known_ && std::all_of(dims_.begin(), dims_.end(), [](int64_t d) { return d >= 0; });
}

int64_t TensorShape::num_elements() const {
  if (!fully_defined()) return -1;
  const int64_t product = ProductOfPositive(dims_);
  if (product < 0) return -1;
  return std::find(dims_.begin(), dims_.end(), 0) != dims_.end() ? 0 : product;
}

absl::Status TensorShape::Check() const {
  if (!rank_known_) return absl::OkStatus();
  if (rank() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank must be at most ", kMaxRank, ", got ", rank()));
  }
  for (int i = 0; i < rank(); ++i) {
    if (dims_[i] < -1) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", i, " of shape ", ToString(), " must be >= 0, got ", dims_[i]));
    }
  }
  if (ProductOfPositive(dims_) < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape ", ToString(), " has too many elements: at most ", kMaxElements, " are possible"));
  }
  return absl::OkStatus();
}

bool TensorShape::CompatibleWith(const TensorShape& other) const {
  if (!rank_known_ || !other.rank_known_) return true;
  if (rank() != other.rank()) return false;
  for (int i = 0; i < rank(); ++i) {
    if (dims_[i] >= 0 && other.dims_[i] >= 0 && dims_[i] != other.dims_[i]) return false;
  }
  return true;
}

absl::StatusOr<TensorShape> TensorShape::MergeWith(const TensorShape& other) const {
  if (!CompatibleWith(other)) {
    return absl::InvalidArgumentError(
        absl::StrCat("shapes ", ToString(), " and ", other.ToString(), " are not compatible"));
  }
  if (!rank_known_) return other;
  if (!other.rank_known_) return *this;
  TensorShape merged = *this;
  for (int i = 0; i < rank(); ++i) {
    if (dims_[i] < 0) merged.dims_[i] = other.dims_[i];
  }
  return merged;
}

std::string TensorShape::ToString() const {
  if (!rank_known_) return "<unknown>";
  const auto append = [](std::string* out, int64_t d) {
    if (d == -1) {
      out->push_back('?');
    } else {
      absl::StrAppend(out, d);
    }
  };
  return absl::StrCat("[", absl::StrJoin(dims_, ",", append), "]");
}

std::ostream& operator<<(std::ostream& out, const TensorShape& shape) {
  return out << shape.ToString();
}

}  // namespace sluice
