#!/usr/bin/env bash
# A model out of one run and into another: pretrain and fine-tune, export, import, fine-tune from the import on two
# tasks, evaluate, report; then nothing is left to do, and a damaged import is refused.
set -euo pipefail

fail() {
  echo "import_export: $*" >&2
  exit 1
}
run() { "$REPRO_BIN" "$@" --workspace "$REPRO_WORKSPACE"; }

manifest=$REPRO_SOURCE_DIR/tests/testdata/mini.toml
run run "$manifest" --scale smoke --set 'controls.null_world=[]' > "$TMPDIR/first.log" || { cat "$TMPDIR/first.log" >&2; fail "the first run failed"; }
run export 1 --to hf --out "$TMPDIR/encoder"
run export 1 --to hf --task xnli --out "$TMPDIR/classifier"
run import "$TMPDIR/encoder" --as own
run import "$TMPDIR/classifier" --as classifier  # an encoder under another head is an encoder

cat > "$TMPDIR/from.toml" <<'EOF'
schema = 1
id = "from"
world = "babel"
selection = "joint-dev"
seeds = { pretrain = [1], finetune = [1] }

[[run]]
id = "own"
"pretrain.from" = "import:own"
languages = ["en", "sw"]

[[run]]
id = "classifier"
"pretrain.from" = "import:classifier"
languages = ["en", "sw"]

[corpus]
source = "babel-wiki"

[babel]
sentences_at_1gb = 200

[benchmark]
train = 48
dev = 12
test = 12
parallel = 12

[finetune]
tasks = ["xnli", "topic"]

[finetune.xnli]
learning_rate = 1e-3
batch_size = 8
updates = 8
validate_every = 4
max_tokens = 48

[finetune.topic]
learning_rate = 1e-3
batch_size = 8
updates = 8
validate_every = 4
max_tokens = 48

[evaluate]
pseudo_bits_sentences = 4

[[series]]
id = "topic"
metric = "topic.accuracy"
languages = ["en", "sw"]
companion = true

[scale.smoke]
EOF
run run "$TMPDIR/from.toml" --scale smoke > "$TMPDIR/second.log" || { cat "$TMPDIR/second.log" >&2; fail "the run from the import failed"; }
run report "$TMPDIR/from.toml" --scale smoke --out "$TMPDIR/report" > /dev/null
grep -q ',topic.accuracy,' "$TMPDIR/report/from.smoke.csv" || fail "the report has no value of topic"
run run "$TMPDIR/from.toml" --scale smoke | grep "nothing to do" > /dev/null || fail "a finished run found something to do"

# The import holds, byte for byte, what the first run pretrained; its fine-tuning scores the same as the first run's.
[[ $(find "$REPRO_WORKSPACE/artifacts/import" -mindepth 1 -maxdepth 1 | wc -l) == 2 ]] || fail "expected two imports"
first=$(sha256sum "$REPRO_WORKSPACE"/artifacts/pretrain/*/model.safetensors | cut -d' ' -f1)
sha256sum "$REPRO_WORKSPACE"/artifacts/import/*/model.safetensors | grep "^$first" > /dev/null || fail "other weights than exported"
[[ $(sha256sum "$REPRO_WORKSPACE"/artifacts/evaluate/*/scores.json | cut -d' ' -f1 | sort | uniq -d | wc -l) -ge 1 ]] ||
  fail "the same encoder, recipe and seed gave other scores"

# Another file in the place of an imported one.
cp "$TMPDIR/classifier/model.safetensors" "$TMPDIR/encoder/model.safetensors"
code=0
run plan "$TMPDIR/from.toml" --scale smoke > /dev/null 2> "$TMPDIR/err" || code=$?
[[ $code == 2 ]] || fail "a changed import: exit $code"
grep -q "it is not what was imported as 'own'" "$TMPDIR/err" || { cat "$TMPDIR/err" >&2; fail "a changed import is not named"; }

# A damaged folder is a bad argument, and in a manifest a bad value: the same reason, the same exit code.
cp -r "$TMPDIR/classifier" "$TMPDIR/cut"
truncate -s 1000 "$TMPDIR/cut/model.safetensors"
sed "s|import:own|$TMPDIR/cut|" "$TMPDIR/from.toml" > "$TMPDIR/cut.toml"
for command in "import $TMPDIR/cut --as cut" "plan $TMPDIR/cut.toml --scale smoke"; do
  code=0
  # shellcheck disable=SC2086 # the words of a command
  run $command > /dev/null 2> "$TMPDIR/err" || code=$?
  [[ $code == 2 ]] || fail "repro $command: exit $code"
  grep -q "cut/model.safetensors: the header claims" "$TMPDIR/err" || { cat "$TMPDIR/err" >&2; fail "repro $command: the damage is not named"; }
done
