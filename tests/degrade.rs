//! BTF for old kernels: every rule at its version, what becomes of what, and what the running
//! kernel and bpftool say of it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;
#[path = "degrade/random.rs"]
mod random;
#[path = "degrade/rules.rs"]
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use btfkinds::degrade::{self, Rule, degrade};
use btfkinds::kernel::{VMLINUX, Verdict, verify};
use btfkinds::{
    Btf, Describe, Kind, KindSpec, NewType, Parse, StrOff, TypeId, Version, describe, renumber,
};
use common::needs::Need::{Bpf, KernelBtf, Tool};
use common::needs::trial;
use common::{Folder, Graph, Layout, MADE_UP, Random, W, btfkinds, fails, info, ok, root, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let tests = vec![
        trial("each_rule_at_its_version", &[], rules::each_at_its_version),
        trial("each_replacement", &[], rules::each_replacement),
        trial("documented", &[], documented),
        trial("names", &[], rules::names),
        trial("bitfields", &[], rules::bitfields),
        trial("what_follows", &[], rules::what_follows),
        trial("limits", &[], limits),
        trial("hostile", &[], hostile),
        trial("all_kinds", &[], all_kinds),
        trial("both_byte_orders", &[], both_byte_orders),
        trial("split", &[], split),
        trial("origin_stays_last", &[], origin_stays_last),
        trial("layout_section", &[], layout_section),
        trial("kernel_takes_all_forms", &[Bpf], kernel_takes_all_forms),
        trial("kernel_takes_each_replacement", &[Bpf], kernel_takes_each_replacement),
        trial("kernel_takes_placeholders", &[Bpf], kernel_takes_placeholders),
        trial("bpftool_reads_all_forms", &[Tool("bpftool")], bpftool_reads_all_forms),
        trial("random_blobs", &[], random::blobs),
        trial("kernel_takes_random_blobs", &[Bpf], random::kernel_takes_them),
        trial("running_kernel", &[KernelBtf, Bpf], running_kernel),
        trial("command", &[], command),
        trial("command_on_split", &[], command_on_split),
        trial(
            "command_on_objects",
            &[Tool("clang"), Tool("llvm-objcopy"), Tool("readelf")],
            command_on_objects,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// The versions at which something changes, and each one before.
pub(crate) fn versions() -> Vec<Version> {
    "4.18 4.19 4.20 5.0 5.1 5.2 5.3 5.4 5.5 5.6 5.7 5.11 5.12 5.13 5.15 5.16 5.17 5.19 6.0 6.1 \
     6.3 6.4 6.8 6.9 6.14 6.15 6.18 7.0 7.1 7.2"
        .split_whitespace()
        .map(version)
        .collect()
}

/// The running kernel's version.
pub(crate) fn running() -> Version {
    version(fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim())
}

pub(crate) fn accepted(what: &str, blob: &[u8]) {
    match verify(blob) {
        Verdict::Accepted => {}
        Verdict::Refused { error, log } => panic!("{what}: {error}\n{log}"),
        other => panic!("{what}: {other:?}"),
    }
}

/// Degrades, and checks what holds in every case. Gives what it became.
pub(crate) fn degraded(btf: &Btf, version: Version) -> Btf {
    let found: BTreeSet<TypeId> =
        degrade::check(btf, version).iter().filter_map(|finding| finding.id).collect();
    let mut new = btf.clone();
    let done = degrade(&mut new, version).unwrap();
    let what = format!("for {version}: {done:?}");
    assert_eq!(done.replaced, found.iter().copied().collect::<Vec<_>>(), "{what}");
    assert_eq!(new.type_count(), btf.type_count() + done.types, "{what}");
    assert_eq!(degrade::check(&new, version), [], "{what}");
    let mut again = new.clone();
    assert!(degrade(&mut again, version).unwrap().is_nothing(), "{what}");
    assert_eq!(again.to_bytes(), new.to_bytes(), "{what}");
    // All others are as they were, but for the names of the origin record.
    let origin = btf.origin().map(|_| TypeId(btf.type_count() - 1));
    for (old, new) in btf.types().zip(new.types()) {
        if !found.contains(&old.id()) && Some(old.id()) != origin {
            assert_eq!(old.words(), new.words(), "[{}] {what}", old.id());
        }
    }
    // Strings stay where they are.
    let end = btf.str_len() - origin.map_or(0, |_| 116);
    let first = btf.base().map_or(0, |base| base.str_len());
    for at in (first..first + end).map(|at| StrOff(at as u32)) {
        assert_eq!(btf.string(at), new.string(at), "{what}");
    }
    let read = match btf.base() {
        Some(base) => Btf::parse_split(&new.to_bytes(), Arc::clone(base)).unwrap(),
        None => Btf::parse(&new.to_bytes()).unwrap(),
    };
    assert_eq!(read.type_count(), new.type_count(), "{what}");
    new
}

/// Each rule's line in docs/DEGRADE.md has its version and what takes its place.
fn documented() {
    let page = fs::read_to_string(root().join("docs/DEGRADE.md")).unwrap();
    for rule in Rule::all() {
        let start = format!("| {} |", rule.name);
        let line = page.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("no line for {}", rule.name));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let since = rule.since.map_or("none".to_owned(), |since| since.to_string());
        assert_eq!(cells[2], since, "{line}");
        assert_eq!(cells[3], rule.what, "{line}");
        assert_eq!(cells[4], rule.becomes.unwrap_or("refused"), "{line}");
        assert!(!cells[5].is_empty(), "{line}");
    }
    let lines = page.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(lines, Rule::all().count() + 1, "lines of no rule");
}

/// A blob with every kind that is released, in forms that only the newest kernels take; all of it
/// is valid.
pub(crate) fn every_kind() -> Graph {
    let mut graph = Graph::default();
    let g = &mut graph;
    let int = g.int("int", 4, 1);
    let char = g.int("char", 1, 1);
    let long = g.int("unsigned long", 8, 0);
    let wide = g.int("__int128", 16, 1);
    g.int("unsigned int", 4, 0);
    let ptr = g.add([W::S(""), info(2, 0, false), W::Id(char)]);
    let array = g.add([W::S(""), info(3, 0, false), W::N(0), W::Id(long), W::Id(int), W::N(3)]);
    let float = g.add([W::S("double"), info(16, 0, false), W::N(8)]);
    let long_double = g.add([W::S("long double"), info(16, 0, false), W::N(16)]);
    let small = g.add([W::S("small"), info(6, 1, false), W::N(1), W::S("S"), W::N(1)]);
    let large = g.add([W::S("large"), info(6, 1, true), W::N(8), W::S("L"), W::N(1)]);
    let signed = g.add([
        W::S("signed"),
        info(6, 2, true),
        W::N(4),
        W::S("MINUS"),
        W::N(u32::MAX),
        W::S("with.dot"),
        W::N(1),
    ]);
    let enum64 = g.add([
        W::S("enum64"),
        info(19, 2, true),
        W::N(8),
        W::S("LOW"),
        W::N(1),
        W::N(0),
        W::S("HIGH"),
        W::N(0),
        W::N(1),
    ]);
    let fwd = g.add([W::S("later"), info(7, 0, false), W::N(0)]);
    let union_fwd = g.add([W::S("later_union"), info(7, 0, true), W::N(0)]);
    for ty in [fwd, union_fwd] {
        g.add([W::S(""), info(2, 0, false), W::Id(ty)]);
    }
    let typedef = g.add([W::S("small_t"), info(8, 0, false), W::Id(small)]);
    let volatile = g.add([W::S(""), info(9, 0, false), W::Id(typedef)]);
    let constant = g.add([W::S(""), info(10, 0, false), W::Id(signed)]);
    g.add([W::S(""), info(11, 0, false), W::Id(ptr)]);
    let tag = g.add([W::S("user"), info(18, 0, false), W::Id(constant)]);
    let attribute = g.add([W::S("address_space(1)"), info(18, 0, true), W::Id(tag)]);
    let tagged = g.add([W::S(""), info(2, 0, false), W::Id(attribute)]);
    let member = |name, ty, bits: u32, at: u32| [W::S(name), W::Id(ty), W::N(bits << 24 | at)];
    let bits = g.add(
        [
            [W::S("bits"), info(4, 8, true), W::N(56)],
            member("a", int, 3, 0),
            member("b", signed, 5, 3),
            member("c", enum64, 20, 8),
            member("d", tag, 2, 28),
            member("double", float, 0, 64),
            member("wide", wide, 0, 128),
            member("small", volatile, 0, 256),
            member("array", array, 0, 256 + 64 - 64),
        ]
        .concat(),
    );
    let plain = g.structure(
        W::S("plain.one"),
        48,
        &[
            (W::S("wide"), wide, 0),
            (W::S("wider"), long_double, 16),
            (W::S("ptr"), tagged, 32),
            (W::S("enum.64"), enum64, 40),
        ],
    );
    let union = g.add(
        [
            vec![W::S("either"), info(5, 3, false), W::N(16)],
            member("a", float, 0, 0).to_vec(),
            member("b", large, 0, 0).to_vec(),
            member("c", enum64, 0, 0).to_vec(),
        ]
        .concat(),
    );
    let proto = g.add([
        W::S(""),
        info(13, 3, false),
        W::Id(enum64),
        W::S("x"),
        W::Id(float),
        W::S("y"),
        W::Id(tagged),
        W::S(""),
        W::N(0),
    ]);
    let unnamed = g.add([W::S(""), info(13, 1, false), W::N(0), W::S(""), W::Id(int)]);
    let pointer = g.add([W::S(""), info(2, 0, false), W::Id(unnamed)]);
    g.add([W::S("fn_t"), info(8, 0, false), W::Id(unnamed)]);
    g.add([W::S("local"), info(12, 0, false), W::Id(proto)]);
    let func = g.add([W::S("global.part.0"), info(12, 1, false), W::Id(proto)]);
    let first = g.add([W::S("counter.1"), info(14, 0, false), W::Id(enum64), W::N(0)]);
    let second = g.add([W::S("table"), info(14, 0, false), W::Id(plain), W::N(1)]);
    let third = g.add([W::S("hook"), info(14, 0, false), W::Id(pointer), W::N(1)]);
    g.add([
        W::S(".data"),
        info(15, 2, false),
        W::N(64),
        W::Id(first),
        W::N(0),
        W::N(8),
        W::Id(second),
        W::N(16),
        W::N(48),
    ]);
    g.add([W::S("?.struct_ops-x"), info(15, 1, false), W::N(8), W::Id(third), W::N(0), W::N(8)]);
    g.add([W::S(".empty"), info(15, 0, false), W::N(4)]);
    for (name, target, component, flag) in [
        ("on_struct", bits, 2, false),
        ("on_union", union, u32::MAX, true),
        ("on_func", func, 1, false),
        ("on var, any name", second, u32::MAX, false),
        ("on_typedef", typedef, u32::MAX, false),
    ] {
        g.add([W::S(name), info(17, 0, flag), W::Id(target), W::N(component)]);
    }
    graph
}

fn all_kinds() {
    let btf = Btf::parse(&every_kind().bytes()).unwrap();
    let kinds: BTreeSet<Kind> = btf.types().map(|ty| ty.kind()).collect();
    assert_eq!(kinds.len(), 19);
    for version in versions() {
        let new = degraded(&btf, version);
        for (old, new) in btf.types().zip(new.types()) {
            let since = new.spec().since.unwrap();
            assert!(since <= version, "[{}] {} for {version}", new.id(), new.kind_name());
            // A name is lost only where the new kind can't have it.
            if new.name() != old.name() {
                let lost = [Kind::FLOAT, Kind::TYPE_TAG, Kind::INT].contains(&old.kind());
                let changed: String = (old.name().to_string().chars())
                    .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                    .collect();
                let kept = new.name().to_string().replace('.', "_");
                assert!((lost && kept.is_empty()) || kept == changed, "{old:?} {new:?}");
            }
        }
        // Only bitfields need types that are not there.
        assert!(version < self::version("5.0") || new.type_count() == btf.type_count());
    }
    // The newest kernel takes it as it is.
    assert_eq!(degrade::check(&btf, version("7.2")), []);
}

fn both_byte_orders() {
    let graph = every_kind();
    let big = Layout { big_endian: true, ..Layout::plain(&graph) };
    let big = Btf::parse(&graph.write(&big).0).unwrap();
    let little = Btf::parse(&graph.bytes()).unwrap();
    for version in versions() {
        let (big, little) = (degraded(&big, version), degraded(&little, version));
        assert!(big.types().zip(little.types()).all(|(a, b)| a.words() == b.words()));
        assert_eq!(big.endian(), btfkinds::Endian::Big);
    }
}

fn limits() {
    let int = |btf: &mut Btf| {
        let new = NewType {
            kind: Kind::INT,
            name: "int",
            kind_flag: false,
            vlen: 0,
            size_or_type: 4,
            words: &[1 << 24 | 32],
        };
        btf.add(new).unwrap()
    };
    let mut graph = Graph::default();
    let of = graph.int("int", 4, 1);
    for _ in 1..65_534 {
        graph.add([W::S(""), info(2, 0, false), W::Id(of)]);
    }
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    assert_eq!(degrade::check(&btf, version("5.3")), []);
    int(&mut btf);
    assert_eq!(degrade::check(&btf, version("5.4")), []);
    let found = degrade::check(&btf, version("5.3"));
    assert_eq!((found.len(), found[0].id, found[0].rule.name), (1, None, "many types"));
    let before = btf.to_bytes();
    let err = degrade(&mut btf, version("5.3")).unwrap_err();
    assert!(err.to_string().contains("more than 65,534 types (since 5.4)"), "{err}");
    assert_eq!(btf.to_bytes(), before);

    let mut graph = Graph::default();
    // With the NUL before and behind it.
    let name = graph.own("x".repeat(0x1_0000 - 2));
    graph.add([name, info(1, 0, false), W::N(4), W::N(32)]);
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    assert_eq!(btf.str_len(), 0x1_0000);
    assert_eq!(degrade::check(&btf, version("5.3")), []);
    btf.intern("y").unwrap();
    assert_eq!(degrade::check(&btf, version("5.4")), []);
    assert_eq!(degrade::check(&btf, version("5.3"))[0].rule.name, "many strings");
}

/// Names that begin anywhere in a long string, and a struct of as many members as there can be.
fn hostile() {
    let mut graph = Graph::default();
    let long: String = (0..1_500_000).map(|i| format!("x.{i:08}")).collect();
    let long = graph.own(long);
    graph.add([long, info(7, 0, false), W::N(0)]);
    for at in 0..100_000 {
        graph.add([W::N(1 + at * 150), info(7, 0, false), W::N(0)]);
    }
    let mut words = vec![W::S(""), info(4, 0xffff, false), W::N(4)];
    for at in 0..0xffff {
        words.extend([W::N(1 + at * 200), W::Abs(1), W::N(0)]);
    }
    graph.add(words);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    let before = btf.to_bytes();
    let mut new = btf.clone();
    assert_eq!(degrade::check(&btf, version("5.15")).len(), 100_002);
    // More names than there are offsets for.
    let err = degrade(&mut new, version("5.15")).err().unwrap();
    assert!(err.to_string().contains("past the limit"), "{err}");
    assert!(new.to_bytes() == before);
    // Bytes that are anything.
    let mut random = Random(7);
    let bytes = every_kind().bytes();
    let mut read = 0;
    for _ in 0..3_000 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = 24 + random.below(bytes.len() - 24);
            bytes[at] = random.below(256) as u8;
        }
        let Ok(btf) = Btf::parse(&bytes) else { continue };
        read += 1;
        for text in ["4.18", "5.2", "5.15", "6.18"] {
            degraded(&btf, version(text));
        }
    }
    assert!(read > 500, "{read}");
}

