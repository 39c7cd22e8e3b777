#include "ops/vocabulary_file.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

absl::Status CheckIndex(const char* what, int64_t index, DType dtype) {
  if (index == VocabularyFile::kLineNumber && dtype != DType::kInt64) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " index for line number requires table ", what[0] == 'K' ? "key" : "value",
        " dtype of int64, got ", DTypeSchemaName(dtype)));
  }
  if (index == VocabularyFile::kWholeLine && !IsInteger(dtype) && dtype != DType::kString) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " index for whole line requires table ", what[0] == 'K' ? "key" : "value",
        " dtype of integer or string, got ", DTypeSchemaName(dtype)));
  }
  return absl::OkStatus();
}

// The lines to be read, without carriage returns.
absl::StatusOr<std::vector<std::string>> ReadLines(const VocabularyFile& file) {
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, FileSystem::Default().ReadAll(file.path));
  std::vector<std::string> lines = absl::StrSplit(absl::StrReplaceAll(bytes, {{"\r", ""}}), '\n');
  if (lines.back().empty()) lines.pop_back();  // behind the last line feed
  const auto count = static_cast<int64_t>(lines.size());
  if (file.vocab_size > count) {
    return absl::InvalidArgumentError(absl::StrCat("Invalid vocab_size in ", Printable(file.path),
                                                   ": expected ", file.vocab_size, " but got ",
                                                   count));
  }
  if (file.vocab_size >= 0) lines.resize(file.vocab_size);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat("Invalid content in ", Printable(file.path),
                                                   ": empty line found at line ", i, "."));
  }
  return lines;
}

bool Parse(absl::string_view text, std::string* value) {
  value->assign(text.data(), text.size());
  return true;
}
bool Parse(absl::string_view text, int32_t* value) { return absl::SimpleAtoi(text, value); }
bool Parse(absl::string_view text, int64_t* value) { return absl::SimpleAtoi(text, value); }
bool Parse(absl::string_view text, float* value) { return absl::SimpleAtof(text, value); }
bool Parse(absl::string_view text, double* value) { return absl::SimpleAtod(text, value); }

absl::StatusOr<absl::string_view> Column(const VocabularyFile& file, absl::string_view line,
                                         int64_t number, int64_t index) {
  if (index == VocabularyFile::kWholeLine) return line;
  const std::vector<absl::string_view> columns = absl::StrSplit(line, file.delimiter[0]);
  if (index < static_cast<int64_t>(columns.size())) return columns[index];
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid number of columns in ", Printable(file.path), " line ", number, " (",
                   Printable(line), ") : expected ", index, " got ", columns.size()));
}

absl::StatusOr<Tensor> ReadColumn(const VocabularyFile& file, const std::vector<std::string>& lines,
                                  int64_t index, DType dtype,
                                  const std::shared_ptr<MemoryBudget>& budget) {
  const auto count = static_cast<int64_t>(lines.size());
  SLUICE_ASSIGN_OR_RETURN(Tensor column, Tensor::Make(dtype, {count}, budget));
  if (index == VocabularyFile::kLineNumber) {
    for (int64_t i = 0; i < count; ++i) column.mutable_data<int64_t>()[i] = i;
    return column;
  }
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<std::string, int32_t, int64_t, float, double>(dtype, [&](auto tag) -> absl::Status {
        for (int64_t i = 0; i < count; ++i) {
          SLUICE_ASSIGN_OR_RETURN(const absl::string_view text, Column(file, lines[i], i, index));
          if (Parse(text, &column.mutable_data<typename decltype(tag)::type>()[i])) continue;
          return absl::InvalidArgumentError(absl::StrCat("Field ", Printable(text), " in line ", i,
                                                         " is not a valid ", DTypeSchemaName(dtype),
                                                         "."));
        }
        return absl::OkStatus();
      })));
  return column;
}

}  // namespace

absl::StatusOr<Vocabulary> ReadVocabulary(const VocabularyFile& file, DType key_dtype,
                                          DType value_dtype,
                                          const std::shared_ptr<MemoryBudget>& budget) {
  if (file.delimiter.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("delimiter should be only 1 char, found ", file.delimiter.size()));
  }
  SLUICE_RETURN_IF_ERROR(CheckIndex("Key", file.key_index, key_dtype));
  SLUICE_RETURN_IF_ERROR(CheckIndex("Value", file.value_index, value_dtype));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(file));
  Vocabulary entries;
  SLUICE_ASSIGN_OR_RETURN(entries.keys, ReadColumn(file, lines, file.key_index, key_dtype, budget));
  SLUICE_ASSIGN_OR_RETURN(entries.values,
                          ReadColumn(file, lines, file.value_index, value_dtype, budget));
  return entries;
}

}  // namespace sluice::ops
