// Finding equal work and equal constants while a program is compiled.
#ifndef SLUICE_SESSION_COMMON_SUBEXPRESSIONS_H_
#define SLUICE_SESSION_COMMON_SUBEXPRESSIONS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/tensor.h"
#include "graph/node.h"

namespace sluice {

// Nodes met so far, by op, attributes (those that begin with '_' do not count) and input values.
// For stateless ops only.
class CommonSubexpressions {
 public:
  // The outputs of an earlier node that computes the same, else null. Values are numbers; the order
  // of a commutative op's two does not count.
  const std::vector<int>* Find(const Node& node, const std::vector<int>& inputs) const;
  void Add(const Node& node, const std::vector<int>& inputs, std::vector<int> outputs);

 private:
  struct Entry {
    const Node* node;
    std::vector<int> inputs, outputs;
  };
  absl::flat_hash_map<uint64_t, std::vector<Entry>> entries_;
};

// Small constants met so far.
class ConstantPool {
 public:
  // The value of an earlier constant with the same dtype, shape and bits; else what `add` gives,
  // which is remembered. Large and non-trivial tensors are always new.
  int Intern(const Tensor& tensor, const std::function<int(const Tensor&)>& add);

 private:
  absl::flat_hash_map<std::string, int> values_;  // by dtype, shape and bytes
};

}  // namespace sluice

#endif  // SLUICE_SESSION_COMMON_SUBEXPRESSIONS_H_
