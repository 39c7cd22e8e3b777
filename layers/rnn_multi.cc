// MultiRNNCell, and what all wrappers share.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/rnn_nodes.h"
#include "layers/rnn_wrappers.h"
#include "ops/slice.h"

namespace sluice::layers {

void MultiRNNCellOptions::Fields(ConfigFields& f) {
  CellFields(f, "cells", cells);
  f("state_is_tuple", state_is_tuple);
  f("name", name);
}

MultiRNNCell::MultiRNNCell(MultiRNNCellOptions options, LayerKind kind)
    : LayerOf(kind, "MultiRNNCell", std::move(options)) {
  if (CheckCells().ok()) ExpectMatrices();
  if (!input_spec_.empty()) input_spec_[0] = {};  // the first cell's business
}

absl::Status MultiRNNCell::CheckCells() const {
  const auto& cells = options_.cells;
  if (cells.empty())
    return absl::InvalidArgumentError("Must specify at least one cell for MultiRNNCell.");
  for (const std::shared_ptr<RNNCell>& cell : cells) {
    if (cell == nullptr)
      return absl::InvalidArgumentError("The parameter cells holds what is not a RNNCell.");
    if (options_.state_is_tuple || cell->StateSize().size() == 1) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "Some cells return tuples of states, but the flag state_is_tuple is not set.  State sizes "
        "are: ",
        absl::StrJoin(FlatSizes(), ", ")));
  }
  return absl::OkStatus();
}

std::vector<int64_t> MultiRNNCell::FlatSizes() const {
  std::vector<int64_t> sizes;
  for (const std::shared_ptr<RNNCell>& cell : options_.cells) {
    if (cell == nullptr) continue;
    for (const int64_t size : cell->StateSize()) sizes.push_back(size);
  }
  return sizes;
}

std::vector<int64_t> MultiRNNCell::StateSize() const {
  const std::vector<int64_t> sizes = FlatSizes();
  if (options_.state_is_tuple) return sizes;
  return {std::accumulate(sizes.begin(), sizes.end(), int64_t{0})};
}

int64_t MultiRNNCell::OutputSize() const {
  const auto& cells = options_.cells;
  return cells.empty() || cells.back() == nullptr ? 0 : cells.back()->OutputSize();
}

std::vector<bool> MultiRNNCell::IsMemory() const {
  if (!options_.state_is_tuple) return {false};
  std::vector<bool> memory;
  for (const std::shared_ptr<RNNCell>& cell : options_.cells) {
    if (cell == nullptr) continue;
    for (const bool one : cell->IsMemory()) memory.push_back(one);
  }
  return memory;
}

Outputs MultiRNNCell::ZeroState(At at, ops::Ints batch, DType dtype) const {
  const absl::Status status = CheckCells();
  if (!status.ok()) at.Fail(class_name(), status);
  if (!options_.state_is_tuple || !at.ok()) return RNNCell::ZeroState(at, batch, dtype);
  const At inside = at.Sub("MultiRNNCellZeroState");
  Outputs state;
  for (const std::shared_ptr<RNNCell>& cell : options_.cells) {
    for (const Output& one : cell->ZeroState(inside, batch, dtype)) state.push_back(one);
  }
  return state;
}

absl::Status MultiRNNCell::Build(At, const std::vector<TensorShape>&) { return CheckCells(); }

// One tensor into the states of the cells.
Outputs MultiRNNCell::Cut(At at, const Output& joined) const {
  Outputs state;
  int64_t position = 0;
  for (const int64_t size : FlatSizes()) {
    state.push_back(ops::Slice(at, joined, {0, position}, {-1, size}));
    position += size;
  }
  return state;
}

Outputs MultiRNNCell::Call(At at, const Outputs& inputs, const CallOptions&) {
  Outputs state(inputs.begin() + 1, inputs.end());
  if (!options_.state_is_tuple) state = Cut(at, state[0]);
  Output x = inputs[0];
  Outputs next;
  auto taken = state.begin();
  for (size_t i = 0; i < options_.cells.size(); ++i) {
    RNNCell& cell = *options_.cells[i];
    const auto end = taken + static_cast<std::ptrdiff_t>(cell.StateSize().size());
    const At inside =
        at.In(at.scope().VariableScope(absl::StrCat("cell_", i), {}, {at.file(), at.line()}));
    CellStep step = cell.Step(inside, x, Outputs(taken, end));
    if (!at.ok()) return {};
    Adopt(cell);
    taken = end;
    x = step.output;
    next.insert(next.end(), step.state.begin(), step.state.end());
  }
  if (!options_.state_is_tuple) next = {rnn::Join(at, next)};
  next.insert(next.begin(), x);
  return next;
}

// --- wrappers ---

std::vector<int64_t> CellWrapper::StateSize() const {
  return cell() == nullptr ? std::vector<int64_t>() : cell()->StateSize();
}
int64_t CellWrapper::OutputSize() const { return cell() == nullptr ? 0 : cell()->OutputSize(); }
std::vector<bool> CellWrapper::IsMemory() const {
  return cell() == nullptr ? std::vector<bool>() : cell()->IsMemory();
}

namespace {

absl::Status NoCell() { return absl::InvalidArgumentError("The parameter cell is not a RNNCell."); }

}  // namespace

Outputs CellWrapper::ZeroState(At at, ops::Ints batch, DType dtype) const {
  if (cell() == nullptr) at.Fail(class_name(), NoCell());
  if (!at.ok()) return Outputs(StateSize().size());
  return cell()->ZeroState(Place(at.Sub(class_name() + "ZeroState")), batch, dtype);
}

absl::Status CellWrapper::Build(At, const std::vector<TensorShape>&) {
  return cell() == nullptr ? NoCell() : absl::OkStatus();
}

Outputs CellWrapper::Inside(At at, const Outputs& inputs) {
  Outputs outputs = cell()->Apply(Place(at), inputs);
  Adopt(*cell());
  return outputs;
}

}  // namespace sluice::layers
