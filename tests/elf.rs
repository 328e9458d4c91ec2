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

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;

use btfkinds::{
    Btf, Change, Describe, File, Kind, KindSpec, NewType, Parse, Place, Record, Third, WordClass,
    describe,
};
use common::needs::Need::{Bpf, Debian, KernelBtf, Tool};
use common::needs::{debian, trial};
use common::{Folder, Graph, Layout, Random, W, btfkinds, fails, info, ok, root, run};
use libtest_mimic::Arguments;
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};

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
        trial("ids_without_symbols", &[gcc, bpftool, objcopy], ids_without_symbols),
        trial("debian_module", &[Debian, bpftool, readelf, objcopy], debian_module),
        trial("debian_signature", &[Debian, bpftool, readelf], debian_signature),
        trial("debian_vmlinux", &[Debian], debian_vmlinux),
        trial("split_follows_object", &[gcc, bpftool, readelf], split_follows_object),
        trial("other_machines", &[clang, bpftool, readelf], other_machines),
        trial("damaged_files", &[gcc, clang, bpftool], damaged_files),
        trial("endless_symbol", &[gcc, bpftool], endless_symbol),
        trial("long_section_names", &[gcc], long_section_names),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

// BTF, read without the library.

/// The word classes of the kinds, as FORMAT.md has them: `i` an id, `s` a string, `n` a number.
fn classes(kind: u32) -> (char, &'static str, &'static str) {
    match kind {
        2 | 8..=12 | 18 => ('i', "", ""),
        14 | 17 => ('i', "n", ""),
        13 => ('i', "", "si"),
        1 => ('n', "n", ""),
        3 => ('n', "iin", ""),
        4 | 5 => ('n', "", "sin"),
        6 => ('n', "", "sn"),
        7 | 16 => ('n', "", ""),
        15 => ('n', "", "inn"),
        19 => ('n', "", "snn"),
        20 => ('n', "n", "n"),
        _ => panic!("kind {kind}"),
    }
}

/// A blob and those that it is split on: ids and string offsets run through all of them.
#[derive(Default)]
struct Chain {
    /// Every word with its class, by type id.
    records: Vec<Vec<(char, u32)>>,
    strings: Vec<u8>,
    /// The first id of the last blob, and where its records start in it.
    first: usize,
    places: Vec<usize>,
}

fn word(big_endian: bool, bytes: &[u8]) -> u32 {
    let bytes = bytes[..4].try_into().unwrap();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn words(big_endian: bool, bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|chunk| word(big_endian, chunk)).collect()
}

impl Chain {
    fn of(blobs: &[&[u8]]) -> Chain {
        let mut chain = Chain { records: vec![Vec::new()], ..Chain::default() };
        for blob in blobs {
            let big = blob[0] == 0xeb;
            let [header, types, types_len, strs, strs_len] =
                [4, 8, 12, 16, 20].map(|at| word(big, &blob[at..]) as usize);
            (chain.first, chain.places) = (chain.records.len(), Vec::new());
            let (start, end) = (header + types, header + types + types_len);
            let all = words(big, &blob[start..end]);
            let mut rest = &all[..];
            while let [_, info, ..] = rest {
                let (third, fixed, element) = classes(info >> 24 & 0x7f);
                let elements = element.repeat((info & 0xff_ffff) as usize);
                let layout = ['s', 'n', third].into_iter().chain(fixed.chars());
                let record: Vec<(char, u32)> =
                    layout.chain(elements.chars()).zip(rest.iter().copied()).collect();
                chain.places.push(end - rest.len() * 4);
                rest = &rest[record.len()..];
                chain.records.push(record);
            }
            chain.strings.extend(&blob[header + strs..header + strs + strs_len]);
        }
        chain
    }

    fn string(&self, offset: u32) -> &str {
        let text = self.strings.get(offset as usize..).unwrap();
        std::str::from_utf8(text.split(|byte| *byte == 0).next().unwrap()).unwrap()
    }

    fn string_at(&self, text: &str) -> u32 {
        (0..self.strings.len() as u32).find(|at| self.string(*at) == text).unwrap()
    }

