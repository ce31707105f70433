#!/usr/bin/env bash
# Tests the browser client and the examples `chat`, `inspect` and `supply`: in Node, in Chromium, and the types;
# and the client of Juggler for browsers with our server.
#
#     tests/web/run_all.sh
#     tests/web/run_all.sh --build    builds and installs what that takes, and runs nothing
#
# Needs cargo, Node 18 or later with npm, and Chromium. Ends with a line like that of
# cargo's tests.
set -euo pipefail
cd "$(dirname "$0")"

for tool in node npm "${CHROMIUM:-chromium}"; do
  command -v "$tool" >/dev/null || {
    printf 'FAILED: `%s` is not installed\n' "$tool" >&2
    exit 1
  }
done

# Only when they have changed, so that tests also run without a network.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-fund --no-audit
fi
cargo build --quiet --package quickrpc-examples --example chat --example inspect --example supply
cargo build --quiet --package quickrpc-tests --bin lab_server --bin juggler_server
cargo build --quiet --package quickrpc --features cli --bin quickrpc
if [ "${1:-}" = --build ]; then
  exit
fi
QUICKRPC_BUILT=$(cargo metadata --no-deps --format-version 1 |
  sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/debug
CHROMIUM=$(command -v "${CHROMIUM:-chromium}")
export QUICKRPC_BUILT CHROMIUM

printf 'types: '
npx --no-install tsc
printf 'ok\n'

counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
status=0
# A bound for the case that even a bounded wait does not end.
timeout 600 node --test \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=tap --test-reporter-destination="$counts" \
  unit/*.test.js browser/*.test.js || status=$?

count() {
  sed -n "s/^# $1 //p" "$counts" | tail -n 1
}
failed=$(($(count fail) + $(count cancelled)))
# Without a summary, or with another opinion than its own, something is wrong.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
  failed=1
fi
[ "$failed" -eq 0 ] && verdict=ok || verdict=FAILED
printf '\ntest result: %s. %d passed; %d failed; %d ignored\n' \
  "$verdict" "$(count pass)" "$failed" "$(($(count skipped) + $(count todo)))"
exit "$status"
