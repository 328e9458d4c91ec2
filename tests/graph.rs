//! The graph of types: its edges are those that bpftool sees, its pictures are such that Graphviz takes them.

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
use std::fs;
use std::process::{Command, ExitCode};

use btfkinds::graph::{Graph as Picture, Options};
use btfkinds::kernel::VMLINUX;
use btfkinds::{Btf, Describe, KindSpec, Parse, TypeId, describe};
use common::needs::Need::{KernelBtf, Tool};
use common::needs::trial;
use common::{Folder, Graph, MADE_UP, Random, W, btfkinds, fails, info, ok, run};
use libtest_mimic::Arguments;
use serde_json::Value;

fn main() -> ExitCode {
    let (bpftool, dot) = (Tool("bpftool"), Tool("dot"));
    let tests = vec![
        trial("edges_are_bpftools", &[KernelBtf, bpftool], edges_are_bpftools),
        trial("members_are_bpftools", &[KernelBtf, bpftool], members_are_bpftools),
        trial("reverse_is_the_inverse", &[], reverse_is_the_inverse),
        trial("kinds_by_description", &[], kinds_by_description),
        trial("depth_and_limit", &[], depth_and_limit),
        trial("folded", &[], folded),
        trial("drawn_by_graphviz", &[KernelBtf, dot], drawn_by_graphviz),
        trial("hostile_names", &[dot], hostile_names),
        trial("no_end", &[], no_end),
        trial("command", &[dot], command),
        trial("without_graphviz", &[], without_graphviz),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn all(depth: u32) -> Options {
    Options { depth, all: true, limit: 100_000, ..Options::default() }
}

/// The running kernel's types as bpftool tells them, by id - 1.
fn bpftools_types() -> Vec<Value> {
    let json = run("bpftool", &["-j", "btf", "dump", "file", VMLINUX]);
    match serde_json::from_slice::<Value>(&json).unwrap()["types"].take() {
        Value::Array(types) => types,
        other => panic!("{other}"),
    }
}

/// All ids in a type of bpftool's, but void.
fn ids_in(ty: &Value) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut todo = vec![ty];
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(list) => todo.extend(list),
            Value::Object(fields) => {
                for (name, value) in fields {
                    if name.ends_with("type_id") {
                        ids.push(value.as_u64().unwrap() as u32);
                    }
                    todo.push(value);
                }
            }
            _ => {}
        }
    }
    ids.retain(|id| *id != 0);
    ids.sort_unstable();
    ids
}

fn edges_are_bpftools() {
    let types = bpftools_types();
    let btf = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let mut edges = 0;
    let mut kinds = BTreeSet::new();
    for ty in types.iter().step_by(97) {
        let id = TypeId(ty["id"].as_u64().unwrap() as u32);
        let graph = Picture::around(&btf, &[id], &all(1));
        let mut ours: Vec<u32> = graph
            .edges()
            .map(|(from, _, to)| {
                assert_eq!(from.id, id);
                to.id.0
            })
            .collect();
        ours.sort_unstable();
        assert_eq!(ours, ids_in(ty), "{ty}");
        edges += ours.len();
        kinds.insert(ty["kind"].as_str().unwrap().to_owned());
    }
    assert!(edges > 2000 && kinds.len() >= 10, "{edges} {kinds:?}");
}

