#include "graph/device.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "core/status.h"

namespace sluice {
namespace {

absl::Status Malformed(absl::string_view part, absl::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat("Unknown attribute: '", Printable(part), "' in '", Printable(name),
                   "'; a device is named like /job:worker/replica:0/task:1/device:CPU:0"));
}

// A number, or "*" for an open part. False when it is neither.
bool ReadNumber(absl::string_view text, std::optional<int>* number) {
  int value = 0;
  if (text == "*") {
    number->reset();
    return true;
  }
  if (text.empty() || !absl::ascii_isdigit(text[0]) || !absl::SimpleAtoi(text, &value))
    return false;
  *number = value;
  return true;
}

bool IsShortForm(absl::string_view key) {
  const std::string type = absl::AsciiStrToUpper(key);
  return type == "CPU" || type == "GPU";
}

}  // namespace

absl::StatusOr<DeviceSpec> DeviceSpec::Parse(absl::string_view name) {
  DeviceSpec spec;
  bool has_type = false;
  const auto set_type = [&](absl::string_view type) {
    const bool first = !has_type;
    has_type = true;
    spec.type = type == "*" ? "" : absl::AsciiStrToUpper(type);
    return first;
  };
  for (absl::string_view part : absl::StrSplit(name, '/', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(part, ':');
    const bool pair = fields.size() == 2 && !fields[1].empty();
    bool good = false;
    if (fields[0] == "job") {
      good = pair;
      if (good) spec.job = fields[1] == "*" ? "" : std::string(fields[1]);
    } else if (fields[0] == "replica") {
      good = pair && ReadNumber(fields[1], &spec.replica);
    } else if (fields[0] == "task") {
      good = pair && ReadNumber(fields[1], &spec.task);
    } else if (fields[0] == "device") {
      good = (fields.size() == 2 || fields.size() == 3) && !fields[1].empty() &&
             (fields.size() == 2 || ReadNumber(fields[2], &spec.index));
      if (good && !set_type(fields[1])) {
        return absl::InvalidArgumentError(
            absl::StrCat("Cannot specify multiple device types: '", Printable(name), "'"));
      }
    } else if (IsShortForm(fields[0])) {
      good = fields.size() == 1 || (pair && ReadNumber(fields[1], &spec.index));
      if (good && !set_type(fields[0])) {
        return absl::InvalidArgumentError(
            absl::StrCat("Cannot specify multiple device types: '", Printable(name), "'"));
      }
    }
    if (!good) return Malformed(part, name);
  }
  return spec;
}

void DeviceSpec::Complete(const DeviceSpec& outer) {
  if (job.empty()) job = outer.job;
  if (!replica) replica = outer.replica;
  if (!task) task = outer.task;
  if (type.empty()) type = outer.type;
  if (!index) index = outer.index;
}

std::string DeviceSpec::ToString() const {
  std::string text;
  if (!job.empty()) absl::StrAppend(&text, "/job:", job);
  if (replica) absl::StrAppend(&text, "/replica:", *replica);
  if (task) absl::StrAppend(&text, "/task:", *task);
  if (!type.empty()) {
    absl::StrAppend(&text, "/device:", type, ":");
    absl::StrAppend(&text, index ? absl::StrCat(*index) : std::string("*"));
  }
  return text;
}

}  // namespace sluice
