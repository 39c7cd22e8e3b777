// The nodes of a GraphDef by what they compute.
#ifndef SLUICE_TOOLS_SLUICE_GRAPH_COLORS_H_
#define SLUICE_TOOLS_SLUICE_GRAPH_COLORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace sluice {
class OpRegistry;
namespace proto {
class GraphDef;
}  // namespace proto

namespace tools {

// A node as a diff sees it.
struct ColoredNode {
  struct Input {
    int node = 0;
    int index = 0;  // -1: control
    friend bool operator==(const Input&, const Input&) = default;
  };
  struct Reader {
    int node = 0, input = 0;  // input -1: control
  };
  std::string name, op;
  std::map<std::string, std::string> attrs;  // serialized; without defaults and annotations
  std::vector<Input> inputs;                 // data inputs in order, then control inputs
  int data_inputs = 0;
  std::vector<Reader> readers;
  // Hashes: of op and attributes; with all that it is computed from; with all that reads what it
  // computes, and what that reads, but not what the node is computed from; of both.
  uint64_t own = 0, from = 0, to = 0, whole = 0;
};

struct ColoredGraph {
  std::vector<ColoredNode> nodes;  // as in the GraphDef
  absl::flat_hash_map<std::string, int> by_name;

  // InvalidArgument: two nodes of one name, an input that no node makes. Hashes do not follow what
  // leads back in a loop (NextIteration -> Merge).
  absl::Status Read(const proto::GraphDef& def, const OpRegistry& registry);

 private:
  absl::Status Link(const proto::GraphDef& def);
  bool LeadsBack(int from, int to) const;
  void ColorForward();
  void ColorBackward();
};

}  // namespace tools
}  // namespace sluice

#endif  // SLUICE_TOOLS_SLUICE_GRAPH_COLORS_H_
