// Which checkpoints a saver keeps (rule SV-5). Used by train/saver.h.
#ifndef SLUICE_TRAIN_SAVER_RETENTION_H_
#define SLUICE_TRAIN_SAVER_RETENTION_H_

#include <string>
#include <utility>
#include <vector>

namespace sluice::train {

// A value: a copy can be tried and dropped. Times are seconds since 1970.
class Retention {
 public:
  struct Kept {
    std::string prefix;
    double time;  // when it was saved
  };

  Retention(int max_to_keep, double keep_every_n_hours, double now)
      : max_to_keep_(max_to_keep),
        interval_(keep_every_n_hours * 3600),
        next_preserved_(now + keep_every_n_hours * 3600) {}

  // A new checkpoint, the newest now, also when it was kept already. Those that are too many are
  // doomed, the oldest first; but one that is younger than the next moment of preserving is kept
  // for good, and the moment moves on by the interval. Without max_to_keep (<= 0) there is no list.
  void Add(const std::string& prefix, double now);
  // Instead of what is kept: oldest first. Nothing is doomed by it.
  void Set(std::vector<Kept> kept) { kept_ = std::move(kept); }

  bool keeps_list() const { return max_to_keep_ > 0; }
  const std::vector<Kept>& kept() const { return kept_; }    // oldest first
  double last_preserved() const { return last_preserved_; }  // 0: none yet
  // To be deleted, oldest first.
  const std::vector<std::string>& doomed() const { return doomed_; }
  void set_doomed(std::vector<std::string> doomed) { doomed_ = std::move(doomed); }

 private:
  int max_to_keep_;
  double interval_, next_preserved_;
  double last_preserved_ = 0;
  std::vector<Kept> kept_;
  std::vector<std::string> doomed_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SAVER_RETENTION_H_
