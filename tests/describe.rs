//! Descriptions written: what is added, what is used, what is refused.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use btfkinds::{
    Btf, Describe, ErrorKind, Kind, KindSpec, NewType, Parse, Place, Record, Select, StrOff,
    TypeId, describe,
};
use common::{Graph, Layout, MADE_UP, MadeUp, Style, W, described, info, shared};

fn spec(kind: &MadeUp) -> KindSpec {
    KindSpec::parse(&kind.file()).unwrap()
}

fn back() -> Describe {
    Describe::default()
}

fn front() -> Describe {
    Describe { place: Place::Front, ..Describe::default() }
}

/// A small standalone blob with a bit of everything.
fn small() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let uint = graph.int("unsigned int", 4, 0);
    graph.add([W::S("__u32"), info(8, 0, false), W::Id(uint)]);
    let node = graph.types.len();
    let ptr = node + 1;
    graph.structure(W::S("node"), 16, &[(W::S("next"), ptr, 0), (W::S("value"), int, 8)]);
    graph.add([W::S(""), info(2, 0, false), W::Id(node)]);
    graph.add([
        W::S("color"),
        info(6, 2, false),
        W::N(4),
        W::S("RED"),
        W::N(0),
        W::S("BLUE"),
        W::N(u32::MAX),
    ]);
    let proto = graph.add([W::S(""), info(13, 1, false), W::Id(int), W::S("n"), W::Id(ptr)]);
    graph.add([W::S("walk"), info(12, 1, false), W::Id(proto)]);
    let var = graph.add([W::S("root"), info(14, 0, false), W::Id(ptr), W::N(1)]);
    graph.add([W::S(".data"), info(15, 1, false), W::N(8), W::Id(var), W::N(0), W::N(8)]);
    graph
}

fn names(btf: &Btf) -> BTreeSet<String> {
    btf.types().map(|ty| ty.name().to_string()).collect()
}

/// The record's meaning: ids and strings as what they stand for, `shift` undone.
fn meaning(ty: Record<'_>, shift: impl Fn(u32) -> u32) -> Vec<String> {
    let spec = ty.spec();
    let word = |class: btfkinds::WordClass, word: u32| match class {
        btfkinds::WordClass::Id => format!("id {}", shift(word)),
        btfkinds::WordClass::Str => format!("'{}'", ty.string(StrOff(word))),
        _ => word.to_string(),
    };
    let mut all = vec![
        ty.kind_name().to_owned(),
        ty.name().to_string(),
        format!("{} {}", ty.vlen(), ty.kind_flag()),
        word(spec.third.class(), ty.size_or_type()),
    ];
    all.extend(spec.fixed.iter().zip(ty.fixed()).map(|(field, w)| word(field.class, *w)));
    for element in ty.elements() {
        all.extend(spec.elements.iter().zip(element).map(|(field, w)| word(field.class, *w)));
    }
    all
}

/// Every old type means the same in `new`, where it may have moved as `shift` says.
fn unchanged(old: &Btf, new: &Btf, shift: &btfkinds::Shift) {
    for ty in old.types() {
        let moved = new.get(TypeId(shift.id(ty.id().0))).unwrap();
        assert_eq!(meaning(ty, |id| shift.id(id)), meaning(moved, |id| id), "[{}]", ty.id());
    }
}

#[test]
fn all_released_kinds() {
    let old = Btf::parse(&small().bytes()).unwrap();
    for options in [back(), front()] {
        let mut btf = old.clone();
        let done = describe(&mut btf, &options).unwrap();
        assert_eq!(done.kinds, (1..=19).map(Kind).collect::<Vec<_>>());
        assert_eq!(done.types, btf.type_count() - old.type_count());
        assert_eq!(done.bytes, btf.to_bytes().len() - old.to_bytes().len());
        unchanged(&old, &btf, &done.shift);
        let read = Btf::parse(&btf.to_bytes()).unwrap();
        let found = read.descriptions();
        assert_eq!(found.len(), 19);
        for ((spec, _), released) in found.iter().zip(KindSpec::released()) {
            assert!(spec.same_layout(released), "{}", released.name);
            assert_eq!((&spec.name, spec.third), (&released.name, released.third));
        }
        // Again, and with other options: there is nothing more to add.
        for select in [Select::All, Select::Used, Select::None] {
            for place in [Place::Back, Place::Front] {
                let mut again = read.clone();
                let done = describe(&mut again, &Describe { select, place, ..Describe::default() })
                    .unwrap();
                assert_eq!((done.types, done.kinds.len()), (0, 0));
                assert_eq!(again.to_bytes(), btf.to_bytes());
            }
        }
    }
}

