//! Types made by hand, of which it is known what differs.

use std::path::Path;
use std::sync::Arc;

use btfkinds::diff::{Class, diff};
use btfkinds::{Btf, Describe, Parse, describe, flatten, renumber};
use serde_json::Value;

use super::common::{
    Folder, Graph, Layout, MADE_UP, Random, Style, W, btfkinds, described, fails, info, ok, shared,
};
use super::reference::found;
use super::{read, shuffled};

/// Some of everything that a kernel has. Indices of what the tests change are in the order of `add`.
fn kernel() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let long = graph.int("long unsigned int", 8, 0);
    let char = graph.int("char", 1, 1);
    let pair = graph.structure(W::S("pair"), 8, &[(W::S("a"), int, 0), (W::S("b"), int, 4)]);
    let union = graph.add(
        [
            [W::S(""), info(5, 2, false), W::N(8)].as_slice(),
            &[W::S("raw"), W::Id(long), W::N(0), W::S("both"), W::Id(pair), W::N(0)],
        ]
        .concat(),
    );
    let pointer = graph.add([W::S(""), info(2, 0, false), W::Id(6)]);
    let members = [
        (W::S("state"), int, 0),
        (W::S("flags"), int, 4),
        (W::S(""), union, 8),
        (W::S("next"), pointer, 16),
        (W::S("comm"), char, 24),
        (W::S("inner"), pair, 28),
    ];
    graph.structure(W::S("task"), 40, &members);
    graph.add([W::S("task_t"), info(8, 0, false), W::Id(6)]);
    graph.add([
        W::S("mode"),
        info(6, 2, false),
        W::N(4),
        W::S("OFF"),
        W::N(0),
        W::S("ON"),
        W::N(1),
    ]);
    graph.add([
        W::S(""),
        info(6, 2, false),
        W::N(4),
        W::S("FIRST"),
        W::N(1),
        W::S("LAST"),
        W::N(9),
    ]);
    let parameters = [W::S("task"), W::Id(pointer), W::S("mode"), W::Id(8)];
    graph.add([[W::S(""), info(13, 2, false), W::Id(int)].as_slice(), &parameters].concat());
    let func = graph.add([W::S("wake"), info(12, 0, false), W::Id(10)]);
    graph.add([W::S("fast"), info(17, 0, false), W::Id(func), W::N(u32::MAX)]);
    let var = graph.add([W::S("runqueue"), info(14, 0, false), W::Id(6), W::N(1)]);
    let var2 = graph.add([W::S("ticks"), info(14, 0, false), W::Id(long), W::N(1)]);
    let variables = [W::Id(var), W::N(0), W::N(40), W::Id(var2), W::N(40), W::N(8)];
    graph.add([[W::S(".data"), info(15, 2, false), W::N(48)].as_slice(), &variables].concat());
    graph.add([W::S("later"), info(7, 0, false), W::N(0)]);
    graph.add([W::S("double"), info(16, 0, false), W::N(8)]);
    graph
}

/// The same kernel, later.
fn later() -> Graph {
    let mut graph = kernel();
    // The pair grows, and with it the task.
    graph.types[3] = [
        [W::S("pair"), info(4, 3, false), W::N(16)].as_slice(),
        &[
            W::S("a"),
            W::Id(0),
            W::N(0),
            W::S("b"),
            W::Id(0),
            W::N(32),
            W::S("c"),
            W::Id(1),
            W::N(64),
        ],
    ]
    .concat();
    graph.types[4][2] = W::N(16);
    // In the task a member is gone and one is new, a bitfield.
    graph.types[6] = [
        [W::S("task"), info(4, 6, true), W::N(64)].as_slice(),
        &[W::S("state"), W::Id(0), W::N(0), W::S("hot"), W::Id(0), W::N(1 << 24 | 32)],
        &[W::S(""), W::Id(4), W::N(64), W::S("next"), W::Id(5), W::N(192)],
        &[W::S("comm"), W::Id(2), W::N(256), W::S("inner"), W::Id(3), W::N(320)],
    ]
    .concat();
    graph.types[8] = vec![
        W::S("mode"),
        info(6, 3, false),
        W::N(4),
        W::S("OFF"),
        W::N(0),
        W::S("SLOW"),
        W::N(1),
        W::S("ON"),
        W::N(2),
    ];
    graph.types[9][6] = W::N(10);
    graph.types[10][5] = W::S("how");
    graph.types[12][0] = W::S("slow");
    graph.types[13][2] = W::Id(3);
    graph.types[16] = vec![W::S("later"), info(4, 0, false), W::N(0)];
    graph.types[17][0] = W::S("float");
    graph.structure(W::S("holder"), 16, &[(W::S("only"), 3, 0)]);
    graph
}