/// Folded, a member leads to what bpftool's records lead to over pointers, arrays, qualifiers and typedefs.
fn members_are_bpftools() {
    let types = bpftools_types();
    let at = |id: u64| &types[id as usize - 1];
    let btf = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let (mut checked, mut edges) = (0, 0);
    for ty in types.iter().filter(|ty| ty["kind"] == "STRUCT").step_by(11) {
        let members = ty["members"].as_array().unwrap();
        // Functions and what has no name are more than one edge.
        let mut expected = Vec::new();
        let mut plain = true;
        for member in members {
            let mut id = member["type_id"].as_u64().unwrap();
            let mut pointer = false;
            while id != 0 {
                let to = at(id);
                match to["kind"].as_str().unwrap() {
                    "PTR" => pointer = true,
                    "ARRAY" | "TYPEDEF" | "CONST" | "VOLATILE" | "RESTRICT" | "TYPE_TAG" => {}
                    "FUNC_PROTO" => {
                        plain = false;
                        break;
                    }
                    "STRUCT" | "UNION" => {
                        plain &= to["name"] != "(anon)";
                        let place = member["bits_offset"].as_u64().unwrap();
                        let name = member["name"].as_str().unwrap().to_owned();
                        expected.push((id as u32, place, pointer, name));
                        break;
                    }
                    _ => break,
                }
                id = to["type_id"].as_u64().unwrap();
            }
        }
        if !plain {
            continue;
        }
        let id = TypeId(ty["id"].as_u64().unwrap() as u32);
        let options = Options { limit: 100_000, ..Options::default() };
        let graph = Picture::around(&btf, &[id], &options);
        let ours: Vec<_> = graph.edges().map(|(_, edge, to)| (to.id.0, edge)).collect();
        assert_eq!(ours.len(), expected.len(), "{ty}");
        for ((to, edge), (id, place, pointer, name)) in ours.into_iter().zip(expected) {
            assert_eq!(
                (to, edge.what.bits_offset, edge.pointer),
                (id, Some(place), pointer),
                "{edge}"
            );
            assert!(edge.what.text.contains(&name), "{edge} {name}");
            edges += 1;
        }
        // All members are shown, those that lead nowhere too.
        assert_eq!(graph.nodes().next().unwrap().rows.len(), members.len());
        checked += 1;
    }
    assert!(checked > 200 && edges > 500, "{checked} {edges}");
}

/// Random types; the ids of structs and functions among them.
fn random_types(random: &mut Random) -> (Btf, Vec<TypeId>) {
    let mut graph = Graph::default();
    let count = 30;
    let mut nodes = Vec::new();
    for at in 0..count {
        let (a, b) = (random.below(count), random.below(count));
        let kind = random.below(9);
        let words = match kind {
            0 => vec![W::S(""), info(2, 0, false), W::Id(a)],
            1 => vec![W::S(""), info(10, 0, false), W::Id(a)],
            2 => vec![W::S("t"), info(8, 0, false), W::Id(a)],
            3 => vec![W::S(""), info(3, 0, false), W::N(0), W::Id(a), W::Id(b), W::N(2)],
            4 => {
                let parameters = [W::S("p"), W::Id(b), W::S("q"), W::Id(a)];
                [&[W::S(""), info(13, 2, false), W::Id(a)], &parameters[..]].concat()
            }
            5 => vec![W::S("int"), info(1, 0, false), W::N(4), W::N(1 << 24 | 32)],
            _ => {
                let name = if kind == 6 { "" } else { "s" };
                let members = [W::S("m"), W::Id(a), W::N(0), W::S("n"), W::Id(b), W::N(64)];
                [&[W::S(name), info(4, 2, false), W::N(16)], &members[..]].concat()
            }
        };
        graph.add(words);
        if kind > 6 {
            nodes.push(TypeId(at as u32 + 1));
        }
    }
    (Btf::parse(&graph.bytes()).unwrap(), nodes)
}

/// An edge, as it can be compared: both ends, what it is, whether over a pointer.
type Told = (u32, String, u32, bool);

fn told(graph: &Picture<'_>) -> BTreeSet<Told> {
    graph
        .edges()
        .map(|(from, edge, to)| (from.id.0, edge.to_string(), to.id.0, edge.pointer))
        .collect()
}

fn reverse_is_the_inverse() {
    let mut random = Random(0x5eed_0004);
    let mut edges = 0;
    for _ in 0..200 {
        let (btf, nodes) = random_types(&mut random);
        for all in [false, true] {
            let options = Options { limit: 1000, all, ..Options::default() };
            // Folded, what has no name is a node only where it is not spelled out: named structs suffice.
            let every: Vec<TypeId> = match all {
                true => btf.types().map(|ty| ty.id()).collect(),
                false => nodes.clone(),
            };
            let forward: BTreeSet<Told> = every
                .iter()
                .flat_map(|id| told(&Picture::around(&btf, &[*id], &options)))
                .collect();
            for id in &every {
                let reverse = Options { reverse: true, ..options };
                let mut users = told(&Picture::around(&btf, &[*id], &reverse));
                users.retain(|(from, ..)| every.contains(&TypeId(*from)));
                let expected: BTreeSet<Told> =
                    forward.iter().filter(|(.., to, _)| *to == id.0).cloned().collect();
                assert_eq!(users, expected, "[{id}] all={all}");
                edges += users.len();
            }
        }
    }
    assert!(edges > 5000, "{edges}");
}

