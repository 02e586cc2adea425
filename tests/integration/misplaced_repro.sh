#!/usr/bin/env bash
# A program that was copied out of its checkout says what is missing, and what needs no manifest works all the same.
set -euo pipefail
cp "$REPRO_BIN" "$TMPDIR/repro"
cd "$TMPDIR"
for command in run plan report; do
  code=0
  ./repro "$command" fig2 > out 2> err || code=$?
  [[ $code == 2 ]] || { echo "misplaced_repro: $command: exit $code" >&2; exit 1; }
  for words in "not at hand" "$TMPDIR" "cmake --install"; do
    grep -qF -- "$words" err || { echo "misplaced_repro: $command does not say '$words':" >&2; cat err >&2; exit 1; }
  done
done
./repro --version > /dev/null
./repro data show babel -n 1 > /dev/null
