//! Modules in stock Debian kernels: what the kernel refuses and what it takes, up to a BPF program
//! that calls the module's functions.
//!
//! There is one boot per kernel, with all modules that are for it; the trials look at what came out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod common;
#[allow(dead_code, unreachable_pub)] // not all of it is for other kernels than the running one
#[path = "check/generate.rs"]
mod generate;
#[allow(dead_code, unreachable_pub)]
#[path = "check/raw.rs"]
mod raw;
#[path = "qemu/rebase.rs"]
mod rebase;
#[path = "qemu/verdicts.rs"]
mod verdicts;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::{env, fs};

use btfkinds::{Btf, File, Kind, NewType, Parse, Record};
use common::kernels::script;
use common::needs::Need::Tool;
use common::needs::trial_in;
use common::{Folder, btfkinds, fails, ok, run};
use libtest_mimic::{Arguments, Trial};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};

/// The first trial that looks boots. Not a static: the folder shall be removed at the end.
type Lazy = Arc<LazyLock<Boot>>;

fn main() -> ExitCode {
    let older: Lazy = Arc::new(LazyLock::new(|| Boot::new("6.1-older", for_update)));
    let old: Lazy = Arc::new(LazyLock::new(|| Boot::new("6.1", for_old)));
    let new: Lazy = Arc::new(LazyLock::new(|| Boot::new("6.12", for_new)));
    let mut tests = vec![
        trial("old_refuses_standalone", &old, old_refuses_standalone),
        trial("old_takes_renumbered", &old, |boot| taken_as_written(boot, "classic")),
        trial("old_takes_undone_and_renumbered", &old, takes_again),
        trial("old_takes_encoded", &old, |boot| taken_as_written(boot, "encoded")),
        trial("old_ids_must_be_resolved", &old, old_ids_must_be_resolved),
        trial("new_refuses_standalone", &new, new_refuses_standalone),
        trial("new_takes_renumbered", &new, |boot| taken_as_written(boot, "classic")),
        trial("new_takes_undone_and_renumbered", &new, takes_again),
        trial("new_takes_encoded", &new, |boot| taken_as_written(boot, "encoded")),
        trial("new_takes_its_own_builds", &new, |boot| taken_as_written(boot, "built")),
        trial("new_relocates_portable", &new, |boot| relocated(boot, "portable", "classic")),
        trial("new_relocates_unresolved", &new, |boot| relocated(boot, "unresolved", "classic")),
        trial("new_relocates_encoded", &new, |boot| relocated(boot, "encoded-portable", "encoded")),
        trial("new_takes_relocated", &new, |boot| taken_as_written(boot, "relocated")),
        trial("new_relocates_as_we_do", &new, |boot| relocated(boot, "distilled", "relocated")),
        trial("update_before", &older, |boot| fits_one(boot, "for-older", "for-newer")),
        trial("update_after", &old, |boot| fits_one(boot, "for-newer", "for-older")),
        trial("older_dumps_are_bpftools", &older, dumps),
        trial("old_dumps_are_bpftools", &old, dumps),
        trial("new_dumps_are_bpftools", &new, dumps),
    ];
    tests.extend(rebase::trials(&old, &new));
    tests.extend(verdicts::trials(&old, &new));
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// A trial that looks at a boot. Plain `cargo test` shall not download kernels, so it has to be
/// asked for; `tests/run` does.
fn trial(name: &str, boot: &Lazy, look: fn(&Boot)) -> Trial {
    if env::var_os("BTFKINDS_QEMU").is_some() {
        let needs = ["qemu-system-x86_64", "busybox", "cpio", "make", "pahole", "clang", "bpftool"];
        let boot = Arc::clone(boot);
        return trial_in(name, &needs.map(Tool), move || look(&boot));
    }
    let name = format!("{name} (needs BTFKINDS_QEMU=1, as tests/run sets it)");
    let required = env::var_os("BTFKINDS_REQUIRE").is_some();
    Trial::test(name, || Err("needs BTFKINDS_QEMU=1".into())).with_ignored_flag(!required)
}

// What is booted.

/// A kernel that has been run, and its modules.
struct Boot {
    vmlinux: String,
    /// The modules as `NAME.ko`, and what the guest left of each in `out/NAME/`.
    folder: Folder,
    /// The flags that its headers give to a set of functions: BTF_SET8_KFUNCS came with 6.9.
    set_flags: u32,
}

fn vmlinux(series: &str) -> String {
    script("debian-kernel", &[series]) + "/vmlinux"
}

/// What `tests/qemu/build` makes for a kernel. It stays there for the next time.
fn built(series: &str, file: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("qemu-{series}"));
    script("qemu/build", &[series, folder.to_str().unwrap()]);
    folder.join(file).to_str().unwrap().to_owned()
}

