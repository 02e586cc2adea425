#!/usr/bin/env bash
# The bundle for a GPU machine and what is said where its GPU is missing.   Usage: ... BIN LIBTORCH FAKE_DRIVER_FOLDER
set -euo pipefail
bin=$1 libtorch=$2 fake_driver=$3
source=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
export TMPDIR=$tree
unset LIBTORCH PYTHON LD_LIBRARY_PATH

# expect <exit code> <text> <command>...: one line that holds the text, on standard error.
expect() {
  local code=$1 text=$2 found=0 output
  shift 2
  output=$("$@" 2>&1 >/dev/null) || found=$?
  if [[ $found != "$code" || $output != *"$text"* || $(wc -l <<<"$output") != 1 ]]; then
    printf 'expected exit code %s and one line with "%s" from %s; got %s and:\n%s\n' "$code" "$text" "$*" "$found" "$output" >&2
    exit 1
  fi
}

# Into the caller's folder, in one line.
output=$(cd "$tree" && REPRO_BUNDLE_BIN=$bin "$source/scripts/bundle" --no-build gpu.tar.zst 2>&1)
[[ $output == "$tree/gpu.tar.zst: "* && $(wc -l <<<"$output") == 1 ]] || { printf 'scripts/bundle printed:\n%s\n' "$output" >&2; exit 1; }
expect 1 "there is no folder $tree/none" env REPRO_BUNDLE_BIN="$bin" "$source/scripts/bundle" --no-build "$tree/none/gpu.tar.zst"
(($(stat -c %s "$tree/gpu.tar.zst") < 50 << 20))
tar -C "$tree" -xf "$tree/gpu.tar.zst"
run=$tree/repro-gpu/run
if readelf -d "$tree"/repro-gpu/bin/* | grep -E 'RPATH|RUNPATH'; then
  echo "the bundle names folders of the machine that made it" >&2
  exit 1
fi
cd "$tree"
LIBTORCH=$libtorch "$run" --help | grep 'usage: repro-gpu-check' >/dev/null

expect 1 "exactly 2.11 is needed" env LIBTORCH="$tree/old" bash -c \
  'mkdir -p "$LIBTORCH/lib" "$LIBTORCH/include/torch/headeronly"; touch "$LIBTORCH/lib/libtorch_cpu.so"
   echo "#define TORCH_VERSION \"2.10.1\"" >"$LIBTORCH/include/torch/headeronly/version.h"; exec "$0"' "$run"
expect 1 "holds no LibTorch" env LIBTORCH="$tree/nothing" "$run"
expect 1 "no PyTorch in the site-packages" env PYTHON=false "$run"

if [[ -e /proc/driver/nvidia/version ]]; then
  echo "a GPU driver is here: what is said without one is not tested"
  exit 0
fi
expect 3 "no NVIDIA driver on this machine" env LIBTORCH="$libtorch" "$run"
[[ ! -e results-gpu.json ]]
expect 3 "no NVIDIA driver on this machine" "$source/scripts/bench" gpu
expect 3 "no NVIDIA driver on this machine" "$bin/repro-gpu-check"
# A driver's library that has nothing in it: with LibTorch's CPU set the plugin does not load, with the CUDA set CUDA itself
# gives the reason. Either way one line, and nothing crashes.
expect 3 "no GPU can be used here: CUDA: none (" env LD_LIBRARY_PATH="$fake_driver" "$bin/repro-gpu-check"
output=$(LD_LIBRARY_PATH=$fake_driver "$bin/repro-task" --version | sed -n '$p')
[[ $output == "CUDA: none ("* ]] || { printf 'repro-task --version under a fake driver: %s\n' "$output" >&2; exit 1; }
if [[ ! -e $libtorch/../nvidia/cudnn && $output != *"is the CPU set of LibTorch installed? \`scripts/setup --cuda\`"* ]]; then
  printf 'repro-task --version with the CPU set says nothing of scripts/setup --cuda: %s\n' "$output" >&2
  exit 1
fi
