// Cells made of cells: stacks, and wrappers (tf.nn.rnn_cell.MultiRNNCell, DropoutWrapper,
// ResidualWrapper, DeviceWrapper).
#ifndef SLUICE_LAYERS_RNN_WRAPPERS_H_
#define SLUICE_LAYERS_RNN_WRAPPERS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layers/rnn_cell.h"

namespace sluice::layers {

// Fields in the order of tf.nn.rnn_cell.MultiRNNCell's arguments.
struct MultiRNNCellOptions {
  std::vector<std::shared_ptr<RNNCell>> cells = {};  // required; from the input to the output
  bool state_is_tuple = true;  // false: all states side by side in one tensor, deprecated
  LayerName name = {};         // empty: "multi_rnn_cell", ...

  void Fields(ConfigFields& f);
};

// Each cell's output is the next one's input. Its state is that of its cells, one after the other;
// their variables lie below "cell_0", "cell_1", ... A cell given twice shares its variables.
// InvalidArgument: `Must specify at least one cell for MultiRNNCell.`; a cell of several state
// tensors without state_is_tuple.
class MultiRNNCell : public LayerOf<MultiRNNCellOptions, RNNCell> {
 public:
  explicit MultiRNNCell(MultiRNNCellOptions options, LayerKind kind = LayerKind::kObject);
  std::vector<int64_t> StateSize() const override;
  int64_t OutputSize() const override;
  std::vector<bool> IsMemory() const override;
  Outputs ZeroState(At at, ops::Ints batch, DType dtype = DType::kFloat) const override;

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  absl::Status CheckCells() const;
  std::vector<int64_t> FlatSizes() const;
  Outputs Cut(At at, const Output& joined) const;
};

// A cell around a cell. It opens no scope of its own: variables and ops are called as if the inner
// cell were used alone.
class CellWrapper : public RNNCell {
 public:
  std::vector<int64_t> StateSize() const override;
  int64_t OutputSize() const override;
  std::vector<bool> IsMemory() const override;
  Outputs ZeroState(At at, ops::Ints batch, DType dtype = DType::kFloat) const override;

 protected:
  using RNNCell::RNNCell;
  virtual const std::shared_ptr<RNNCell>& cell() const = 0;
  // Where the inner cell is built.
  virtual At Place(At at) const { return at; }
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  // The inner cell's step on {x, state...}: {output, new state...}.
  Outputs Inside(At at, const Outputs& inputs);
};

// The share of elements that dropout keeps: a number in (0, 1], or a floating scalar of the graph.
class KeepProb {
 public:
  KeepProb(double value) : value_(value) {}                // NOLINT: implicit
  KeepProb(Output tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit
  double value() const { return value_; }
  const Output& tensor() const { return tensor_; }  // empty: the number
  bool drops() const { return !tensor_.empty() || value_ < 1; }

 private:
  double value_ = 0;
  Output tensor_;
};

// Fields in the order of tf.nn.rnn_cell.DropoutWrapper's arguments.
struct DropoutWrapperOptions {
  std::shared_ptr<RNNCell> cell = {};  // required
  KeepProb input_keep_prob = 1.0;
  KeepProb output_keep_prob = 1.0;
  KeepProb state_keep_prob = 1.0;          // of the state handed on, but for an LSTM's memory
  bool variational_recurrent = false;      // the same mask at every step (Gal and Ghahramani 2016)
  std::optional<int64_t> input_size = {};  // depth of the input: variational with input_keep_prob
  DType dtype = DType::kInvalid;           // of the masks: required when variational
  std::optional<int64_t> seed = {};
  // Which tensors of the state to drop; empty: all that are no memory.
  std::vector<bool> dropout_state_filter = {};

  void Fields(ConfigFields& f);
};

// InvalidArgument: `Parameter input_keep_prob must be between 0 and 1`; `When
// variational_recurrent=True, dtype must be provided`; ..., `input_size must be provided`.
class DropoutWrapper : public LayerOf<DropoutWrapperOptions, CellWrapper> {
 public:
  explicit DropoutWrapper(DropoutWrapperOptions options, LayerKind kind = LayerKind::kWrapper);

 private:
  const std::shared_ptr<RNNCell>& cell() const override { return options_.cell; }
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  absl::Status CheckArguments(const Graph& graph) const;
  void MakeNoise(At at);
  Output Drop(At at, const Output& x, const KeepProb& keep, const char* salt, int index,
              const Outputs& noise) const;
  std::optional<int64_t> SeedOf(const char* salt, int index) const;

  Outputs input_noise_, state_noise_, output_noise_;  // [1, size] each; none unless variational
};

// What a ResidualWrapper adds up: the cell's input and output to the wrapper's output.
using ResidualFunction = std::function<Output(At at, Output input, Output output)>;
struct ResidualWrapperOptions {
  std::shared_ptr<RNNCell> cell = {};  // required
  ResidualFunction residual_fn = {};   // empty: input + output, which must have equal shapes

  void Fields(ConfigFields& f);
};
class ResidualWrapper : public LayerOf<ResidualWrapperOptions, CellWrapper> {
 public:
  explicit ResidualWrapper(ResidualWrapperOptions options, LayerKind kind = LayerKind::kWrapper);

 private:
  const std::shared_ptr<RNNCell>& cell() const override { return options_.cell; }
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};

struct DeviceWrapperOptions {
  std::shared_ptr<RNNCell> cell = {};  // required
  std::string device = {};             // of its ops and variables: "/cpu:0"

  void Fields(ConfigFields& f);
};
class DeviceWrapper : public LayerOf<DeviceWrapperOptions, CellWrapper> {
 public:
  explicit DeviceWrapper(DeviceWrapperOptions options, LayerKind kind = LayerKind::kWrapper);

 private:
  const std::shared_ptr<RNNCell>& cell() const override { return options_.cell; }
  At Place(At at) const override { return at.In(at.scope().Device(options_.device)); }
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RNN_WRAPPERS_H_
