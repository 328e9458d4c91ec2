//! Standalone or split, right or wrong base: what is told over all modules of Debian's kernels and
//! over many other blobs; round trips over all of them; runs that fail midway.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use btfkinds::{
    Btf, Describe, Endian, ErrorKind, File, KindSpec, Numbering, Origin, Parse, Renumber, Select,
    Target, describe, portable_base, renumber, restore,
};
use common::kernels::{Series, at_once, script};
use common::needs::Need::{Root, Tool};
use common::needs::with_kernels;
use common::{Folder, Graph, Layout, W, btfkinds, fails, info, ok, root, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let compilers = ["gcc", "clang", "pahole", "objcopy", "make"].map(Tool);
    let mount = [Root, Tool("unshare")];
    let tests = vec![
        with_kernels("all_modules_are_split", &[], all_modules_are_split),
        with_kernels("others_are_told_apart", &compilers, others_are_told_apart),
        with_kernels("wrong_bases", &[], wrong_bases),
        with_kernels("round_trips", &compilers, round_trips),
        common::needs::trial("disk_gets_full", &mount, disk_gets_full),
        common::needs::trial("disk_is_read_only", &mount, disk_is_read_only),
        common::needs::trial("folder_is_missing", &[], folder_is_missing),
        common::needs::trial("killed", &[], killed),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

// Debian's kernels.

static OLDER: LazyLock<Series> = LazyLock::new(|| Series::new("6.1-older"));
static OLD: LazyLock<Series> = LazyLock::new(|| Series::new("6.1"));
static NEW: LazyLock<Series> = LazyLock::new(|| Series::new("6.12"));

/// What `tests/qemu/build` makes for a kernel, also for the tests in QEMU.
fn built(series: &str, file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("qemu-{series}"));
    script("qemu/build", &[series, folder.to_str().unwrap()]);
    folder.join(file)
}

fn all_modules_are_split() {
    let mut all = 0;
    for (series, kernel) in [("6.1", &*OLD), ("6.12", &*NEW)] {
        let parse = Parse::new().base(Arc::clone(&kernel.base));
        at_once(&kernel.modules, |(path, blob)| {
            for parse in [&Parse::new(), &parse] {
                let is = Numbering::of(blob, parse).unwrap();
                assert_eq!(is, Numbering::SplitByStrings, "{path:?}");
            }
            let btf = parse.read_as_it_is(blob).unwrap();
            assert!(btf.base().is_some(), "{path:?}");
            btf.check_base().unwrap_or_else(|err| panic!("{path:?}: {err}"));
            assert!(btf.to_bytes() == *blob, "{path:?}");
        });
        println!("{series}: {} modules, all split, none misread", kernel.modules.len());
        all += kernel.modules.len();
    }
    assert!(all >= 2200, "only {all} modules");
}

// Wrong bases.

/// What the rules need to know of a module, by its released kinds alone.
struct Walked {
    highest_string: u32,
    /// The type that most of its function prototypes return.
    returned: Option<u32>,
}

fn walk(blob: &[u8]) -> Walked {
    let word = |at: usize| u32::from_le_bytes(blob[at..at + 4].try_into().unwrap());
    let (mut at, end) = {
        let start = word(4) as usize + word(8) as usize;
        (start, start + word(12) as usize)
    };
    let mut highest_string = 0;
    let mut returned: HashMap<u32, usize> = HashMap::new();
    while at < end {
        let (kind, vlen) = (word(at + 4) >> 24 & 0x1f, word(at + 4) as usize & 0xffff);
        // Words behind the header, words of an element, whether an element starts with a name.
        let (fixed, element, named) = match kind {
            1 | 14 | 17 => (1, 0, false),
            3 => (3, 0, false),
            4 | 5 | 19 => (0, 3, true),
            6 | 13 => (0, 2, true),
            15 => (0, 3, false),
            _ => (0, 0, false),
        };
        let mut name = |offset: u32| highest_string = highest_string.max(offset);
        name(word(at));
        if kind == 13 && word(at + 8) != 0 {
            *returned.entry(word(at + 8)).or_default() += 1;
        }
        let vlen = if element == 0 { 0 } else { vlen };
        at += 12 + fixed * 4;
        for _ in 0..vlen {
            if named {
                name(word(at));
            }
            at += element * 4;
        }
    }
    let most = returned.into_iter().max_by_key(|(id, count)| (*count, u32::MAX - id));
    Walked { highest_string, returned: most.map(|(id, _)| id) }
}

/// The rules that say "not on this base": ours; A and B of 2022, B in two readings.
///
/// A: the split reading fails, an id or a string offset being out of range, so it is taken for
/// standalone. B, that the strings are within the base's range and "int" is found, was never spelt
/// out. "In range" can only mean that no offset is past the base's strings with the module's behind
/// them, else no module with a name of its own would be split. "int": in the plain reading the base
/// has an INT of that name. In the generous one it is where the module has to expect it: what most
/// of its function prototypes return.
fn rules(base: &Arc<Btf>, has_int: bool, blob: &[u8]) -> [bool; 4] {
    let (ours, a) = match Btf::parse_split(blob, Arc::clone(base)) {
        Ok(btf) => (btf.check_base().is_err(), false),
        Err(err) => {
            let kind = err.kind();
            assert!(matches!(kind, ErrorKind::Reference | ErrorKind::Record), "{kind:?}: {err}");
            (true, kind == ErrorKind::Reference)
        }
    };
    let own_strings = u32::from_le_bytes(blob[20..24].try_into().unwrap());
    let walked = walk(blob);
    let strings = walked.highest_string < (base.str_len() as u32 + own_strings).max(1);
    let int_there = walked.returned.is_none_or(|id| {
        base.get(btfkinds::TypeId(id)).is_none_or(|ty| {
            // An id past the base's types is the module's own, of which this says nothing.
            ty.kind() == btfkinds::Kind::INT && ty.name() == "int"
        })
    });
    [ours, a, !(strings && has_int), !(strings && int_there)]
}

fn wrong_bases() {
    println!("modules         base        types  strings   ours   A      B      B, generous");
    // The last: of 1000, how many are recognised at least. Measured, with slack for other builds.
    for (modules, name, kernel, of, least) in [
        (&OLD.modules, "6.1", &*OLD, "6.1", 0),
        (&NEW.modules, "6.12", &*NEW, "6.12", 0),
        (&OLDER.modules, "6.1-older", &*OLD, "6.1", 998),
        (&OLD.modules, "6.1", &*NEW, "6.12", 998),
        (&OLD.modules, "6.1", &*OLDER, "6.1-older", 998),
        (&NEW.modules, "6.12", &*OLD, "6.1", 998),
        (&NEW.modules, "6.12", &*OLDER, "6.1-older", 998),
    ] {
        let base = &kernel.base;
        let has_int = base.types().any(|ty| ty.kind() == btfkinds::Kind::INT && ty.name() == "int");
        let all = at_once(modules, |(_, blob)| rules(base, has_int, blob));
        let mut sums = [0; 4];
        for says in &all {
            for (sum, says) in sums.iter_mut().zip(says) {
                *sum += usize::from(*says);
            }
        }
        let [ours, a, b, generous] = sums;
        println!(
            "{name:<9}{:>6}  {of:<9}{:>7}  {:>8}  {ours:>5}  {a:>5}  {b:>5}  {generous:>5}",
            all.len(),
            base.type_count(),
            base.str_len()
        );
        if name == of {
            assert_eq!((ours, a), (0, 0));
        }
        assert!(all.iter().all(|says| says[0] || !says[1]), "A finds more than ours");
        assert!(ours * 1000 >= all.len() * least, "{name} on {of}: only {ours} of {}", all.len());
    }
}

// Others.

/// A standalone blob.
struct Plain {
    name: String,
    blob: Vec<u8>,
    parse: Parse,
    /// The ELF file that it is in.
    elf: Option<Vec<u8>>,
}

const SOURCES: [&str; 8] = [
    "int f(void) { return 1; }",
    "struct point { int x, y; } origin; long area(struct point *p) { return (long)p->x * p->y; }",
    "enum state { OFF, ON = 7, GONE = -1 }; enum state s; int is(enum state e) { return s == e; }",
    "union u { char c[8]; double d; float f; } all[3]; void g(union u *p) { *p = all[1]; }",
    "struct list { struct list *next; const char *name; unsigned a:3, b:13; } head; \
     struct list *last(struct list *l) { return l->next ? l->next : &head; }",
    "typedef int (*op)(const void *, char **restrict); typedef op ops[4]; ops table; \
     int call(int n) { return table[n](0, 0); }",
    "struct fwd; static volatile int hits; int hit(struct fwd *p) { return p ? ++hits : 0; } \
     _Bool flag; unsigned long long big; __int128 wide; short h(short v) { return v + flag; }",
    "enum huge { LARGE = 0x123456789abcdefULL }; struct outer { struct { int in; }; enum huge h; \
     struct { char c; } inner[2][3]; } o; unsigned char k(struct outer *p) { return p->in + o.h; }",
];

static PLAIN: LazyLock<Vec<Plain>> = LazyLock::new(|| {
    let mut all = Vec::new();
    let mut add =
        |name: String, blob: Vec<u8>, parse: Parse, elf| all.push(Plain { name, blob, parse, elf });
    let cases = fs::read_dir(root().join("golden")).unwrap().map(|entry| entry.unwrap().path());
    let is_plain = |case: &PathBuf| !case.ends_with("broken") && !case.join("error.txt").exists();
    for case in cases.filter(is_plain) {
        let files = || fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path());
        let kinds = files().filter(|file| file.extension().is_some_and(|ext| ext == "kind"));
        let parse = kinds.fold(Parse::new(), |parse, file| {
            parse.kind(KindSpec::parse(&fs::read_to_string(file).unwrap()).unwrap())
        });
        let split = case.join("base.btf").exists();
        let names: &[&str] = if split { &["base.btf"] } else { &["input.btf", "encoded.btf"] };
        for name in names {
            let parse = if *name == "input.btf" { parse.clone() } else { Parse::new() };
            let file = case.join(name);
            add(
                format!("{}/{name}", case.file_name().unwrap().display()),
                fs::read(file).unwrap(),
                parse,
                None,
            );
        }
    }
    let folder = Folder::new();
    for (i, source) in SOURCES.iter().enumerate() {
        let c = folder.file(&format!("{i}.c"), source);
        let gcc = ["gcc", "-gbtf"];
        for (how, args) in [
            ("gcc", &gcc[..]),
            ("pahole", &["gcc", "-g"]),
            ("bpf", &["clang", "-target", "bpf", "-g"]),
        ] {
            // Not all of it is for BPF: no __int128, no large enums in C as clang sees it.
            if how == "bpf" && i > 5 {
                continue;
            }
            let object = folder.name(&format!("{how}-{i}.o"));
            run(args[0], &[&args[1..], &["-w", "-c", &c, "-o", &object]].concat());
            if how == "pahole" {
                let done = Command::new("pahole")
                    .args(["-J", &object])
                    .env("LLVM_OBJCOPY", "objcopy")
                    .status();
                assert!(done.unwrap().success());
            }
            let blob = File::open(Path::new(&object)).unwrap().bytes().unwrap();
            let elf = fs::read(&object).unwrap();
            // A .BTF.ext, which no module has, does not come back.
            add(format!("{how} {i}"), blob, Parse::new(), (how != "bpf").then_some(elf));
        }
    }
    for (series, kernel) in [("6.1-older", &*OLDER), ("6.1", &*OLD), ("6.12", &*NEW)] {
        add(format!("vmlinux {series}"), kernel.base.to_bytes(), Parse::new(), None);
        let module = built(series, "standalone.ko");
        let blob = File::open(&module).unwrap().bytes().unwrap();
        add(format!("module {series}"), blob, Parse::new(), Some(fs::read(module).unwrap()));
    }
    all
});

