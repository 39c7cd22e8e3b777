// Example messages (proto/example.proto) to tensors.
//
// A feature is asked for as sparse (what is there: indices, values, shape) or dense (of a given
// shape, a default where it is missing). dtypes are float, int64 and string.
#ifndef SLUICE_OPS_PARSE_EXAMPLE_H_
#define SLUICE_OPS_PARSE_EXAMPLE_H_

#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// A batch: `serialized` is a vector of messages, `names` as many descriptions for error messages,
// or none; keys are scalars. dense_shapes[i] may begin with -1: rows of different length, filled
// with the default, which is then one element. An empty default means that the feature is required.
// Outputs: Nsparse indices [n, 2], Nsparse values, Nsparse shapes [2], then the dense values
// [batch,
// ...]. InvalidArgument "Could not parse example input, ...", "Name: a, Feature: x (data type:
// float) is required but could not be found.", "... Data types don't match. ...", "... Number of
// float values != expected. ...".
Outputs ParseExample(At at, Output serialized, Output names, const Outputs& sparse_keys,
                     const Outputs& dense_keys, const Outputs& dense_defaults,
                     const std::vector<DType>& sparse_types,
                     const std::vector<TensorShape>& dense_shapes);

// One message, a scalar; keys are attributes. Outputs as above without the batch dimension.
Outputs ParseSingleExample(At at, Output serialized, const Outputs& dense_defaults,
                           const std::vector<std::string>& sparse_keys,
                           const std::vector<std::string>& dense_keys,
                           const std::vector<DType>& sparse_types,
                           const std::vector<TensorShape>& dense_shapes);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PARSE_EXAMPLE_H_
