// Messages and the time from inside a graph.
#ifndef SLUICE_OPS_PRINT_H_
#define SLUICE_OPS_PRINT_H_

#include <cstdint>
#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct PrintOptions {
  std::string message = "";  // before the values
  int64_t first_n = -1;      // prints the first n runs of a session only; -1: all
  int64_t summarize = 3;     // elements shown of each tensor; -1: all
};
// output = input; every run prints "message[1 2 3...][...]" to the standard error stream, the
// values being those of `data`. Gradient: dy.
Output Print(At at, Output input, const Outputs& data, const PrintOptions& options = {});

struct PrintV2Options {
  std::string output_stream = "stderr";  // or "stdout", "log(info)", "log(warning)", "log(error)",
                                         // "file:///path" (appends)
  std::string end = "\n";
};
// Operation: prints the scalar string `input` (tf.print).
Output PrintV2(At at, Output input, const PrintV2Options& options = {});

// Seconds since 1970, float64: of the moment when it runs.
Output Timestamp(At at);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PRINT_H_
