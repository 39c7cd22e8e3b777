#include "io/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/status.h"
#include "proto/event.pb.h"

namespace sluice {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();

std::vector<double> MakeLimits() {
  std::vector<double> positive;
  for (double v = 1e-12; v < 1e20; v *= 1.1) positive.push_back(v);
  positive.push_back(kMax);
  std::vector<double> limits;
  for (auto it = positive.rbegin(); it != positive.rend(); ++it) limits.push_back(-*it);
  limits.push_back(0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

}  // namespace

absl::Span<const double> Histogram::StandardLimits() {
  static const std::vector<double>& limits = *new std::vector<double>(MakeLimits());
  return limits;
}

Histogram::Histogram() : min_(kMax), max_(-kMax), counts_(StandardLimits().size()) {}

void Histogram::Add(double value) {
  const absl::Span<const double> limits = StandardLimits();
  const size_t bucket = std::upper_bound(limits.begin(), limits.end(), value) - limits.begin();
  counts_[std::min(bucket, counts_.size() - 1)] += 1;  // DBL_MAX itself goes to the last
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  num_ += 1;
  sum_ += value;
  sum_squares_ += value * value;
}

absl::Status Histogram::Add(const Tensor& values) {
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                  uint64_t, bool, Half, BFloat16>(values.dtype(), [&](auto tag) -> absl::Status {
    using T = typename decltype(tag)::type;
    const auto to_double = [](T v) {
      if constexpr (std::is_arithmetic_v<T>)
        return static_cast<double>(v);
      else
        return static_cast<double>(static_cast<float>(v));
    };
    const absl::Span<const T> flat = values.flat<T>();
    for (const T v : flat) {
      const double d = to_double(v);
      if (!std::isfinite(d)) {
        return absl::InvalidArgumentError(std::isnan(d) ? "NaN in a histogram"
                                                        : "Infinity in a histogram");
      }
    }
    for (const T v : flat) Add(to_double(v));
    return absl::OkStatus();
  });
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  const absl::Span<const double> limits = StandardLimits();
  std::vector<Bucket> buckets;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const bool joins = counts_[i] == 0 && !buckets.empty() && buckets.back().count == 0;
    if (joins) {
      buckets.back().limit = limits[i];
    } else {
      buckets.push_back({limits[i], counts_[i]});
    }
  }
  return buckets;
}

void Histogram::ToProto(proto::HistogramProto* out) const {
  out->Clear();
  out->set_min(min_);
  out->set_max(max_);
  out->set_num(num_);
  out->set_sum(sum_);
  out->set_sum_squares(sum_squares_);
  for (const Bucket& bucket : Buckets()) {
    out->add_bucket_limit(bucket.limit);
    out->add_bucket(bucket.count);
  }
}

}  // namespace sluice
