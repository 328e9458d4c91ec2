//! What is the base's, on graphs made by hand.

use std::sync::Arc;

use btfkinds::{BaseIndex, Btf, ErrorKind, KindSpec, Parse, TypeId};

use crate::common::{Graph, Layout, MADE_UP, MadeUp, Style, W, described, info, shared};

/// Where the types of `module` went: the base's ids, 0 for those that stay the module's own.
fn matched(base: &Graph, module: &Graph) -> Vec<u32> {
    matched_but(base, module, &[])
}

fn matched_but(base: &Graph, module: &Graph, own_functions: &[&str]) -> Vec<u32> {
    let base = Arc::new(Btf::parse(&base.bytes()).unwrap());
    let standalone = Btf::parse(&module.bytes()).unwrap();
    let rebased = BaseIndex::new(Arc::clone(&base)).rebase(&standalone, own_functions).unwrap();
    let new = |id| rebased.moved().id(TypeId(id)).unwrap().0;
    let ids = (1..=module.types.len() as u32).map(new);
    ids.map(|id| if id < base.type_count() { id } else { 0 }).collect()
}

fn ptr(graph: &mut Graph, to: usize) -> usize {
    graph.add([W::S(""), info(2, 0, false), W::Id(to)])
}

fn fwd(graph: &mut Graph, name: &'static str, union: bool) -> usize {
    graph.add([W::S(name), info(7, 0, union), W::N(0)])
}

/// A struct of one member.
fn around(graph: &mut Graph, name: &'static str, to: usize) -> usize {
    graph.structure(W::S(name), 8, &[(W::S("x"), to, 0)])
}

#[test]
fn declarations_become_what_they_declare() {
    let mut base = Graph::default();
    let int = base.int("int", 4, 1);
    let it = around(&mut base, "it", int);
    ptr(&mut base, it);
    base.add([W::S("either"), info(5, 1, true), W::N(8), W::S("x"), W::Id(int), W::N(0)]);
    base.add([W::S("mode"), info(6, 1, false), W::N(4), W::S("ON"), W::N(1)]);
    base.add([W::S("large"), info(19, 1, false), W::N(8), W::S("BIG"), W::N(0), W::N(1)]);
    let mut module = Graph::default();
    for (name, union) in [("it", false), ("it", true), ("either", true), ("either", false)] {
        fwd(&mut module, name, union);
    }
    for name in ["mode", "large", "it", ""] {
        module.add([W::S(name), info(6, 0, false), W::N(4)]);
    }
    ptr(&mut module, 0);
    fwd(&mut module, "nothing", false);
    assert_eq!(matched(&base, &module), [2, 0, 4, 0, 5, 6, 0, 0, 3, 0]);
    // Not the other way round.
    assert_eq!(matched(&module, &base)[1..], [0; 5]);
}

/// A declaration that the base has as well is that, even if it stands behind what it declares.
#[test]
fn exactly_the_same_comes_first() {
    let mut base = Graph::default();
    let int = base.int("int", 4, 1);
    let it = around(&mut base, "it", int);
    let to_it = ptr(&mut base, it);
    around(&mut base, "holder", to_it);
    let it = fwd(&mut base, "it", false);
    let to_it = ptr(&mut base, it);
    around(&mut base, "holder", to_it);
    let mut module = Graph::default();
    let it = fwd(&mut module, "it", false);
    let to_it = ptr(&mut module, it);
    around(&mut module, "holder", to_it);
    assert_eq!(matched(&base, &module), [5, 6, 7]);
}

/// Two structs of one name: a declaration could be either, and so could a pointer to it; a struct
/// with a name that holds that pointer is the first that fits.
#[test]
fn unclear_declarations_stay() {
    let mut base = Graph::default();
    for size in [4, 8] {
        let int = base.int("int", size, 1);
        let it = around(&mut base, "it", int);
        let to_it = ptr(&mut base, it);
        around(&mut base, "holder", to_it);
    }
    let mut module = Graph::default();
    let it = fwd(&mut module, "it", false);
    let to_it = ptr(&mut module, it);
    around(&mut module, "holder", to_it);
    assert_eq!(matched(&base, &module), [0, 0, 4]);
    // The same twice is no matter.
    base = Graph::default();
    for _ in 0..2 {
        let int = base.int("int", 4, 1);
        let it = around(&mut base, "it", int);
        let to_it = ptr(&mut base, it);
        around(&mut base, "holder", to_it);
    }
    assert_eq!(matched(&base, &module), [2, 3, 4]);
}

