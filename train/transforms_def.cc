#include "train/transforms_def.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"

namespace sluice::train {

InputName ParseInputName(absl::string_view text) {
  InputName input;
  input.control = absl::ConsumePrefix(&text, "^");
  const size_t colon = text.rfind(':');
  if (!input.control && colon != absl::string_view::npos &&
      absl::SimpleAtoi(text.substr(colon + 1), &input.index)) {
    text = text.substr(0, colon);
  }
  input.node = std::string(text);
  return input;
}

std::string FormatInputName(const InputName& input) {
  if (input.control) return absl::StrCat("^", input.node);
  return input.index == 0 ? input.node : absl::StrCat(input.node, ":", input.index);
}

struct DefEditor::Entry {
  proto::NodeDef def;
  std::vector<Use> uses;
  std::vector<int> before;  // new nodes to be written before it
  bool removed = false, is_new = false;
  mutable std::shared_ptr<Tensor> value;  // of a Const, once asked for
};

DefEditor::DefEditor(proto::GraphDef* def) : def_(def) {}
DefEditor::~DefEditor() = default;

const proto::NodeDef& DefEditor::node(int i) const { return nodes_[i]->def; }
proto::NodeDef* DefEditor::mutable_node(int i) { return &nodes_[i]->def; }
bool DefEditor::alive(int i) const { return !nodes_[i]->removed; }
bool DefEditor::is_output(int i) const { return outputs_.contains(node(i).name()); }
const std::vector<DefEditor::Use>& DefEditor::UsesOf(int i) const { return nodes_[i]->uses; }
bool DefEditor::Is(int i, absl::string_view op) const { return i != kNone && node(i).op() == op; }

absl::StatusOr<std::unique_ptr<DefEditor>> DefEditor::Open(
    proto::GraphDef* def, const std::vector<std::string>& outputs) {
  std::unique_ptr<DefEditor> editor(new DefEditor(def));
  for (proto::NodeDef& node : *def->mutable_node()) {
    editor->nodes_.push_back(std::make_unique<Entry>());
    editor->nodes_.back()->def.Swap(&node);
  }
  const absl::Status linked = editor->Link(outputs);
  if (linked.ok()) return editor;
  for (int i = 0; i < def->node_size(); ++i) editor->nodes_[i]->def.Swap(def->mutable_node(i));
  return linked;
}

absl::Status DefEditor::Link(const std::vector<std::string>& outputs) {
  for (int i = 0; i < num_nodes(); ++i) {
    if (!by_name_.emplace(node(i).name(), i).second)
      return absl::InvalidArgumentError(
          absl::StrCat("Node '", Printable(node(i).name()), "' is not unique"));
  }
  for (int i = 0; i < num_nodes(); ++i) {
    for (int k = 0; k < node(i).input_size(); ++k) {
      const int producer = Find(ParseInputName(node(i).input(k)).node);
      if (producer == kNone)
        return absl::InvalidArgumentError(absl::StrCat("Node '", Printable(node(i).name()),
                                                       "': Unknown input node '",
                                                       Printable(node(i).input(k)), "'"));
      nodes_[producer]->uses.push_back({i, k});
    }
  }
  for (const std::string& output : outputs) {
    const std::string name = ParseInputName(output).node;
    if (Find(name) == kNone)
      return absl::NotFoundError(absl::StrCat(Printable(name), " is not in graph"));
    outputs_.insert(name);
  }
  return absl::OkStatus();
}

int DefEditor::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNone : found->second;
}

int DefEditor::num_data_inputs(int i) const {
  int n = 0;
  while (n < node(i).input_size() && !absl::StartsWith(node(i).input(n), "^")) ++n;
  return n;
}

int DefEditor::Producer(int i, int input, int* index) const {
  if (input >= node(i).input_size()) return kNone;
  const InputName name = ParseInputName(node(i).input(input));
  if (index != nullptr) *index = name.index;
  return Find(name.node);
}

bool DefEditor::ReadOnce(int i) const {
  if (is_output(i) || UsesOf(i).size() != 1) return false;
  const Use& use = UsesOf(i)[0];
  const InputName name = ParseInputName(node(use.node).input(use.input));
  return !name.control && name.index == 0;
}

int DefEditor::ConstantBehind(int i, int input) const {
  if (input >= num_data_inputs(i)) return kNone;
  int producer = Producer(i, input);
  for (int steps = 0; Is(producer, "Identity") && steps < num_nodes(); ++steps)
    producer = Producer(producer, 0);
  return Is(producer, "Const") ? producer : kNone;
}

const Tensor* DefEditor::ValueOf(int constant) const {
  if (!Is(constant, "Const")) return nullptr;
  const Entry& entry = *nodes_[constant];
  if (entry.value == nullptr) {
    entry.value = std::make_shared<Tensor>();
    const auto value = entry.def.attr().find("value");
    if (value == entry.def.attr().end()) return nullptr;
    absl::StatusOr<Tensor> read = TensorFromProto(value->second.tensor());
    if (read.ok()) *entry.value = *std::move(read);
  }
  return entry.value->empty_handle() ? nullptr : entry.value.get();
}

const Tensor* DefEditor::ConstantInput(int i, int input) const {
  return ValueOf(ConstantBehind(i, input));
}

