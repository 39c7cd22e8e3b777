#include "ops/random_util.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/random.h"
#include "core/status.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

uint64_t HashName(const std::string& name) {  // FNV-1a
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

absl::Status SeedMustBeAPair(const TensorShape& shape) {
  return absl::InvalidArgumentError(
      absl::StrCat("seed must have shape [2], not ", shape.ToString()));
}

}  // namespace

absl::Status RandomShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.ShapeFromValue(0));
  if (c.value(0) != nullptr && !shape.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the dimensions of a random tensor must be >= 0, got ", shape.ToString()));
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status SampleShape(ShapeContext& c, int parameters) {
  SLUICE_RETURN_IF_ERROR(RandomShape(c));
  TensorShape shape = c.output(0);
  if (!shape.rank_known() || !c.input(parameters).rank_known()) {
    c.set_output(0, TensorShape::Unknown());
    return absl::OkStatus();
  }
  for (const int64_t dim : c.input(parameters).dims()) shape.AddDim(dim);
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

kernels::RandomStream StreamOf(const KernelContext& c, int64_t seed, int64_t seed2) {
  if (seed == 0 && seed2 == 0) {
    return {MixSeeds(c.session_seed(), HashName(c.node_name())), c.random_run()};
  }
  const auto key = static_cast<uint64_t>(seed), stream = static_cast<uint64_t>(seed2);
  if (c.random_run() == 0) return {key, stream};
  return {MixSeeds(key, stream), c.random_run()};
}

absl::StatusOr<kernels::RandomStream> StatelessStreamOf(const Tensor& seed) {
  if (seed.shape() != TensorShape{2}) return SeedMustBeAPair(seed.shape());
  SLUICE_ASSIGN_OR_RETURN(const Dims seeds, ReadInts(seed, "seed"));
  return kernels::StatelessStream(static_cast<uint64_t>(seeds[0]), static_cast<uint64_t>(seeds[1]));
}

absl::Status CheckSeedShape(const ShapeContext& c, int i) {
  const bool fits = c.input(i).CompatibleWith(TensorShape{2});
  return fits ? absl::OkStatus() : SeedMustBeAPair(c.input(i));
}

}  // namespace sluice::ops
