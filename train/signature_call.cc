#include "train/signature_call.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/nearest.h"
#include "graph/node.h"

namespace sluice {
namespace {

using Slot = SignatureCall::Slot;

std::string DescribeSlot(const Slot& slot) {
  return absl::StrCat("'", Printable(slot.key), "' ", DTypeName(slot.dtype), slot.shape.ToString());
}

// The slots of one side of a signature.
class SlotReader {
 public:
  SlotReader(const Graph& graph, const char* what, std::vector<std::string>* warnings)
      : graph_(graph), what_(what), warnings_(warnings) {}

  absl::Status Read(const std::map<std::string, ModelTensor>& tensors, std::vector<Slot>* slots) {
    for (const auto& [key, tensor] : tensors) {
      SLUICE_RETURN_IF_ERROR(
          Annotate(ReadTensor(key, tensor, slots), absl::StrCat(what_, " '", Printable(key), "'")));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadTensor(const std::string& key, const ModelTensor& tensor,
                          std::vector<Slot>* slots) {
    if (tensor.composite) {
      return absl::UnimplementedError("composite tensors (ragged ones and the like) cannot be run");
    }
    if (!tensor.sparse()) return Add(key, tensor.name, tensor.dtype, tensor.shape, slots);
    const int rank = tensor.shape.rank();
    SLUICE_RETURN_IF_ERROR(
        Add(absl::StrCat(key, ".values"), tensor.values, tensor.dtype, {-1}, slots));
    SLUICE_RETURN_IF_ERROR(
        Add(absl::StrCat(key, ".indices"), tensor.indices, DType::kInt64, {-1, rank}, slots));
    return Add(absl::StrCat(key, ".dense_shape"), tensor.dense_shape, DType::kInt64, {rank}, slots);
  }

  // The graph decides where it knows; where both know something, both hold.
  absl::Status Add(const std::string& key, const std::string& name, DType dtype,
                   const TensorShape& shape, std::vector<Slot>* slots) {
    Slot slot{.key = key, .dtype = dtype, .shape = shape};
    const bool operation = dtype == DType::kInvalid && !absl::StrContains(name, ":");
    SLUICE_ASSIGN_OR_RETURN(
        slot.tensor, operation ? FindModelOperation(graph_, name) : FindModelTensor(graph_, name));
    if (!slot.tensor.is_operation()) {
      const DType known = BaseType(slot.tensor.dtype());
      if (known != DType::kInvalid && known != dtype) {
        if (dtype != DType::kInvalid) Warn(slot, DTypeName(dtype), DTypeName(known));
        slot.dtype = known;
      }
      const absl::StatusOr<TensorShape> both = shape.MergeWith(slot.tensor.shape());
      if (!both.ok()) Warn(slot, shape.ToString(), slot.tensor.shape().ToString());
      slot.shape = both.ok() ? *both : slot.tensor.shape();
    }
    slots->push_back(std::move(slot));
    return absl::OkStatus();
  }

  void Warn(const Slot& slot, const std::string& said, const std::string& known) {
    if (warnings_ == nullptr) return;
    warnings_->push_back(absl::StrCat(what_, " '", Printable(slot.key), "' (",
                                      Printable(slot.tensor.name()), ") is ", known,
                                      " in the graph, the signature says ", said));
  }

  const Graph& graph_;
  const char* const what_;
  std::vector<std::string>* const warnings_;
};

// Those of `inputs` that `fetches` depend on when all of them are fed.
absl::flat_hash_set<Output> Needed(const Outputs& fetches, const std::vector<Slot>& inputs) {
  absl::flat_hash_set<Output> fed, met;
  for (const Slot& slot : inputs) fed.insert(slot.tensor);
  absl::flat_hash_set<const Node*> seen;
  std::vector<const Node*> todo;
  const auto need = [&](const Output& tensor) {
    if (fed.contains(tensor)) {
      met.insert(tensor);
    } else if (seen.insert(tensor.node()).second) {
      todo.push_back(tensor.node());
    }
  };
  for (const Output& fetch : fetches) need(fetch);
  while (!todo.empty()) {
    const Node& node = *todo.back();
    todo.pop_back();
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (node.input_edge(i).node != nullptr) need(node.input(i));
    }
    for (const Node* control : node.control_inputs()) need(control->operation());
  }
  return met;
}

}  // namespace

absl::StatusOr<Output> FindModelTensor(const Graph& graph, const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("names no tensor");
  const std::string full = absl::StrContains(name, ":") ? name : absl::StrCat(name, ":0");
  absl::StatusOr<Output> tensor = graph.FindTensor(full);
  if (tensor.ok()) return tensor;
  const Node* node = graph.FindNode(full.substr(0, full.rfind(':')));
  if (node == nullptr || !node->spec().opaque()) return tensor;
  return absl::UnimplementedError(absl::StrCat("node '", Printable(node->name()),
                                               "': Op type not registered '", Printable(node->op()),
                                               "'"));
}

absl::StatusOr<Output> FindModelOperation(const Graph& graph, const std::string& name) {
  return graph.FindOperation(name.substr(0, name.rfind(':')));
}

absl::StatusOr<SignatureCall> SignatureCall::Resolve(const Graph& graph,
                                                     const ModelSignature& signature,
                                                     std::vector<std::string>* warnings) {
  SignatureCall call;
  SLUICE_RETURN_IF_ERROR(
      SlotReader(graph, "input", warnings).Read(signature.inputs, &call.inputs_));
  SLUICE_RETURN_IF_ERROR(
      SlotReader(graph, "output", warnings).Read(signature.outputs, &call.outputs_));
  absl::flat_hash_map<Output, size_t> places;
  for (const Slot& slot : call.outputs_) {
    const auto [place, is_new] = places.emplace(slot.tensor, call.fetches_.size());
    if (is_new) call.fetches_.push_back(slot.tensor);
    call.fetched_.push_back(place->second);
  }
  const absl::flat_hash_set<Output> needed = Needed(call.fetches_, call.inputs_);
  for (Slot& slot : call.inputs_) {
    slot.optional =
        !needed.contains(slot.tensor) || slot.tensor.node()->op() == "PlaceholderWithDefault";
    const auto found = signature.defaults.find(slot.key);
    if (found == signature.defaults.end()) continue;
    const absl::StatusOr<Tensor> checked = call.Checked(slot, found->second);
    SLUICE_RETURN_IF_ERROR(Annotate(checked.status(), "default"));
    slot.default_value = *checked;
  }
  return call;
}

std::string SignatureCall::DescribeInputs() const {
  if (inputs_.empty()) return "it has no inputs";
  return absl::StrCat("its inputs are ",
                      absl::StrJoin(inputs_, ", ", [](std::string* out, const Slot& slot) {
                        absl::StrAppend(out, DescribeSlot(slot));
                      }));
}

absl::Status SignatureCall::UnknownInput(const std::string& key) const {
  std::vector<std::string> keys;
  for (const Slot& slot : inputs_) keys.push_back(slot.key);
  return absl::InvalidArgumentError(absl::StrCat("there is no input '", Printable(key), "'; ",
                                                 DescribeInputs(), ".", DidYouMean(key, keys)));
}

absl::StatusOr<Tensor> SignatureCall::Checked(const Slot& slot, const Tensor& value) const {
  const bool dtype_fits = slot.dtype == DType::kInvalid || value.dtype() == slot.dtype;
  if (dtype_fits && !value.empty_handle() && slot.shape.CompatibleWith(value.shape())) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "input ", DescribeSlot(slot), " got ",
      value.empty_handle() ? "an empty tensor"
                           : absl::StrCat(DTypeName(value.dtype()), value.shape().ToString())));
}