/// With an origin record, as `encode` writes it.
fn recorded(plain: &Btf) -> Btf {
    let mut btf = plain.clone();
    describe(&mut btf, &Describe { origin: true, select: Select::None, ..Describe::default() })
        .unwrap();
    btf
}

/// A base of so many types, by hand.
fn small_base(types: usize, endian: Endian) -> Arc<Btf> {
    let mut graph = Graph::default();
    graph.int("base_int", 4, 1);
    for i in 1..types {
        let name = graph.own(format!("base_type_{i}"));
        graph.add([name, info(8, 0, false), W::Id(i - 1)]);
    }
    let layout = Layout { big_endian: endian == Endian::Big, ..Layout::plain(&graph) };
    Arc::new(Btf::parse(&graph.write(&layout).0).unwrap())
}

/// Two bases in the byte order of a blob.
fn bases(btf: &Btf) -> [Arc<Btf>; 2] {
    let small = small_base(900, btf.endian());
    match btf.endian() {
        Endian::Big => [small_base(5000, Endian::Big), small],
        _ => [Arc::clone(&NEW.base), small],
    }
}

/// A renumbered blob without its origin record: 44 bytes of types and 108 bytes of names.
fn without_record(blob: &[u8], endian: Endian) -> Vec<u8> {
    let mut out = blob.to_vec();
    let big = endian == Endian::Big;
    let get = |at: usize| {
        let word = blob[at..at + 4].try_into().unwrap();
        if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    let mut less = |at: usize, by: u32| {
        let word = get(at) - by;
        let word = if big { word.to_be_bytes() } else { word.to_le_bytes() };
        out[at..at + 4].copy_from_slice(&word);
    };
    less(12, 44);
    less(16, 44);
    less(20, 108);
    if get(4) >= 32 && get(28) > 0 {
        less(24, 44);
    }
    assert_eq!((get(4) + get(16) + get(20)) as usize, blob.len());
    let types_end = (get(4) + get(8) + get(12)) as usize;
    out.truncate(out.len() - 108);
    out.drain(types_end - 44..types_end);
    assert_eq!(Origin::find(&out), None);
    out
}

fn others_are_told_apart() {
    let folder = Folder::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut errors, mut unmoved) = (Vec::new(), Vec::new());
    let mut check =
        |what: &'static str, name: &str, blob: &[u8], parse: &Parse, base: Option<&Arc<Btf>>| {
            *counts.entry(what).or_default() += 1;
            let right = |is: Numbering| match what {
                "standalone" => is == Numbering::StandaloneByReferences,
                "recorded" => matches!(is, Numbering::StandaloneByOrigin(_)),
                "renumbered" | "portable" => matches!(is, Numbering::SplitByOrigin(_)),
                "without record" => is == Numbering::SplitByReferences,
                _ => is == Numbering::SplitByStrings,
            };
            match Numbering::of(blob, parse) {
                Ok(is) => assert!(right(is), "{what}: {name}: {is}"),
                // Descriptions that cannot be found without the base: no answer is no mistake.
                Err(_) if what == "without record" => errors.push(name.to_owned()),
                Err(err) => panic!("{what}: {name}: {err}"),
            }
            let parse = parse.clone().base(base.unwrap_or(&OLD.base).clone());
            let is = Numbering::of(blob, &parse).unwrap();
            assert!(right(is), "{what}: {name}: {is}");
            let btf =
                parse.read_as_it_is(blob).unwrap_or_else(|err| panic!("{what}: {name}: {err}"));
            assert_eq!(btf.base().is_some(), base.is_some(), "{what}: {name}");
            btf.check_base().unwrap();
            assert!(btf.to_bytes() == blob, "{what}: {name}");
        };
    for Plain { name, blob, parse, elf } in PLAIN.iter() {
        check("standalone", name, blob, parse, None);
        let plain = parse.read(blob).unwrap();
        let encoded = recorded(&plain);
        check("recorded", name, &encoded.to_bytes(), parse, None);
        for base in bases(&plain) {
            let moved = match renumber(&plain, &base) {
                Ok(moved) => moved.to_bytes(),
                Err(err) => {
                    assert!(err.to_string().contains("classes of its words are not"), "{err}");
                    unmoved.push(name.clone());
                    break;
                }
            };
            check("renumbered", name, &moved, parse, Some(&base));
            let moved_record = renumber(&encoded, &base).unwrap().to_bytes();
            check("renumbered", name, &moved_record, parse, Some(&base));
            // Without types there is nothing left that would tell.
            if plain.types().count() > 0 {
                let cut = without_record(&moved, plain.endian());
                check("without record", name, &cut, parse, Some(&base));
            }
        }
        if let Some(elf) = elf {
            let file = folder.file("portable.o", elf);
            let how = how(Target::Portable, parse);
            let file = File::open(Path::new(&file)).unwrap();
            let bytes = file.renumber(&how).unwrap().unwrap().bytes().unwrap();
            let file = File::open(Path::new(&folder.file("portable.o", bytes))).unwrap();
            assert!(file.has_own_base());
            let own = Arc::new(file.section(".BTF.base", parse).unwrap());
            check("portable", name, &file.bytes().unwrap(), parse, Some(&own));
            // Its own base counts, not what is given.
            let btf = file.btf(&parse.clone().base(Arc::clone(&OLD.base))).unwrap();
            assert_eq!(btf.base().unwrap().type_count(), 2);
        }
    }
    // Without strings, or with strings but no NUL in front.
    let first = (OLD.base.type_count(), OLD.base.str_len() as u32);
    for types in 0..4 {
        let mut graph = Graph::default();
        for i in 0..types {
            graph.add([W::S(""), info(2, 0, false), W::Abs(i + 1)]);
        }
        let blob = graph.write(&Layout { first, ..Layout::plain(&graph) }).0;
        assert_eq!(blob[20..24], [0; 4]);
        check("no strings", &types.to_string(), &blob, &Parse::new(), Some(&OLD.base));
        graph.add([W::S("own"), info(8, 0, false), W::Abs(3)]);
        let blob = graph.write(&Layout { first, ..Layout::plain(&graph) }).0;
        check("split", &types.to_string(), &blob, &Parse::new(), Some(&OLD.base));
    }
    let module = File::open(&built("6.12", "built.ko")).unwrap().bytes().unwrap();
    check("split", "built against 6.12", &module, &Parse::new(), Some(&NEW.base));
    let sum: usize = counts.values().sum();
    println!("{sum} others, no mistake: {counts:?}");
    println!("no answer without a base, right with it: {errors:?}\ncannot be moved: {unmoved:?}");
    assert!(sum >= 40 && counts["standalone"] >= 40, "{counts:?}");
    assert!(errors.len() * 2 < counts["without record"] && unmoved.len() <= 4);
}

