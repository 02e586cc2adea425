#!/usr/bin/env bash
# kill -9 of a task, of repro, or of both at random moments of a manifest of tests/testdata. The next `repro run` goes on,
# does nothing again that is complete, and ends with the same artifacts, weights included, as an undisturbed run.
#   kill_mini.sh [TRIALS [SEED [MANIFEST]]]
set -euo pipefail
trials=${1:-2}
RANDOM=${2:-2111}  # bash's generator, seeded: the same moments and victims each time
manifest=$REPRO_SOURCE_DIR/tests/testdata/${3:-mini.toml}
kills_a_trial=6

fail() {
  echo "kill_mini: $*" >&2
  exit 1
}

# Hash of every file of every artifact but the completion records, which hold times.
artifacts() {
  (cd "$1/artifacts" && find . -type f ! -name completion.json -print0 | sort -z | xargs -0 sha256sum)
}

# Process ids of the tasks that run in a workspace.
task_pids() {
  local process
  for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null < "$process/cmdline" | grep -qF "repro-task run $1/work/"; then
      echo "${process#/proc/}"
    fi
  done
}

# Starts repro in the background; its id is in repro_pid.
start_run() {
  "$REPRO_BIN" run "$manifest" --scale smoke --retries 20 --workspace "$1" > "$1.log" 2>&1 &
  repro_pid=$!
}

began=$(date +%s%N)
start_run "$REPRO_WORKSPACE.undisturbed"
wait "$repro_pid" || { cat "$REPRO_WORKSPACE.undisturbed.log" >&2; fail "the undisturbed run failed"; }
span=$((($(date +%s%N) - began) / 1000000))
artifacts "$REPRO_WORKSPACE.undisturbed" > "$REPRO_WORKSPACE.expected"
echo "undisturbed: $(find "$REPRO_WORKSPACE.undisturbed/work" -mindepth 1 -maxdepth 1 | wc -l) tasks, $span ms"

for ((trial = 1; trial <= trials; ++trial)); do
  workspace=$REPRO_WORKSPACE.trial$trial
  kills=0
  rounds=0
  code=1
  while [[ $code != 0 ]]; do
    rounds=$((rounds + 1))
    start_run "$workspace"
    while ((kills < kills_a_trial)); do
      moment=$((20 + RANDOM * span / 4 / 32768))
      victim=$((RANDOM % 3))  # a task, repro, both
      sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
      readlink "/proc/$repro_pid/exe" > /dev/null || break  # it has ended
      pids=""
      [[ $victim != 0 ]] && pids=$repro_pid
      [[ $victim != 1 ]] && pids="$pids $(task_pids "$workspace" | tr '\n' ' ')"
      # A task that has ended meanwhile cannot be killed; that is no failure.
      for pid in $pids; do kill -9 "$pid" 2>/dev/null || true; done
      kills=$((kills + 1))
      [[ $victim == 0 ]] || break
    done
    code=0
    wait "$repro_pid" 2>/dev/null || code=$?
    [[ $code == 0 || $code == 137 ]] || { cat "$workspace.log" >&2; fail "trial $trial, round $rounds: exit $code"; }
  done
  # An adopted task's end is seen by its lock, a moment before the process is gone.
  for ((wait = 0; wait < 50; ++wait)); do
    [[ -n $(task_pids "$workspace") ]] || break
    sleep 0.1
  done
  [[ -z $(task_pids "$workspace") ]] || fail "trial $trial: a task is still running"

  artifacts "$workspace" | diff "$REPRO_WORKSPACE.expected" - || fail "trial $trial: other artifacts"
  # A task says "finished" once: nothing that was complete was done again.
  for work in "$workspace"/work/*/; do
    finished=$(cat "$work"attempts/*/events.jsonl | grep -c '"state":"finished"' || true)
    ((finished <= 1)) || fail "trial $trial: $work finished $finished times"
  done
  "$REPRO_BIN" doctor --workspace "$workspace" > "$workspace.doctor" 2>&1 ||
    { cat "$workspace.doctor" >&2; fail "trial $trial: the doctor complains"; }
  "$REPRO_BIN" run "$manifest" --scale smoke --workspace "$workspace" | grep "nothing to do" > /dev/null ||
    fail "trial $trial: a finished run found something to do"
  echo "trial $trial: $kills kills, $rounds runs, same artifacts"
done
