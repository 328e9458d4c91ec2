//! Standalone or split, and the way from the one to the other and back.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::fs;
use std::sync::Arc;

use btfkinds::{
    Btf, Describe, ErrorKind, KindSpec, Numbering, Origin, Parse, Place, Select, TypeId, describe,
    growth, portable_base, relocate, renumber, restore,
};
use common::{Folder, Graph, Layout, MADE_UP, MadeUp, Random, W, btfkinds, fails, info, ok};

fn spec(kind: &MadeUp) -> KindSpec {
    KindSpec::parse(&kind.file()).unwrap()
}

/// A module: released kinds, and one that is not.
fn module(kind: &MadeUp) -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let state = graph.structure(W::S("state"), 8, &[(W::S("n"), int, 0), (W::S("m"), int, 4)]);
    let made = kind.record(&mut graph, "made", state, u32::from(!kind.element.is_empty()));
    graph.add([W::S(""), info(2, 0, false), W::Id(made)]);
    graph.add([W::S("mode"), info(6, 1, false), W::N(4), W::S("OFF"), W::N(0)]);
    graph.add([W::S("big"), info(19, 1, false), W::N(8), W::S("LARGE"), W::N(1), W::N(1)]);
    let proto = graph.add([
        W::S(""),
        info(13, 2, false),
        W::Id(int),
        W::S("a"),
        W::Id(int),
        W::S(""),
        W::Id(0),
    ]);
    graph.add([W::S("f"), info(12, 1, false), W::Id(proto)]);
    let var = graph.add([W::S("v"), info(14, 0, false), W::Id(state), W::N(0)]);
    graph.add([W::S(".data"), info(15, 1, false), W::N(8), W::Id(var), W::N(0), W::N(8)]);
    graph.add([W::S("tag"), info(17, 0, false), W::Id(state), W::N(u32::MAX)]);
    graph.add([W::S("user"), info(18, 0, false), W::Abs(0)]);
    graph.add([W::S("double"), info(16, 0, false), W::N(8)]);
    graph.add([W::S("gone"), info(7, 0, true), W::N(0)]);
    graph
}

/// A base of so many types.
fn base(types: usize, big_endian: bool) -> Arc<Btf> {
    let mut graph = Graph::default();
    graph.int("base_int", 4, 1);
    for i in 1..types {
        let name = graph.own(format!("base_type_{i}"));
        graph.add([name, info(8, 0, false), W::Id(i - 1)]);
    }
    let layout = Layout { big_endian, ..Layout::plain(&graph) };
    Arc::new(Btf::parse(&graph.write(&layout).0).unwrap())
}

/// Every type of `graph` is there, behind the base, with its ids and names.
fn is_graph(btf: &Btf, graph: &Graph, first: u32) {
    for (index, words) in graph.types.iter().enumerate() {
        let ty = btf.get(TypeId(first + index as u32)).unwrap();
        assert_eq!(ty.name(), graph.text(words[0]).as_bytes());
        for (is, w) in ty.words().iter().zip(words) {
            match *w {
                W::N(n) | W::Abs(n) => assert_eq!(*is, n),
                W::Id(i) => assert_eq!(*is, first + i as u32),
                W::S(_) | W::Own(_) => {
                    assert_eq!(
                        btf.string(btfkinds::StrOff(*is)).unwrap(),
                        graph.text(*w).as_bytes()
                    );
                }
            }
        }
    }
}

