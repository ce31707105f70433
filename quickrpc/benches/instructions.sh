#!/bin/sh
# Builds and runs quickrpc-bench-instructions; see --help.
set -eu

help() {
    cat <<'END'
Counts what a call costs, on the client and on the server: instructions, allocations, system
calls; bytes of an idle connection and wake-ups of an idle API. Takes about two minutes, most
of it for compiling. Needs Linux, cargo, valgrind and strace.

Usage: quickrpc/benches/instructions.sh [options]

  --json FILE          keep the numbers in FILE
  --compare FILE       show the change against FILE, such as quickrpc/benches/baseline.json;
                       fail (status 1) if a number is worse by more than the tolerance,
                       unless compiler or tools are others
  --tolerance PERCENT  how much worse is bearable [default: 3]
  --only TOPIC         instructions, allocations, system-calls, memory or wake-ups;
                       may be given several times
  --msgpack            with the codec msgpack, too, which baseline.json leaves out: the library is
                       compiled with that feature
  --at COMMIT          measure the library of that commit, with the program of this checkout
  --as-released        compile in 16 units, as cargo does by default, and not in one
  --cpu N              the processor for everything that is measured [default: 0]
  --help               this

Instructions are those of user space. "serial" is one call in flight; "batch" is calls in
batches of 64, for each of them; "notify" is notifications in batches of 64, for each of them.
The difference of a long run and a short one is measured, so that starting does not count.

The library is compiled in one unit: in 16, the compiler inlines other functions as soon as one
is moved to another file, and the numbers change by some percent where nothing has changed.
END
}

here=$(cd "$(dirname "$0")" && pwd)
cpu=0
at=
features=
units=1
build="codegen-units=1"
for argument in "$@"; do # sh has no arrays: what is not ours stays in "$@"
    shift
    case ${ours:-} in
        cpu) cpu=$argument ours= ; continue ;;
        at) at=$argument ours= ; continue ;;
    esac
    case $argument in
        -h | --help) help; exit ;;
        --cpu) ours=cpu ;;
        --cpu=*) cpu=${argument#*=} ;;
        --at) ours=at ;;
        --at=*) at=${argument#*=} ;;
        --msgpack) features="--features msgpack" ;;
        --as-released) units=16 build="as released" ;;
        *) set -- "$@" "$argument" ;;
    esac
done
if [ -n "${ours:-}" ]; then
    echo "--$ours needs a value" >&2
    exit 2
fi

for tool in cargo valgrind strace taskset; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing. On Debian and Ubuntu: apt-get install valgrind strace util-linux" >&2
        exit 2
    fi
done

# Built elsewhere than what `cargo run` builds, which is compiled in another way.
export CARGO_TARGET_DIR="$here/target/instructions-$units${features:+-msgpack}"
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=$units
benches=$here
if [ -n "$at" ]; then
    commit=$(git -C "$here" rev-parse --verify --short "$at^{commit}")
    checkout=$(mktemp -d)
    trap 'git -C "$here" worktree remove --force "$checkout"' EXIT
    trap 'exit 130' INT TERM
    git -C "$here" worktree add --quiet --detach --force "$checkout" "$commit"
    benches=$checkout/quickrpc/benches
    rm -rf "$benches/src" "$benches/examples" "$benches/Cargo.toml" "$benches/Cargo.lock"
    cp -R "$here/src" "$here/examples" "$here/Cargo.toml" "$here/Cargo.lock" "$benches"
else
    commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
    if [ -n "$(git -C "$here" status --porcelain -- ../src ../Cargo.toml ../../quickrpc-macros 2>/dev/null)" ]; then
        commit="$commit with changes"
    fi
fi
program=quickrpc-bench-instructions
# shellcheck disable=SC2086 # two words or none
cargo build --quiet --release --no-default-features $features --bin $program --manifest-path "$benches/Cargo.toml"

# Addresses are always the same; where that is forbidden, the numbers repeat a little less.
fixed=
if setarch -R true 2>/dev/null; then
    fixed="setarch -R"
fi
status=0
taskset -c "$cpu" $fixed "$CARGO_TARGET_DIR/release/$program" \
    --commit "$commit" --build "$build" "$@" || status=$?
exit $status