// Round trips.

fn how(target: Target, parse: &Parse) -> Renumber {
    let parse = parse.clone();
    Renumber { target, from: None, resolve_ids: true, strip_signature: false, parse }
}

fn round_trips() {
    let folder = Folder::new();
    let mut trips = 0;
    for Plain { name, blob, parse, elf } in PLAIN.iter() {
        let plain = parse.read(blob).unwrap();
        let small = small_base(300, plain.endian());
        if renumber(&plain, &small).is_err() {
            continue; // counted above
        }
        let encoded = recorded(&plain);
        let encoded = parse.read(&encoded.to_bytes()).unwrap();
        for btf in [plain, encoded] {
            let bytes = btf.to_bytes();
            let [first, _] = bases(&btf);
            let tiny = Arc::new(portable_base(&btf).unwrap());
            for base in [&small, &first, &tiny] {
                let moved = renumber(&btf, base).unwrap().to_bytes();
                assert!(moved != bytes);
                let (back, _) = restore(&moved, parse).unwrap();
                assert!(back.to_bytes() == bytes, "{name}");
                trips += 1;
            }
            // As files: there, to another base, to where it was, and back.
            let file = folder.file("round.btf", &bytes);
            let to = |base: &Arc<Btf>| Target::Base(Arc::clone(base));
            let there = by_file(&file, parse, to(&small));
            let second = by_file(&file, parse, to(&first));
            assert!(by_file(&file, parse, to(&small)) == there && there != second, "{name}");
            assert!(by_file(&file, parse, Target::Standalone) == bytes, "{name}");
            trips += 1;
        }
        if let Some(elf) = elf {
            let file = folder.file("round.o", elf);
            let there = by_file(&file, parse, Target::Base(Arc::clone(&small)));
            by_file(&file, parse, Target::Portable);
            let again = by_file(&file, parse, Target::Base(Arc::clone(&small)));
            assert!(again == there && !File::open(Path::new(&file)).unwrap().has_own_base());
            by_file(&file, parse, Target::Portable);
            assert!(by_file(&file, parse, Target::Standalone) == *blob, "{name}");
            assert!(!File::open(Path::new(&file)).unwrap().has_own_base(), "{name}");
            trips += 1;
        }
    }
    println!("{trips} round trips over {} blobs", PLAIN.len());
    assert!(trips > 300);
}

