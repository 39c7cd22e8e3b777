// What the initializers are made of.
#ifndef SLUICE_LAYERS_INITIALIZER_NODES_H_
#define SLUICE_LAYERS_INITIALIZER_NODES_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/status.h"
#include "graph/at.h"
#include "graph/initializer.h"
#include "layers/config.h"
#include "layers/initializers.h"

namespace sluice::initializers {

// The nodes of tf.random_normal and tf.truncated_normal: `<name>/{shape,mean,stddev,<op>,mul}` and
// `<name>` (rule VAR-2). Floating dtypes only.
Output NormalNodes(At at, const TensorShape& shape, DType dtype, double mean, double stddev,
                   Seed seed, const char* op, const char* name);
Output RandomNormalNodes(At at, const TensorShape& shape, DType dtype, double mean, double stddev,
                         Seed seed);
Output TruncatedNormalNodes(At at, const TensorShape& shape, DType dtype, double mean,
                            double stddev, Seed seed);

// InvalidArgument "Expected floating point type, got int32." on the graph, and false.
bool IsFloatingOrFail(At at, const char* name, DType dtype);
Output FailInitializer(At at, const char* name, const std::string& why);

// The shape of the whole variable.
inline const TensorShape& FullShape(const TensorShape& shape, const PartitionInfo* partition) {
  return partition == nullptr ? shape : partition->full_shape;
}

// `Args` are the arguments of a class of initializers: Fields() tells them to a Config, Nodes(at,
// shape, dtype, partition) builds the value. An initializer of that class:
template <typename Args>
Initializer Make(const char* class_name, Args args) {
  return Initializer(
      layers::ConfigOf(class_name, args),
      [args](At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) {
        return args.Nodes(at, shape, dtype, partition);
      });
}
// The one that `config` tells of.
template <typename Args>
absl::StatusOr<Initializer> Read(const Config& config) {
  Args args;
  SLUICE_RETURN_IF_ERROR(layers::ReadConfig(config, &args));
  return Make(config.class_name.c_str(), args);
}

// initializers.cc, as all here that is not said to stand elsewhere.
absl::StatusOr<Initializer> FromConfig(const Config& config);

// --- orthogonal_initializers.cc ---
absl::StatusOr<Initializer> ReadOrthogonal(const Config& config);
absl::StatusOr<Initializer> ReadDeltaOrthogonal(const Config& config);
absl::StatusOr<Initializer> ReadIdentity(const Config& config);
// --- contrib_initializers.cc ---
absl::StatusOr<Initializer> ReadUniformUnitScaling(const Config& config);
absl::StatusOr<Initializer> ReadContribVarianceScaling(const Config& config);

}  // namespace sluice::initializers

#endif  // SLUICE_LAYERS_INITIALIZER_NODES_H_
