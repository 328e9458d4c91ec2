//! Graphs on which anything but n log n would show: none takes more than seconds.

use std::sync::Arc;

use btfkinds::{BaseIndex, Btf, TypeId};

use crate::common::{Graph, W, info};

fn matched(base: &Graph, module: &Graph) -> Vec<u32> {
    let base = Arc::new(Btf::parse(&base.bytes()).unwrap());
    let standalone = Btf::parse(&module.bytes()).unwrap();
    let rebased = BaseIndex::new(Arc::clone(&base)).rebase(&standalone, &[]).unwrap();
    let ids = 1..=module.types.len() as u32;
    let new = ids.map(|id| rebased.moved().id(TypeId(id)).unwrap().0);
    new.map(|id| if id < base.type_count() { id } else { 0 }).collect()
}

/// PTR, CONST, VOLATILE, ... around a type; the first is the outermost.
fn wrapped(graph: &mut Graph, core: usize, count: usize) {
    for i in 0..count {
        let to = if i + 1 == count { core } else { graph.types.len() + 1 };
        graph.add([W::S(""), info([2, 10, 9][i % 3], 0, false), W::Id(to)]);
    }
}

/// `struct node { struct node *next; }`, each of the next one, the last of the core.
fn nodes(graph: &mut Graph, core: usize, count: usize) {
    for i in 0..count {
        let at = graph.types.len();
        graph.structure(W::S("node"), 8, &[(W::S("next"), at + 1, 0)]);
        graph.add([W::S(""), info(2, 0, false), W::Id(if i + 1 == count { core } else { at + 2 })]);
    }
}

#[test]
fn chains_that_end_in_different_types() {
    const COUNT: usize = 200_000;
    let (mut base, mut module) = (Graph::default(), Graph::default());
    let int = base.int("int", 4, 1);
    base.int("long", 8, 1);
    wrapped(&mut base, int, COUNT);
    let long = module.int("long", 8, 1);
    wrapped(&mut module, long, COUNT);
    let found = matched(&base, &module);
    assert_eq!(found[0], 2);
    assert!(found[1..].iter().all(|id| *id == 0));
    // And in the same.
    base.types[2 + COUNT - 1][2] = W::Id(1);
    let expected: Vec<u32> = (2..).take(COUNT + 1).collect();
    assert_eq!(matched(&base, &module), expected);
}

#[test]
fn chains_of_one_name() {
    const COUNT: usize = 100_000;
    let (mut base, mut module) = (Graph::default(), Graph::default());
    for (name, size) in [("int", 4), ("long", 8)] {
        let core = base.int(name, size, 1);
        nodes(&mut base, core, COUNT);
    }
    let long = module.int("long", 8, 1);
    nodes(&mut module, long, COUNT);
    let second = 2 + 2 * COUNT as u32;
    let expected: Vec<u32> = (second..).take(module.types.len()).collect();
    assert_eq!(matched(&base, &module), expected);
    // Shorter by one: all but the first are there.
    let mut module = Graph::default();
    let long = module.int("long", 8, 1);
    nodes(&mut module, long, COUNT - 1);
    let mut expected: Vec<u32> = (second + 2..).take(module.types.len()).collect();
    expected[0] = second;
    assert_eq!(matched(&base, &module), expected);
}

/// The module has only declared what is at the end of the chain.
#[test]
fn chains_with_a_declaration_at_the_end() {
    const COUNT: usize = 100_000;
    let (mut base, mut module) = (Graph::default(), Graph::default());
    let int = base.int("int", 4, 1);
    for name in ["other", "end"] {
        let core = base.structure(W::S(name), 4, &[(W::S("x"), int, 0)]);
        nodes(&mut base, core, COUNT);
    }
    let end = module.add([W::S("end"), info(7, 0, false), W::N(0)]);
    nodes(&mut module, end, COUNT);
    let second = 3 + 2 * COUNT as u32;
    let expected: Vec<u32> = (second..).take(module.types.len()).collect();
    assert_eq!(matched(&base, &module), expected);
    // Now it could be either of two: what has a name is the first that fits, what has none stays.
    base.types[1][0] = W::S("end");
    base.types[1][5] = W::N(8);
    let expected: Vec<u32> =
        (2..).take(module.types.len()).map(|id| if id % 2 == 1 { id } else { 0 }).collect();
    assert_eq!(matched(&base, &module), expected);
}

