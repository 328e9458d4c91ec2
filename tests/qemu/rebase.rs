//! A function that takes a struct of the kernel's: BPF programs may hand it one only where the
//! module's BTF refers to the kernel's struct, and not to a copy.
//!
//! The modules are called `task-*`. They run in the boots of all the others.

use super::*;

pub(super) fn trials(old: &Lazy, new: &Lazy) -> Vec<Trial> {
    vec![
        trial("old_refuses_copies", old, |boot| verifier_refuses(boot, "task-renumbered")),
        trial("old_takes_rebased", old, |boot| taken_as_written(boot, "task-rebased")),
        trial("old_takes_base_of_older", old, |boot| {
            taken_as_written(boot, "task-relocated-older")
        }),
        trial("old_takes_rebased_portable", old, |boot| taken_as_written(boot, "task-undistilled")),
        trial("old_agrees_with_strict", old, agrees_with_strict),
        trial("new_refuses_copies", new, |boot| verifier_refuses(boot, "task-renumbered")),
        trial("new_takes_split_by_pahole", new, |boot| taken_as_written(boot, "task-built")),
        trial("new_takes_rebased", new, |boot| taken_as_written(boot, "task-rebased")),
        trial("new_takes_base_of_older", new, |boot| {
            taken_as_written(boot, "task-relocated-older")
        }),
        trial("new_takes_rebased_portable", new, |boot| taken_as_written(boot, "task-undistilled")),
        trial("new_keeps_what_pahole_keeps", new, keeps_what_pahole_keeps),
        trial("new_agrees_with_strict", new, agrees_with_strict),
        trial("new_relocates_own_base", new, |boot| {
            relocated(boot, "task-portable", "task-relocated");
        }),
        trial("new_relocates_base_of_older", new, |boot| {
            relocated(boot, "task-portable-older", "task-relocated-older");
        }),
        trial("new_refuses_other_size", new, refuses_other_size),
    ]
}

pub(super) fn is_task(name: &str) -> bool {
    name.starts_with("task-")
}

pub(super) fn for_old(boot: &Boot) {
    // This kernel does not relocate, so it gets no portable module.
    prepare(boot, "6.1", &boot.folder.name("task-portable-older"));
}

pub(super) fn for_new(boot: &Boot) {
    prepare(boot, "6.12", &boot.ko("task-portable-older"));
    boot.copy(&built("6.12", "task-built.ko"), "task-built");
    let portable = boot.ko("task-portable");
    rebase(&built("6.12", "task-standalone.ko"), &portable, &["-B", &boot.vmlinux, "--portable"]);
    boot.renumber(&portable, "task-relocated", &["-B", &boot.vmlinux]);
    other_size(boot);
}

fn rebase(from: &str, to: &str, how: &[&str]) {
    ok([&["rebase", from, "-o", to], how].concat());
}

/// The module on this kernel's types, and as it comes from the build before it.
fn prepare(boot: &Boot, series: &str, portable: &str) {
    let standalone = built(series, "task-standalone.ko");
    let here = ["-B", &boot.vmlinux];
    boot.renumber(&standalone, "task-renumbered", &["-B", &boot.vmlinux, "--resolve-ids"]);
    rebase(&standalone, &boot.ko("task-rebased"), &here);

    let series = format!("{series}-older");
    let older = vmlinux(&series);
    let standalone = with_btf_of(boot, &standalone, &built(&series, "task-standalone.ko"));
    rebase(&standalone, portable, &["-B", &older, "--portable"]);
    boot.renumber(portable, "task-relocated-older", &here);
    rebase(portable, &boot.ko("task-undistilled"), &here);

    let split = boot.folder.name("task-split-older");
    rebase(&standalone, &split, &["-B", &older]);
    let moved = ["-B", &boot.vmlinux, "--from", &older];
    rebase(&split, &boot.ko("task-moved"), &moved);
    let strict = [&["-v", "rebase", &split, "-o", &boot.ko("task-strict"), "--strict"], &moved[..]];
    let out = btfkinds(strict.concat());
    let said = String::from_utf8_lossy(&out.stderr);
    let done = Path::new(&boot.ko("task-strict")).exists();
    assert_eq!(out.status.code(), Some(i32::from(!done)), "{said}");
    assert_eq!(said.contains("struct task_struct"), !done, "{said}");
}

