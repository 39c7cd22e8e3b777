#include "examples/fashion_mnist/history.h"

#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"

namespace sluice::examples {
namespace {

template <typename H>
auto Curves(H& history) {
  return std::array{std::pair("loss", &history.loss), std::pair("accuracy", &history.accuracy),
                    std::pair("test_accuracy", &history.test_accuracy)};
}

}  // namespace

absl::StatusOr<History> History::Load(const std::string& path, int64_t last_step) {
  History history;
  if (!FileSystem::Default().Exists(path)) return history;
  SLUICE_ASSIGN_OR_RETURN(const std::string text, FileSystem::Default().ReadAll(path));
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, '\t');
    CurvePoint point;
    std::vector<CurvePoint>* points = nullptr;
    for (auto& [name, curve] : Curves(history)) {
      if (fields[0] == name) points = curve;
    }
    if (points == nullptr || fields.size() != 3 || !absl::SimpleAtoi(fields[1], &point.step) ||
        !absl::SimpleAtof(fields[2], &point.value)) {
      return absl::DataLossError(absl::StrCat(path, ": malformed line \"", Printable(line), "\""));
    }
    if (point.step <= last_step) points->push_back(point);
  }
  return history;
}

absl::Status History::Save(const std::string& path) const {
  std::string text;
  for (const auto& [name, curve] : Curves(*this)) {
    for (const CurvePoint& p : *curve)
      absl::StrAppendFormat(&text, "%s\t%d\t%.9g\n", name, p.step, p.value);
  }
  return FileSystem::Default().ReplaceAtomically(path, text);
}

}  // namespace sluice::examples
