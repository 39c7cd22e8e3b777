#include "graph/export_scope.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/graph.pb.h"

namespace sluice {
namespace {

constexpr char kColocation[] = "_class";
constexpr char kColocationPrefix[] = "loc:@";

bool IsEnter(const proto::NodeDef& node) { return node.op() == "Enter" || node.op() == "RefEnter"; }

void StripColocation(const ExportScope& scope, proto::NodeDef* node) {
  const auto found = node->mutable_attr()->find(kColocation);
  if (found == node->mutable_attr()->end()) return;
  proto::AttrValue::ListValue kept;
  for (absl::string_view group : found->second.list().s()) {
    if (!absl::ConsumePrefix(&group, kColocationPrefix)) {
      kept.add_s(std::string(group));
    } else if (scope.Contains(group)) {
      kept.add_s(absl::StrCat(kColocationPrefix, scope.Strip(group)));
    }
  }
  if (kept.s().empty()) {
    node->mutable_attr()->erase(kColocation);
  } else {
    *found->second.mutable_list() = std::move(kept);
  }
}

// A loop's frame is called like the scope that it was built in.
void StripFrameName(const ExportScope& scope, proto::NodeDef* node) {
  const auto found = node->mutable_attr()->find("frame_name");
  if (!IsEnter(*node) || found == node->mutable_attr()->end()) return;
  if (scope.Contains(found->second.s())) found->second.set_s(scope.Strip(found->second.s()));
}

}  // namespace

ExportScope::ExportScope(absl::string_view scope) {
  const absl::string_view name = absl::StripSuffix(scope, "/");
  if (!name.empty()) prefix_ = absl::StrCat(name, "/");
}

bool ExportScope::Contains(absl::string_view name) const {
  return absl::StartsWith(name, prefix_) && name.size() > prefix_.size();
}

std::string ExportScope::Strip(absl::string_view name) const {
  return std::string(name.substr(prefix_.size()));
}

std::vector<std::string> ExportScope::CutOut(proto::GraphDef* def) const {
  if (whole()) return {};
  std::vector<std::string> unbound;
  absl::flat_hash_set<std::string> seen;
  int kept = 0;
  for (int i = 0; i < def->node_size(); ++i) {
    proto::NodeDef* node = def->mutable_node(i);
    if (!Contains(node->name())) continue;
    node->set_name(Strip(node->name()));
    for (std::string& input : *node->mutable_input()) {
      absl::string_view producer = input;
      const char* control = absl::ConsumePrefix(&producer, "^") ? "^" : "";
      if (Contains(producer)) {
        input = absl::StrCat(control, Strip(producer));
      } else {
        input = absl::StrCat(control, kUnboundInputPrefix, producer);
        if (seen.insert(input).second) unbound.push_back(input);
      }
    }
    StripColocation(*this, node);
    StripFrameName(*this, node);
    def->mutable_node()->SwapElements(kept++, i);
  }
  def->mutable_node()->DeleteSubrange(kept, def->node_size() - kept);
  return unbound;
}

}  // namespace sluice
