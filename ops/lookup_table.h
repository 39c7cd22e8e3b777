// Tables from keys to values that live in a session: vocabularies. (tf.lookup)
//
// A table is known by its handle. The forms without V2 give and take it as a reference, as
// TensorFlow's first releases did. Keys are int32, int64 or strings, values bool, int32, int64,
// float, double or strings. An op whose dtypes are not the table's is InvalidArgument "Signature
// mismatch, ...".
#ifndef SLUICE_OPS_LOOKUP_TABLE_H_
#define SLUICE_OPS_LOOKUP_TABLE_H_

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct TableOptions {
  std::string container = "";
  std::string shared_name = "";  // tables of one name are one table; "": the node's name
  bool use_node_name_sharing = false;
};
// The handle of a table that is filled once, by InitializeTable. Before that, looking up is
// FailedPrecondition "Table not initialized.".
Output HashTable(At at, DType key_dtype, DType value_dtype, const TableOptions& options = {});
Output HashTableV2(At at, DType key_dtype, DType value_dtype, const TableOptions& options = {});
// The handle of a table that changes.
Output MutableHashTable(At at, DType key_dtype, DType value_dtype,
                        const TableOptions& options = {});
Output MutableHashTableV2(At at, DType key_dtype, DType value_dtype,
                          const TableOptions& options = {});

// Operation: the entries keys[i] -> values[i], two vectors.
Output InitializeTable(At at, Output table_handle, Output keys, Output values);
Output InitializeTableV2(At at, Output table_handle, Output keys, Output values);

struct TextFileOptions {
  int64_t vocab_size = -1;       // lines that are read; -1: all
  std::string delimiter = "\t";  // of columns; one character
};
// Operation: one entry per line of the text file `filename` (a scalar). `key_index` and
// `value_index` tell where key and value stand: a column, -1 for the number of the line (from 0),
// -2 for the whole line.
Output InitializeTableFromTextFile(At at, Output table_handle, Output filename, int64_t key_index,
                                   int64_t value_index, const TextFileOptions& options = {});
Output InitializeTableFromTextFileV2(At at, Output table_handle, Output filename, int64_t key_index,
                                     int64_t value_index, const TextFileOptions& options = {});

// The values of `keys`, of their shape; default_value (a scalar) for keys that the table lacks.
Output LookupTableFind(At at, Output table_handle, Output keys, Output default_value);
Output LookupTableFindV2(At at, Output table_handle, Output keys, Output default_value);

// The number of entries, int64.
Output LookupTableSize(At at, Output table_handle);
Output LookupTableSizeV2(At at, Output table_handle);

// Operations on tables that change; `keys` and `values` have one shape. Import replaces everything.
Output LookupTableInsert(At at, Output table_handle, Output keys, Output values);
Output LookupTableInsertV2(At at, Output table_handle, Output keys, Output values);
Output LookupTableImport(At at, Output table_handle, Output keys, Output values);
Output LookupTableImportV2(At at, Output table_handle, Output keys, Output values);
Output LookupTableRemoveV2(At at, Output table_handle, Output keys);

// {keys, values} of all entries, in ascending order of the keys.
Outputs LookupTableExport(At at, Output table_handle, DType key_dtype, DType value_dtype);
Outputs LookupTableExportV2(At at, Output table_handle, DType key_dtype, DType value_dtype);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LOOKUP_TABLE_H_
