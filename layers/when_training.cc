#include "layers/when_training.h"

#include <optional>

#include "graph/graph.h"

namespace sluice::layers {

Output WhenTraining(At at, const char* layer, const Training& training, const Output& input,
                    absl::FunctionRef<Output()> trained) {
  const absl::Status status = training.Check(at.graph());
  if (!status.ok()) return at.Fail(layer, status);
  const std::optional<bool> known = training.Known();
  if (known == false) return at.Node("Identity", {input});
  const Output result = trained();
  if (known == true) return result;
  return at.Node("Select", {training.tensor(), result, input});
}

}  // namespace sluice::layers
