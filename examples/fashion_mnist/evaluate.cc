#include "examples/fashion_mnist/evaluate.h"

#include <algorithm>

#include "core/status.h"

namespace sluice::examples {
namespace {

constexpr int64_t kBatch = 500;

void KeepWorst(std::vector<Mistake>* mistakes, size_t count) {
  std::stable_sort(mistakes->begin(), mistakes->end(),
                   [](const Mistake& a, const Mistake& b) { return a.confidence > b.confidence; });
  if (mistakes->size() > count) mistakes->resize(count);
}

Mistake MakeMistake(const train::ImageSet& set, int64_t index, int predicted, float confidence) {
  const int64_t size = set.images.dim(1) * set.images.dim(2);
  const uint8_t* pixels = set.images.data<uint8_t>() + index * size;
  return {std::vector<uint8_t>(pixels, pixels + size), set.labels.data<uint8_t>()[index], predicted,
          confidence};
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(Session& session, const Output& images,
                                    const Output& probabilities, const train::ImageSet& set,
                                    size_t max_mistakes) {
  const int64_t classes = probabilities.shape().dim(-1);
  Evaluation result;
  result.confusion.assign(classes, std::vector<int64_t>(classes, 0));
  int64_t right = 0;
  for (int64_t begin = 0; begin < set.size(); begin += kBatch) {
    const int64_t end = std::min(set.size(), begin + kBatch);
    SLUICE_ASSIGN_OR_RETURN(const train::Batch batch, train::Slice(set, begin, end));
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> out,
                            session.Run({{images, batch.images}}, {probabilities}));
    for (int64_t i = begin; i < end; ++i) {
      const float* row = out[0].data<float>() + (i - begin) * classes;
      const int predicted = static_cast<int>(std::max_element(row, row + classes) - row);
      const int label = set.labels.data<uint8_t>()[i];
      ++result.confusion[label][predicted];
      right += label == predicted;
      if (label != predicted)
        result.mistakes.push_back(MakeMistake(set, i, predicted, row[predicted]));
    }
    KeepWorst(&result.mistakes, max_mistakes);
  }
  result.accuracy = static_cast<double>(right) / static_cast<double>(set.size());
  return result;
}

}  // namespace sluice::examples