/// A section of a module, by an independent reader.
fn section_of(module: &str, section: &str) -> Option<Vec<u8>> {
    let data = fs::read(module).unwrap();
    let elf = ElfFile64::<Endianness>::parse(data.as_slice()).unwrap();
    Some(elf.section_by_name(section)?.data().unwrap().to_vec())
}

impl Boot {
    fn new(series: &str, prepare: fn(&Boot)) -> Boot {
        let set_flags = u32::from(series == "6.12");
        let boot = Boot { vmlinux: vmlinux(series), folder: Folder::new(), set_flags };
        boot.folder.file("script.sh", include_bytes!("qemu/script.sh"));
        boot.folder.file("zero64", [0; 64]);
        for program in ["prog.bpf.o", "task.bpf.o"] {
            fs::copy(built(series, program), boot.folder.path(program)).unwrap();
        }
        prepare(&boot);
        let kernel = Path::new(&boot.vmlinux).parent().unwrap();
        script("qemu/boot", &[kernel.to_str().unwrap(), &boot.folder.name("")]);
        boot
    }

    fn ko(&self, name: &str) -> String {
        self.folder.name(&format!("{name}.ko"))
    }

    fn copy(&self, from: &str, name: &str) -> String {
        fs::copy(from, self.ko(name)).unwrap();
        self.ko(name)
    }

    fn renumber(&self, from: &str, name: &str, how: &[&str]) -> String {
        let to = self.ko(name);
        ok([&["renumber", from, "-o", &to], how].concat());
        to
    }

    fn section(&self, name: &str, section: &str) -> Vec<u8> {
        let found = section_of(&self.ko(name), section);
        found.unwrap_or_else(|| panic!("{name} has no {section}"))
    }

    /// What the guest left: `log` (each step and its exit status), `insmod`, `load`, `run` (what
    /// they said), `dmesg`, `btf` (from /sys/kernel/btf); None if there is no such file.
    fn left(&self, name: &str, file: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path("out").join(name).join(file)).ok()
    }

    fn said(&self, name: &str, file: &str) -> String {
        String::from_utf8_lossy(&self.left(name, file).unwrap_or_default()).into_owned()
    }

    /// All that it said, for messages.
    fn all(&self, name: &str) -> String {
        let part = |file| format!("== {name}: {file}\n{}", self.said(name, file));
        ["log", "insmod", "load", "run", "dmesg"].map(part).concat()
    }

    /// The steps that went well, of `insmod`, `load` and `run`.
    fn steps(&self, name: &str) -> Vec<String> {
        let log = self.said(name, "log");
        log.lines().filter_map(|line| Some(line.strip_suffix(" 0")?.to_owned())).collect()
    }
}