absl::Status SignatureCall::AddDefaults(Feeds* feeds) const {
  absl::flat_hash_set<Output> fed;
  for (const auto& [tensor, value] : *feeds) fed.insert(tensor);
  for (const Slot& slot : inputs_) {
    if (!slot.default_value.has_value() || !fed.insert(slot.tensor).second) continue;
    feeds->emplace_back(slot.tensor, *slot.default_value);
  }
  std::vector<std::string> missing;
  for (const Slot& slot : inputs_) {
    if (slot.optional || fed.contains(slot.tensor)) continue;
    missing.push_back(absl::StrCat("'", Printable(slot.key), "'"));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(missing.size() == 1 ? "input " : "inputs ", absl::StrJoin(missing, ", "),
                   missing.size() == 1 ? " is missing; " : " are missing; ", DescribeInputs()));
}

absl::StatusOr<Feeds> SignatureCall::MakeFeeds(const KeyedTensors& inputs) const {
  for (const auto& [key, value] : inputs) {
    const auto is_key = [&key = key](const Slot& slot) { return slot.key == key; };
    if (std::none_of(inputs_.begin(), inputs_.end(), is_key)) return UnknownInput(key);
  }
  Feeds feeds;
  absl::flat_hash_map<Output, const Slot*> fed;
  for (const Slot& slot : inputs_) {
    const auto given = inputs.find(slot.key);
    if (given == inputs.end()) continue;
    SLUICE_ASSIGN_OR_RETURN(Tensor value, Checked(slot, given->second));
    const auto [place, is_new] = fed.emplace(slot.tensor, &slot);
    if (is_new) {
      feeds.emplace_back(slot.tensor, std::move(value));
    } else if (!BitEqual(value, inputs.find(place->second->key)->second)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "inputs '", Printable(place->second->key), "' and '", Printable(slot.key), "' are both ",
          Printable(slot.tensor.name()), ", but were given different values"));
    }
  }
  SLUICE_RETURN_IF_ERROR(AddDefaults(&feeds));
  return feeds;
}

KeyedTensors SignatureCall::MakeResults(std::vector<Tensor> values) const {
  KeyedTensors results;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].tensor.is_operation()) results.emplace(outputs_[i].key, values[fetched_[i]]);
  }
  return results;
}

}  // namespace sluice
