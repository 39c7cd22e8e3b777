#include "examples/fashion_mnist/progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_format.h"

namespace sluice::examples {

Progress::Progress(int64_t first_step, int64_t last_step, int64_t batch)
    : terminal_(isatty(STDOUT_FILENO) != 0),
      first_step_(first_step),
      last_step_(last_step),
      batch_(batch) {}

std::string Progress::Describe(int64_t step, float loss, float accuracy) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double done = static_cast<double>(step - first_step_ + 1);
  const double per_second = seconds > 0 ? done / seconds : 0;
  const double left = per_second > 0 ? static_cast<double>(last_step_ - step) / per_second : 0;
  return absl::StrFormat("step %d/%d  loss %.4f  accuracy %.3f  %.0f images/s  %d:%02d left", step,
                         last_step_, loss, accuracy, per_second * static_cast<double>(batch_),
                         static_cast<int>(left) / 60, static_cast<int>(left) % 60);
}

void Progress::Step(int64_t step, float loss, float accuracy) {
  if (!terminal_) {
    if (step % kPlainEvery == 0 || step == last_step_)
      std::printf("%s\n", Describe(step, loss, accuracy).c_str());
    std::fflush(stdout);
    return;
  }
  const Clock::time_point now = Clock::now();
  if (step != last_step_ && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  open_line_ = true;
  std::printf("\r\033[K%s", Describe(step, loss, accuracy).c_str());
  std::fflush(stdout);
}

void Progress::Line(const std::string& text) {
  std::printf("%s%s\n", open_line_ ? "\n" : "", text.c_str());
  open_line_ = false;
  std::fflush(stdout);
}

}  // namespace sluice::examples
