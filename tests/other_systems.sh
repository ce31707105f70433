#!/bin/sh
# Type-checks the library and the examples for systems other than the one it runs on.
set -eu

targets="aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-gnu x86_64-unknown-freebsd"

usage() {
    cat <<END
Usage: tests/other_systems.sh [--help] [TARGET..]
       tests/other_systems.sh --wine

Type-checks quickrpc and its examples for other systems, with warnings denied:
with every cargo feature, and the library alone with none. Without TARGET, for

$(for target in $targets; do echo "    $target"; done)

A target that rustup does not have is added where rustup is there. No C compiler
for those systems is needed: the C parts of \`ring\` (of the feature \`tls\`) are
left out, since a type check links nothing. They are the one thing that is not
checked here.

Nothing of all that is run: what a program does there is not tested by it.

    --help  this text
    --wine  builds the unit tests and the suite for Windows, and runs them under
            Wine. That takes \`wine64\` and \`x86_64-w64-mingw32-gcc\` (Debian:
            wine64, gcc-mingw-w64-x86-64), and some 20 minutes. What is left out,
            and why, is in this script. Wine is not Windows: it proves little.

CARGO_TARGET_DIR says where it builds; one folder for all of them is fine.
END
}

mode=check
for one in "$@"; do
    case $one in
    --help | -h) usage && exit ;;
    --wine) mode=wine ;;
    -*) echo "unknown option: $one; see --help" >&2 && exit 2 ;;
    esac
done
[ $# -eq 0 ] || [ $mode = wine ] || targets=$*

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints what is left out under Wine; the first word is a part of the names of tests.
left_out() {
    cat <<END
unix                    there are no Unix sockets on Windows
udp                     Wine takes all addresses of a machine for one, so that no two peers are there
datagram                likewise
announcer               likewise
mux                     one of its parts is datagrams
both_at_one_address     likewise
a_port_that_is_bound_to_all     Wine binds addresses that the machine has not
only_what_was_sent_to_all       one of its peers has an address of its own
what_is_written_is_read_back    its paths have control characters, which no path on Windows has
limits_reading::messages_that_wait      the flood goes on after a write that timed out, which is
limits_reading::bytes_that_wait         undefined on Windows
limits_reading::one_message_may_wait    likewise
limits_queues::one_deaf_receiver        fails in some runs, for a reason that is not known
limits_servers::a_stop_in_the_middle    likewise
an_answer_for_a_peer_that_is_gone       the reset of a peer under Wine is not seen (that of one on Linux is)
who_does_not_read_pongs_is_not_read     another kind of error, and writes that timed out, as above
END
    # Their child is a shell that says its number.
    for codec in jrpc jrpc_headers jrpc_lines lists terse hmac seal; do
        for case in hub_loss stopping hub_restarts; do
            echo "process::$codec::$case"
        done
    done
}

run_under_wine() {
    target=x86_64-pc-windows-gnu
    folder=${CARGO_TARGET_DIR:-$PWD/target}/wine
    wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
    export WINEPREFIX="$folder/prefix" WINEDEBUG=-all
    mkdir -p "$folder"
    # Wine 8 lacks this library, which Rust's takes its random numbers from.
    cat > "$work/random.c" <<'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return SystemFunction036(bytes, (ULONG)count);
}
END
    x86_64-w64-mingw32-gcc -shared -o "$folder/bcryptprimitives.dll" "$work/random.c" -ladvapi32
    [ -d "$WINEPREFIX/drive_c" ] || "$wine" wineboot -i
    # The library has to lie beside whatever is run, children of tests included.
    cat > "$work/run" <<END
#!/bin/sh
for place in "\$(dirname "\$1")" "\$(dirname "\$1")/.."; do
    cp "$folder/bcryptprimitives.dll" "\$place/"
done
exec "$wine" "\$@"
END
    chmod +x "$work/run"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$work/run"
    skip=$(left_out | sed 's/^\([^ ]*\).*/--skip \1/')
    # shellcheck disable=SC2086
    cargo test --target $target -p quickrpc --all-features --lib -- $skip
    # shellcheck disable=SC2086
    cargo test --target $target -p quickrpc-tests --test suite -- $skip
}

if [ $mode = wine ]; then
    run_under_wine
    exit
fi

# In the place of a C compiler and of what makes libraries: leaves an empty file where they
# would leave a result.
cat > "$work/cc" <<'END'
#!/bin/sh
before=
for one; do
    case $before in -o) : > "$one" ;; esac
    case $one in *.a | *.lib) : > "$one" ;; esac
    before=$one
done
END
chmod +x "$work/cc"

check() {
    echo "== $target: cargo check $*"
    cargo check --target "$target" "$@"
}

for target in $targets; do
    if command -v rustup > /dev/null && ! rustup target list --installed | grep -qx "$target"; then
        rustup target add "$target"
    fi
    name=$(echo "$target" | tr - _)
    export "CC_$name=$work/cc" "CXX_$name=$work/cc" "AR_$name=$work/cc" RUSTFLAGS="-D warnings"
    check -p quickrpc --all-features
    check -p quickrpc --no-default-features
    check -p quickrpc-examples --examples
done
echo "All of these type-check: $targets"
