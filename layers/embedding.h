// Vectors for numbers (tf.keras.layers.Embedding; rule LY-6).
#ifndef SLUICE_LAYERS_EMBEDDING_H_
#define SLUICE_LAYERS_EMBEDDING_H_

#include <cstdint>
#include <vector>

#include "graph/variable.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.keras.layers.Embedding's keyword arguments.
struct EmbeddingOptions {
  int64_t input_dim = 0;   // required, > 0: ids are 0 .. input_dim - 1
  int64_t output_dim = 0;  // required, > 0: length of a vector
  Initializer embeddings_initializer = initializers::RandomUniform(-0.05, 0.05);
  Regularizer embeddings_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint embeddings_constraint = {};
  bool mask_zero = false;                  // id 0 is padding: the output's mask is ids != 0
  std::vector<int64_t> input_length = {};  // what the input's sizes after the batch must be; -1:
                                           // any; empty: anything
  bool trainable = true;
  DType dtype = DType::kFloat;  // of the vectors
  LayerName name = {};          // empty: "embedding", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// ids [...] -> [..., output_dim]: rows of the variable `embeddings` [input_dim, output_dim]. int32
// and int64 ids as they are, others cast to int32. An id outside the table fails the run. The
// gradient of the variable is IndexedSlices: only the rows that were read.
class EmbeddingLayer : public LayerOf<EmbeddingOptions> {
 public:
  explicit EmbeddingLayer(EmbeddingOptions options, LayerKind kind = LayerKind::kObject);
  const Variable& embeddings() const { return embeddings_; }

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
  Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks) override;
  DType TrialInputDType() const override { return DType::kInt32; }

  Variable embeddings_;
};
Output Embedding(At at, Output inputs, EmbeddingOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_EMBEDDING_H_
