// The arguments of one `sluice` subcommand: flags with values, and positional arguments.
#ifndef SLUICE_TOOLS_SLUICE_COMMAND_LINE_H_
#define SLUICE_TOOLS_SLUICE_COMMAND_LINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::tools {

// A flag that a subcommand takes.
struct FlagSpec {
  const char* name;  // "feed", given as --feed VALUE or --feed=VALUE
  bool takes_value;
  bool many;  // may be given more than once, and with several values after it: --fetch a:0 b:0
};

class CommandLine {
 public:
  // InvalidArgument for an unknown flag, a missing value, a flag given twice that may be given
  // once.
  static absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& args,
                                           const std::vector<FlagSpec>& specs);

  const std::vector<std::string>& positional() const { return positional_; }
  bool Has(const std::string& flag) const { return values_.count(flag) > 0; }
  std::vector<std::string> All(const std::string& flag) const;
  std::string Get(const std::string& flag, const std::string& otherwise) const;

 private:
  std::vector<std::string> positional_;
  std::map<std::string, std::vector<std::string>> values_;
};

// "512", "64K", "1.5G", "2GiB": bytes, units of 1024. InvalidArgument otherwise, and for what is
// not > 0.
absl::StatusOr<int64_t> ParseSize(const std::string& text);
// A whole number in [low, high].
absl::StatusOr<int64_t> ParseInt(const std::string& flag, const std::string& text, int64_t low,
                                 int64_t high);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_COMMAND_LINE_H_