fn split() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.int("char", 1, 1);
    graph.add([W::S("base_enum"), info(19, 1, false), W::N(8), W::S("B"), W::N(1), W::N(0)]);
    let base = Arc::new(Btf::parse(&graph.bytes()).unwrap());
    let mut own = Graph::default();
    let enum64 =
        own.add([W::S("own.enum"), info(19, 1, false), W::N(8), W::S("O"), W::N(1), W::N(1)]);
    own.add([W::S("own_t"), info(8, 0, false), W::Id(enum64)]);
    own.add([W::S("base_t"), info(8, 0, false), W::Abs(int as u32 + 1)]);
    let first = (base.type_count(), base.str_len() as u32);
    let (bytes, _) = own.write(&Layout { first, ..Layout::plain(&own) });
    let btf = Btf::parse_split(&bytes, Arc::clone(&base)).unwrap();
    let new = degraded(&btf, version("5.15"));
    let union = new.types().next().unwrap();
    assert_eq!((union.id().0, union.kind(), union.vlen()), (4, Kind::UNION, 1));
    assert_eq!(union.name(), "own_enum");
    // The base's one-byte INT serves, and nothing is added.
    assert_eq!(union.elements().next().unwrap()[1..], [2, 0]);
    assert_eq!(new.type_count(), btf.type_count());
    // A base with more behind it: the shift says how split BTF moves.
    let mut graph = Graph::default();
    graph.add([W::S("e.num"), info(19, 1, false), W::N(8), W::S("B"), W::N(1), W::N(0)]);
    let mut base = Btf::parse(&graph.bytes()).unwrap();
    let old = Arc::new(base.clone());
    let done = degrade(&mut base, version("5.15")).unwrap();
    assert_eq!((done.types, done.shift.ids_from, done.shift.ids_by), (1, 2, 1));
    let mut own = Graph::default();
    let int = own.int("int", 4, 1);
    own.add([W::S("of_base"), info(8, 0, false), W::Abs(1)]);
    own.add([W::S("of_own"), info(8, 0, false), W::Id(int)]);
    let first = (old.type_count(), old.str_len() as u32);
    let (bytes, _) = own.write(&Layout { first, ..Layout::plain(&own) });
    let moved = Btf::parse_split(&bytes, old).unwrap();
    let moved = moved.follow_base(&done.shift, Arc::new(base)).unwrap();
    let text: Vec<String> = moved
        .types()
        .map(|ty| format!("{} {} {} {}", ty.id(), ty.kind_name(), ty.name(), ty.size_or_type()))
        .collect();
    assert_eq!(text, ["3 INT int 4", "4 TYPEDEF of_base 1", "5 TYPEDEF of_own 3"]);
}

