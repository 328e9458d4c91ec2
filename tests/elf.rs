//! ELF files: what `encode` changes in them and what it leaves alone, as gcc, clang, bpftool,
//! readelf, the kernel and a reader of BTF made for these tests see it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;
#[path = "elf/ids.rs"]
mod ids;
#[path = "elf/read.rs"]
mod read;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use btfkinds::{Btf, Change, Describe, File, Parse, Place, describe};
use common::needs::Need::{Bpf, Debian, KernelBtf, Tool};
use common::needs::{debian, trial};
use common::{Folder, Graph, Layout, Random, W, btfkinds, fails, info, ok, root, run};
use ids::{Part, bytes, id_words, ids_asm};
use libtest_mimic::Arguments;
use object::{Object, ObjectSegment, ObjectSymbol};
use read::{
    Chain, Moved, btf_of, datasec_place, describes_all, dump, ext, header_at, ids, moved, only,
    readelf, relocations, same_relocations, same_types, section, section_range, word, words,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_btfkinds");
/// In the environment of a process of this program: the files to damage.
const DAMAGE: &str = "BTFKINDS_TEST_DAMAGE";

fn main() -> ExitCode {
    if let Some(files) = std::env::var_os(DAMAGE) {
        std::env::split_paths(&files).for_each(|file| damage(&file));
        return ExitCode::SUCCESS;
    }
    let (gcc, clang, bpftool) = (Tool("gcc"), Tool("clang"), Tool("bpftool"));
    let (readelf, objcopy) = (Tool("readelf"), Tool("objcopy"));
    let tests = vec![
        trial("object_back", &[gcc, bpftool, readelf], object_back),
        trial("object_front", &[gcc, bpftool, readelf], object_front),
        trial("executable", &[gcc, bpftool, readelf], executable),
        trial("executable_with_loaded_btf", &[gcc], executable_with_loaded_btf),
        trial("bpf_object", &[clang, bpftool, readelf], bpf_object),
        trial("bpf_object_loads", &[clang, bpftool, Bpf, KernelBtf], bpf_object_loads),
        trial("ids_move", &[gcc, bpftool, readelf], ids_move),
        trial("ids_refused", &[gcc, bpftool], ids_refused),
        trial("ids_not_covered", &[gcc, bpftool], ids_not_covered),
        trial("ids_without_symbols", &[gcc, bpftool, objcopy], ids_without_symbols),
        trial("debian_module", &[Debian, bpftool, readelf, objcopy], debian_module),
        trial("debian_signature", &[Debian, bpftool, readelf], debian_signature),
        trial("debian_vmlinux", &[Debian], debian_vmlinux),
        trial("split_follows_object", &[gcc, bpftool, readelf], split_follows_object),
        trial("other_machines", &[clang, bpftool, readelf], other_machines),
        trial("damaged_files", &[gcc, clang, bpftool], damaged_files),
        trial("endless_symbol", &[gcc, bpftool], endless_symbol),
        trial("long_section_names", &[gcc], long_section_names),
        trial("relocations_everywhere", &[gcc], relocations_everywhere),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

// Making such files.

const SOURCE: &str = include_str!("elf/object.c");

fn gcc(folder: &Folder, args: &[&str], out: &str) -> String {
    let out = folder.name(out);
    run("gcc", &[args, &["-o", &out]].concat());
    out
}

/// The object file of `SOURCE`, with BTF by gcc, and of assembler text behind it.
fn object_with(folder: &Folder, out: &str, asm: &str) -> String {
    let source = folder.file("a.c", SOURCE);
    let text = gcc(folder, &["-gbtf", "-O1", "-S", &source], "a.s");
    let mut text = fs::read_to_string(text).unwrap();
    text += asm;
    let text = folder.file("all.s", text);
    gcc(folder, &["-c", &text], out)
}

/// Assembler text for a section that holds a file but for some words of it, which are relocated
/// to symbols.
fn section_asm(section: &str, file: &str, relocated: &[(usize, &str)]) -> String {
    let mut text = format!(".section {section}\n");
    let mut from = 0;
    for (at, symbol) in relocated {
        text += &format!(".incbin \"{file}\",{from},{}\n.4byte {symbol}\n", at - from);
        from = at + 4;
    }
    text + &format!(".incbin \"{file}\",{from}\n")
}

/// The command's exit status and what it said.
fn said(out: Output) -> (Option<i32>, String) {
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

const FRONT: [&str; 2] = ["--place", "front"];

/// The command refuses, says these things, and leaves the file as it is.
fn refused(args: &[&str], file: &str, says: &[&str]) {
    let before = fs::read(file).unwrap();
    let text = fails([&["encode", file], args].concat());
    for part in says {
        assert!(text.contains(part), "'{text}' does not say '{part}'");
    }
    assert!(fs::read(file).unwrap() == before, "{file} changed");
}

/// Encodes a copy of a file with descriptions in front; gives the copy, and how ids move.
fn front(folder: &Folder, file: &str) -> (String, Moved) {
    let out = folder.name("front.o");
    ok(["encode", "--place", "front", file, "-o", &out]);
    let count = |path: &str| Chain::of(&[&btf_of(path)]).count();
    let by = (1, count(&out) - count(file));
    describes_all(&dump(&out, None));
    same_types(&Chain::of(&[&btf_of(file)]), &Chain::of(&[&btf_of(&out)]), by);
    // Taken off again: every byte is as it was, wherever it had moved.
    let stripped = folder.name("stripped.o");
    ok(["strip", &out, "-o", &stripped]);
    assert!(fs::read(stripped).unwrap() == fs::read(file).unwrap(), "{file}");
    (out, by)
}

// The tests.

fn status(program: &str) -> Option<i32> {
    Command::new(program).status().unwrap().code()
}

fn object_back() {
    let folder = Folder::new();
    let object = object_with(&folder, "a.o", "");
    let (before, text, copy) =
        (fs::read(&object).unwrap(), dump(&object, None), folder.name("copy.o"));
    ok(["encode", &object, "-o", &copy]);
    assert!(fs::read(&object).unwrap() == before);
    only(&object, &copy, &[".BTF"], &[]);
    let after = dump(&copy, None);
    assert!(after.starts_with(&text));
    describes_all(&after);
    // In place, to standard output, and from standard input it is the same.
    let new = fs::read(&copy).unwrap();
    assert!(btfkinds(["encode", &object, "-o", "-"]).stdout == new);
    assert!(run("sh", &["-c", "exec \"$0\" encode - <\"$1\"", PROGRAM, &object]) == new);
    ok(["encode", &object]);
    assert!(fs::read(&object).unwrap() == new);
    ok(["encode", &object]);
    assert!(fs::read(&object).unwrap() == new);
    assert_eq!(status(&gcc(&folder, &[&object], "a")), Some(42));
}

fn object_front() {
    let folder = Folder::new();
    let plain = object_with(&folder, "a.o", "");
    let (out, _) = front(&folder, &plain);
    only(&plain, &out, &[".BTF"], &[]);
    // gcc 12 leaves the offsets in a DATASEC 0; relocations as clang and later gcc make them:
    let blob = btf_of(&plain);
    let raw = folder.file("raw.btf", &blob);
    let first = datasec_place(&blob);
    let asm = section_asm(".BTF", &raw, &[(first, "shared"), (first + 12, "counter")]);
    let source = folder.file("b.c", SOURCE);
    let text = fs::read_to_string(gcc(&folder, &["-O1", "-S", &source], "b.s")).unwrap();
    let text = folder.file("b.s", text + &asm);
    let object = gcc(&folder, &["-c", &text], "b.o");
    let (out, by) = front(&folder, &object);
    only(&object, &out, &[".BTF"], &[".rela.BTF"]);
    let (old, new) = (fs::read(&object).unwrap(), fs::read(&out).unwrap());
    assert_eq!(relocations(&old).len(), 2);
    same_relocations(&old, &new, by);
    assert_eq!(status(&gcc(&folder, &[&out], "b")), Some(42));
    // Behind all others, no relocation moves.
    ok(["encode", &object]);
    assert_eq!(relocations(&fs::read(&object).unwrap()), relocations(&old));
    same_relocations(&old, &fs::read(&object).unwrap(), (1, 0));
}

fn segments(elf: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let file = object::File::parse(elf).unwrap();
    file.segments().map(|s| (s.address(), s.data().unwrap().to_vec())).collect()
}

fn executable() {
    let folder = Folder::new();
    let object = object_with(&folder, "a.o", "");
    for kind in [&["-pie"][..], &["-no-pie"], &["-no-pie", "-Wl,-q"]] {
        let program = gcc(&folder, &[&[object.as_str()], kind].concat(), "a");
        let old = fs::read(&program).unwrap();
        let (out, _) = front(&folder, &program);
        only(&program, &out, &[".BTF"], &[]);
        assert_eq!(status(&out), Some(42));
        let old_path = folder.file("old", &old);
        ok(["encode", &program]);
        only(&old_path, &program, &[".BTF"], &[]);
        assert_eq!(segments(&old), segments(&fs::read(&program).unwrap()));
        assert!(fs::metadata(&program).unwrap().permissions().mode() & 0o111 == 0o111);
        assert_eq!(status(&program), Some(42));
    }
}

/// Like a vmlinux: what is loaded cannot grow in a linked file. In an object it can.
fn executable_with_loaded_btf() {
    let folder = Folder::new();
    let raw = folder.file("raw.btf", btf_of(&object_with(&folder, "a.o", "")));
    let asm = section_asm(".BTF,\"a\"", &raw, &[]) + ".text\n.globl main\nmain: ret\n";
    let text = folder.file("b.s", asm);
    let object = gcc(&folder, &["-c", &text], "b.o");
    let program = gcc(&folder, &[&object], "b");
    refused(&[], &program, &[".BTF: the section is loaded", "\nhelp: ", "--detached"]);
    refused(&FRONT, &program, &["the section is loaded"]);
    detached(&folder, &program);
    ok(["encode", &object]);
    gcc(&folder, &[&object], "b");
    let after = btf_of(&program);
    assert!(after == btf_of(&object) && after.len() > fs::metadata(&raw).unwrap().len() as usize);
}

/// What --detached writes is what comes of the raw bytes.
fn detached(folder: &Folder, file: &str) {
    let before = fs::read(file).unwrap();
    let raw = folder.file("section.btf", section(&before, ".BTF"));
    ok(["encode", &raw]);
    let out = folder.name("detached.btf");
    ok(["encode", file, "--detached", &out]);
    assert!(fs::read(&out).unwrap() == fs::read(&raw).unwrap());
    assert!(fs::read(file).unwrap() == before);
}

const BPF: &str = include_str!("elf/program.bpf.c");

fn clang(folder: &Folder, target: &str, source: &str, out: &str) -> String {
    let out = folder.name(out);
    run("clang", &["-target", target, "-O2", "-g", "-c", source, "-o", &out]);
    out
}

fn bpf(folder: &Folder, target: &str) -> String {
    let source = folder.file("prog.c", BPF);
    clang(folder, target, &source, "prog.o")
}

fn bpf_object() {
    for target in ["bpfel", "bpfeb"] {
        let folder = Folder::new();
        let object = bpf(&folder, target);
        let old = fs::read(&object).unwrap();
        let lines = ext(&old);
        let has = |start: &str, end: &str| {
            lines.iter().any(|line| line.starts_with(start) && line.contains(end))
        };
        assert!(has("func raw_tracepoint/sched_process_exit 0 ", "12 'on_exit'"), "{lines:#?}");
        assert!(has("func .text 0 ", "12 'bump'") && has("line .text ", "*value += by;"));
        assert!(has("relo raw_tracepoint/sched_process_exit ", "4 'task_struct' 0:1 0"));
        let (out, by) = front(&folder, &object);
        only(&object, &out, &[".BTF"], &[".BTF.ext", ".rel.BTF"]);
        let new = fs::read(&out).unwrap();
        assert_eq!(lines, ext(&new));
        assert_ne!(section(&old, ".BTF.ext"), section(&new, ".BTF.ext"));
        assert_eq!(relocations(&old).len(), 4);
        same_relocations(&old, &new, by);
        let out = folder.name("back.o");
        ok(["encode", &object, "-o", &out]);
        only(&object, &out, &[".BTF"], &[]);
        assert_eq!(lines, ext(&fs::read(&out).unwrap()));
        assert!(dump(&out, None).starts_with(&dump(&object, None)));
    }
}

/// A BPF file system of our own.
struct BpfFs(String);

impl Drop for BpfFs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn bpf_object_loads() {
    let folder = Folder::new();
    let at = BpfFs(folder.name("bpffs"));
    fs::create_dir(&at.0).unwrap();
    run("mount", &["-t", "bpf", "none", &at.0]);
    let object = bpf(&folder, "bpfel");
    let (in_front, _) = front(&folder, &object);
    let back = folder.name("back.o");
    ok(["encode", &object, "-o", &back]);
    for (i, file) in [&object, &in_front, &back].into_iter().enumerate() {
        let pin = format!("{}/prog{i}", at.0);
        run("bpftool", &["prog", "load", file, &pin]);
        let shown = run("bpftool", &["prog", "show", "pinned", &pin]);
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains("name on_exit") && shown.contains("btf_id"), "{shown}");
        // The kernel has both functions, by the names that func_info gives them, with their lines.
        let code = run("bpftool", &["prog", "dump", "xlated", "pinned", &pin]);
        let code = String::from_utf8(code).unwrap();
        for part in ["int on_exit(u64 * ctx):", "int bump(u64 by):", "; *value += by;"] {
            assert!(code.contains(part), "no {part} in\n{code}");
        }
    }
}

const PARTS: [Part; 12] = [
    Part::List("some_ids"),
    Part::Id("struct", "point"),
    Part::Unused,
    Part::Id("union", "value"),
    Part::Id("typedef", "point_t"),
    Part::Id("func", "hue"),
    Part::Id("struct", "of_elsewhere"),
    Part::List("funcs"),
    Part::Set("funcs", &[("func", "main"), ("func", "hue"), ("func", "area")]),
    Part::Set(
        "mixed",
        &[("func", "area"), ("func", "of_elsewhere"), ("struct", "point"), ("typedef", "point_t")],
    ),
    Part::Set8("kfuncs", 1, &[("func", "main"), ("func", "area"), ("func", "hue")]),
    Part::Set("none", &[]),
];

/// An object with `.BTF_ids` of `PARTS`, after a change to its words.
fn object_with_ids(folder: &Folder, out: &str, change: impl Fn(&mut [u32])) -> String {
    let mut words = id_words(&PARTS, &ids(&dump(&object_with(folder, out, ""), None)));
    change(&mut words);
    // A reference keeps the name of a list alive when unneeded symbols are stripped.
    let used = ".section .data.used,\"aw\"\n.quad funcs\n";
    object_with(folder, out, &(ids_asm(&PARTS, &words) + used))
}

fn ids_move() {
    let folder = Folder::new();
    let object = object_with_ids(&folder, "a.o", |_| {});
    let old = section(&fs::read(&object).unwrap(), ".BTF_ids");
    assert_eq!(old.len(), 24 * 4);
    let (out, by) = front(&folder, &object);
    only(&object, &out, &[".BTF"], &[".BTF_ids"]);
    // bpftool finds the types by their names where the section now says they are.
    let names = ids(&dump(&out, None));
    assert_eq!(names["FUNC 'main'"], ids(&dump(&object, None))["FUNC 'main'"] + by.1);
    assert_eq!(section(&fs::read(&out).unwrap(), ".BTF_ids"), bytes(&id_words(&PARTS, &names)));
    for (place, change) in [("back", 1), ("front", 0), ("back", 0)] {
        let object =
            object_with_ids(&folder, "b.o", |words| words.iter_mut().for_each(|w| *w *= change));
        let before = fs::read(&object).unwrap();
        ok(["encode", "--place", place, &object]);
        let after = fs::read(&object).unwrap();
        assert_eq!(section(&before, ".BTF_ids"), section(&after, ".BTF_ids"));
    }
}

fn ids_refused() {
    let folder = Folder::new();
    // Words: point, unused, value, point_t, hue, 0; 3 and three ids; 4 and four ids; ...
    let cases: [(usize, u32, [&str; 2]); 6] = [
        (0, 2, ["point", "2 is not a type of that kind"]),
        (2, 900, ["value", "900"]),
        (7, 1, ["funcs", "belong to other BTF"]),
        (12, 9999, ["mixed", "9999 is no type"]),
        (6, 100, ["funcs", "its count"]),
        (15, u32::MAX, ["kfuncs", "its count"]),
    ];
    for (at, value, [name, says]) in cases {
        let object = object_with_ids(&folder, "a.o", |words| words[at] = value);
        refused(&FRONT, &object, &[".BTF_ids: ", name, says, "\nhelp: ", "--place back"]);
        ok(["encode", &object]);
    }
}

/// Ids that no symbol covers cannot be moved, whatever other symbols there are.
fn ids_not_covered() {
    let folder = Folder::new();
    for (at, value) in [(1, 5), (6, 1), (15, 2)] {
        let object = object_with_ids(&folder, "a.o", |words| words[at] = value);
        refused(&FRONT, &object, &[".BTF_ids: ", "\nhelp: "]);
    }
}

fn ids_without_symbols() {
    let folder = Folder::new();
    let object = object_with_ids(&folder, "a.o", |_| {});
    let copy = folder.name("copy.o");
    for options in [
        &["--strip-unneeded", "-R", ".data.used", "-R", ".rela.data.used"][..],
        &["--strip-symbol=__BTF_ID__set__funcs"],
        &["--strip-symbol=__BTF_ID__struct__point__101"],
        &["--wildcard", "--strip-symbol=__BTF_ID__*"],
        &["--strip-unneeded"],
    ] {
        run("objcopy", &[options, &[&object, &copy]].concat());
        refused(&FRONT, &copy, &[".BTF_ids: ", "symbol", "\nhelp: "]);
        ok(["encode", &copy]);
    }
    let zeros = object_with_ids(&folder, "b.o", |words| words.fill(0));
    run("objcopy", &["--wildcard", "--strip-symbol=__BTF_ID__*", &zeros, &copy]);
    ok(["encode", "--place", "front", &copy]);
}

fn debian_vmlinux_path() -> String {
    debian().join("vmlinux").to_str().unwrap().to_owned()
}

fn debian_nf_conntrack() -> Vec<u8> {
    fs::read(debian().join("modules/kernel/net/netfilter/nf_conntrack.ko")).unwrap()
}

/// Where the signature appended to a module starts: module, signature, 12 bytes that end in its
/// length, 28 bytes of a marker.
fn signature(module: &[u8]) -> usize {
    assert!(module.ends_with(b"~Module signature appended~\n"));
    let end = module.len() - 28 - 12;
    end - word(true, &module[end + 8..]) as usize
}

/// Split BTF with one more type in front, of a kind that is not released.
fn behind_loc_param(base: &[u8], blob: &[u8]) -> Vec<u8> {
    let chain = Chain::of(&[base, blob]);
    let first = chain.first as u32;
    let mut types = vec![0, 20 << 24 | 2, 8, 0, 5, 6];
    types.extend(
        chain.records[chain.first..]
            .iter()
            .flatten()
            .map(|(class, word)| if *class == 'i' { moved((first, 1), *word) } else { *word }),
    );
    let strings = &blob[24 + word(false, &blob[16..]) as usize..];
    let len = types.len() as u32 * 4;
    let header = [0x1_eb9f, 24, 0, len, len, strings.len() as u32];
    [&bytes(&header), &bytes(&types), strings].concat()
}

/// A real module whose own types stand behind a record of an unreleased kind.
fn debian_module() {
    let folder = Folder::new();
    let vmlinux = &debian_vmlinux_path();
    let original = debian_nf_conntrack();
    let file = folder.file("original.ko", &original);
    let base = btf_of(vmlinux);
    let start = Chain::of(&[&base]).count();
    let blob = folder.file("blob.btf", behind_loc_param(&base, &btf_of(&file)));
    // What the ids in .BTF_ids name, by bpftool; ids are above all that is not one.
    let by_id = |dump: String| -> BTreeMap<u32, String> {
        ids(&dump).into_iter().map(|(name, id)| (id, name)).collect()
    };
    let (names, base_names) = (by_id(dump(&file, Some(vmlinux))), by_id(dump(vmlinux, None)));
    let old_ids = words(false, &section(&original, ".BTF_ids"));
    let shift = |by: Moved| -> Vec<u8> {
        bytes(&old_ids.iter().map(|id| moved(by, *id)).collect::<Vec<u32>>())
    };
    let own: Vec<u32> = old_ids.iter().copied().filter(|id| *id >= start).collect();
    assert!(own.len() > 5 && own.iter().all(|id| names[id].starts_with("FUNC 'bpf_")), "{own:?}");
    assert!(old_ids.iter().any(|id| base_names.get(id).is_some_and(|n| n == "STRUCT 'nf_conn'")));
    let new_ids = folder.file("ids", shift((start, 1)));
    let (btf_arg, ids_arg) = (format!(".BTF={blob}"), format!(".BTF_ids={new_ids}"));
    let module = folder.name("module.ko");
    run("objcopy", &["--update-section", &btf_arg, "--update-section", &ids_arg, &file, &module]);
    let unsigned = fs::read(&module).unwrap();
    let signed =
        folder.file("signed.ko", [&unsigned[..], &original[signature(&original)..]].concat());
    let kinds = root().join("kinds/proposed/2026/loc_param.kind");
    let options = ["-B", vmlinux, "--kind-file", kinds.to_str().unwrap()];
    refused(&options, &signed, &["signature", "--strip-signature"]);
    let encode = |place: &str, out: &str| {
        let args = ["encode", "--strip-signature", "--place", place, &signed, "-o", out];
        ok([&args[..], &options].concat());
    };
    let chain = |path: &str| Chain::of(&[&base, &btf_of(path)]);
    let old = chain(&module);
    let out = folder.name("out.ko");
    encode("back", &out);
    only(&module, &out, &[".BTF"], &[]);
    let back = chain(&out);
    same_types(&old, &back, (1, 0));
    let by = back.count() - old.count();
    encode("front", &out);
    only(&module, &out, &[".BTF"], &[".BTF_ids"]);
    let new = chain(&out);
    assert_eq!(new.count() - old.count(), by);
    assert_eq!(new.name(start + by), "20 ''");
    same_types(&old, &new, (start, by));
    assert!((start..start + by).any(|id| new.name(id) == "8 '__BTF_KIND_20'"));
    let moved_ids = section(&fs::read(&out).unwrap(), ".BTF_ids");
    assert_eq!(moved_ids, shift((start, 1 + by)));
    for (was, is) in old_ids.iter().zip(words(false, &moved_ids)).filter(|(was, _)| **was >= start)
    {
        assert_eq!(names[was], new.name(is).replace("12 ", "FUNC "));
    }
    // Nobody needs the kind file any more; bpftool's reader does not know the kind, ours does.
    assert!(ok(["dump", "-B", vmlinux, &out]).contains(&format!("[{}] LOC_PARAM ", start + by)));
}

/// Where there is nothing to add, a signature stays valid; but it goes if it is to go.
fn debian_signature() {
    let folder = Folder::new();
    let vmlinux = &debian_vmlinux_path();
    let signed = debian_nf_conntrack();
    let (module, out) = (folder.file("module.ko", &signed), folder.name("out.ko"));
    let encode = |options: &[&str]| ok([&["encode", "-B", vmlinux, &module], options].concat());
    encode(&[]);
    encode(&["-o", &out]);
    assert!(fs::read(&module).unwrap() == signed && fs::read(&out).unwrap() == signed);
    encode(&["-o", &out, "--strip-signature"]);
    assert!(fs::read(&out).unwrap() == signed[..signature(&signed)]);
    encode(&["--strip-signature"]);
    assert!(fs::read(&module).unwrap() == fs::read(&out).unwrap(), "the signature is still there");
}

/// On a copy: if it is not refused, the kernel that other tests read is to stay as it is.
fn debian_vmlinux() {
    let folder = Folder::new();
    let vmlinux = folder.name("vmlinux");
    fs::copy(debian_vmlinux_path(), &vmlinux).unwrap();
    refused(&[], &vmlinux, &["vmlinux: .BTF: the section is loaded", "\nhelp: ", "--detached"]);
    detached(&folder, &vmlinux);
    let out = folder.name("out");
    let (status, text) = said(btfkinds(["encode", &vmlinux, "-o", &out]));
    assert!(status == Some(2) && text.contains("the section is loaded"), "{text}");
    assert!(!Path::new(&out).exists());
}

/// Types with a variable in a section, as a compiler would make them.
fn point() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.structure(W::S("point"), 8, &[(W::S("x"), int, 0), (W::S("y"), int, 4)]);
    let proto = graph.add([W::S(""), info(13, 1, false), W::Id(0), W::S("p"), W::Id(1)]);
    graph.add([W::S("area"), info(12, 1, false), W::Id(proto)]);
    let var = graph.add([W::S("var"), info(14, 0, false), W::Id(int), W::N(1)]);
    graph.add([W::S(".data"), info(15, 1, false), W::N(0), W::Id(var), W::N(0), W::N(4)]);
    graph
}

/// BTF split on others: it refers to their types and strings, the last blob's above all.
fn split_on(bases: &[&[u8]], names: [&'static str; 2]) -> Vec<u8> {
    let chain = Chain::of(bases);
    let point = (1..chain.count()).find(|id| chain.name(*id) == "4 'point'").unwrap();
    let mut graph = Graph::default();
    let typedef = graph.add([W::S(names[0]), info(8, 0, false), W::Abs(point)]);
    let pointer = graph.add([W::N(0), info(2, 0, false), W::Id(typedef)]);
    let shared = W::N(chain.string_at("point"));
    let last = W::Abs(chain.count() - 1);
    let param = [W::S("own"), W::Id(pointer), shared, last];
    let proto = graph.add([&[W::S(""), info(13, 2, false), W::Abs(1)], &param[..]].concat());
    graph.add([W::S(names[1]), info(12, 1, false), W::Id(proto)]);
    let first = (chain.count(), chain.strings.len() as u32);
    graph.write(&Layout { first, ..Layout::plain(&graph) }).0
}

const MODULE_PARTS: [Part; 5] = [
    Part::Id("struct", "point"),
    Part::Unused,
    Part::Id("typedef", "module_t"),
    Part::Set8("kfuncs", 1, &[("func", "module_func"), ("struct", "point"), ("func", "hue")]),
    Part::Set("set", &[("func", "area"), ("func", "module_func")]),
];

/// A module that is split on an object, with ids and with BTF that is split on its own.
fn split_module(folder: &Folder, base: &str) -> String {
    let base_blob = btf_of(base);
    let own = split_on(&[&base_blob], ["module_t", "module_func"]);
    let inline = split_on(&[&base_blob, &own], ["inline_t", "inline_func"]);
    let raw = folder.file("module.btf", &own);
    let words = id_words(&MODULE_PARTS, &ids(&(dump(base, None) + &dump(&raw, Some(base)))));
    assert!(words.iter().filter(|word| **word == 0).count() == 1, "{words:?}");
    let text = section_asm(".BTF", &raw, &[])
        + &section_asm(".BTF.inline", &folder.file("inline.btf", &inline), &[])
        + &ids_asm(&MODULE_PARTS, &words);
    gcc(folder, &["-c", &folder.file("module.s", text)], "module.o")
}

fn split_follows_object() {
    for place in ["back", "front"] {
        let folder = Folder::new();
        let base = object_with(&folder, "base.o", "");
        let module = split_module(&folder, &base);
        // One that was built for its own distilled base is no concern of the base's.
        let text = fs::read_to_string(folder.path("module.s")).unwrap()
            + &section_asm(".BTF.base", &folder.file("base.btf", point().bytes()), &[]);
        let distilled = gcc(&folder, &["-c", &folder.file("d.s", text)], "distilled.o");
        let files = [&base, &module, &distilled].map(|path| fs::read(path).unwrap());
        let old_module = folder.file("old.o", &files[1]);
        ok(["encode", "--place", place, &base, "--split", &module, &distilled]);
        assert!(fs::read(&distilled).unwrap() == files[2]);
        let (old_base, new_base) = (section(&files[0], ".BTF"), btf_of(&base));
        let new = fs::read(&module).unwrap();
        let blobs = |base: Vec<u8>, elf: &[u8]| -> [Vec<u8>; 3] {
            [base, section(elf, ".BTF"), section(elf, ".BTF.inline")]
        };
        let (old_blobs, new_blobs) = (blobs(old_base, &files[1]), blobs(new_base, &new));
        let chain =
            |blobs: &[Vec<u8>]| Chain::of(&blobs.iter().map(|b| &b[..]).collect::<Vec<_>>());
        let count = chain(&old_blobs[..1]).count();
        let by = chain(&new_blobs[..1]).count() - count;
        let by = (if place == "front" { 1 } else { count }, by);
        for n in 1..=3 {
            same_types(&chain(&old_blobs[..n]), &chain(&new_blobs[..n]), by);
        }
        // Sizes stay, so that nothing at all moves.
        only(&old_module, &module, &[], &[".BTF", ".BTF.inline", ".BTF_ids"]);
        assert_eq!(new.len(), files[1].len());
        let names = ids(&(dump(&base, None) + &dump(&module, Some(&base))));
        assert_eq!(section(&new, ".BTF_ids"), bytes(&id_words(&MODULE_PARTS, &names)));
        inline_moves_along(&folder, place);
    }
}

/// The object itself can hold BTF that is split on its own.
fn inline_moves_along(folder: &Folder, place: &str) {
    let blob = btf_of(&object_with(folder, "a.o", ""));
    let inline = split_on(&[&blob], ["inline_t", "inline_func"]);
    let asm = section_asm(".BTF.inline", &folder.file("inline.btf", &inline), &[]);
    let object = object_with(folder, "b.o", &asm);
    let out = folder.name("out.o");
    ok(["encode", "--place", place, &object, "-o", &out]);
    only(&object, &out, &[".BTF"], &[".BTF.inline"]);
    let new = fs::read(&out).unwrap();
    let old = Chain::of(&[&blob, &inline]);
    let new = Chain::of(&[&section(&new, ".BTF"), &section(&new, ".BTF.inline")]);
    let first = if place == "front" { 1 } else { old.first as u32 };
    same_types(&old, &new, (first, new.count() - old.count()));
}

fn other_machines() {
    let graph = point();
    let parts = [Part::Id("struct", "point"), Part::Set8("set", 1, &[("func", "area")])];
    for (target, big_endian, class, relocation) in [
        ("mips-linux-gnu", true, "ELF32", ".rel.BTF"),
        ("mips64-linux-gnu", true, "ELF64", ".rela.BTF"),
        ("powerpc64-linux-gnu", true, "ELF64", ".rela.BTF"),
        ("i386-linux-gnu", false, "ELF32", ".rel.BTF"),
        ("aarch64-linux-gnu", false, "ELF64", ".rela.BTF"),
    ] {
        let folder = Folder::new();
        let (blob, _) = graph.write(&Layout { big_endian, ..Layout::plain(&graph) });
        let raw = folder.file("raw.btf", &blob);
        let text = ".data\n.globl var\nvar: .4byte 5\n".to_owned()
            + &section_asm(".BTF,\"\",%progbits", &raw, &[(datasec_place(&blob), "var")])
            + &ids_asm(&parts, &id_words(&parts, &ids(&dump(&raw, None))));
        let object = clang(&folder, target, &folder.file("x.s", text), "x.o");
        assert!(readelf("-hW", &object).contains(class));
        let old = fs::read(&object).unwrap();
        assert_eq!(section(&old, ".BTF"), blob);
        let (out, by) = front(&folder, &object);
        only(&object, &out, &[".BTF"], &[".BTF_ids", relocation]);
        let new = fs::read(&out).unwrap();
        same_relocations(&old, &new, by);
        let after = words(big_endian, &section(&new, ".BTF_ids"));
        assert_eq!(after, id_words(&parts, &ids(&dump(&out, None))));
        let before = folder.file("before.o", &old);
        ok(["encode", &object]);
        only(&before, &object, &[".BTF"], &[]);
        assert!(dump(&object, None).starts_with(&dump(&before, None)));
        assert_eq!(btf_of(&object)[..2], blob[..2]);
    }
}

// Files that are not what they should be.

/// Runs a program with 300 MB of memory and half a minute.
fn limited(program: &Path, args: &[&str], damage: &[&str]) -> (Option<i32>, String) {
    let limit = "ulimit -v 300000; exec timeout 30 \"$0\" \"$@\"";
    let files = std::env::join_paths(damage).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", limit]).arg(program).args(args);
    if !damage.is_empty() {
        command.env(DAMAGE, files);
    }
    said(command.output().unwrap())
}

/// In a process of its own, so that one that eats all memory is an error like others.
fn damaged_files() {
    let folder = Folder::new();
    let base = object_with(&folder, "base.o", "");
    let inline = folder.file("inline.btf", split_on(&[&btf_of(&base)], ["a", "b"]));
    let words = id_words(&PARTS, &ids(&dump(&base, None)));
    let raw = folder.file("raw.btf", btf_of(&base));
    let place = datasec_place(&btf_of(&base));
    let text = section_asm(".BTF", &raw, &[(place, "funcs")])
        + &section_asm(".BTF.inline", &inline, &[])
        + &ids_asm(&PARTS, &words);
    let object = gcc(&folder, &["-c", &folder.file("x.s", text)], "x.o");
    let source = folder.file("small.c", "int x; int f(int *p) { return x + *p; }");
    let small = clang(&folder, "bpf", &source, "small.o");
    ok(["encode", "--place", "front", &object, "-o", "/dev/null"]);
    let this = std::env::current_exe().unwrap();
    assert_eq!(limited(&this, &[], &[&object, &small]), (Some(0), String::new()));
}

/// Cuts a file off at many places and damages its bytes: whatever it is then, it is read or
/// refused.
fn damage(path: &Path) {
    let whole = fs::read(path).unwrap();
    let mut random = Random(0x5eed);
    let copy = path.with_extension("damaged");
    let mut read = 0;
    for len in (0..whole.len()).step_by(3) {
        fs::write(&copy, &whole[..len]).unwrap();
        read += u32::from(attempt(&copy));
    }
    // The headers are the smallest part of a file, and that where most can go wrong.
    let table = word(false, &whole[0x28..]) as usize;
    for i in 0..2500 {
        let mut bytes = whole.clone();
        let from = [0, table][i % 2];
        let at = (from + random.below(whole.len() - from)) % whole.len();
        let byte = [0, 1, 0x7f, 0xff, random.below(256) as u8][random.below(5)];
        let len = [1, 1, 4, 8][random.below(4)].min(bytes.len() - at);
        bytes[at..at + len].fill(byte);
        fs::write(&copy, &bytes).unwrap();
        read += u32::from(attempt(&copy));
    }
    assert!(read > 100, "{read}");
}

/// All that the command does to a file; whether it came through.
fn attempt(path: &Path) -> bool {
    let parse = Parse::new();
    let Ok(file) = File::open(path) else {
        return false;
    };
    let Ok(old) = file.btf(&parse) else {
        return false;
    };
    let (old, mut done) = (Arc::new(old), true);
    for place in [Place::Front, Place::Back] {
        let mut new = Btf::clone(&old);
        let Ok(described) = describe(&mut new, &Describe { place, ..Describe::default() }) else {
            return false;
        };
        let new = Arc::new(new);
        let change = Change::new(&old, &new, described.shift, &parse);
        done &= file.changed(&change, true).is_ok();
    }
    done
}

/// A symbol of a set says that it is as long as can be.
fn endless_symbol() {
    let folder = Folder::new();
    let object = object_with_ids(&folder, "a.o", |_| {});
    let mut bytes = fs::read(&object).unwrap();
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(&bytes[..]).unwrap();
    let symbol = file.symbol_by_name("__BTF_ID__set__funcs").unwrap().index();
    let at = section_range(&bytes, ".symtab").unwrap().start + symbol.0 * 24 + 16;
    bytes[at..at + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    fs::write(&object, bytes).unwrap();
    let (status, text) = limited(Path::new(PROGRAM), &["encode", "--place", "front", &object], &[]);
    assert!(matches!(status, Some(0 | 2)), "{status:?} {text}");
}

/// The names of all sections are one string, which is as long as the file.
fn long_section_names() {
    let folder = Folder::new();
    let sections: String = (0..9000).map(|i| format!(".section s{i:0100}\n.byte 1\n")).collect();
    let object = gcc(&folder, &["-c", &folder.file("x.s", sections)], "x.o");
    let mut bytes = fs::read(&object).unwrap();
    let names = section_range(&bytes, ".shstrtab").unwrap();
    bytes[names.start + 1..names.end - 1].fill(b'a');
    fs::write(&object, bytes).unwrap();
    let pipe = ["-c", "exec \"$0\" dump - <\"$1\"", PROGRAM, &object];
    for (program, args) in [(PROGRAM, &["dump", &object][..]), ("/bin/sh", &pipe)] {
        let (status, text) = limited(Path::new(program), args, &[]);
        assert!(status == Some(2) && text.starts_with("btfkinds: "), "{status:?} {text}");
    }
}

/// Thousands of sections say that they are relocations of `.BTF`, and each is the whole file.
fn relocations_everywhere() {
    let folder = Folder::new();
    let mut text: String = (0..3000).map(|i| format!(".section s{i}\n.byte 1\n")).collect();
    text += &section_asm(".BTF", &folder.file("raw.btf", point().bytes()), &[]);
    let object = gcc(&folder, &["-c", &folder.file("x.s", text)], "x.o");
    let mut bytes = fs::read(&object).unwrap();
    let [first, btf] = ["s0", ".BTF"].map(|name| header_at(&bytes, name));
    let index = (btf - word(false, &bytes[0x28..]) as usize) / 64;
    let len = bytes.len() as u64;
    for header in (first..btf).step_by(64) {
        bytes[header + 4] = 9;
        bytes[header + 0x18..header + 0x20].fill(0);
        bytes[header + 0x20..header + 0x28].copy_from_slice(&len.to_le_bytes());
        bytes[header + 0x2c..header + 0x30].copy_from_slice(&(index as u32).to_le_bytes());
    }
    fs::write(&object, bytes).unwrap();
    let (status, text) = limited(Path::new(PROGRAM), &["encode", &object], &[]);
    assert!(status == Some(2) && text.starts_with("btfkinds: "), "{status:?} {text}");
}