/// Structs of one name that differ only in a member that is void in one of them.
#[test]
fn void_is_told_from_a_type() {
    for copies in 1..3 {
        let mut base = Graph::default();
        let int = base.int("int", 4, 1);
        let mut list = |members: [W; 2]| {
            let at = base.types.len();
            let mut words = vec![W::S("a"), info(4, 2, false), W::N(8)];
            words.extend([W::S("x"), members[0], W::N(0), W::S("y"), W::Id(at + 1), W::N(32)]);
            base.add(words);
            around(&mut base, "list", at);
        };
        list([W::Id(int), W::Abs(0)]);
        for _ in 0..copies {
            list([W::Abs(0), W::Abs(0)]);
        }
        let mut module = Graph::default();
        fwd(&mut module, "list", false);
        assert_eq!(matched(&base, &module), [0], "{copies} copies");
    }
}

/// The plain words of declarations count as all others do: one of another size is another, and what
/// it declares is clear.
#[test]
fn declarations_of_other_sizes() {
    for wrapped in [false, true] {
        let make = |sizes: &[u32], defined: bool| {
            let mut graph = Graph::default();
            for size in sizes {
                let it = graph.add([W::S("it"), info(7, 0, false), W::N(*size)]);
                let mode = graph.add([W::S("mode"), info(6, 0, false), W::N(*size)]);
                if wrapped {
                    ptr(&mut graph, it);
                    ptr(&mut graph, mode);
                }
            }
            if defined {
                graph.structure(W::S("it"), 4, &[]);
                graph.add([W::S("mode"), info(6, 1, false), W::N(4), W::S("ON"), W::N(1)]);
            }
            graph
        };
        let found = matched(&make(&[4], true), &make(&[4, 8], false));
        let expected: &[u32] = if wrapped { &[1, 2, 3, 4, 5, 6, 0, 0] } else { &[1, 2, 3, 4] };
        assert_eq!(found, expected, "wrapped: {wrapped}");
        let found = matched(&make(&[4], false), &make(&[8, 4], false));
        let expected: &[u32] = if wrapped { &[0, 0, 0, 0, 1, 2, 3, 4] } else { &[0, 0, 1, 2] };
        assert_eq!(found, expected, "wrapped: {wrapped}");
    }
}

/// No compiler makes these, but they can be read.
#[test]
fn types_that_contain_variables() {
    let mut base = Graph::default();
    for size in [4, 8] {
        let int = base.int("int", size, 1);
        let var = base.add([W::S("v"), info(14, 0, false), W::Id(int), W::N(0)]);
        around(&mut base, "it", var);
    }
    let mut module = Graph::default();
    fwd(&mut module, "it", false);
    assert_eq!(matched(&base, &module), [0]);
}

#[test]
fn own_functions_variables_and_sections_stay() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let proto = graph.add([W::S(""), info(13, 1, false), W::Id(int), W::S("a"), W::Id(int)]);
    for name in ["mine", "other"] {
        let function = graph.add([W::S(name), info(12, 1, false), W::Id(proto)]);
        graph.add([W::S("tag"), info(17, 0, false), W::Id(function), W::N(u32::MAX)]);
    }
    let var = graph.add([W::S("v"), info(14, 0, false), W::Id(int), W::N(0)]);
    graph.add([W::S(".data"), info(15, 1, false), W::N(4), W::Id(var), W::N(0), W::N(4)]);
    graph.add([W::S("tag"), info(17, 0, false), W::Id(var), W::N(u32::MAX)]);
    assert_eq!(matched(&graph, &graph), [1, 2, 3, 4, 5, 6, 0, 0, 0]);
    let found = matched_but(&graph, &graph, &["nothing", "mine", "int"]);
    assert_eq!(found, [1, 2, 0, 0, 5, 6, 0, 0, 0]);
    // Another linkage, another parameter's name.
    for change in [0, 1] {
        let mut other = graph.clone();
        match change {
            0 => other.types[2][1] = info(12, 0, false),
            _ => other.types[1][3] = W::S("b"),
        }
        let found = matched(&other, &graph);
        let own = if change == 0 { vec![3, 4] } else { vec![2, 3, 4, 5, 6] };
        for id in 1..=6 {
            assert_eq!(found[id as usize - 1], if own.contains(&id) { 0 } else { id });
        }
    }
}

