#!/usr/bin/env bash
# Instructions of the library's main operations on one blob, in thousands: they repeat where times don't.
#
# usage: benches/instructions.sh [FILE]
# FILE is raw BTF, /sys/kernel/btf/vmlinux if not given. Needs valgrind, and libelf and zlib to build the peers.
set -euo pipefail
export LC_ALL=C

file=$(realpath -- "${1:-/sys/kernel/btf/vmlinux}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$PWD/target/bench
cargo build --quiet --release --locked --manifest-path benches/library/Cargo.toml --target-dir "$target"

# What one process executes; that of one which only reads the file is taken off.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/btfkinds-bench" --once "$1" "$file" 2>&1 |
        awk '/Collected/ { print $4 }'
}

nothing=$(count nothing)
for operation in parse visit renumber describe find raw json c libbpf-parse; do
    printf '%-14s%10d\n' "$operation" $((($(count $operation) - nothing) / 1000))
done
