# shellcheck shell=bash disable=SC2034
# Read by the other scripts: where the checkout is, which tools it uses, how they speak.
set -euo pipefail
caller=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

deps=$root/.deps
# The programs themselves: the wheel's own starters cost a Python start each.
for cmake_bin in "$deps"/py/lib/python3*/site-packages/cmake/data/bin; do PATH=$cmake_bin:$PATH; done
export PATH=$deps/py/bin:$PATH

# from_caller FILE: a file as the person who called means it, though the scripts work in the checkout.
from_caller() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "$caller/$1" ;;
  esac
}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}
elapsed() { printf '%d min %02d s' $((SECONDS / 60)) $((SECONDS % 60)); }
