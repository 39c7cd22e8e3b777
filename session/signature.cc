#include "session/signature.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/node.h"

namespace sluice {
namespace {

// Python's tuple, as TensorFlow's message has it: (3,), (?, 4), ().
std::string TupleText(const TensorShape& shape) {
  if (!shape.rank_known()) return "<unknown>";
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    if (i > 0) text += ", ";
    if (shape.dim(i) < 0) {
      text += "?";
    } else {
      absl::StrAppend(&text, shape.dim(i));
    }
  }
  if (shape.rank() == 1) text += ",";
  return text + ")";
}

// `what` is "feed" or "fetch".
absl::Status CheckElement(const Graph& graph, const Output& output, const char* what, size_t i) {
  if (output.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " ", i, " is an empty Output: it was never built, or building it failed"));
  }
  const Node& node = *output.node();
  if (output.graph() != &graph) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", i, ": Tensor '",
                                                   Printable(output.name()),
                                                   "' is not an element of this graph."));
  }
  if (!output.is_operation() && (output.index() < 0 || output.index() >= node.num_outputs())) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", i, ": '", Printable(output.name()),
                                                   "': output index too large, must be < ",
                                                   node.num_outputs()));
  }
  return absl::OkStatus();
}

absl::Status CheckFeedable(const Output& to) {
  if (!to.is_operation()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Cannot feed a value for '", Printable(to.name()),
                                                 "': it is an operation, not a tensor"));
}

absl::Status CheckFeed(const Output& to, const Tensor& value) {
  const std::string name = Printable(to.name());
  if (value.empty_handle()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Cannot feed an empty handle for Tensor '", name, "'"));
  }
  const DType wanted = BaseType(to.dtype());
  // The outputs of an op that the registry lacks have no known dtype.
  if (wanted != DType::kInvalid && value.dtype() != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("Cannot feed value of dtype ",
                                                   DTypeName(value.dtype()), " for Tensor '", name,
                                                   "', which has dtype ", DTypeName(wanted)));
  }
  if (!to.shape().CompatibleWith(value.shape())) {
    return absl::InvalidArgumentError(
        absl::StrCat("Cannot feed value of shape ", TupleText(value.shape()), " for Tensor '", name,
                     "', which has shape '", TupleText(to.shape()), "'"));
  }
  return absl::OkStatus();
}

uint64_t Mix(uint64_t hash, uint64_t x) {
  hash = (hash ^ x) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

uint64_t MixElement(uint64_t hash, const Output& output) {
  return Mix(Mix(hash, reinterpret_cast<uintptr_t>(output.node())),
             static_cast<uint64_t>(output.index()));
}

}  // namespace

absl::Status CheckElements(const Graph& graph, absl::Span<const Output> feeds,
                           absl::Span<const Output> fetches) {
  if (fetches.empty()) {
    return absl::InvalidArgumentError("Must specify at least one target to fetch or execute.");
  }
  absl::flat_hash_set<Output> fed;
  for (size_t i = 0; i < feeds.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(CheckElement(graph, feeds[i], "feed", i));
    SLUICE_RETURN_IF_ERROR(CheckFeedable(feeds[i]));
    if (!fed.insert(feeds[i]).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensor '", Printable(feeds[i].name()), "' was fed more than once."));
    }
  }
  for (size_t i = 0; i < fetches.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(CheckElement(graph, fetches[i], "fetch", i));
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const Graph& graph, const Request& request) {
  std::vector<Output> fed;
  for (const auto& [to, value] : request.feeds) fed.push_back(to);
  SLUICE_RETURN_IF_ERROR(CheckElements(graph, fed, request.fetches));
  for (const auto& [to, value] : request.feeds) SLUICE_RETURN_IF_ERROR(CheckFeed(to, value));
  return absl::OkStatus();
}

uint64_t HashRequest(const Request& request) {
  uint64_t hash = Mix(request.feeds.size(), request.discard ? 1 : 0);
  for (const auto& [to, value] : request.feeds) {
    hash = Mix(MixElement(hash, to), static_cast<uint64_t>(value.dtype()));
    for (int64_t dim : value.shape().dims()) hash = Mix(hash, static_cast<uint64_t>(dim));
  }
  for (const Output& fetch : request.fetches) hash = MixElement(hash, fetch);
  return hash;
}

Signature::Signature(const Request& request) : discard_(request.discard) {
  for (const auto& [to, value] : request.feeds) {
    feeds_.push_back({to.node(), to.index(), value.dtype(), value.shape()});
  }
  for (const Output& fetch : request.fetches) fetches_.emplace_back(fetch.node(), fetch.index());
}

bool Signature::Matches(const Request& request) const {
  if (discard_ != request.discard || feeds_.size() != request.feeds.size() ||
      fetches_.size() != request.fetches.size()) {
    return false;
  }
  for (size_t i = 0; i < feeds_.size(); ++i) {
    const auto& [to, value] = request.feeds[i];
    const Feed& feed = feeds_[i];
    if (feed.node != to.node() || feed.index != to.index() || feed.dtype != value.dtype() ||
        feed.shape != value.shape()) {
      return false;
    }
  }
  for (size_t i = 0; i < fetches_.size(); ++i) {
    const Output& fetch = request.fetches[i];
    if (fetches_[i].first != fetch.node() || fetches_[i].second != fetch.index()) return false;
  }
  return true;
}

}  // namespace sluice
