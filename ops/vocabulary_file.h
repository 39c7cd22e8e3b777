// Text files that fill tables: one entry per line.
#ifndef SLUICE_OPS_VOCABULARY_FILE_H_
#define SLUICE_OPS_VOCABULARY_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice::ops {

struct VocabularyFile {
  static constexpr int64_t kLineNumber = -1, kWholeLine = -2;
  std::string path;
  int64_t key_index = kWholeLine;     // a column, kLineNumber or kWholeLine
  int64_t value_index = kLineNumber;  // the same
  int64_t vocab_size = -1;            // lines that are read; -1: all
  std::string delimiter = "\t";       // of columns
};

struct Vocabulary {
  Tensor keys, values;  // vectors
};

// InvalidArgument for indices that do not go with the dtypes, empty lines, missing columns, text
// that is no number, and fewer lines than vocab_size ("Invalid vocab_size in f: expected 5 but got
// 3").
absl::StatusOr<Vocabulary> ReadVocabulary(const VocabularyFile& file, DType key_dtype,
                                          DType value_dtype,
                                          const std::shared_ptr<MemoryBudget>& budget);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_VOCABULARY_FILE_H_
