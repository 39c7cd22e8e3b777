// Equations of einsum: "ij,jk->ik", with "..." for dimensions without a letter.
#ifndef SLUICE_OPS_EINSUM_EQUATION_H_
#define SLUICE_OPS_EINSUM_EQUATION_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor_shape.h"

namespace sluice::ops {

struct EinsumEquation {
  std::vector<std::string> inputs;  // the subscripts of each operand
  std::string output;
  bool explicit_output = false;  // there was an arrow
};
// InvalidArgument for anything but letters, at most one "..." per operand, commas and one arrow;
// and for output letters that no operand has. Blanks are skipped.
absl::StatusOr<EinsumEquation> ParseEinsum(absl::string_view equation);

// The dimensions of an operand: letters, and -1, -2, ... for those of its "...", from its end.
using EinsumLabels = absl::InlinedVector<int, 6>;
// InvalidArgument where the rank does not fit.
absl::StatusOr<EinsumLabels> EinsumLabelsOf(const std::string& subscripts, int rank);

// The size of every label, -1 for unknown; dimensions of "..." are broadcast. InvalidArgument where
// shapes do not fit. REQUIRES: ranks that are known.
using EinsumSizes = absl::flat_hash_map<int, int64_t>;
absl::StatusOr<EinsumSizes> EinsumSizesOf(const EinsumEquation& equation,
                                          const std::vector<TensorShape>& shapes);

// The labels of the result.
absl::StatusOr<EinsumLabels> EinsumOutputLabels(const EinsumEquation& equation,
                                                const EinsumSizes& sizes);

inline constexpr char kEllipsis[] = "...";

}  // namespace sluice::ops

#endif  // SLUICE_OPS_EINSUM_EQUATION_H_