/// The module with the BTF that it got from another build. That build's own module would not do:
/// its symbols may have other versions.
fn with_btf_of(boot: &Boot, module: &str, other: &str) -> String {
    let btf = boot.folder.file("task-other.btf", section_of(other, ".BTF").unwrap());
    let out = boot.folder.name("task-other");
    run("objcopy", &["--update-section", &format!(".BTF={btf}"), module, &out]);
    out
}

/// A BPF program called the function, and what it handed over was what it said.
pub(super) fn called(boot: &Boot, name: &str) {
    let dmesg = boot.said(name, "dmesg");
    let calls =
        dmesg.lines().find_map(|line| line.split_once("task: ")?.1.strip_suffix(" right, 0 wrong"));
    let calls: u32 = calls.unwrap_or_else(|| panic!("{}", boot.all(name))).parse().unwrap();
    assert!(calls > 0, "{}", boot.all(name));
}

/// The module has its BTF and its function is known, and yet no program can call it.
fn verifier_refuses(boot: &Boot, name: &str) {
    let all = boot.all(name);
    assert_eq!(boot.steps(name), ["insmod"], "{all}");
    assert!(boot.left(name, "btf").unwrap() == boot.section(name, ".BTF"), "{all}");
    let message = "kernel function task_has_pid args#0 expected pointer to STRUCT task_struct \
                   but R1 has a pointer to STRUCT task_struct";
    assert!(boot.said(name, "load").contains(message), "{all}");
}

/// Moved from one kernel's types to those of the next, the function is refused where `--strict`
/// says so: where something in `task_struct` has changed from the one to the other, be it far away.
fn agrees_with_strict(boot: &Boot) {
    if Path::new(&boot.ko("task-strict")).exists() {
        taken_as_written(boot, "task-strict");
        taken_as_written(boot, "task-moved");
    } else {
        verifier_refuses(boot, "task-moved");
    }
}

/// What is left to the module is what pahole left to it when the build made it split.
fn keeps_what_pahole_keeps(boot: &Boot) {
    let own = |name: &str| -> Vec<String> {
        let dump = bpftool_dump(boot, name);
        let types = dump.lines().filter(|line| line.starts_with('['));
        // Kinds and names.
        let labels =
            types.map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" "));
        let mut labels: Vec<String> =
            labels.filter(|label| label != "ENUM '__BTF_ORIGIN'").collect();
        labels.sort();
        labels
    };
    let paholes = own("task-built");
    assert!(paholes.contains(&"STRUCT 'task_state'".to_owned()), "{paholes:?}");
    for name in ["task-rebased", "task-undistilled"] {
        assert_eq!(own(name), paholes, "{name}");
    }
}

/// As if the module had been built against headers in which `struct timer_list` is larger.
fn other_size(boot: &Boot) {
    let mut base = boot.section("task-portable", ".BTF.base");
    let read = Btf::parse(&base).unwrap();
    let mut at = 24;
    let timer = read.types().find(|ty| {
        at += ty.words().len() * 4;
        ty.kind() == Kind::STRUCT && ty.name() == "timer_list"
    });
    at -= timer.unwrap().words().len() * 4;
    let size = u32::from_le_bytes(base[at + 8..at + 12].try_into().unwrap());
    base[at + 8..at + 12].copy_from_slice(&(size + 8).to_le_bytes());
    let base = boot.folder.file("other-size.base", base);
    let (from, to) = (boot.ko("task-portable"), boot.ko("task-other-size"));
    run("objcopy", &["--update-section", &format!(".BTF.base={base}"), &from, &to]);
}

/// A struct of the kernel's inside a struct of the module's: its size is part of the module's code.
fn refuses_other_size(boot: &Boot) {
    let name = "task-other-size";
    let message = "distilled base BTF type 'timer_list'";
    refused(boot, name, &[message, "missing module BTF, cannot register kfunc"]);
    let out = boot.folder.name("other-size");
    for command in ["renumber", "rebase"] {
        let said = fails([command, &boot.ko(name), "-B", &boot.vmlinux, "-o", &out]);
        assert!(said.contains("timer_list"), "{command}: {said}");
        assert!(!Path::new(&out).exists(), "{command}");
    }
}
