#include "layers/rnn_cell.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"

namespace sluice::layers {
namespace {

Output IntVector(At at, int64_t value) {
  return ops::Const<int32_t>(at, {static_cast<int32_t>(value)});
}

// [batch] as a vector: the nodes of TensorFlow's _concat.
Output BatchVector(At at, const ops::Ints& batch) {
  if (!batch.is_tensor()) return IntVector(at, *batch.number());
  const Output size = batch.Tensor(at, "batch");
  const At inside = at.Composite("ExpandDims");
  return inside.AsScope().Node("ExpandDims", {size, ops::Const(inside.Named("dim"), 0)});
}

Output ZeroTensor(At at, const ops::Ints& batch, int64_t size, DType dtype) {
  const Output rows = BatchVector(at, batch);
  const Output columns = IntVector(at, size);
  const At concat = at.Composite("concat");
  const Output axis = ops::Const(concat.Named("axis"), 0);
  const Output shape = concat.AsScope().Node("ConcatV2", {rows, columns, axis});
  const At zeros = at.Composite("zeros");
  const Output state =
      zeros.AsScope().Node("Fill", {shape, ops::ConstOf(zeros.Named("Const"), dtype, 0)});
  // Of a batch whose size only a run knows, the width is known all the same.
  if (!state.empty()) at.graph().SetShape(state, {-1, size}).IgnoreError();
  return state;
}

absl::Status CheckBatch(const ops::Ints& batch) {
  if (batch.is_tensor() || (batch.number() != nullptr && *batch.number() >= 0))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      "batch_size must be a number >= 0 or a scalar tensor of the graph");
}

}  // namespace

CellStep RNNCell::Step(At at, const Output& input, const Outputs& state) {
  Outputs inputs = {input};
  inputs.insert(inputs.end(), state.begin(), state.end());
  Outputs outputs = Apply(at, inputs);
  if (outputs.empty()) return {Output(), Outputs(state.size())};
  return {outputs[0], Outputs(outputs.begin() + 1, outputs.end())};
}

std::vector<bool> RNNCell::IsMemory() const { return std::vector<bool>(StateSize().size(), false); }

Outputs RNNCell::ZeroState(At at, ops::Ints batch, DType dtype) const {
  const absl::Status status = CheckBatch(batch);
  if (!status.ok()) at.Fail(class_name(), status);
  const std::vector<int64_t> sizes = StateSize();
  if (!at.ok()) return Outputs(sizes.size());
  const At inside = at.Sub(class_name() + "ZeroState");
  Outputs state;
  for (const int64_t size : sizes) state.push_back(ZeroTensor(inside, batch, size, dtype));
  return state;
}

absl::StatusOr<int64_t> RNNCell::InputDepth(const std::vector<TensorShape>& inputs) const {
  const TensorShape& input = inputs[0];
  if (!input.rank_known() || input.rank() == 0 || input.dim(-1) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expected inputs.shape[-1] to be known, saw shape: ", input.ToString()));
  }
  if (!IsFloating(dtype())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "RNN cell only supports floating point inputs, but saw dtype: ", DTypeName(dtype())));
  }
  return input.dim(-1);
}

void RNNCell::ExpectMatrices() {
  input_spec_ = {{.ndim = 2}};
  for (const int64_t size : StateSize()) input_spec_.push_back({.ndim = 2, .axes = {{-1, size}}});
}

void CellFields(ConfigFields& f, const char* name, std::vector<std::shared_ptr<RNNCell>>& cells) {
  std::vector<std::shared_ptr<Layer>> layers(cells.begin(), cells.end());
  f(name, layers);
  cells.clear();
  // What is no cell becomes null, which the owner refuses.
  for (const std::shared_ptr<Layer>& layer : layers)
    cells.push_back(std::dynamic_pointer_cast<RNNCell>(layer));
}

void CellField(ConfigFields& f, const char* name, std::shared_ptr<RNNCell>& cell) {
  std::shared_ptr<Layer> layer = cell;
  f(name, layer);
  cell = std::dynamic_pointer_cast<RNNCell>(layer);
}

}  // namespace sluice::layers
