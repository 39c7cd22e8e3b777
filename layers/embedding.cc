#include "layers/embedding.h"

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "ops/cast.h"
#include "ops/const.h"

namespace sluice::layers {

void EmbeddingOptions::Fields(ConfigFields& f) {
  f("input_dim", input_dim);
  f("output_dim", output_dim);
  f("embeddings_initializer", embeddings_initializer);
  f("embeddings_regularizer", embeddings_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("embeddings_constraint", embeddings_constraint);
  f("mask_zero", mask_zero);
  f("input_length", input_length);
  f("trainable", trainable);
  f("dtype", dtype);
  f("name", name);
}

EmbeddingLayer::EmbeddingLayer(EmbeddingOptions options, LayerKind kind)
    : LayerOf(kind, "Embedding", std::move(options)) {
  supports_masking_ = options_.mask_zero;
}

namespace {

absl::Status CheckLength(const std::vector<int64_t>& length, const TensorShape& input) {
  if (length.empty() || !input.rank_known()) return absl::OkStatus();
  bool fits = input.rank() == static_cast<int>(length.size()) + 1;
  for (size_t i = 0; fits && i < length.size(); ++i) {
    const int64_t have = input.dim(static_cast<int>(i) + 1);
    fits = length[i] < 0 || have < 0 || have == length[i];
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"input_length\" is ", absl::StrJoin(length, ", "),
                   ", but received input has shape ", input.ToString()));
}

}  // namespace

absl::Status EmbeddingLayer::Build(At at, const TensorShape& input) {
  const EmbeddingOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("input_dim", o.input_dim));
  SLUICE_RETURN_IF_ERROR(CheckPositive("output_dim", o.output_dim));
  SLUICE_RETURN_IF_ERROR(CheckLength(o.input_length, input));
  embeddings_ = AddVariable(at, "embeddings",
                            {.shape = {o.input_dim, o.output_dim},
                             .initializer = o.embeddings_initializer,
                             .regularizer = o.embeddings_regularizer,
                             .constraint = o.embeddings_constraint});
  return absl::OkStatus();
}

Output EmbeddingLayer::Call(At at, const Output& input, const CallOptions&) {
  const bool ids = input.dtype() == DType::kInt32 || input.dtype() == DType::kInt64;
  const Output rows = ids ? input : ops::Cast(at, input, DType::kInt32);
  const At inside = at.Sub("embedding_lookup");
  const Output found = embeddings_.SparseRead(inside.AsScope(), rows);
  return found.empty() ? found : inside.Node("Identity", {found});
}

Outputs EmbeddingLayer::ComputeMask(At at, const Outputs& inputs, const Outputs& masks) {
  if (!options_.mask_zero) return Layer::ComputeMask(at, inputs, masks);
  const Output zero = ops::ConstOf(at.Named("NotEqual/y"), inputs[0].dtype(), 0);
  return {at.Node("NotEqual", {inputs[0], zero})};
}

Output Embedding(At at, Output inputs, EmbeddingOptions options) {
  return ApplyOnce<EmbeddingLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
