#!/usr/bin/env bash
# Packages the crates as they would be published, builds each from its own contents alone, and runs
# the examples there, those of the documentation included.
#
#     .ci/package.sh
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(cargo metadata --no-deps --format-version 1 |
  sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The verification builds what is in the package, and not what lies beside it.
cargo package --quiet --allow-dirty --package quickrpc-macros --package quickrpc

for crate in "$target"/package/quickrpc-macros-*.crate "$target"/package/quickrpc-[0-9]*.crate; do
  tar -xzf "$crate" -C "$work"
done
for package in "$work"/quickrpc-*; do
  for file in README.md LICENSE-MIT LICENSE-APACHE; do
    [ -s "$package/$file" ] || {
      printf '%s lacks %s\n' "$(basename "$package")" "$file" >&2
      exit 1
    }
  done
done

library=$(echo "$work"/quickrpc-[0-9]*)
macros=$(echo "$work"/quickrpc-macros-*)
cargo test --quiet --doc --all-features --manifest-path "$library/Cargo.toml" \
  --target-dir "$target" --config "patch.crates-io.quickrpc-macros.path=\"$macros\""
cargo build --quiet --examples --manifest-path "$library/Cargo.toml" \
  --target-dir "$target" --config "patch.crates-io.quickrpc-macros.path=\"$macros\""

# What somebody sees who has only that.
exec 3< <(exec "$target/debug/examples/server" tcpserv:127.0.0.1:0)
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
IFS= read -r -t 30 -u 3 line
said=$(timeout 30 "$target/debug/examples/client" "tcp:${line#listening on }")
[[ $said == *"passes on: hello"*"2 + 3 = 5" ]] || {
  printf 'the packaged client said: %s\n' "$said" >&2
  exit 1
}
printf 'packages: ok\n'
