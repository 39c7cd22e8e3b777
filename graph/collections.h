// Collections: ordered lists of things in a graph, found by key. (tf.GraphKeys)
#ifndef SLUICE_GRAPH_COLLECTIONS_H_
#define SLUICE_GRAPH_COLLECTIONS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "graph/output.h"
#include "graph/variable.h"

namespace sluice {

// A tensor or operation, a variable, a number, or bytes.
using CollectionItem = std::variant<Output, Variable, int64_t, float, std::string>;

// The exact strings of tf.GraphKeys (rule COL-1), as they stand in MetaGraphDef files.
namespace keys {
inline constexpr char kGlobalVariables[] = "variables";
inline constexpr char kLocalVariables[] = "local_variables";
inline constexpr char kMetricVariables[] = "metric_variables";
inline constexpr char kModelVariables[] = "model_variables";
inline constexpr char kTrainableVariables[] = "trainable_variables";
inline constexpr char kSummaries[] = "summaries";
inline constexpr char kQueueRunners[] = "queue_runners";
inline constexpr char kTableInitializers[] = "table_initializer";
inline constexpr char kAssetFilepaths[] = "asset_filepaths";
inline constexpr char kMovingAverageVariables[] = "moving_average_variables";
inline constexpr char kRegularizationLosses[] = "regularization_losses";
inline constexpr char kConcatenatedVariables[] = "concatenated_variables";
inline constexpr char kSavers[] = "savers";
inline constexpr char kWeights[] = "weights";
inline constexpr char kBiases[] = "biases";
inline constexpr char kActivations[] = "activations";
inline constexpr char kUpdateOps[] = "update_ops";
inline constexpr char kLosses[] = "losses";
inline constexpr char kSaveableObjects[] = "saveable_objects";
inline constexpr char kResources[] = "resources";
inline constexpr char kLocalResources[] = "local_resources";
inline constexpr char kTrainableResourceVariables[] = "trainable_resource_variables";
inline constexpr char kInitOp[] = "init_op";
inline constexpr char kLocalInitOp[] = "local_init_op";
inline constexpr char kReadyOp[] = "ready_op";
inline constexpr char kReadyForLocalInitOp[] = "ready_for_local_init_op";
inline constexpr char kSummaryOp[] = "summary_op";
inline constexpr char kGlobalStep[] = "global_step";
inline constexpr char kEvalStep[] = "eval_step";
inline constexpr char kTrainOp[] = "train_op";
inline constexpr char kCondContext[] = "cond_context";
inline constexpr char kWhileContext[] = "while_context";
// Of TensorFlow's own bookkeeping: kept in files.
inline constexpr char kSummaryV2[] = "_SUMMARY_V2";
inline constexpr char kStreamingModelPorts[] = "_streaming_model_ports";
}  // namespace keys

}  // namespace sluice

#endif  // SLUICE_GRAPH_COLLECTIONS_H_