#[test]
fn selected_kinds() {
    let kinds = |options: &Describe| -> Vec<u8> {
        let mut btf = Btf::parse(&small().bytes()).unwrap();
        let done = describe(&mut btf, options).unwrap();
        let before = btf.to_bytes();
        assert_eq!(describe(&mut btf, options).unwrap().types, 0);
        assert_eq!(btf.to_bytes(), before);
        done.kinds.iter().map(|kind| kind.0).collect()
    };
    let newer = |version: &str| Describe { newer_than: Some(version.parse().unwrap()), ..back() };
    // INT, PTR, STRUCT, ENUM, TYPEDEF, FUNC, FUNC_PROTO, VAR and DATASEC are used; ARRAY and UNION
    // by the descriptions.
    let used = Describe { select: Select::Used, ..back() };
    assert_eq!(kinds(&used), [1, 2, 3, 4, 5, 6, 8, 12, 13, 14, 15]);
    assert_eq!(kinds(&Describe { select: Select::None, ..back() }), [0_u8; 0]);
    assert_eq!(kinds(&newer("5.2")), [16, 17, 18, 19]);
    assert_eq!(kinds(&newer("v5.1.7")), [14, 15, 16, 17, 18, 19]);
    assert_eq!(kinds(&newer("6.0")), [0_u8; 0]);
    assert_eq!(kinds(&newer("4.17")), (1..=19).collect::<Vec<u8>>());
    assert_eq!(
        kinds(&Describe { newer_than: Some("4.20".parse().unwrap()), ..used }),
        [12, 13, 14, 15]
    );
}

/// What a description is made of is taken from the blob where it has the same name, kind and
/// shape; the lowest id counts, and so do types that refer to another one of equals.
#[test]
fn existing_types_are_used() {
    let mut graph = small();
    let second = graph.int("unsigned int", 4, 0);
    let id_of_second = graph.add([W::S("__btf_type_id"), info(8, 0, false), W::Id(second)]);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    let mut done = btf.clone();
    describe(&mut done, &back()).unwrap();
    let named =
        |name: &str| -> Vec<Record<'_>> { done.types().filter(|ty| ty.name() == name).collect() };
    // __btf_type_id is a typedef of __u32; one of the INT itself has another shape.
    assert_eq!(named("__btf_type_id").len(), 2);
    assert_eq!(named("__u32").len(), 1);
    assert_eq!(named("unsigned int").len(), 2);
    assert_eq!(named("__btf_name_off")[0].size_or_type(), 3);
    assert_eq!(id_of_second, graph.types.len() - 1);
    // The typedef that leads to the second of two equal INTs is as good.
    let mut graph = Graph::default();
    graph.int("unsigned int", 4, 0);
    let second = graph.int("unsigned int", 4, 0);
    graph.add([W::S("__u32"), info(8, 0, false), W::Id(second)]);
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    describe(&mut btf, &back()).unwrap();
    assert_eq!(btf.types().filter(|ty| ty.name() == "__u32").count(), 1);
    // Descriptions by hand are as good as ours, and only what is missing is added.
    for kind in &MADE_UP {
        let mut graph = Graph::default();
        let types = shared(&mut graph, Style::Full);
        described(&mut graph, types, kind, Style::Full);
        let int = types.uint;
        kind.record(&mut graph, "x", int, u32::from(!kind.element.is_empty()));
        let mut btf = Btf::parse(&graph.bytes()).unwrap();
        let options = Describe { select: Select::None, ..back() };
        assert_eq!(describe(&mut btf, &options).unwrap().types, 0, "{kind:?}");
        // The same without the name that carries the sizes: that one typedef is missing.
        graph.types.retain(|words| {
            !graph
                .owned
                .iter()
                .enumerate()
                .any(|(i, name)| words[0] == W::Own(i) && name.starts_with("__BTF_SIZES"))
        });
        if let Some(last) = graph.types.last_mut() {
            assert_eq!(last[0], W::S("x"));
        }
        let mut btf = Btf::parse(&graph.bytes()).unwrap();
        assert_eq!(describe(&mut btf, &options).unwrap().types, 1, "{kind:?}");
        assert!(names(&btf).contains(&format!(
            "__BTF_SIZES_{}_{}_{}",
            kind.n,
            kind.info_sz(),
            kind.elem_sz()
        )));
        assert_eq!(describe(&mut btf, &options).unwrap().types, 0);
    }
}