#[test]
fn there_and_back() {
    for kind in &MADE_UP {
        for big_endian in [false, true] {
            let graph = module(kind);
            let layout = Layout { big_endian, ..Layout::plain(&graph) };
            let (bytes, _) = graph.write(&layout);
            let parse = Parse::new().kind(spec(kind));
            let plain = parse.read(&bytes).unwrap();
            let mut recorded = plain.clone();
            let options = Describe { origin: true, select: Select::None, ..Describe::default() };
            assert!(describe(&mut recorded, &options).unwrap().origin);
            assert!(!describe(&mut recorded, &options).unwrap().origin);
            for standalone in [plain, recorded] {
                let bytes = standalone.to_bytes();
                let (first, second) = (base(40, big_endian), base(7, big_endian));
                let moved = renumber(&standalone, &first).unwrap();
                is_graph(&moved, &graph, first.type_count());
                let blob = moved.to_bytes();
                let origin = Origin::find(&blob).unwrap();
                assert!(origin.names(&first) && !origin.names(&second) && origin.was_standalone());
                // Read on its base, and recognised without.
                let read = parse.clone().base(Arc::clone(&first)).read(&blob).unwrap();
                assert_eq!(read.to_bytes(), blob);
                read.check_base().unwrap();
                assert_eq!(Numbering::of(&blob, &parse).unwrap(), Numbering::SplitByOrigin(origin));
                // Straight back, and by way of another base.
                let (back, from) = restore(&blob, &parse).unwrap();
                assert_eq!((back.to_bytes(), from), (bytes.clone(), origin));
                let other = renumber(&back, &second).unwrap();
                is_graph(&other, &graph, second.type_count());
                assert_eq!(restore(&other.to_bytes(), &parse).unwrap().0.to_bytes(), bytes);
                // A base that is split itself.
                let mut middle = Btf::new_split(Arc::clone(&first));
                middle.intern("in the middle").unwrap();
                let chain = renumber(&standalone, &Arc::new(middle)).unwrap();
                assert_eq!(restore(&chain.to_bytes(), &parse).unwrap().0.to_bytes(), bytes);
                let tiny = Arc::new(portable_base(&standalone).unwrap());
                assert_eq!((tiny.type_count(), tiny.str_len()), (2, 5));
                let portable = renumber(&standalone, &tiny).unwrap();
                is_graph(&portable, &graph, 2);
                assert_eq!(restore(&portable.to_bytes(), &parse).unwrap().0.to_bytes(), bytes);
            }
        }
    }
}

/// The origin record stays the last type, with the last strings, and is 44 bytes.
#[test]
fn origin_record() {
    let kind = &MADE_UP[9];
    let parse = Parse::new().kind(spec(kind));
    let plain = parse.read(&module(kind).bytes()).unwrap();
    let mut btf = plain.clone();
    let options = Describe { origin: true, select: Select::None, ..Describe::default() };
    let only = describe(&mut btf, &Describe { origin: true, ..options.clone() }).unwrap();
    assert!(only.origin && only.types > 0);
    let last = btf.types().last().unwrap();
    assert_eq!((last.name().to_string(), last.words().len() * 4), ("__BTF_ORIGIN".to_owned(), 44));
    let value = |btf: &Btf| -> Vec<(String, u32)> {
        let last = btf.types().last().unwrap();
        last.elements().map(|v| (last.string(btfkinds::StrOff(v[0])).to_string(), v[1])).collect()
    };
    assert_eq!(value(&btf)[0], ("__BTF_ORIGIN_STANDALONE".to_owned(), 1));
    // Describing more goes in front of it, in both blobs that have one.
    for place in [Place::Back, Place::Front] {
        let mut more = btf.clone();
        let done = describe(&mut more, &Describe { place, ..Describe::default() }).unwrap();
        assert!(!done.origin && done.types > 50);
        assert_eq!(value(&more), value(&btf));
        assert_eq!(more.origin(), btf.origin());
        assert!(more.to_bytes().ends_with(b"__BTF_ORIGIN_BASE_CRC32\0"));
        assert_eq!(
            describe(&mut more, &Describe { place, ..Describe::default() }).unwrap().types,
            0
        );
    }
    // Numbered for a base, the record says so.
    let base = base(20, false);
    let moved = renumber(&plain, &base).unwrap();
    let crc = moved.origin().unwrap().base_crc32;
    assert_eq!(
        value(&moved),
        [
            ("__BTF_ORIGIN_STANDALONE".to_owned(), 2),
            ("__BTF_ORIGIN_BASE_TYPES".to_owned(), 21),
            ("__BTF_ORIGIN_BASE_STRS".to_owned(), base.str_len() as u32),
            ("__BTF_ORIGIN_BASE_CRC32".to_owned(), crc),
        ]
    );
    // CRC-32 as everyone computes it: bit by bit.
    let slow = base.to_bytes().iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    assert_eq!(crc, !slow);
}

