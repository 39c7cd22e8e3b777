// Whether a layer trains.
#ifndef SLUICE_LAYERS_TRAINING_H_
#define SLUICE_LAYERS_TRAINING_H_

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

// Whether a layer behaves as in training: a bool, or a bool scalar of the graph. A constant tensor
// counts as its value.
class Training {
 public:
  Training() = default;
  Training(bool value) : fixed_(value) {}                  // NOLINT: implicit
  Training(Output tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit
  // The value when it is known while building, else nullopt.
  std::optional<bool> Known() const;
  const Output& tensor() const { return tensor_; }
  // InvalidArgument unless it is a bool, or a bool scalar of `graph`.
  absl::Status Check(const Graph& graph) const;

 private:
  bool fixed_ = false;
  Output tensor_;
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_TRAINING_H_
