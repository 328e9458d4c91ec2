# Judges the blobs of /in/blobs.
if [ -e /in/blobs ]; then
    /in/verdicts /in/blobs >/out/verdicts
fi

# Loads each module of /in, and where it is taken, lets a BPF program call it. One line per step into /out/NAME/log.
for ko in /in/*.ko; do
    name=$(basename "$ko" .ko)
    case $name in
        task-*) module=task ;;
        *) module=demo ;;
    esac
    out=/out/$name
    mkdir "$out"
    dmesg -c >/dev/null
    insmod "$ko" >"$out/insmod" 2>&1
    echo "insmod $?" >"$out/log"
    grep "^$module " /proc/modules >>"$out/log"
    cat "/sys/kernel/btf/$module" >"$out/btf" 2>/dev/null || rm "$out/btf"
    case $module in
        demo) bpftool prog load /in/prog.bpf.o /sys/fs/bpf/prog ;;
        task) bpftool iter pin /in/task.bpf.o /sys/fs/bpf/prog ;;
    esac >"$out/load" 2>&1
    echo "load $?" >>"$out/log"
    if [ -e /sys/fs/bpf/prog ]; then
        case $module in
            demo) bpftool prog run pinned /sys/fs/bpf/prog data_in /in/zero64 ;;
            task) cat /sys/fs/bpf/prog ;;
        esac >"$out/run" 2>&1
        echo "run $?" >>"$out/log"
        rm /sys/fs/bpf/prog
    fi
    # The program is freed some time after its last user is gone, and keeps the module until then.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -q "^$module " /proc/modules || break
        rmmod "$module" 2>/dev/null || sleep 0.2
    done
    dmesg >"$out/dmesg"
done