/// Renumbers a file in place; its `.BTF` then.
fn by_file(path: &str, parse: &Parse, target: Target) -> Vec<u8> {
    let path = Path::new(path);
    let file = File::open(path).unwrap();
    file.renumber(&how(target, parse)).unwrap().unwrap().prepare(path).unwrap().commit().unwrap();
    File::open(path).unwrap().bytes().unwrap()
}

// Runs that fail midway.

/// A base, blobs that are split on it, and standalone ones, of some 40 KB each, in `in/`.
fn inputs(folder: &Folder, many: usize) -> [Vec<String>; 2] {
    fs::create_dir(folder.path("in")).unwrap();
    let base = small_base(100, Endian::Little);
    folder.file("in/base.btf", base.to_bytes());
    let first = (base.type_count(), base.str_len() as u32);
    let write = |name: String, first, i: usize| {
        let mut graph = Graph::default();
        for n in 0..1500 {
            let name = graph.own(format!("type_{n}_of_{i}"));
            graph.add([name, info(7, 0, false), W::N(0)]);
        }
        let blob = graph.write(&Layout { first, ..Layout::plain(&graph) }).0;
        folder.file(&format!("in/{name}"), blob);
        name
    };
    let split = (0..many).map(|i| write(format!("split{i}.btf"), first, i)).collect();
    [split, (0..4).map(|i| write(format!("plain{i}.btf"), (1, 0), i)).collect()]
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(read).collect()
}