fn origin_stays_last() {
    let mut btf = Btf::parse(&every_kind().bytes()).unwrap();
    describe(&mut btf, &Describe { origin: true, ..Describe::default() }).unwrap();
    assert!(btf.origin().is_some());
    for version in versions() {
        let new = degraded(&btf, version);
        assert_eq!(new.origin(), btf.origin(), "{version}");
        assert_eq!(new.types().last().unwrap().name(), "__BTF_ORIGIN");
    }
    // A renumbered module, too, and it finds back.
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    let base = Arc::new(Btf::parse(&graph.bytes()).unwrap());
    let standalone = Btf::parse(&every_kind().bytes()).unwrap();
    let module = renumber(&standalone, &base).unwrap();
    let new = degraded(&module, version("5.15"));
    assert!(new.origin().unwrap().names(&base));
    let (back, _) = btfkinds::restore(&new.to_bytes(), &Parse::new()).unwrap();
    assert_eq!(back.to_bytes(), degraded(&standalone, version("5.15")).to_bytes());
}

fn layout_section() {
    let graph = every_kind();
    let section: Vec<[u8; 4]> = KindSpec::released()
        .iter()
        .map(|spec| [spec.fixed_size() as u8, spec.element_size() as u8, 0, 0])
        .collect();
    let section = [vec![[0; 4]], section].concat();
    let layout = Layout { section: Some(section), ..Layout::plain(&graph) };
    let with = Btf::parse(&graph.write(&layout).0).unwrap();
    let without = Btf::parse(&graph.bytes()).unwrap();
    for version in versions() {
        let found = degrade::check(&with, version);
        let named = found.iter().any(|finding| finding.rule.name == "layout section");
        assert_eq!(named, version < self::version("7.1"), "{version}");
        let new = degraded(&with, version);
        if named {
            assert_eq!(new.to_bytes(), degraded(&without, version).to_bytes());
        } else {
            assert_eq!(new.to_bytes()[4], 32, "{version}");
        }
    }
    // It stays where types are replaced.
    let mut graph = every_kind();
    graph.add([W::S("a b"), info(8, 0, false), W::N(1)]);
    let with = Btf::parse(&graph.write(&layout_of(&graph, &layout)).0).unwrap();
    let new = degraded(&with, version("7.2"));
    assert_eq!(new.types().last().unwrap().name(), "a_b");
    assert_eq!(new.to_bytes()[4], 32);
}

