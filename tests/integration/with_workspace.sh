#!/usr/bin/env bash
# Runs a test with an empty folder of its own: workspace and temporary files. Kept when the test fails.
set -uo pipefail
folder=$(mktemp -d "${TMPDIR:-/tmp}/repro-test.XXXXXX")
export TMPDIR=$folder/tmp REPRO_WORKSPACE=$folder/workspace
mkdir -p "$TMPDIR"
"$@"
code=$?
if [[ $code == 0 || $code == 77 ]]; then
  rm -rf "$folder"
else
  echo "$1: exit $code; its files: $folder" >&2
fi
exit $code
