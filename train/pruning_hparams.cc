#include "train/pruning_hparams.h"

#include <cmath>
#include <functional>
#include <set>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "re2/re2.h"

namespace sluice::pruning {
namespace {

using Strings = std::vector<std::string>;

// One row per hyper-parameter.
struct Field {
  const char* name;
  const char* type;
  std::variant<std::string HParams::*, int64_t HParams::*, double HParams::*, bool HParams::*,
               Strings HParams::*>
      member;
  bool is_list() const { return std::holds_alternative<Strings HParams::*>(member); }
};
const Field kFields[] = {
    {"name", "str", &HParams::name},
    {"begin_pruning_step", "int", &HParams::begin_pruning_step},
    {"end_pruning_step", "int", &HParams::end_pruning_step},
    {"weight_sparsity_map", "str", &HParams::weight_sparsity_map},
    {"block_dims_map", "str", &HParams::block_dims_map},
    {"threshold_decay", "float", &HParams::threshold_decay},
    {"pruning_frequency", "int", &HParams::pruning_frequency},
    {"nbins", "int", &HParams::nbins},
    {"block_height", "int", &HParams::block_height},
    {"block_width", "int", &HParams::block_width},
    {"block_pooling_function", "str", &HParams::block_pooling_function},
    {"initial_sparsity", "float", &HParams::initial_sparsity},
    {"target_sparsity", "float", &HParams::target_sparsity},
    {"sparsity_function_begin_step", "int", &HParams::sparsity_function_begin_step},
    {"sparsity_function_end_step", "int", &HParams::sparsity_function_end_step},
    {"sparsity_function_exponent", "float", &HParams::sparsity_function_exponent},
    {"use_tpu", "bool", &HParams::use_tpu},
    {"do_not_prune", "str", &HParams::do_not_prune},
};

const Field* FindField(absl::string_view name) {
  for (const Field& field : kFields) {
    if (name == field.name) return &field;
  }
  return nullptr;
}

bool ParseBool(absl::string_view text, bool* value) {
  if (text == "true" || text == "True" || text == "1") return *value = true, true;
  if (text == "false" || text == "False" || text == "0") return *value = false, true;
  return false;
}

// One number, word or truth value from `text`.
bool SetScalar(const Field& field, absl::string_view text, HParams* h) {
  const absl::string_view word = absl::StripAsciiWhitespace(text);
  if (auto* s = std::get_if<std::string HParams::*>(&field.member))
    return h->**s = std::string(text), true;
  if (auto* i = std::get_if<int64_t HParams::*>(&field.member))
    return absl::SimpleAtoi(word, &(h->**i));
  if (auto* d = std::get_if<double HParams::*>(&field.member))
    return absl::SimpleAtod(word, &(h->**d));
  return ParseBool(word, &(h->*std::get<bool HParams::*>(field.member)));
}

// One "name=value", "name[index]=value" or "name=[value,value]".
struct Assignment {
  std::string name, value;
  int64_t index = -1;
  bool is_list = false;
};

// Takes the first assignment, with the comma after it, off `rest`. false when it is malformed.
bool TakeAssignment(absl::string_view* rest, Assignment* out) {
  static const RE2* const kSyntax =
      new RE2(R"(([a-zA-Z][\w.]*)(?:\[\s*(\d+)\s*\])?\s*=\s*(?:([^,\[]*)|\[([^\]]*)\])(,\s*|$))");
  re2::StringPiece input(rest->data(), rest->size()), value, list, name, index, end;
  if (!RE2::Consume(&input, *kSyntax, &name, &index, &value, &list, &end)) return false;
  out->name = std::string(name.data(), name.size());
  out->is_list = list.data() != nullptr;
  const re2::StringPiece text = out->is_list ? list : value;
  out->value = std::string(text.data(), text.size());
  if (!index.empty() &&
      !absl::SimpleAtoi(absl::string_view(index.data(), index.size()), &out->index))
    return false;
  *rest = absl::string_view(input.data(), input.size());
  return true;
}

absl::Status Assign(const Assignment& a, absl::string_view all, HParams* h) {
  const Field* field = FindField(a.name);
  if (field == nullptr)
    return absl::InvalidArgumentError(
        absl::StrCat("Unknown hyperparameter type for ", Printable(a.name)));
  const auto malformed = [&] {
    return absl::InvalidArgumentError(absl::StrCat("Could not parse hparam '", a.name,
                                                   "' of type '", field->type, "' with value '",
                                                   Printable(a.value), "' in ", Printable(all)));
  };
  if (!field->is_list()) {
    if (a.is_list)
      return absl::InvalidArgumentError(
          absl::StrCat("Must not pass a list for single-valued parameter: ", a.name));
    return a.index < 0 && SetScalar(*field, a.value, h) ? absl::OkStatus() : malformed();
  }
  Strings& list = h->*std::get<Strings HParams::*>(field->member);
  if (a.index >= 0) {
    if (a.is_list || a.index >= static_cast<int64_t>(list.size())) return malformed();
    list[a.index] = a.value;
    return absl::OkStatus();
  }
  if (!a.is_list)
    return absl::InvalidArgumentError(
        absl::StrCat("Must pass a list for multi-valued parameter: ", a.name));
  list = absl::StrSplit(a.value, absl::ByAnyChar(" ,"));
  return absl::OkStatus();
}

// "a:b" of the entries that are not empty, through read(a, b).
absl::Status ForEachEntry(
    const char* map, const Strings& entries,
    const std::function<absl::Status(const std::string&, const std::string&)>& read) {
  for (const std::string& entry : entries) {
    if (entry.empty()) continue;
    const Strings parts = absl::StrSplit(entry, ':');
    if (parts.size() != 2)
      return absl::InvalidArgumentError(
          absl::StrCat(map, ": expected name:value, got ", Printable(entry)));
    if (!RE2(parts[0], RE2::Quiet).ok())
      return absl::InvalidArgumentError(
          absl::StrCat(map, ": no regular expression: ", Printable(parts[0])));
    SLUICE_RETURN_IF_ERROR(read(parts[0], parts[1]));
  }
  return absl::OkStatus();
}

absl::Status CheckFraction(const char* name, double value) {
  if (value >= 0 && value < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " must be in range [0,1), got ", value));
}

absl::Status CheckBlockDim(const char* name, int64_t value) {
  if (value > 0 || value == -1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must be positive, or -1 for the full extent, got ", value));
}

}  // namespace

absl::StatusOr<HParams> HParams::Parse(absl::string_view values) {
  HParams parsed;
  SLUICE_RETURN_IF_ERROR(parsed.Override(values));
  return parsed;
}

absl::Status HParams::Override(absl::string_view values) {
  HParams changed = *this;
  std::set<std::string> seen;
  absl::string_view rest = values;
  while (!rest.empty()) {
    Assignment assignment;
    const absl::string_view here = rest;
    if (!TakeAssignment(&rest, &assignment))
      return absl::InvalidArgumentError(
          absl::StrCat("Malformed hyperparameter value: ", Printable(here)));
    SLUICE_RETURN_IF_ERROR(Assign(assignment, values, &changed));
    const std::string key = assignment.index < 0
                                ? assignment.name
                                : absl::StrCat(assignment.name, "[", assignment.index, "]");
    if (!seen.insert(key).second)
      return absl::InvalidArgumentError(
          absl::StrCat("Multiple assignments to variable '", key, "' in ", Printable(values)));
  }
  *this = std::move(changed);
  return absl::OkStatus();
}

std::string HParams::ToString() const {
  const auto text = [this](const Field& field) -> std::string {
    if (auto* s = std::get_if<std::string HParams::*>(&field.member)) return this->**s;
    if (auto* i = std::get_if<int64_t HParams::*>(&field.member)) return absl::StrCat(this->**i);
    if (auto* d = std::get_if<double HParams::*>(&field.member)) return absl::StrCat(this->**d);
    if (auto* b = std::get_if<bool HParams::*>(&field.member)) return this->**b ? "true" : "false";
    return absl::StrCat("[", absl::StrJoin(this->*std::get<Strings HParams::*>(field.member), ","),
                        "]");
  };
  Strings parts;
  for (const Field& field : kFields) parts.push_back(absl::StrCat(field.name, "=", text(field)));
  return absl::StrJoin(parts, ",");
}

absl::StatusOr<std::vector<std::pair<std::string, double>>> HParams::WeightSparsities() const {
  std::vector<std::pair<std::string, double>> all;
  SLUICE_RETURN_IF_ERROR(ForEachEntry(
      "weight_sparsity_map", weight_sparsity_map,
      [&](const std::string& regex, const std::string& text) -> absl::Status {
        double sparsity = 0;
        if (!absl::SimpleAtod(text, &sparsity) || std::isnan(sparsity))
          return absl::InvalidArgumentError(
              absl::StrCat("weight_sparsity_map: expected a number, got ", Printable(text)));
        if (sparsity >= 1)
          return absl::InvalidArgumentError(
              absl::StrCat("Weight sparsity can not exceed 1.0, got ", regex, ":", sparsity));
        SLUICE_RETURN_IF_ERROR(CheckFraction("weight_sparsity_map", sparsity));
        all.emplace_back(regex, sparsity);
        return absl::OkStatus();
      }));
  if (!all.empty() && target_sparsity == 0)
    return absl::InvalidArgumentError(
        "weight_sparsity_map scales by 1 / target_sparsity, which is 0");
  return all;
}

absl::StatusOr<std::vector<std::pair<std::string, BlockDims>>> HParams::WeightBlockDims() const {
  std::vector<std::pair<std::string, BlockDims>> all;
  SLUICE_RETURN_IF_ERROR(ForEachEntry(
      "block_dims_map", block_dims_map,
      [&](const std::string& regex, const std::string& text) -> absl::Status {
        const Strings parts = absl::StrSplit(text, 'x');
        BlockDims dims;
        if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &dims.height) ||
            !absl::SimpleAtoi(parts[1], &dims.width))
          return absl::InvalidArgumentError(absl::StrCat("Expected 2 values for block dim for ",
                                                         regex, ", got ", Printable(text)));
        SLUICE_RETURN_IF_ERROR(CheckBlockDim("block_dims_map", dims.height));
        SLUICE_RETURN_IF_ERROR(CheckBlockDim("block_dims_map", dims.width));
        all.emplace_back(regex, dims);
        return absl::OkStatus();
      }));
  return all;
}