fn layout_of(graph: &Graph, like: &Layout) -> Layout {
    Layout { section: like.section.clone(), ..Layout::plain(graph) }
}

fn kernel_takes_all_forms() {
    let btf = Btf::parse(&every_kind().bytes()).unwrap();
    let running = running();
    for version in versions() {
        let new = degraded(&btf, version);
        // What a newer kernel takes, this one may refuse.
        if version <= running {
            accepted(&format!("for {version}"), &new.to_bytes());
        }
    }
}

fn kernel_takes_each_replacement() {
    for sample in rules::samples() {
        let btf = Btf::parse(&sample.graph.bytes()).unwrap();
        let before = sample.before(&sample.rule());
        let new = degraded(&btf, before);
        accepted(sample.name, &new.to_bytes());
    }
}

/// Types of made-up kinds wherever a type can be.
fn placeholders() -> Graph {
    let mut graph = Graph::default();
    let g = &mut graph;
    let int = g.int("int", 4, 1);
    let made: Vec<usize> = [MADE_UP[6], MADE_UP[7], MADE_UP[8], MADE_UP[9], MADE_UP[10]]
        .iter()
        .enumerate()
        .map(|(i, kind)| kind.record(g, ["", "one two", "three", "4", "five"][i], int, i as u32))
        .collect();
    for ty in &made {
        let ty = *ty;
        let ptr = g.add([W::S(""), info(2, 0, false), W::Id(ty)]);
        let array = g.add([W::S(""), info(3, 0, false), W::N(0), W::Id(ty), W::Id(int), W::N(2)]);
        g.add([W::S(""), info(3, 0, false), W::N(0), W::Id(int), W::Id(ty), W::N(2)]);
        let typedef = g.add([W::S("made_t"), info(8, 0, false), W::Id(ty)]);
        let constant = g.add([W::S(""), info(10, 0, false), W::Id(typedef)]);
        let tag = g.add([W::S("tag"), info(18, 0, false), W::Id(constant)]);
        let strukt = g.add([
            W::S("holder"),
            info(4, 5, true),
            W::N(64),
            W::S("made"),
            W::Id(ty),
            W::N(0),
            W::S("bits"),
            W::Id(constant),
            W::N(7 << 24 | 64),
            W::S("more_bits"),
            W::Id(ty),
            W::N(40 << 24 | 72),
            W::S("array"),
            W::Id(array),
            W::N(128),
            W::S("ptr"),
            W::Id(ptr),
            W::N(192),
        ]);
        g.add([W::S("either"), info(5, 1, false), W::N(8), W::S("made"), W::Id(tag), W::N(0)]);
        let proto = g.add([W::S(""), info(13, 1, false), W::Id(ty), W::S("x"), W::Id(tag)]);
        let func = g.add([W::S("f"), info(12, 1, false), W::Id(proto)]);
        let of_made = g.add([W::S("g"), info(12, 0, false), W::Id(ty)]);
        let var = g.add([W::S("v"), info(14, 0, false), W::Id(ty), W::N(0)]);
        g.add([W::S(".data"), info(15, 1, false), W::N(8), W::Id(var), W::N(0), W::N(8)]);
        g.add([
            W::S(".made"),
            info(15, 2, false),
            W::N(16),
            W::Id(var),
            W::N(0),
            W::N(8),
            W::Id(ty),
            W::N(8),
            W::N(8),
        ]);
        for (target, component) in
            [(ty, u32::MAX), (ty, 0), (strukt, 1), (func, 0), (of_made, 0), (of_made, u32::MAX)]
        {
            g.add([W::S("about"), info(17, 0, false), W::Id(target), W::N(component)]);
        }
    }
    graph
}

