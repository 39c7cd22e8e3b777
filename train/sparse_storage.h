// Constants that are mostly zeros, stored small in a GraphDef that any TensorFlow runs.
#ifndef SLUICE_TRAIN_SPARSE_STORAGE_H_
#define SLUICE_TRAIN_SPARSE_STORAGE_H_

#include <string>

#include "absl/status/status.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace pruning {

// Replaces every Const `w` of float or double whose zeros make that smaller by
//   w/values       Const [m]: the elements that are not zero, in row-major order
//   w/gaps         Const uint8 [m]: how far each lies behind the one before (the first: from 0)
//   w/gaps_int32, w/axis, w/positions, w/size, w/default, w/dense
//                  Cast, Cumsum and SparseToDense: all elements as a vector
//   w/shape, w     Reshape, so that everything that took w takes the same tensor
// Where more than 255 lie between two of them, zeros of `values` stand in between. 5 bytes per
// element that is not zero (9 of double) instead of 4 (8) per element: at 80 % zeros a quarter.
// Zeros come back positive. A session computes all this once, when it compiles a plan; a step costs
// nothing more. For that, constants above 16 MiB are in parts, w/part_0/values and so on, which
// w/dense joins.
absl::Status StoreSparse(proto::GraphDef* def);

}  // namespace pruning
}  // namespace sluice

#endif  // SLUICE_TRAIN_SPARSE_STORAGE_H_
