// The line that shows how training goes: rewritten in place on a terminal, plain lines elsewhere.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_PROGRESS_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice::examples {

class Progress {
 public:
  // `first_step` and `last_step` of this run, `batch` images a step.
  Progress(int64_t first_step, int64_t last_step, int64_t batch);

  // Shows a finished step; on a terminal at most ten times a second, elsewhere every `plain_every`
  // steps.
  void Step(int64_t step, float loss, float accuracy);
  // Ends the present line and prints `text` as a line of its own.
  void Line(const std::string& text);

 private:
  std::string Describe(int64_t step, float loss, float accuracy) const;

  static constexpr int64_t kPlainEvery = 100;
  using Clock = std::chrono::steady_clock;
  const bool terminal_;
  const int64_t first_step_, last_step_, batch_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = {};
  bool open_line_ = false;
};

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_PROGRESS_H_
