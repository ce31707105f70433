#!/bin/sh
# Type-checks the library and the examples for systems other than the one it runs on.
set -eu

targets="aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-gnu x86_64-unknown-freebsd"

usage() {
    cat <<END
Usage: tests/other_systems.sh [--help] [TARGET..]

Type-checks quickrpc and its examples for other systems, with warnings denied:
with every cargo feature, and the library alone with none. Without TARGET, for

$(for target in $targets; do echo "    $target"; done)

A target that rustup does not have is added where rustup is there. No C compiler
for those systems is needed: the C parts of \`ring\` (of the feature \`tls\`) are
left out, since a type check links nothing. They are the one thing that is not
checked here.

Nothing of all that is run: what a program does there is not tested by this.

    --help  this text

CARGO_TARGET_DIR says where it builds; one folder for all of them is fine.
END
}

for one in "$@"; do
    case $one in
    --help | -h) usage && exit ;;
    -*) echo "unknown option: $one; see --help" >&2 && exit 2 ;;
    esac
done
[ $# -eq 0 ] || targets=$*

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
