#!/usr/bin/env bash
# `repro run table6 --scale lab` over every text of the shared data: one command, and no line of its evaluation texts in what
# would be trained on. The lines are compared as they stand, by awk: normalising is the suite's own work.
set -euo pipefail
data=${REPRO_SHARED:-$REPRO_SOURCE_DIR/../shared}/data
[[ -d $data ]] || { echo "table6_lab: no shared data ($data)"; exit 77; }
fail() {
  echo "table6_lab: $*" >&2
  exit 1
}
mkdir -p "$TMPDIR"
sets=$("$REPRO_BIN" data list --json | sed -n 's/^ *"id": "\(.*\)",*$/\1/p')
# Licensed sets and mixtures cannot be fetched; what the mirror lacks is not at hand.
for set in $sets; do "$REPRO_BIN" data fetch "$set" --mirror "$data" --yes > "$TMPDIR/fetch.log" 2>&1 || true; done
"$REPRO_BIN" run table6 --scale lab > "$TMPDIR/run.log" 2>&1 || { cat "$TMPDIR/run.log" >&2; fail "the run failed"; }
"$REPRO_BIN" report table6 --scale lab --out "$TMPDIR/report" > "$TMPDIR/terminal"
grep -q 'No leak: none of' "$TMPDIR/terminal" || fail "the report does not say that there is no leak"
"$REPRO_BIN" data stats table6 --leaks > "$TMPDIR/leaks" || { cat "$TMPDIR/leaks" >&2; fail "leaks"; }

trim='{ sub(/\r$/, ""); gsub(/^[ \t]+|[ \t]+$/, "") }'
for file in "$data"/{ntrex,tatoeba,udhr,flores-v1}/*.zst; do
  case $file in *DOCUMENT_IDS*) continue ;; esac
  zstd -dcq "$file"
done | awk "$trim length(\$0) > 0" | sort -u > "$TMPDIR/evaluation"
[[ $(wc -l < "$TMPDIR/evaluation") -gt 200000 ]] || fail "too few lines of evaluation text"
texts=("$REPRO_WORKSPACE"/artifacts/subset/*/text.txt)
[[ ${#texts[@]} == 100 ]] || fail "${#texts[@]} texts, expected 100"
awk "$trim NR == FNR { known[\$0]; next } length(\$0) > 0 { ++lines; if (\$0 in known) { print FILENAME \": \" \$0; bad = 1 } }
  END { print lines \" lines\" > \"/dev/stderr\"; exit bad || lines < 500000 }" "$TMPDIR/evaluation" "${texts[@]}" ||
  fail "lines of evaluation text are trained on"

# Of the evaluation sets nothing is left; every corpus was read.
"$REPRO_BIN" data stats table6 --by set --csv "$TMPDIR/funnel.csv" > /dev/null
for set in ntrex tatoeba udhr flores-v1; do
  awk -F, -v set=$set '$1 == set && $3 == "read" { read += $6 } $1 == set && $3 == "kept" { kept += $6 }
    END { exit !(read > 0 && kept == 0) }' "$TMPDIR/funnel.csv" || fail "$set: not read, or lines of it are kept"
done
for set in bible quran novels wiki-paragraphs oscar-slices bucc2018 ud-text genesis en-misc crawl-samples enwiki-sample; do
  grep -q "^$set,.*,read," "$TMPDIR/funnel.csv" || fail "$set was not read"
done
echo "table6_lab: $(grep 'No leak' "$TMPDIR/terminal")"
