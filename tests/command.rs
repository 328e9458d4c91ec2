//! The command line, on files made here.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::{Folder, Graph, Layout, MADE_UP, W, btfkinds, fails, info, ok, root};

fn point() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.structure(W::S("point"), 8, &[(W::S("x"), int, 0), (W::S("y"), int, 4)]);
    graph.add([W::S("point_t"), info(8, 0, false), W::Id(int + 1)]);
    graph
}

/// A blob with a kind that needs a kind file, the file, and the text of the blob.
fn unknown(folder: &Folder) -> (String, String) {
    let mut graph = point();
    MADE_UP[9].record(&mut graph, "odd", 1, 1);
    (folder.file("odd.btf", graph.bytes()), folder.file("both.kind", MADE_UP[9].file()))
}

fn stderr(args: &[&str]) -> (Option<i32>, String) {
    let out = btfkinds(args);
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn dump_prints_types_by_name() {
    let folder = Folder::new();
    let file = folder.file("a.btf", point().bytes());
    let all = ok(["dump", &file]);
    assert!(
        all.starts_with("[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n"),
        "{all}"
    );
    assert_eq!(all.lines().count(), 5);
    let named = ok(["dump", &file, "point_t", "int"]);
    assert_eq!(named.lines().map(|line| &line[..3]).collect::<Vec<_>>(), ["[1]", "[3]"]);
    let out = btfkinds(["dump", &file, "point", "pont"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stdout).starts_with("[2] STRUCT 'point'"));
    assert_eq!(
        String::from_utf8_lossy(&out.stderr),
        format!("btfkinds: {file}: no type is called 'pont'\n")
    );
    assert_eq!(btfkinds(["dump", "-q", &file, "pont"]).stderr, b"");
}

#[test]
fn standard_input_and_output() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["encode", "-q", "-", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&point().bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    let folder = Folder::new();
    let file = folder.file("a.btf", point().bytes());
    ok(["encode", &file]);
    assert_eq!(out.stdout, fs::read(&file).unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["encode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&point().bytes()).unwrap();
    // Without -o, what came in by standard input goes out by standard output.
    assert_eq!(child.wait_with_output().unwrap().stdout, out.stdout);
}

#[test]
fn encode_in_place() {
    let folder = Folder::new();
    let file = folder.file("a.btf", point().bytes());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = stderr(&["encode", &file]);
    assert_eq!(code, Some(0));
    assert!(
        said.contains("described 19 kinds in 67 types ([4] to [70], behind all others)"),
        "{said}"
    );
    assert!(said.contains("--split MODULE"), "{said}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let once = fs::read(&file).unwrap();
    let (code, said) = stderr(&["encode", &file]);
    assert_eq!((code, fs::read(&file).unwrap()), (Some(0), once.clone()));
    assert!(said.contains("nothing to describe"), "{said}");
    // Nothing but the file is left behind, and a link stays a link.
    let link = folder.path("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    fs::write(&file, point().bytes()).unwrap();
    ok(["encode", link.to_str().unwrap()]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), once);
    assert_eq!(fs::read_dir(folder.path(".")).unwrap().count(), 2);
}

#[test]
fn failed_runs_change_nothing() {
    let folder = Folder::new();
    let (odd, _) = unknown(&folder);
    let before = fs::read(&odd).unwrap();
    let said = fails(["encode", &odd]);
    assert!(
        said.starts_with(&format!("btfkinds: {odd}: .BTF+0x"))
            && said.contains("type [4] kind 99 'odd': unknown: "),
        "{said}"
    );
    assert!(said.contains("\nhelp: give the kind's words with --kind-file"), "{said}");
    let nowhere = folder.name("no/such/folder/out.btf");
    let good = folder.file("a.btf", point().bytes());
    assert!(fails(["encode", &good, "-o", &nowhere]).contains("cannot write"));
    assert_eq!(fs::read(&good).unwrap(), point().bytes());
    assert_eq!(fs::read(&odd).unwrap(), before);
    // A split file that was made for something else stops the whole run before anything is written.
    let mut split = Graph::default();
    split.int("own", 4, 0);
    let end = (4, 100_000);
    let wrong =
        folder.file("wrong.btf", split.write(&Layout { first: end, ..Layout::plain(&split) }).0);
    let said = fails(["encode", &good, "--split", &wrong]);
    assert!(
        said.contains("wrong.btf: .BTF+0x18: type [4] INT")
            && said.contains("help: the base may not be"),
        "{said}"
    );
    assert_eq!(fs::read(&good).unwrap(), point().bytes());
    assert_eq!(fs::read_dir(folder.path(".")).unwrap().count(), 4);
}

/// What is standalone stays so, and a base that cannot be the right one is told.
#[test]
fn standalone_and_split() {
    let folder = Folder::new();
    let base = folder.file("base.btf", point().bytes());
    let mut other = point();
    other.int("another_int_with_a_name_that_is_rather_long", 8, 0);
    other.add([W::S("another"), info(8, 0, false), W::Id(2)]);
    let file = folder.file("other.btf", other.bytes());
    let out = btfkinds(["dump", &file, "-B", &base]);
    assert_eq!(String::from_utf8(out.stdout).unwrap(), ok(["dump", &file]));
    assert!(String::from_utf8(out.stderr).unwrap().contains("standalone BTF, -B was not used"));
    let said = fails(["encode", &base, "--split", &file]);
    assert!(said.contains("other.btf: this is standalone BTF"), "{said}");
    // Split on the one base, read on the other: ids fit, names do not.
    let read = btfkinds::Btf::parse(&point().bytes()).unwrap();
    let first = (read.type_count(), read.str_len() as u32);
    let mut split = Graph::default();
    split.int("own", 4, 0);
    split.add([W::Abs(5), info(8, 0, false), W::Abs(1)]);
    let split = folder.file("split.btf", split.write(&Layout { first, ..Layout::plain(&split) }).0);
    let right = ok(["dump", &split, "-B", &base]);
    assert!(right.contains("TYPEDEF 'point'"), "{right}");
    let mut wrong = Graph::default();
    wrong.int("integer", 4, 1);
    wrong.int("x", 4, 1);
    wrong.int("yyyyyyyyyyy", 4, 1);
    let wrong = folder.file("wrong.btf", wrong.bytes());
    let (code, said) = stderr(&["dump", &split, "-B", &wrong]);
    assert_eq!(code, Some(0));
    assert!(
        said.contains("names are wrong: type [5] TYPEDEF 'ger': name: string offset 5 is inside"),
        "{said}"
    );
    assert!(said.contains("(4 types, 23 bytes of strings)"), "{said}");
    let said = fails(["encode", &split, "-B", &wrong]);
    assert!(said.contains("made for another base"), "{said}");
}

#[test]
fn kind_files() {
    let folder = Folder::new();
    let (odd, kind) = unknown(&folder);
    let text = ok(["dump", &odd, "--kind-file", &kind]);
    assert!(text.contains("[4] BOTH 'odd' type_id=2 vlen=1 w0=28672 w1=2 w2='a_name"), "{text}");
    let out = folder.name("out.btf");
    let (_, said) =
        stderr(&["encode", "-v", &odd, "--kind-file", &kind, "-o", &out, "--select", "none"]);
    assert!(said.contains("described 1 kind ") && said.contains("described BOTH"), "{said}");
    // From now on nobody needs the kind file.
    assert!(ok(["dump", &out]).starts_with(&text));
    let table = ok(["kinds", &out]);
    let line = table.lines().find(|line| line.starts_with("99")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..5], ["99", "BOTH", "id", "12", "16"]);
    assert!(
        line.contains("w0 w1:id w2:str [w0 w1 w2:str w3:id]  ")
            && line.contains("  1  description ["),
        "{line}"
    );
    for (text, what) in [
        ("kind 4 STRUCT\nthird size\n", "kind 4 is released"),
        ("kind 40 X\n", "line 2: there is no third line"),
        ("kind 40 X\nthird size\nthird size\n", "line 3: a line must start with"),
        ("kind 40 X\nthird size\nfixed a:i32\n", "line 3: a field's class must be"),
        ("# nothing\n", "there is no kind line"),
        ("kind 128 X\nthird size\n", "line 1: a kind's number must be 1 to 127"),
        ("kind 040 X\nthird size\n", "line 1: a kind's number must be 1 to 127"),
        ("kind 40 META_X\nthird size\n", "line 1: a kind's name"),
        ("kind 40 X\nthird size\nelements a a\n", "line 3: two fields have the same name"),
        ("kind 40 X\nthird size extra\n", "line 2: more words than this line can have"),
    ] {
        let file = folder.file("bad.kind", text);
        let said = fails(["dump", &odd, "--kind-file", &file]);
        assert!(
            said.contains(&format!("{file}: ")) && said.contains(what),
            "'{said}' does not say '{what}'"
        );
    }
    assert!(
        fails(["dump", &odd, "--kind-file", "/nowhere.kind"])
            .contains("/nowhere.kind: No such file")
    );
}

/// The proposed kinds that ship with the sources can be read, and are what the format says.
#[test]
fn proposed_kind_files() {
    let folder = Folder::new();
    for (layout, kinds) in [("2026", &MADE_UP[..3]), ("2025-10", &MADE_UP[3..6])] {
        for (kind, name) in kinds.iter().zip(["loc_param", "loc_proto", "locsec"]) {
            let mut graph = point();
            let made = kind.record(&mut graph, "it", 1, u32::from(!kind.element.is_empty()));
            assert_eq!(made, 3);
            let file = folder.file("a.btf", graph.bytes());
            let path = root().join(format!("kinds/proposed/{layout}/{name}.kind"));
            let text = ok(["dump", &file, "it", "--kind-file", path.to_str().unwrap()]);
            assert!(text.starts_with(&format!("[4] {} 'it'", kind.name)), "{text}");
            ok(["encode", "-q", &file, "--kind-file", path.to_str().unwrap()]);
            let read = btfkinds::Btf::parse(&fs::read(&file).unwrap()).unwrap();
            let spec = &read.kinds().get(btfkinds::Kind(kind.n as u8)).unwrap().spec;
            let mine = btfkinds::KindSpec::parse(&kind.file()).unwrap();
            assert!(spec.same_layout(&mine), "{path:?}");
            assert_eq!(spec.third, mine.third);
        }
    }
}

#[test]
fn our_own_table() {
    let table = ok(["kinds"]);
    assert_eq!(table.lines().count(), 20);
    assert!(
        table.contains(
            "\n 3  ARRAY       -         12     0  type:id index_type:id nelems      4.18\n"
        ),
        "{table}"
    );
}

#[test]
fn what_is_no_btf() {
    let folder = Folder::new();
    let said = |bytes: &[u8]| fails(["dump", &folder.file("x", bytes)]);
    assert!(said(b"").contains("0 bytes are too short for BTF"));
    assert!(said(b"hello, world").contains("not BTF: the magic is 68 65"));
    assert!(said(b"\x1f\x8b\x08\x00").contains("cannot unpack"));
    assert!(said(b"\xfd7zXZ\0\0\x01").contains("cannot unpack"));
    assert!(said(b"\x28\xb5\x2f\xfd\0\0").contains("cannot unpack"));
    assert!(said(b"MZ\0\0").contains("vmlinuz"));
    assert!(said(b"\x7fELF\x09").contains("ELF"));
    assert!(said(b"\x7fELF\x02\x01\x01").contains("ELF"));
    assert!(
        fails(["dump", folder.path(".").to_str().unwrap()]).contains("no file in there has BTF")
    );
    assert!(fails(["dump", "/nowhere"]).contains("/nowhere: cannot read"));
}

#[test]
fn usage_errors_exit_with_2() {
    fails(["dump"]);
    fails(["encode", "a", "--place", "middle"]);
    fails(["encode", "a", "--newer-than", "five"]);
    fails(["frobnicate"]);
    assert!(fails(["encode", "/sys/kernel/btf/vmlinux"]).contains("-o OUT"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut graph = point();
    for _ in 0..100_000 {
        graph.add([W::S("many"), info(8, 0, false), W::Id(0)]);
    }
    let folder = Folder::new();
    let file = folder.file("a.btf", graph.bytes());
    let mut child = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["dump", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(0), b"".as_slice()));
}

/// Kinds that are not released: their words by name, strings as strings, others as numbers.
#[test]
fn json_of_described_kinds() {
    let folder = Folder::new();
    let spec = "kind 42 GADGET\nthird id\nfixed flags name_off:str\nelements delta:s32 type:id\n";
    let kind_file = folder.file("42.kind", spec);
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    let words =
        [W::S("a \"quoted\" name"), info(42, 2, true), W::Id(int), W::N(8), W::S("strange\u{1}")];
    let elements = [W::N(u32::MAX), W::Id(int), W::N(7), W::Abs(0)];
    graph.add([words.as_slice(), &elements].concat());
    let file = folder.file("a.btf", graph.bytes());
    let text = ok(["dump", "-f", "json", &file, "--kind-file", &kind_file]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = r#"{"types": [
        {"id": 1, "kind": "INT", "name": "int", "size": 4, "bits_offset": 0, "nr_bits": 32, "encoding": "SIGNED"},
        {"id": 2, "kind": "GADGET", "name": "a \"quoted\" name", "type_id": 1, "vlen": 2, "kind_flag": 1,
         "fixed": {"flags": 8, "name_off": "strange\u0001"},
         "elements": [{"delta": -1, "type": 1}, {"delta": 7, "type": 0}]}]}"#;
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(expected).unwrap());
}

/// Findings on standard output, the verdict as the exit status.
#[test]
fn check_says_what_the_kernel_would() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.structure(W::S("fine"), 4, &[(W::S("x"), int, 0)]);
    let fine = folder.file("fine.btf", graph.bytes());
    assert_eq!(ok(["check", &fine]), "");
    graph.structure(W::S("small"), 2, &[(W::S("x"), int, 0)]);
    graph.structure(W::S("not a name"), 4, &[(W::S("x"), int, 0)]);
    let bad = folder.file("bad.btf", graph.bytes());
    let out = btfkinds(["check", &bad]);
    let (text, said) =
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert_eq!(out.status.code(), Some(1), "{text}{said}");
    assert!(text.contains("type [3] STRUCT 'small': member 0 x: "), "{text}");
    assert!(text.contains("type [4] STRUCT 'not a name': "), "{text}");
    assert!(text.contains("  kernel: [4] STRUCT not a name size=4 vlen=1 Invalid name"), "{text}");
    assert!(said.contains("refused (EINVAL), 2 errors, 0 warnings"), "{said}");
    let json = btfkinds(["check", "-q", "-f", "json", &bad, &fine]);
    assert_eq!(json.status.code(), Some(1));
    let lines = String::from_utf8(json.stdout).unwrap();
    let documents: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&documents[0]["verdict"], &documents[1]["verdict"]),
        (&"refused".into(), &"accepted".into())
    );
    assert_eq!(documents[0]["findings"].as_array().unwrap().len(), 2);
    // Split BTF is not taken for broken BTF.
    let split = root().join("golden/split/input.btf");
    assert!(fails(["check", split.to_str().unwrap()]).contains("this is split BTF"));
}