/// Where `__u32` is something else, or stands behind the descriptions, the INT serves.
#[test]
fn u32_with_another_meaning() {
    let check = |graph: &Graph, options: &Describe| {
        let mut btf = Btf::parse(&graph.bytes()).unwrap();
        describe(&mut btf, options).unwrap();
        let word = btf.types().find(|ty| ty.name() == "__btf_type_id").unwrap().size_or_type();
        let int = btf.get(TypeId(word)).unwrap();
        assert_eq!((int.kind(), int.name().to_string()), (Kind::INT, "unsigned int".to_owned()));
        assert_eq!(btf.types().filter(|ty| ty.name() == "__u32").count(), 1);
    };
    let mut graph = Graph::default();
    let long = graph.int("long unsigned int", 8, 0);
    graph.add([W::S("__u32"), info(8, 0, false), W::Id(long)]);
    check(&graph, &back());
    check(&small(), &front());
}

/// With the descriptions in front, types before them may refer to types behind them, which get
/// other ids: what has the id now that a new type is to have is not that new type.
#[test]
fn types_in_front_that_refer_to_types_behind() {
    let kind = &MADE_UP[0];
    let mut graph = Graph::default();
    let uint = graph.int("unsigned int", 4, 0);
    // An array like that of a description, of whatever gets id 4 to 30 behind it.
    for behind in 4..30 {
        let mut graph = graph.clone();
        graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(behind), W::Id(uint), W::N(0)]);
        kind.record(&mut graph, "record", uint, 1);
        while graph.types.len() < 32 {
            graph.structure(W::S("__BTF_KIND_META_OTHER"), 4, &[(W::S("w"), uint, 0)]);
        }
        let old = Parse::new().kind(spec(kind)).read(&graph.bytes()).unwrap();
        let mut btf = old.clone();
        let done = describe(&mut btf, &front()).unwrap();
        unchanged(&old, &btf, &done.shift);
        let read = Btf::parse(&btf.to_bytes()).unwrap();
        for (found, _) in read.descriptions() {
            let want = KindSpec::released().iter().find(|spec| spec.kind == found.kind);
            assert!(found.same_layout(want.map_or(&spec(kind), |spec| spec)), "{}", found.name);
        }
        assert_eq!(describe(&mut read.clone(), &front()).unwrap().types, 0);
    }
}