fn kernel_takes_placeholders() {
    let parse = MADE_UP[6..]
        .iter()
        .fold(Parse::new(), |parse, kind| parse.kind(KindSpec::parse(&kind.file()).unwrap()));
    let mut btf = parse.read(&placeholders().bytes()).unwrap();
    describe(&mut btf, &Describe::default()).unwrap();
    let refused = |blob: &[u8]| matches!(verify(blob), Verdict::Refused { .. });
    assert!(refused(&btf.to_bytes()));
    for version in versions().into_iter().chain([running()]) {
        let new = degraded(&btf, version);
        assert!(new.types().all(|ty| ty.kind().is_released()));
        assert_eq!(new.get(TypeId(3)).unwrap().name(), "one two");
        if version <= running() {
            accepted(&format!("for {version}"), &new.to_bytes());
        }
    }
    // One record of a made-up kind, by the command.
    let folder = Folder::new();
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    MADE_UP[8].record(&mut graph, "lamp", int, 2);
    let kind_file = folder.file("list.kind", MADE_UP[8].file());
    let file = folder.file("in.btf", graph.bytes());
    let out = folder.name("out.btf");
    ok(["encode", "-q", &file, "--kind-file", &kind_file, "-o", &out]);
    assert!(refused(&fs::read(&out).unwrap()));
    let running = running().to_string();
    ok(["encode", "-q", &out, "--for", &running, "--degrade"]);
    accepted("by the command", &fs::read(&out).unwrap());
    assert!(ok(["dump", &out, "lamp"]).starts_with("[2] INT 'lamp' size=1 "));
}

