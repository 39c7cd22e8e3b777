#!/bin/bash
# Runs every op of ops_benchmark on 10^7 floats and prints what it reaches of the machine's limit, with libtorch's time beside it
# where libtorch is installed (apt-get install libtorch-dev libopenblas0-openmp). benchmarks/README.md says how to read it.
#
#   benchmarks/compare_ops.sh [THREADS [FILTER]]     default: every core, every op
set -euo pipefail
cd "$(dirname "$0")/.."
threads=${1:-$(nproc)}
filter=${2:-.}
peer=$(mktemp)
trap 'rm -f "$peer"' EXIT

. benchmarks/compare_common.sh

bazel build //benchmarks:ops_benchmark
if [[ -e /usr/include/torch/csrc/api/include/torch/torch.h ]]; then
  bazel build //benchmarks:ops_torch
  env "${peer_env[@]}" OMP_NUM_THREADS="$threads" bazel-bin/benchmarks/ops_torch --threads="$threads" --seconds=0.5 > "$peer"
else
  echo "compare_ops.sh: note: without libtorch there is nothing to compare with; install it with" >&2
  echo "  apt-get install libtorch-dev libopenblas0-openmp" >&2
fi
OMP_NUM_THREADS=$threads bazel-bin/benchmarks/ops_benchmark --threads="$threads" --peer="$peer" --benchmark_filter="$filter"
