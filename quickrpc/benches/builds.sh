#!/bin/sh
# What it costs to build a user's program; see --help.
set -eu

help() {
    cat <<'END'
What it costs to build a program that uses the library, beside those that use others: the service of
docs/guide/src/comparison.md, each in a package of its own that has nothing but what it needs. For each, a
clean build with `--release`: crates, seconds of processor (all cores together, linker included), seconds
of a watch, and the stripped program. Takes some minutes. Needs cargo and the network, or a filled cache.

Usage: quickrpc/benches/builds.sh [LIBRARY..]     quickrpc, quickrpc-full, tarpc, jsonrpsee, zbus, tonic

    quickrpc/benches/builds.sh
    quickrpc/benches/builds.sh quickrpc tarpc
    RUSTFLAGS=-Clinker=clang quickrpc/benches/builds.sh
END
}

here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
    -h | --help) help; exit ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# The line of a dependency in the manifest of the benchmark, which has the versions.
line() {
    sed -n "/^\[dependencies\]/,\$ { s/, optional = true//; s/^\($1 = .*\)/\1/p; }" "$here/Cargo.toml"
}

# What a user of each would write.
dependencies() {
    ours="quickrpc = { path = \"$here/..\""
    case $1 in
        quickrpc) echo "$ours }" ;;
        quickrpc-full) echo "$ours, features = [\"full\"] }" ;;
        tarpc) for name in tarpc futures; do line $name; done
            echo 'tokio = { version = "1", features = ["rt", "macros"] }' ;;
        jsonrpsee) for name in jsonrpsee serde_json; do line $name; done
            echo 'tokio = { version = "1", features = ["rt", "macros", "sync"] }' ;;
        zbus) line zbus ;;
        tonic) for name in tonic tonic-prost prost futures; do line $name; done
            echo 'tokio = { version = "1", features = ["rt", "macros", "sync", "net"] }' ;;
        *) echo "$1 is none of them; see --help" >&2; exit 2 ;;
    esac
    case $1 in
        tarpc) echo 'serde = { version = "1", features = ["derive"] }' ;;
    esac
}

printf '%-14s %7s %14s %12s %10s\n' "" crates "processor (s)" "watch (s)" "size (kB)"
for library in "${@:-quickrpc quickrpc-full tarpc jsonrpsee zbus tonic}"; do
    for library in $library; do
        package=$scratch/$library
        mkdir -p "$package/src"
        example=$here/examples/compare/${library%-full}
        if [ -d "$example" ]; then
            cp "$example"/*.rs "$package/src"
        else
            cp "$example.rs" "$package/src/main.rs"
        fi
        {
            printf '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
            dependencies "$library"
            printf '\n[profile.release]\nstrip = true\n\n[workspace]\n'
        } >"$package/Cargo.toml"
        # The same versions as in the benchmark; what the program does not need goes.
        cp "$here/Cargo.lock" "$package/Cargo.lock"
        export CARGO_TARGET_DIR="$package/target"
        (
            cd "$package"
            cargo fetch --quiet
            crates=$(cargo tree --edges normal,build --prefix none --no-dedupe | sed 's/ (.*//' | sort -u | wc -l)
            # Of the shell's children: user, system.
            begun=$(date +%s)
            cargo build --quiet --release
            ended=$(date +%s)
            times >times
            processor=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); sum += t[1] * 60 + t[2] } print sum }' times)
            target/release/program | grep -x 21 >/dev/null || echo "the program of $library does not say what it should" >&2
            size=$(wc -c <target/release/program)
            printf '%-14s %7d %14.0f %12d %10d\n' "$library" "$((crates - 1))" "$processor" "$((ended - begun))" "$((size / 1000))"
        )
    done
done
