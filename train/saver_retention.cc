#include "train/saver_retention.h"

#include <cstddef>

namespace sluice::train {

void Retention::Add(const std::string& prefix, double now) {
  if (!keeps_list()) return;
  std::erase_if(kept_, [&](const Kept& k) { return k.prefix == prefix; });
  std::erase(doomed_, prefix);
  kept_.push_back({prefix, now});
  while (kept_.size() > static_cast<size_t>(max_to_keep_)) {
    const Kept oldest = kept_.front();
    kept_.erase(kept_.begin());
    if (oldest.time > next_preserved_) {
      next_preserved_ += interval_;
      last_preserved_ = oldest.time;
    } else {
      doomed_.push_back(oldest.prefix);
    }
  }
}

}  // namespace sluice::train
