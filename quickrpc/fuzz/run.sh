#!/usr/bin/env bash
# Runs the fuzz targets one after the other. Those that find something go on after it was
# written to artifacts/, and the script fails at the end.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
usage: quickrpc/fuzz/run.sh [--seconds N] [--grow] [TARGET..]

Fuzzes each target (all of them by default) for N seconds (60 by default), beginning with the
inputs in corpus/. What is new goes to target/corpus/, and what fails to artifacts/.

  --seconds N   how long each target runs
  --grow        at the end, add to corpus/ the smallest inputs that reach what it does not
  --list        name the targets
  --help        this text

Needs `cargo install cargo-fuzz`, a C++ compiler, and a nightly toolchain. With RUSTC_BOOTSTRAP=1
in the environment a stable one does, which is what happens if there is no nightly.

To look at a failure:    quickrpc/fuzz/run.sh --seconds 0 TARGET, then
                         quickrpc/fuzz/target/*/release/TARGET artifacts/TARGET/crash-...
To keep it from coming back: copy it to corpus/TARGET/; `cargo test` here replays that.
TEXT
}

seconds=60
grow=false
targets=()
all() {
  cargo fuzz list --fuzz-dir .
}
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?"--seconds needs a number"}; shift ;;
    --grow) grow=true ;;
    --list) all; exit ;;
    --help | -h) usage; exit ;;
    -*) usage >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(all)
fi

if ! rustc --version | grep -q nightly; then
  export RUSTC_BOOTSTRAP=1
fi
# The library has no unsafe code, so that a sanitizer would only take time.
options=(--fuzz-dir . --features libfuzzer --sanitizer none)
cargo fuzz build "${options[@]}"
host=$(rustc --version --verbose | sed -n 's/^host: //p')

failed=()
for target in "${targets[@]}"; do
  printf '\n== %s\n' "$target"
  found=target/corpus/$target
  mkdir -p "$found" "artifacts/$target"
  program=target/$host/release/$target
  if [ "$seconds" -gt 0 ] && ! "$program" -max_total_time="$seconds" -timeout=30 \
    -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 -artifact_prefix="artifacts/$target/" \
    "$found" "corpus/$target"; then
    failed+=("$target")
  elif "$grow"; then
    "$program" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=1000 \
      "corpus/$target" "$found"
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfound something: %s\n' "${failed[*]}"
  exit 1
fi