/// They differ in a member's name, in its type's name, or only in what that contains.
#[test]
fn many_structs_of_one_name() {
    const COUNT: usize = 20_000;
    for differ_in in ["name", "type", "content"] {
        let make = |turned: bool| {
            let mut graph = Graph::default();
            let int = graph.int("int", 4, 1);
            for i in 0..COUNT {
                let name = graph.own(format!("n{}", if turned { COUNT - 1 - i } else { i }));
                let (member, ty) = match differ_in {
                    "name" => (name, graph.structure(name, 4, &[])),
                    "type" => (W::S("x"), graph.add([name, info(8, 0, false), W::Id(int)])),
                    _ => (W::S("x"), graph.structure(W::S("t"), 4, &[(name, int, 0)])),
                };
                graph.structure(W::S("s"), 4, &[(member, ty, 0)]);
            }
            graph
        };
        let found = matched(&make(false), &make(true));
        for i in 0..COUNT {
            let there = 2 + 2 * (COUNT - 1 - i) as u32;
            assert_eq!(found[1 + 2 * i..][..2], [there, there + 1], "{differ_in} {i}");
        }
    }
}

#[test]
fn a_wide_struct() {
    const COUNT: usize = 60_000;
    let make = |last: u32| {
        let mut graph = Graph::default();
        let int = graph.int("int", 4, 1);
        let mut members = Vec::new();
        for i in 0..COUNT {
            let name = graph.own(format!("s{i}"));
            let size = if i + 1 == COUNT { last } else { 4 };
            let member = graph.structure(name, size, &[(W::S("x"), int, 0)]);
            members.push((name, member, 4 * i as u32));
        }
        graph.structure(W::S("wide"), 4 * COUNT as u32, &members);
        graph
    };
    let base = make(4);
    let all: Vec<u32> = (1..).take(COUNT + 2).collect();
    assert_eq!(matched(&base, &make(4)), all);
    let found = matched(&base, &make(8));
    assert_eq!(found[..COUNT], all[..COUNT]);
    assert_eq!(found[COUNT..], [0, 0]);
}

/// Cycles of types without names are the same whatever their length; with one type among them that
/// is different each has its place.
#[test]
fn cycles_without_names() {
    const COUNT: usize = 60_000;
    let cycle = |graph: &mut Graph, count: usize, odd: bool| {
        let first = graph.types.len();
        for i in 0..count {
            let kind = if odd && i == 0 { 10 } else { 2 };
            graph.add([W::S(""), info(kind, 0, false), W::Id(first + (i + 1) % count)]);
        }
    };
    let (mut base, mut module) = (Graph::default(), Graph::default());
    base.int("int", 4, 1);
    cycle(&mut base, COUNT, false);
    cycle(&mut module, COUNT - 1, false);
    cycle(&mut module, 1, false);
    assert!(matched(&base, &module).iter().all(|id| *id == 2));
    let (mut base, mut module) = (Graph::default(), Graph::default());
    cycle(&mut base, COUNT, true);
    cycle(&mut base, COUNT - 1, true);
    cycle(&mut module, COUNT - 1, true);
    let expected: Vec<u32> = (COUNT as u32 + 1..).take(COUNT - 1).collect();
    assert_eq!(matched(&base, &module), expected);
    let mut module = Graph::default();
    cycle(&mut module, COUNT + 1, true);
    assert!(matched(&base, &module).iter().all(|id| *id == 0));
}

#[test]
fn many_that_point_to_an_unclear_declaration() {
    const COUNT: usize = 5_000;
    for shared in [false, true] {
        let make = |module: bool| {
            let mut graph = Graph::default();
            let int = graph.int("int", 4, 1);
            let mut unclear = graph.add([W::S("it"), info(7, 0, false), W::N(0)]);
            if !module {
                graph.types.pop();
                unclear = graph.structure(W::S("it"), 4, &[(W::S("x"), int, 0)]);
                graph.structure(W::S("it"), 8, &[(W::S("y"), int, 0)]);
            }
            let all = if module { 1 } else { 2 };
            let pointers: Vec<usize> = (0..all)
                .map(|i| graph.add([W::S(""), info(2, 0, false), W::Id(unclear + i)]))
                .collect();
            for i in 0..COUNT {
                let name = graph.own(format!("s{i}"));
                for (which, pointer) in pointers.iter().enumerate() {
                    let mut pointer = *pointer;
                    if !shared {
                        pointer = graph.add([W::S(""), info(2, 0, false), W::Id(unclear + which)]);
                    }
                    graph.structure(name, 8, &[(W::S("p"), pointer, 0)]);
                }
            }
            graph
        };
        let (base, module) = (make(false), make(true));
        let found = matched(&base, &module);
        for (m, words) in module.types.iter().enumerate() {
            let name = module.text(words[0]);
            let first = base.types.iter().position(|other| base.text(other[0]) == name);
            let named = !name.is_empty() && name != "it";
            let expected = if named { first.unwrap() as u32 + 1 } else { 0 };
            assert_eq!(found[m], expected, "{shared} [{}] '{name}'", m + 1);
        }
    }
}