/// Kinds that no table knows have edges as all others do, and a line in the legend.
fn kinds_by_description() {
    for kind in MADE_UP {
        let mut graph = Graph::default();
        let int = graph.int("int", 4, 1);
        let point = graph.structure(W::S("point"), 4, &[(W::S("x"), int, 0)]);
        let record = kind.record(&mut graph, "thing", point, 2);
        let (bytes, ids) = graph.write(&common::Layout::plain(&graph));
        let parse = Parse::new().kind(KindSpec::parse(&kind.file()).unwrap());
        let mut btf = parse.read(&bytes).unwrap();
        describe(&mut btf, &Describe::default()).unwrap();
        // As someone else reads it.
        let btf = Btf::parse(&btf.to_bytes()).unwrap();
        let expected = [kind.fixed, kind.element, kind.element]
            .iter()
            .map(|classes| classes.matches('i').count())
            .sum::<usize>()
            + usize::from(kind.third == 'i');
        for all in [false, true] {
            let options = Options { all, ..Options::default() };
            let drawn = Picture::around(&btf, &[TypeId(ids[record])], &options);
            assert_eq!(drawn.edges().count(), expected, "{kind:?}");
            assert!(drawn.edges().all(|(_, edge, to)| to.id.0 == ids[point] && !edge.pointer));
            let root = drawn.nodes().next().unwrap();
            assert_eq!(root.title, format!("{} thing", kind.name));
            let text = drawn.to_string();
            assert!(
                text.contains(&format!(">{}</td><td align=\"left\">{}</td>", kind.n, kind.name)),
                "{text}"
            );
            // Who uses a struct: they do.
            let reverse = Options { reverse: true, ..options };
            let users = Picture::around(&btf, &[TypeId(ids[point])], &reverse);
            assert_eq!(users.edges().count(), expected);
        }
    }
}

/// `struct s0 { struct s1 *next; }` and so on.
fn chain(length: usize) -> Btf {
    let mut graph = Graph::default();
    for at in 0..length {
        let name = graph.own(format!("s{at}"));
        let next = if at + 1 < length { 2 * at + 1 } else { 0 };
        graph.structure(name, 8, &[(W::S("next"), next, 0)]);
        let to = if at + 1 < length { 2 * at + 2 } else { 0 };
        graph.add([W::S(""), info(2, 0, false), W::Id(to)]);
    }
    Btf::parse(&graph.bytes()).unwrap()
}

fn depth_and_limit() {
    let btf = chain(50);
    for depth in [0, 1, 5, 49] {
        for (reverse, root, edge) in [(false, 1, 1), (true, 99, 1)] {
            let options = Options { depth, reverse, ..Options::default() };
            let graph = Picture::around(&btf, &[TypeId(root)], &options);
            assert_eq!(graph.nodes().count(), depth as usize + 1);
            assert_eq!(graph.edges().count(), depth as usize * edge);
            let distances: Vec<u32> = graph.nodes().map(|node| node.distance).collect();
            assert_eq!(distances, (0..=depth).collect::<Vec<_>>());
            assert_eq!(graph.left_out(), 0);
        }
    }
    let options = Options { depth: 49, limit: 7, ..Options::default() };
    let graph = Picture::around(&btf, &[TypeId(1)], &options);
    assert_eq!((graph.nodes().count(), graph.edges().count(), graph.left_out()), (7, 6, 1));
    assert!(graph.to_string().contains("1 more types"));
    // The same every time.
    let again = || Picture::around(&btf, &[TypeId(1), TypeId(41)], &options).to_string();
    assert_eq!(again(), again());
}