    fn count(&self) -> u32 {
        self.records.len() as u32
    }

    /// A type as kind and name.
    fn name(&self, id: u32) -> String {
        let record = &self.records[id as usize];
        format!("{} '{}'", record[1].1 >> 24 & 0x7f, self.string(record[0].1))
    }

    /// The type that byte `offset` of the last blob is in, and how far in.
    fn place(&self, offset: usize) -> (u32, usize) {
        let own = self.places.partition_point(|start| *start <= offset) - 1;
        ((self.first + own) as u32, offset - self.places[own])
    }
}

/// What ids become: those from `.0` on grow by `.1`.
type Moved = (u32, u32);

fn moved((from, by): Moved, id: u32) -> u32 {
    if id >= from && id != 0 { id + by } else { id }
}

/// Every type of the last blob of `old` is there in `new`, and means the same.
fn same_types(old: &Chain, new: &Chain, by: Moved) {
    for id in old.first as u32..old.count() {
        let (was, is) = (&old.records[id as usize], &new.records[moved(by, id) as usize]);
        assert_eq!(was.len(), is.len(), "[{id}]");
        for ((class, was), (_, is)) in was.iter().zip(is) {
            match class {
                'i' => assert_eq!(moved(by, *was), *is, "[{id}]"),
                's' => assert_eq!(old.string(*was), new.string(*is), "[{id}]"),
                _ => assert_eq!(was, is, "[{id}]"),
            }
        }
    }
}

// The same by bpftool.

fn dump(file: &str, base: Option<&str>) -> String {
    let base = base.into_iter().flat_map(|base| ["-B", base]);
    let args: Vec<&str> = base.chain(["btf", "dump", "file", file]).collect();
    String::from_utf8(run("bpftool", &args)).unwrap()
}

