//! Many files and folders at once: what comes out is what comes of them one by one, in their order.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::fs;
use std::process::{Command, Output};

use btfkinds::{Btf, Encoding, TypeId};
use common::{Folder, W, btfkinds, fails, info, ok, root};

/// A folder with blobs, and with files that are no BTF, some in folders of their own.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/deep/er")).unwrap();
    for (number, name) in ["c.btf", "a.btf", "deep/b.btf", "deep/er/d.btf"].iter().enumerate() {
        let mut graph = common::Graph::default();
        let int = graph.int("int", 4, 1);
        for _ in 0..number {
            graph.add([W::S("name"), info(8, 0, false), W::Id(int)]);
        }
        folder.file(&format!("in/{name}"), graph.bytes());
    }
    folder.file("in/README", "no BTF");
    folder.file("in/empty", "");
    folder.file("in/deep/x.o", b"\x7fELF");
    folder
}

/// The blobs in the order of their names.
const FILES: [&str; 4] = ["a.btf", "c.btf", "deep/b.btf", "deep/er/d.btf"];

fn with_threads(threads: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(args)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap()
}

#[test]
fn dump() {
    let folder = folder();
    let all = folder.name("in");
    let path = |name: &str| folder.name(&format!("in/{name}"));
    let expected: String = FILES
        .iter()
        .map(|name| format!("==> {} <==\n{}", path(name), ok(["dump", &path(name)])))
        .collect();
    assert_eq!(ok(["dump", &all]), expected);
    let [a, b, c, d] = FILES.map(path);
    assert_eq!(ok(["dump", &a, &b, &c, &d]), expected);
    // Names select, and what has none of them is left out.
    let some = ok(["dump", &all, "name"]);
    assert_eq!(some.matches("==> ").count(), 3, "{some}");
    assert_eq!(some.matches("TYPEDEF 'name'").count(), 6, "{some}");
    assert_eq!(ok(["dump", &all, "--name", "name"]), some);
    let none = btfkinds(["dump", &all, "nobody"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&none.stderr)
            .contains("in none of them: no type is called 'nobody'")
    );
    // A document for each, a line each.
    let lines = ok(["dump", "-q", "-f", "json", &all]);
    for (line, name) in lines.lines().zip(FILES) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["file"], path(name));
        let one: serde_json::Value =
            serde_json::from_str(&ok(["dump", "-f", "json", &path(name)])).unwrap();
        assert_eq!(line["btf"], one);
    }
    assert_eq!(lines.lines().count(), FILES.len());
    assert!(fails(["dump", "-f", "c", &a, &b]).contains("it takes one FILE"));
}

#[test]
fn one_bad_file_stops_nothing() {
    let folder = folder();
    let mut bad = fs::read(folder.path("in/deep/b.btf")).unwrap();
    bad[24 + 4 + 3] = 99;
    folder.file("in/b.btf", bad);
    let all = folder.name("in");
    for command in ["dump", "kinds"] {
        let out = btfkinds([command, &all]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains("in/b.btf: .BTF+0x18: type [1] kind 99"), "{said}");
        assert!(said.contains("4 files ") && said.contains(", 1 failed"), "{said}");
        assert_eq!(String::from_utf8(out.stdout).unwrap().matches("==> ").count(), 4);
    }
    let out = btfkinds(["check", &all]);
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("4 files fine, 1 with findings, 0 failed"), "{said}");
}

#[test]
fn kinds_for_programs() {
    let folder = folder();
    let lines = ok(["kinds", "-f", "json", "-q", &folder.name("in")]);
    assert_eq!(lines.lines().count(), FILES.len());
    for (line, (name, typedefs)) in lines.lines().zip(FILES.iter().zip([1, 0, 2, 3])) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["file"], folder.name(&format!("in/{name}")));
        let kinds = line["kinds"].as_array().unwrap();
        let typedef = kinds.iter().find(|kind| kind["name"] == "TYPEDEF").unwrap();
        assert_eq!((&typedef["kind"], &typedef["third"]), (&8.into(), &"id".into()));
        assert_eq!(typedef["records"], typedefs);
    }
    let ours: serde_json::Value = serde_json::from_str(&ok(["kinds", "-f", "json"])).unwrap();
    let array = &ours["kinds"][2];
    assert_eq!((&array["name"], &array["since"]), (&"ARRAY".into(), &"4.18".into()));
    assert_eq!(array["fixed"][1], serde_json::json!({ "name": "index_type", "class": "id" }));
    // What only a layout section knows has sizes and no classes.
    let layout = root().join("golden/layout-section/input.btf");
    let known: serde_json::Value =
        serde_json::from_str(&ok(["kinds", "-f", "json", layout.to_str().unwrap()])).unwrap();
    let kinds = known["kinds"].as_array().unwrap();
    let unnamed = kinds.iter().find(|kind| kind["third"].is_null()).expect("one without classes");
    assert_eq!(unnamed["from"][0], "layout section");
}