/// A kind that is not released: compared by its words if both know them.
#[test]
fn made_up_kinds() {
    for kind in &MADE_UP {
        let mut graph = Graph::default();
        let types = shared(&mut graph, Style::Full);
        described(&mut graph, types, kind, Style::Full);
        let vlen = u32::from(!kind.element.is_empty());
        let record = kind.record(&mut graph, "made", types.uint, vlen);
        ptr(&mut graph, record);
        let all: Vec<u32> = (1..).take(graph.types.len()).collect();
        assert_eq!(matched(&graph, &graph), all, "{kind:?}");
        let mut other = graph.clone();
        other.types[record][0] = W::S("other");
        let mut expected = all.clone();
        expected[record..].fill(0);
        assert_eq!(matched(&other, &graph), expected, "{kind:?}");
        // Of the base's kind only sizes are known.
        let mut base = Graph::default();
        let uint = base.int("unsigned int", 4, 0);
        let made = kind.record(&mut base, "made", uint, vlen);
        ptr(&mut base, made);
        let mut section = vec![[0; 4]; kind.n as usize + 1];
        section[kind.n as usize] = [kind.info_sz() as u8, kind.elem_sz() as u8, 0, 0];
        let layout = Layout { section: Some(section), ..Layout::plain(&base) };
        let bytes = base.write(&layout).0;
        let sized = Btf::parse(&bytes).unwrap();
        let standalone = Btf::parse(&graph.bytes()).unwrap();
        let rebased = BaseIndex::new(Arc::new(sized.clone())).rebase(&standalone, &[]).unwrap();
        assert_eq!(rebased.moved().id(TypeId(1)), Some(TypeId(1)), "{kind:?}");
        assert_eq!(rebased.of_base(), 1, "{kind:?}");
        // Of the module's: it can't be moved.
        let index = BaseIndex::new(Arc::new(standalone));
        assert_eq!(index.rebase(&sized, &[]).unwrap_err().kind(), ErrorKind::Edit, "{kind:?}");
    }
}

/// One number can't have two meanings in one file, however each is known: that is refused.
#[test]
fn two_meanings_of_one_kind() {
    let one = MadeUp { n: 42, name: "GADGET", third: 'n', fixed: "", element: "si" };
    for other in [
        MadeUp { n: 42, name: "GADGET", third: 'n', fixed: "", element: "ni" },
        MadeUp { n: 42, name: "GADGET", third: 'i', fixed: "n", element: "ni" },
    ] {
        for (base_describes, module_describes) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            let read = |kind: &MadeUp, describes: bool| {
                let mut graph = Graph::default();
                if describes {
                    let types = shared(&mut graph, Style::Full);
                    described(&mut graph, types, kind, Style::Full);
                }
                let int = graph.int("int", 4, 1);
                kind.record(&mut graph, "made", int, 1);
                let mut parse = Parse::new();
                if !describes {
                    parse = parse.kind(KindSpec::parse(&kind.file()).unwrap());
                }
                parse.read(&graph.bytes()).unwrap()
            };
            let index = BaseIndex::new(Arc::new(read(&one, base_describes)));
            let result = index.rebase(&read(&other, module_describes), &[]);
            let case = format!("described: base {base_describes}, module {module_describes}");
            let err = result.map(|_| ()).expect_err(&case);
            assert_eq!(err.kind(), ErrorKind::Description, "{case}: {err}");
        }
    }
}

#[test]
fn refused() {
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    let little = Arc::new(Btf::parse(&graph.bytes()).unwrap());
    let layout = Layout { big_endian: true, ..Layout::plain(&graph) };
    let big = Btf::parse(&graph.write(&layout).0).unwrap();
    let index = BaseIndex::new(Arc::clone(&little));
    assert_eq!(index.rebase(&big, &[]).unwrap_err().kind(), ErrorKind::Base);
    let split = Btf::new_split(little);
    assert_eq!(index.rebase(&split, &[]).unwrap_err().kind(), ErrorKind::Edit);
}