fn for_old(boot: &Boot) {
    let how = ["-B", &boot.vmlinux, "--resolve-ids"];
    let standalone = boot.copy(&built("6.1", "standalone.ko"), "standalone");
    let classic = boot.renumber(&standalone, "classic", &how);
    boot.renumber(&undone(boot, &classic), "again", &how);
    let encoded = boot.copy(&standalone, "encoded");
    ok(["encode", &encoded]);
    ok([&["renumber", &encoded], &how[..]].concat());
    for_update(boot);
    rebase::for_old(boot);
    verdicts::prepare(boot);
}

fn undone(boot: &Boot, module: &str) -> String {
    let out = boot.folder.name("undone"); // without .ko: not to be loaded
    ok(["renumber", "--undo", module, "-o", &out]);
    out
}

/// A module that was built and numbered for one kernel and then moved to the one after it: both
/// forms, for both kernels.
fn for_update(boot: &Boot) {
    let standalone = built("6.1-older", "standalone.ko");
    let how = ["-B", &vmlinux("6.1-older"), "--resolve-ids"];
    let before = boot.renumber(&standalone, "for-older", &how);
    boot.renumber(&before, "for-newer", &["-B", &vmlinux("6.1")]);
}

fn for_new(boot: &Boot) {
    let base = ["-B", &boot.vmlinux, "--resolve-ids"];
    let portable = ["--portable", "--resolve-ids"];
    boot.copy(&built("6.12", "built.ko"), "built");
    // The build made it split; standalone it is only by pahole -J over that.
    let standalone = boot.copy(&built("6.12", "standalone.ko"), "standalone");
    boot.renumber(&standalone, "classic", &base);
    let moved = boot.renumber(&standalone, "portable", &portable);
    boot.renumber(&undone(boot, &moved), "again", &base);
    boot.renumber(&unresolved(boot, &standalone), "unresolved", &portable);
    let encoded = boot.folder.name("encoded-standalone");
    ok(["encode", &standalone, "-o", &encoded]);
    boot.renumber(&encoded, "encoded", &base);
    boot.renumber(&encoded, "encoded-portable", &portable);
    let distilled = distilled(boot, &standalone);
    boot.renumber(&distilled, "relocated", &["-B", &boot.vmlinux, "--resolve-ids"]);
    rebase::for_new(boot);
    verdicts::prepare(boot);
}

/// The module on a distilled base with a struct of the kernel's in it, to which it refers in place
/// of its own copy.
fn distilled(boot: &Boot, standalone: &str) -> String {
    let module = File::open(Path::new(standalone)).unwrap().btf(&Parse::new()).unwrap();
    let is_skb = |ty: &Record<'_>| ty.kind() == Kind::STRUCT && ty.name() == "sk_buff";
    let size = module.types().find(is_skb).unwrap().size_or_type();
    let mut base = Btf::new();
    let int = NewType {
        kind: Kind::INT,
        name: "int",
        kind_flag: false,
        vlen: 0,
        size_or_type: 4,
        words: &[(1 << 24) | 32],
    };
    base.add(int).unwrap();
    let skb =
        NewType { kind: Kind::STRUCT, name: "sk_buff", size_or_type: size, words: &[], ..int };
    let skb = base.add(skb).unwrap().0;
    let base_file = boot.folder.file("distilled.base", base.to_bytes());
    let numbered = boot.folder.name("distilled-numbered");
    ok(["renumber", standalone, "-o", &numbered, "-B", &base_file, "--resolve-ids"]);
    let parse = Parse::new().base(Arc::new(base));
    let btf = File::open(Path::new(&numbered)).unwrap().btf(&parse).unwrap();
    let own = btf.types().find(is_skb).unwrap().id().0;
    let mut bytes = btf.to_bytes();
    let mut at = 24;
    let mut replaced = 0;
    for ty in btf.types() {
        // Pointers are all that refers to it in this module.
        let refers = ty.kind() == Kind::PTR && ty.size_or_type() == own;
        if refers {
            bytes[at + 8..at + 12].copy_from_slice(&skb.to_le_bytes());
            replaced += 1;
        }
        at += ty.words().len() * 4;
    }
    assert!(replaced > 0);
    // It is no longer what a standalone blob was renumbered to: the record must not say so.
    bytes[at - 28..at - 24].copy_from_slice(&[0; 4]);
    let bytes = boot.folder.file("distilled.btf", bytes);
    let out = boot.ko("distilled");
    let sections = [format!(".BTF={bytes}"), format!(".BTF.base={base_file}")];
    let [update, add] = &sections;
    run("objcopy", &["--update-section", update, "--add-section", add, &numbered, &out]);
    out
}