fn folded() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let lock = graph.structure(W::S(""), 4, &[(W::S("raw"), int, 0)]);
    let lock_t = graph.add([W::S("lock_t"), info(8, 0, false), W::Id(lock)]);
    let file = graph.structure(W::S("file"), 4, &[(W::S("count"), int, 0)]);
    let constant = graph.add([W::S(""), info(10, 0, false), W::Id(file)]);
    let pointer = graph.add([W::S(""), info(2, 0, false), W::Id(constant)]);
    let array =
        graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(pointer), W::Id(int), W::N(3)]);
    let proto = graph.add([
        W::S(""),
        info(13, 2, false),
        W::Id(int),
        W::S("f"),
        W::Id(pointer),
        W::S("l"),
        W::Id(lock_t),
    ]);
    let call = graph.add([W::S(""), info(2, 0, false), W::Id(proto)]);
    let inner = graph.structure(W::S(""), 8, &[(W::S("deep"), pointer, 0)]);
    let members = [
        (W::S("lock"), lock_t, 0),
        (W::S("files"), array, 8),
        (W::S("open"), call, 32),
        (W::S(""), inner, 40),
        (W::S("u"), inner, 48),
        (W::S("n"), int, 56),
    ];
    let outer = graph.structure(W::S("outer"), 64, &members);
    let function = graph.add([W::S("open_it"), info(12, 1, false), W::Id(proto)]);
    let (bytes, ids) = graph.write(&common::Layout::plain(&graph));
    let btf = Btf::parse(&bytes).unwrap();
    let drawn = |index: usize| {
        let graph = Picture::around(&btf, &[TypeId(ids[index])], &Options::default());
        let rows: Vec<String> =
            graph.nodes().next().unwrap().rows.iter().map(ToString::to_string).collect();
        let edges: Vec<(String, bool)> =
            graph.edges().map(|(_, edge, to)| (to.title.clone(), edge.pointer)).collect();
        (rows, edges)
    };
    let (rows, edges) = drawn(outer);
    assert_eq!(
        rows,
        [
            "lock_t lock at offset 0, 4 bytes",
            "const struct file *files[3] at offset 8, 24 bytes",
            "int (*open)(const struct file *f, lock_t l) at offset 32, 8 bytes",
            "const struct file *deep at offset 40, 8 bytes",
            "const struct file *u.deep at offset 48, 8 bytes",
            "int n at offset 56, 4 bytes",
        ]
    );
    let edge = |title: &str, pointer| (title.to_owned(), pointer);
    let file_edge = || edge("struct file", true);
    let expected = [
        edge("lock_t", false),
        file_edge(),
        file_edge(),
        edge("lock_t", true),
        file_edge(),
        file_edge(),
    ];
    assert_eq!(edges, expected);
    let (rows, edges) = drawn(function);
    assert_eq!(rows, ["returns: int", "const struct file *f", "lock_t l"]);
    assert_eq!(edges, [file_edge(), edge("lock_t", false)]);
    // A typedef of a struct is that struct, by its name.
    let graph = Picture::around(&btf, &[TypeId(ids[lock_t])], &Options::default());
    let root = graph.nodes().next().unwrap();
    assert_eq!((root.id.0, root.title.as_str(), root.size), (ids[lock], "lock_t", Some(4)));
}

