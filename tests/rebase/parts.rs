//! Flattening, and distilling: what comes along and what stands for it.

use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, ErrorKind, Origin, Parse, StrOff, TypeId, distill, flatten, relocate,
};

use crate::common::{Graph, Layout, MADE_UP, Style, W, described, info, shared};

/// A graph that is split on a base; `W::Abs` are the base's ids.
fn split(graph: &Graph, base: &Arc<Btf>) -> Btf {
    let first = (base.type_count(), base.str_len() as u32);
    let layout = Layout { first, ..Layout::plain(graph) };
    Btf::parse_split(&graph.write(&layout).0, Arc::clone(base)).unwrap()
}

fn read(graph: &Graph) -> Arc<Btf> {
    Arc::new(Btf::parse(&graph.bytes()).unwrap())
}

/// Every type but the origin record, one a line: kind, name, size or type, other words.
fn lines(btf: &Btf) -> Vec<String> {
    let types = btf.types().filter(|ty| ty.name() != "__BTF_ORIGIN");
    let line = |ty: btfkinds::Record<'_>| {
        let flag = if ty.kind_flag() { " flag" } else { "" };
        let mut line = format!(
            "[{}] {} '{}'{flag} vlen {} {}",
            ty.id(),
            ty.kind_name(),
            ty.name(),
            ty.vlen(),
            ty.size_or_type()
        );
        for word in ty.fixed() {
            line += &format!(" {word}");
        }
        for element in ty.elements() {
            let name = btf.string(StrOff(element[0])).unwrap();
            line += &format!(" {}:{:?}", String::from_utf8_lossy(name), &element[1..]);
        }
        line
    };
    types.map(line).collect()
}

fn ptr(graph: &mut Graph, to: W) -> usize {
    graph.add([W::S(""), info(2, 0, false), to])
}

#[test]
fn flattened() {
    let mut base = Graph::default();
    base.int("unused", 4, 1);
    base.add([W::S("b_t"), info(8, 0, false), W::Id(4)]);
    base.int("int", 4, 1);
    base.structure(W::S("left"), 4, &[(W::S("x"), 2, 0)]);
    base.structure(W::S("b"), 8, &[(W::S("x"), 2, 0), (W::S("own"), 5, 4)]);
    base.add([W::S("a_t"), info(8, 0, false), W::Id(2)]);
    let base = read(&base);
    let mut module = Graph::default();
    let own = module.structure(W::S("own"), 8, &[]);
    module.types[own] =
        vec![W::S("own"), info(4, 1, false), W::N(8), W::S("x"), W::Abs(2), W::N(0)];
    ptr(&mut module, W::Id(own));
    let module = split(&module, &base);
    let flat = flatten(&module, &[]).unwrap();
    let expected = [
        "[1] TYPEDEF 'b_t' vlen 0 3",
        "[2] INT 'int' vlen 0 4 16777248",
        "[3] STRUCT 'b' vlen 2 8 x:[2, 0] own:[4, 32]",
        "[4] TYPEDEF 'a_t' vlen 0 2",
        "[5] STRUCT 'own' vlen 1 8 x:[1, 0]",
        "[6] PTR '' vlen 0 5",
    ];
    assert_eq!(lines(flat.btf()), expected);
    let ids: Vec<Option<u32>> = (0..9).map(|id| flat.id(TypeId(id)).map(|id| id.0)).collect();
    let new = [Some(0), None, Some(1), Some(2), None, Some(3), Some(4), Some(5), Some(6)];
    assert_eq!(ids, new);
    // It reads by itself, its strings are its own, and it says what it is.
    let bytes = flat.btf().to_bytes();
    let alone = Btf::parse(&bytes).unwrap();
    assert_eq!(lines(&alone), expected);
    alone.check_base().unwrap();
    let origin = Origin { standalone: Origin::ENCODED, ..Origin::default() };
    assert_eq!(Origin::find(&bytes), Some(origin));
    // Roots come along.
    let with = flatten(&module, &[TypeId(4), TypeId(1)]).unwrap();
    assert_eq!(lines(with.btf()).len(), 8);
    assert_eq!(with.id(TypeId(4)), Some(TypeId(4)));
    assert!(lines(with.btf())[0].contains("unused"));
    // Flattening what is flat changes nothing.
    let again = flatten(&alone, &[]).unwrap();
    assert_eq!(again.btf().to_bytes(), bytes);
}

#[test]
fn flattened_with_descriptions() {
    for kind in &MADE_UP {
        let mut base = Graph::default();
        base.int("unused", 1, 0);
        let types = shared(&mut base, Style::Full);
        let typedef = described(&mut base, types, kind, Style::Full);
        let base = read(&base);
        let mut module = Graph::default();
        let int = module.int("int", 4, 1);
        kind.record(&mut module, "made", int, u32::from(!kind.element.is_empty()));
        let flat = flatten(&split(&module, &base), &[]).unwrap();
        let alone = Btf::parse(&flat.btf().to_bytes()).unwrap();
        let made = alone.types().find(|ty| ty.name() == "made").unwrap();
        assert_eq!((made.kind().0, made.kind_name()), (kind.n as u8, kind.name));
        assert!(flat.id(TypeId(typedef as u32 + 1)).is_some(), "{kind:?}");
        assert_eq!(flat.id(TypeId(1)), None, "{kind:?}");
    }
}

