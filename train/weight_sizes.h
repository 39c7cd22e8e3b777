// What the weights of a frozen graph would take in fewer bits. Nothing is quantized.
#ifndef SLUICE_TRAIN_WEIGHT_SIZES_H_
#define SLUICE_TRAIN_WEIGHT_SIZES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// Bytes of elements and scales, without names and other overhead of the file.
struct WeightSize {
  std::string name = {};   // of the Const
  std::string dtype = {};  // "float32"
  std::string shape = {};  // "[3,3,16,32]"
  int64_t elements = 0;
  int64_t channels = 0;  // of what reads it; 0: one scale for the whole tensor would do
  int64_t now = 0;
  int64_t half = 0;              // 2 bytes for each floating number
  int64_t int8_per_tensor = 0;   // a byte each, and one float32 scale
  int64_t int8_per_channel = 0;  // a byte each, and a float32 scale for each channel
};
struct WeightSizes {
  std::vector<WeightSize> weights = {};  // in the order of the graph
  WeightSize total = {.name = "total"};
};

// Of the floating constants with more than one element. Those of rank 1, biases and scales, stay
// as they are in the int8 forms, as is usual, and integers do everywhere. Channels are the output
// channels of the convolution or product that reads the constant (dimension 0 of what is gathered
// from). InvalidArgument for a graph whose inputs do not exist.
absl::StatusOr<WeightSizes> MeasureWeights(const proto::GraphDef& def);
// A line for each and the total, right-aligned columns.
std::string WeightSizesTable(const WeightSizes& sizes);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_WEIGHT_SIZES_H_
