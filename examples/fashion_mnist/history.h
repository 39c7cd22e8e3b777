// What the report draws: loss and accuracy by step, kept in a file so that a resumed run goes on
// drawing.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_HISTORY_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/fashion_mnist/report.h"

namespace sluice::examples {

struct History {
  std::vector<CurvePoint> loss, accuracy, test_accuracy;

  // Reads what Save() wrote, points after `last_step` left out. An absent file is an empty history;
  // DataLoss for a malformed one.
  static absl::StatusOr<History> Load(const std::string& path, int64_t last_step);
  // Tab-separated lines: curve, step, value.
  absl::Status Save(const std::string& path) const;
};

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_HISTORY_H_
