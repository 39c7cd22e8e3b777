#!/bin/bash
# Builds our layers benchmark and libtorch's, runs them in turn on the same machine with the same threads, and prints the medians and
# their ratio. benchmarks/README.md says how to read them.
#
#   benchmarks/compare_layers.sh [THREADS [ROUNDS [SECONDS [WORKLOAD]]]]
#
# default: 1 and 2 threads, 5 rounds of 0.5 seconds per result, every layer whose name begins with WORKLOAD
set -euo pipefail
cd "$(dirname "$0")/.."
thread_counts=${1:-1 2}
rounds=${2:-5}
seconds=${3:-0.5}
workload=${4:-}

. benchmarks/compare_common.sh
require_libtorch

bazel build //benchmarks:layers_benchmark //benchmarks:layers_torch

results=$(mktemp)
trap 'rm -f "$results"' EXIT
cores=$(nproc)
for ((round = 1; round <= rounds; ++round)); do
  for threads in $thread_counts; do
    ((threads <= cores)) || continue
    flags=(--workload="$workload" --threads="$threads" --seconds="$seconds")
    OMP_NUM_THREADS=$threads bazel-bin/benchmarks/layers_benchmark "${flags[@]}" | tee -a "$results"
    env "${peer_env[@]}" OMP_NUM_THREADS="$threads" bazel-bin/benchmarks/layers_torch "${flags[@]}" | tee -a "$results"
  done
done
print_ratios "$results"
