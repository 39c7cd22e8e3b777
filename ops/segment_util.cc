#include "ops/segment_util.h"

#include "absl/strings/str_cat.h"

namespace sluice::ops {

absl::StatusOr<int64_t> CountSortedSegments(const Tensor& tensor) {
  const IndexView ids(tensor);
  int64_t last = 0;
  for (int64_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < last) {
      return absl::InvalidArgumentError(
          absl::StrCat(ids[i] < 0 ? "segment ids must be >= 0" : "segment ids are not increasing",
                       ": segment_ids[", i, "] = ", ids[i]));
    }
    last = ids[i];
  }
  if (ids.size() == 0) return 0;
  if (last >= kMaxElements) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment_ids[", ids.size() - 1, "] = ", last, " is too large"));
  }
  return last + 1;
}

}  // namespace sluice::ops
