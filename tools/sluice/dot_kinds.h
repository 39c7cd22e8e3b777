// Kinds of ops, for colours.
#ifndef SLUICE_TOOLS_SLUICE_DOT_KINDS_H_
#define SLUICE_TOOLS_SLUICE_DOT_KINDS_H_

#include "absl/strings/string_view.h"
#include "graph/node.h"

namespace sluice::tools {

// In order of weight: a box of many ops has the colour of its weightiest.
enum class OpKind {
  kContraction,    // products and convolutions
  kRecurrent,      // control flow, state, functions, fused recurrent cells
  kLoss,           // cross-entropies
  kNormalization,  // batch norm and its like
  kPooling,        // pooling, resizing
  kLookup,         // embeddings, gathering, scattering
  kActivation,
  kInput,
  kRandom,
  kArithmetic,  // elementwise, reductions, comparisons
  kShape,       // reshaping, joining, slicing, casts
  kUnknown,     // no op of ours
};
inline constexpr int kOpKinds = static_cast<int>(OpKind::kUnknown) + 1;

OpKind KindOf(const Node& node);
const char* KindName(OpKind kind);    // for the legend
const char* KindColour(OpKind kind);  // "#rrggbb", light enough for black text

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_DOT_KINDS_H_