/// A base with one of everything that a distilled base can have, and the rest.
fn real() -> Graph {
    let mut base = Graph::default();
    let int = base.int("int", 4, 1);
    base.structure(W::S("state"), 8, &[(W::S("x"), int, 0), (W::S("y"), 5, 4)]);
    base.add([W::S("either"), info(5, 1, true), W::N(4), W::S("x"), W::Id(int), W::N(0)]);
    base.add([W::S("gone"), info(7, 0, true), W::N(0)]);
    base.add([W::S("mode"), info(6, 1, true), W::N(4), W::S("ON"), W::N(1)]);
    base.add([W::S("large"), info(19, 1, false), W::N(8), W::S("BIG"), W::N(0), W::N(1)]);
    base.add([W::S("double"), info(16, 0, false), W::N(8)]);
    // From here on: what can't be looked up.
    base.add([W::S("state_t"), info(8, 0, false), W::Id(1)]);
    base.add([W::S(""), info(4, 1, false), W::N(8), W::S("s"), W::Id(1), W::N(0)]);
    base.add([W::S(""), info(6, 1, false), W::N(4), W::S("OFF"), W::N(0)]);
    base.add([W::S(""), info(3, 0, false), W::N(0), W::Id(2), W::Id(0), W::N(3)]);
    base.add([W::S(""), info(13, 1, false), W::Id(4), W::S("p"), W::Id(12)]);
    base.add([W::S(""), info(2, 0, false), W::Id(6)]);
    base
}

#[test]
fn distilled() {
    let base = read(&real());
    let mut module = Graph::default();
    module.add([W::S("f"), info(12, 0, false), W::Abs(12)]);
    for id in [6, 8, 9, 10, 11, 4] {
        ptr(&mut module, W::Abs(id));
    }
    let module = split(&module, &base);
    let moved = distill(&module, &[]).unwrap();
    let small = moved.btf().base().unwrap();
    let expected = [
        "[1] INT 'int' vlen 0 4 16777248",
        "[2] STRUCT 'state' vlen 0 8",
        "[3] UNION 'either' vlen 0 4",
        "[4] FWD 'gone' flag vlen 0 0",
        "[5] ENUM 'mode' vlen 0 4",
        "[6] ENUM 'large' vlen 0 8",
        "[7] FLOAT 'double' vlen 0 8",
    ];
    assert_eq!(lines(small), expected);
    let expected = [
        "[8] TYPEDEF 'state_t' vlen 0 2",
        "[9] STRUCT '' vlen 1 8 s:[2, 0]",
        "[10] ENUM '' vlen 1 4 OFF:[0]",
        "[11] ARRAY '' vlen 0 0 3 1 3",
        "[12] FUNC_PROTO '' vlen 1 5 p:[13]",
        "[13] PTR '' vlen 0 7",
        "[14] FUNC 'f' vlen 0 12",
        "[15] PTR '' vlen 0 6",
        "[16] PTR '' vlen 0 8",
        "[17] PTR '' vlen 0 9",
        "[18] PTR '' vlen 0 10",
        "[19] PTR '' vlen 0 11",
        "[20] PTR '' vlen 0 4",
    ];
    assert_eq!(lines(moved.btf()), expected);
    assert_eq!(moved.id(TypeId(8)), Some(TypeId(8)));
    assert_eq!(moved.id(TypeId(14)), Some(TypeId(14)));
    // Only what is referred to; what is distilled refers to nothing.
    let mut few = Graph::default();
    ptr(&mut few, W::Abs(2));
    let few = split(&few, &base);
    let moved = distill(&few, &[]).unwrap();
    assert_eq!(lines(moved.btf().base().unwrap()), ["[1] STRUCT 'state' vlen 0 8"]);
    assert_eq!(lines(moved.btf()), ["[2] PTR '' vlen 0 1"]);
    assert_eq!(moved.id(TypeId(1)), None);
    // Roots as well.
    let moved = distill(&few, &[TypeId(7), TypeId(13), TypeId(1)]).unwrap();
    let names = [
        "[1] INT 'int' vlen 0 4 16777248",
        "[2] STRUCT 'state' vlen 0 8",
        "[3] FLOAT 'double' vlen 0 8",
    ];
    assert_eq!(lines(moved.btf().base().unwrap()), names);
    assert_eq!(lines(moved.btf()), ["[4] PTR '' vlen 0 3", "[5] PTR '' vlen 0 2"]);
    assert_eq!(moved.id(TypeId(7)), Some(TypeId(3)));
    // The record names the small base; the way back is open.
    let bytes = moved.btf().to_bytes();
    let origin = Origin::find(&bytes).unwrap();
    let small = moved.btf().base().unwrap();
    assert!(origin.names(small) && !origin.was_standalone());
    let small = Arc::new(Btf::parse(&small.to_bytes()).unwrap());
    let back = Parse::new().base(small).read(&bytes).unwrap();
    let back = relocate(&back, &base).unwrap();
    assert_eq!(lines(&back), ["[14] PTR '' vlen 0 7", "[15] PTR '' vlen 0 2"]);
    // Standalone BTF has no base.
    assert_eq!(distill(&base, &[]).unwrap_err().kind(), ErrorKind::Base);
}