/// The ids of types, by kind and name: `STRUCT 'point'`.
fn ids(dump: &str) -> BTreeMap<String, u32> {
    let line = |line: &str| {
        let (id, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let end = rest.rfind('\'')?;
        Some((rest[..=end].to_owned(), id.parse().unwrap()))
    };
    dump.lines().filter_map(line).collect()
}

fn describes_all(dump: &str) {
    for kind in 1..=19 {
        assert_eq!(dump.matches(&format!(" TYPEDEF '__BTF_KIND_{kind}' ")).count(), 1, "{kind}");
    }
}

// ELF files, by `object` and readelf.

fn section_range(elf: &[u8], name: &str) -> Option<Range<usize>> {
    let file = object::File::parse(elf).unwrap();
    let (start, size) = file.section_by_name(name)?.file_range()?;
    Some(start as usize..(start + size) as usize)
}

fn section(elf: &[u8], name: &str) -> Vec<u8> {
    elf[section_range(elf, name).unwrap()].to_vec()
}

fn btf_of(path: &str) -> Vec<u8> {
    section(&fs::read(path).unwrap(), ".BTF")
}

fn readelf(flags: &str, path: &str) -> String {
    let out = Command::new("readelf").args([flags, path]).output().unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// readelf's section headers, without place and size where those may change.
fn headers(path: &str, grown: &[&str]) -> Vec<String> {
    let line = |line: &str| {
        let mut fields: Vec<&str> = line.rsplit(']').next().unwrap().split_whitespace().collect();
        if fields.first().is_some_and(|name| grown.contains(name)) {
            fields.drain(3..5);
        }
        fields.join(" ")
    };
    readelf("-SW", path).lines().map(line).collect()
}

/// Nothing in a file changed but the sections in `grown`, which may stand elsewhere, and the
/// content of those in `edited`, to which relocation sections may belong.
fn only(old_path: &str, new_path: &str, grown: &[&str], edited: &[&str]) {
    let (old, new) = (fs::read(old_path).unwrap(), fs::read(new_path).unwrap());
    let file = object::File::parse(&old[..]).unwrap();
    let big = !file.is_little_endian();
    let table = if file.is_64() {
        let (low, high) = if big { (0x2c, 0x28) } else { (0x28, 0x2c) };
        assert_eq!(word(big, &old[high..]), 0);
        word(big, &old[low..]) as usize
    } else {
        word(big, &old[0x20..]) as usize
    };
    let mut free = Vec::new();
    for name in grown {
        let (entry, fields) = if file.is_64() { (64, 0x18..0x28) } else { (40, 0x10..0x18) };
        let header = table + entry * file.section_by_name(name).unwrap().index().0;
        free.push(header + fields.start..header + fields.end);
    }
    free.extend(grown.iter().chain(edited).map(|name| section_range(&old, name).unwrap()));
    assert!(new.len() >= old.len());
    for (at, (was, is)) in old.iter().zip(&new).enumerate() {
        assert!(was == is || free.iter().any(|range| range.contains(&at)), "byte {at:#x}");
    }
    assert_eq!(headers(old_path, grown), headers(new_path, grown));
    assert_eq!(readelf("-hlsW", old_path), readelf("-hlsW", new_path));
    if !edited.iter().any(|name| name.starts_with(".rel")) {
        assert_eq!(readelf("-rW", old_path), readelf("-rW", new_path));
    }
}

/// The relocations of `.BTF`: where, and all else there is to say of them.
fn relocations(elf: &[u8]) -> Vec<(usize, String)> {
    let file = object::File::parse(elf).unwrap();
    let section = file.section_by_name(".BTF").unwrap();
    let all = section.relocations();
    all.map(|(at, r)| (at as usize, format!("{:?} {:?} {}", r.flags(), r.target(), r.addend())))
        .collect()
}

/// Each relocation of `.BTF` is for the same word of the same type as before.
fn same_relocations(old: &[u8], new: &[u8], by: Moved) {
    let (old_types, new_types) =
        (Chain::of(&[&section(old, ".BTF")]), Chain::of(&[&section(new, ".BTF")]));
    let (was, is) = (relocations(old), relocations(new));
    assert!(!was.is_empty() && was.len() == is.len());
    for ((was_at, was), (is_at, is)) in was.into_iter().zip(is) {
        let (id, within) = old_types.place(was_at);
        assert_eq!((moved(by, id), within), new_types.place(is_at));
        assert_eq!(was, is);
    }
}

// Making such files.

const SOURCE: &str = "
    struct point { int x; long y; const char *name; };
    union value { int whole; float part; };
    enum colour { RED, GREEN = 5 };
    typedef struct point point_t;
    union value held;
    static int counter = 5;
    int shared = 7;
    int area(point_t *p) { counter++; return p->x * (int)p->y + counter; }
    int hue(enum colour c, union value *v) { return c + v->whole; }
    int main(void) { point_t p = { 6, 6, \"p\" }; return area(&p) + hue(GREEN, &held) + shared - 12; }
";

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

/// The byte offset of the place of the first variable in the first DATASEC.
fn datasec_place(blob: &[u8]) -> usize {
    let chain = Chain::of(&[blob]);
    let own = chain.records.iter().skip(1).position(|r| r[1].1 >> 24 == 15).unwrap();
    chain.places[own] + 16
}

/// The command's exit status and what it said.
fn said(out: Output) -> (Option<i32>, String) {
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

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
    let mut piped = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["encode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped.stdin.take().unwrap().write_all(&before).unwrap();
    assert!(piped.wait_with_output().unwrap().stdout == new);
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
    refused(&["--place", "front"], &program, &["the section is loaded"]);
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

const BPF: &str = r#"
    typedef unsigned int u32;
    typedef unsigned long long u64;
    #define SEC(name) __attribute__((section(name), used))
    static void *(*lookup)(void *map, const void *key) = (void *)1;
    static int (*probe_read)(void *to, u32 size, const void *from) = (void *)113;
    struct task_struct { int pid; int tgid; } __attribute__((preserve_access_index));
    struct { int (*type)[2]; int (*max_entries)[4]; u32 *key; u64 *value; } hits SEC(".maps");
    int wanted;
    u64 seen;
    static __attribute__((noinline)) int bump(u64 by)
    {
        u32 key = 1;
        u64 *value = lookup(&hits, &key);
        if (value)
            *value += by;
        return by > 3;
    }
    SEC("raw_tracepoint/sched_process_exit") int on_exit(u64 *ctx)
    {
        struct task_struct *task = (void *)ctx[0];
        int tgid = 0;
        probe_read(&tgid, sizeof(tgid), __builtin_preserve_access_index(&task->tgid));
        seen += 1;
        return tgid == wanted ? bump(seen) : 0;
    }
    char _license[] SEC("license") = "GPL";
"#;

fn clang(folder: &Folder, target: &str, source: &str, out: &str) -> String {
    let out = folder.name(out);
    run("clang", &["-target", target, "-O2", "-g", "-c", source, "-o", &out]);
    out
}

fn bpf(folder: &Folder, target: &str) -> String {
    let source = folder.file("prog.c", BPF);
    clang(folder, target, &source, "prog.o")
}

/// What `.BTF.ext` says, a line for each record: ids as types, offsets as strings.
fn ext(elf: &[u8]) -> Vec<String> {
    let (data, types) = (section(elf, ".BTF.ext"), Chain::of(&[&section(elf, ".BTF")]));
    let all = words(data[0] == 0xeb, &data);
    let mut lines = Vec::new();
    for (part, name) in ["func", "line", "relo"].into_iter().enumerate() {
        let [offset, len] = [2, 3].map(|at| (all[at + part * 2] / 4) as usize);
        let start = all[1] as usize / 4 + offset;
        let (size, mut rest) = (all[start] as usize / 4, &all[start + 1..start + len]);
        while let [section, count, tail @ ..] = rest {
            let (records, tail) = tail.split_at(*count as usize * size);
            rest = tail;
            for r in records.chunks(size) {
                let say = match name {
                    "func" => types.name(r[1]),
                    "line" => {
                        format!("{} {} {}", types.string(r[1]), types.string(r[2]), r[3])
                    }
                    _ => format!("{} {} {}", types.name(r[1]), types.string(r[2]), r[3]),
                };
                lines.push(format!("{name} {} {} {say}", types.string(*section), r[0]));
            }
        }
    }
    lines
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
        let linked = folder.name(&format!("linked{i}.o"));
        run("bpftool", &["gen", "object", &linked, file]);
        assert!(dump(&linked, None).contains("FUNC 'on_exit'"));
    }
}

/// A part of `.BTF_ids`, as the macros of the kernel's btf_ids.h make them.
#[derive(Clone, Copy)]
enum Part {
    List(&'static str),
    Id(&'static str, &'static str),
    Unused,
    Set(&'static str, &'static [(&'static str, &'static str)]),
    /// With flags of the set, and of its members in their order here.
    Set8(&'static str, u32, &'static [(&'static str, &'static str)]),
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
    Part::Set("mixed", &[("func", "area"), ("struct", "point"), ("typedef", "point_t")]),
    Part::Set8("kfuncs", 1, &[("func", "main"), ("func", "area"), ("func", "hue")]),
    Part::Set("none", &[]),
];

/// The flags of a member of a set8: like small type ids.
const FLAGS: u32 = 3;

/// The words of the section as resolve_btfids leaves them; what is not found is 0.
fn id_words(parts: &[Part], ids: &BTreeMap<String, u32>) -> Vec<u32> {
    let find = |kind: &str, name: &str| {
        ids.get(&format!("{} '{name}'", kind.to_uppercase())).copied().unwrap_or(0)
    };
    let mut words = Vec::new();
    for part in parts {
        match *part {
            Part::List(_) => {}
            Part::Unused => words.push(0),
            Part::Id(kind, name) => words.push(find(kind, name)),
            Part::Set(_, members) => {
                let mut ids: Vec<u32> = members.iter().map(|(k, n)| find(k, n)).collect();
                ids.sort_unstable();
                words.push(members.len() as u32);
                words.extend(ids);
            }
            Part::Set8(_, flags, members) => {
                let members = (FLAGS..).zip(members);
                let mut ids: Vec<[u32; 2]> = members.map(|(f, (k, n))| [find(k, n), f]).collect();
                ids.sort_unstable();
                words.extend([ids.len() as u32, flags]);
                words.extend(ids.into_iter().flatten());
            }
        }
    }
    words
}

/// The section with these words and its symbols.
fn ids_asm(parts: &[Part], words: &[u32]) -> String {
    let mut text = ".section .BTF_ids,\"a\",%progbits\n.balign 4\n".to_owned();
    let mut words = words.iter();
    let mut next = move |n: usize| -> String {
        words.by_ref().take(n).map(|word| format!(".4byte {word}\n")).collect()
    };
    let mut serial = 100;
    let mut id = |kind: &str, name: &str| {
        serial += 1;
        let symbol = format!("__BTF_ID__{kind}__{name}__{serial}");
        format!(".local {symbol}\n.type {symbol},%object\n.size {symbol},4\n{symbol}:\n")
    };
    for part in parts {
        let (kind, name, step, members) = match *part {
            Part::List(name) => {
                text += &format!(".local {name}\n{name}:\n");
                continue;
            }
            Part::Unused => {
                text += &next(1);
                continue;
            }
            Part::Id(kind, name) => {
                text += &(id(kind, name) + &next(1));
                continue;
            }
            Part::Set(name, members) => ("set", name, 1, members),
            Part::Set8(name, _, members) => ("set8", name, 2, members),
        };
        let symbol = format!("__BTF_ID__{kind}__{name}");
        text += &format!(".local {symbol}\n{symbol}:\n{}", next(step));
        for (kind, name) in members {
            text += &(id(kind, name) + &next(step));
        }
        text += &format!(".size {symbol}, .-{symbol}\n");
    }
    text
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

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
    assert_eq!(old.len(), 23 * 4);
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
    let front = ["--place", "front"];
    // Words: point, unused, value, point_t, hue, 0; 3 and three ids; 3 and three ids; ...
    let cases: [(usize, u32, &[&str]); 8] = [
        (0, 2, &[".BTF_ids: symbol __BTF_ID__struct__point__", "id 2 is not a type of that"]),
        (2, 900, &["symbol __BTF_ID__union__value__", "id 900"]),
        (7, 1, &["symbol __BTF_ID__set__funcs: ", "belong to other BTF"]),
        (12, 9999, &["symbol __BTF_ID__set__mixed: its id 9999 is no type"]),
        (6, 100, &["symbol __BTF_ID__set__funcs: its count reaches past the section"]),
        (14, u32::MAX, &["symbol __BTF_ID__set8__kfuncs: its count reaches past the section"]),
        (1, 5, &[".BTF_ids", "no symbol"]),
        (6, 1, &["symbol __BTF_ID__set__funcs", "count"]),
    ];
    for (at, value, says) in cases {
        let object = object_with_ids(&folder, "a.o", |words| words[at] = value);
        eprintln!("{at} {value}");
        refused(&front, &object, says);
        refused(&front, &object, &["\nhelp: ", "--place back"]);
    }
}

fn ids_without_symbols() {
    let folder = Folder::new();
    let object = object_with_ids(&folder, "a.o", |_| {});
    let copy = folder.name("copy.o");
    for options in [
        &["--strip-unneeded", "-R", ".data.used", "-R", ".rela.data.used"][..],
        &["--strip-unneeded"],
        &["--wildcard", "--strip-symbol=__BTF_ID__*"],
        &["--wildcard", "--strip-symbol=__BTF_ID__set*"],
        &["--wildcard", "--strip-symbol=__BTF_ID__struct__point__*"],
    ] {
        run("objcopy", &[options, &[&object, &copy]].concat());
        eprintln!("{options:?}");
        refused(&["--place", "front"], &copy, &[".BTF_ids", "symbol", "\nhelp: "]);
        ok(["encode", &copy]);
    }
    let zeros = object_with_ids(&folder, "b.o", |words| words.fill(0));
    run("objcopy", &["--wildcard", "--strip-symbol=__BTF_ID__*", &zeros, &copy]);
    ok(["encode", "--place", "front", &copy]);
}

fn debian_file(name: &str) -> PathBuf {
    fn find(folder: &Path, name: &str) -> Option<PathBuf> {
        fs::read_dir(folder).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { find(&path, name) } else { Some(path).filter(|p| p.ends_with(name)) }
        })
    }
    find(&debian(), name).unwrap()
}

/// Where the signature appended to a module starts: module, signature, 12 bytes that end in its
/// length, 28 bytes of a marker.
fn signature(module: &[u8]) -> usize {
    assert!(module.ends_with(b"~Module signature appended~\n"));
    let end = module.len() - 28 - 12;
    end - word(true, &module[end + 8..]) as usize
}

fn loc_param() -> String {
    root().join("kinds/proposed/2026/loc_param.kind").to_str().unwrap().to_owned()
}

/// The same types behind one more, of a kind that is not released.
fn behind_loc_param(old: &Btf) -> Btf {
    let mut new = Btf::new_split(Arc::clone(old.base().unwrap()));
    let spec = KindSpec::parse(&fs::read_to_string(loc_param()).unwrap()).unwrap();
    new.add_kind(spec).unwrap();
    let start = old.first_id().0;
    let add = |new: &mut Btf, name: &str, ty: (Kind, bool, u32), third: u32, words: &[u32]| {
        let (kind, kind_flag, vlen) = ty;
        new.add(NewType { kind, name, kind_flag, vlen, size_or_type: third, words }).unwrap();
    };
    add(&mut new, "", (Kind(20), false, 2), 8, &[0, 5, 6]);
    let text = |ty: &Record<'_>, at: u32| ty.string(btfkinds::StrOff(at)).to_string();
    for ty in old.types() {
        let spec = ty.spec();
        let id = |id: u32| moved((start, 1), id);
        let fields = spec.fixed.iter().chain(spec.elements.iter().cycle());
        let mut words = Vec::new();
        for (field, word) in fields.zip(&ty.words()[3..]) {
            words.push(match field.class {
                WordClass::Id => id(*word),
                WordClass::Str => new.intern(&text(&ty, *word)).unwrap().0,
                WordClass::U32 | WordClass::S32 => *word,
            });
        }
        let third = if spec.third == Third::Id { id(ty.size_or_type()) } else { ty.size_or_type() };
        let kind = (ty.kind(), ty.kind_flag(), ty.vlen());
        add(&mut new, &text(&ty, ty.name_off().0), kind, third, &words);
    }
    new
}

/// A real module whose own types stand behind a record of an unreleased kind.
fn debian_module() {
    let folder = Folder::new();
    let vmlinux = debian_file("vmlinux");
    let vmlinux = vmlinux.to_str().unwrap();
    let original = fs::read(debian_file("nf_conntrack.ko")).unwrap();
    let file = folder.file("original.ko", &original);
    let base = Arc::new(File::open(Path::new(vmlinux)).unwrap().btf(&Parse::new()).unwrap());
    let btf = File::open(Path::new(&file)).unwrap().btf(&Parse::new().base(base)).unwrap();
    let start = btf.first_id().0;
    let blob = folder.file("blob.btf", behind_loc_param(&btf).to_bytes());
    // What the ids in .BTF_ids name, by bpftool; ids are above all that is not one.
    let names: BTreeMap<u32, String> =
        ids(&dump(&file, Some(vmlinux))).into_iter().map(|(name, id)| (id, name)).collect();
    let base_names: BTreeMap<u32, String> =
        ids(&dump(vmlinux, None)).into_iter().map(|(name, id)| (id, name)).collect();
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
    let kinds = loc_param();
    let options = ["-B", vmlinux, "--kind-file", &kinds];
    refused(&options, &signed, &["signature", "--strip-signature"]);
    let encode = |place: &str, out: &str| {
        let args = ["encode", "--strip-signature", "--place", place, &signed, "-o", out];
        ok([&args[..], &options].concat());
    };
    let base_blob = btf_of(vmlinux);
    let chain = |path: &str| Chain::of(&[&base_blob, &btf_of(path)]);
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

fn debian_signature() {
    let folder = Folder::new();
    let original = fs::read(debian_file("nf_conntrack.ko")).unwrap();
    let (module, out) = (folder.file("module.ko", &original), folder.name("out.ko"));
    let cut = folder.file("cut.ko", &original[..signature(&original)]);
    // Standalone BTF in the place of its own, so that there is something to add.
    let raw = btf_of_point();
    let fill = format!(".BTF={}", folder.file("raw.btf", &raw));
    let zero =
        format!(".BTF_ids={}", folder.file("zero", vec![0; section(&original, ".BTF_ids").len()]));
    run("objcopy", &["--update-section", &fill, "--update-section", &zero, &cut, &cut]);
    let body = fs::read(&cut).unwrap();
    fs::write(&module, [&body[..], &original[signature(&original)..]].concat()).unwrap();
    refused(&[], &module, &["signature is appended", "\nhelp: --strip-signature"]);
    let (status, text) = said(btfkinds(["encode", &module, "-o", &out]));
    assert!(status == Some(2) && text.contains("signature") && !Path::new(&out).exists());
    ok(["encode", &module, "-o", &out, "--strip-signature"]);
    only(&cut, &out, &[".BTF"], &[]);
    let new = fs::read(&out).unwrap();
    assert!(!new.windows(16).any(|bytes| bytes == b"Module signature"));
    describes_all(&dump(&out, None));
    ok(["encode", &module, "--strip-signature"]);
    assert!(fs::read(&module).unwrap() == new);
    // Where there is nothing to add, a signature stays valid, unless it is to go.
    fs::write(&module, [&new[..], &original[signature(&original)..]].concat()).unwrap();
    let signed = fs::read(&module).unwrap();
    ok(["encode", &module]);
    assert!(fs::read(&module).unwrap() == signed);
    ok(["encode", &module, "-o", &out, "--strip-signature"]);
    assert!(fs::read(&out).unwrap() == new);
    ok(["encode", &module, "--strip-signature"]);
    assert!(fs::read(&module).unwrap() == new, "the signature is still there");
}

fn debian_vmlinux() {
    let folder = Folder::new();
    let vmlinux = debian_file("vmlinux");
    let vmlinux = vmlinux.to_str().unwrap();
    refused(&[], vmlinux, &["vmlinux: .BTF: the section is loaded", "\nhelp: ", "--detached"]);
    detached(&folder, vmlinux);
    // Not through another name of it either, and no copy is left behind.
    let out = folder.name("out");
    let (status, text) = said(btfkinds(["encode", vmlinux, "-o", &out]));
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

fn btf_of_point() -> Vec<u8> {
    point().bytes()
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
            + &section_asm(".BTF.base", &folder.file("base.btf", btf_of_point()), &[]);
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
        bytes[at] = [0, 1, 0x7f, 0xff, random.below(256) as u8][random.below(5)];
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
        let change = Change { old: &old, new: &new, shift: described.shift, parse: &parse };
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
    let program = Path::new(env!("CARGO_BIN_EXE_btfkinds"));
    let (status, text) = limited(program, &["encode", "--place", "front", &object], &[]);
    assert!(matches!(status, Some(0 | 2)), "{status:?} {text}");
}

/// The names of all sections are one string, which is as long as the file.
fn long_section_names() {
    let folder = Folder::new();
    let sections: String = (0..20_000).map(|i| format!(".section s{i:0100}\n.byte 1\n")).collect();
    let object = gcc(&folder, &["-c", &folder.file("x.s", sections)], "x.o");
    let mut bytes = fs::read(&object).unwrap();
    let names = section_range(&bytes, ".shstrtab").unwrap();
    let end = names.end - 1;
    bytes[names.start + 1..end].fill(b'a');
    fs::write(&object, bytes).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_btfkinds"));
    let (status, text) = limited(program, &["dump", &object], &[]);
    assert!(status == Some(2) && text.contains("no .BTF section"), "{status:?} {text}");
}
