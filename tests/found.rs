//! What fuzzing found (see `fuzz/`), by hand and without what did not matter.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, C, Describe, Encoding, Endian, ErrorKind, Kind, KindSpec, Member, NewType,
    Origin, Parse, Place, Select, Shift, TypeId, describe, distill, flatten, growth, relocate,
    renumber, restore,
};
use common::{Graph, Layout, W, info};

/// A record of a kind that a kind file gives.
fn with_kind(btf: &mut Btf, file: &str) {
    let spec = KindSpec::parse(file).unwrap();
    let (kind, words) = (spec.kind, vec![0; spec.fixed.len()]);
    btf.add_kind(spec).unwrap();
    let new = NewType { kind, name: "", kind_flag: false, vlen: 0, size_or_type: 0, words: &words };
    btf.add(new).unwrap();
}

/// The origin record is an ENUM: where it is the only one, `Select::Used` came to mean ENUMs as well once it was
/// there.
#[test]
fn describing_the_origin_record_in_one_go() {
    let options = Describe { select: Select::Used, origin: true, ..Describe::default() };
    let mut btf = Btf::new();
    assert!(describe(&mut btf, &options).unwrap().kinds.contains(&Kind::ENUM));
    let once = btf.to_bytes();
    assert_eq!(describe(&mut btf, &options).unwrap().types, 0);
    assert!(btf.to_bytes() == once);
}

/// An origin record of BTF that is read with other numbers than it has is an enum like others.
#[test]
fn an_origin_record_numbered_elsewhere() {
    let mut module = Btf::new();
    module.add_int("int", 4, Encoding::Signed).unwrap();
    let blob = renumber(&module, &Arc::new(Btf::new())).unwrap().to_bytes();
    assert!(Origin::find(&blob).is_some_and(|origin| origin.base_strs == 1));
    let mut read = Btf::parse(&blob).unwrap();
    assert_eq!(read.origin(), None);
    let options = Describe { origin: true, ..Describe::default() };
    assert!(describe(&mut read, &options).unwrap().origin);
    assert_eq!(read.origin().unwrap().base_strs, 0);
    assert_eq!(Origin::find(&read.to_bytes()), read.origin());
}

/// BTF that is split on a base of no strings reads as standalone, but was not: its record stays.
#[test]
fn split_on_nothing() {
    let mut module = Btf::new();
    module.add_int("int", 4, Encoding::Signed).unwrap();
    let options = Describe { select: Select::None, origin: true, ..Describe::default() };
    describe(&mut module, &options).unwrap();
    let mut blob = module.to_bytes();
    // Its values are every second word from the end of the types: for a base of one type, and never standalone.
    let end = 24 + module.type_len();
    blob[end - 20..end - 16].copy_from_slice(&1_u32.to_ne_bytes());
    blob[end - 28..end - 24].fill(0);
    let module = Btf::parse(&blob).unwrap();
    let origin = Origin { standalone: 0, base_types: 1, base_strs: 0, base_crc32: 0 };
    assert_eq!(module.origin(), Some(origin));
    let mut base = Btf::new();
    base.add_int("long", 8, Encoding::Signed).unwrap();
    let moved = renumber(&module, &Arc::new(base)).unwrap();
    let (back, _) = restore(&moved.to_bytes(), &Parse::new()).unwrap();
    assert!(back.to_bytes() == blob);
}

/// What cannot be read on a base is not moved there.
#[test]
fn bases_that_do_not_fit() {
    let (mut base, mut module) = (Btf::new(), Btf::new());
    with_kind(&mut base, "kind 42 GADGET\nthird size\nfixed a b\n");
    describe(&mut base, &Describe::default()).unwrap();
    with_kind(&mut module, "kind 42 GADGET\nthird size\nfixed a\n");
    let base = Arc::new(base);
    assert_eq!(renumber(&module, &base).unwrap_err().kind(), ErrorKind::Description);

    // Nor is BTF that says of itself that it is on another base, or of the other byte order.
    let on_empty = renumber(&module, &Arc::new(Btf::new())).unwrap();
    let err = on_empty.clone().follow_base(&Shift::default(), base).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Description);
    let order = if Endian::NATIVE == Endian::Big { Endian::Little } else { Endian::Big };
    let err = renumber(&module, &Arc::new(Btf::new_in(order))).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Base);
    let wrong = Shift { ids_from: 1, ids_by: 50, ..Shift::default() };
    let mut pointer = Btf::new();
    let int = pointer.add_int("int", 4, Encoding::Signed).unwrap();
    pointer.add_ptr(int).unwrap();
    let split = renumber(&pointer, &Arc::new(Btf::new())).unwrap();
    let err = split.follow_base(&wrong, Arc::new(Btf::new())).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Reference);
}