/// A struct that only contains another that grows, on both sides.
fn with_holder(graph: &mut Graph, size: u32) {
    graph.structure(W::S("holder2"), size, &[(W::S("of"), 3, 0)]);
}

fn pair() -> (Graph, Graph) {
    let (mut old, mut new) = (kernel(), later());
    with_holder(&mut old, 8);
    with_holder(&mut new, 16);
    (old, new)
}

fn files(folder: &Folder) -> (String, String) {
    let (old, new) = pair();
    (
        folder.file("old.btf", old.bytes()),
        folder.file("new.btf", shuffled(&new, &mut Random(3)).to_bytes()),
    )
}

/// What is printed, as it stands in `expected.txt`: read by people, once.
pub(super) fn golden() {
    let folder = Folder::new();
    let (old, new) = files(&folder);
    let mut text = String::new();
    for options in [
        &[][..],
        &["--stat", "--all"],
        &["pair"],
        &["-v"],
        &["--deep", "--stat", "task"],
        &["--common", "--stat"],
    ] {
        let mut args = vec!["diff", options.first().copied().unwrap_or("-v"), &old, &new];
        args.extend(options.iter().skip(1));
        if options.is_empty() {
            args = vec!["diff", &old, &new];
        } else if !options[0].starts_with("--") {
            args = vec!["diff", &old, &new, options[0]];
        }
        let out = btfkinds(&args);
        assert_eq!(out.status.code(), Some(1));
        text += &format!("$ btfkinds {}\n", args.join(" "));
        text += &String::from_utf8_lossy(&out.stdout);
        text += &String::from_utf8_lossy(&out.stderr);
    }
    let text = text.replace(&folder.name(""), "");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff/expected.txt");
    if std::env::var_os("BTFKINDS_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&expected, &text);
    assert!(expected == text, "{}", diff.unified_diff().header("expected", "is"));
    assert!(!text.contains('\x1b'), "colour where there is no terminal");
}

pub(super) fn json() {
    let folder = Folder::new();
    let (old, new) = files(&folder);
    let out = btfkinds(["diff", "-f", "json", &old, &new]);
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    let names = |list: &str| -> Vec<String> {
        let list = document[list].as_array().unwrap().iter();
        list.map(|ty| format!("{} {}", ty["class"].as_str().unwrap(), ty["name"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(names("added"), ["struct holder", "float float"]);
    assert_eq!(names("removed"), ["float double"]);
    assert_eq!(names("affected"), ["typedef task_t", "datasec .data"]);
    let changed = document["changed"].as_array().unwrap();
    let task = changed.iter().find(|ty| ty["name"] == "task").unwrap();
    assert_eq!((&task["old_size"], &task["new_size"]), (&40.into(), &64.into()));
    let hot = task["parts"].as_array().unwrap().iter().find(|part| part["name"] == "hot").unwrap();
    assert_eq!(
        hot,
        &serde_json::json!({
            "name": "hot", "what": ["added"], "old": null,
            "new": {"type": "int", "bits_offset": 32, "bits_size": 1},
        })
    );
    assert!(task["old_c"].as_str().unwrap().contains("\tint flags;\n"), "{task}");
    let holder = changed.iter().find(|ty| ty["name"] == "holder2").unwrap();
    assert_eq!(holder["by_contents"], true);
}

/// As diff(1): 0, 1, 2; and -q says nothing.
pub(super) fn exit_status() {
    let folder = Folder::new();
    let (old, new) = files(&folder);
    let quiet = btfkinds(["diff", "-q", &old, &new]);
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(1), 0, 0));
    let same = btfkinds(["diff", &old, &old]);
    assert_eq!((same.status.code(), same.stdout.len()), (Some(0), 0));
    assert!(
        String::from_utf8_lossy(&same.stderr).contains("no differences in 15 named types"),
        "{same:?}"
    );
    assert_eq!(btfkinds(["diff", &old, &new, "char"]).status.code(), Some(0));
    assert_eq!(btfkinds(["diff", &old, &new, "double"]).status.code(), Some(1));
    assert_eq!(btfkinds(["diff", &old, &new, "task_t"]).status.code(), Some(1));
    assert!(
        fails(["diff", &old, &new, "no_such"])
            .contains("neither file has a type that is called 'no_such'")
    );
    assert!(fails(["diff", &old, &folder.name("nothing")]).contains("cannot read"));
    fails(["diff", "--deep", &old, &new]);
    // Colour only where it is asked for.
    let coloured = |variable: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_btfkinds"));
        let out = command.args(["diff", &old, &new, "pair"]).env(variable, "1").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(
        coloured("CLICOLOR_FORCE")
            .contains("    \x1b[32m+\tlong unsigned int c; /* at 8, 8 bytes */\x1b[0m\n")
    );
    assert!(!coloured("NO_COLOR").contains('\x1b'));
}

/// Each single change is found, in the type that it is in, and nothing else is changed.
pub(super) fn each_change_alone() {
    type Edit = fn(&mut Graph);
    let cases: [(Edit, &str, &str); 17] = [
        (|g| g.types[0][2] = W::N(8), "int", ""),
        (|g| g.types[3][2] = W::N(12), "struct pair", ""),
        (|g| g.types[3][3] = W::S("z"), "struct pair", "a b z"),
        (|g| g.types[3][8] = W::N(64), "struct pair", "b"),
        (|g| g.types[4][1] = info(4, 2, false), "struct task", ""),
        (|g| g.types[4][3] = W::S("z"), "struct task", "raw z"),
        (|g| g.types[6][1] = info(4, 5, false), "struct task", "inner"),
        (|g| g.types[7][2] = W::Id(3), "typedef task_t", "type"),
        (|g| g.types[8][6] = W::N(7), "enum mode", "ON"),
        (|g| g.types[8][1] = info(6, 2, true), "enum mode", ""),
        (|g| g.types[9][6] = W::N(7), "enum { FIRST, ... }", "LAST"),
        (|g| g.types[10][2] = W::Id(1), "wake()", "return"),
        (|g| g.types[11][1] = info(12, 1, false), "wake()", ""),
        (|g| g.types[12][0] = W::S("slow"), "wake()", ""),
        (|g| g.types[13][2] = W::Id(3), "variable runqueue", "type"),
        (|g| g.types[15][7] = W::N(48), "section .data", "ticks"),
        (|g| g.types[16] = vec![W::S("later"), info(4, 0, false), W::N(0)], "struct later", ""),
    ];
    let old = read(&kernel());
    for (at, (edit, label, parts)) in cases.iter().enumerate() {
        let mut graph = kernel();
        edit(&mut graph);
        if *label == "struct task" && graph.types[6][1] != kernel().types[6][1] {
            graph.types[6].truncate(3 + 5 * 3);
        }
        let new = shuffled(&graph, &mut Random(at as u64 + 1));
        let found = diff(&old, &new);
        let labels: Vec<String> =
            found.changed().iter().map(|two| two.label().to_string()).collect();
        assert_eq!(labels, [*label], "{at}");
        assert!(found.added().is_empty() && found.removed().is_empty());
        let change = found.change(&found.changed()[0]);
        let mut names: Vec<&str> = change.parts.iter().map(|part| part.name.as_str()).collect();
        names.sort_unstable();
        let expected: Vec<&str> = parts.split_whitespace().collect();
        let expected = if *parts == "a b z" { vec!["a", "z"] } else { expected };
        assert_eq!(names, expected, "{at}");
    }
}

/// Types of one name are paired with those that they are most like, and none is lost.
pub(super) fn namesakes() {
    let bucket = |graph: &mut Graph, names: &[&'static str]| {
        let members: Vec<_> =
            (0_u32..).zip(names).map(|(at, name)| (W::S(name), 0, at * 4)).collect();
        let id = graph.structure(W::S("bucket"), members.len() as u32 * 4, &members);
        graph.add([W::S(""), info(2, 0, false), W::Id(id)])
    };
    let make = |lists: &[&[&'static str]], used: usize| {
        let mut graph = Graph::default();
        graph.int("int", 4, 1);
        let made: Vec<usize> = lists.iter().map(|names| bucket(&mut graph, names)).collect();
        graph.structure(W::S("user"), 8, &[(W::S("bucket"), made[used], 0)]);
        read(&graph)
    };
    let old = make(&[&["a", "b"], &["c", "d"], &["e"]], 0);
    let same = make(&[&["e"], &["c", "d"], &["a", "b"]], 2);
    assert!(diff(&old, &same).is_empty());
    // One differs: who uses it is affected, no more.
    let new = make(&[&["e"], &["c", "d"], &["a", "b", "new"]], 2);
    let is = diff(&old, &new);
    assert_eq!(is.change(&is.changed()[0]).parts[0].name, "new");
    assert_eq!(
        found(&is),
        [vec![], vec![], vec!["struct bucket".to_owned()], vec!["struct user".to_owned()]]
    );
    // One is gone: that is not the one that has become another.
    let fewer = make(&[&["c", "d"], &["a", "b", "new"]], 1);
    let is = diff(&old, &fewer);
    assert_eq!(is.removed()[0].id.0, 6);
    assert_eq!(is.changed()[0].old.0, 2);
    // The same three, but another one is used.
    let other = make(&[&["a", "b"], &["c", "d"], &["e"]], 1);
    let is = diff(&old, &other);
    assert_eq!(found(&is)[2], ["struct user"]);
}

/// Kinds that one side alone describes, and types of kinds that no table knows.
pub(super) fn kinds() {
    let list = MADE_UP[8];
    let make = |describes: bool, value: u32| {
        let mut graph = kernel();
        if describes {
            let types = shared(&mut graph, Style::Full);
            described(&mut graph, types, &list, Style::Full);
        }
        let record = list.record(&mut graph, "odd", 0, 2);
        graph.types[record][4] = W::N(value);
        graph
    };
    let parse = Parse::new().kind(btfkinds::KindSpec::parse(&list.file()).unwrap());
    let old = parse.read(&make(false, 1).bytes()).unwrap();
    let (same, new) = (read(&make(true, 1)), read(&make(true, 2)));
    let is = diff(&old, &same);
    // A kind file says the same as the description.
    assert_eq!((is.kinds().len(), is.changed().len()), (0, 0));
    assert!(is.added().iter().any(|one| one.name == "__BTF_KIND_57"));
    let is = diff(&same, &new);
    assert_eq!((is.changed().len(), is.added().len()), (1, 0));
    assert_eq!(is.changed()[0].class, Class::Other(btfkinds::Kind(57)));
    let change = is.change(&is.changed()[0]);
    assert_eq!(change.lines[0][1].text, "\tw0='a_name_of_a_made_up_kind' w1=1 w2=int");
    assert_eq!(change.lines[1][1].text, "\tw0='a_name_of_a_made_up_kind' w1=2 w2=int");
    // All released kinds, described or not.
    let mut all = read(&kernel());
    describe(&mut all, &Describe::default()).unwrap();
    let plain = read(&kernel());
    let is = diff(&plain, &all);
    assert_eq!((is.kinds().len(), is.changed().len(), is.removed().len()), (19, 0, 0));
    assert!(is.kinds().iter().all(|kind| kind.old.is_none() && kind.new.is_some()));
    let folder = Folder::new();
    let (a, b) = (folder.file("a", plain.to_bytes()), folder.file("b", all.to_bytes()));
    let out = btfkinds(["diff", &a, &b]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        text.contains("\nkind 3 ARRAY: only the new file describes it: ARRAY third unused, fixed type:id index_type:id nelems:u32 (12 bytes)\n"),
        "{text}"
    );
    assert!(String::from_utf8_lossy(&out.stderr).contains("19 kinds described otherwise"));
}

/// Split BTF: own types, each side on its base; renumbered and flattened they are the same.
pub(super) fn splits() {
    let (old, new) = pair();
    let (old, new) = (Arc::new(read(&old)), Arc::new(read(&new)));
    let mut graph = Graph::default();
    graph.add([W::S("user"), info(4, 1, false), W::N(40), W::S("task"), W::Abs(7), W::N(0)]);
    graph.add([W::S("mine"), info(8, 0, false), W::Abs(1)]);
    let on = |base: &Arc<Btf>| {
        let layout =
            Layout { first: (base.type_count(), base.str_len() as u32), ..Layout::plain(&graph) };
        graph.write(&layout).0
    };
    let (of_old, of_new) = (on(&old), on(&new));
    let [a, b] = [(&of_old, &old), (&of_new, &new)]
        .map(|(blob, base)| Btf::parse_split(blob, Arc::clone(base)).unwrap());
    let is = diff(&a, &b);
    assert_eq!(found(&is), [vec![], vec![], vec![], vec!["struct user".to_owned()]]);
    assert_eq!((is.same(), diff(&a, &a).is_empty()), (1, true));
    let flat = flatten(&a, &[]).unwrap().into_btf();
    assert_eq!(found(&diff(&a, &flat))[1..], [vec![], vec![], vec![]] as [Vec<String>; 3]);
    let moved = renumber(&flat, &new).unwrap();
    let is = diff(&flat, &moved);
    assert!(is.changed().is_empty() && is.removed().is_empty(), "{:?}", found(&is));
    let folder = Folder::new();
    let files = [
        ("old", old.to_bytes()),
        ("new", new.to_bytes()),
        ("a", of_old),
        ("b", of_new),
        ("m", moved.to_bytes()),
    ];
    let [old, new, a, b, m] = files.map(|(name, bytes)| folder.file(name, bytes));
    let out = btfkinds(["diff", &a, &b, "--old-base", &old, "--new-base", &new, "--all"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.ends_with("affected struct user -> struct task\n"), "{text}");
    assert_eq!(ok(["diff", &a, &a, "-B", &old]), "");
    assert!(fails(["diff", &a, &b]).contains("give its base with -B"));
    // A module of the old kernel, and one with a record.
    let out = btfkinds(["diff", &old, &new, "--module", &a, "--stat"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("a: split: its strings do not start with NUL\n  the old kernel (19 types): nothing speaks against it\n"), "{text}");
    assert!(text.contains("  the module names 2 types of the kernel's and leads to 5: 2 changed, 1 of them among those that it names; 0 gone\n"), "{text}");
    assert!(text.contains("\nchanged struct pair: 1 member added, nothing moved; 8 -> 16 bytes\n    over struct user -> struct task -> struct pair\n"), "{text}");
    let out = btfkinds(["diff", &old, &new, "--module", &m]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        text.contains("its origin record names a base of 21 types")
            && text.contains("the new kernel (20 types): the module was made for it"),
        "{text}"
    );
    assert!(text.contains("the old kernel (19 types): the module does not fit: "), "{text}");
}
