#!/usr/bin/env bash
# tests/testdata/mini-coded.toml whole: text and test sets of coded languages, their null world, models of one language alone.
set -euo pipefail
fail() {
  echo "coded_mini: $*" >&2
  exit 1
}
manifest=$REPRO_SOURCE_DIR/tests/testdata/mini-coded.toml
out=$TMPDIR/report

"$REPRO_BIN" run "$manifest" --scale smoke > "$TMPDIR/run.log" 2>&1 || { cat "$TMPDIR/run.log" >&2; fail "the run failed"; }
"$REPRO_BIN" report "$manifest" --scale smoke --out "$out" > "$TMPDIR/terminal"

# Every measure has a value in the coded language, in its own world and in the null world.
for metric in xnli.accuracy tags.f1 retrieval.accuracy pseudo_bits.per_character; do
  for role in main null-world; do
    awk -F, -v metric=$metric -v role=$role \
      '$4 == "language" && $6 == metric && $7 == "en-c01" && $9 == role && $11 != "" { found = 1 } END { exit !found }' \
      "$out/mini-coded.smoke.csv" || fail "no $metric of en-c01 in the role $role"
  done
done
[[ $(grep -c ',monolingual,mean,' "$out/mini-coded.smoke.csv") == 2 ]] || fail "not two models of one language alone"
grep -q 'Models of en-c01 alone: ' "$TMPDIR/terminal" || fail "the terminal does not show the curve"

# Coded test sets hold as many examples as the English, and none of their words.
english=$(dirname "$(grep -l '"coded_language": *0' "$REPRO_WORKSPACE"/artifacts/testsets/*/completion.json | head -1)")
coded=$(dirname "$(grep -l '"coded_language": *1' "$REPRO_WORKSPACE"/artifacts/testsets/*/completion.json | head -1)")
for file in "$coded"/*.jsonl; do
  name=$(basename "$file")
  [[ $(wc -l < "$file") == $(wc -l < "$english/$name") ]] || fail "$name: not as many lines as in English"
done
! cmp -s "$english/parallel.jsonl" "$coded/parallel.jsonl" || fail "the coded parallel sentences are the English ones"
echo "coded_mini: every measure in every role"
