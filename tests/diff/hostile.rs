//! Files that are made to take long, or to be deep.

use std::time::{Duration, Instant};

use btfkinds::TypeId;
use btfkinds::diff::{Reach, diff};

use super::common::{Folder, Graph, Random, W, btfkinds, info};
use super::{read, shuffled};

/// Tests run with checks in, beside others.
const LONG: Duration = Duration::from_secs(20);

/// 200,000 pointers, one to the next, and a ring of as many: neither ever leads to a name.
pub(super) fn long_chains() {
    let start = Instant::now();
    let mut graph = Graph::default();
    let count = 200_000;
    for at in 0..count {
        graph.add([W::S(""), info(2, 0, false), W::Id(at + 1)]);
    }
    let int = graph.int("int", 4, 1);
    for at in 0..count {
        graph.add([W::S(""), info(10, 0, false), W::Id(int + 1 + (at + 1) % count)]);
    }
    let members = [(W::S("chain"), 0, 0), (W::S("ring"), int + 1, 8)];
    graph.structure(W::S("both"), 16, &members);
    let old = read(&graph);
    assert!(diff(&old, &shuffled(&graph, &mut Random(5))).is_empty());
    graph.types[int][2] = W::N(8);
    let other = read(&graph);
    let found = diff(&old, &other);
    assert_eq!((found.changed().len(), found.affected().len()), (1, 1));
    let way = Reach::from(&old, [TypeId(1)]).way(TypeId(int as u32 + 1));
    assert_eq!(way.len(), count + 1);
    // A ring of another kind is another shape, though it never ends.
    graph.types[int + 7][1] = info(9, 0, false);
    assert_eq!(diff(&other, &read(&graph)).changed()[0].name, "both");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

/// 20,000 structs and functions of one name, no two the same, in another order; one is gone.
pub(super) fn many_namesakes() {
    let start = Instant::now();
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    for at in 0..20_000 {
        graph.structure(W::S("bucket"), 8, &[(W::S("x"), int, at)]);
        let proto = graph.add([W::S(""), info(13, 0, false), W::Id(graph.types.len() - 1)]);
        graph.add([W::S("f"), info(12, 0, false), W::Id(proto)]);
    }
    let old = read(&graph);
    assert!(diff(&old, &shuffled(&graph, &mut Random(7))).is_empty());
    graph.types.truncate(graph.types.len() - 3);
    let fewer = read(&graph);
    let found = diff(&old, &fewer);
    assert_eq!((found.removed().len(), found.changed().len(), found.added().len()), (2, 0, 0));
    assert_eq!(found.affected().len(), 0);
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

/// A struct without a name and with many members, in many others; all of them differ.
pub(super) fn much_to_show() {
    let start = Instant::now();
    let folder = Folder::new();
    let make = |size: u32| {
        let mut graph = Graph::default();
        let int = graph.int("int", size, 1);
        let members: Vec<_> = (0..4000).map(|at| (W::S("x"), int, at * size)).collect();
        let mut inner = graph.structure(W::S(""), 4000 * size, &members);
        for _ in 0..3 {
            inner = graph.structure(
                W::S(""),
                8000 * size,
                &[(W::S(""), inner, 0), (W::S("a"), inner, 0)],
            );
        }
        for at in 0..20_000 {
            let name = graph.own(format!("s{at}"));
            graph.structure(name, size, &[(W::S("y"), inner, at)]);
        }
        folder.file(&format!("{size}.btf"), graph.bytes())
    };
    let out = btfkinds(["diff", &make(4), &make(8)]);
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        said.contains("would be too much to show") && said.contains("20,001 types changed"),
        "{said}"
    );
    assert!(out.stdout.len() < 1 << 29, "{}", out.stdout.len());
    assert!(start.elapsed() < 2 * LONG, "{:?}", start.elapsed());
}

/// Names that end where the file does, each a byte shorter than the one before.
pub(super) fn long_names() {
    let start = Instant::now();
    let mut graph = Graph::default();
    let long = graph.own("x".repeat(2_000_000));
    graph.add([long, info(1, 0, false), W::N(4), W::N(32)]);
    for _ in 0..50_000 {
        graph.add([W::N(1), info(1, 0, false), W::N(4), W::N(32)]);
    }
    for (at, words) in graph.types.iter_mut().enumerate().skip(1) {
        words[0] = W::N(at as u32);
        let members = [W::N(1), W::Id(0), W::N(0)];
        if at % 100 == 0 {
            *words =
                [W::N(at as u32), info(4, 1, false), W::N(4)].into_iter().chain(members).collect();
        }
    }
    let btf = read(&graph);
    assert!(diff(&btf, &btf).is_empty());
    graph.types.pop();
    assert_eq!(diff(&btf, &read(&graph)).removed().len(), 1);
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}
