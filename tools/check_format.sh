#!/usr/bin/env bash
# Checks that every tracked C++ file is as clang-format leaves it (.clang-format); --fix rewrites the files instead.
# Usage: tools/check_format.sh [--fix]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v clang-format >/dev/null || { echo "check_format: clang-format not found; run tools/setup.sh" >&2; exit 1; }

mapfile -d '' -t files < <(git ls-files -z -- '*.h' '*.cc')
if [[ ${#files[@]} -eq 0 ]]; then
  echo "check_format: git lists no C++ files here" >&2
  exit 1
elif [[ ${1:-} == --fix ]]; then
  clang-format -i -- "${files[@]}"
  echo "check_format: formatted ${#files[@]} files"
elif clang-format --dry-run -Werror -- "${files[@]}"; then
  echo "check_format: ${#files[@]} files are formatted"
else
  echo "check_format: the files above are not formatted; run tools/check_format.sh --fix" >&2
  exit 1
fi
