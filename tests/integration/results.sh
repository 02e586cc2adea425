#!/usr/bin/env bash
# Results of one workspace in another: run an experiment on text, export its results, import them where neither the text
# nor any file of the run is; the reports agree, nothing is left to run, and what changes asks for what it needs.
set -euo pipefail

fail() {
  echo "results: $*" >&2
  exit 1
}
there=$REPRO_WORKSPACE.there  # where it ran
here=$REPRO_WORKSPACE.here    # which gets the results
manifest=$REPRO_SOURCE_DIR/tests/testdata/mini-text.toml
repro() { "$REPRO_BIN" "$@"; }

repro run "$manifest" --scale smoke --workspace "$there" > "$TMPDIR/log" 2>&1 || { cat "$TMPDIR/log" >&2; fail "the run failed"; }
repro export "$manifest" --scale smoke --results "$TMPDIR/mini.results" --workspace "$there" > "$TMPDIR/export"
grep -q "no weights, no text" "$TMPDIR/export" || fail "export says: $(cat "$TMPDIR/export")"
echo '{"repro_results":1}' | zstd -q > "$TMPDIR/again.results"  # an earlier export is replaced
repro export "$manifest" --scale smoke --results "$TMPDIR/again.results" --workspace "$there" > /dev/null
cmp "$TMPDIR/mini.results" "$TMPDIR/again.results" || fail "the same results gave other bytes"
(($(stat -c %s "$TMPDIR/mini.results") < 100000)) || fail "$(stat -c %s "$TMPDIR/mini.results") bytes of so little"

