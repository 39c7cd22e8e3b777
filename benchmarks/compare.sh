#!/bin/bash
# Runs every workload of speed_workloads.h with us, libtorch and ONNX Runtime in turn on this machine, with the same threads, and
# prints one table of medians and of ours / the best peer's. A peer that is not installed is left out. benchmarks/README.md says how
# to install the peers and how to read the table.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
command="benchmarks/compare.sh${*:+ ${*@Q}}"

usage="usage: benchmarks/compare.sh [--rounds N] [--seconds S] [--threads \"1 2\"] [--workloads \"NAME NAME:BATCH ...\"] [--results FILE]
  --rounds N          how often each side is measured, in alternation (default 3)
  --seconds S         how long one measurement takes, at least (default 1); never less than 7 runs
  --threads LIST      numbers of threads (default \"1 2\", as far as there are cores)
  --workloads LIST    these only, as lenet_infer or lenet_infer:32 (default: all)
  --results FILE      also write the table with machine, date, command and versions, as Markdown"

fail() {
  echo "compare.sh: $1" >&2
  echo "$usage" >&2
  exit 2
}

cores=$(nproc)
rounds=3 seconds=1 thread_counts="1 2" workloads="" results_file=""
((cores > 1)) || thread_counts=1
while (($# > 0)); do
  flag=${1%%=*}
  case $flag in
    --rounds | --seconds | --threads | --workloads | --results) ;;
    --help) echo "$usage" && exit 0 ;;
    *) fail "unknown flag $1" ;;
  esac
  if [[ $1 == *=* ]]; then value=${1#*=} && shift; elif (($# > 1)); then value=$2 && shift 2; else fail "$flag needs a value"; fi
  [[ -n ${value// /} ]] || fail "$flag needs a value"
  case $flag in
    --rounds) [[ $value =~ ^[1-9][0-9]*$ ]] || fail "--rounds cannot be \"$value\"" && rounds=$value ;;
    --seconds)
      [[ $value =~ ^([0-9]+([.][0-9]*)?|[.][0-9]+)$ && $value =~ [1-9] ]] || fail "--seconds cannot be \"$value\""
      seconds=$value
      ;;
    --threads) [[ $value =~ ^\ *[1-9][0-9]*(\ +[1-9][0-9]*)*\ *$ ]] || fail "--threads cannot be \"$value\"" && thread_counts=$value ;;
    --workloads) workloads=$value ;;
    --results) results_file=$value ;;
  esac
done
if [[ -n $results_file ]]; then
  [[ ! -d $results_file && -d $(dirname "$results_file") ]] || fail "--results cannot be \"$results_file\": not a file in a directory that exists"
  results_file=$(cd "$(dirname "$results_file")" && pwd)/$(basename "$results_file")
fi
for threads in $thread_counts; do
  ((threads <= cores)) || fail "--threads cannot be $threads: this machine runs $cores at once"
done
cd "$repo"
. benchmarks/compare_common.sh

# Name and batch of everything to measure, one per line.
chosen_runs() {
  local all workload name batch
  all=$(bazel-bin/benchmarks/workloads --list)
  if [[ -z $workloads ]]; then
    echo "$all"
    return
  fi
  for workload in $workloads; do
    name=${workload%%:*} batch=${workload#*:}
    if [[ $workload == *:* ]]; then
      grep -q "^$name " <<<"$all" && [[ $batch =~ ^[1-9][0-9]*$ ]] || fail "no workload is called $workload"
      echo "$name $batch"
    else
      grep "^$name " <<<"$all" || fail "no workload is called $workload"
    fi
  done
}

# What each side runs; the flags of a measurement follow.
run_sluice() { bazel-bin/benchmarks/workloads "$@"; }
run_libtorch() { env "${peer_env[@]}" bazel-bin/benchmarks/workloads_torch "$@"; }
run_onnxruntime() { node benchmarks/workloads_onnxruntime.js "$@"; }

targets=(//benchmarks:workloads)
sides=(sluice)
if has_libtorch; then
  targets+=(//benchmarks:workloads_torch)
  sides+=(libtorch)
fi
if has_onnxruntime; then sides+=(onnxruntime); fi
bazel build "${targets[@]}"
runs=$(chosen_runs)

# A peer tries several ways in the first round and keeps to the fastest; it says so in "config".
results=$(mktemp)
trap 'rm -f "$results"' EXIT
declare -A config has
for side in "${sides[@]}"; do has[$side]=$("run_$side" --list); done
for ((round = 1; round <= rounds; ++round)); do
  while read -r workload batch; do
    for threads in $thread_counts; do
      for side in "${sides[@]}"; do
        grep -q "^$workload " <<<"${has[$side]}" || continue
        key="$side $workload $batch $threads"
        flags=(--workload="$workload" --batch="$batch" --threads="$threads" --seconds="$seconds")
        [[ -z ${config[$key]:-} ]] || flags+=(--config="${config[$key]}")
        if ! lines=$(OMP_NUM_THREADS=$threads "run_$side" "${flags[@]}" </dev/null); then
          echo "compare.sh: note: $side failed on $workload" >&2
          continue
        fi
        tee -a "$results" <<<"$lines"
        if [[ $side != sluice && $lines =~ \"config\":\"([^\"]*)\" ]]; then config[$key]=${BASH_REMATCH[1]}; fi
      done
    done
  done <<<"$runs"
done

echo
print_comparison "$results"
if [[ -n $results_file ]]; then
  {
    echo "# Workloads, measured"
    echo
    echo "$(date -u +%F), \`$command\`; README.md says what it does and how to read it."
    echo
    print_machine "${sides[@]}"
    echo
    print_comparison "$results"
  } >"$results_file"
  echo "compare.sh: wrote $results_file"
fi
