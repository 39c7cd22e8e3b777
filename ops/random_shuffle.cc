#include "ops/random_shuffle.h"

#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "ops/kernels/gather.h"
#include "ops/random_util.h"

namespace sluice::ops {
namespace {

// Fisher and Yates: position i swaps with one of those from i on. Swap i uses word i of the stream.
void Shuffle(const kernels::RandomStream& stream, absl::Span<int64_t> order) {
  const Philox random(stream.key, stream.stream);
  Philox::Block words = {};
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    if (i % 4 == 0) words = random(i / 4);
    // A word reaches all positions of any array of fewer than 2^32 rows.
    std::swap(order[i], order[i + words[i % 4] % (order.size() - i)]);
  }
}

absl::StatusOr<KernelRun> ShufflePrepare(PrepareContext& p) {
  const TensorShape& shape = p.input_shape(0);
  const int64_t rows = shape.rank() > 0 ? shape.dim(0) : 1;
  if (shape.num_elements() > 0) p.RequestScratch(rows * static_cast<int64_t>(sizeof(int64_t)));
  return KernelRun([rows, seed = p.attr<int64_t>("seed"),
                    seed2 = p.attr<int64_t>("seed2")](KernelContext& c) {
    const Tensor& value = c.input(0);
    if (value.num_elements() == 0) return absl::OkStatus();
    const absl::Span<int64_t> order(static_cast<int64_t*>(c.scratch()), static_cast<size_t>(rows));
    std::iota(order.begin(), order.end(), 0);
    Shuffle(StreamOf(c, seed, seed2), order);
    GatherLayout layout;
    layout.axis_size = layout.count = rows;
    layout.inner = value.num_elements() / rows;
    GatherRows<int64_t>(value.dtype(), layout, value.raw(), order.data(),
                        c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

}  // namespace

OpSpec RandomShuffleOp() {
  return OpSpec("RandomShuffle")
      .Input("value: T")
      .Output("output: T")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Prepare(ShufflePrepare)
      .NoKernelFor("T", {DType::kVariant}, "tensors cannot hold variants")
      .Random()
      .NotDifferentiable("TensorFlow gives it no gradient");
}

Output RandomShuffle(At at, Output value, std::optional<int64_t> seed) {
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  return at.Node("RandomShuffle", {value}, {{"seed", seed1}, {"seed2", seed2}});
}

}  // namespace sluice::ops
