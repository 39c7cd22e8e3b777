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

if ! [[ -e /usr/include/torch/csrc/api/include/torch/torch.h ]]; then
  echo "compare.sh: libtorch is missing; install Debian's with" >&2
  echo "  apt-get install libtorch-dev libopenblas0-openmp" >&2
  exit 1
fi
if [[ $(readlink -f /usr/lib/x86_64-linux-gnu/libblas.so.3) != *openblas-openmp* ]]; then
  echo "compare.sh: note: libtorch is slower at two threads without the OpenMP build of OpenBLAS; install it with" >&2
  echo "  apt-get install libopenblas0-openmp" >&2
fi

bazel build //benchmarks:train_step_benchmark //benchmarks:train_step_torch

# Debian's OpenBLAS and libtorch do not know every processor and then fall back to SSE code: name the best that this one runs.
peer_env=()
if grep -q avx512f /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512)
elif grep -q avx2 /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2)
fi

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

# One line per workload and thread count: the median over the rounds of each side's median.
awk '
function field(name,   at, rest) {
  at = index($0, "\"" name "\":")
  if (at == 0) return ""
  rest = substr($0, at + length(name) + 3)
  sub(/[,}].*/, "", rest)
  gsub(/"/, "", rest)
  return rest
}
function median(list,   parts, count, i, j, t) {
  count = split(list, parts, " ")
  for (i = 2; i <= count; ++i)
    for (j = i; j > 1 && parts[j] + 0 < parts[j - 1] + 0; --j) { t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t }
  return count % 2 ? parts[(count + 1) / 2] : (parts[count / 2] + parts[count / 2 + 1]) / 2
}
/^{/ {
  key = sprintf("%-14s %7d", field("workload"), field("threads"))
  if (!(key in seen)) { seen[key] = 1; keys[++n] = key }
  ms[key, field("peer")] = ms[key, field("peer")] " " field("median_ms")
}
END {
  printf "\n%-14s %7s %12s %12s %16s\n", "workload", "threads", "sluice ms", "libtorch ms", "sluice/libtorch"
  for (i = 1; i <= n; ++i) {
    ours = median(ms[keys[i], "sluice"]); theirs = median(ms[keys[i], "libtorch"])
    printf "%s %12.2f %12.2f %16.3f\n", keys[i], ours, theirs, ours / theirs
  }
}' "$results"
