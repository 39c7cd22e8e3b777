# What the comparisons with libtorch share. To be sourced.

# Stops when libtorch is missing; tells what would make it slow.
require_libtorch() {
  if ! [[ -e /usr/include/torch/csrc/api/include/torch/torch.h ]]; then
    echo "${0##*/}: libtorch is missing; install Debian's with" >&2
    echo "  apt-get install libtorch-dev libopenblas0-openmp" >&2
    exit 1
  fi
  if [[ $(readlink -f /usr/lib/x86_64-linux-gnu/libblas.so.3) != *openblas-openmp* ]]; then
    echo "${0##*/}: note: libtorch is slower at two threads without the OpenMP build of OpenBLAS; install it with" >&2
    echo "  apt-get install libopenblas0-openmp" >&2
  fi
}

# Debian's OpenBLAS and libtorch do not know every processor and then fall back to SSE code: name the best that this one runs.
peer_env=()
if grep -q avx512f /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512)
elif grep -q avx2 /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2)
fi

# Prints the JSON lines of a file as one line per workload and thread count: the median over the rounds of each side's median. Without a
# result of libtorch's there is no ratio.
print_ratios() {
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
  key = sprintf("%-24s %7d", field("workload"), field("threads"))
  if (!(key in seen)) { seen[key] = 1; keys[++n] = key }
  ms[key, field("peer")] = ms[key, field("peer")] " " field("median_ms")
}
END {
  printf "\n%-24s %7s %12s %12s %16s\n", "workload", "threads", "sluice ms", "libtorch ms", "sluice/libtorch"
  for (i = 1; i <= n; ++i) {
    if (ms[keys[i], "libtorch"] == "") { printf "%s %12.3f\n", keys[i], median(ms[keys[i], "sluice"]); continue }
    ours = median(ms[keys[i], "sluice"]); theirs = median(ms[keys[i], "libtorch"])
    printf "%s %12.3f %12.3f %16.3f\n", keys[i], ours, theirs, ours / theirs
  }
}' "$1"
}
