#include "ops/einsum_equation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

absl::Status CheckSubscripts(const std::string& subscripts, absl::string_view equation) {
  std::string letters = subscripts;
  const size_t ellipsis = letters.find(kEllipsis);
  if (ellipsis != std::string::npos) letters.erase(ellipsis, 3);
  if (letters.find(kEllipsis) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("Expected at most one ellipsis in '", subscripts,
                                                   "' of equation: ", equation));
  }
  for (const char c : letters) {
    if (!absl::ascii_isalpha(c)) {
      return absl::InvalidArgumentError(absl::StrCat("Invalid character '", std::string(1, c),
                                                     "' in einsum equation: ", equation));
    }
  }
  return absl::OkStatus();
}

std::string WithoutEllipsis(const std::string& subscripts) {
  return absl::StrReplaceAll(subscripts, {{kEllipsis, ""}});
}

std::string Letter(int label) { return std::string(1, static_cast<char>(label)); }

// `size` as the size of `label`, which has `known` so far.
absl::Status MergeSize(int label, int64_t size, int64_t* known) {
  const bool broadcasts = label < 0;
  if (*known == size) return absl::OkStatus();
  if (broadcasts && (*known == 1 || size == 1)) {
    if (*known == 1) *known = size;
    return absl::OkStatus();
  }
  if (*known < 0 || size < 0) {
    *known = std::max(*known, size);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Dimensions must be equal, but are ", *known, " and ", size, ": subscript ",
                   broadcasts ? std::string(kEllipsis) : Letter(label)));
}

}  // namespace

absl::StatusOr<EinsumEquation> ParseEinsum(absl::string_view text) {
  const std::string equation = absl::StrReplaceAll(text, {{" ", ""}});
  const std::vector<std::string> sides = absl::StrSplit(equation, "->");
  if (sides.size() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expecting exactly one '->' in einsum equation: ", text));
  }
  EinsumEquation result;
  result.inputs = absl::StrSplit(sides[0], ',');
  result.explicit_output = sides.size() == 2;
  for (const std::string& input : result.inputs)
    SLUICE_RETURN_IF_ERROR(CheckSubscripts(input, text));
  const std::string all = sides[0];
  if (result.explicit_output) {
    result.output = sides[1];
    SLUICE_RETURN_IF_ERROR(CheckSubscripts(result.output, text));
    for (const char c : WithoutEllipsis(result.output)) {
      if (all.find(c) != std::string::npos) continue;
      return absl::InvalidArgumentError(absl::StrCat("Output subscripts contain the label ",
                                                     Letter(c),
                                                     " which is not present in the input "
                                                     "subscripts: ",
                                                     text));
    }
    return result;
  }
  // numpy's rule: the dimensions of "...", then the letters that occur once, in order.
  std::string letters;
  for (const char c : all) {
    if (absl::ascii_isalpha(c) && std::count(all.begin(), all.end(), c) == 1) letters.push_back(c);
  }
  std::sort(letters.begin(), letters.end());
  result.output = all.find(kEllipsis) != std::string::npos ? kEllipsis + letters : letters;
  return result;
}

absl::StatusOr<EinsumLabels> EinsumLabelsOf(const std::string& subscripts, int rank) {
  const size_t ellipsis = subscripts.find(kEllipsis);
  const bool has_ellipsis = ellipsis != std::string::npos;
  const int letters = static_cast<int>(subscripts.size()) - (has_ellipsis ? 3 : 0);
  if (has_ellipsis ? rank < letters : rank != letters) {
    return absl::InvalidArgumentError(absl::StrCat("Expected input to have rank ",
                                                   has_ellipsis ? "at least " : "", letters,
                                                   " but got rank ", rank, ": ", subscripts));
  }
  EinsumLabels labels;
  for (size_t i = 0; i < subscripts.size(); ++i) {
    if (i == ellipsis) {
      for (int k = rank - letters; k > 0; --k) labels.push_back(-k);
      i += 2;
    } else {
      labels.push_back(subscripts[i]);
    }
  }
  return labels;
}

absl::StatusOr<EinsumSizes> EinsumSizesOf(const EinsumEquation& equation,
                                          const std::vector<TensorShape>& shapes) {
  EinsumSizes sizes;
  for (size_t i = 0; i < shapes.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(const EinsumLabels labels,
                            EinsumLabelsOf(equation.inputs[i], shapes[i].rank()));
    for (size_t axis = 0; axis < labels.size(); ++axis) {
      const int64_t size = shapes[i].dim(static_cast<int>(axis));
      const auto [it, fresh] = sizes.try_emplace(labels[axis], size);
      if (!fresh) SLUICE_RETURN_IF_ERROR(MergeSize(labels[axis], size, &it->second));
    }
  }
  return sizes;
}

absl::StatusOr<EinsumLabels> EinsumOutputLabels(const EinsumEquation& equation,
                                                const EinsumSizes& sizes) {
  int broadcast = 0;
  for (const auto& [label, size] : sizes) broadcast = std::max(broadcast, -label);
  const bool has_ellipsis = equation.output.find(kEllipsis) != std::string::npos;
  if (broadcast > 0 && !has_ellipsis) {
    return absl::InvalidArgumentError(absl::StrCat("Output subscripts must have an ellipsis for ",
                                                   broadcast,
                                                   " dimensions of the inputs: ", equation.output));
  }
  const int letters = static_cast<int>(WithoutEllipsis(equation.output).size());
  return EinsumLabelsOf(equation.output, letters + broadcast);
}

}  // namespace sluice::ops