absl::Status HParams::Validate() const {
  if (begin_pruning_step < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("Illegal value for begin_pruning_step: ", begin_pruning_step));
  if (begin_pruning_step >= end_pruning_step && end_pruning_step != -1)
    return absl::InvalidArgumentError(
        absl::StrCat("Pruning must begin before it can end. begin_step=", begin_pruning_step,
                     ", end_step=", end_pruning_step,
                     ". Set end_pruning_step to -1 if pruning is required till training stops"));
  if (sparsity_function_begin_step < 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "Illegal value for sparsity_function_begin_step: ", sparsity_function_begin_step));
  if (sparsity_function_begin_step >= sparsity_function_end_step)
    return absl::InvalidArgumentError(
        absl::StrCat("Sparsity function requires begin_step < end_step, got ",
                     sparsity_function_begin_step, " and ", sparsity_function_end_step));
  SLUICE_RETURN_IF_ERROR(CheckFraction("threshold_decay", threshold_decay));
  SLUICE_RETURN_IF_ERROR(CheckFraction("initial_sparsity", initial_sparsity));
  SLUICE_RETURN_IF_ERROR(CheckFraction("target_sparsity", target_sparsity));
  SLUICE_RETURN_IF_ERROR(CheckBlockDim("block_height", block_height));
  SLUICE_RETURN_IF_ERROR(CheckBlockDim("block_width", block_width));
  SLUICE_RETURN_IF_ERROR(WeightSparsities().status());
  SLUICE_RETURN_IF_ERROR(WeightBlockDims().status());
  for (const std::string& regex : do_not_prune) {
    if (!RE2(regex, RE2::Quiet).ok())
      return absl::InvalidArgumentError(
          absl::StrCat("do_not_prune: no regular expression: ", Printable(regex)));
  }
  return absl::OkStatus();
}

}  // namespace sluice::pruning