/// What looks like an origin record but is not quite one is an ordinary enum.
#[test]
fn what_is_no_origin_record() {
    let base = base(20, false);
    let plain = Btf::parse(&small().bytes()).unwrap();
    let blob = renumber(&plain, &base).unwrap().to_bytes();
    let types_end = 24 + u32::from_le_bytes(blob[12..16].try_into().unwrap()) as usize;
    let values = [16, 24, 32, 40].map(|at| types_end - 44 + at..types_end - 44 + at + 4);
    // The record, and its five names at the very end: 108 bytes.
    for at in (types_end - 44..types_end).chain(blob.len() - 108..blob.len()) {
        let mut other = blob.clone();
        other[at] ^= 0x40;
        let same = Origin::find(&blob) == Origin::find(&other);
        let in_value = values.iter().any(|range| range.contains(&at));
        // BASE_STRS is checked against the names; the other values are free.
        assert_eq!(
            Origin::find(&other).is_some(),
            in_value && !values[2].contains(&at),
            "byte {at}"
        );
        assert!(!same);
    }
    assert_eq!(Origin::find(&blob[..blob.len() - 1]), None);
    assert_eq!(Origin::find(&small().bytes()), None);
    // One that something else uses is not ours to take away.
    let mut shared = plain.clone();
    describe(&mut shared, &Describe { origin: true, select: Select::None, ..Describe::default() })
        .unwrap();
    let bytes = shared.to_bytes();
    let id = shared.type_count() - 1;
    let mut graph = bytes.clone();
    let ptr = 24 + 16;
    assert_eq!(u32::from_le_bytes(graph[ptr + 4..ptr + 8].try_into().unwrap()), 2 << 24);
    graph[ptr + 8..ptr + 12].copy_from_slice(&id.to_le_bytes());
    let mut btf = Btf::parse(&graph).unwrap();
    assert_eq!(describe(&mut btf, &Describe::default()).unwrap_err().kind(), ErrorKind::Edit);
    assert_eq!(btf.to_bytes(), graph);
}

fn small() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.add([W::S(""), info(2, 0, false), W::Id(int)]);
    graph.structure(W::S("point"), 8, &[(W::S("x"), int, 0), (W::S("y"), int, 4)]);
    graph
}

#[test]
fn numbering_is_told() {
    let parse = Parse::new();
    let of = |blob: &[u8]| Numbering::of(blob, &parse).unwrap();
    let graph = small();
    let bytes = graph.bytes();
    assert_eq!(of(&bytes), Numbering::StandaloneByReferences);
    let mut recorded = Btf::parse(&bytes).unwrap();
    describe(&mut recorded, &Describe { origin: true, ..Describe::default() }).unwrap();
    assert!(matches!(of(&recorded.to_bytes()), Numbering::StandaloneByOrigin(_)));
    let base = base(20, false);
    let first = (base.type_count(), base.str_len() as u32);
    let (split, _) = graph.write(&Layout { first, ..Layout::plain(&graph) });
    assert_eq!(of(&split), Numbering::SplitByStrings);
    // A module without a string of its own.
    let mut no_names = Graph::default();
    no_names.add([W::S(""), info(2, 0, false), W::Abs(1)]);
    let (no_names, _) = no_names.write(&Layout { first, ..Layout::plain(&no_names) });
    assert_eq!(of(&no_names), Numbering::SplitByStrings);
    // Renumbered by someone who leaves no record: strings of a standalone blob, numbers of another.
    let first_id = base.type_count();
    let (mut moved, _) = graph.write(&Layout { first: (first_id, 0), ..Layout::plain(&graph) });
    assert_eq!(of(&moved), Numbering::SplitByReferences);
    // An undescribed kind: only a base could help.
    moved = bytes.clone();
    moved[24 + 7] = 20;
    assert!(Numbering::of(&moved, &parse).is_err());
    let with_base = parse.clone().base(Arc::clone(&base));
    assert_eq!(Numbering::of(&moved, &with_base).unwrap(), Numbering::SplitByReferences);
}