/// What a reader learns from a description of a made-up kind is the kind.
#[test]
fn kinds_that_are_not_released() {
    for kind in &MADE_UP {
        for vlen in [0, 1, 3] {
            let vlen = if kind.element.is_empty() { 0 } else { vlen };
            let mut graph = small();
            kind.record(&mut graph, "first", 3, vlen);
            graph.add([W::S("after"), info(8, 0, false), W::Id(10)]);
            let old = Parse::new().kind(spec(kind)).read(&graph.bytes()).unwrap();
            for options in [back(), front()] {
                let options = Describe { select: Select::None, ..options };
                let mut btf = old.clone();
                let done = describe(&mut btf, &options).unwrap();
                assert_eq!(done.kinds, [Kind(kind.n as u8)]);
                unchanged(&old, &btf, &done.shift);
                let at = match options.place {
                    Place::Back => TypeId(old.type_count()),
                    Place::Front => TypeId(11),
                };
                assert_eq!(done.first, at);
                // Nothing but the bytes.
                let read = Btf::parse(&btf.to_bytes()).unwrap();
                unchanged(&old, &read, &done.shift);
                let found = read.kinds().get(Kind(kind.n as u8)).unwrap();
                assert!(found.spec.same_layout(&spec(kind)));
                assert_eq!(found.spec.name, kind.name);
                assert_eq!(found.spec.third, spec(kind).third);
                assert_eq!(describe(&mut read.clone(), &options).unwrap().types, 0);
            }
        }
    }
}

#[test]
fn split_blobs() {
    let kind = &MADE_UP[9];
    let other = &MADE_UP[8];
    let mut graph = small();
    let types = shared(&mut graph, Style::Full);
    described(&mut graph, types, kind, Style::Full);
    let base = Arc::new(Btf::parse(&graph.bytes()).unwrap());
    let first = (base.type_count(), base.str_len() as u32);
    let mut split = Graph::default();
    let int = split.int("module_int", 4, 0);
    kind.record(&mut split, "in_base", int, 1);
    let layout = Layout { first, ..Layout::plain(&split) };
    let mut btf = Btf::parse_split(&split.write(&layout).0, Arc::clone(&base)).unwrap();
    assert_eq!(describe(&mut btf, &back()).unwrap().types, 0);
    // A kind that the base does not describe: described here, with the base's types.
    other.record(&mut split, "not_in_base", int, 1);
    let layout = Layout { first, ..Layout::plain(&split) };
    let parse = Parse::new().base(Arc::clone(&base)).kind(spec(other));
    for options in [back(), front()] {
        let old = parse.read(&split.write(&layout).0).unwrap();
        let mut btf = old.clone();
        let done = describe(&mut btf, &options).unwrap();
        assert_eq!(done.kinds, [Kind(other.n as u8)]);
        // __s32, META, its array, the struct and two typedefs: all else is the base's.
        assert_eq!(done.types, 6);
        unchanged(&old, &btf, &done.shift);
        let read = Btf::parse_split(&btf.to_bytes(), Arc::clone(&base)).unwrap();
        assert!(read.kinds().get(Kind(other.n as u8)).unwrap().spec.same_layout(&spec(other)));
        assert_eq!(describe(&mut read.clone(), &options).unwrap().types, 0);
    }
}

/// What the base knows from a kind file alone, or by sizes, it does not describe.
#[test]
fn split_on_a_base_that_does_not_describe() {
    let kind = &MADE_UP[9];
    let mut graph = small();
    kind.record(&mut graph, "in_base", 3, 1);
    let mut section = vec![[0; 4]; 100];
    section[99] = [12, 16, 0, 0];
    for section in [None, Some(section)] {
        let layout = Layout { section, ..Layout::plain(&graph) };
        let base = Arc::new(Parse::new().kind(spec(kind)).read(&graph.write(&layout).0).unwrap());
        let mut split = Graph::default();
        let int = split.int("own", 4, 0);
        kind.record(&mut split, "in_split", int, 1);
        let first = (base.type_count(), base.str_len() as u32);
        let layout = Layout { first, ..Layout::plain(&split) };
        let parse = Parse::new().kind(spec(kind)).base(base);
        let mut btf = parse.read(&split.write(&layout).0).unwrap();
        assert_eq!(describe(&mut btf, &back()).unwrap().kinds, [Kind(99)]);
        assert_eq!(describe(&mut btf, &back()).unwrap().types, 0);
    }
}

