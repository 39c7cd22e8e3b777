// The nodes that recurrent cells are made of, called as TensorFlow calls them.
#ifndef SLUICE_LAYERS_RNN_NODES_H_
#define SLUICE_LAYERS_RNN_NODES_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::layers::rnn {

// "concat": side by side, along dimension 1.
Output Join(At at, const Outputs& parts);
// "MatMul", "BiasAdd": [x, h] . kernel + bias.
Output Affine(At at, const Output& x, const Output& h, const Output& kernel, const Output& bias);
// "split": `count` parts of equal width.
Outputs Split(At at, const Output& value, int64_t count);
Output Mul(At at, const Output& a, const Output& b);   // "mul"
Output Add(At at, const Output& a, const Output& b);   // "add"
Output AddNumber(At at, const Output& a, double b);    // a + b: "add/y", "add"
Output NumberMinus(At at, double a, const Output& b);  // a - b: "sub/x", "sub"
// "clip_by_value": to [-limit, limit].
Output Clip(At at, const Output& x, double limit);

}  // namespace sluice::layers::rnn

#endif  // SLUICE_LAYERS_RNN_NODES_H_
