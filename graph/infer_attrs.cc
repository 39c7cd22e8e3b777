#include "graph/infer_attrs.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// How many flat inputs the arguments take that are not counted by an attr still to be inferred, and
// how many arguments are.
struct Arity {
  int64_t fixed = 0;
  int open = 0;  // arguments whose count must be inferred
};

bool IsOpen(const ArgSpec& arg, const AttrMap& attrs) {
  const std::string& counter = arg.number_attr.empty() ? arg.type_list_attr : arg.number_attr;
  return !counter.empty() && FindAttr(attrs, counter) == nullptr;
}

Arity CountArity(const OpSpec& spec, const AttrMap& attrs) {
  Arity arity;
  for (const ArgSpec& arg : spec.inputs()) {
    if (IsOpen(arg, attrs)) {
      ++arity.open;
    } else {
      arity.fixed += ArgCount(arg, attrs);
    }
  }
  return arity;
}

}  // namespace

int64_t ArgCount(const ArgSpec& arg, const AttrMap& attrs) {
  if (!arg.type_list_attr.empty()) {
    const auto* types = FindAttr(attrs, arg.type_list_attr)->get_if<std::vector<DType>>();
    return types ? static_cast<int64_t>(types->size()) : 0;
  }
  if (arg.number_attr.empty()) return 1;
  const int64_t* n = FindAttr(attrs, arg.number_attr)->get_if<int64_t>();
  return n ? *n : 0;
}

absl::Status InferAttrs(const OpSpec& spec, absl::Span<const DType> inputs, AttrMap* attrs) {
  const Arity arity = CountArity(spec, *attrs);
  const int64_t spare = static_cast<int64_t>(inputs.size()) - arity.fixed;
  if (spare < 0 || (arity.open == 0 && spare != 0) || (arity.open > 0 && spare % arity.open != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", arity.fixed, arity.open ? " or more" : "", " inputs, got ", inputs.size()));
  }
  const int64_t open_count = arity.open ? spare / arity.open : 0;
  size_t next = 0;
  std::vector<std::pair<const ArgSpec*, int64_t>> counts;
  for (const ArgSpec& arg : spec.inputs())
    counts.emplace_back(&arg, IsOpen(arg, *attrs) ? open_count : ArgCount(arg, *attrs));
  for (const auto& [arg, count] : counts) {
    if (!arg->number_attr.empty()) attrs->try_emplace(arg->number_attr, count);
    if (!arg->type_list_attr.empty()) {
      std::vector<DType> types;
      for (int64_t i = 0; i < count; ++i) types.push_back(inputs[next + i]);
      attrs->try_emplace(arg->type_list_attr, std::move(types));
    } else if (!arg->type_attr.empty() && count > 0) {
      attrs->try_emplace(arg->type_attr, inputs[next]);
    }
    next += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace sluice
