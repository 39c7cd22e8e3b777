// The hyper-parameters of pruning (tf.contrib.model_pruning.get_pruning_hparams, of TensorFlow
// 1.15).
#ifndef SLUICE_TRAIN_PRUNING_HPARAMS_H_
#define SLUICE_TRAIN_PRUNING_HPARAMS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::pruning {

// Height and width of a block of weights that is kept or dropped as a whole; -1: the full extent.
struct BlockDims {
  int64_t height = 1, width = 1;
};

// Fields in TensorFlow's order, with its names and defaults (rule PR-8). "Regex" is a regular
// expression (RE2 syntax) that is searched for in a weight's op name: "conv1" and "v1/ker" both
// match "conv1/kernel".
struct HParams {
  std::string name = "model_pruning";  // of the op and variable scopes of everything that is added
  int64_t begin_pruning_step = 0;      // the first global step at which masks may change
  int64_t end_pruning_step = -1;       // the last one; -1: for ever
  // "regex:sparsity": a target of its own for the weights that match. At each step their sparsity
  // is that of the schedule times (own target / target_sparsity). Empty strings do not count.
  std::vector<std::string> weight_sparsity_map = {""};
  // "regex:HxW": blocks of their own for the weights that match.
  std::vector<std::string> block_dims_map = {""};
  double threshold_decay = 0.0;    // new threshold = decay * old one + (1 - decay) * present one
  int64_t pruning_frequency = 10;  // global steps from one change of the masks to the next
  int64_t nbins = 256;  // of TensorFlow's histograms up to 1.12; thresholds are exact here, as in
                        // 1.15, which kept the field without a use
  int64_t block_height = 1;  // blocks of all other weights
  int64_t block_width = 1;
  std::string block_pooling_function = "AVG";  // or "MAX": how a block is measured
  double initial_sparsity = 0.0;               // where the schedule starts
  double target_sparsity = 0.5;                // where it ends
  int64_t sparsity_function_begin_step = 0;    // global steps between which sparsity changes
  int64_t sparsity_function_end_step = 100;
  double sparsity_function_exponent = 3.0;  // 1: linearly; above: faster at first
  bool use_tpu = false;                     // for files only
  // Regexes of weights and masks that are left alone: their masks stay as they are. (TensorFlow
  // dropped this field after 1.4, where the entries were plain substrings.)
  std::vector<std::string> do_not_prune = {""};

  // The defaults with what `values` says: "name=test,threshold_decay=0.9,do_not_prune=[a,b]". As
  // tf.contrib.training.HParams.parse: lists in brackets, "map[0]=x" for one entry of a list.
  // InvalidArgument ~ "Unknown hyperparameter type for x", "Could not parse hparam", "Malformed
  // hyperparameter value", "Multiple assignments to variable", "Must not pass a list for
  // single-valued parameter", "Must pass a list for multi-valued parameter".
  static absl::StatusOr<HParams> Parse(absl::string_view values);
  // The same over these values. On an error nothing changes.
  absl::Status Override(absl::string_view values);
  // "name=model_pruning,begin_pruning_step=0,...": what Parse() reads back. (print_hparams)
  std::string ToString() const;

  // Rule PR-9: steps, ranges, maps and regexes. InvalidArgument in its words.
  absl::Status Validate() const;
  // The maps, read. InvalidArgument in the words of rule PR-9.
  absl::StatusOr<std::vector<std::pair<std::string, double>>> WeightSparsities() const;
  absl::StatusOr<std::vector<std::pair<std::string, BlockDims>>> WeightBlockDims() const;
};

}  // namespace sluice::pruning

#endif  // SLUICE_TRAIN_PRUNING_HPARAMS_H_
