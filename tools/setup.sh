#!/usr/bin/env bash
# Installs the Debian packages that building and testing Sluice needs; does nothing when all are there.
# Usage: tools/setup.sh
set -euo pipefail

packages=(
  bazel-bootstrap       # the build tool, Bazel 4.2.3
  bazel-rules-java      # looked up by Bazel itself
  bazel-rules-proto     # looked up by Bazel itself
  g++                   # C++20
  protobuf-compiler     # proto/*.proto to C++
  libprotobuf-dev       # graphs, checkpoints and events on the wire
  libre2-dev            # regular expressions over names and strings
  libfarmhash-dev       # fingerprints of strings
  libabsl-dev           # status, strings, containers
  libdnnl-dev           # oneDNN: convolutions, matrix products
  libeigen3-dev         # every other kernel
  libgoogle-glog-dev    # logging
  libleveldb-dev        # checkpoint index tables
  libsnappy-dev         # compressed blocks in old checkpoint indexes
  zlib1g-dev            # compressed record files and strings
  libpng-dev            # images in summaries
  libzip-dev            # .npz files
  nlohmann-json3-dev    # headers of .safetensors files
  libgraphviz-dev       # pictures of graphs
  libgtest-dev          # tests
  libgmock-dev          # tests
  libbenchmark-dev      # benchmarks
  libopencv-dnn-dev     # a test: another reader of our frozen graphs
  python3-protobuf      # a test: another reader of every file we write
  clang-format          # tools/check_format.sh
  dataset-fashion-mnist # the images of the example
)

fail() {
  echo "setup: $*" >&2
  exit 1
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    # shellcheck disable=SC2016  # ${Status} belongs to dpkg-query
    dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
  done
}

for command in apt-get dpkg-query; do
  command -v "$command" >/dev/null ||
    fail "$command not found. Sluice builds on Debian 12 with these packages: ${packages[*]}"
done

mapfile -t missing < <(missing_packages)
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "setup: all ${#packages[@]} Debian packages are installed"
  exit 0
fi
echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || fail "not root and no sudo. As root, run: apt-get install ${missing[*]}"
  as_root=(sudo "${as_root[@]}")
fi

echo "setup: apt-get update"
"${as_root[@]}" apt-get update -q || echo "setup: apt-get update failed; trying with the package lists that are here" >&2
echo "setup: apt-get install"
"${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" ||
  fail "apt-get could not install the packages (its reason is above). They are those of Debian 12 (bookworm), section main;" \
    "check the network and /etc/apt/sources.list, then run this script again"

mapfile -t missing < <(missing_packages)
[[ ${#missing[@]} -eq 0 ]] || fail "still missing after the installation: ${missing[*]}"
echo "setup: done"