/// Runs the command on a copy of `in/` in a tmpfs that `then` makes difficult. It must fail: gives
/// what it said, and what is there afterwards.
fn on_tmpfs(folder: &Folder, then: &str, args: &[&str]) -> (String, BTreeMap<String, Vec<u8>>) {
    let script = "mkdir mnt after; mount -t tmpfs -o size=2m none mnt && cp in/* mnt && cd mnt || \
        exit 90; eval \"$0\"; \"$@\" 2>../said; code=$?; rm -f filler 2>/dev/null; \
        cp -r . ../after || exit 91; exit $code";
    for name in ["mnt", "after"] {
        let _ = fs::remove_dir_all(folder.path(name));
    }
    let out = Command::new("unshare")
        .args(["-m", "sh", "-c", script, then, env!("CARGO_BIN_EXE_btfkinds")])
        .args(args)
        .current_dir(folder.path(""))
        // One file after the other: as long as one is being written, the room it takes is not there for others.
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let said = fs::read_to_string(folder.path("said")).unwrap_or_default();
    let err = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{args:?}: {said}{err}");
    (said, contents(&folder.path("after")))
}

fn list<'a>(args: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
    args.iter().copied().chain(files.iter().map(String::as_str)).collect()
}

const FULL: &str = "head -c 9m /dev/zero >filler 2>/dev/null";

