// Histograms of the values of a tensor, as TensorBoard shows them.
#ifndef SLUICE_IO_HISTOGRAM_H_
#define SLUICE_IO_HISTOGRAM_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/tensor.h"

namespace sluice {

namespace proto {
class HistogramProto;
}  // namespace proto

// Counts values in TensorFlow's standard buckets: limits 0, +-1e-12 * 1.1^k below 1e20, +-DBL_MAX.
// Bucket i counts the values v with limit[i-1] <= v < limit[i].
class Histogram {
 public:
  Histogram();
  // REQUIRES: finite.
  void Add(double value);
  // Every element. InvalidArgument when one is NaN or infinite (then nothing was added),
  // Unimplemented for a dtype that is not a real number.
  absl::Status Add(const Tensor& values);

  double min() const { return min_; }  // DBL_MAX when empty
  double max() const { return max_; }  // -DBL_MAX when empty
  double num() const { return num_; }
  double sum() const { return sum_; }
  double sum_squares() const { return sum_squares_; }

  // The buckets to be written: runs of empty ones are merged into one, whose limit is the last of
  // the run.
  struct Bucket {
    double limit;
    double count;
  };
  std::vector<Bucket> Buckets() const;
  void ToProto(proto::HistogramProto* out) const;

  static absl::Span<const double> StandardLimits();  // 1,549 numbers, increasing

 private:
  double min_, max_, num_ = 0, sum_ = 0, sum_squares_ = 0;
  std::vector<double> counts_;  // one per standard limit
};

}  // namespace sluice

#endif  // SLUICE_IO_HISTOGRAM_H_
