#include "ops/string_split.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

absl::Status SplitShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  c.set_output(0, {-1, 2});
  c.set_output(1, TensorShape::OfRank(1));
  c.set_output(2, {2});
  return absl::OkStatus();
}

using Pieces = std::vector<absl::string_view>;

// Appends the pieces of `text` between characters of `delimiters`.
void CutAtCharacters(absl::string_view text, absl::string_view delimiters, bool skip_empty,
                     Pieces* pieces) {
  if (text.empty()) return;
  if (delimiters.empty()) {
    for (size_t i = 0; i < text.size(); ++i) pieces->push_back(text.substr(i, 1));
    return;
  }
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && delimiters.find(text[i]) == absl::string_view::npos) continue;
    if (i > begin || !skip_empty) pieces->push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
}

void CutAtWhitespace(absl::string_view text, int64_t maxsplit, Pieces* pieces) {
  text = absl::StripLeadingAsciiWhitespace(text);
  for (int64_t splits = 0; !text.empty();) {
    const auto end = std::find_if(text.begin(), text.end(), absl::ascii_isspace);
    const auto length = static_cast<size_t>(end - text.begin());
    pieces->push_back(text.substr(0, length));
    text = absl::StripLeadingAsciiWhitespace(text.substr(length));
    if (maxsplit > 0 && ++splits == maxsplit) {
      pieces->push_back(text);  // TensorFlow: also when nothing is left
      return;
    }
  }
}

void CutLikePython(absl::string_view text, absl::string_view sep, int64_t maxsplit,
                   Pieces* pieces) {
  if (maxsplit == 0) {
    pieces->push_back(text);
    return;
  }
  if (sep.empty()) return CutAtWhitespace(text, maxsplit, pieces);
  for (int64_t splits = 0;;) {
    const size_t at = text.find(sep);
    if (at == absl::string_view::npos) break;
    pieces->push_back(text.substr(0, at));
    text.remove_prefix(at + sep.size());
    if (maxsplit > 0 && ++splits == maxsplit) break;
  }
  pieces->push_back(text);
}

// Outputs from the pieces of all strings; `counts` tells how many each has.
absl::Status SetPieces(KernelContext& c, const Pieces& pieces, const std::vector<int64_t>& counts) {
  const auto total = static_cast<int64_t>(pieces.size());
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {total, 2}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {total}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(2, {2}));
  int64_t* index = indices->mutable_data<int64_t>();
  int64_t widest = 0;
  for (size_t row = 0; row < counts.size(); ++row) {
    widest = std::max(widest, counts[row]);
    for (int64_t column = 0; column < counts[row]; ++column) {
      *index++ = static_cast<int64_t>(row);
      *index++ = column;
    }
  }
  std::string* value = values->mutable_data<std::string>();
  for (const absl::string_view piece : pieces) value++->assign(piece.data(), piece.size());
  shape->mutable_data<int64_t>()[0] = static_cast<int64_t>(counts.size());
  shape->mutable_data<int64_t>()[1] = widest;
  return absl::OkStatus();
}

absl::Status CheckInputs(const KernelContext& c, const char* delimiter) {
  if (c.input(0).shape().rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("input must be a vector, got shape: ", c.input(0).shape().ToString()));
  }
  if (c.input(1).shape().rank() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(delimiter, " must be a scalar, got shape: ", c.input(1).shape().ToString()));
  }
  return absl::OkStatus();
}

template <typename Cut>
absl::Status SplitAll(KernelContext& c, const Cut& cut) {
  Pieces pieces;
  std::vector<int64_t> counts;
  for (const std::string& text : c.input(0).flat<std::string>()) {
    const size_t before = pieces.size();
    cut(text, &pieces);
    counts.push_back(static_cast<int64_t>(pieces.size() - before));
  }
  return SetPieces(c, pieces, counts);
}

absl::Status SplitKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckInputs(c, "delimiter"));
  const auto& delimiters = c.input(1).scalar<std::string>();
  const bool skip_empty = c.attr<bool>("skip_empty");
  return SplitAll(c, [&](absl::string_view text, Pieces* pieces) {
    CutAtCharacters(text, delimiters, skip_empty, pieces);
  });
}

absl::Status SplitV2Kernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckInputs(c, "sep"));
  const auto& sep = c.input(1).scalar<std::string>();
  const auto maxsplit = c.attr<int64_t>("maxsplit");
  return SplitAll(c, [&](absl::string_view text, Pieces* pieces) {
    CutLikePython(text, sep, maxsplit, pieces);
  });
}

OpSpec SplitSpec(const char* name, const char* delimiter, const char* attr) {
  return OpSpec(name)
      .Input("input: string")
      .Input(delimiter)
      .Output("indices: int64")
      .Output("values: string")
      .Output("shape: int64")
      .Attr(attr)
      .Shape(SplitShape)
      .NotDifferentiable("its outputs are strings and integers");
}

}  // namespace

OpSpec StringSplitOp() {
  return SplitSpec("StringSplit", "delimiter: string", "skip_empty: bool = true")
      .Kernel(SplitKernel);
}
OpSpec StringSplitV2Op() {
  return SplitSpec("StringSplitV2", "sep: string", "maxsplit: int = -1").Kernel(SplitV2Kernel);
}

Outputs StringSplit(At at, Output input, Output delimiter, const StringSplitOptions& options) {
  return at.Nodes("StringSplit", {input, delimiter}, {{"skip_empty", options.skip_empty}});
}
Outputs StringSplitV2(At at, Output input, Output sep, const StringSplitV2Options& options) {
  return at.Nodes("StringSplitV2", {input, sep}, {{"maxsplit", options.maxsplit}});
}

}  // namespace sluice::ops
