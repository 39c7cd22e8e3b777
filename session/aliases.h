// Ops without work: their outputs are inputs under another shape.
#ifndef SLUICE_SESSION_ALIASES_H_
#define SLUICE_SESSION_ALIASES_H_

#include "graph/node.h"

namespace sluice {

// The input that output `output` is, -1: none.
int AliasedInput(const Node& node, int output);

// Every output is some input, of the same dtype: no kernel runs.
bool IsAlias(const Node& node);

}  // namespace sluice

#endif  // SLUICE_SESSION_ALIASES_H_