#[test]
fn refused() {
    let parse = Parse::new();
    let base20 = base(20, false);
    let split = renumber(&Btf::parse(&small().bytes()).unwrap(), &base20).unwrap();
    assert_eq!(renumber(&split, &base20).unwrap_err().kind(), ErrorKind::Edit);
    assert_eq!(restore(&small().bytes(), &parse).unwrap_err().kind(), ErrorKind::Edit);
    // Sizes without classes.
    let kind = &MADE_UP[2];
    let mut graph = small();
    let record = kind.record(&mut graph, "opaque", 0, 1);
    let mut section = vec![[0; 4]; 23];
    section[22] = [0, 12, 0, 0];
    let layout = Layout { section: Some(section), ..Layout::plain(&graph) };
    let (bytes, ids) = graph.write(&layout);
    let err = renumber(&Btf::parse(&bytes).unwrap(), &base20).unwrap_err();
    assert_eq!((err.kind(), err.type_id()), (ErrorKind::Edit, Some(TypeId(ids[record]))));
    assert!(err.to_string().contains("the classes of its words are not"), "{err}");
    // Past the last id, and past the last name.
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    for _ in 0..0xf_fffe - 10 {
        graph.add([W::S(""), info(2, 0, false), W::Id(int)]);
    }
    let err = renumber(&Btf::parse(&graph.bytes()).unwrap(), &base20).unwrap_err();
    assert!(err.to_string().contains("1048574"), "{err}");
    let mut graph = Graph::default();
    let long = graph.own("x".repeat(0xff_ff80));
    graph.add([long, info(7, 0, false), W::N(0)]);
    graph.int("int", 4, 1);
    let err = renumber(&Btf::parse(&graph.bytes()).unwrap(), &base20).unwrap_err();
    assert!(err.to_string().contains("0xffffff"), "{err}");
    // Bytes that were tampered with: an id below the base's end is no longer the module's own.
    let mut blob = split.to_bytes();
    blob[24 + 16 + 8..24 + 16 + 12].copy_from_slice(&3_u32.to_le_bytes());
    assert_eq!(restore(&blob, &parse).unwrap_err().kind(), ErrorKind::Reference);
}

/// A renumbered module that follows its base says so in its record, and finds back as before.
#[test]
fn origin_follows_the_base() {
    let parse = Parse::new();
    let bytes = small().bytes();
    let old = base(20, false);
    let moved = renumber(&Btf::parse(&bytes).unwrap(), &old).unwrap();
    for place in [Place::Back, Place::Front] {
        let mut new = Btf::clone(&old);
        let done = describe(&mut new, &Describe { place, ..Describe::default() }).unwrap();
        let new = Arc::new(new);
        let followed = moved.clone().follow_base(&done.shift, Arc::clone(&new)).unwrap();
        assert!(followed.origin().unwrap().names(&new));
        assert_eq!(
            followed.to_bytes(),
            renumber(&Btf::parse(&bytes).unwrap(), &new).unwrap().to_bytes()
        );
        assert_eq!(restore(&followed.to_bytes(), &parse).unwrap().0.to_bytes(), bytes);
    }
}