/// What Graphviz makes of a picture, in its plain format: nodes and edges a line each.
fn plain(dot: &str) -> (usize, usize) {
    let folder = Folder::new();
    let file = folder.file("x.dot", dot);
    let out = Command::new("dot").args(["-Tplain", &file]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    // It warns of what it can't make sense of.
    assert!(out.status.success() && !said.contains("Error") && !said.contains("arning"), "{said}");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
    // The legend is a node.
    (count("node ") - 1, count("edge "))
}

fn drawn_by_graphviz() {
    let btf = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    for (name, reverse, depth) in [
        ("list_head", false, 2),
        ("file", false, 2),
        ("task_struct", false, 1),
        ("kobject", true, 1),
        ("vfs_read", false, 1),
    ] {
        let roots: Vec<TypeId> =
            btf.types().filter(|ty| ty.name() == name).map(|ty| ty.id()).collect();
        for all in [false, true] {
            let options = Options { depth, reverse, all, limit: 40 };
            let graph = Picture::around(&btf, &roots, &options);
            assert_eq!(
                plain(&graph.to_string()),
                (graph.nodes().count(), graph.edges().count()),
                "{name}"
            );
        }
    }
}

/// Names are any bytes: they stay text.
fn hostile_names() {
    let names = [
        "</table>>]; evil -> node [label=\"x\"]; a [label=<<b>".to_owned(),
        "\"]; evil -> x; //\\".to_owned(),
        "&lt;&#10;&amp;&nonsense;".to_owned(),
        "\u{1}\u{1b}[31m\u{7f}\n\t".to_owned(),
        "\u{202e}desrever\u{ffff}".to_owned(),
        "x".repeat(100_000),
        "-->]]><![CDATA[".to_owned(),
        "\\N\\G\\E{}|<port>".to_owned(),
    ];
    for name in names {
        let mut graph = Graph::default();
        let (own, member) = (graph.own(name.clone()), graph.own(name.clone()));
        let pointer = graph.add([W::S(""), info(2, 0, false), W::Id(1)]);
        let outer = graph.structure(own, 8, &[(member, pointer, 0)]);
        assert_eq!((pointer, outer), (0, 1));
        let mut bytes = graph.bytes();
        let btf = Btf::parse(&bytes).unwrap();
        for all in [false, true] {
            let drawn = Picture::around(
                &btf,
                &[TypeId(2)],
                &Options { depth: 3, all, ..Options::default() },
            );
            let text = drawn.to_string();
            assert!(text.len() < 10_000, "{}", text.len());
            assert_eq!(plain(&text), (drawn.nodes().count(), drawn.edges().count()), "{name:?}");
        }
        // Not UTF-8 either.
        let at = bytes.len() - 3;
        bytes[at] = 0xff;
        let btf = Btf::parse(&bytes).unwrap();
        plain(&Picture::around(&btf, &[TypeId(2)], &Options::default()).to_string());
        let folder = Folder::new();
        let (file, svg) = (folder.file("x.btf", &bytes), folder.name("x.svg"));
        ok(["graph", &file, "[2]", "-o", &svg]);
        let svg = fs::read_to_string(svg).unwrap();
        assert!(svg.contains("</svg>") && !svg.contains("evil</title>") && !svg.contains('\u{1}'));
    }
}

/// Loops of links, and parts without names in each other.
fn no_end() {
    let mut graph = Graph::default();
    let one = graph.add([W::S("t"), info(8, 0, false), W::Id(1)]);
    graph.add([W::S(""), info(10, 0, false), W::Id(one)]);
    let own = graph.types.len();
    graph.structure(W::S(""), 8, &[(W::S("a"), own, 0), (W::S(""), own, 0)]);
    let proto = graph.types.len();
    graph.add([
        W::S(""),
        info(13, 2, false),
        W::Id(proto),
        W::S("p"),
        W::Id(proto),
        W::S("q"),
        W::Id(own),
    ]);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    for all in [false, true] {
        for reverse in [false, true] {
            for id in 1..=4 {
                let options = Options { depth: 9, reverse, all, ..Options::default() };
                let text = Picture::around(&btf, &[TypeId(id)], &options).to_string();
                assert!(text.len() < 1 << 20, "{}", text.len());
            }
        }
    }
}

fn command() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let point = graph.structure(W::S("point"), 4, &[(W::S("x"), int, 0)]);
    graph.add([W::S("point"), info(8, 0, false), W::Id(point)]);
    graph.structure(W::S("line"), 4, &[(W::S("from"), point, 0)]);
    let file = folder.file("x.btf", graph.bytes());
    let text = ok(["graph", &file, "struct line"]);
    assert!(text.starts_with("digraph btf {") && text.contains("t4:r0:e -> t2:t:w ["), "{text}");
    assert!(text.contains("edgetooltip=\"struct point from at offset 0, 4 bytes\""), "{text}");
    for name in ["[4]", "line"] {
        assert_eq!(ok(["graph", &file, name]), text);
    }
    assert!(ok(["graph", "--reverse", &file, "struct point"]).contains("t4:r0:e -> t2:t:w ["));
    // A picture is told by the name, or asked for.
    let (svg, png) = (folder.name("x.svg"), folder.name("x.png"));
    ok(["graph", &file, "line", "-o", &svg]);
    ok(["graph", &file, "line", "-o", &png]);
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains("<svg") && drawn.contains("struct point from at offset 0"));
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    let out = btfkinds(["graph", "-f", "svg", &file, "line"]).stdout;
    assert_eq!(String::from_utf8(out).unwrap(), drawn);
    // What is not there.
    let out = btfkinds(["graph", &file, "union point"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(said.contains("no type is called 'union point'") && out.stdout.is_empty(), "{said}");
    assert!(fails(["graph", &folder.name("none"), "x"]).contains("cannot read"));
}

fn without_graphviz() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    let file = folder.file("x.btf", graph.bytes());
    let svg = folder.name("x.svg");
    let out = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["graph", &file, "int", "-o", &svg])
        .env("PATH", folder.name(""))
        .output()
        .unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(
        said.contains("'dot' draws svg pictures") && said.contains("apt install graphviz"),
        "{said}"
    );
    assert!(!folder.path("x.svg").exists());
}
