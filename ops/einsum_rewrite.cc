// tf.einsum as other ops: operands are multiplied from left to right, and a letter is summed as
// soon as nobody needs it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/einsum.h"
#include "ops/einsum_equation.h"
#include "ops/matmul.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"

namespace sluice::ops {
namespace {

bool Has(const EinsumLabels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

EinsumLabels Joined(std::initializer_list<const EinsumLabels*> parts) {
  EinsumLabels all;
  for (const EinsumLabels* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

// A tensor whose dimensions have labels.
struct Term {
  Output tensor;
  EinsumLabels labels;

  int64_t size(int label) const {
    const auto it = std::find(labels.begin(), labels.end(), label);
    if (it == labels.end()) return 1;
    return tensor.shape().dim(static_cast<int>(it - labels.begin()));
  }
};

// Dimension `label` of a term, as a scalar.
Output SizeTensor(At at, const Term& x, int label) {
  const int64_t axis = std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin();
  return StridedSlice(at, ShapeTensor(at, x.tensor), {axis}, {axis + 1}, {1},
                      {.shrink_axis_mask = 1});
}

Term SumAway(At at, Term x, const EinsumLabels& needed) {
  std::vector<int64_t> axes;
  EinsumLabels kept;
  for (size_t i = 0; i < x.labels.size(); ++i) {
    if (Has(needed, x.labels[i])) {
      kept.push_back(x.labels[i]);
    } else {
      axes.push_back(static_cast<int64_t>(i));
    }
  }
  if (axes.empty()) return x;
  return {Sum(at, x.tensor, Ints(axes)), kept};
}

Term Ordered(At at, const Term& x, const EinsumLabels& order) {
  if (order == x.labels) return x;
  std::vector<int64_t> perm;
  for (const int label : order)
    perm.push_back(std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin());
  return {Transpose(at, x.tensor, Ints(perm)), order};
}

// A dimension of a reshaped tensor: the product of some labels' sizes, each of a term that has it.
struct Factor {
  const Term* term;
  int label;
};
using Factors = std::vector<Factor>;

Factors FactorsOf(const Term& x, const EinsumLabels& labels) {
  Factors factors;
  for (const int label : labels) factors.push_back({&x, label});
  return factors;
}

// x with dimensions that are products; -1 serves for one that is not known while building.
Output ReshapeTo(At at, const Output& x, const std::vector<Factors>& dims) {
  std::vector<int64_t> sizes;
  for (const Factors& factors : dims) {
    int64_t size = 1;
    for (const Factor& f : factors)
      size = size < 0 || f.term->size(f.label) < 0 ? -1 : size * f.term->size(f.label);
    sizes.push_back(size);
  }
  if (TensorShape(sizes) == x.shape() && x.shape().fully_defined()) return x;
  const bool empty = std::count(sizes.begin(), sizes.end(), 0) > 0;
  const auto unknown = std::count(sizes.begin(), sizes.end(), -1);
  if (unknown == 0 || (unknown == 1 && !empty)) return Reshape(at, x, Ints(sizes));
  Outputs values;
  for (size_t i = 0; i < dims.size(); ++i) {
    Output value;
    if (sizes[i] >= 0) {
      value = ConstOf(at, DType::kInt32, static_cast<double>(sizes[i]));
    } else {
      for (const Factor& f : dims[i]) {
        const Output size = SizeTensor(at, *f.term, f.label);
        value = value.empty() ? size : Mul(at, value, size);
      }
    }
    values.push_back(value);
  }
  return Reshape(at, x, at.Node("Pack", values));
}

// The product of two terms, summed over the letters of both that `needed` lacks.
Term Multiply(At at, const Term& x, const Term& y, const EinsumLabels& needed) {
  EinsumLabels batch, free_x, free_y, contracted;
  for (const int label : x.labels)
    (!Has(y.labels, label) ? free_x : Has(needed, label) ? batch : contracted).push_back(label);
  for (const int label : y.labels)
    if (!Has(x.labels, label)) free_y.push_back(label);
  const Term a = Ordered(at, x, Joined({&batch, &free_x, &contracted}));
  const Term b = Ordered(at, y, Joined({&batch, &contracted, &free_y}));
  std::vector<Factors> dims_a, dims_b, dims;
  for (const int label : batch) {
    dims_a.push_back({{&a, label}});
    dims_b.push_back({{&b, label}});
    dims.push_back({{a.size(label) == 1 ? &b : &a, label}});
  }
  dims_a.push_back(FactorsOf(a, free_x));
  dims_b.push_back(FactorsOf(b, contracted));
  dims_a.push_back(FactorsOf(a, contracted));
  dims_b.push_back(FactorsOf(b, free_y));
  for (const int label : free_x) dims.push_back({{&a, label}});
  for (const int label : free_y) dims.push_back({{&b, label}});
  const Output left = ReshapeTo(at, a.tensor, dims_a), right = ReshapeTo(at, b.tensor, dims_b);
  // Without a sum the product of a column and a row is numpy's broadcasting.
  const Output product = contracted.empty() ? Mul(at, left, right) : BatchMatMulV2(at, left, right);
  return {ReshapeTo(at, product, dims), Joined({&batch, &free_x, &free_y})};
}

absl::Status CheckLettersOnce(const std::vector<std::string>& subscripts) {
  for (const std::string& text : subscripts) {
    for (const char c : text) {
      if (c == '.' || std::count(text.begin(), text.end(), c) == 1) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("Subscript not supported: an axis appears more than once: ", text));
    }
  }
  return absl::OkStatus();
}

struct Terms {
  std::vector<Term> terms;
  EinsumLabels output;
};

absl::StatusOr<Terms> LabelledTerms(absl::string_view text, const Outputs& inputs) {
  SLUICE_ASSIGN_OR_RETURN(const EinsumEquation equation, ParseEinsum(text));
  if (equation.inputs.size() != inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("Expected ", equation.inputs.size(),
                                                   " inputs for equation '", text, "', got ",
                                                   inputs.size()));
  }
  std::vector<std::string> subscripts = equation.inputs;
  subscripts.push_back(equation.output);
  SLUICE_RETURN_IF_ERROR(CheckLettersOnce(subscripts));
  Terms result;
  std::vector<TensorShape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].shape().rank_known())
      return absl::InvalidArgumentError("the ranks of all inputs must be known");
    shapes.push_back(inputs[i].shape());
    SLUICE_ASSIGN_OR_RETURN(EinsumLabels labels,
                            EinsumLabelsOf(equation.inputs[i], shapes[i].rank()));
    result.terms.push_back({inputs[i], std::move(labels)});
  }
  SLUICE_ASSIGN_OR_RETURN(const EinsumSizes sizes, EinsumSizesOf(equation, shapes));
  SLUICE_ASSIGN_OR_RETURN(result.output, EinsumOutputLabels(equation, sizes));
  return result;
}

}  // namespace

Output Einsum(At at, absl::string_view equation, const Outputs& inputs) {
  for (const Output& input : inputs)
    if (input.empty()) return Output();
  const absl::StatusOr<Terms> parsed = LabelledTerms(equation, inputs);
  if (!parsed.ok()) return at.Fail("Einsum", parsed.status());
  const At in = at.Composite("einsum");
  const std::vector<Term>& terms = parsed->terms;
  // needed[i]: the letters that the result or terms i, i + 1, ... have.
  std::vector<EinsumLabels> needed(terms.size() + 1, parsed->output);
  for (size_t i = terms.size(); i-- > 0;) needed[i] = Joined({&terms[i].labels, &needed[i + 1]});
  Term result = SumAway(in, terms[0], needed[1]);
  for (size_t i = 1; i < terms.size(); ++i) {
    const EinsumLabels wanted = Joined({&result.labels, &needed[i + 1]});
    result = Multiply(in, result, SumAway(in, terms[i], wanted), needed[i + 1]);
    result = SumAway(in, result, needed[i + 1]);
  }
  return Ordered(in, result, parsed->output).tensor;
}

}  // namespace sluice::ops