/// The module with `.BTF_ids` as the compiler left it, before the build filled and sorted it: no
/// count, no ids, and the flags in the order of the source.
fn unresolved(boot: &Boot, module: &str) -> String {
    let words: [u32; 6] = [0, boot.set_flags, 0, TRUSTED, 0, 0];
    let ids = boot.folder.file("ids", words.map(u32::to_le_bytes).concat());
    let out = boot.folder.name("unresolved");
    run("objcopy", &["--update-section", &format!(".BTF_ids={ids}"), module, &out]);
    out
}

// What came out.

/// KF_TRUSTED_ARGS, which the source gives to `demo_add`.
const TRUSTED: u32 = 0x10;

/// The module has its BTF, and a BPF program called its functions.
fn taken(boot: &Boot, name: &str) {
    let all = boot.all(name);
    assert_eq!(boot.steps(name), ["insmod", "load", "run"], "{all}");
    if rebase::is_task(name) {
        return rebase::called(boot, name);
    }
    assert!(boot.said(name, "run").contains("Return value: 712"), "{all}");
    assert!(boot.said(name, "dmesg").contains("demo: 2 calls"), "{all}");
}

/// The module is loaded without its BTF (Debian's kernels allow that), so it has no functions that
/// a BPF program could call.
fn refused(boot: &Boot, name: &str, messages: &[&str]) {
    let (all, dmesg) = (boot.all(name), boot.said(name, "dmesg"));
    assert_eq!(boot.steps(name), ["insmod"], "{all}");
    assert!(boot.left(name, "btf").is_none(), "{all}");
    let missing = messages.iter().find(|message| !dmesg.contains(**message));
    assert_eq!(missing, None, "{all}");
}

/// Taken with the bytes that are in the file.
fn taken_as_written(boot: &Boot, name: &str) {
    taken(boot, name);
    assert!(boot.left(name, "btf").unwrap() == boot.section(name, ".BTF"), "{name}");
    ids_are_filled(boot, name);
}

fn old_refuses_standalone(boot: &Boot) {
    let messages = [
        "BPF: Invalid name",
        "failed to validate module [demo] BTF: -22",
        "missing module BTF, cannot register kfuncs",
    ];
    refused(boot, "standalone", &messages);
}

fn new_refuses_standalone(boot: &Boot) {
    // The first is said once per boot; no other module of this boot is refused.
    let messages =
        ["Kernel module BTF mismatch detected", "missing module BTF, cannot register kfunc"];
    refused(boot, "standalone", &messages);
}

/// Renumbered, undone and renumbered again is what it was the first time.
fn takes_again(boot: &Boot) {
    for section in [".BTF", ".BTF_ids"] {
        let same = boot.section("again", section) == boot.section("classic", section);
        assert!(same, "{section} is not what it was before undoing");
    }
    taken_as_written(boot, "again");
}

/// The headers of 6.1 have nothing that fills `.BTF_ids`: to number the BTF alone would give a
/// module that loads and whose functions cannot be called.
fn old_ids_must_be_resolved(boot: &Boot) {
    let out = boot.folder.name("refused");
    let said = fails(["renumber", &boot.ko("standalone"), "-B", &boot.vmlinux, "-o", &out]);
    assert!(said.contains(".BTF_ids") && said.contains("--resolve-ids"), "{said}");
    assert!(!Path::new(&out).exists());
}