fn bpftool_reads_all_forms() {
    let folder = Folder::new();
    let btf = Btf::parse(&every_kind().bytes()).unwrap();
    for version in versions() {
        let new = degraded(&btf, version);
        let file = folder.file("new.btf", new.to_bytes());
        let dump = String::from_utf8(run("bpftool", &["btf", "dump", "file", &file])).unwrap();
        let types = dump.lines().filter(|line| line.starts_with('[')).count();
        assert_eq!(types, new.types().count(), "{version}");
        assert_eq!(ok(["dump", &file]), dump, "{version}");
    }
}

/// The running kernel's own BTF, for kernels that take as many types.
fn running_kernel() {
    let btf = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let old: Vec<Kind> = btf.types().map(|ty| ty.kind()).collect();
    assert!(degrade::check(&btf, running()).is_empty());
    for text in ["5.4", "5.10", "5.15", "6.0"] {
        let mut new = btf.clone();
        let done = degrade(&mut new, version(text)).unwrap();
        assert_eq!(done.types, 0, "{text}: everything it needs is there");
        let kinds: Vec<Kind> = new.types().map(|ty| ty.kind()).collect();
        assert_eq!(kinds.len(), old.len());
        let changed = done.replaced.len();
        println!("{text}: {changed} of {} types, {:?}", kinds.len(), done.rules);
        let same = btf.types().zip(new.types()).filter(|(a, b)| a.words() == b.words()).count();
        assert_eq!(same, kinds.len() - changed);
        assert_eq!(degrade::check(&new, version(text)), []);
        accepted(text, &new.to_bytes());
    }
    let found = degrade::check(&btf, version("5.3"));
    assert!(found.iter().any(|finding| finding.rule.name == "many types"));
}

