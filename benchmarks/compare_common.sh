# What the comparisons with peers share. To be sourced.

# Whether libtorch is installed; tells how to install what is missing or what would make it slow.
has_libtorch() {
  if ! [[ -e /usr/include/torch/csrc/api/include/torch/torch.h ]]; then
    echo "${0##*/}: note: libtorch is missing; install Debian's with" >&2
    echo "  apt-get install libtorch-dev libopenblas0-openmp" >&2
    return 1
  fi
  if [[ $(readlink -f /usr/lib/x86_64-linux-gnu/libblas.so.3) != *openblas-openmp* ]]; then
    echo "${0##*/}: note: libtorch is slower at two threads without the OpenMP build of OpenBLAS; install it with" >&2
    echo "  apt-get install libopenblas0-openmp" >&2
  fi
}
require_libtorch() { has_libtorch || exit 1; }

# Where peers from npm are installed.
peers=${SLUICE_PEERS:-~/.cache/sluice/peers}

# Whether ONNX Runtime is installed; tells how to install it.
has_onnxruntime() {
  if ! command -v node >/dev/null || ! [[ -e $peers/node_modules/onnxruntime-node/package.json ]]; then
    echo "${0##*/}: note: ONNX Runtime is missing; install it (and node, version 16 or later) with" >&2
    echo "  apt-get install nodejs npm" >&2
    echo "  mkdir -p $peers && npm install --ignore-scripts --prefix $peers onnxruntime-node@1.30.0" >&2
    return 1
  fi
}

# Debian's OpenBLAS and libtorch do not know every processor and then fall back to SSE code: name the best that this one runs.
peer_env=()
if grep -q avx512f /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512)
elif grep -q avx2 /proc/cpuinfo; then
  peer_env=(OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2)
fi

# For awk: a field of a JSON line (a string may hold commas), and the median of numbers that spaces separate.
awk_functions='
function field(name,   at, rest) {
  at = index($0, "\"" name "\":")
  if (at == 0) return ""
  rest = substr($0, at + length(name) + 3)
  if (sub(/^"/, "", rest)) sub(/".*/, "", rest)
  else sub(/[,}].*/, "", rest)
  return rest
}
function median(list,   parts, count, i, j, t) {
  count = split(list, parts, " ")
  if (count == 0) return ""
  for (i = 2; i <= count; ++i)
    for (j = i; j > 1 && parts[j] + 0 < parts[j - 1] + 0; --j) { t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t }
  return count % 2 ? parts[(count + 1) / 2] : (parts[count / 2] + parts[count / 2 + 1]) / 2
}
'

# Prints the JSON lines of a file as one line per workload and thread count: the median over the rounds of each side's median. Without a
# result of libtorch's there is no ratio.
print_ratios() {
awk "$awk_functions"'
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

# Prints the JSON lines of workloads and its peers as a Markdown table, one row per workload, batch, number of threads and, when we
# were measured in several configurations, ours. Numbers are medians over the rounds. A missing result is "-".
print_comparison() {
awk "$awk_functions"'
function number(x) { return x == "" ? "-" : sprintf(x < 0.1 ? "%.4f" : x < 10 ? "%.3f" : x < 100 ? "%.2f" : "%.1f", x) }
# Peak resident memory and, of it, what came after the start of the process.
function memory(key) {
  return key in peak ? sprintf("%.0f (%.0f)", median(peak[key]), median(peak[key]) - median(base[key])) : "-"
}
function cell(key) { return number(median(ms[key])) (config[key] == "" ? "" : " " config[key]) }
function row(list,   cells, i) {
  columns = split(list, cells, "|")
  ++rows
  for (i = 1; i <= columns; ++i) {
    table[rows, i] = cells[i]
    if (length(cells[i]) > width[i]) width[i] = length(cells[i])
  }
}
/^{/ {
  peer = field("peer")
  run = field("workload") "|" field("batch") "|" field("threads")
  key = peer == "sluice" ? run "|" field("config") : run "|" peer
  if (peer != "sluice") { config[key] = field("config"); if (!(run in first)) first[run] = key }
  if (peer == "sluice" && !(key in ms)) { keys[++n] = key; of[key] = run; name[key] = field("config") }
  ms[key] = ms[key] " " field("median_ms")
  if (field("peak_rss_mb") != "") { peak[key] = peak[key] " " field("peak_rss_mb"); base[key] = base[key] " " field("base_rss_mb") }
  if (field("peak_share") != "") { share[key] = share[key] " " field("peak_share"); limit[key] = "sgemm" }
  else if (field("copy_share") != "") { share[key] = share[key] " " field("copy_share"); limit[key] = "copy" }
}
END {
  row("workload|batch|threads|sluice ms|of the limit|libtorch ms|ONNX Runtime ms|ours / best peer|MB ours|MB libtorch")
  for (i = 1; i <= n; ++i) {
    key = keys[i]; run = of[key]; torch = run "|libtorch"; onnx = run "|onnxruntime"
    best = median(ms[torch])
    if (onnx in ms && (best == "" || median(ms[onnx]) < best)) best = median(ms[onnx])
    ratio = best == "" ? "-" : sprintf("%.2f", median(ms[key]) / best)
    if (ratio > 1) ratio = "**" ratio "**"
    split(run, part, "|")
    row(part[1] (name[key] == "" ? "" : " (" name[key] ")") "|" part[2] "|" part[3] "|" number(median(ms[key])) "|" \
        (key in share ? sprintf("%.0f %% %s", 100 * median(share[key]), limit[key]) : "-") "|" \
        cell(torch) "|" cell(onnx) "|" ratio "|" memory(key) "|" memory(torch))
  }
  for (r = 1; r <= rows; ++r) {
    line = "|"; rule = "|"
    for (i = 1; i <= columns; ++i) {
      line = line sprintf(i == 1 ? " %-" width[i] "s |" : " %" width[i] "s |", table[r, i])
      dashes = sprintf("%" width[i] "s", ""); gsub(/ /, "-", dashes)
      rule = rule (i == 1 ? " " dashes " |" : " " substr(dashes, 2) ": |")
    }
    print line
    if (r == 1) print rule
  }
}' "$1"
}

# Prints what ran a comparison of these sides, as a list in Markdown.
print_machine() {
  local side
  echo "- $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo); $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r)"
  echo "- $(g++ --version | head -1); flags in \`.bazelrc\`; commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo ' and changes')"
  for side in "$@"; do
    case $side in
      libtorch) echo "- libtorch $(dpkg-query -W -f '${Version}' libtorch-dev), \`${peer_env[*]}\`" ;;
      onnxruntime) echo "- ONNX Runtime $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$peers/node_modules/onnxruntime-node/package.json"), node $(node --version)" ;;
    esac
  done
}
