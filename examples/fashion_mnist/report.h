// The report of a training run: one HTML page without any outside reference.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_REPORT_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_REPORT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace sluice::examples {

struct CurvePoint {
  int64_t step = 0;
  float value = 0;
};

// An image that the network got wrong.
struct Mistake {
  std::vector<uint8_t> pixels;  // image_size x image_size, 0 black
  int label = 0;
  int predicted = 0;
  float confidence = 0;  // probability that the network gave its wrong answer
};

struct Report {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // shown as a table: what, value
  std::vector<CurvePoint> loss, accuracy;                  // of training batches
  std::vector<CurvePoint> test_accuracy;                   // after every epoch
  std::vector<std::string> classes;
  std::vector<std::vector<int64_t>> confusion;  // [label][predicted]
  std::vector<Mistake> mistakes;                // worst first
  int image_size = 28;
};

// Writes the page, all or nothing.
absl::Status WriteReport(const Report& report, const std::string& path);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_REPORT_H_