/// Types that are not there (yet) made a table as large as their ids, or silently became void.
#[test]
fn references_to_nothing() {
    let mut btf = Btf::new();
    btf.add_int("int", 4, Encoding::Signed).unwrap();
    btf.add_ptr(TypeId(0xffff_fff0)).unwrap();
    let base = Arc::new(Btf::new());
    let refused = |result: btfkinds::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Reference);
    };
    refused(BaseIndex::new(Arc::clone(&base)).rebase(&btf, &[]).map(drop));
    refused(renumber(&btf, &base).map(drop));
    refused(flatten(&btf, &[]).map(drop));
    let mut split = Btf::new_split(Arc::clone(&base));
    split.add_ptr(TypeId(77)).unwrap();
    refused(distill(&split, &[]).map(drop));
    refused(relocate(&split, &base).map(drop));
}

/// Behind all types nothing moves, whatever kinds there are.
#[test]
fn a_base_with_sizes_only_grows() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.add([W::S(""), info(42, 0, false), W::Id(int), W::N(7)]);
    let mut section = vec![[0; 4]; 43];
    section[42] = [4, 0, 0, 0];
    let (blob, _) = graph.write(&Layout { section: Some(section), ..Layout::plain(&graph) });
    let old = Btf::parse(&blob).unwrap();
    let mut new = old.clone();
    let done = describe(&mut new, &Describe::default()).unwrap();
    assert!(done.types > 0);
    assert_eq!(growth(&old, &new), Some(done.shift));
}

/// A typedef whose name begins inside a string carries sizes once the new description's name is a string of its
/// own. That is refused when types in front have moved the others already.
#[test]
fn refused_in_front() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.add([W::S("a__BTF_SIZES_42_4_0"), info(8, 0, false), W::Id(int)]);
    graph.add([W::S("lamp"), info(42, 0, false), W::Id(int), W::N(7)]);
    let mut blob = graph.bytes();
    // The typedef's name, behind the header and the int.
    blob[24 + 16] += 1;
    let spec = KindSpec::parse("kind 42 GADGET\nthird id\nfixed n\n").unwrap();
    let mut btf = Parse::new().kind(spec).read(&blob).unwrap();
    for place in [Place::Front, Place::Back] {
        let err = describe(&mut btf, &Describe { place, ..Describe::default() }).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Description, "{err}");
        assert!(btf.to_bytes() == blob, "{place:?}");
        assert_eq!(btf.types().last().unwrap().kind_name(), "GADGET");
    }
}

