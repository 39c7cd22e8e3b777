// The subcommands of `sluice`. Each prints results to stdout and returns the status that decides
// the exit code.
#ifndef SLUICE_TOOLS_SLUICE_COMMANDS_H_
#define SLUICE_TOOLS_SLUICE_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice::tools {

// Exit codes of the program.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;      // bad input, or a run that failed
inline constexpr int kUsage = 2;        // the command line makes no sense
inline constexpr int kUnsupported = 3;  // an op or dtype that Sluice does not have

// A status that means kUsage.
absl::Status UsageError(absl::string_view message);
int ExitCode(const absl::Status& status);

// Arguments after the subcommand's name.
absl::Status RunCommand(const std::vector<std::string>& args);
absl::Status GradCommand(const std::vector<std::string>& args);
absl::Status InspectCommand(const std::vector<std::string>& args);
absl::Status LintCommand(const std::vector<std::string>& args);
absl::Status SummaryCommand(const std::vector<std::string>& args);
absl::Status SparsityCommand(const std::vector<std::string>& args);
absl::Status PlanCommand(const std::vector<std::string>& args);
absl::Status ProfileCommand(const std::vector<std::string>& args);
absl::Status ConvertCommand(const std::vector<std::string>& args);
absl::Status CkptCommand(const std::vector<std::string>& args);
absl::Status FreezeCommand(const std::vector<std::string>& args);
absl::Status DiffCommand(const std::vector<std::string>& args);
absl::Status OpsCommand(const std::vector<std::string>& args);
absl::Status DotCommand(const std::vector<std::string>& args);
absl::Status SvgCommand(const std::vector<std::string>& args);

// The whole program but for argv: dispatches, prints errors to stderr, returns the exit code. Never
// throws.
int Main(const std::vector<std::string>& args);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_COMMANDS_H_
