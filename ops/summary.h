// Summaries: serialized Summary messages for event files, which TensorBoard shows.
#ifndef SLUICE_OPS_SUMMARY_H_
#define SLUICE_OPS_SUMMARY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// One scalar per tag: `tags` (strings) and `values` (real numbers) have one shape.
Output ScalarSummary(At at, Output tags, Output values);
// tf.summary.scalar: nodes `<name>` and `<name>/tags`, added to the collection SUMMARIES. The tag
// is the op-name prefix with `name`; characters that TensorBoard does not take become '_'.
Output ScalarSummary(At at, absl::string_view name, Output value);

// The histogram of all elements of `values`. InvalidArgument "Nan in summary histogram for: ...",
// "Infinity in summary histogram for: ..." when one is NaN or infinite. `tag` is a scalar.
Output HistogramSummary(At at, Output tag, Output values);
Output HistogramSummary(At at, absl::string_view name, Output values);  // tf.summary.histogram

// All of them in one, for one fetch. InvalidArgument "Duplicate tag loss found in summary inputs".
Output MergeSummary(At at, const Outputs& inputs);
// tf.summary.merge_all: of the collection SUMMARIES. Empty when that is.
Output MergeAllSummaries(At at);

// `name` as a tag: see above. (summary_op_util.clean_tag)
std::string CleanTag(absl::string_view name);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SUMMARY_H_
