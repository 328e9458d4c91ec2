//! Near misses: what they are, and what they are not.

use std::sync::Arc;

use btfkinds::{BaseIndex, Btf, Kind, NearMiss};

use crate::common::{Graph, W, info};

fn misses(base: &Graph, module: &Graph) -> Vec<NearMiss> {
    let index = BaseIndex::new(Arc::new(Btf::parse(&base.bytes()).unwrap()));
    let rebased = index.rebase(&Btf::parse(&module.bytes()).unwrap(), &[]).unwrap();
    index.near_misses(&rebased)
}

/// What is missed: kind, name, the module's id, the base's.
fn found(base: &Graph, module: &Graph) -> Vec<(Kind, String, u32, u32)> {
    let all = misses(base, module).into_iter();
    all.map(|miss| (miss.kind, miss.name, miss.own.0, miss.base.0)).collect()
}

fn one(kind: Kind, name: &str, own: u32, base: u32) -> Vec<(Kind, String, u32, u32)> {
    vec![(kind, name.to_owned(), own, base)]
}

/// `int`, `long`, and a struct of four members.
fn plain(members: &[(&'static str, usize)], size: u32) -> Graph {
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    graph.int("long", 8, 1);
    let members: Vec<(W, usize, u32)> =
        members.iter().enumerate().map(|(i, (name, ty))| (W::S(name), *ty, 8 * i as u32)).collect();
    graph.structure(W::S("it"), size, &members);
    graph
}

const MEMBERS: [(&str, usize); 4] = [("a", 0), ("b", 0), ("c", 1), ("d", 0)];

#[test]
fn structs() {
    let base = plain(&MEMBERS, 32);
    assert_eq!(found(&base, &plain(&MEMBERS, 32)), []);
    let miss = one(Kind::STRUCT, "it", 3, 3);
    // One more, one less, one of another name, one of another type, another order, other places.
    let mut more = MEMBERS.to_vec();
    more.push(("e", 0));
    assert_eq!(found(&base, &plain(&more, 40)), miss);
    assert_eq!(found(&base, &plain(&MEMBERS[..3], 24)), miss);
    let mut other = MEMBERS;
    other[1].0 = "bb";
    assert_eq!(found(&base, &plain(&other, 32)), miss);
    let mut other = MEMBERS;
    other[1].1 = 1;
    assert_eq!(found(&base, &plain(&other, 32)), miss);
    let mut other = MEMBERS;
    other.swap(0, 3);
    assert_eq!(found(&base, &plain(&other, 32)), miss);
    assert_eq!(found(&base, &plain(&MEMBERS, 40)), miss);
    let mut other = plain(&MEMBERS, 32);
    other.types[2][5] = W::N(128);
    assert_eq!(found(&base, &other), miss);
    // What it says of them.
    let miss = misses(&base, &plain(&more, 40)).remove(0);
    assert_eq!(miss.size, [40, 32]);
    assert!(miss.text[0].starts_with("struct it {\n"), "{}", miss.text[0]);
    assert!(miss.text[0].contains("int e;") && !miss.text[1].contains("int e;"));
    assert!(miss.reached.is_empty());
    // No more than the name, or less than half, in common: two things of one name.
    assert_eq!(found(&base, &plain(&[("x", 0), ("y", 0)], 8)), []);
    assert_eq!(found(&base, &plain(&[("a", 0), ("x", 0), ("y", 0), ("z", 0)], 32)), []);
    // A union is no struct.
    let mut union = plain(&more, 40);
    union.types[2][1] = info(5, 5, false);
    assert_eq!(found(&base, &union), []);
}

#[test]
fn enums() {
    let make = |kind: u32, values: &[(&'static str, u32)]| {
        let mut graph = Graph::default();
        let mut words = vec![W::S("mode"), info(kind, values.len() as u32, false), W::N(4)];
        for (name, value) in values {
            words.extend([W::S(name), W::N(*value)]);
            if kind == 19 {
                words.push(W::N(0));
            }
        }
        graph.add(words);
        graph
    };
    for (number, kind) in [(6, Kind::ENUM), (19, Kind::ENUM64)] {
        let base = make(number, &[("A", 0), ("B", 1), ("C", 2)]);
        let miss = one(kind, "mode", 1, 1);
        assert_eq!(found(&base, &make(number, &[("A", 0), ("B", 1), ("C", 3)])), miss);
        let four = [("A", 0), ("B", 1), ("C", 2), ("D", 3)];
        assert_eq!(found(&base, &make(number, &four)), miss);
        assert_eq!(found(&base, &make(number, &[("A", 0), ("B", 1), ("X", 2)])), miss);
        assert_eq!(found(&base, &make(number, &[("X", 0), ("Y", 1), ("Z", 2)])), []);
    }
}

/// `struct used` in front, functions that take a pointer to it behind.
fn with_functions(size: u32, names: &[&'static str], first: usize) -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.int("long", 8, 1);
    let used = graph.structure(W::S("used"), size, &[(W::S("a"), int, 0), (W::S("b"), int, 4)]);
    let inner = graph.add([W::S(""), info(2, 0, false), W::Id(used)]);
    let middle = graph.structure(W::S("middle"), 8, &[(W::S("p"), inner, 0)]);
    let pointer = graph.add([W::S(""), info(2, 0, false), W::Id(middle)]);
    let words = [
        W::S(""),
        info(13, 2, false),
        W::Id(int),
        W::S("m"),
        W::Id(pointer),
        W::S("n"),
        W::Id(first),
    ];
    let proto = graph.add(words);
    for name in names {
        graph.add([W::S(name), info(12, 0, false), W::Id(proto)]);
    }
    graph
}

#[test]
fn functions() {
    let base = with_functions(8, &["f", "g"], 0);
    // The same names of parameters, another type.
    let expected = vec![(Kind::FUNC, "f".to_owned(), 8, 8), (Kind::FUNC, "g".to_owned(), 9, 9)];
    assert_eq!(found(&base, &with_functions(8, &["f", "g"], 1)), expected);
    // A parameter of another name: another function.
    let mut other = with_functions(8, &["f", "g"], 1);
    other.types[6][3] = W::S("mm");
    assert_eq!(found(&base, &other), []);
    assert_eq!(found(&base, &with_functions(8, &["h"], 1)), []);
    let miss = misses(&base, &with_functions(8, &["f"], 1)).remove(0);
    assert_eq!(miss.size, [0, 0]);
    assert_eq!(miss.reached, [(Kind::FUNC, "f".to_owned())]);
    assert!(miss.text[0].contains("long n") && miss.text[1].contains("int n"), "{:?}", miss.text);
}

/// What differs only in what it refers to is no near miss; what it refers to is.
#[test]
fn only_the_cause_is_named() {
    let base = with_functions(8, &["f"], 0);
    let module = with_functions(16, &["f", "mine"], 0);
    assert_eq!(found(&base, &module), one(Kind::STRUCT, "used", 3, 3));
    let miss = misses(&base, &module).remove(0);
    let reached: Vec<(Kind, &str)> =
        miss.reached.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
    let expected = [(Kind::FUNC, "f"), (Kind::STRUCT, "middle"), (Kind::STRUCT, "used")];
    assert_eq!(reached, expected);
    // Without a function on the way there is none; what functions reach comes first.
    let mut module = with_functions(16, &[], 0);
    assert!(misses(&base, &module)[0].reached.is_empty());
    let mut base = base;
    for graph in [&mut base, &mut module] {
        graph.structure(W::S("more"), 4, &[(W::S("x"), 0, 0), (W::S("y"), 0, 4)]);
    }
    let pointer = module.add([W::S(""), info(2, 0, false), W::Id(7)]);
    let words = [W::S(""), info(13, 1, false), W::Abs(0), W::S("p"), W::Id(pointer)];
    let proto = module.add(words);
    module.add([W::S("mine"), info(12, 0, false), W::Id(proto)]);
    module.types[7][2] = W::N(8);
    let both = misses(&base, &module);
    let names: Vec<&str> = both.iter().map(|miss| miss.name.as_str()).collect();
    assert_eq!(names, ["more", "used"]);
    assert_eq!(both[0].reached.len(), 2);
    assert_eq!(both[0].reached[0], (Kind::FUNC, "mine".to_owned()));
    assert!(both[1].reached.is_empty());
}

/// Of several of that name, the one that is most like it.
#[test]
fn the_nearest_of_several() {
    let mut base = plain(&MEMBERS, 32);
    for graph in [plain(&[("a", 0), ("x", 0), ("y", 1)], 24), plain(&[("a", 0), ("q", 0)], 16)] {
        base.types.push(graph.types[2].clone());
    }
    let module = plain(&[("a", 0), ("x", 0), ("y", 1), ("z", 0)], 32);
    assert_eq!(found(&base, &module), one(Kind::STRUCT, "it", 3, 4));
}

/// What only shows below the text of a struct: a typedef of another type, an INT of another encoding.
#[test]
fn typedefs_and_ints() {
    use btfkinds::{Btf, Encoding, Linkage, Member, Result};
    let made = |of: Encoding, char: Encoding| -> Result<Btf> {
        let mut btf = Btf::new();
        let int = btf.add_int("int", 4, Encoding::Signed)?;
        let uint = btf.add_int("unsigned int", 4, Encoding::Unsigned)?;
        let char = btf.add_int("char", 1, char)?;
        let level = btf.add_typedef("level_t", if of == Encoding::Signed { int } else { uint })?;
        let member = |name, ty, bits_offset| Member { name, ty, bits_offset, bitfield_size: 0 };
        let members = [member("level", level, 0), member("letter", char, 32), member("n", int, 64)];
        let kern = btf.add_struct("kern", 12, &members)?;
        let ptr = btf.add_ptr(kern)?;
        let proto = btf.add_func_proto(int, &[("k", ptr)], false)?;
        btf.add_func("look", proto, Linkage::Static)?;
        Ok(btf)
    };
    let base = std::sync::Arc::new(made(Encoding::Signed, Encoding::Signed).unwrap());
    let index = btfkinds::BaseIndex::new(base);
    let near = |module: Btf| {
        let rebased = index.rebase(&module, &["look"]).unwrap();
        let names = index.near_misses(&rebased).into_iter();
        names.map(|miss| (miss.name, miss.reached.len())).collect::<Vec<_>>()
    };
    assert_eq!(near(made(Encoding::Signed, Encoding::Signed).unwrap()), []);
    let other = near(made(Encoding::Unsigned, Encoding::Signed).unwrap());
    assert_eq!(other, [("level_t".to_owned(), 3)]);
    let other = near(made(Encoding::Signed, Encoding::Unsigned).unwrap());
    assert_eq!(other, [("char".to_owned(), 3)]);
}
