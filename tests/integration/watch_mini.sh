#!/usr/bin/env bash
# `repro status --watch` on a terminal of its own (script(1)) beside `repro run` of tests/testdata/mini.toml: it draws while
# the run goes on, gives the terminal back on Ctrl-C with exit 130 and leaves the run alone; a second one ends with the run.
# Then the run's curves in show and report.
set -euo pipefail
command -v script > /dev/null || { echo "watch_mini: script(1) is not here"; exit 77; }
fail() {
  echo "watch_mini: $*" >&2
  exit 1
}
manifest=$REPRO_SOURCE_DIR/tests/testdata/mini.toml
export TERM=xterm LC_ALL=C.UTF-8
workspace=$REPRO_WORKSPACE

# Long enough to be watched; 2,500 tiny updates.
"$REPRO_BIN" run "$manifest" --scale smoke --set pretrain.updates=2500 --set pretrain.log_every=10 --set pretrain.validate_every=100 \
  --set pretrain.checkpoint_every=500 > "$workspace.log" 2>&1 &
run=$!
trap 'kill "$run" 2>/dev/null || true' EXIT
for ((i = 0; i < 600; ++i)); do
  "$REPRO_BIN" status --json > "$workspace.status" 2>/dev/null && grep -q '"unit": "updates"' "$workspace.status" && break
  kill -0 "$run" 2>/dev/null || { cat "$workspace.log" >&2; fail "the run ended before it could be watched"; }
  sleep 0.1
done

# Ctrl-C, typed on the terminal. The fifo stands for the keyboard.
mkfifo "$TMPDIR/keys"
script -qefc "stty rows 50 cols 110; $REPRO_BIN status --watch --interval 0.2" "$TMPDIR/first" < "$TMPDIR/keys" > /dev/null &
watcher=$!
exec 3> "$TMPDIR/keys"
sleep 1.5
printf '\003' >&3
code=0
wait "$watcher" || code=$?
exec 3>&-
[[ $code == 130 ]] || fail "Ctrl-C: exit $code"
kill -0 "$run" 2>/dev/null || fail "Ctrl-C on the watcher ended the run"
for words in $'\e[?1049h' $'\e[?25l' $'\e[?25h' $'\e[?1049l' "training: " "Loss" "learning rate" "tokens/s" "time left" "⠉\|⠒\|⡇\|●\|⣀"; do
  grep -q -- "${words//[/\\[}" "$TMPDIR/first" || fail "the terminal did not show $(printf %q "$words")"
done
tail -c 200 "$TMPDIR/first" | grep -q $'\e\\[?1049l' || fail "the terminal was not given back at the end"

# To the end of the run; no more than a little processor time is taken.
"$REPRO_BIN" status --watch --interval 1 > "$workspace.lines"
wait "$run" || { cat "$workspace.log" >&2; fail "the run failed"; }
trap - EXIT
grep -q '^nothing is running$' "$workspace.lines" || fail "no last line: $(tail -n 1 "$workspace.lines")"
grep -q ' pretrain.* updates [0-9,]* of 2,500 ' "$workspace.lines" || fail "no line on the pretraining: $(head -n 3 "$workspace.lines")"
! grep -q $'\e' "$workspace.lines" || fail "escapes in a file"

"$REPRO_BIN" show 1 > "$workspace.show"
for words in "Done" "validation, mean of 2 languages" "without context" "2,500 updates"; do
  grep -q -- "$words" "$workspace.show" || fail "show does not say '$words'"
done
"$REPRO_BIN" report run 1 --out "$TMPDIR/report" > "$workspace.report"
for file in html md csv json; do
  [[ -s $TMPDIR/report/run-1.$file ]] || fail "no run-1.$file"
done
[[ $(grep -c ',pretrain.loss,' "$TMPDIR/report/run-1.csv") -ge 251 ]] || fail "the CSV lacks points of the loss"
! grep -q 'src="http\|href="http' "$TMPDIR/report/run-1.html" || fail "the page wants the network"
echo "watched: $(grep -c '' "$workspace.lines") lines"