/// Split BTF follows a base that grew behind or in front, and no other.
#[test]
fn bases_that_grow() {
    let old = base(20, false);
    let mut random = Random(77);
    for place in [Place::Back, Place::Front] {
        let mut new = Btf::clone(&old);
        let done = describe(&mut new, &Describe { place, ..Describe::default() }).unwrap();
        assert_eq!(growth(&old, &new), Some(done.shift));
        let mut bytes = new.to_bytes();
        let types = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        // Anything else in the place of an old type, and it is another base.
        for _ in 0..50 {
            let at = 24 + random.below(types);
            bytes[at] ^= 1;
            if let Ok(other) = Btf::parse(&bytes) {
                let in_old = match place {
                    Place::Back => at < 24 + old.type_len(),
                    Place::Front => at >= 24 + types - old.type_len(),
                };
                assert_eq!(growth(&old, &other).is_some(), !in_old);
            }
            bytes[at] ^= 1;
        }
    }
    assert_eq!(growth(&old, &old).unwrap().ids_by, 0);
    assert_eq!(growth(&old, &base(19, false)), None);
    assert!(growth(&base(19, false), &old).is_some());
    assert_eq!(growth(&old, &Btf::parse(&small().bytes()).unwrap()), None);
}

#[test]
fn command() {
    let folder = Folder::new();
    let first = folder.file("first.btf", base(40, false).to_bytes());
    let second = folder.file("second.btf", base(9, false).to_bytes());
    let bytes = small().bytes();
    let file = folder.file("module.btf", &bytes);
    let said = |args: &[&str]| {
        let out = btfkinds(args);
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, text) = said(&["renumber", "-v", &file, "-B", &first]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("was standalone: its strings start with NUL"), "{text}");
    assert!(text.contains("renumbered for a base of 41 types, "), "{text}");
    let moved = fs::read(&file).unwrap();
    assert!(ok(["dump", &file, "-B", &first]).starts_with("[41] INT 'int'"));
    let (_, text) = said(&["renumber", &file, "-B", &first]);
    assert!(text.contains("nothing to do: it is numbered for this base already"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), moved);
    ok(["renumber", "-q", &file, "-B", &second]);
    assert!(ok(["dump", &file, "-B", &second]).starts_with("[10] INT 'int'"));
    ok(["renumber", "-q", &file, "--undo"]);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    // Read on another base than that which it names: both are told.
    fs::write(&file, &moved).unwrap();
    let text = fails(["dump", &file, "-B", &second]);
    assert!(
        text.contains("this was numbered for a base of 41 types, ")
            && text.contains("the one given has 10 types, "),
        "{text}"
    );
    assert!(text.contains("help: give the base that it was numbered for"), "{text}");
    ok(["renumber", "-q", &file, "--undo"]);
    // Truly split BTF has no other form; its base may have grown.
    let mut split = Graph::default();
    let own = split.int("own", 4, 0);
    split.add([W::S("own_t"), info(8, 0, false), W::Id(own)]);
    let read = Btf::parse(&fs::read(&first).unwrap()).unwrap();
    let layout =
        Layout { first: (read.type_count(), read.str_len() as u32), ..Layout::plain(&split) };
    let split = folder.file("split.btf", split.write(&layout).0);
    let grown = folder.name("grown.btf");
    ok(["encode", "-q", &first, "-o", &grown]);
    let text = fails(["renumber", &split, "-B", &grown]);
    assert!(
        text.contains("what base it was built for is not recorded") && text.contains("--from"),
        "{text}"
    );
    let text = fails(["renumber", &split, "-B", &second, "--from", &first]);
    assert!(text.contains("did not grow into this one"), "{text}");
    let before = ok(["dump", &split, "-B", &first]);
    ok(["renumber", "-q", &split, "-B", &grown, "--from", &first]);
    let after = ok(["dump", &split, "-B", &grown]);
    let by = Btf::parse(&fs::read(&grown).unwrap()).unwrap().type_count() - read.type_count();
    let expect = before
        .replace("[41]", &format!("[{}]", 41 + by))
        .replace("[42]", &format!("[{}]", 42 + by));
    assert_eq!(after, expect.replace("type_id=41", &format!("type_id={}", 41 + by)));
    // Once more: it has moved already.
    let (code, text) = said(&["renumber", &split, "-B", &grown, "--from", &first]);
    assert!(code == Some(0) && text.contains("nothing to do"), "{text}");
    for base in [&first, &grown] {
        let text = fails(["renumber", &split, "-B", base, "--from", &first, "-o", base]);
        assert!(text.contains("this is the base, it would be replaced"), "{text}");
    }
    assert!(fails(["renumber", &split, "--undo"]).contains("has no standalone form"));
    assert!(
        fails(["renumber", &file, "--portable"]).contains("raw BTF has no place for .BTF.base")
    );
    // What it looks like can be overruled, at one's own risk.
    let text = ok(["dump", &file, "-B", &second, "--split"]);
    assert!(text.starts_with("[10] INT 'base_int'"), "{text}");
    assert_eq!(ok(["dump", &file, "-B", &second, "--standalone"]), ok(["dump", &file]));
    let text = fails(["renumber", "--split", &file, "-B", &second]);
    assert!(text.contains("this BTF is split, as told; what base"), "{text}");
    // One bad file does not stop the others.
    let bad = folder.file("bad.btf", b"nothing");
    let (code, text) = said(&["renumber", &bad, &file, "-B", &first]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("bad.btf: ") && text.contains("1 file changed, 0 unchanged, 1 failed"),
        "{text}"
    );
    assert_eq!(fs::read(&file).unwrap(), moved);
    // Of a base its counts are needed, and not that its references lead anywhere.
    let mut broken = Graph::default();
    broken.int("int", 4, 1);
    broken.add([W::S("gone_t"), info(8, 0, false), W::Abs(77)]);
    let broken = folder.file("broken.btf", broken.bytes());
    let text = fails(["dump", &broken]);
    assert!(text.contains("type id 77 is past the last type 2"), "{text}");
    ok(["renumber", "-q", &file, "-B", &broken]);
    let origin = Origin::find(&fs::read(&file).unwrap()).unwrap();
    assert_eq!((origin.base_types, origin.base_strs), (3, 12));
    ok(["renumber", "-q", &file, "--undo"]);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

/// A distilled base by hand, a module on it, and a real base in which the types are elsewhere.
struct Distilled {
    base: Graph,
    module: Graph,
    real: Graph,
}

fn distilled() -> Distilled {
    let mut base = Graph::default();
    base.int("int", 4, 1);
    base.add([W::S("inner"), info(4, 0, false), W::N(8)]);
    base.add([W::S("outer"), info(7, 0, false), W::N(0)]);
    base.add([W::S("mode"), info(6, 0, false), W::N(4)]);
    base.add([W::S("large"), info(6, 0, false), W::N(8)]);
    base.add([W::S("either"), info(7, 0, true), W::N(0)]);
    base.add([W::S("double"), info(16, 0, false), W::N(8)]);
    let mut module = Graph::default();
    let typedef = module.add([W::S("inner_t"), info(8, 0, false), W::Abs(2)]);
    module.structure(W::S("own"), 24, &[(W::S("a"), typedef, 0), (W::S("b"), typedef, 8)]);
    for id in 1..=7 {
        module.add([W::S(""), info(2, 0, false), W::Abs(id)]);
    }
    let mut real = Graph::default();
    let int = real.int("char", 1, 1);
    real.add([W::S(""), info(2, 0, false), W::Id(int)]);
    let int = real.int("int", 4, 1);
    real.add([W::S("mode"), info(6, 1, false), W::N(4), W::S("ON"), W::N(1)]);
    real.structure(W::S("outer"), 16, &[(W::S("x"), int, 0)]);
    real.structure(W::S("inner"), 8, &[(W::S("x"), int, 0)]);
    real.add([W::S("large"), info(19, 1, false), W::N(8), W::S("BIG"), W::N(0), W::N(1)]);
    real.add([W::S("either"), info(5, 1, false), W::N(4), W::S("x"), W::Id(int), W::N(0)]);
    real.add([W::S("double"), info(16, 0, false), W::N(8)]);
    real.add([W::S("inner"), info(8, 0, false), W::Id(int)]);
    Distilled { base, module, real }
}

impl Distilled {
    fn relocated(&self) -> btfkinds::Result<Btf> {
        let base = Arc::new(Btf::parse(&self.base.bytes()).unwrap());
        let first = (base.type_count(), base.str_len() as u32);
        let layout = Layout { first, ..Layout::plain(&self.module) };
        let module = Btf::parse_split(&self.module.write(&layout).0, base).unwrap();
        relocate(&module, &Arc::new(Btf::parse(&self.real.bytes()).unwrap()))
    }

    fn refused(&self, what: &str) {
        let err = self.relocated().unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Base);
        let text = err.to_string();
        assert!(text.contains(what), "'{text}' does not say '{what}'");
    }
}

