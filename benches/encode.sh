#!/usr/bin/env bash
# Describing the kinds of a vmlinux: `btfkinds encode` beside the same job done through libbpf (libbpf_encode.c).
#
# usage: benches/encode.sh [FILE]          medians, their ratio, peak memory
#        benches/encode.sh --check [FILE]  each program once: is the result right? No timing.
# FILE is raw BTF, by default /sys/kernel/btf/vmlinux. Needs gcc and libbpf-dev; --check needs bpftool;
# hyperfine and GNU time are used if present.
set -euo pipefail
export LC_ALL=C # a decimal comma would break the arithmetic

die() { printf 'encode.sh: %s\n' "$*" >&2; exit 1; }

check=
if [[ ${1-} == --check ]]; then
    check=1
    shift
fi
(($# <= 1)) || die "usage: benches/encode.sh [--check] [FILE]"
file=$(realpath -- "${1:-/sys/kernel/btf/vmlinux}") || die "no such file: ${1:-/sys/kernel/btf/vmlinux}"
[[ -r $file ]] || die "cannot read $file; name a raw BTF file"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/sbin:/sbin # bpftool

# Both programs write into this directory, so both write to the same file system.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

gcc -O2 -Wall -o "$tmp/libbpf_encode" benches/libbpf_encode.c -lbpf
cargo build --quiet --release --locked --bin btfkinds
ours=("${CARGO_TARGET_DIR:-target}/release/btfkinds" encode -q "$file" -o "$tmp/ours.btf")
libbpf=("$tmp/libbpf_encode" "$file" "$tmp/libbpf.btf")

# dump NAME FILE: lists a BTF file into NAME.txt, which fails if bpftool cannot load it.
dump() { bpftool btf dump file "$2" >"$tmp/$1.txt" || die "bpftool cannot read the BTF of $1"; }
count() { grep -c '^\[' "$tmp/$1.txt" || die "no types in the BTF of $1"; }

if [[ -n $check ]]; then
    "${ours[@]}"
    "${libbpf[@]}"
    dump input "$file"
    dump btfkinds "$tmp/ours.btf"
    dump libbpf "$tmp/libbpf.btf"
    # A copy of the input would load too: the last released kind must be described in both.
    for name in btfkinds libbpf; do
        grep -F "TYPEDEF '__BTF_KIND_19' " "$tmp/$name.txt" >/dev/null || die "$name did not describe kind 19"
    done
    added=$(($(count libbpf) - $(count input)))
    ((added >= 55 && added <= 65)) || die "libbpf_encode added $added types, expected 55 to 65"
    echo ok
    exit
fi

# Peak resident memory in KiB, of one run.
rss() { /usr/bin/time -f %M -o "$tmp/rss" "$@" && tail -n 1 "$tmp/rss"; }

# Microseconds that one run takes; bash has the clock built in, so no process is started but the measured one.
micros() {
    local start=${EPOCHREALTIME/./}
    "$@" || die "failed: $*"
    echo $((${EPOCHREALTIME/./} - start))
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

if command -v hyperfine >/dev/null; then
    quoted() { printf '%q ' "$@"; } # hyperfine splits its arguments as a shell does
    hyperfine -N --style none --warmup 3 --min-runs 15 --prepare "rm -f $(quoted "$tmp/ours.btf" "$tmp/libbpf.btf")" --export-csv "$tmp/times.csv" \
        -n btfkinds "$(quoted "${ours[@]}")" -n libbpf "$(quoted "${libbpf[@]}")"
    how=hyperfine
    # command,mean,stddev,median,... in seconds
    ours_ms=$(awk -F, '$1 == "btfkinds" { print $4 * 1000 }' "$tmp/times.csv")
    libbpf_ms=$(awk -F, '$1 == "libbpf" { print $4 * 1000 }' "$tmp/times.csv")
else
    runs=21 how="21 interleaved runs"
    for ((i = -3; i < runs; i++)); do # three to warm up
        rm -f "$tmp/ours.btf" "$tmp/libbpf.btf"
        a=$(micros "${ours[@]}")
        b=$(micros "${libbpf[@]}")
        if ((i >= 0)); then
            echo "$a" >>"$tmp/ours.us"
            echo "$b" >>"$tmp/libbpf.us"
        fi
    done
    ours_ms=$(median "$tmp/ours.us" | awk '{ print $1 / 1000 }')
    libbpf_ms=$(median "$tmp/libbpf.us" | awk '{ print $1 / 1000 }')
fi

ours_rss=- libbpf_rss=-
if [[ -x /usr/bin/time ]]; then
    ours_rss=$(rss "${ours[@]}")
    libbpf_rss=$(rss "${libbpf[@]}")
fi

printf '%s, %s bytes, medians of %s\n' "$file" "$(wc -c <"$file")" "$how"
awk -v a="$ours_ms" -v b="$libbpf_ms" -v ra="$ours_rss" -v rb="$libbpf_rss" '
    function row(name, ms, kib) { printf "%-10s%10.1f ms%12s\n", name, ms, kib == "-" ? "-" : sprintf("%.1f MiB", kib / 1024) }
    BEGIN {
        printf "%-10s%13s%12s\n", "", "time", "peak RSS"
        row("btfkinds", a, ra)
        row("libbpf", b, rb)
        printf "btfkinds / libbpf: %.2f\n", a / b
    }'
