// Initializers that are orthogonal matrices, and the identity.
#include <algorithm>
#include <vector>

#include "graph/graph.h"
#include "graph/variable.h"
#include "layers/initializer_nodes.h"
#include "layers/initializers.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/decomposition.h"
#include "ops/diag.h"
#include "ops/fill.h"
#include "ops/reshape.h"
#include "ops/scatter_nd.h"
#include "ops/slice.h"
#include "ops/transpose.h"
#include "ops/unary.h"

namespace sluice::initializers {
namespace {

// Q of a normal matrix [rows, columns], rows >= columns, its signs such that R has a positive
// diagonal: Q is uniformly distributed then (Mezzadri 2007).
Output UniformQ(At at, int64_t rows, int64_t columns, DType dtype, Seed seed) {
  const Output normal = RandomNormalNodes(at, {rows, columns}, dtype, 0, 1, seed);
  if (normal.empty()) return {};
  const ops::QrOutputs qr = ops::Qr(at, normal);
  const Output signs = ops::Sign(at, ops::DiagPart(at, qr.r));
  return ops::Mul(at.Named("mul"), qr.q, signs);
}

Output Scaled(At at, const Output& x, double gain) {
  if (x.empty()) return {};
  return ops::Mul(at.Named("mul"), ops::ConstOf(at, x.dtype(), gain), x);
}

struct OrthogonalArgs {
  double gain = 1;
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("gain", gain);
    f("seed", seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    if (shape.rank() < 2) {
      return FailInitializer(at, "orthogonal",
                             "The tensor to initialize must be at least two-dimensional");
    }
    if (!IsFloatingOrFail(at, "orthogonal", dtype)) return {};
    int64_t rows = 1;
    for (int i = 0; i + 1 < shape.rank(); ++i) rows *= shape.dim(i);
    const int64_t columns = shape.dim(-1);
    Output q = UniformQ(at, std::max(rows, columns), std::min(rows, columns), dtype, seed);
    if (rows < columns) q = ops::Transpose(at.Named("matrix_transpose"), q, {1, 0});
    return Scaled(at, ops::Reshape(at, q, shape), gain);
  }
};

struct DeltaOrthogonalArgs {
  double gain = 1;
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("gain", gain);
    f("seed", seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    const char* const name = "delta_orthogonal";
    if (shape.rank() < 3 || shape.rank() > 5) {
      return FailInitializer(at, name,
                             "The tensor to initialize must be at least three-dimensional and at "
                             "most five-dimensional");
    }
    const int64_t in = shape.dim(-2), out = shape.dim(-1);
    if (in > out)
      return FailInitializer(at, name, "In_filters cannot be greater than out_filters.");
    if (!IsFloatingOrFail(at, name, dtype)) return {};
    const Output q = ops::Slice(at, UniformQ(at, out, out, dtype, seed), {0, 0}, {in, out});
    std::vector<int64_t> centre;
    for (int i = 0; i + 2 < shape.rank(); ++i) centre.push_back((shape.dim(i) - 1) / 2);
    const TensorShape one_place = {1, static_cast<int64_t>(centre.size())};
    return ops::ScatterNd(at, ops::Const<int64_t>(at, centre, one_place),
                          ops::ExpandDims(at, Scaled(at, q, gain), 0),
                          ops::Ints(shape).Tensor(at, "shape", DType::kInt64));
  }
};

struct IdentityArgs {
  double gain = 1;
  void Fields(layers::ConfigFields& f) { f("gain", gain); }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) const {
    const TensorShape& full = FullShape(shape, partition);
    if (full.rank() != 2) {
      return FailInitializer(at, "identity",
                             "Identity matrix initializer can only be used for 2D matrices.");
    }
    const At eye = at.Sub("eye");
    const Output ones = ops::Ones(eye, {std::min(full.dim(0), full.dim(1))}, dtype);
    Output matrix = full.dim(0) == full.dim(1)
                        ? ops::MatrixDiag(eye, ones)
                        : ops::MatrixSetDiag(eye, ops::Zeros(eye, full, dtype), ones);
    if (partition != nullptr) matrix = ops::Slice(at, matrix, partition->var_offset, shape);
    return Scaled(at, matrix, gain);
  }
};

}  // namespace

Initializer Orthogonal(double gain, Seed seed) {
  return Make("Orthogonal", OrthogonalArgs{gain, seed});
}
Initializer DeltaOrthogonal(double gain, Seed seed) {
  return Make("ConvolutionDeltaOrthogonal", DeltaOrthogonalArgs{gain, seed});
}
Initializer Identity(double gain) { return Make("Identity", IdentityArgs{gain}); }

absl::StatusOr<Initializer> ReadOrthogonal(const Config& c) { return Read<OrthogonalArgs>(c); }
absl::StatusOr<Initializer> ReadDeltaOrthogonal(const Config& c) {
  return Read<DeltaOrthogonalArgs>(c);
}
absl::StatusOr<Initializer> ReadIdentity(const Config& c) { return Read<IdentityArgs>(c); }

}  // namespace sluice::initializers
