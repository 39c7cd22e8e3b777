// The network on the test images.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_EVALUATE_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_EVALUATE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "examples/fashion_mnist/report.h"
#include "graph/output.h"
#include "session/session.h"
#include "train/image_set.h"

namespace sluice::examples {

struct Evaluation {
  double accuracy = 0;
  std::vector<std::vector<int64_t>> confusion;  // [label][predicted]
  std::vector<Mistake> mistakes;                // the `max_mistakes` most certain ones, worst first
};

// Runs `probabilities` [batch, classes] on every image of `set`, fed to `images`.
absl::StatusOr<Evaluation> Evaluate(Session& session, const Output& images,
                                    const Output& probabilities, const train::ImageSet& set,
                                    size_t max_mistakes = 24);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_EVALUATE_H_