/// Fields that were read out of nested structs and arrays get names that C can have.
#[test]
fn nested_fields() {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    let pair =
        graph.structure(W::S("pair"), 8, &[(W::S("a"), types.uint, 0), (W::S("b"), types.uint, 4)]);
    let array = |graph: &mut Graph, of, count| {
        graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(of), W::Id(types.uint), W::N(count)])
    };
    let pairs = array(&mut graph, pair, 2);
    let meta = graph.structure(
        W::S("__BTF_KIND_META_NEST"),
        20,
        &[(W::S("p"), pairs, 0), (W::S("w"), types.uint, 16)],
    );
    let metas = array(&mut graph, meta, 2);
    let outer = graph.structure(
        W::S("__BTF_KIND_NEST"),
        52,
        &[(W::S("type"), types.size, 0), (W::S("meta"), metas, 12)],
    );
    graph.add([W::S("__BTF_KIND_50"), info(8, 0, false), W::Id(outer)]);
    let mut words = vec![W::S("nest"), info(50, 0, false), W::N(4)];
    words.extend((0..10).map(W::N));
    graph.add(words);
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    let spec = Arc::clone(&btf.kinds().get(Kind(50)).unwrap().spec);
    let names: Vec<&str> = spec.fixed.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names[..6],
        ["p[0].a[0]", "p[0].b[0]", "p[1].a[0]", "p[1].b[0]", "w[0]", "p[0].a[1]"]
    );
    let front = Describe { select: Select::None, ..front() };
    assert_eq!(describe(&mut btf, &front).unwrap().kinds, [Kind(50)]);
    let read = Btf::parse(&btf.to_bytes()).unwrap();
    let meta = read.types().filter(|ty| ty.name() == "__BTF_KIND_META_NEST").last().unwrap();
    let members: Vec<String> =
        meta.elements().map(|m| meta.string(StrOff(m[0])).to_string()).collect();
    assert_eq!(members[..3], ["p_0_a_0", "p_0_b_0", "p_1_a_0"]);
}

/// Of a kind that is known by its sizes alone, ids can't be moved.
#[test]
fn front_needs_classes() {
    let kind = &MADE_UP[2];
    let mut graph = small();
    let record = kind.record(&mut graph, "opaque", 3, 2);
    let other = MADE_UP.iter().find(|kind| kind.n == 31).unwrap();
    other.record(&mut graph, "known", 3, 0);
    let mut section = vec![[0; 4]; 23];
    section[22] = [0, 12, 0, 0];
    let layout = Layout { section: Some(section), ..Layout::plain(&graph) };
    let (bytes, ids) = graph.write(&layout);
    let mut btf = Parse::new().kind(spec(other)).read(&bytes).unwrap();
    let err = describe(&mut btf, &front()).unwrap_err();
    assert_eq!((err.kind(), err.type_id()), (ErrorKind::Edit, Some(TypeId(ids[record]))));
    assert!(err.help().unwrap().contains("--place back"));
    // It is as it was.
    assert_eq!(btf.to_bytes(), bytes);
    let done = describe(&mut btf, &back()).unwrap();
    assert_eq!(done.without_classes, [Kind(22)]);
    assert!(done.kinds.contains(&Kind(31)));
    let read = Btf::parse(&btf.to_bytes()).unwrap();
    assert_eq!(read.type_count(), btf.type_count());
    assert_eq!(describe(&mut read.clone(), &back()).unwrap().types, 0);
}

