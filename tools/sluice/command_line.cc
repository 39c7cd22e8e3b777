#include "tools/sluice/command_line.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "core/status.h"

namespace sluice::tools {
namespace {

bool IsFlag(const std::string& arg) { return absl::StartsWith(arg, "--") && arg.size() > 2; }

absl::Status UnknownFlag(const std::string& name, const std::vector<FlagSpec>& specs) {
  std::string known;
  for (const FlagSpec& spec : specs)
    absl::StrAppend(&known, known.empty() ? "--" : ", --", spec.name);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag --", Printable(name), "; the flags are ", known));
}

}  // namespace

absl::StatusOr<CommandLine> CommandLine::Parse(const std::vector<std::string>& args,
                                               const std::vector<FlagSpec>& specs) {
  CommandLine line;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!IsFlag(args[i])) {
      line.positional_.push_back(args[i]);
      continue;
    }
    const size_t equals = args[i].find('=');
    const std::string name =
        args[i].substr(2, equals == std::string::npos ? std::string::npos : equals - 2);
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) { return name == s.name; });
    if (spec == specs.end()) return UnknownFlag(name, specs);
    std::vector<std::string>& values = line.values_[name];
    if (!values.empty() && !spec->many)
      return absl::InvalidArgumentError(absl::StrCat("--", name, " is given twice"));
    if (!spec->takes_value) {
      if (equals != std::string::npos)
        return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value"));
      values.push_back("");
      continue;
    }
    if (equals != std::string::npos) {
      values.push_back(args[i].substr(equals + 1));
      continue;
    }
    if (i + 1 >= args.size() || IsFlag(args[i + 1]))
      return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
    values.push_back(args[++i]);
    while (spec->many && i + 1 < args.size() && !IsFlag(args[i + 1])) values.push_back(args[++i]);
  }
  return line;
}

std::vector<std::string> CommandLine::All(const std::string& flag) const {
  const auto it = values_.find(flag);
  return it == values_.end() ? std::vector<std::string>() : it->second;
}

std::string CommandLine::Get(const std::string& flag, const std::string& otherwise) const {
  const auto it = values_.find(flag);
  return it == values_.end() || it->second.empty() ? otherwise : it->second[0];
}

absl::StatusOr<int64_t> ParseSize(const std::string& text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("a size is a positive number with an optional unit K, M, G or T, got \"",
                     Printable(text), "\""));
  };
  std::string digits = absl::AsciiStrToUpper(text);
  double unit = 1;
  for (const char* suffix : {"IB", "B"}) {
    if (absl::EndsWith(digits, suffix)) {
      digits.resize(digits.size() - std::string(suffix).size());
      break;
    }
  }
  const std::string units = "KMGT";
  const size_t power = digits.empty() ? std::string::npos : units.find(digits.back());
  if (power != std::string::npos) {
    unit = std::pow(1024.0, static_cast<double>(power + 1));
    digits.pop_back();
  }
  double number;
  const bool plain =
      !digits.empty() && digits.find_first_not_of("0123456789.") == std::string::npos;
  if (!plain || !absl::SimpleAtod(digits, &number)) return refuse();
  const double bytes = number * unit;
  if (!(bytes >= 1) || bytes > 9e18) return refuse();
  return static_cast<int64_t>(bytes);
}

absl::StatusOr<int64_t> ParseInt(const std::string& flag, const std::string& text, int64_t low,
                                 int64_t high) {
  int64_t value;
  if (!absl::SimpleAtoi(text, &value) || value < low || value > high) {
    return absl::InvalidArgumentError(absl::StrCat("--", flag, " is a whole number in [", low, ", ",
                                                   high, "], got \"", Printable(text), "\""));
  }
  return value;
}

}  // namespace sluice::tools
