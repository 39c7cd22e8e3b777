// How sparse the weights of a model are.
#ifndef SLUICE_TRAIN_PRUNING_REPORT_H_
#define SLUICE_TRAIN_PRUNING_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "session/session.h"

namespace sluice::pruning {

// One weight that has a mask.
struct WeightSparsity {
  std::string name;  // op name of the weight: "conv1/kernel"
  TensorShape shape;
  int64_t elements = 0;
  int64_t zeros = 0;         // in the mask
  double sparsity = 0;       // zeros / elements; 0 of no elements
  int64_t filters = 0;       // size of the last dimension: output channels
  int64_t filters_gone = 0;  // of them, those whose mask is zero everywhere
};

// The row of a weight from its mask, of any numeric dtype.
WeightSparsity MeasureMask(const std::string& name, const Tensor& mask);

// A row per mask of the session's graph (layers/masking.h), in their order, as the session has them
// now. FailedPrecondition when one is not initialized.
absl::StatusOr<std::vector<WeightSparsity>> SparsityReport(Session& session);

// The rows as a table for people, and a line of totals:
//   weight        shape        elements    zeros  sparsity  filters gone
//   conv1/kernel  [5,5,1,32]        800      640    80.0 %       0 of 32
std::string SparsityTable(const std::vector<WeightSparsity>& rows);

}  // namespace sluice::pruning

#endif  // SLUICE_TRAIN_PRUNING_REPORT_H_
