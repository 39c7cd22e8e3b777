// Rewrites: how ops tell the session to replace pieces of a plan's work by others that compute the
// same faster (fusion, simplification). They live with the ops (ops/rewrites/) and are listed in
// the registry; the session applies them, in order, after concrete shapes are known and constants
// are folded, and before kernels are prepared and memory is planned.
//
// A plan's work is a line of *works*, each an op with attributes, reading and making *values*, both
// named by numbers. A rewrite sees only works that run always (not in a loop or behind a Switch)
// and whose shapes are all known.
#ifndef SLUICE_GRAPH_REWRITE_H_
#define SLUICE_GRAPH_REWRITE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/attr_value.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"

namespace sluice {

class Node;

class PlanEditor {
 public:
  static constexpr int kNone = -1;
  virtual ~PlanEditor() = default;

  // --- looking: nothing here allocates ---
  // Op, attributes and dtypes of a work. Its input edges are not to be used: inputs() below are.
  virtual const Node& node(int work) const = 0;
  virtual absl::Span<const int> inputs(int work) const = 0;
  virtual absl::Span<const int> outputs(int work) const = 0;
  // The work that makes `value`; kNone: it is fed, constant, or made by work that rewrites cannot
  // see.
  virtual int producer(int value) const = 0;
  // The works that read `value`, one entry for each of their inputs that is it.
  virtual absl::Span<const int> readers(int value) const = 0;
  // Every reader is in readers(): it is not fetched, not seen under another shape, and no work that
  // rewrites cannot see reads it.
  virtual bool only_readers(int value) const = 0;
  virtual DType dtype(int value) const = 0;
  virtual const TensorShape& shape(int value) const = 0;
  // Its value when it is the same in every run of the plan, else null.
  virtual const Tensor* constant(int value) const = 0;
  // It is constant, or comes from constants and variables that this plan does not write: the plan
  // computes it anew only when one of these variables has changed.
  virtual bool invariant(int value) const = 0;
  // `value` under another shape (a Reshape, ExpandDims, ... without work of its own): the value it
  // stands for, else `value` itself.
  virtual int unaliased(int value) const = 0;
  virtual bool deterministic() const = 0;  // SessionOptions::deterministic
  virtual int threads() const = 0;

  // Short forms. The op of `work` is `op` (false for kNone); value is read once, by one work that
  // rewrites can see.
  bool Is(int work, absl::string_view op) const;
  bool ReadOnce(int value) const { return only_readers(value) && readers(value).size() == 1; }

  // --- changing ---
  struct Work {
    std::string op;
    AttrMap attrs = {};            // completed with types, counts and defaults
    std::vector<int> inputs = {};  // flat, in schema order
    // The values that its outputs become: ones that exist (of the same dtype and shape), made by it
    // from now on; kNone: a new value.
    std::vector<int> outputs = {};
  };
  virtual int Constant(const Tensor& tensor) = 0;
  // Replaces `work`, which has no effects, by `by`: whoever made by.outputs before no longer does,
  // and works that nobody needs any more go, with what only they needed. The new work bears
  // `work`'s name in errors. It runs after what makes its inputs and before the first reader of its
  // outputs; when there is no such place (it would wait for itself), nothing happens and kNone
  // comes back, else the new work.
  virtual int Replace(int work, Work by) = 0;
  // Adds work whose outputs are all new, computed early enough for `reader`'s place to use them; at
  // once where the inputs are constants. Returns its output values, as many as the op has; empty
  // when the op refuses these inputs or attributes.
  virtual std::vector<int> Add(int reader, Work work) = 0;
  // Replaces `works`, updates of variables without outputs, by one that does them all, in the place
  // of the last. kNone, and nothing happens, when work in between looks at one of their variables
  // or has other effects.
  virtual int Merge(absl::Span<const int> works, Work by) = 0;
  // Everybody who reads `value` reads `instead` (same dtype; same number of elements) from now on.
  // False when somebody who must run before `instead` is made reads it, or it is fetched under a
  // shape of its own.
  virtual bool Forward(int value, int instead) = 0;
};

struct Rewrite {
  std::string name;         // "fuse_conv": for SessionOptions::disabled_rewrites
  std::string description;  // one line, shown by `sluice plan`
  // The ops at whose works it looks, empty: all. For a pattern: the op that ends it or that is
  // rarest.
  std::vector<std::string> ops;
  // Looks at one work and changes the plan around it, or does nothing. Returns true when it changed
  // something; it is then called for the same place again (the new work there) until it returns
  // false. Called for works in the order in which they run.
  std::function<bool(PlanEditor& plan, int work)> apply;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_REWRITE_H_
