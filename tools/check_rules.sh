#!/usr/bin/env bash
# Prints which test files name which rule of names, variables, scopes, collections, gradients, control flow and files, and fails when a
# rule is named by no test and not excused in tests/graph/rules.md. A rule counts as named by its id ("NS-4", "GR-1 to GR-3") in a
# comment inside a test or directly above one; what the head of a file says proves nothing.
# Usage: tools/check_rules.sh [--quiet]     --quiet: only what is wrong, and the count
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quiet=0
[[ ${1:-} != --quiet ]] || quiet=1
mapfile -d '' -t tests < <(git ls-files -z -- 'tests/*.cc' 'tests/*.h')

awk -v quiet="$quiet" -v page=tests/graph/rules.md '
  function range(family, first, last,   i) {
    for (i = first; i <= last; i++) { known[family "-" i] = 1; order[++rules] = family "-" i }
  }
  BEGIN {
    range("NS", 1, 15); range("VAR", 1, 12)
    range("VS", 1, 13); range("VS", 20, 33); range("VS", 40, 43)
    range("COL", 1, 8); range("GR", 1, 17)
    range("CF", 1, 4); range("CF", 12, 13); range("CF", 20, 20); range("CF", 25, 25); range("CF", 30, 31)
    range("SV", 1, 8); range("MG", 1, 3); range("IG", 1, 6); range("FZ", 1, 4)
  }
  function report(message) { wrong[++bad] = message }
  function name_rule(id) {
    if (!(id in known)) { report(FILENAME ":" FNR ": there is no rule " id); return }
    if (!((id, FILENAME) in seen)) { seen[id, FILENAME] = 1; files[id] = files[id] " " FILENAME }
  }
  # Puts the ids in `text` into found[1..n]; ranges are spelled out. Returns n.
  function ids_in(text, found,   n, before, id, family, from, i, at) {
    n = 0
    from = ""
    while (match(text, /(NS|VAR|VS|COL|GR|CF|SV|MG|IG|FZ)-[0-9]+/)) {
      id = substr(text, RSTART, RLENGTH)
      before = substr(text, 1, RSTART - 1)
      text = substr(text, RSTART + RLENGTH)
      if (before ~ /[A-Za-z0-9_-]$/ || text ~ /^[A-Za-z0-9_]/) { from = ""; continue }
      at = index(id, "-")
      family = substr(id, 1, at - 1)
      if (before == " to " && from != "" && index(from, family "-") == 1)
        for (i = substr(from, at + 1) + 1; i < substr(id, at + 1) + 0; i++)
          if ((family "-" i) in known) found[++n] = family "-" i
      found[++n] = id
      from = id
    }
    return n
  }
  FNR == 1 { in_test = 0; pending = 0; section = "" }

  FILENAME == page {
    if (/^## /) section = $0
    n = ids_in($0, found)
    for (i = 1; i <= n; i++) if (!(found[i] in known)) report(FILENAME ":" FNR ": there is no rule " found[i])
    if (section !~ /^## (Cannot apply|Not there yet)/ || !/^\| *[A-Z]+-[0-9]+ *\|/) next
    split($0, cell, "|")
    gsub(/^ +| +$/, "", cell[2])
    gsub(/^ +| +$/, "", cell[3])
    if (cell[3] == "") report(FILENAME ":" FNR ": " cell[2] " is excused without a reason")
    excused[cell[2]] = tolower(substr(section, 4)) ": " cell[3]
    next
  }

  # A comment of its own belongs to the test that follows at once.
  /^TEST(_F|_P)?\(|^TYPED_TEST(_P)?\(/ {
    for (i = 1; i <= pending; i++) name_rule(waiting[i])
    in_test = 1
  }
  {
    comment = match($0, /\/\/.*/) ? substr($0, RSTART) : ""
    n = ids_in(comment, found)
    alone = $0 ~ /^[ \t]*\/\//
    if (!alone) pending = 0
    for (i = 1; i <= n; i++) {
      if (in_test) name_rule(found[i]); else if (alone) waiting[++pending] = found[i]
      if (!(found[i] in known) && !in_test) report(FILENAME ":" FNR ": there is no rule " found[i])
    }
  }
  /^}/ { in_test = 0 }

  END {
    for (r = 1; r <= rules; r++) {
      id = order[r]
      if (id in files) tested++; else if (id in excused) only++
      if (id in files && id in excused) report(page ": excuses " id ", but tests name it:" files[id])
      if (!(id in files) && !(id in excused)) report(id " is named by no test and not excused in " page)
      if (!quiet) printf "%-7s%s\n", id, id in files ? substr(files[id], 2) : id in excused ? excused[id] : "NOWHERE"
    }
    for (i = 1; i <= bad; i++) print "check_rules: " wrong[i]
    printf "check_rules: %d rules, %d named by tests, %d only in %s\n", rules, tested, only, page
    exit bad > 0
  }' "${tests[@]}" tests/graph/rules.md