/// Bytes that nobody understands are kept, or the edit is refused.
#[test]
fn nothing_is_lost() {
    let plain = small().bytes();
    let header = |hdr_len: u32, tail: &[u8]| {
        let mut bytes = plain[..24].to_vec();
        bytes[4..8].copy_from_slice(&hdr_len.to_le_bytes());
        bytes.extend(tail);
        bytes.extend(&plain[24..]);
        bytes
    };
    let longer = [header(28, &[0; 4]), header(32, &[0; 8]), header(48, &[0; 24])];
    for bytes in &longer {
        let mut btf = Btf::parse(bytes).unwrap();
        assert_eq!(&btf.to_bytes(), bytes);
        describe(&mut btf, &back()).unwrap();
        let out = btf.to_bytes();
        // Old kernels take a longer header as long as it is zero.
        let hdr_len = u32::from_le_bytes(out[4..8].try_into().unwrap()) as usize;
        assert_eq!(hdr_len, bytes.len() - plain.len() + 24);
        assert!(out[24..hdr_len].iter().all(|byte| *byte == 0));
        assert_eq!(Btf::parse(&out).unwrap().type_count(), btf.type_count());
    }
    let mut odd = vec![
        header(28, &[0, 0, 0, 1]),
        header(40, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    ];
    let mut trailing = plain.clone();
    trailing.push(7);
    odd.push(trailing);
    for bytes in &odd {
        let mut btf = Btf::parse(bytes).unwrap();
        assert_eq!(&btf.to_bytes(), bytes);
        assert_eq!(describe(&mut btf, &back()).unwrap_err().kind(), ErrorKind::Edit);
        assert_eq!(&btf.to_bytes(), bytes);
    }
    // Zeros behind the last section, and sections in another order with a gap: read, kept, and
    // written in order once edited.
    let mut padded = plain.clone();
    padded.extend([0; 5]);
    let types = u32::from_le_bytes(plain[12..16].try_into().unwrap());
    let strs = u32::from_le_bytes(plain[20..24].try_into().unwrap());
    let mut swapped = plain[..24].to_vec();
    let gap = 8 - strs % 4;
    swapped[8..12].copy_from_slice(&(strs + gap).to_le_bytes());
    swapped[16..20].copy_from_slice(&0_u32.to_le_bytes());
    swapped.extend(&plain[24 + types as usize..]);
    swapped.extend(vec![0; gap as usize]);
    swapped.extend(&plain[24..24 + types as usize]);
    let mut expected = Btf::parse(&plain).unwrap();
    describe(&mut expected, &back()).unwrap();
    for bytes in [padded, swapped] {
        let mut btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.to_bytes(), bytes);
        describe(&mut btf, &back()).unwrap();
        assert_eq!(btf.to_bytes(), expected.to_bytes());
    }
}

#[test]
fn empty_blobs() {
    let header_only = |endian_big: bool| {
        Graph::default()
            .write(&Layout { big_endian: endian_big, ..Layout::plain(&Graph::default()) })
            .0[..24]
            .to_vec()
    };
    for mut bytes in [header_only(false), header_only(true)] {
        bytes[20..24].copy_from_slice(&[0; 4]);
        let mut btf = Btf::parse(&bytes).unwrap();
        assert_eq!((btf.types().count(), btf.to_bytes()), (0, bytes.clone()));
        // It may as well be split BTF, which begins as this does: nothing is guessed.
        let none = Describe { select: Select::None, ..back() };
        assert_eq!(describe(&mut btf, &none).unwrap().types, 0);
        assert_eq!(describe(&mut btf, &back()).unwrap_err().kind(), ErrorKind::Edit);
        assert_eq!(btf.to_bytes(), bytes);
    }
    let base = Arc::new(Btf::parse(&small().bytes()).unwrap());
    let split = header_only(false);
    let mut empty = split.clone();
    empty[20..24].copy_from_slice(&[0; 4]);
    let btf = Btf::parse_split(&empty, Arc::clone(&base)).unwrap();
    assert_eq!((btf.type_count(), btf.to_bytes()), (base.type_count(), empty));
}

/// Malformed and old descriptions of released kinds do not stop the right ones from being added,
/// once.
#[test]
fn odd_descriptions_of_released_kinds() {
    let mut graph = small();
    graph.add([W::S("__BTF_KIND_4"), info(8, 0, false), W::Id(0)]);
    let types = shared(&mut graph, Style::Old);
    // In 2022 INT was described without its word.
    let old_int = MadeUp { n: 1, name: "INT", third: 'n', fixed: "", element: "" };
    described(&mut graph, types, &old_int, Style::Old);
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    assert_eq!(describe(&mut btf, &back()).unwrap().kinds.len(), 19);
    let bytes = btf.to_bytes();
    let mut read = Btf::parse(&bytes).unwrap();
    assert_eq!(describe(&mut read, &back()).unwrap().types, 0);
    assert_eq!(read.to_bytes(), bytes);
}

