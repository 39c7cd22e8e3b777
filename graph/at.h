// At: the first parameter of every builder: where to build, and the caller's file and line.
#ifndef SLUICE_GRAPH_AT_H_
#define SLUICE_GRAPH_AT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/attr_value.h"
#include "graph/output.h"
#include "graph/scope.h"

namespace sluice {

// Made from a Scope by conversion at the user's call, so that every error names the user's line
// without a macro.
class At {
 public:
  At(const Scope& scope, const char* file = __builtin_FILE(),
     int line = __builtin_LINE())  // NOLINT: implicit
      : scope_(scope), file_(file), line_(line) {}

  const Scope& scope() const { return scope_; }
  Graph& graph() const { return scope_.graph(); }
  bool ok() const;  // false once the graph has failed: building does nothing then

  // Adds a node: checks inputs and attributes against the op's schema (type attrs and counts are
  // inferred from the inputs, defaults filled), infers shapes, names it (the scope's Named() name,
  // else the op's), applies control inputs and device. Returns its first output, or the operation
  // when it has none. On any failure: Fail(). Inputs are flat, in schema order. An input that is an
  // operation, or of a failed graph, is an error.
  Output Node(absl::string_view op, const Outputs& inputs = {}, AttrMap attrs = {}) const;
  // The same, all outputs. (Empty list on failure: num_outputs empties when the schema tells.)
  Outputs Nodes(absl::string_view op, const Outputs& inputs = {}, AttrMap attrs = {}) const;

  // Keeps `why` as the graph's error when it is the first: "scope/Op: message (file.cc:28)".
  // Returns an empty Output.
  Output Fail(absl::string_view op, const absl::Status& why) const;

  // The same place in a derived scope; file and line stay the caller's.
  At In(const Scope& scope) const { return At(scope, file_, line_); }
  At Named(absl::string_view op_name) const { return In(scope_.Named(op_name)); }
  At Sub(absl::string_view name) const { return In(scope_.Sub(name, {file_, line_})); }
  // tf.name_scope(name, default_name): for builders that make several nodes. Opens the scope called
  // by Named(), else `default_name`.
  // InvalidArgument, kept on the graph, when there is neither, and for `values` of another graph
  // (rule NS-8).
  At Composite(absl::string_view default_name, const Outputs& values = {}) const;
  // The node that stands for the whole composite gets the scope's own name (TensorFlow's
  // name=scope): for the last node of a Composite.
  At AsScope() const;

  const char* file() const { return file_; }
  int line() const { return line_; }
  std::string location() const;

 private:
  Scope scope_;
  const char* file_;
  int line_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_AT_H_