/// After an update the module for the other kernel is refused, and the moved one is taken.
fn fits_one(boot: &Boot, this: &str, other: &str) {
    taken_as_written(boot, this);
    if boot.section(this, ".BTF") == boot.section(other, ".BTF") {
        println!("this update of the kernel changed none of its types");
        return;
    }
    refused(boot, other, &["failed to validate module [demo] BTF"]);
}

/// The kernel made of a portable module what we would have written for that kernel.
fn relocated(boot: &Boot, name: &str, classic: &str) {
    taken(boot, name);
    ids_are_filled(boot, name);
    let seen = boot.left(name, "btf").unwrap();
    let mut classic = boot.section(classic, ".BTF");
    // All but three values of the origin record, which is the last type. They tell what base the
    // module was numbered for, here its own, and the kernel knows nothing of that: to it they are
    // values of an enum, and not changed.
    let base = boot.section(name, ".BTF.base");
    let read = Btf::parse(&base).unwrap();
    let (types, strs) = (read.type_count(), u32::try_from(read.str_len()).unwrap());
    let end: u32 = words(&classic)[1..4].iter().sum(); // the header's size, the types' start and size
    for (behind, value) in [(20, types), (12, strs), (4, crc32fast::hash(&base))] {
        let at = end as usize - behind;
        classic[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
    }
    assert!(seen == classic, "{name}");
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// The set names the module's functions, each with its own flags. The kernel would not notice wrong
/// flags, and of wrong ids not all.
fn ids_are_filled(boot: &Boot, name: &str) {
    let dump = bpftool_dump(boot, name);
    let filled = words(&boot.section(name, ".BTF_ids"));
    let id = |function: &str| -> u32 {
        let is = format!("] FUNC '{function}' ");
        let line = dump.lines().find(|line| line.contains(&is)).unwrap();
        line[1..].split_once(']').unwrap().0.parse().unwrap()
    };
    if rebase::is_task(name) {
        assert_eq!(filled, [1, boot.set_flags, id("task_has_pid"), 0], "{name}");
        return;
    }
    let (mul, add) = (id("demo_mul"), id("demo_add"));
    assert!(mul < add, "the order in the source is that of the ids: nothing to be sorted");
    let expected = [2, boot.set_flags, mul, 0, add, TRUSTED];
    assert_eq!(filled, expected, "{name}");
}

/// The base that a module says it is for: its own, if it carries one.
fn base(boot: &Boot, name: &str) -> String {
    match section_of(&boot.ko(name), ".BTF.base") {
        Some(base) => boot.folder.file(&format!("{name}.base"), base),
        None => boot.vmlinux.clone(),
    }
}

/// The module's own types, by bpftool.
fn bpftool_dump(boot: &Boot, name: &str) -> String {
    let args = ["-B", &base(boot, name), "btf", "dump", "file", &boot.ko(name)];
    String::from_utf8(run("bpftool", &args)).unwrap()
}

/// Of all modules that were taken.
fn dumps(boot: &Boot) {
    let modules = fs::read_dir(boot.folder.path("out")).unwrap();
    let names = modules.map(|module| module.unwrap().file_name().into_string().unwrap());
    // What leads nowhere we don't print.
    let names = names.filter(|name| name != "dangling");
    let taken: Vec<String> = names.filter(|name| boot.steps(name).len() == 3).collect();
    assert!(!taken.is_empty());
    for name in &taken {
        // On its own base, or on the kernel's; -B would relocate the one to the other.
        let ours = match section_of(&boot.ko(name), ".BTF.base") {
            Some(_) => ok(["dump", &boot.ko(name)]),
            None => ok(["dump", "-B", &boot.vmlinux, &boot.ko(name)]),
        };
        let theirs = bpftool_dump(boot, name);
        let differ = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
        assert_eq!((differ, ours.len()), (None, theirs.len()), "{name}");
    }
}
