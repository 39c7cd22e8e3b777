// Files as strings.
#ifndef SLUICE_OPS_FILES_H_
#define SLUICE_OPS_FILES_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The bytes of the file `filename` (a scalar). NotFound, and what core/file.h says.
Output ReadFile(At at, Output filename);

// Operation: the file `filename` gets the bytes `contents` (scalars); missing directories are made.
Output WriteFile(At at, Output filename, Output contents);

// The files that match `pattern`, a scalar or a vector of patterns, sorted: a vector of strings.
// '*' and '?' match within a name, [a-z] and [^a-z] one character, '\' takes the next one as it is.
// What does not exist matches nothing.
Output MatchingFiles(At at, Output pattern);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FILES_H_