/// What a kernel could take for something else comes along whole, with all that it needs.
#[test]
fn distilled_with_names_that_are_not_one() {
    let mut base = real();
    for size in [8, 16] {
        base.structure(W::S("state"), size, &[(W::S("z"), 0, 0)]);
        base.structure(W::S("only"), size, &[(W::S("z"), 0, 0)]);
    }
    base.int("int", 4, 0);
    base.int("long", 8, 1);
    let base = read(&base);
    let mut module = Graph::default();
    for id in [2, 16, 15, 17, 19] {
        ptr(&mut module, W::Abs(id));
    }
    let module = split(&module, &base);
    let moved = distill(&module, &[]).unwrap();
    let small = lines(moved.btf().base().unwrap());
    // Structs of one name are told apart by size, if that differs. The `int`s are not, and what comes
    // along brings what it is made of.
    let expected = [
        "[1] ENUM 'large' vlen 0 8",
        "[2] STRUCT 'only' vlen 0 8",
        "[3] STRUCT 'state' vlen 0 16",
        "[4] STRUCT 'only' vlen 0 16",
        "[5] INT 'long' vlen 0 8 16777280",
    ];
    assert_eq!(small, expected);
    let own = lines(moved.btf());
    let expected =
        ["[6] INT 'int' vlen 0 4 16777248", "[7] STRUCT 'state' vlen 2 8 x:[6, 0] y:[1, 32]"];
    assert_eq!(own[..2], expected);
    assert_eq!(own.len(), 7);
    let back = relocate(moved.btf(), &base).unwrap();
    let flat = flatten(&back, &[]).unwrap();
    let index = BaseIndex::new(Arc::clone(&base));
    let direct = flatten(&module, &[]).unwrap();
    let [one, other] = [flat, direct].map(|flat| index.rebase(flat.btf(), &[]).unwrap());
    assert_eq!(one.btf().to_bytes(), other.btf().to_bytes());
}

/// A kind that is not released is described in the base: its description is of use only whole.
#[test]
fn descriptions_come_along_whole() {
    for kind in &MADE_UP {
        let mut base = Graph::default();
        let types = shared(&mut base, Style::Full);
        described(&mut base, types, kind, Style::Full);
        let base = read(&base);
        let mut module = Graph::default();
        let int = module.int("own", 4, 1);
        kind.record(&mut module, "made", int, u32::from(!kind.element.is_empty()));
        let module = split(&module, &base);
        let moved = match distill(&module, &[]) {
            Ok(moved) => moved,
            Err(err) => panic!("{kind:?}: {err}"),
        };
        let small = Arc::new(Btf::parse(&moved.btf().base().unwrap().to_bytes()).unwrap());
        let read = Btf::parse_split(&moved.btf().to_bytes(), small).unwrap();
        let made = read.types().find(|ty| ty.name() == "made").unwrap();
        assert_eq!(made.kind_name(), kind.name);
    }
}

/// A base that is split itself, with strings that its own base has too.
#[test]
fn on_a_base_of_two_parts() {
    let mut lower = Graph::default();
    lower.int("int", 4, 1);
    lower.add([W::S("a"), info(5, 0, false), W::N(8)]);
    lower.add([W::S("a"), info(5, 0, false), W::N(4)]);
    lower.add([W::S("a"), info(7, 0, true), W::N(0)]);
    let mut upper = Graph::default();
    upper.add([W::S("a"), info(5, 0, false), W::N(8)]);
    let base = Arc::new(split(&upper, &read(&lower)));
    let mut module = Graph::default();
    for id in 1..6 {
        ptr(&mut module, W::Abs(id));
    }
    let moved = distill(&split(&module, &base), &[]).unwrap();
    let back = relocate(moved.btf(), &base).unwrap();
    let targets = back.types().filter(|ty| ty.kind() == btfkinds::Kind::PTR);
    let targets: Vec<String> = targets
        .map(|ty| ty.referred(ty.size_or_type()).unwrap())
        .map(|ty| format!("{} {} {}", ty.kind_name(), ty.name(), ty.size_or_type()))
        .collect();
    assert_eq!(targets, ["INT int 4", "UNION a 8", "UNION a 4", "FWD a 0", "UNION a 8"]);
}
