// Graphs as TensorFlow's messages: GraphDef in and out, binary and text.
#ifndef SLUICE_GRAPH_GRAPH_DEF_H_
#define SLUICE_GRAPH_GRAPH_DEF_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"

namespace sluice {
namespace proto {
class GraphDef;
class MetaGraphDef;
class OpDef;
}  // namespace proto

// Version written to GraphDef.versions.producer: the last of the 1.x line. min_consumer is 0.
inline constexpr int kGraphDefProducer = 27;

struct ExportOptions {
  bool add_shapes = false;           // adds attr _output_shapes
  bool strip_default_attrs = false;  // leaves out attrs that equal the schema's default
};
// Nodes in creation order, inputs as rule NS-15 says. The graph's error when it has failed.
absl::Status ToGraphDef(const Graph& graph, proto::GraphDef* def,
                        const ExportOptions& options = {});

// Arguments of tf.import_graph_def.
struct ImportOptions {
  std::string prefix =
      "";  // "" keeps names; otherwise "prefix/" before each (made unique, rule IG-1)
  std::map<std::string, Output> input_map = {};  // "a:0", "a" or "^a" -> what replaces it
  std::vector<std::string> return_elements =
      {};  // tensors or operations of `def`, looked up after the import
};
// Adds the nodes of `def`, in any order, cycles only through NextIteration -> Merge. Checked whole
// before anything is added: on an error `graph` is unchanged. Ops that the registry lacks become
// opaque. Errors as rule IG-4. Returns return_elements.
absl::StatusOr<Outputs> ImportGraphDef(const proto::GraphDef& def, Graph* graph,
                                       const ImportOptions& options = {});

// MetaGraphDef: the graph with its collections (rules COL-6, COL-7, MG-1).
absl::Status ToMetaGraphDef(const Graph& graph, proto::MetaGraphDef* def);
absl::Status ImportMetaGraph(const proto::MetaGraphDef& def, Graph* graph);

// The schema as TensorFlow's OpDef.
absl::Status ToOpDef(const OpSpec& spec, proto::OpDef* def);

// Whole files. Binary or, where the path ends in ".pbtxt" or the bytes say so, text. Errors name
// the file.
absl::StatusOr<std::string> SerializeGraphDef(const Graph& graph, bool text = false);
absl::Status ParseGraphDef(absl::string_view bytes, bool text, proto::GraphDef* def);
absl::Status ParseMetaGraphDef(absl::string_view bytes, bool text, proto::MetaGraphDef* def);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRAPH_DEF_H_
