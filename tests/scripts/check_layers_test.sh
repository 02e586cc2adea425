#!/usr/bin/env bash
# scripts/check_layers must fail on every kind of violation, and pass on a tree without one.
set -euo pipefail
check_layers=$(cd "$(dirname "$0")/../.." && pwd)/scripts/check_layers
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# plant <path> <line>: one more line in a file of the tree.
plant() {
  mkdir -p "$tree/$(dirname "$1")"
  printf '%s\n' "$2" >>"$tree/$1"
}

# The tree that is right: LibTorch in a model header, used by a task half; the spec half reads a header without it.
sound_tree() {
  rm -rf "${tree:?}"/*
  plant core/io/file.h '#include "core/base/result.h"'
  plant core/base/result.h '#include <string>'
  plant core/base/result.h 'struct Error {'
  plant experiments/model/config.h '#include "core/base/result.h"'
  plant experiments/model/encoder.h '#include <ATen/ATen.h>'
  plant experiments/tasks/pretrain/spec.cc '#include "experiments/model/config.h"'
  plant experiments/tasks/pretrain/task.cc '#include "experiments/model/encoder.h"'
  plant tests/core/io/file_test.cc '#include "core/io/file.h"'
}

# expect_violation <what the message must hold> <path> <line to plant>
expect_violation() {
  sound_tree
  plant "$2" "$3"
  if output=$("$check_layers" "$tree"); then
    echo "check_layers passed in spite of: $3 in $2" >&2
    exit 1
  fi
  if [[ $output != *"$1"* ]]; then
    printf 'expected the message "%s" for %s in %s; got:\n%s\n' "$1" "$3" "$2" "$output" >&2
    exit 1
  fi
}

sound_tree
"$check_layers" "$tree" >/dev/null

expect_violation 'core/base/result.h:3: core/base must not include' core/base/result.h '#include "core/io/file.h"'
expect_violation 'core/io must not include "experiments/' core/io/file.h '#include "experiments/model/config.h"'
expect_violation 'core/store must not include "core/manifest' core/store/run_log.h '#include "core/manifest/experiment.h"'
expect_violation 'experiments/text must not include' experiments/text/tokenizer.cc '#  include "experiments/data/token_shard.h"'
expect_violation 'tests/core must not include' tests/core/io/file_test.cc '#include "experiments/text/tokenizer.h"'
expect_violation 'LibTorch has no place here' experiments/data/batcher.cc '#include <torch/types.h>'
expect_violation 'LibTorch has no place here' core/report/html.cc '#include <c10/util/Exception.h>'
expect_violation 'spec.cc -> experiments/model/encoder.h -> ATen/ATen.h' \
  experiments/tasks/pretrain/spec.cc '#include "experiments/model/encoder.h"'
expect_violation 'Error is defined in core/base/result.h:2 too' experiments/model/config.h 'class Error final : public X {'
expect_violation 'core/extra is no floor' core/extra/x.h '#include <string>'

rm -rf "${tree:?}"/*
if "$check_layers" "$tree" 2>/dev/null; then
  echo "check_layers passed on an empty tree" >&2
  exit 1
fi