fn command() {
    let folder = Folder::new();
    let mut graph = every_kind();
    for _ in 0..9 {
        graph.add([W::S("float"), info(16, 0, false), W::N(4)]);
    }
    let bytes = graph.bytes();
    let file = folder.file("in.btf", &bytes);
    let said = |args: &[&str]| {
        let out = btfkinds(args);
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, text) = said(&["encode", "--select", "none", &file, "--for", "5.12"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("in.btf: Linux 5.12 cannot take this BTF:\n"), "{text}");
    assert!(text.contains("\n  [8] FLOAT 'double': kind FLOAT (since 5.13)\n"), "{text}");
    assert!(text.contains("\n  and ") && text.contains(" types more"), "{text}");
    assert!(text.contains("help: --degrade replaces it"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "it is left as it was");
    // Where nothing is to be replaced nothing changes.
    let (code, text) = said(&["encode", "--select", "none", &file, "--for", "7.2", "--degrade"]);
    assert!(code == Some(0) && text.contains("nothing to describe"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    // What is described is always taken.
    let out = folder.name("out.btf");
    let (code, text) = said(&["encode", "-v", &file, "-o", &out, "--for", "v5.12.3", "--degrade"]);
    assert_eq!(code, Some(0), "{text}");
    let line = text.lines().find(|line| line.contains(": replaced ")).unwrap();
    assert!(line.contains(" types for Linux 5.12 (FLOAT 11, DECL_TAG 5, TYPE_TAG 2, "), "{line}");
    assert!(text.contains(": kind FLOAT (since 5.13): STRUCT of its size without name"), "{text}");
    let new = Btf::parse(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(degrade::check(&new, version("5.12")), []);
    assert!(new.types().any(|ty| ty.name() == "__BTF_KIND_19"));
    // Once more it changes nothing.
    let before = fs::read(&out).unwrap();
    ok(["encode", "-q", &out, "--for", "5.12", "--degrade"]);
    assert_eq!(fs::read(&out).unwrap(), before);
    assert!(fails(["encode", &file, "--for", "old"]).contains("is not a kernel version"));
    assert!(fails(["encode", &file, "--degrade"]).contains("--for"));
    assert!(fails(["encode", &file, "--for", "4.17"]).contains("before 4.18 know no BTF"));
    // Nothing helps against too many types.
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    for _ in 0..70_000 {
        graph.add([W::S(""), info(2, 0, false), W::Id(int)]);
    }
    let file = folder.file("large.btf", graph.bytes());
    for more in [&["--degrade"] as &[&str], &[]] {
        let args = [&["encode", &file, "--for", "5.2", "-o", &out], more].concat();
        let text = fails(args);
        assert!(text.contains("\n  more than 65,534 types (since 5.4)\n"), "{text}");
        assert!(text.contains("help: nothing can replace this"), "{text}");
    }
    // The layout section goes with it.
    let file = folder.file("in.btf", &bytes);
    let text = fails(["encode", &file, "--layout", "--for", "7.0", "-o", &out]);
    assert!(text.contains("\n  a layout section (since 7.1)\n"), "{text}");
}

/// A base that is degraded, and a module that follows it.
fn command_on_split() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.add([W::S("e.num"), info(19, 1, false), W::N(8), W::S("B"), W::N(1), W::N(0)]);
    let base = Btf::parse(&graph.bytes()).unwrap();
    let mut own = Graph::default();
    let float = own.add([W::S("float"), info(16, 0, false), W::N(4)]);
    own.add([W::S("float_t"), info(8, 0, false), W::Id(float)]);
    own.add([W::S("int_t"), info(8, 0, false), W::Abs(int as u32 + 1)]);
    let first = (base.type_count(), base.str_len() as u32);
    let (module, _) = own.write(&Layout { first, ..Layout::plain(&own) });
    for place in ["back", "front"] {
        let vmlinux = folder.file("vmlinux", graph.bytes());
        let module = folder.file("module", &module);
        let args = ["--for", "5.11", "--degrade", "--place", place, "--split", &module];
        let out = btfkinds([&["encode", &vmlinux], &args as &[&str]].concat());
        let text = String::from_utf8(out.stderr).unwrap();
        if place == "front" {
            assert_eq!(out.status.code(), Some(2), "{text}");
            assert!(text.contains("'--place back'"), "{text}");
            continue;
        }
        assert_eq!(out.status.code(), Some(0), "{text}");
        assert!(text.contains("replaced 1 type for Linux 5.11 (ENUM64 1"), "{text}");
        assert!(text.contains("added 1 type behind all others"), "{text}");
        assert!(text.contains("1 split file rewritten to match"), "{text}");
        let dump = ok(["dump", &module, "-B", &vmlinux]);
        assert!(dump.contains("FLOAT 'float' size=4") && dump.contains("'int_t' type_id=1"));
        let text = fails(["encode", &module, "-B", &vmlinux, "--for", "5.11"]);
        assert!(text.contains("FLOAT 'float': kind FLOAT (since 5.13)"), "{text}");
        ok(["encode", "-q", &module, "-B", &vmlinux, "--for", "5.11", "--degrade"]);
        let after = ok(["dump", &module, "-B", &vmlinux]);
        assert_eq!(after.lines().count(), dump.lines().count());
        assert!(after.contains("] STRUCT '(anon)' size=4 vlen=0"), "{after}");
    }
}

/// In an object everything else stays as it is.
fn command_on_objects() {
    let folder = Folder::new();
    let source = folder
        .file("a.c", "float f; enum e { BIG = 0x100000000ULL } e; int g(enum e x) { return x; }\n");
    let object = folder.name("a.o");
    run("clang", &["-target", "bpf", "-O2", "-g", "-c", &source, "-o", &object]);
    let old = folder.name("old.o");
    fs::copy(&object, &old).unwrap();
    let before = ok(["dump", &object]);
    let text = fails(["encode", "--select", "none", &object, "--for", "5.12"]);
    assert!(text.contains("FLOAT 'float': kind FLOAT (since 5.13)"), "{text}");
    ok(["encode", "-q", "--select", "none", &object, "--for", "5.3", "--degrade"]);
    let after = ok(["dump", &object]);
    let ids = |dump: &str| dump.lines().filter(|line| line.starts_with('[')).count();
    assert!(ids(&after) == ids(&before) || ids(&after) == ids(&before) + 1);
    assert!(after.contains("UNION 'e' size=8 vlen=1"), "{after}");
    for section in [".BTF.ext", ".text", ".rel.BTF.ext"] {
        let dumped = |object: &str| {
            let out = folder.name("section");
            let dump = format!("{section}={out}");
            run("llvm-objcopy", &["--dump-section", &dump, object, &folder.name("copy.o")]);
            fs::read(out).unwrap()
        };
        assert_eq!(dumped(&object), dumped(&old), "{section}");
    }
    // The relocations of the sections' variables follow them.
    let places = |object: &str| {
        let relocations = String::from_utf8(run("readelf", &["-rW", object])).unwrap();
        let btf = relocations.split("'.rel.BTF'").nth(1).unwrap().split("'.rel").next().unwrap();
        let offset = |line: &str| u32::from_str_radix(line.split_whitespace().next()?, 16).ok();
        btf.lines().filter_map(offset).collect::<Vec<_>>()
    };
    let variables = |object: &str| {
        let btf = btfkinds::File::open(object.as_ref()).unwrap().btf(&Parse::new()).unwrap();
        let mut at = 24;
        let mut found = Vec::new();
        for ty in btf.types() {
            if ty.kind() == Kind::DATASEC {
                found.extend((0..ty.vlen()).map(|i| at + 12 + 12 * i + 4));
            }
            at += ty.words().len() as u32 * 4;
        }
        found
    };
    assert_eq!(places(&object), variables(&object));
    assert_ne!(places(&object), places(&old));
    // Sections become structs: in an object the relocations of their variables would go wrong.
    let text = fails(["encode", "--select", "none", &object, "--for", "5.1", "--degrade"]);
    assert!(text.contains("DATASECs of this object") && text.contains("--detached"), "{text}");
    let raw = folder.name("raw.btf");
    let args = ["encode", "-q", "--select", "none", &object, "--for", "5.1", "--degrade"];
    ok([&args as &[&str], &["--detached", &raw]].concat());
    assert!(!ok(["dump", &raw]).contains("DATASEC"));
}
