#!/usr/bin/env bash
# Runs that end with their text: `repro run table6` at the smoke scale, and tests/testdata/mini-text.toml with `corpus.only`.
# The report's numbers against what wc(1) counts in the artifacts.
set -euo pipefail
fail() {
  echo "corpus_tables: $*" >&2
  exit 1
}
manifest=$REPRO_SOURCE_DIR/tests/testdata/mini-text.toml
out=$TMPDIR/report
mkdir -p "$TMPDIR"

# The value of a kind, series (or step), metric, language in a report's CSV.
value() {
  awk -F, -v kind="$2" -v series="$3" -v metric="$4" -v language="$5" \
    '$4 == kind && $5 == series && $6 == metric && $7 == language && $9 == "main" { print $11; exit }' "$1"
}
# Bytes of the lines of texts that are not blank, line ends included; and their words.
bytes() { cat "$@" | grep -v '^$' | wc -c; }
words() { cat "$@" | wc -w; }

"$REPRO_BIN" run table6 --scale smoke > "$TMPDIR/run.log" 2>&1 || { cat "$TMPDIR/run.log" >&2; fail "table6 failed"; }
"$REPRO_BIN" report table6 --scale smoke --out "$out" > "$TMPDIR/terminal"
csv=$out/table6.smoke.csv
texts=("$REPRO_WORKSPACE"/artifacts/corpus/*/text.txt)
[[ ${#texts[@]} == 15 ]] || fail "${#texts[@]} texts, expected those of 15 languages"
for text in "${texts[@]}"; do
  language=$(sed -n 's/.*"language": "\(.*\)".*/\1/p' "$(dirname "$text")/stats.json")
  reported=$(value "$csv" language-fact tokens corpus.million_tokens "syn-$language")
  awk -v a="$reported" -v b="$(words "$text")" 'BEGIN { exit !(a * 1e6 - b < 0.5 && b - a * 1e6 < 0.5) }' ||
    fail "$language: $reported million tokens, $(words "$text") words"
  reported=$(value "$csv" language-fact size corpus.gib "syn-$language")
  awk -v a="$reported" -v b="$(wc -c < "$text")" 'BEGIN { d = a * 1073741824 - b; exit !(d < 0.5 && d > -0.5) }' ||
    fail "$language: $reported GiB, $(wc -c < "$text") bytes"
done
[[ $(grep -c ',language-fact,tokens,.*,paper,' "$csv") == 100 ]] || fail "the paper has 100 rows"
! grep ',language-fact,.*,reproduced,' "$csv" || fail "a cell of a synthetic world counts as reproduced"
grep -q '55,608' "$TMPDIR/terminal" || fail "the terminal does not show the paper's cells"

"$REPRO_BIN" run "$manifest" --scale smoke --set corpus.only=true > "$TMPDIR/run.log" 2>&1 ||
  { cat "$TMPDIR/run.log" >&2; fail "mini-text failed"; }
[[ ! -e $REPRO_WORKSPACE/artifacts/pretrain ]] || fail "a model was trained"
"$REPRO_BIN" report "$manifest" --scale smoke --set corpus.only=true --out "$out" > "$TMPDIR/terminal"
"$REPRO_BIN" data stats mini-text --unit documents > "$TMPDIR/stats"
csv=$(echo "$out"/mini-text.smoke.*.csv)
grep -q 'No leak: none of' "$TMPDIR/terminal" || fail "the terminal does not say whether there are leaks"
[[ $(value "$csv" leaks "" leaks.shared_lines "") == 0 ]] || fail "lines are shared"
source=$REPRO_SOURCE_DIR/tests/testdata/mini_text
for language in en sw; do
  # What was read: the lines of text, and the second field of the verses.
  read_bytes=$(($(bytes "$source/text/$language.txt") + $(cut -f 2 "$source/verses/$language.tsv" | wc -c)))
  [[ $(value "$csv" funnel read funnel.bytes $language) == "$read_bytes" ]] ||
    fail "$language: $(value "$csv" funnel read funnel.bytes $language) bytes read, $read_bytes in the files"
  kept=$(zstd -dcq "$REPRO_WORKSPACE"/artifacts/clean/*/$language/*.jsonl.zst | wc -l)
  head=$(zstd -dcq "$REPRO_WORKSPACE"/artifacts/clean/*/$language/head-*.jsonl.zst | wc -l)
  awk -v language=$language -v head="$head" -v kept="$kept" '$1 == "classes" { on = 1; next }
    on && $1 == language { found = $2 == head && $2 + $5 + $8 == kept } END { exit !found }' "$TMPDIR/stats" ||
    fail "$language: data stats does not say that $head of $kept documents are head"
  [[ $(value "$csv" funnel kept funnel.documents $language) == "$kept" ]] || fail "$language: not $kept documents are kept"
done
echo "corpus_tables: ${#texts[@]} languages of babel, 2 of text"
