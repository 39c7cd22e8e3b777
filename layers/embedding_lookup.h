// tf.nn.embedding_lookup: rows of a matrix, or of one that is kept in several pieces.
#ifndef SLUICE_LAYERS_EMBEDDING_LOOKUP_H_
#define SLUICE_LAYERS_EMBEDDING_LOOKUP_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "graph/variable.h"

namespace sluice::nn {

// The pieces: tensors or variables whose shapes agree but in the first dimension. Of a partitioned
// variable its parts, which must be cut along dimension 0 (and then want PartitionStrategy::kDiv).
class EmbeddingParams {
 public:
  EmbeddingParams(Output tensor) : EmbeddingParams(Outputs{std::move(tensor)}) {}  // NOLINT
  EmbeddingParams(Outputs tensors);                                                // NOLINT
  EmbeddingParams(const Variable& variable)                                        // NOLINT
      : EmbeddingParams(std::vector<Variable>{variable}) {}
  EmbeddingParams(const std::vector<Variable>& variables);    // NOLINT
  EmbeddingParams(std::initializer_list<Variable> variables)  // NOLINT
      : EmbeddingParams(std::vector<Variable>(variables)) {}
  EmbeddingParams(std::initializer_list<Output> tensors)  // NOLINT
      : EmbeddingParams(Outputs(tensors)) {}

  // A variable, or else a tensor.
  struct Piece {
    Variable variable;
    Output tensor;
    const TensorShape& shape() const;
  };
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

// Which piece holds which id, of p pieces.
enum class PartitionStrategy {
  kMod,  // id % p, there at row id / p: 13 ids in 5 pieces: 0 5 10, 1 6 11, 2 7 12, 3 8, 4 9
  kDiv,  // runs of ids as equal as can be, the longer ones first: 0-2, 3-5, 6-8, 9-10, 11-12
};

struct EmbeddingLookupOptions {
  PartitionStrategy partition_strategy = PartitionStrategy::kMod;
  // Rows longer than that (root of the sum of squares of params.shape[1:]) are scaled to it.
  std::optional<double> max_norm = {};
};

// y[i...] = the row of id ids[i...], of shape ids.shape + params.shape[1:]. Ids are int32 or int64;
// one without a row fails the run. Variables are gathered from without reading the whole. Gradients
// to the pieces are IndexedSlices. Nodes in a scope "embedding_lookup", which is also the name of
// the Gather (with several pieces: of the ParallelDynamicStitch).
// InvalidArgument: "Need at least one param"; "Unrecognized partition strategy"; pieces whose
// shapes or dtypes differ.
Output EmbeddingLookup(At at, const EmbeddingParams& params, Output ids,
                       const EmbeddingLookupOptions& options = {});

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_EMBEDDING_LOOKUP_H_