/// A FLOAT's name is no more to be trusted than others.
#[test]
fn floats_with_names_that_are_not_c() {
    let mut btf = Btf::new();
    let names = ["long double", "long a;{", "1*/"];
    let floats = names.map(|name| btf.add_float(name, 8).unwrap());
    let member =
        |(at, ty): (u32, _)| Member { name: "m", ty, bits_offset: at * 64, bitfield_size: 0 };
    let members: Vec<Member<'_>> = (0..).zip(floats).map(member).collect();
    btf.add_struct("all", 24, &members).unwrap();
    let mut out = Vec::new();
    C::new(&btf).write_to(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for line in ["\tlong double m;\n", "\tlong a__ m;\n", "\t_1__ m;\n"] {
        assert!(text.contains(line), "{line:?}\n{text}");
    }
}

/// A kind of which only sizes are known keeps types from moving; the origin record that was there stays as it was.
#[test]
fn describe_that_fails_leaves_the_origin_record() {
    let layout = std::fs::read(common::root().join("golden/layout-section/input.btf")).unwrap();
    let mut btf = Btf::parse(&layout).unwrap();
    let back = Describe { select: Select::None, origin: true, ..Describe::default() };
    describe(&mut btf, &back).unwrap();
    let before = btf.to_bytes();
    assert!(btf.origin().is_some());
    for select in [Select::All, Select::Used] {
        let front = Describe { select, place: Place::Front, ..Describe::default() };
        let err = describe(&mut btf, &front).unwrap_err();
        assert!(err.to_string().contains("can't be moved"), "{err}");
        assert_eq!(btf.to_bytes(), before);
    }
}

/// An origin record that says it is to be removed on the way back, while something refers to it: there would be
/// no way back.
#[test]
fn an_origin_record_that_is_in_use() {
    let mut btf = Btf::new();
    btf.add_int("int", 4, Encoding::Signed).unwrap();
    let tag = NewType {
        kind: Kind::TYPE_TAG,
        name: "t",
        kind_flag: false,
        vlen: 0,
        size_or_type: 1,
        words: &[],
    };
    btf.add(tag).unwrap();
    let options = Describe { select: Select::None, origin: true, ..Describe::default() };
    describe(&mut btf, &options).unwrap();
    let mut blob = btf.to_bytes();
    let types_end = 24 + btf.type_len();
    let word = |from_end: usize| types_end - 4 * from_end;
    assert_eq!(blob[word(7)..word(6)], 1_u32.to_ne_bytes());
    blob[word(7)..word(6)].copy_from_slice(&2_u32.to_ne_bytes());
    let base = Arc::new(Btf::new());
    let alone = Btf::parse(&blob).unwrap();
    restore(&renumber(&alone, &base).unwrap().to_bytes(), &Parse::new()).unwrap();
    // The tag leads to the record.
    blob[word(12)..word(11)].copy_from_slice(&3_u32.to_ne_bytes());
    let used = Btf::parse(&blob).unwrap();
    assert_eq!(renumber(&used, &base).unwrap_err().kind(), ErrorKind::Edit);
}

/// Names of an origin record that another type's name runs into: taking them off cut that name's end off as well.
#[test]
fn an_origin_record_whose_names_are_not_its_own() {
    let mut btf = Btf::new();
    let int = btf.add_int("int", 4, Encoding::Signed).unwrap();
    btf.add_typedef("t", int).unwrap();
    let options = Describe { select: Select::None, origin: true, ..Describe::default() };
    describe(&mut btf, &options).unwrap();
    let mut blob = btf.to_bytes();
    assert!(Origin::find(&blob).is_some());
    let first = blob.windows(13).position(|name| name == b"__BTF_ORIGIN\0").unwrap();
    blob[first - 1] = b'v';
    assert_eq!(Origin::find(&blob), None);
    let read = Btf::parse(&blob).unwrap();
    assert_eq!(read.get(TypeId(2)).unwrap().name(), "tv__BTF_ORIGIN");
    let mut described = read.clone();
    describe(&mut described, &Describe::default()).unwrap();
    let moved = renumber(&read, &Arc::new(Btf::new())).unwrap();
    for btf in [&described, &moved] {
        assert!(btf.types().any(|ty| ty.name() == "tv__BTF_ORIGIN"));
        assert!(btf.types().any(|ty| ty.name() == "__BTF_ORIGIN"));
    }
    assert_eq!(restore(&moved.to_bytes(), &Parse::new()).unwrap().0.to_bytes(), blob);
}

/// A fixed part of no words can be there four billion times over: reading that took seconds.
#[test]
fn nothing_as_often_as_one_likes() {
    let mut btf = Btf::new();
    let int = btf.add_int("unsigned int", 4, Encoding::Unsigned).unwrap();
    let member =
        |name, ty, words: u32| Member { name, ty, bits_offset: 32 * words, bitfield_size: 0 };
    let words = [member("name_off", int, 0), member("info", int, 1), member("size", int, 2)];
    let header = btf.add_struct("header", 12, &words).unwrap();
    let nothing = btf.add_struct("nothing", 0, &[]).unwrap();
    let fixed = btf.add_array(nothing, int, u32::MAX).unwrap();
    let members = [member("type", header, 0), member("fixed", fixed, 3)];
    let outer = btf.add_struct("__BTF_KIND_GADGET", 12, &members).unwrap();
    for kind in 20..=127 {
        btf.add_typedef(&format!("__BTF_KIND_{kind}"), outer).unwrap();
    }
    let read = Btf::parse(&btf.to_bytes()).unwrap();
    let described = read.descriptions();
    assert_eq!(described.len(), 108);
    assert!(described.iter().all(|(spec, _)| spec.fixed.is_empty() && spec.elements.is_empty()));
}