#[test]
fn distilled_bases_are_relocated() {
    let case = distilled();
    let moved = case.relocated().unwrap();
    // The pointers to types 1 to 7 of the distilled base lead to the real ones now.
    let targets: Vec<String> = moved
        .types()
        .filter(|ty| ty.kind() == btfkinds::Kind::PTR)
        .map(|ty| ty.referred(ty.size_or_type()).unwrap())
        .map(|ty| format!("{} {}", ty.kind_name(), ty.name()))
        .collect();
    assert_eq!(
        targets,
        [
            "INT int",
            "STRUCT inner",
            "STRUCT outer",
            "ENUM mode",
            "ENUM64 large",
            "UNION either",
            "FLOAT double"
        ]
    );
    assert_eq!(moved.first_id().0, 11);
    let origin = moved.origin().unwrap();
    assert!(origin.names(moved.base().unwrap()) && !origin.was_standalone());
    assert_eq!(moved.types().filter(|ty| ty.name() == "__BTF_ORIGIN").count(), 1);
    moved.check_base().unwrap();
    let read = Btf::parse_split(&moved.to_bytes(), Arc::clone(moved.base().unwrap())).unwrap();
    assert_eq!(read.type_count(), moved.type_count());
}

#[test]
fn distilled_bases_that_do_not_fit() {
    // Embedded: the size matters. Only pointed to: it does not.
    let mut case = distilled();
    case.real.types[5][2] = W::N(12);
    case.refused("type [2] STRUCT 'inner': the base has no STRUCT of this name and of size 8");
    let mut case = distilled();
    case.base.types[2] = vec![W::S("outer"), info(4, 0, false), W::N(99)];
    assert!(case.relocated().is_ok());
    // Two of one name: told apart by size, or not at all.
    let mut case = distilled();
    case.real.add([W::S("inner"), info(4, 0, false), W::N(12)]);
    assert!(case.relocated().is_ok());
    case.real.add([W::S("inner"), info(4, 0, false), W::N(8)]);
    case.refused("type [2] STRUCT 'inner': the base has this type more than once, at [6] and [12]");
    // Another encoding, another size, another kind, none at all.
    for (at, words, what) in [
        (
            2,
            vec![W::S("int"), info(1, 0, false), W::N(4), W::N(32)],
            "no INT of this name and of size 4",
        ),
        (
            2,
            vec![W::S("int"), info(1, 0, false), W::N(8), W::N((1 << 24) | 64)],
            "no INT of this name",
        ),
        (3, vec![W::S("mode"), info(6, 0, false), W::N(8)], "no ENUM of this name and of size 4"),
        (7, vec![W::S("either"), info(4, 0, false), W::N(4)], "no FWD of this name"),
        (
            8,
            vec![W::S("single"), info(16, 0, false), W::N(8)],
            "no FLOAT of this name and of size 8",
        ),
    ] {
        let mut case = distilled();
        case.real.types[at] = words;
        case.refused(what);
    }
    let mut case = distilled();
    case.base.add([W::S(""), info(2, 0, false), W::Id(0)]);
    case.refused("a distilled base has named INT");
    let mut case = distilled();
    case.base.types[0][0] = W::S("");
    case.refused("type [1] INT: a distilled base has named INT");
}
