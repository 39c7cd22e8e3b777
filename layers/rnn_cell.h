// What all recurrent cells share: one step of a recurrence, and its state (tf.nn.rnn_cell.RNNCell,
// rule RN-1).
#ifndef SLUICE_LAYERS_RNN_CELL_H_
#define SLUICE_LAYERS_RNN_CELL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/const.h"

namespace sluice::layers {

// What one step gives.
struct CellStep {
  Output output;  // [batch, OutputSize()]; empty on an error
  Outputs state;  // as the state that went in
};

// A cell is a layer: inputs {x, state...}, outputs {output, new state...}, x being [batch, depth]
// with a known depth ("Expected inputs.shape[-1] to be known") and every tensor of the state
// [batch, its size]. Its variables are made at the first step and shared by all later ones, so that
// a network over time is a loop over Step (or nn::StaticRnn). A state of several tensors, in
// TensorFlow a nested tuple, is the flat list of them: an LSTM's is {c, h}, that of a stack the
// states of its cells one after the other.
class RNNCell : public Layer {
 public:
  // The same as Apply, by name. Several calls: TensorFlow's names ("basic_lstm_cell/MatMul_1").
  CellStep Step(At at, const Output& input, const Outputs& state);

  // The width of each tensor of the state, and of the output.
  virtual std::vector<int64_t> StateSize() const = 0;
  virtual int64_t OutputSize() const = 0;
  // Which tensors of the state are the memory of an LSTM, which dropout leaves alone.
  virtual std::vector<bool> IsMemory() const;
  // A state of zeros for a batch of that size, a number or an int32 scalar; op scope
  // "<class>ZeroState".
  virtual Outputs ZeroState(At at, ops::Ints batch, DType dtype = DType::kFloat) const;

 protected:
  using Layer::Layer;

  // The depth of the input. InvalidArgument when it is not known, and for dtypes that are not
  // floating.
  absl::StatusOr<int64_t> InputDepth(const std::vector<TensorShape>& inputs) const;
  // Demands matrices, those of the state of the sizes of StateSize(). For constructors.
  void ExpectMatrices();
};

// A field of a config that holds cells.
void CellFields(ConfigFields& f, const char* name, std::vector<std::shared_ptr<RNNCell>>& cells);
void CellField(ConfigFields& f, const char* name, std::shared_ptr<RNNCell>& cell);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RNN_CELL_H_
