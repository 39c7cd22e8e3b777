// Labelled images from IDX files (the MNIST format), and batches of them in a reproducible order.
#ifndef SLUICE_TRAIN_IMAGE_SET_H_
#define SLUICE_TRAIN_IMAGE_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/file.h"
#include "core/tensor.h"

namespace sluice::train {

// One IDX file of unsigned bytes, plain or gzipped, as a uint8 tensor of the dimensions that it
// states. NotFound when it is missing; DataLoss when it is cut, has bytes too many, or is no gzip
// stream; InvalidArgument for another magic number or element type.
absl::StatusOr<Tensor> ReadIdx(const std::string& path, FileSystem& fs = FileSystem::Default());

// Images uint8 [n, height, width] with labels uint8 [n], n >= 1.
struct ImageSet {
  Tensor images, labels;
  int64_t size() const { return labels.num_elements(); }
};

// Both files, checked to belong together: equal counts, labels < `classes`.
absl::StatusOr<ImageSet> ReadImageSet(const std::string& images_path,
                                      const std::string& labels_path, int classes = 10,
                                      FileSystem& fs = FileSystem::Default());

// `images` float32 [b, height, width, 1] in [0, 1], `labels` int64 [b].
struct Batch {
  Tensor images, labels;
};

// The images [begin, end) in file order. REQUIRES: 0 <= begin <= end <= set.size().
absl::StatusOr<Batch> Slice(const ImageSet& set, int64_t begin, int64_t end);

// Shuffled batches. The batch of a step is a pure function of (seed, step), so a training run that
// stops and resumes at a step sees the same images. Every epoch is a permutation of the set of its
// own; images that do not fill a last batch are left out of that epoch.
class ShuffledBatches {
 public:
  // InvalidArgument unless 0 < batch_size <= set.size(). `set` must outlive it.
  static absl::StatusOr<ShuffledBatches> Create(const ImageSet& set, int64_t batch_size,
                                                uint64_t seed);

  int64_t steps_per_epoch() const { return set_->size() / batch_size_; }
  // The batch of step 0, 1, 2, ...
  absl::StatusOr<Batch> At(int64_t step);

 private:
  ShuffledBatches(const ImageSet& set, int64_t batch_size, uint64_t seed)
      : set_(&set), batch_size_(batch_size), seed_(seed) {}
  void Shuffle(int64_t epoch);

  const ImageSet* set_;
  int64_t batch_size_;
  uint64_t seed_;
  int64_t epoch_ = -1;  // of order_
  std::vector<int32_t> order_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_IMAGE_SET_H_