/// The same bytes, and the same is said, at any number of threads.
#[test]
fn rewriting() {
    let mut base = Btf::new();
    let int = base.add_int("int", 4, Encoding::Signed).unwrap();
    base.add_ptr(int).unwrap();
    assert_eq!(int, TypeId(1));
    let mut results = Vec::new();
    for threads in ["1", "2", "7"] {
        let folder = folder();
        let all = folder.name("in");
        let base = folder.file("base.btf", base.to_bytes());
        let mut said = String::new();
        for args in [
            vec!["renumber", "-B", &base, &all],
            vec!["renumber", "--undo", &all],
            vec!["encode", "--newer-than", "5.2", &all],
            vec!["encode", "--newer-than", "5.2", &all],
        ] {
            let out = with_threads(threads, &args);
            said += &String::from_utf8(out.stderr).unwrap().replace(&folder.name(""), "");
            assert!(out.status.success(), "{said}");
        }
        let files = FILES.map(|name| fs::read(folder.path(&format!("in/{name}"))).unwrap());
        results.push((files, said));
    }
    let (files, said) = &results[0];
    assert!(results.iter().all(|other| other == &results[0]));
    assert!(said.ends_with("btfkinds: 0 files changed, 4 unchanged, 0 failed\n"), "{said}");
    let order: Vec<usize> =
        FILES.iter().map(|name| said.find(&format!("in/{name}")).unwrap()).collect();
    assert!(order.is_sorted(), "{said}");
    assert!(files.iter().all(|file| Btf::parse(file).unwrap().descriptions().len() == 4));
    let folder = folder();
    assert!(
        fails(["encode", "-o", &folder.name("x"), &folder.name("in")])
            .contains("-o OUT takes one FILE")
    );
}

/// Colour and width are for terminals.
#[test]
fn terminals() {
    let folder = folder();
    let file = folder.name("in/c.btf");
    let on_terminal = |command: &str| {
        let out = Command::new("script")
            .args([
                "-qec",
                &format!(
                    "stty cols 60 rows 20; {} {command} {file}",
                    env!("CARGO_BIN_EXE_btfkinds")
                ),
            ])
            .arg("/dev/null")
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap().replace('\r', "")
    };
    let bare = |text: &str| {
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
    };
    let dump = on_terminal("dump");
    assert!(
        dump.contains("\x1b[36m[1]\x1b[0m\x1b[1m INT \x1b[0m\x1b[32m'int'\x1b[0m size=4"),
        "{dump:?}"
    );
    assert_eq!(bare(&dump), ok(["dump", &file]));
    // What programs read is the same for all.
    assert_eq!(
        on_terminal("dump -f json").trim_end(),
        ok(["dump", "-f", "json", &file]).trim_end()
    );
    let kinds = on_terminal("kinds");
    assert!(kinds.starts_with("\x1b[1m n  kind"), "{kinds:?}");
    assert!(bare(&kinds).lines().all(|line| line.chars().count() <= 60), "{kinds}");
    assert!(ok(["kinds", &file]).lines().any(|line| line.len() > 60));
    assert!(!ok(["dump", &file]).contains('\x1b'));
    let out = Command::new("script")
        .args(["-qec", &format!("{} dump {file}", env!("CARGO_BIN_EXE_btfkinds")), "/dev/null"])
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!out.stdout.contains(&0x1b));
}

/// What each command says of itself. BTFKINDS_BLESS=1 writes it anew.
#[test]
fn help() {
    let help = ok(["--help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 13, "{commands:?}");
    let said = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
            .args(args)
            .env("COLUMNS", "100")
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let mut all = format!("$ btfkinds --help\n{}", said(&["--help"]));
    for command in commands {
        all += &format!("\n$ btfkinds {command} --help\n{}", said(&[command, "--help"]));
    }
    let file = root().join("tests/help.txt");
    if std::env::var_os("BTFKINDS_BLESS").is_some() {
        fs::write(&file, &all).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    if expected != all {
        panic!("{}", similar::TextDiff::from_lines(&expected, &all).unified_diff());
    }
}
