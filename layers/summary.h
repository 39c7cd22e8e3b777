// A model as a table: its layers, their output shapes, parameters, costs and connections
// (Keras's model.summary()).
#ifndef SLUICE_LAYERS_SUMMARY_H_
#define SLUICE_LAYERS_SUMMARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor_shape.h"
#include "graph/graph.h"
#include "layers/layer.h"

namespace sluice::layers {

struct SummaryRow {
  std::string name;                        // "conv1", "net/conv1"
  std::string type;                        // "Conv2D"; of placeholders "InputLayer"
  std::vector<TensorShape> output_shapes;  // each once; several are printed as "multiple"
  int64_t params = 0;                      // elements of the variables that no earlier row uses
  int64_t flops = 0;                       // of one run, of all calls of the layer (layers/flops.h)
  std::vector<std::string> connected_to;   // the rows that feed it, in order
  std::string shares_with;                 // an earlier row that uses the same variables, else ""
};

struct ModelSummary {
  std::vector<SummaryRow> rows;
  int64_t total_params = 0;  // a shared variable counts once
  int64_t trainable_params = 0;
  int64_t non_trainable_params = 0;
  int64_t flops = 0;  // of all rows

  // The table as Keras prints it, with a column for FLOPs; unknown dimensions are "None".
  std::string ToString() const;
};

// Of layer objects, in that order, after they were called. A row is a layer; with several calls it
// is connected to what feeds any of them, written as Keras does: "dense_1[0][0]" is output 0 of
// call 0. What lies between two layers (an addition) is passed through to the layers before it. A
// layer that was never called has no shapes and no connections.
ModelSummary Summary(const std::vector<const Layer*>& layers);

// Of a graph, one that was imported too: functional layers leave no objects behind, so rows are
// inferred from scopes. A row is the deepest scope that holds variables or an op that only layers
// make (MaxPool, Softmax, a Reshape of "flatten", ...), with all forward ops in it; gradients,
// optimizers, initializers, savers, regularizers and moving averages are left out. Ops without a
// scope are rows of their own. The type is told by the scope's name ("max_pooling2d_1"), else by
// its ops. A second tower that reuses variables has rows of its own, with 0 parameters and
// `shares_with` told. In a graph without variables (a frozen one) the floating constants that are
// used as weights count as parameters, not trainable.
ModelSummary Summary(const Graph& graph);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_SUMMARY_H_