# No line of a corpus or test set is in it, nor a part of one that is longer than a label.
zstd -dc < "$TMPDIR/mini.results" > "$TMPDIR/plain"
cat "$REPRO_SOURCE_DIR"/tests/testdata/mini_text/*/*.* | tr '\t' '\n' | grep -E '.{16}' | cut -c 1-40 | sort -u > "$TMPDIR/lines"
[[ $(grep -c '' "$TMPDIR/lines") -ge 100 ]] || fail "too few lines to look for"
! grep -F -f "$TMPDIR/lines" "$TMPDIR/plain" > /dev/null || fail "text of a data set is in the file"
! grep -F -e "$TMPDIR" "$TMPDIR/plain" > /dev/null || fail "the machine's folders are in the file"

# A machine without the text: the manifests of the data sets alone.
bare=$TMPDIR/bare
mkdir -p "$bare/mini_text"
cp "$manifest" "$bare/"
cp "$REPRO_SOURCE_DIR"/tests/testdata/mini_text/*.toml "$bare/mini_text/"
code=0
repro run "$bare/mini-text.toml" --scale smoke --workspace "$here" > /dev/null 2> "$TMPDIR/err" || code=$?
[[ $code == 2 ]] && grep -q "not at hand" "$TMPDIR/err" || fail "without text: exit $code, $(cat "$TMPDIR/err")"

# What is damaged is refused, and leaves nothing.
head -c 3000 "$TMPDIR/mini.results" > "$TMPDIR/cut.results"
code=0
repro import "$TMPDIR/cut.results" --workspace "$here" > /dev/null 2> "$TMPDIR/err" || code=$?
[[ $code == 1 ]] && grep -q "cut.results" "$TMPDIR/err" || fail "a cut file: exit $code, $(cat "$TMPDIR/err")"
[[ ! -e $here/artifacts && ! -e $here/results_only && ! -e $here/data/known.json ]] || fail "half of a cut file was imported"

repro import "$TMPDIR/mini.results" --workspace "$here"
# The task's lines only: what `repro import` prints tells how often it was done.
everything() { (cd "$here" && find artifacts results_only work data -type f -print0 | sort -z | xargs -0 sha256sum); }
everything > "$TMPDIR/once"
repro import "$TMPDIR/mini.results" --workspace "$here" > /dev/null
everything | diff "$TMPDIR/once" - || fail "importing twice changed something"
repro export "$bare/mini-text.toml" --scale smoke --results "$TMPDIR/back.results" --workspace "$here" > /dev/null 2>&1
cmp "$TMPDIR/mini.results" "$TMPDIR/back.results" || fail "what was imported is exported as something else"

# Another result of a task that is there is told, and not taken.
zstd -dc < "$TMPDIR/mini.results" | python3 -c '
import hashlib, json, sys
lines = sys.stdin.buffer.read().split(b"\n")[:-2]
for at, line in enumerate(lines):
    task = json.loads(line).get("task", {})
    if task.get("kind") != "evaluate" or not task.get("metrics"):
        continue
    task["metrics"][0]["points"][-1][1] = 0.999
    lines[at] = json.dumps({"task": task}, separators=(",", ":")).encode()
    break
body = b"".join(line + b"\n" for line in lines)
end = {"end": {"lines": len(lines), "sha256": hashlib.sha256(body).hexdigest()}}
sys.stdout.buffer.write(body + json.dumps(end).encode() + b"\n")' | zstd -q > "$TMPDIR/other.results"
code=0
repro import "$TMPDIR/other.results" --workspace "$here" > "$TMPDIR/out" || code=$?
[[ $code == 3 ]] && grep -q "the file 0.999; kept what is there" "$TMPDIR/out" || fail "another result: exit $code, $(cat "$TMPDIR/out")"
everything | diff "$TMPDIR/once" - || fail "another result was taken"
repro doctor --workspace "$here" > "$TMPDIR/doctor" || { cat "$TMPDIR/doctor" >&2; fail "the doctor complains"; }
grep -q "of which only results were imported" "$TMPDIR/doctor" || fail "the doctor does not tell of the results"

repro run "$bare/mini-text.toml" --scale smoke --workspace "$here" > "$TMPDIR/log" 2> "$TMPDIR/err" ||
  { cat "$TMPDIR/err" >&2; fail "a run of what is imported failed"; }
grep -q "nothing to do" "$TMPDIR/log" || { cat "$TMPDIR/log" >&2; fail "something ran"; }
grep -q "not at hand .*known by name and SHA-256 from imported results" "$TMPDIR/err" || fail "nobody said that the text is not here"

# The same report, but for where and when.
repro report "$manifest" --scale smoke --format json --out "$TMPDIR/report.there" --workspace "$there" > /dev/null
repro report "$bare/mini-text.toml" --scale smoke --format json --out "$TMPDIR/report.here" --workspace "$here" > /dev/null 2>&1
python3 - "$TMPDIR/report.there/mini-text.smoke.json" "$TMPDIR/report.here/mini-text.smoke.json" << 'EOF' || fail "the reports differ"
import json, sys
there, here = (json.load(open(path)) for path in sys.argv[1:])
imported = here["provenance"]["imported"]
assert len(imported) == 1 and " by build " in imported[0] and " on " in imported[0] and not there["provenance"]["imported"], imported
for name in ("commit", "machine", "task_seconds", "manifest_hash", "tasks_done"):
    assert here["provenance"][name] == there["provenance"][name], name
for report in (there, here):
    del report["provenance"], report["next_steps"]
    for run in report["runs"]:
        assert bool(run.pop("imported")) == (report is here), run
assert there["figures"] and there["vocabulary"] and there["complete"]
assert there == here
EOF
for words in "show 1" "status" "compare 1 1" "report run 1 --out $TMPDIR/run"; do
  # shellcheck disable=SC2086 # the words of a command
  repro $words --workspace "$here" > /dev/null || fail "repro $words"
done

# Another setting downstream: what it reads has to be made, which the text is needed for.
other=(--set evaluate.pseudo_bits_sentences=3 --scale smoke)
code=0
repro run "$bare/mini-text.toml" "${other[@]}" --workspace "$here" > /dev/null 2> "$TMPDIR/err" || code=$?
[[ $code == 2 ]] && grep -q "not at hand, e.g. data set mini-" "$TMPDIR/err" || fail "without text, another setting: exit $code, $(cat "$TMPDIR/err")"
repro plan "$manifest" "${other[@]}" --json --workspace "$here" > "$TMPDIR/plan"
python3 - "$TMPDIR/plan" << 'EOF' || fail "another plan than expected"
import json, sys
tasks = json.load(open(sys.argv[1]))["tasks"]
run = {task["kind"] for task in tasks if task["standing"] == "run"}
assert {"clean", "subset", "vocab", "encode", "pretrain", "testsets", "evaluate"} <= run, run
assert "finetune" in run, run  # its evaluation has other settings, too
why = [task["reasons"] for task in tasks if task["kind"] == "pretrain"]
assert "only its results were imported" in why[0][0], why
EOF
repro run "$manifest" "${other[@]}" --workspace "$here" > "$TMPDIR/log" 2>&1 || { cat "$TMPDIR/log" >&2; fail "the run after the import failed"; }
repro run "$manifest" "${other[@]}" --workspace "$here" | grep -q "nothing to do" || fail "a finished run found something to do"
repro run "$bare/mini-text.toml" --scale smoke --workspace "$here" 2> /dev/null | grep -q "nothing to do" || fail "what was imported is not done any more"
repro doctor --workspace "$here" > "$TMPDIR/doctor" || { cat "$TMPDIR/doctor" >&2; fail "the doctor complains of the run after the import"; }
echo "$(stat -c %s "$TMPDIR/mini.results") bytes of results: $(tail -n 1 "$TMPDIR/export")"
