#!/usr/bin/env bash
# What cmake/BuildStamp.cmake says about a checkout: clean, changed, with new files, without git.   Usage: ... CMAKE
set -euo pipefail
cmake=$1
script=$(cd "$(dirname "$0")/../.." && pwd)/cmake/BuildStamp.cmake
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t

stamp() {
  "$cmake" -DSOURCE="$tree/source" -DOUT="$tree/stamp.h" -DVERSION=1.2.3 -DCOMPILER=gcc-12 -DTORCH= -DCUDA= \
    -DBUILD_TYPE=release -P "$script"
}
value() { sed -n "s/.* $1 = \"\(.*\)\";.*/\1/p" "$tree/stamp.h"; }
expect() {
  [[ $2 == "$3" ]] || { echo "$1: expected '$3', got '$2'" >&2; exit 1; }
}
expect_hash() {
  [[ $2 =~ ^[0-9a-f]{8}$ ]] || { echo "$1: expected 8 hex digits, got '$2'" >&2; exit 1; }
}

mkdir -p "$tree/source/core"
echo 'int x;' >"$tree/source/core/x.cc"
stamp
expect "no git" "$(value kCommit)" unknown
expect "no git" "$(value kChange)" ""
expect "version" "$(value kVersion)" 1.2.3

git -C "$tree/source" init -q
git -C "$tree/source" add -A
git -C "$tree/source" commit -q -m one
stamp
expect "clean" "$(value kCommit)" "$(git -C "$tree/source" rev-parse HEAD)"
expect "clean" "$(value kChange)" ""

before=$(stat -c %y "$tree/stamp.h")
stamp
expect "nothing changed, so nothing is written" "$(stat -c %y "$tree/stamp.h")" "$before"

echo 'a page' >"$tree/source/README.md"
stamp
expect "a file that is no source" "$(value kChange)" ""

echo 'int y;' >"$tree/source/core/y.cc"
stamp
new_file=$(value kChange)
expect_hash "a new source" "$new_file"
echo 'int z;' >"$tree/source/core/y.cc"
stamp
expect_hash "another new source" "$(value kChange)"
[[ $(value kChange) != "$new_file" ]] || { echo "two different changes have one hash" >&2; exit 1; }

ln -s nowhere "$tree/source/core/.#y.cc" # what some editors leave beside an open file
echo 'int z;' >"$tree/source/core/größe y.h"
stamp
expect_hash "names that are not plain, and a link to nothing" "$(value kChange)"
rm "$tree/source/core/.#y.cc" "$tree/source/core/größe y.h"

rm "$tree/source/core/y.cc"
echo 'long x;' >"$tree/source/core/x.cc"
stamp
expect_hash "a changed source" "$(value kChange)"
