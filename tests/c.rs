//! `dump -f c`: headers of whole kernels and modules against two compilers, odd and hostile types
//! by hand.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[path = "c/asserts.rs"]
mod asserts;
mod common;
#[path = "c/odd.rs"]
mod odd;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use asserts::{Asserts, Found, places, printed};
use btfkinds::kernel::VMLINUX;
use btfkinds::{Btf, C, Describe, File, Parse, describe};
use common::needs::Need::{Bpf, Debian, KernelBtf, Tool};
use common::needs::{debian, trial};
use common::{Folder, ok, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let (gcc, clang) = (Tool("gcc"), Tool("clang"));
    let mut tests = vec![
        trial("kernel_layout", &[KernelBtf, gcc, clang], kernel_layout),
        trial("kernel_described", &[KernelBtf, gcc, clang], kernel_described),
        trial("kernel_bit_offsets", &[KernelBtf, clang], kernel_bit_offsets),
        trial("kernel_selected", &[KernelBtf, gcc, clang], kernel_selected),
        trial("debian_layout", &[Debian, gcc, clang], debian_layout),
        trial("debian_modules", &[Debian, gcc, clang], debian_modules),
        trial(
            "relocations_resolve",
            &[Debian, KernelBtf, Bpf, clang, Tool("bpftool")],
            relocations,
        ),
    ];
    tests.extend(odd::tests());
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn header(btf: &Btf) -> String {
    let mut out = Vec::new();
    C::new(btf).write_to(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A BPF program that was built with the header of one kernel finds its members in another one: libbpf relocates it (in
/// bpftool), and the running kernel takes it.
fn relocations() {
    let debian = debian().join("vmlinux");
    let running = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let offset = |btf: &Btf, name: &str| {
        let task = btf.types().find(|ty| ty.kind().0 == 4 && ty.name() == "task_struct").unwrap();
        let mut members = task.elements();
        let member = members.find(|member| task.string(btfkinds::StrOff(member[0])) == name);
        member.unwrap()[2] & 0x00ff_ffff
    };
    for (number, file) in [debian.to_str().unwrap(), VMLINUX].into_iter().enumerate() {
        let folder = Folder::new();
        folder.file("vmlinux.h", ok(["dump", "-f", "c", file]));
        let source = folder.file("core.bpf.c", include_bytes!("c/core.bpf.c"));
        let object = folder.name("core.bpf.o");
        run("clang", &["-target", "bpf", "-g", "-O2", "-Werror", "-c", &source, "-o", &object]);
        let found = folder.name("min.btf");
        run("bpftool", &["gen", "min_core_btf", VMLINUX, &found, &object]);
        let found = Btf::parse(&fs::read(found).unwrap()).unwrap();
        for member in ["real_parent", "tgid"] {
            assert_eq!(offset(&found, member), offset(&running, member), "{file}: {member}");
        }
        let pinned = format!("/sys/fs/bpf/btfkinds-{}-{number}", std::process::id());
        run("bpftool", &["prog", "load", &object, &pinned]);
        fs::remove_file(pinned).unwrap();
    }
}

/// Where a header has no structs.
const NO_RECORDS: &str = "-Wno-pragma-clang-attribute";

/// The host's compiler, as for the kernel; clang, as for BPF programs; and for a machine on which
/// bitfields without names have an alignment.
const COMPILERS: [&[&str]; 3] = [
    &["gcc", "-fsyntax-only", "-Werror", "-Wno-attributes", "-x", "c"],
    &["clang", "-target", "bpf", "-fsyntax-only", "-Werror", NO_RECORDS, "-x", "c"],
    &["clang", "-target", "aarch64-linux-gnu", "-fsyntax-only", "-w", "-x", "c"],
];

/// All compilers take a text.
fn compiles(text: &str, what: &str) {
    let folder = Folder::new();
    let file = folder.file("header.c", text);
    for compiler in COMPILERS {
        let out = Command::new(compiler[0]).args(&compiler[1..]).arg(&file).output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        let err: String = err.lines().take(40).map(|line| format!("{line}\n")).collect();
        assert!(out.status.success(), "{what}: {}:\n{err}", compiler[0]);
    }
}

/// Compiles a header together with what the BTF says about its types.
fn checked(btf: &Btf, what: &str) -> Asserts {
    let header = header(btf);
    let asserts = Asserts::new(btf, &printed(btf, &header));
    compiles(&format!("{header}\n{}", asserts.text), what);
    asserts
}

fn kernel() -> Btf {
    Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap()
}

fn kernel_layout() {
    let btf = kernel();
    let asserts = checked(&btf, "the running kernel");
    println!("the running kernel: {}", asserts.count);
    asserts.count.assert_whole();
    // The command prints what the library does.
    assert!(ok(["dump", "-f", "c", VMLINUX]) == header(&btf));
}

/// Places in bits, of bitfields above all: compiled back to BTF, and read from there.
fn kernel_bit_offsets() {
    let btf = kernel();
    let header = header(&btf);
    let printed = printed(&btf, &header);
    let mut text = header;
    for (n, found) in printed.types.iter().enumerate() {
        text += &format!("{} {} v{n};\n", found.word, found.name);
    }
    let folder = Folder::new();
    let file = folder.file("header.c", text);
    let object = folder.path("header.o");
    let args = ["-target", "bpf", "-g", "-c", &file, "-o"];
    let out = Command::new("clang").args(args).arg(&object).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let back = File::open(&object).unwrap().btf(&Parse::new()).unwrap();
    let (mut members, mut bitfields) = (0, 0);
    for Found { id, word, name } in &printed.types {
        let kind = if *word == "struct" { "STRUCT" } else { "UNION" };
        let again = back.types().find_by(kind, name).unwrap_or_else(|| panic!("{word} {name}"));
        let (old, new) = (places(&btf, *id), places(&back, again));
        assert_eq!(old, new, "{word} {name}");
        members += old.len();
        bitfields += old.iter().filter(|place| place.width != 0).count();
    }
    println!("{members} members, {bitfields} of them bitfields, of {} types", printed.types.len());
    assert!(bitfields > 1000, "{bitfields}");
}

/// Types by kind and name, without going through all of them each time.
trait FindBy {
    fn find_by(self, kind: &str, name: &str) -> Option<btfkinds::TypeId>;
}

impl<'a, I: Iterator<Item = btfkinds::Record<'a>>> FindBy for I {
    fn find_by(mut self, kind: &str, name: &str) -> Option<btfkinds::TypeId> {
        self.find(|ty| ty.kind_name() == kind && ty.name() == name.as_bytes()).map(|ty| ty.id())
    }
}

/// Named types come with all that they need, and not with all there is.
fn kernel_selected() {
    let btf = kernel();
    for name in ["task_struct", "pid_t", "sk_buff", "bpf_prog_type", "inode", "file_operations"] {
        let text = ok(["dump", "-f", "c", VMLINUX, name]);
        compiles(&text, name);
        assert!(text.len() < 1 << 20, "{name}: {}", text.len());
        let mut ours = Vec::new();
        C::new(&btf).named(name).write_to(&mut ours).unwrap();
        assert!(ours == text.as_bytes(), "{name}");
    }
    let text = ok(["dump", "-f", "c", VMLINUX, "pid_t"]);
    let body = "typedef int __kernel_pid_t;\n\ntypedef __kernel_pid_t pid_t;\n";
    assert!(text.contains(body), "{text}");
    // A function, since it was asked for.
    let text = ok(["dump", "-f", "c", VMLINUX, "vfs_read"]);
    assert!(text.contains("\nssize_t vfs_read(struct file *file, char *buf, "), "{text}");
    compiles(&text, "vfs_read");
}

/// Descriptions of kinds are structs and typedefs like others.
fn kernel_described() {
    let mut btf = kernel();
    describe(&mut btf, &Describe::default()).unwrap();
    let asserts = checked(&btf, "the running kernel, described");
    asserts.count.assert_whole();
    let mut text = Vec::new();
    C::new(&btf).named("__BTF_KIND_19").write_to(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("\ntypedef struct __BTF_KIND_ENUM64 __BTF_KIND_19;\n"), "{text}");
}

fn debian_vmlinux() -> Arc<Btf> {
    let file = File::open(&debian().join("vmlinux")).unwrap();
    Arc::new(file.btf(&Parse::new()).unwrap())
}

fn debian_layout() {
    let asserts = checked(&debian_vmlinux(), "Debian's vmlinux");
    println!("Debian's vmlinux: {}", asserts.count);
    asserts.count.assert_whole();
}

/// The 25 largest modules, and as many from all over; all with BTFKINDS_ALL_MODULES.
fn debian_modules() {
    let base = debian_vmlinux();
    let mut files = Vec::new();
    modules(&debian().join("modules"), &mut files);
    files.sort();
    let (mut count, mut all) = (0, asserts::Count::default());
    if std::env::var_os("BTFKINDS_ALL_MODULES").is_none() {
        let spread: Vec<_> = files.iter().step_by(files.len().div_ceil(25)).cloned().collect();
        files.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).unwrap().len()));
        files.truncate(25);
        files.extend(spread);
    }
    for path in &files {
        let btf = File::open(path).unwrap().btf(&Parse::new().base(base.clone())).unwrap();
        all.add(&checked(&btf, &path.display().to_string()).count);
        count += 1;
    }
    println!("{count} modules: {all}");
    assert!(count >= 40 && all.types > 5000, "{count} {all}");
}

fn modules(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            modules(&path, files);
        } else if path.to_string_lossy().contains(".ko") {
            files.push(path);
        }
    }
}