fn disk_gets_full() {
    let folder = Folder::new();
    let [split, plain] = inputs(&folder, 8);
    let before = contents(&folder.path("in"));
    // From no room at all to room for all files but one; the room is for what was prepared.
    for room in [0, 60, 180, 300] {
        let then = format!("{FULL}; truncate -s -{room}k filler");
        let (said, after) =
            on_tmpfs(&folder, &then, &list(&["encode", "base.btf", "--split"], &split));
        assert!(said.contains("No space left on device"), "{said}");
        assert_eq!(split.iter().filter(|name| said.contains(*name)).count(), 1, "{said}");
        assert!(after == before, "{room}: {:?}", after.keys());
    }
    let (said, after) = on_tmpfs(&folder, FULL, &list(&["renumber", "-B", "base.btf"], &plain));
    for name in &plain {
        assert!(said.contains(&format!("{name}: cannot write")), "{said}");
    }
    assert!(said.contains("0 files changed, 0 unchanged, 4 failed"), "{said}");
    assert!(after == before, "{:?}", after.keys());
    // Room for the short one only: what fails is as it was, what does not is done.
    folder.file("in/short.btf", Btf::new().to_bytes());
    let before = contents(&folder.path("in"));
    let then = format!("{FULL}; truncate -s -8k filler");
    let args = list(&["renumber", "-B", "base.btf", "plain0.btf", "short.btf"], &plain[1..]);
    let (said, mut after) = on_tmpfs(&folder, &then, &args);
    assert!(said.contains("1 file changed, 0 unchanged, 4 failed"), "{said}");
    let short = Origin::find(&after["short.btf"]).unwrap();
    assert_eq!(short.base_types, 101);
    after.insert("short.btf".to_owned(), Btf::new().to_bytes());
    assert!(after == before, "{:?}", after.keys());
}

