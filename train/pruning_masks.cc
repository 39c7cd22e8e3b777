#include "train/pruning_masks.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/add_n.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/gather.h"
#include "ops/pool.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/top_k.h"
#include "ops/unary.h"

namespace sluice::pruning {
namespace {

// The dimensions above 1.
std::vector<int64_t> Squeezed(const TensorShape& shape) {
  std::vector<int64_t> dims;
  for (const int64_t d : shape.dims()) {
    if (d != 1) dims.push_back(d);
  }
  return dims;
}

// Mean or maximum of every block of the matrix `a`, a matrix again.
Output Pooled(At at, const Output& a, int64_t rows, int64_t columns, BlockDims block,
              const std::string& function) {
  const std::vector<int64_t> window = {1, block.height, block.width, 1};
  const ops::PoolOptions options{.ksize = window, .strides = window, .padding = Padding::kSame};
  const Output image = ops::Reshape(at, a, {1, rows, columns, 1});
  const At named = at.Named("pooled");
  const Output pooled =
      function == "AVG" ? ops::AvgPool(named, image, options) : ops::MaxPool(named, image, options);
  return ops::Squeeze(at, pooled, {.squeeze_dims = {0, 3}});
}

// Every element of the matrix `m` becomes a block: the Kronecker product with ones.
Output Expanded(At at, const Output& m, BlockDims block) {
  const int64_t rows = m.shape().dim(0), columns = m.shape().dim(1);
  const Output one = ops::ConstOf(at, m.dtype(), 1);
  const Output ones = ops::Fill(at, {1, block.height, 1, block.width}, one);
  const Output product = ops::Mul(at, ops::Reshape(at, m, {rows, 1, columns, 1}), ones);
  return ops::Reshape(at, product, {rows * block.height, columns * block.width});
}

}  // namespace

NewMask LargestWeights(At at, Output weights, Output old_threshold, Output sparsity, double decay) {
  if (!at.ok() || weights.empty() || old_threshold.empty() || sparsity.empty()) return {};
  const DType dtype = weights.dtype();
  const int64_t n = weights.shape().num_elements();
  const Output a = ops::Abs(at, weights);
  // As many as fit: float32 counts like TensorFlow's.
  const Output kept = ops::Round(at, (1.0 - sparsity) * static_cast<double>(n));
  const Output k =
      ops::Minimum(at, ops::Maximum(at, ops::Cast(at, kept, DType::kInt32), ops::Const(at, 1)),
                   ops::Const(at, static_cast<int32_t>(n)));
  const Output sorted = ops::TopKV2(at, ops::Reshape(at, a, {-1}), static_cast<int>(n)).values;
  const Output present = ops::GatherV2(at, sorted, k - 1.0, 0);
  const Output threshold = ops::AddN(at, {present * (1 - decay), old_threshold * decay});
  return {threshold, ops::Cast(at, ops::GreaterEqual(at, a, threshold), dtype)};
}

NewMask LargestBlocks(At at, Output weights, Output old_threshold, Output sparsity, double decay,
                      BlockDims block, const std::string& pooling_function) {
  if (!at.ok() || weights.empty()) return {};
  const std::vector<int64_t> dims = Squeezed(weights.shape());
  if (dims.size() != 2 || (block.height == 1 && block.width == 1))
    return LargestWeights(at, weights, old_threshold, sparsity, decay);
  if (pooling_function != "AVG" && pooling_function != "MAX") {
    at.Fail("mask_update",
            absl::InvalidArgumentError(absl::StrCat("Unknown pooling function for block sparsity: ",
                                                    Printable(pooling_function))));
    return {};
  }
  block.height = block.height == -1 ? dims[0] : std::min(block.height, dims[0]);
  block.width = block.width == -1 ? dims[1] : std::min(block.width, dims[1]);
  const Output a = ops::Abs(at, weights);
  const Output pooled = Pooled(at, a, dims[0], dims[1], block, pooling_function);
  const NewMask blocks = LargestWeights(at, pooled, old_threshold, sparsity, decay);
  if (blocks.mask.empty()) return {};
  const Output inside = ops::Slice(at, Expanded(at, blocks.mask, block), {0, 0}, dims);
  return {blocks.threshold, ops::Reshape(at, inside, weights.shape())};
}

}  // namespace sluice::pruning
