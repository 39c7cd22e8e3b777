#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. The last line is `N passed, M failed`, counted in test targets.
# Usage: tools/test.sh [bazel options]     e.g. tools/test.sh --config=asan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/setup.sh

events=$(mktemp)
trap 'rm -f "$events"' EXIT

echo "test: bazel test //...${*:+ $*}"
status=0
bazel test --keep_going --build_event_json_file="$events" //... "$@" || status=$?

# A test that does not build has no summary; a failure outside any test (a program, a BUILD file) counts as one.
python3 - "$events" "$status" <<'PYTHON'
import json
import sys

tests, unbuilt, results = set(), set(), {}
with open(sys.argv[1]) as events:
    for line in events:
        event = json.loads(line)
        (kind, what), = event["id"].items()
        if kind == "targetConfigured" and event.get("configured", {}).get("targetKind", "").endswith("_test rule"):
            tests.add(what["label"])
        elif kind == "targetCompleted" and not event.get("completed", {}).get("success"):
            unbuilt.add(what["label"])
        elif kind == "testSummary":
            results[what["label"]] = event["testSummary"]["overallStatus"]

passed = sum(result in ("PASSED", "FLAKY") for result in results.values())
failed = len(results) - passed + len(unbuilt & tests - results.keys())
if int(sys.argv[2]) != 0 and failed == 0:
    print("test: bazel failed outside the tests (status %s)" % sys.argv[2])
    failed = 1
print("%d passed, %d failed" % (passed, failed))
PYTHON
exit "$status"
