// Adam (tf.train.AdamOptimizer; Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR
// 2015), in TensorFlow's order of operations: epsilon stands outside the bias correction.
//   m += (g - m)(1 - beta1);  v += (g^2 - v)(1 - beta2)
//   w -= learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)
#ifndef SLUICE_TRAIN_ADAM_H_
#define SLUICE_TRAIN_ADAM_H_

#include <string>
#include <vector>

#include "train/optimizer.h"

namespace sluice::train {

struct AdamOptions {
  Hyper learning_rate = 0.001;
  Hyper beta1 = 0.9;
  Hyper beta2 = 0.999;
  Hyper epsilon = 1e-8;
  bool use_locking = false;  // updates are locked either way
  std::string name = "Adam";
};

// Slots "m" and "v": the variables `<variable>/Adam` and `<variable>/Adam_1`. Besides, the
// variables `beta1_power` and `beta2_power`, which hold beta^(t+1) after t steps.
class Adam : public Optimizer {
 public:
  explicit Adam(AdamOptions options = {});

 protected:
  void CreateSlots(At at, const std::vector<Variable>& variables) override;
  void Prepare(At at) override;
  Output ApplyDense(At at, const Output& gradient, const Variable& variable) override;
  // Not lazy, as in TensorFlow: m and v decay everywhere and every row moves; only g is sparse.
  Output ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable) override;
  Outputs Finish(At at, const Outputs& updates) override;

 private:
  const AdamOptions options_;
  Variable beta1_power_, beta2_power_;
  Output learning_rate_, beta1_, beta2_, epsilon_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_ADAM_H_
