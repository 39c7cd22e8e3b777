#include "graph/imported_forms.h"

#include <algorithm>
#include <utility>

namespace sluice {

const ImportedForm* ImportedForms::Find(int node_id) const {
  const auto found = forms_.find(node_id);
  return found == forms_.end() ? nullptr : &found->second;
}

void ImportedForms::KeepOrder(std::vector<int> ids) {
  if (ids.empty()) return;
  const int first = *std::min_element(ids.begin(), ids.end());
  files_.push_back({.first = first, .ids = std::move(ids)});
}

std::vector<int> ImportedForms::Order(int num_nodes) const {
  std::vector<int> order;
  order.reserve(num_nodes);
  const auto fill_up_to = [&](int end) {
    for (int id = static_cast<int>(order.size()); id < end; ++id) order.push_back(id);
  };
  for (const File& file : files_) {
    fill_up_to(file.first);
    order.insert(order.end(), file.ids.begin(), file.ids.end());
  }
  fill_up_to(num_nodes);
  return order;
}

bool ImportedForms::IsImported(int node_id) const {
  return std::any_of(files_.begin(), files_.end(), [&](const File& file) {
    return file.first <= node_id && node_id < file.first + static_cast<int>(file.ids.size());
  });
}

void ImportedForms::Truncate(int num_nodes) {
  absl::erase_if(forms_, [&](const auto& form) { return form.first >= num_nodes; });
  while (!files_.empty() && files_.back().first >= num_nodes) files_.pop_back();
}

}  // namespace sluice