#[test]
fn limits() {
    // As many types as fit, less a few: descriptions no longer do.
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    for _ in 0..0xf_fffe - 10 {
        graph.add([W::S(""), info(2, 0, false), W::Id(int)]);
    }
    let bytes = graph.bytes();
    let mut btf = Btf::parse(&bytes).unwrap();
    let err = describe(&mut btf, &back()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Edit);
    assert!(err.to_string().contains("1048574"), "{err}");
    assert_eq!(btf.to_bytes(), bytes);
    for _ in 0..10 {
        graph.add([W::S(""), info(2, 0, false), W::Id(int)]);
    }
    let err = Btf::parse(&graph.bytes()).unwrap_err();
    assert!(err.to_string().contains("more than BTF can have"), "{err}");
    // Names up to offset 0xffffff.
    let mut graph = Graph::default();
    let long = graph.own("x".repeat(0xff_fff0));
    let int = graph.int("int", 4, 1);
    graph.add([long, info(8, 0, false), W::Id(int)]);
    let bytes = graph.bytes();
    let mut btf = Btf::parse(&bytes).unwrap();
    let err = describe(&mut btf, &back()).unwrap_err();
    assert!(err.to_string().contains("0xffffff"), "{err}");
    assert_eq!(btf.to_bytes(), bytes);
}

/// The builder refuses what does not fit.
#[test]
fn builder_refuses() {
    let mut btf = Btf::new();
    let ty = NewType {
        kind: Kind::INT,
        name: "int",
        kind_flag: false,
        vlen: 0,
        size_or_type: 4,
        words: &[32],
    };
    btf.add(ty).unwrap();
    let bytes = btf.to_bytes();
    for wrong in [
        NewType { words: &[], ..ty },
        NewType { words: &[32, 32], ..ty },
        NewType { kind: Kind(20), ..ty },
        NewType { kind: Kind(0), ..ty },
        NewType { vlen: 1 << 24, ..ty },
        NewType { name: "a\0b", ..ty },
        NewType { kind: Kind::STRUCT, vlen: 2, words: &[0, 1, 0], ..ty },
    ] {
        assert_eq!(btf.add(wrong).unwrap_err().kind(), ErrorKind::Edit, "{wrong:?}");
        assert_eq!(btf.to_bytes(), bytes);
    }
    assert!(btf.add_kind(KindSpec::parse("kind 4 MINE\nthird size\n").unwrap()).is_err());
    btf.add_kind(spec(&MADE_UP[0])).unwrap();
    btf.add(NewType { kind: Kind(20), vlen: 1, words: &[8, 5], ..ty }).unwrap();
    assert!(btf.add_kind(spec(&MADE_UP[3])).is_err());
}

/// The interner finds strings of the blob and of its base, the first of equal ones.
#[test]
fn strings_are_shared() {
    let mut base = Btf::new();
    let int = base.intern("int").unwrap();
    assert_eq!(base.intern("int").unwrap(), int);
    assert_eq!(base.intern("").unwrap(), StrOff(0));
    let base = Arc::new(base);
    let mut split = Btf::new_split(Arc::clone(&base));
    assert_eq!(split.intern("int").unwrap(), int);
    let own = split.intern("own").unwrap();
    assert_eq!(own.0 as usize, base.str_len());
    assert_eq!(split.str_len(), 4);
    assert_eq!(split.string(own).unwrap(), b"own");
    // A blob whose strings are not unique.
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    let (mut bytes, _) = graph.write(&Layout::plain(&graph));
    let twice = b"int\0";
    bytes.extend(twice);
    let strs = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) + 4;
    bytes[20..24].copy_from_slice(&strs.to_le_bytes());
    let mut btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.intern("int").unwrap(), StrOff(1));
    // The end of another string is no string of its own to the interner.
    assert_eq!(btf.intern("nt").unwrap(), StrOff(strs));
}
