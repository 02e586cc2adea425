#!/usr/bin/env bash
# scripts/bench names its benchmarks and refuses what it cannot do; side_by_side.py runs two programs in turn, pinned,
# and compares their medians.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bench=$root/scripts/bench
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# expect <exit code> <what the output must hold> <argument of scripts/bench>...
expect() {
  local code=0 output
  output=$("$bench" "${@:3}" 2>&1) || code=$?
  if [[ $code != "$1" || $output != *"$2"* ]]; then
    printf 'scripts/bench %s: expected exit code %s and "%s"; got %s and:\n%s\n' "${*:3}" "$1" "$2" "$code" "$output" >&2
    exit 1
  fi
}

expect 0 'train      updates of masked language modelling' --help
expect 2 'train ' ''
expect 1 "there is no benchmark 'trains'" trains
expect 1 "there is no benchmark '../build'" ../build
expect 1 "there is no benchmark 'side_by_side.py'" side_by_side.py
expect 0 'Example: scripts/bench train' train --help
expect 0 'Example: scripts/bench infer' infer --help
expect 2 "invalid choice: 'huge'" train --size huge
expect 1 '--rounds 0: expected at least 1' train --rounds 0
expect 1 '--threads 4096: this process may use' train --threads 4096
expect 1 "--json $folder/none/x.json: there is no folder $folder/none" train --json "$folder/none/x.json"

# A relative name is the caller's, who need not stand in the checkout.
cd "$folder"
expect 1 "--json $folder/none/x.json: there is no folder $folder/none" train --json none/x.json
expect 1 "--json $folder/none/x.json: there is no folder $folder/none" infer --json=none/x.json
expect 2 "expected one argument" train --json
cd "$root"

# Two programs that log when they ran and claim known times.
program() {
  cat >"$folder/$1" <<PROGRAM
#!/usr/bin/env bash
echo $1 >>"$folder/order"
env -u OMP_NUM_THREADS nproc >>"$folder/cores"
run=\$(grep -c $1 "$folder/order")
times=($2)
echo noise
echo "{\"wall_seconds\": \${times[run - 1]}, \"cpu_seconds\": 1, \"peak_bytes\": 1}"
PROGRAM
  chmod +x "$folder/$1"
}
program ours '2 1 9'
program theirs '30 6 7'
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/scripts/bench.d python3 - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import side_by_side as sbs

folder = Path(sys.argv[1])
core = sbs.usable_cpus()[:1]
runs = sbs.alternate({"ours": [folder / "ours"], "theirs": [folder / "theirs"]}, 3, core)
assert (folder / "order").read_text().split() == ["ours", "theirs"] * 3
assert set((folder / "cores").read_text().split()) == {"1"}, "not pinned to one core"
assert sbs.median(runs["ours"], "wall_seconds") == 2
assert sbs.ratio(runs["ours"], runs["theirs"], "wall_seconds") == 3.5
assert sbs.pair_ratios(runs["ours"], runs["theirs"], "wall_seconds") == [15, 6, 7 / 9]
try:
    sbs.alternate({"broken": ["bash", "-c", "echo why >&2; exit 3"]}, 1, core)
except SystemExit as error:
    assert "ended with 3" in str(error) and "why" in str(error), error
else:
    raise AssertionError("a program that fails must end the benchmark")
PYTHON
