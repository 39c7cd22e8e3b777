#!/bin/bash
# Builds our training-step benchmark and libtorch's, runs them in turn on the same machine with the same threads, and prints the
# medians and their ratio. benchmarks/README.md says how to read them.
#
#   benchmarks/compare.sh [ROUNDS [SECONDS]]     default: 5 rounds of 2 seconds per result
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
seconds=${2:-2}
workloads="fashion_train lenet_train"

. benchmarks/compare_common.sh
require_libtorch

bazel build //benchmarks:train_step_benchmark //benchmarks:train_step_torch

results=$(mktemp)
trap 'rm -f "$results"' EXIT
cores=$(nproc)
for ((round = 1; round <= rounds; ++round)); do
  for threads in 1 2; do
    ((threads <= cores)) || continue
    for workload in $workloads; do
      flags=(--workload="$workload" --threads="$threads" --seconds="$seconds")
      OMP_NUM_THREADS=$threads bazel-bin/benchmarks/train_step_benchmark "${flags[@]}" | tee -a "$results"
      env "${peer_env[@]}" OMP_NUM_THREADS="$threads" bazel-bin/benchmarks/train_step_torch "${flags[@]}" | tee -a "$results"
    done
  done
done

print_ratios "$results"
