// sluice ckpt rename: a checkpoint under other names.
#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "core/status.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "train/restore_plan.h"
#include "train/tensor_file.h"

namespace sluice::tools {
namespace {

using train::RenameRules;

// A=B at the first '='.
absl::StatusOr<std::pair<std::string, std::string>> ParsePair(const char* flag,
                                                              const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return UsageError(absl::StrCat("--", flag, " is OLD=NEW, got \"", Printable(text), "\""));
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

absl::StatusOr<RenameRules> ParseRules(const CommandLine& line) {
  RenameRules rules;
  for (const std::string& text : line.All("map")) {
    SLUICE_ASSIGN_OR_RETURN(const auto rule, ParsePair("map", text));
    if (!rules.table.insert(rule).second)
      return UsageError(absl::StrCat("--map renames ", Printable(rule.first), " twice"));
  }
  for (const std::string& text : line.All("regex")) {
    SLUICE_ASSIGN_OR_RETURN(const auto rule, ParsePair("regex", text));
    rules.regexes.push_back({rule.first, rule.second});
  }
  if (rules.empty()) return UsageError("--map OLD=NEW or --regex PATTERN=REPLACEMENT is missing");
  const absl::Status sound = rules.Check();
  if (!sound.ok()) return UsageError(sound.message());
  return rules;
}

// Does the rule of the table that begins with `old` rename `name`?
bool Matches(const std::string& old, const std::string& name) {
  return old == "/" || (absl::EndsWith(old, "/") ? absl::StartsWith(name, old) : name == old);
}

// NotFound for a rule that matches no name.
absl::Status CheckUsed(const RenameRules& rules, const std::vector<BundleTensor>& tensors) {
  const auto unused = [](const std::string& rule) {
    return absl::NotFoundError(absl::StrCat(Printable(rule), " matches no tensor"));
  };
  for (const auto& [from, to] : rules.table) {
    const auto matches = [&, &old = from](const BundleTensor& t) { return Matches(old, t.name); };
    if (std::none_of(tensors.begin(), tensors.end(), matches)) return unused(from);
  }
  // A pattern sees names that the table has not renamed, as the patterns before have made them.
  RenameRules before;
  for (const train::RegexRename& rule : rules.regexes) {
    const RE2 pattern(rule.pattern);
    const auto matches = [&](const BundleTensor& t) {
      const bool in_table =
          std::any_of(rules.table.begin(), rules.table.end(),
                      [&](const auto& entry) { return Matches(entry.first, t.name); });
      return !in_table && RE2::PartialMatch(before.Apply(t.name), pattern);
    };
    if (std::none_of(tensors.begin(), tensors.end(), matches)) return unused(rule.pattern);
    before.regexes.push_back(rule);
  }
  return absl::OkStatus();
}

absl::Status Rename(const std::string& in, const std::string& out, const RenameRules& rules) {
  SLUICE_ASSIGN_OR_RETURN(const train::CheckpointReader reader, train::CheckpointReader::Open(in));
  SLUICE_RETURN_IF_ERROR(Annotate(CheckUsed(rules, reader.entries()), absl::CHexEscape(in)));
  std::map<std::string, std::string> old_names;
  std::vector<BundleTensor> renamed = reader.entries();
  int changed = 0;
  for (BundleTensor& tensor : renamed) {
    const std::string old = tensor.name;
    tensor.name = rules.Apply(old);
    changed += tensor.name != old;
    const auto [place, is_new] = old_names.emplace(tensor.name, old);
    if (is_new) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(absl::CHexEscape(in), ": '", Printable(place->second), "' and '",
                     Printable(old), "' would both be called '", Printable(tensor.name), "'"));
  }
  const auto source = [&](const BundleTensor& tensor) {
    return reader.GetTensor(old_names.at(tensor.name));
  };
  SLUICE_RETURN_IF_ERROR(train::WriteTensorFile(FileSystem::Default(), out, renamed, source));
  std::printf("%d of %zu tensors renamed, to checkpoint %s\n", changed, renamed.size(),
              absl::CHexEscape(out).c_str());
  if (FileSystem::Default().Exists(reader.path() + ".meta")) {
    std::fprintf(stderr, "sluice: %s.meta, the graph, has the old names and was not copied\n",
                 absl::CHexEscape(reader.path()).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CkptCommand(const std::vector<std::string>& args) {
  if (args.empty() || args[0] != "rename")
    return UsageError("expected: ckpt rename PREFIX OUT-PREFIX --map OLD=NEW...");
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse({args.begin() + 1, args.end()},
                         GraphJob::WithLimits({{"map", true, true}, {"regex", true, true}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 2) {
    return UsageError(absl::StrCat("expected PREFIX and OUT-PREFIX, got ",
                                   line->positional().size(), " arguments"));
  }
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  const std::string& out = line->positional()[1];
  if (train::TensorFileKindOf(out) != train::TensorFileKind::kCheckpoint)
    return UsageError(
        absl::StrCat(absl::CHexEscape(out), " is no checkpoint: sluice convert writes it"));
  SLUICE_ASSIGN_OR_RETURN(const RenameRules rules, ParseRules(*line));
  return Rename(line->positional()[0], out, rules);
}

}  // namespace sluice::tools
