#!/usr/bin/env bash
# From a bare Debian 12 machine to a trained network: installs what is missing, builds the Fashion-MNIST example and runs it.
# Usage: tools/quickstart.sh [options of the example]     e.g. tools/quickstart.sh --epochs=2 --out=/tmp/run
# Relative paths, the default --out among them, are relative to the folder you call it from.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/tools/setup.sh"

echo "quickstart: building the example (some minutes the first time)"
(cd "$root" && bazel build //examples/fashion_mnist)

echo "quickstart: fashion_mnist${*:+ $*}"
exec "$root/bazel-bin/examples/fashion_mnist/fashion_mnist" "$@"
