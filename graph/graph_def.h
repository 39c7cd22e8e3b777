// Graphs as TensorFlow's messages: GraphDef in and out, binary and text.
#ifndef SLUICE_GRAPH_GRAPH_DEF_H_
#define SLUICE_GRAPH_GRAPH_DEF_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/memory.h"
#include "graph/graph.h"

namespace sluice {
namespace proto {
class GraphDef;
class MetaGraphDef;
class OpDef;
class OpList;
}  // namespace proto

// Version written to GraphDef.versions.producer: the last of the 1.x line. min_consumer is 0. It is
// also the consumer version that an imported graph must allow.
inline constexpr int kGraphDefProducer = 27;
// Written to MetaGraphDef.meta_info_def.tensorflow_version: whose semantics the graph has.
inline constexpr char kTensorFlowVersion[] = "1.15.0";

struct ExportOptions {
  bool add_shapes = false;  // adds attr _output_shapes to nodes whose file did not say it
  bool add_shapes_to_imported = true;  // false: add_shapes means nodes that were built here
  bool strip_default_attrs = false;    // leaves out attrs that equal the schema's default
};
// Nodes in creation order; inputs as rule NS-15 says: data in order ("op" for "op:0"), then control
// inputs, sorted. What was imported goes out as it came in, field by field: the order of the nodes,
// attributes that the file left to their defaults, encodings of constants, unknown fields, the
// function library. Versions are the file's; after several imports, what all of them allow. (Where
// names changed on the way in, inputs are spelled as above.) The graph's error when it has failed.
absl::Status ToGraphDef(const Graph& graph, proto::GraphDef* def,
                        const ExportOptions& options = {});

// Arguments of tf.import_graph_def.
struct ImportOptions {
  // "" keeps names, and makes unique those that the graph has already. Otherwise "prefix/" goes
  // before each: made unique, or, with a '/' at its end, as it is (rules IG-1, NS-6).
  std::string prefix = "";
  // "a:0", "a" or "^a" -> what replaces it as an input (rule IG-2).
  std::map<std::string, Output> input_map = {};
  // Tensors ("a:0") or operations ("a") of the GraphDef, under their names there (rule IG-3).
  std::vector<std::string> return_elements = {};
  // The ops as the file's writer knew them (MetaInfoDef.stripped_op_list), or null: an attribute
  // that our op lacks is left out when it has the default there.
  const proto::OpList* producer_ops = nullptr;
  bool clear_devices = false;  // leaves out where the nodes were placed
  // Asked before a constant is unpacked.
  std::shared_ptr<MemoryBudget> budget = MemoryBudget::Process();
};
// Adds the nodes of `def`, in any order, cycles only through NextIteration -> Merge. Returns
// return_elements. On an error `graph` is unchanged, and the message names the node.
//
// Attributes that a node lacks get their defaults; unknown ones are refused, except those that
// begin with '_' and those that later releases of TensorFlow added, at their default. An op that
// the registry lacks becomes opaque: it shows and exports, but does not run; so does a node with a
// constant of a dtype that a Tensor cannot hold. A call of a function in def.library() is opaque,
// too: a session runs the function's nodes in its place (graph/lower_functions.h).
//
// Errors in the words of rule IG-4: InvalidArgument for whatever is wrong with the file;
// FailedPrecondition for versions and for a finalized graph; ResourceExhausted for too many nodes
// and for constants that the budget refuses; the graph's own error when it has failed.
absl::StatusOr<Outputs> ImportGraphDef(const proto::GraphDef& def, Graph* graph,
                                       const ImportOptions& options = {});

// Arguments of tf.train.export_meta_graph (rules MG-1, COL-8).
struct MetaGraphExportOptions {
  // A name scope: only what lies below it goes out, under names without it. Inputs from elsewhere
  // become "$unbound_inputs_<name>", listed in the collection "unbound_inputs". (TensorFlow takes
  // whatever starts with these letters; here "net" does not mean "net_1".)
  std::string export_scope = "";
  bool clear_devices = false;
  bool strip_default_attrs = false;               // as ExportOptions; noted in the file
  std::vector<std::string> collection_list = {};  // keys to write; empty: all
  // The message that the graph was imported from, or null: what no graph holds is taken over, that
  // is tags, signatures, the saver, assets, collections of messages, unknown fields. With it, an
  // import followed by an export gives an equal message.
  const proto::MetaGraphDef* base = nullptr;
};
// The graph, with shapes, and its collections: variables as VariableDef, tensors and operations by
// name, numbers, bytes (rules COL-6, MG-1). A collection whose items are of different kinds is left
// out with a warning, an empty one silently. Bytes in a sub-scope are taken for names, except those
// of records ("savers", "queue_runners", "cond_context", "while_context"), which go out only with
// the whole graph. NotFound when nothing lies below export_scope.
absl::Status ToMetaGraphDef(const Graph& graph, proto::MetaGraphDef* def,
                            const MetaGraphExportOptions& options = {});

// Arguments of tf.train.import_meta_graph (rules MG-2, COL-7).
struct MetaGraphImportOptions {
  // Goes before all names, made unique; with a '/' at its end, as it is. "": names stay.
  std::string import_scope = "";
  // As ImportOptions::input_map. Its keys must be exactly the names in the file's collection
  // "unbound_inputs", if there is one: InvalidArgument ~ "Graph contains unbound inputs".
  std::map<std::string, Output> input_map = {};
  bool clear_devices = false;
};
// The same, back: variables are handles on the imported nodes, one per VariableDef, whichever
// collections name it. They are not found by get_variable (rule MG-3). Left to the caller:
// signatures, savers, assets, collections of messages (any_list). On an error, also one about a
// collection, `graph` is unchanged.
absl::Status ImportMetaGraph(const proto::MetaGraphDef& def, Graph* graph,
                             const MetaGraphImportOptions& options = {});

// The schema as TensorFlow's OpDef, without descriptions.
absl::Status ToOpDef(const OpSpec& spec, proto::OpDef* def);

// Whole files, maps in the order of their keys. ResourceExhausted above 2 GiB.
absl::StatusOr<std::string> SerializeGraphDef(const Graph& graph, bool text = false);
absl::StatusOr<std::string> SerializeMetaGraphDef(const proto::MetaGraphDef& def,
                                                  bool text = false);
// Binary or text; `text` for a path that ends in ".pbtxt", without it the bytes decide.
// InvalidArgument, for text with line and column.
absl::Status ParseGraphDef(absl::string_view bytes, bool text, proto::GraphDef* def);
absl::Status ParseMetaGraphDef(absl::string_view bytes, bool text, proto::MetaGraphDef* def);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRAPH_DEF_H_