void DefEditor::Forget(const Use& use) {
  const int producer = Producer(use.node, use.input);
  if (producer == kNone) return;
  std::vector<Use>& uses = nodes_[producer]->uses;
  uses.erase(
      std::remove_if(uses.begin(), uses.end(),
                     [&](const Use& u) { return u.node == use.node && u.input == use.input; }),
      uses.end());
}

void DefEditor::SetInput(int i, int input, const InputName& to) {
  Forget({i, input});
  nodes_[i]->def.set_input(input, FormatInputName(to));
  nodes_[Find(to.node)]->uses.push_back({i, input});
}

void DefEditor::RemoveInput(int i, int input) {
  Forget({i, input});
  for (int k = input + 1; k < node(i).input_size(); ++k) {  // the inputs behind it move
    for (Use& use : nodes_[Producer(i, k)]->uses) {
      if (use.node == i && use.input == k) {
        --use.input;
        break;
      }
    }
  }
  nodes_[i]->def.mutable_input()->DeleteSubrange(input, 1);
}

void DefEditor::AddControlInput(int i, const std::string& to) {
  const std::string text = absl::StrCat("^", to);
  for (const std::string& input : node(i).input()) {
    if (input == text) return;
  }
  nodes_[Find(to)]->uses.push_back({i, node(i).input_size()});
  nodes_[i]->def.add_input(text);
}

void DefEditor::Redirect(int from, int index, const InputName& to) {
  const std::vector<Use> uses = UsesOf(from);
  for (const Use& use : uses) {
    const InputName name = ParseInputName(node(use.node).input(use.input));
    if (!name.control && name.index == index) SetInput(use.node, use.input, to);
  }
}

void DefEditor::ClearDataInputs(int i) {
  while (num_data_inputs(i) > 0) RemoveInput(i, 0);
}

void DefEditor::Become(int i, const char* op, const std::vector<InputName>& inputs) {
  std::vector<std::string> control;
  ClearDataInputs(i);
  for (const std::string& input : node(i).input()) control.push_back(ParseInputName(input).node);
  while (node(i).input_size() > 0) RemoveInput(i, 0);
  nodes_[i]->def.set_op(op);
  nodes_[i]->def.clear_attr();
  nodes_[i]->value.reset();
  for (const InputName& input : inputs) {
    nodes_[Find(input.node)]->uses.push_back({i, node(i).input_size()});
    nodes_[i]->def.add_input(FormatInputName(input));
  }
  for (const std::string& name : control) AddControlInput(i, name);
}

absl::Status DefEditor::BecomeConstant(int i, const Tensor& value) {
  proto::AttrValue written;
  SLUICE_RETURN_IF_ERROR(ToProto(value, written.mutable_tensor()));
  Become(i, "Const", {});
  auto& attrs = *nodes_[i]->def.mutable_attr();
  attrs["dtype"].set_type(static_cast<proto::DataType>(value.dtype()));
  attrs["value"].Swap(&written);
  return absl::OkStatus();
}

int DefEditor::AddNode(const std::string& name, const char* op,
                       const std::vector<InputName>& inputs, int before) {
  std::string unique = name;
  for (int k = 1; by_name_.contains(unique); ++k) unique = absl::StrCat(name, "_", k);
  const int added = num_nodes();
  nodes_.push_back(std::make_unique<Entry>());
  nodes_[added]->is_new = true;
  nodes_[added]->def.set_name(unique);
  by_name_[unique] = added;
  nodes_[before]->before.push_back(added);
  Become(added, op, inputs);
  return added;
}

absl::StatusOr<int> DefEditor::AddConstant(const std::string& name, const Tensor& value,
                                           int before) {
  const int added = AddNode(name, "Const", {}, before);
  SLUICE_RETURN_IF_ERROR(BecomeConstant(added, value));
  return added;
}

void DefEditor::Rename(int i, const std::string& name) {
  by_name_.erase(node(i).name());
  by_name_[name] = i;
  nodes_[i]->def.set_name(name);
  for (const Use& use : UsesOf(i)) {
    InputName input = ParseInputName(node(use.node).input(use.input));
    input.node = name;
    nodes_[use.node]->def.set_input(use.input, FormatInputName(input));
  }
}

void DefEditor::Remove(int i) {
  while (node(i).input_size() > 0) RemoveInput(i, node(i).input_size() - 1);
  nodes_[i]->removed = true;
  by_name_.erase(node(i).name());
}

void DefEditor::RemoveUnused() {
  std::vector<bool> needed(nodes_.size(), false);
  std::vector<int> open;
  const auto need = [&](int i) {
    if (needed[i]) return;
    needed[i] = true;
    open.push_back(i);
  };
  for (const std::string& output : outputs_) need(Find(output));
  while (!open.empty()) {
    const int i = open.back();
    open.pop_back();
    for (int k = 0; k < node(i).input_size(); ++k) need(Producer(i, k));
  }
  for (int i = 0; i < num_nodes(); ++i) {
    if (alive(i) && !needed[i]) Remove(i);
  }
}

void DefEditor::Write(int i) {
  for (const int added : nodes_[i]->before) Write(added);
  if (alive(i)) nodes_[i]->def.Swap(def_->add_node());
}

void DefEditor::Save() {
  def_->clear_node();
  for (int i = 0; i < num_nodes(); ++i) {
    if (!nodes_[i]->is_new) Write(i);
  }
}

}  // namespace sluice::train
