// Momentum (tf.train.MomentumOptimizer): a = momentum a + g; w -= learning_rate a.
// Nesterov: w -= learning_rate g + learning_rate momentum a.
// Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
#ifndef SLUICE_TRAIN_MOMENTUM_H_
#define SLUICE_TRAIN_MOMENTUM_H_

#include <string>
#include <vector>

#include "train/optimizer.h"

namespace sluice::train {

struct MomentumOptions {
  Hyper learning_rate = {};  // required
  Hyper momentum = {};       // required
  bool use_locking = false;  // updates are locked either way
  std::string name = "Momentum";
  bool use_nesterov = false;
};

// Slot "momentum": the variable `<variable>/Momentum`.
class Momentum : public Optimizer {
 public:
  explicit Momentum(MomentumOptions options = {});

 protected:
  void CreateSlots(At at, const std::vector<Variable>& variables) override;
  void Prepare(At at) override;
  Output ApplyDense(At at, const Output& gradient, const Variable& variable) override;
  // The rows given only: the others keep their momentum and do not move.
  Output ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable) override;

 private:
  const MomentumOptions options_;
  Output learning_rate_, momentum_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_MOMENTUM_H_
