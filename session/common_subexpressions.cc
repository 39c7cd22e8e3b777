#include "session/common_subexpressions.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/hash/hash.h"

namespace sluice {
namespace {

constexpr int64_t kLargestInternedBytes = 1024;

// Equal attributes hash equally; kinds that are rare or costly count by their kind only.
size_t HashAttr(const AttrValue& attr) {
  return std::visit(
      [&](const auto& value) -> size_t {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, int64_t> ||
                      std::is_same_v<T, bool> || std::is_same_v<T, DType> ||
                      std::is_same_v<T, TensorShape> || std::is_same_v<T, std::vector<int64_t>>) {
          return absl::HashOf(value);
        } else {
          return attr.value().index();
        }
      },
      attr.value());
}

bool Counts(const std::string& attr_name) { return attr_name.empty() || attr_name[0] != '_'; }

bool SameAttrs(const AttrMap& a, const AttrMap& b) {
  auto i = a.begin(), j = b.begin();
  while (true) {
    while (i != a.end() && !Counts(i->first)) ++i;
    while (j != b.end() && !Counts(j->first)) ++j;
    if (i == a.end() || j == b.end()) return i == a.end() && j == b.end();
    if (i->first != j->first || !(i->second == j->second)) return false;
    ++i;
    ++j;
  }
}

std::vector<int> Normalized(const Node& node, const std::vector<int>& inputs) {
  std::vector<int> key = inputs;
  if (node.spec().commutative() && key.size() == 2) std::sort(key.begin(), key.end());
  return key;
}

uint64_t HashWork(const Node& node, const std::vector<int>& normalized_inputs) {
  size_t hash = absl::HashOf(&node.spec(), normalized_inputs);
  for (const auto& [name, value] : node.attrs()) {
    if (Counts(name)) hash = absl::HashOf(hash, HashAttr(value));
  }
  return hash;
}

}  // namespace

const std::vector<int>* CommonSubexpressions::Find(const Node& node,
                                                   const std::vector<int>& inputs) const {
  const std::vector<int> key = Normalized(node, inputs);
  const auto found = entries_.find(HashWork(node, key));
  if (found == entries_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (&entry.node->spec() == &node.spec() && entry.inputs == key &&
        SameAttrs(entry.node->attrs(), node.attrs())) {
      return &entry.outputs;
    }
  }
  return nullptr;
}

void CommonSubexpressions::Add(const Node& node, const std::vector<int>& inputs,
                               std::vector<int> outputs) {
  std::vector<int> key = Normalized(node, inputs);
  const uint64_t hash = HashWork(node, key);
  entries_[hash].push_back({&node, std::move(key), std::move(outputs)});
}

int ConstantPool::Intern(const Tensor& tensor, const std::function<int(const Tensor&)>& add) {
  if (!IsTriviallyCopyable(tensor.dtype()) || tensor.byte_size() > kLargestInternedBytes) {
    return add(tensor);
  }
  std::string key = {static_cast<char>(tensor.dtype()), static_cast<char>(tensor.shape().rank())};
  const auto append = [&](const void* bytes, size_t count) {
    key.append(static_cast<const char*>(bytes), count);
  };
  for (int64_t dim : tensor.shape().dims()) append(&dim, sizeof(dim));
  append(tensor.raw(), static_cast<size_t>(tensor.byte_size()));
  const auto found = values_.find(key);
  if (found != values_.end()) return found->second;
  const int value = add(tensor);
  values_.emplace(std::move(key), value);
  return value;
}

}  // namespace sluice
