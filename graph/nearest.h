// "Did you mean ...?": existing names close to one that does not exist.
#ifndef SLUICE_GRAPH_NEAREST_H_
#define SLUICE_GRAPH_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice {

// At most `count` of `names`, nearest first: by the number of single-character edits, counted less
// for names with the same last component ("kernel"). Names too far away to be meant are left out.
std::vector<std::string> NearestNames(absl::string_view wanted,
                                      const std::vector<std::string>& names, int count = 3);

// " Nearest names: 'a/kernel', 'b/kernel'." or "".
std::string DidYouMean(absl::string_view wanted, const std::vector<std::string>& names);

}  // namespace sluice

#endif  // SLUICE_GRAPH_NEAREST_H_
