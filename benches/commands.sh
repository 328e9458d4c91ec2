#!/usr/bin/env bash
# The command beside bpftool and pahole: time on a processor, time on the clock, and peak memory.
#
# usage: benches/commands.sh [--check] [--runs N] [FILE]
#   --check  each command once, and what it prints compared; no timing
#   --runs   how often each command is run, three times in a row, 15 if not given
# FILE is raw BTF, /sys/kernel/btf/vmlinux if not given. Needs bpftool, hyperfine and GNU time; pahole is measured if it is
# there. Hyperfine takes the time that the processes were on a processor, in them and in the kernel, as well as that of the
# clock: the former is what repeats on a machine that does other things too.
set -euo pipefail
export LC_ALL=C

die() { printf 'commands.sh: %s\n' "$*" >&2; exit 1; }

check='' runs=15
while [[ ${1-} == --* ]]; do
    case $1 in
        --check) check=1 ;;
        --runs) runs=${2?--runs needs a number}; shift ;;
        *) die "usage: benches/commands.sh [--check] [--runs N] [FILE]" ;;
    esac
    shift
done
file=$(realpath -- "${1:-/sys/kernel/btf/vmlinux}") || die "no such file: ${1:-/sys/kernel/btf/vmlinux}"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/sbin:/sbin # bpftool
command -v bpftool >/dev/null || die "bpftool is missing"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -- "$file" "$tmp/vmlinux.btf" # so that all read an ordinary file
file=$tmp/vmlinux.btf
cargo build --quiet --release --locked --bin btfkinds
ours=$PWD/${CARGO_TARGET_DIR:-target}/release/btfkinds
[[ ${CARGO_TARGET_DIR-} != /* ]] || ours=$CARGO_TARGET_DIR/release/btfkinds

# One INT, to be renumbered.
printf '\237\353\1\0\30\0\0\0\0\0\0\0\20\0\0\0\20\0\0\0\5\0\0\0\1\0\0\0\0\0\0\1\4\0\0\0\40\0\0\1\0int\0' >"$tmp/int.btf"
renumber="$ours renumber -q -B $file $tmp/int.btf -o $tmp/moved.btf"

if [[ -n $check ]]; then
    cmp <("$ours" dump "$file") <(bpftool btf dump file "$file") || die "dump -f raw is not what bpftool prints"
    [[ $("$ours" dump -f c "$file" | grep -c '^struct .* {$') -gt 100 ]] || die "dump -f c has no structs"
    $renumber && "$ours" dump -B "$file" "$tmp/moved.btf" | grep -q "^\[[0-9]*\] INT 'int' size=4" || die "renumber made no INT"
    "$ours" dump -f json "$file" | head -c 20 | grep -q '^{"types":\[{"id":1,' || die "dump -f json is no document"
    echo ok
    exit
fi

command -v hyperfine >/dev/null || die "hyperfine is missing"
[[ -x /usr/bin/time ]] || die "GNU time is missing"

# Peak resident memory in KiB, of one run.
rss() { sh -c "/usr/bin/time -f %M -o $tmp/rss $* >/dev/null 2>&1" && tail -n 1 "$tmp/rss"; }

# compare TITLE OURS PEER [PREPARE]: the same job by both; hyperfine runs them one behind the other, so they are run in
# turns. PREPARE is run before each, and not measured.
compare() {
    local title=$1 names=(btfkinds peer) commands=("$2" "$3") prepare=(${4:+--prepare "$4"}) i round
    rm -f "$tmp"/*.csv
    for ((round = 0; round < runs; round++)); do
        for i in 0 1; do
            hyperfine -N --style none --warmup 1 --runs 3 "${prepare[@]}" --output null --export-csv "$tmp/one.csv" "${commands[i]}" >/dev/null 2>&1 ||
                die "failed: ${commands[i]}"
            # command,mean,stddev,median,user,system,...
            tail -n 1 "$tmp/one.csv" | awk -F, '{ n = NF; print (($(n - 3) + $(n - 2)) * 1000), $(n - 4) * 1000 }' >>"$tmp/${names[i]}.csv"
        done
    done
    for i in 0 1; do
        for column in 1 2; do
            cut -d ' ' -f $column "$tmp/${names[i]}.csv" | sort -n | sed -n "$(((runs + 1) / 2))p"
        done
        rss "${commands[i]}"
    done | xargs | awk -v title="$title" '{
        printf "%-30s%8.1f ms%9.1f ms%7.1f MiB |%8.1f ms%9.1f ms%7.1f MiB |%6.1fx%6.1fx\n",
            title, $1, $2, $3 / 1024, $4, $5, $6 / 1024, $4 / $1, $5 / $2 }'
}

printf '%s bytes; medians of %s times 3 runs in turns: on a processor, by the clock, peak memory\n' "$(wc -c <"$file")" "$runs"
printf '%-30s%30s |%30s |%7s%6s\n' '' btfkinds peer proc. clock
compare 'dump -f raw: bpftool' "$ours dump $file" "bpftool btf dump file $file"
compare 'dump -f json: bpftool' "$ours dump -f json $file" "bpftool -j btf dump file $file"
compare 'dump -f c: bpftool' "$ours dump -f c $file" "bpftool btf dump file $file format c"
if command -v pahole >/dev/null; then
    runs=1 compare 'dump -f c: pahole' "$ours dump -f c $file" "pahole --compile $file"
fi
gcc -O2 -Wall -o "$tmp/libbpf_encode" benches/libbpf_encode.c -lbpf
compare 'encode: libbpf' "$ours encode -q $file -o $tmp/ours.btf" "$tmp/libbpf_encode $file $tmp/libbpf.btf" \
    "rm -f $tmp/ours.btf $tmp/libbpf.btf" # an older file is replaced only when the new one is on the disk
compare 'renumber -B: cat of the base' "$renumber" "cat $file" "rm -f $tmp/moved.btf"
compare '--version: bpftool version' "$ours --version" "bpftool version"
