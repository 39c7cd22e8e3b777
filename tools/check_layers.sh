#!/usr/bin/env bash
# Checks the direction of #include lines between folders. Bazel refuses what a target does not depend on at all; this also
# finds what slips through a dependency of a dependency, and libraries' headers where they may not be.
# Usage: tools/check_layers.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# git grep prints file:line:text for every include of every tracked C++ file.
git grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]' -- '*.h' '*.cc' | awk -F: '
  BEGIN {
    # folder: the folders it may include besides itself
    allowed["core"] = ""
    allowed["io"] = "core proto"
    allowed["graph"] = "core proto"
    allowed["ops/kernels"] = "core"
    allowed["ops"] = "ops/kernels graph io core proto"
    allowed["layers"] = "session ops graph core proto"
    allowed["session"] = "graph core"
    allowed["train"] = "session layers ops graph io core proto"
    allowed["examples"] = "sluice.h train session layers ops graph io core"
    allowed["benchmarks"] = allowed["examples"] " ops/kernels examples"
    allowed["tools"] = allowed["examples"] " ops/kernels proto"
    allowed["tests"] = allowed["examples"] " ops/kernels proto tools examples"
    allowed["sluice.h"] = "train session layers ops graph io core"
    # The folders that are the library: Eigen, oneDNN and protobuf stay out of their headers.
    split("core io graph ops/kernels ops layers session train", names, " ")
    for (i in names) library[names[i]] = 1
  }
  function folder(path) {
    if (path ~ /^ops\/kernels\//) return "ops/kernels"
    sub(/\/.*/, "", path)
    return path
  }
  function report(message) {
    print $1 ":" $2 ": " message
    bad++
  }
  {
    includes++
    from = folder($1)
    if (!(from in allowed)) { report("folder \"" from "\" is not in the table of tools/check_layers.sh"); next }
    match($0, /["<][^">]*[">]/)
    quote = substr($0, RSTART, 1)
    path = substr($0, RSTART + 1, RLENGTH - 2)
    # dnnl_util.h is the one header that wraps oneDNN for the kernels beside it.
    if ($1 ~ /\.h$/ && from in library && $1 != "ops/kernels/dnnl_util.h" &&
        path ~ /^(Eigen|unsupported\/Eigen|google\/protobuf|oneapi)\/|^re2\/|^dnnl|^proto\//)
      report("\"" path "\" in a header; only .cc files include Eigen, oneDNN and protobuf")
    if (quote == "<") next
    to = folder(path)
    if (path ~ /^(absl|glog|leveldb|gtest|gmock|benchmark|Eigen|unsupported\/Eigen|google\/protobuf|dnnl\.h(pp)?$|re2)/) next
    if (!(to in allowed) && to != "proto") { report("\"" path "\" is not a path from the root"); next }
    if (to != from && index(" " allowed[from] " ", " " to " ") == 0)
      report(from "/ may not include \"" path "\"; it may include: " (allowed[from] == "" ? "nothing" : allowed[from]))
  }
  END {
    if (bad > 0) { print "check_layers: " bad " of " includes " includes break the direction"; exit 1 }
    print "check_layers: " includes + 0 " includes keep the direction"
  }'
