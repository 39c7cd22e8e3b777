#include "ops/regex.h"

#include <memory>

#include "core/status.h"
#include "graph/op_spec.h"
#include "re2/re2.h"

namespace sluice::ops {
namespace {

absl::Status RegexShape(ShapeContext& c) {
  for (int i = 1; i < c.num_inputs(); ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  c.set_output(0, c.input(0));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const RE2>> Compile(const std::string& pattern) {
  auto regex = std::make_shared<const RE2>(pattern, RE2::Quiet);
  if (regex->ok()) return regex;
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid pattern: ", Printable(pattern), ", error: ", regex->error()));
}

// The scalar string of input i.
absl::StatusOr<std::string> ScalarInput(const KernelContext& c, int i, const char* what) {
  if (c.input(i).num_elements() == 1) return c.input(i).flat<std::string>()[0];
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be scalar, but received ", c.input(i).shape().ToString()));
}

void MatchAll(KernelContext& c, const RE2& regex) {
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  bool* to = c.output(0).mutable_data<bool>();
  for (const std::string& text : from) *to++ = RE2::FullMatch(text, regex);
}

absl::Status ReplaceAll(KernelContext& c, const RE2& regex, const std::string& rewrite,
                        bool global) {
  std::string error;
  // As TensorFlow: a rewrite that makes no sense replaces nothing.
  const bool usable = regex.CheckRewriteString(rewrite, &error);
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  const absl::Span<std::string> to = c.output(0).mutable_flat<std::string>();
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = from[i];
    if (!usable) continue;
    if (global) {
      RE2::GlobalReplace(&to[i], regex, rewrite);
    } else {
      RE2::Replace(&to[i], regex, rewrite);
    }
  }
  return absl::OkStatus();
}

absl::Status MatchKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const std::string pattern, ScalarInput(c, 1, "Pattern"));
  SLUICE_ASSIGN_OR_RETURN(const auto regex, Compile(pattern));
  MatchAll(c, *regex);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> StaticMatchPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const auto regex, Compile(p.attr<std::string>("pattern")));
  return KernelRun([regex](KernelContext& c) {
    MatchAll(c, *regex);
    return absl::OkStatus();
  });
}

absl::Status ReplaceKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const std::string pattern, ScalarInput(c, 1, "Pattern"));
  SLUICE_ASSIGN_OR_RETURN(const std::string rewrite, ScalarInput(c, 2, "Rewrite"));
  SLUICE_ASSIGN_OR_RETURN(const auto regex, Compile(pattern));
  return ReplaceAll(c, *regex, rewrite, c.attr<bool>("replace_global"));
}

absl::StatusOr<KernelRun> StaticReplacePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const auto regex, Compile(p.attr<std::string>("pattern")));
  return KernelRun([regex, rewrite = p.attr<std::string>("rewrite"),
                    global = p.attr<bool>("replace_global")](KernelContext& c) {
    return ReplaceAll(c, *regex, rewrite, global);
  });
}

constexpr char kStrings[] = "its input is a string";

}  // namespace

OpSpec RegexFullMatchOp() {
  return OpSpec("RegexFullMatch")
      .Input("input: string")
      .Input("pattern: string")
      .Output("output: bool")
      .Shape(RegexShape)
      .Kernel(MatchKernel)
      .NotDifferentiable(kStrings);
}

OpSpec StaticRegexFullMatchOp() {
  return OpSpec("StaticRegexFullMatch")
      .Input("input: string")
      .Attr("pattern: string")
      .Output("output: bool")
      .Shape(RegexShape)
      .Prepare(StaticMatchPrepare)
      .NotDifferentiable(kStrings);
}

OpSpec RegexReplaceOp() {
  return OpSpec("RegexReplace")
      .Input("input: string")
      .Input("pattern: string")
      .Input("rewrite: string")
      .Output("output: string")
      .Attr("replace_global: bool = true")
      .Shape(RegexShape)
      .Kernel(ReplaceKernel)
      .NotDifferentiable(kStrings);
}

OpSpec StaticRegexReplaceOp() {
  return OpSpec("StaticRegexReplace")
      .Input("input: string")
      .Attr("pattern: string")
      .Attr("rewrite: string")
      .Output("output: string")
      .Attr("replace_global: bool = true")
      .Shape(RegexShape)
      .Prepare(StaticReplacePrepare)
      .NotDifferentiable(kStrings);
}

Output RegexFullMatch(At at, Output input, Output pattern) {
  return at.Node("RegexFullMatch", {input, pattern});
}
Output StaticRegexFullMatch(At at, Output input, const std::string& pattern) {
  return at.Node("StaticRegexFullMatch", {input}, {{"pattern", pattern}});
}
Output RegexReplace(At at, Output input, Output pattern, Output rewrite, bool replace_global) {
  return at.Node("RegexReplace", {input, pattern, rewrite}, {{"replace_global", replace_global}});
}
Output StaticRegexReplace(At at, Output input, const std::string& pattern,
                          const std::string& rewrite, bool replace_global) {
  return at.Node("StaticRegexReplace", {input},
                 {{"pattern", pattern}, {"rewrite", rewrite}, {"replace_global", replace_global}});
}

}  // namespace sluice::ops
