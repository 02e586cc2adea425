#!/usr/bin/env bash
# Opens the report page from disk in a real browser: its charts must be drawn, with no script error, and the page must
# ask for nothing else. Then the same page with its charts' library broken: the check must see that.
# Usage: ... PREVIEW      PREVIEW: repro_report_preview, which writes the page of a sample run
set -euo pipefail
preview=$1
command -v chromium >/dev/null || { echo "skipped: chromium is not installed"; exit 77; }

# Prints the page's elements after its scripts ran; console messages go to $TMPDIR/console.
render() {
  timeout 90 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --virtual-time-budget=10000 \
    --user-data-dir="$TMPDIR/profile" --enable-logging=stderr --dump-dom "file://$1" 2>"$TMPDIR/stderr"
  grep CONSOLE "$TMPDIR/stderr" >"$TMPDIR/console" || true
}

"$preview" "$TMPDIR/page.html" moves >/dev/null
render "$TMPDIR/page.html" >"$TMPDIR/elements.html"
charts=$(grep -o '<svg[^>]*class="marks"' "$TMPDIR/elements.html" | wc -l)
((charts >= 2)) || { echo "expected the two panels of the figure at least, the browser drew $charts charts" >&2; exit 1; }
[[ ! -s $TMPDIR/console ]] || { cat "$TMPDIR/console" >&2; exit 1; }
if grep -oE '<(script|link|img|iframe)[^>]*(src|href)="[^"#]+"' "$TMPDIR/elements.html"; then
  echo "the page loads something that is not in it" >&2
  exit 1
fi

sed 's/window\.vega/window.nothing/' "$TMPDIR/page.html" >"$TMPDIR/broken.html"
render "$TMPDIR/broken.html" >"$TMPDIR/elements.html"
[[ -s $TMPDIR/console ]] || { echo "a page whose charts cannot be drawn says nothing" >&2; exit 1; }
