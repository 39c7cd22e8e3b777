// Whole listings of graphs, for the tests that pin every name.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_NAMES_H_
#define SLUICE_TESTS_TESTING_PROGRAM_NAMES_H_

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice {

enum class Kind { kReference, kResource };

// --- what is expected: "name Op" per node ---

inline void AppendTo(Strings* all, const char* line) { all->push_back(line); }
inline void AppendTo(Strings* all, const std::string& line) { all->push_back(line); }
inline void AppendTo(Strings* all, const Strings& lines) {
  all->insert(all->end(), lines.begin(), lines.end());
}
// Lines and lists of lines, one after the other.
template <typename... Parts>
Strings List(const Parts&... parts) {
  Strings all;
  (AppendTo(&all, parts), ...);
  return all;
}
// `lines` with `prefix` before each.
inline Strings Below(const std::string& prefix, const Strings& lines) {
  Strings all;
  for (const std::string& line : lines) all.push_back(prefix + "/" + line);
  return all;
}

// The nodes of a variable after those of its initial value (rule VAR-1).
inline Strings VariableNodes(Kind kind, const std::string& name) {
  if (kind == Kind::kReference)
    return {name + " VariableV2", name + "/Assign Assign", name + "/read Identity"};
  return {name + " VarHandleOp", name + "/IsInitialized/VarIsInitializedOp VarIsInitializedOp",
          name + "/Assign AssignVariableOp", name + "/Read/ReadVariableOp ReadVariableOp"};
}
// A variable that starts as the small constant `value`: "zeros" or "ones" (rule VAR-2).
inline Strings ConstantVariable(Kind kind, const std::string& name,
                                const std::string& value = "zeros") {
  return List(name + "/Initializer/" + value + " Const", VariableNodes(kind, name));
}
// A variable with the default initializer, glorot_uniform (rules VAR-2, VS-7).
inline Strings GlorotVariable(Kind kind, const std::string& name) {
  const std::string uniform = name + "/Initializer/random_uniform";
  return List(Below(uniform, {"shape Const", "min Const", "max Const",
                              "RandomUniform RandomUniform", "sub Sub", "mul Mul"}),
              uniform + " Add", VariableNodes(kind, name));
}

// --- what is there ---

class NamesFixture : public ProgramFixture {
 protected:
  using CollectionNames = std::map<std::string, Strings>;

  // The root, for variables of that kind.
  Scope RootFor(Kind kind) const { return root_.With({.use_resource = kind == Kind::kResource}); }
  // All nodes from node `first` on, in the order in which they were made.
  Strings Nodes(int first = 0) const {
    Strings lines;
    for (int i = first; i < graph_.num_nodes(); ++i)
      lines.push_back(graph_.node(i)->name() + " " + graph_.node(i)->op());
    return lines;
  }
  // Everything in every collection, by name.
  CollectionNames Collections() const {
    CollectionNames all;
    for (const std::string& key : graph_.CollectionKeys()) {
      for (const CollectionItem& item : graph_.GetCollection(key)) {
        const Output* output = std::get_if<Output>(&item);
        const Variable* variable = std::get_if<Variable>(&item);
        all[key].push_back(output != nullptr     ? output->name()
                           : variable != nullptr ? variable->name()
                                                 : "<no name>");
      }
    }
    return all;
  }
  Strings InputsOf(const std::string& node_name) const {
    const Node* node = graph_.FindNode(node_name);
    if (node == nullptr) return {"no node " + node_name};
    Strings names = Names(node->inputs());
    for (const Node* control : node->control_inputs()) names.push_back("^" + control->name());
    return names;
  }
};

// For TEST_P: the same with either kind of variables.
class NamesOfKind : public NamesFixture, public ::testing::WithParamInterface<Kind> {
 protected:
  const Kind kind_ = GetParam();
  const Scope scope_ = RootFor(kind_);
};

inline auto EitherKind() { return ::testing::Values(Kind::kReference, Kind::kResource); }
inline std::string NameOfKind(const ::testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kReference ? "Reference" : "Resource";
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_NAMES_H_
