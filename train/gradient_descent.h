// Gradient descent (tf.train.GradientDescentOptimizer): w -= learning_rate g.
#ifndef SLUICE_TRAIN_GRADIENT_DESCENT_H_
#define SLUICE_TRAIN_GRADIENT_DESCENT_H_

#include <string>
#include <vector>

#include "train/optimizer.h"

namespace sluice::train {

struct GradientDescentOptions {
  Hyper learning_rate = {};  // required
  bool use_locking = false;  // updates are locked either way
  std::string name = "GradientDescent";
};

class GradientDescent : public Optimizer {
 public:
  explicit GradientDescent(GradientDescentOptions options = {});

 protected:
  void CreateSlots(At at, const std::vector<Variable>& variables) override;
  void Prepare(At at) override;
  Output ApplyDense(At at, const Output& gradient, const Variable& variable) override;
  // The rows given only; those given several times are subtracted one after another.
  Output ApplySparseDuplicateIndices(At at, const IndexedSlices& gradient,
                                     const Variable& variable) override;

 private:
  const GradientDescentOptions options_;
  Output learning_rate_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_GRADIENT_DESCENT_H_
