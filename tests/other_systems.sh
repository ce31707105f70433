#!/bin/sh
# Type-checks the library and the examples for systems other than the one it runs on, and runs what
# is built for Windows under Wine.
set -eu

targets="aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-gnu x86_64-unknown-freebsd
    x86_64-unknown-netbsd"

usage() {
    cat <<EOF
Usage: tests/other_systems.sh [--help] [TARGET..]
       tests/other_systems.sh --wine [--build | --some]

Type-checks quickrpc and its examples for other systems, with warnings denied:
with every cargo feature, and the library alone with none. Without TARGET, for

$(for target in $targets; do echo "    $target"; done)

A target that rustup does not have is added. No C compiler for those systems is
needed: the C parts of \`ring\` (of the feature \`tls\`) are left out, since a type
check links nothing. They are the one thing that is not checked here. The
standard library for OpenBSD and DragonFly comes with no toolchain, so that
these are not checked. Nothing of all that is run.

    --help  this text
    --wine  builds the unit tests, the suite and the examples for Windows, with
            warnings denied, and runs them under Wine; the examples with peers on
            Linux. That takes \`wine64\`, \`x86_64-w64-mingw32-gcc\` and \`python3\`
            (Debian: wine64, gcc-mingw-w64-x86-64, python3), and some 20 minutes.
            What is left out, and why, is in this script. Wine is not Windows: it
            proves little.
    --build only builds all that, and prepares Wine
    --some  of the suite, only some cells of the matrix of codecs and transports

It builds in the folder QUICKRPC_OTHER_SYSTEMS (target/other_systems where that is
not set), which may be kept and shared by several copies of this repository.
EOF
}

mode=check build=false some=false
for one in "$@"; do
    case $one in
    --help | -h) usage && exit ;;
    --wine) mode=wine ;;
    --build) build=true ;;
    --some) some=true ;;
    -*) echo "unknown option: $one; see --help" >&2 && exit 2 ;;
    esac
done
[ $# -eq 0 ] || [ $mode = wine ] || targets=$*

cd "$(dirname "$0")/.."
folder=${QUICKRPC_OTHER_SYSTEMS:-$PWD/target/other_systems}
mkdir -p "$folder"
export CARGO_TARGET_DIR="$folder" RUSTFLAGS="-D warnings"
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

add() {
    if command -v rustup > /dev/null && ! rustup target list --installed | grep -qx "$1"; then
        rustup target add "$1"
    fi
}

# Prints what is left out under Wine; the first word is a part of the names of tests.
left_out() {
    cat <<EOF
unix                    there are no Unix sockets on Windows
udp                     a socket at an address hears broadcasts on Windows, and under Wine does not,
                        so that these peers do not find each other; examples/run_all.sh tries UDP with
                        peers of Linux
datagram                likewise
announcer               likewise
of_addresses            likewise
mux                     one of its parts is UDP
both_at_one_address     likewise
a_port_that_is_bound_to_all     Wine binds addresses that the machine has not
only_what_was_sent_to_all       one of its peers has an address of its own
what_is_written_is_read_back    its paths have control characters, which no path on Windows has
an_answer_for_a_peer_that_is_gone       Wine takes the error of a reset for itself and tells of an
                                        orderly end, after which an answer is still waited for
who_does_not_end_with_its_input_is_asked_to     there is no Ctrl-Break under Wine
who_does_not_read_pongs_is_not_read     50,000 frames and their answers take longer than its time
handshakes_that_never_finish_harm_nobody        on a busy machine its own handshake takes longer
                                                than the second that it gives to all
calls_run_side_by_side_and_can_be_given_up      fails under Wine, for a reason that is not known: what
                                        was given up is perhaps not seen, as with a peer that is gone
panics::in_a_transport  failed once on a busy machine (passes otherwise), for a reason that is not known
EOF
    # A fifth of the matrix says what the rest says. All of it was run, and takes 6 minutes.
    $some || return 0
    cat <<EOF
matrix::ws::            a choice: jrpc over tls, terse over tcp and wss, lists over processes
matrix::internal        likewise
matrix::restart_ws      likewise
matrix::restart_tls     likewise
matrix::restart_wss     likewise
matrix::restart_int     likewise
matrix::restart_proc    likewise
matrix::secured         likewise; hmac and seal have modules of their own
EOF
    for transport in tls wss tcp process restart_tcp; do
        for codec in jrpc jrpc_headers jrpc_lines lists terse; do
            case $transport::$codec in
            tls::jrpc | tcp::terse | wss::terse | process::lists | restart_tcp::jrpc_lines) ;;
            *) echo "matrix::$transport::$codec:: likewise" ;;
            esac
        done
    done
}

# Where Wine's server for $WINEPREFIX is in /proc.
server() {
    name=$(printf 'server-%x-%x' "$(stat -c %d "$WINEPREFIX")" "$(stat -c %i "$WINEPREFIX")")
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd" || true) in */"$name") echo "$process" ;; esac
    done
}

# Builds what is run under Wine, and makes Wine ready for it.
build_for_wine() {
    add $target
    wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
    export WINEPREFIX="$folder/wine" WINEDEBUG=-all
    # Wine 8 lacks this library, which Rust's takes its random numbers from.
    cat > "$work/random.c" <<'EOF'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return SystemFunction036(bytes, (ULONG)count);
}
EOF
    x86_64-w64-mingw32-gcc -shared -o "$work/bcryptprimitives.dll" "$work/random.c" -ladvapi32
    mkdir -p "$folder/$target/debug/deps" "$folder/$target/debug/examples"
    # It has to lie beside whatever is run, children of tests included.
    for place in "" deps examples; do
        cp "$work/bcryptprimitives.dll" "$folder/$target/debug/$place/"
    done
    [ -d "$WINEPREFIX/drive_c" ] || "$wine" wineboot -i
    cargo test --target $target -p quickrpc --all-features --lib --no-run
    cargo test --target $target -p quickrpc-tests --test suite --no-run
    cargo test --target $target -p quickrpc-tests --test leaks_of_handles --no-run
    cargo build --target $target -p quickrpc-examples --examples
}

run_under_wine() {
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$wine"
    skip=$(left_out | sed -n 's/^\([^ ][^ ]*\).*/--skip \1/p')
    # shellcheck disable=SC2086
    cargo test --target $target -p quickrpc --all-features --lib -- $skip
    suite="cargo test --target $target -p quickrpc-tests --test suite --"
    # shellcheck disable=SC2086
    { $suite $skip 2>&1 || echo "the suite failed"; } | tee "$work/suite"
    if grep -qx "the suite failed" "$work/suite"; then
        # With all the others beside it, a thing may take many times as long as on a system of its own,
        # and miss its deadline. What fails when it is alone, too, is a failure; and so is a program that died.
        failed=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$work/suite")
        [ -n "$failed" ] || return 1
        echo "once more, alone:" $failed
        # shellcheck disable=SC2086
        $suite --exact --test-threads 1 $failed
    fi
    # Its server stays as long as somebody needs it.
    "$wine" ping -n 600 127.0.0.1 > /dev/null &
    pinging=$!
    sleep 5
    QUICKRPC_WINE_SERVER=$(server)
    export QUICKRPC_WINE_SERVER
    cargo test --target $target -p quickrpc-tests --test leaks_of_handles
    kill $pinging
    wait $pinging || true
    (
        unset CARGO_TARGET_DIR RUSTFLAGS CARGO_PROFILE_DEV_DEBUG CARGO_PROFILE_TEST_DEBUG
        examples/run_all.sh --windows "$wine" "$folder/$target/debug/examples" < /dev/null
    )
    # What others are built of stays; ours is another one next time.
    for package in quickrpc quickrpc-macros quickrpc-examples quickrpc-tests; do
        cargo clean --quiet --target $target -p $package
    done
}

if [ $mode = wine ]; then
    target=x86_64-pc-windows-gnu
    build_for_wine
    $build || run_under_wine
    exit
fi

# In the place of a C compiler and of what makes libraries: leaves an empty file where they
# would leave a result.
cat > "$work/cc" <<'EOF'
#!/bin/sh
before=
for one; do
    case $before in -o) : > "$one" ;; esac
    case $one in *.a | *.lib) : > "$one" ;; esac
    before=$one
done
EOF
chmod +x "$work/cc"

check() {
    echo "== $target: cargo check $*"
    cargo check --quiet --target "$target" "$@"
}

for target in $targets; do
    add "$target"
    name=$(echo "$target" | tr - _)
    export "CC_$name=$work/cc" "CXX_$name=$work/cc" "AR_$name=$work/cc"
    # What is to be run, too, is built by a real compiler.
    export CARGO_TARGET_DIR="$folder/checks"
    check -p quickrpc --all-features
    check -p quickrpc --no-default-features
    check -p quickrpc-examples --examples
    for package in quickrpc quickrpc-macros quickrpc-examples; do
        cargo clean --quiet --target "$target" -p $package
    done
done
echo "All of these type-check: $targets"
