#!/usr/bin/env bash
# Setup and configure take LibTorch 2.11 and no other.   Usage: ... CMAKE NINJA
set -euo pipefail
cmake=$1 ninja=$2
source=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# expect_refusal <what the message must hold> <command>...
expect_refusal() {
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "not refused: $*" >&2
    exit 1
  fi
  output=$(tr -s ' \n' '  ' <<<"$output")
  [[ $output == *"$text"* ]] || { printf 'expected "%s" from %s; got:\n%s\n' "$text" "$*" "$output" >&2; exit 1; }
}

mkdir -p "$tree/empty" "$tree/old/include/torch/headeronly" "$tree/old/lib"
printf '#define TORCH_VERSION \\\n  "2.10.1"\n' >"$tree/old/include/torch/headeronly/version.h"
touch "$tree/old/lib/libtorch_cpu.so"

expect_refusal "holds LibTorch 2.10.1; exactly 2.11 is needed" env LIBTORCH="$tree/old" "$source/scripts/setup"
expect_refusal "holds no LibTorch" env LIBTORCH="$tree/empty" "$source/scripts/setup"
configure=("$cmake" -S "$source" -B "$tree/build" -G Ninja -DCMAKE_MAKE_PROGRAM="$ninja" -DREPRO_BUILD_TESTS=OFF)
expect_refusal "is 2.10.1; exactly 2.11 is needed" "${configure[@]}" -DREPRO_TORCH_DIR="$tree/old"
expect_refusal "No LibTorch 2.11 in $tree/empty" "${configure[@]}" -DREPRO_TORCH_DIR="$tree/empty"
