#include "session/aliases.h"

namespace sluice {

int AliasedInput(const Node& node, int output) {
  for (const auto& [in, out] : node.spec().aliases()) {
    if (out == output) return in;
  }
  return -1;
}

bool IsAlias(const Node& node) {
  if (node.num_outputs() == 0 || node.spec().stateful()) return false;
  for (int i = 0; i < node.num_outputs(); ++i) {
    const int in = AliasedInput(node, i);
    if (in < 0 || in >= node.num_inputs() || node.input_dtype(in) != node.output_dtype(i)) {
      return false;
    }
  }
  return true;
}

}  // namespace sluice