fn disk_is_read_only() {
    let folder = Folder::new();
    let [split, plain] = inputs(&folder, 3);
    let before = contents(&folder.path("in"));
    for args in [
        list(&["encode", "base.btf", "--split"], &split),
        list(&["renumber", "-B", "base.btf"], &plain),
        vec!["encode", "base.btf", "-o", "out.btf"],
        vec!["renumber", "-B", "base.btf", "plain0.btf", "-o", "out.btf"],
    ] {
        let (said, after) = on_tmpfs(&folder, "mount -o remount,ro .", &args);
        assert!(said.contains("cannot write") && said.contains("read-only filesystem"), "{said}");
        assert!(after == before, "{args:?}: {:?}", after.keys());
    }
}

fn folder_is_missing() {
    let folder = Folder::new();
    let [split, _] = inputs(&folder, 3);
    let before = contents(&folder.path("in"));
    let name = |name: &str| folder.name(&format!("in/{name}"));
    let (base, plain, out) = (name("base.btf"), name("plain0.btf"), name("missing/out.btf"));
    let split: Vec<String> = split.iter().map(|file| name(file)).collect();
    for args in [
        vec!["encode", &base, "-o", &out],
        list(&["encode", &base, "-o", &out, "--split"], &split),
        vec!["renumber", "-B", &base, &plain, "-o", &out],
    ] {
        let said = fails(&args);
        assert!(said.contains(&format!("cannot write {out}: No such file or directory")), "{said}");
        assert!(contents(&folder.path("in")) == before);
    }
}

/// Killed anywhere, between write and rename too: each file is what it was or what it was to be.
fn killed() {
    let folder = Folder::new();
    let [split, _] = inputs(&folder, 60);
    let from = contents(&folder.path("in"));
    let work = folder.path("work");
    let name = |file: &str| work.join(file).to_str().unwrap().to_owned();
    let copy = || {
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).unwrap();
        from.iter().for_each(|(name, bytes)| fs::write(work.join(name), bytes).unwrap());
    };
    let files: Vec<String> = split.iter().map(|file| name(file)).collect();
    let base = name("base.btf");
    let args = list(&["encode", "-q", &base, "--split"], &files);
    copy();
    let start = Instant::now();
    ok(&args);
    let whole = start.elapsed();
    let to = contents(&work);
    let changed = from.iter().filter(|(name, bytes)| to[*name] != **bytes).count();
    assert_eq!((to.len(), changed), (from.len(), 61));
    let (mut none, mut some, mut all, mut left) = (0, 0, 0, 0);
    for round in 0..20_u32 {
        copy();
        let mut running = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
            .args(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if round % 2 == 0 {
            thread::sleep(whole * round / 20);
        } else {
            // Once so many are written, or so many of all are in their place already.
            let most = if round < 8 { 12 * round as usize / 2 } else { 61 };
            let done = if round < 8 { 0 } else { 3 * round as usize - 23 };
            let ours = || {
                let names = fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name());
                names.filter(|name| name.to_str().unwrap().starts_with(".btfkinds-")).count()
            };
            let deadline = Instant::now() + Duration::from_secs(10);
            let mut seen = 0;
            while running.try_wait().unwrap().is_none() && Instant::now() < deadline {
                let now = ours();
                seen = seen.max(now);
                if seen >= most.min(60) && now + done <= seen {
                    break;
                }
            }
        }
        running.kill().unwrap();
        running.wait().unwrap();
        let after = contents(&work);
        let new = from.keys().filter(|name| {
            assert!(after[*name] == from[*name] || after[*name] == to[*name], "{name}: neither");
            from[*name] != to[*name] && after[*name] == to[*name]
        });
        match new.count() {
            0 => none += 1,
            61 => all += 1,
            _ => some += 1,
        }
        left += usize::from(after.len() > from.len());
    }
    println!(
        "killed 20 times within {whole:?}: nothing replaced {none}, some {some}, all {all} times; \
         unfinished files left {left} times"
    );
    assert!(none > 0 && some + left > 0);
    // The next run does not mind what was left: here the files are as before, but for that.
    fs::write(work.join(".btfkinds-left"), b"cut off").unwrap();
    from.iter().for_each(|(name, bytes)| fs::write(work.join(name), bytes).unwrap());
    assert!(btfkinds(&args).status.success());
    let after = contents(&work);
    assert!(to.iter().all(|(name, bytes)| after[name] == *bytes));
}
