//! Files that must not be lost, and files that are made to be trouble.

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
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::{Command, Stdio};

use common::{Folder, Graph, Layout, W, btfkinds, fails, info, ok};

fn point() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.structure(W::S("point"), 8, &[(W::S("x"), int, 0), (W::S("y"), int, 4)]);
    graph
}

/// A section of a made-up ELF file: its name, its bytes, and where they go if not behind the others.
type Section<'a> = (&'a str, &'a [u8], Option<u64>);

/// A relocatable 64-bit little-endian ELF file, by hand: header, sections, names, section headers.
fn elf(sections: &[Section<'_>]) -> Vec<u8> {
    let mut names = vec![0];
    let mut out = vec![0; 64];
    let mut headers = vec![0; 64];
    let mut add =
        |out: &mut Vec<u8>, names: &mut Vec<u8>, (name, data, at): Section<'_>, kind: u32| {
            let name_at = names.len() as u32;
            names.extend(name.as_bytes());
            names.push(0);
            out.resize(out.len().next_multiple_of(8), 0);
            let offset = at.unwrap_or(out.len() as u64);
            let data = if name == ".shstrtab" { names.clone() } else { data.to_vec() };
            if at.is_none() {
                out.extend(&data);
            }
            headers.extend(name_at.to_le_bytes());
            headers.extend(kind.to_le_bytes());
            for word in [0, 0, offset, data.len() as u64] {
                headers.extend(word.to_le_bytes());
            }
            headers.extend([0; 8]);
            headers.extend([1_u64, 0].map(u64::to_le_bytes).concat());
        };
    add(&mut out, &mut names, (".shstrtab", &[], None), 3);
    // The names must all be known before they are written: once more, at the end.
    for section in sections {
        add(&mut out, &mut names, *section, 1);
    }
    out.resize(out.len().next_multiple_of(8), 0);
    let names_at = out.len() as u64;
    out.extend(&names);
    headers[64 + 0x18..64 + 0x20].copy_from_slice(&names_at.to_le_bytes());
    headers[64 + 0x20..64 + 0x28].copy_from_slice(&(names.len() as u64).to_le_bytes());
    out.resize(out.len().next_multiple_of(8), 0);
    let table = out.len() as u64;
    out.extend(&headers);
    let header = [
        b"\x7fELF\x02\x01\x01".to_vec(),
        vec![0; 9],
        [1_u16, 62].map(u16::to_le_bytes).concat(),
        1_u32.to_le_bytes().to_vec(),
        [0, 0, table].map(u64::to_le_bytes).concat(),
        0_u32.to_le_bytes().to_vec(),
        [64, 0, 0, 64, sections.len() as u16 + 2, 1].map(u16::to_le_bytes).concat(),
    ]
    .concat();
    out[..64].copy_from_slice(&header);
    out
}

#[test]
fn made_up_elf_files_are_read() {
    let folder = Folder::new();
    let blob = point().bytes();
    let file = folder.file("a.o", elf(&[(".comment", b"hello", None), (".BTF", &blob, None)]));
    let raw = folder.file("a.btf", &blob);
    assert_eq!(ok(["dump", &file]), ok(["dump", &raw]));
    ok(["encode", "-q", &file]);
    ok(["encode", "-q", &raw]);
    assert_eq!(ok(["dump", &file]), ok(["dump", &raw]));
    assert!(fs::read(&file).unwrap().windows(5).any(|bytes| bytes == b"hello"));
    // Through a pipe, where nothing can be looked up.
    let mut child = Command::new("sh")
        .args(["-c", "cat \"$1\" | \"$0\" dump /dev/stdin", env!("CARGO_BIN_EXE_btfkinds"), &file])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text, ok(["dump", &file]));
    let none = folder.file("none.o", elf(&[(".comment", b"hello", None)]));
    assert!(fails(["dump", &none]).contains("there is no .BTF section"));
}

/// A section that shares its bytes with `.BTF` keeps them, whether the new BTF would fit or not.
#[test]
fn shared_bytes_stay() {
    let folder = Folder::new();
    let blob = point().bytes();
    let plain = elf(&[(".BTF", &blob, None)]);
    let at = plain.windows(4).position(|bytes| bytes == &blob[..4]).unwrap() as u64;
    let file = folder.file("a.o", elf(&[(".BTF", &blob, None), (".twin", &blob, Some(at))]));
    ok(["encode", "-q", &file]);
    let after = fs::read(&file).unwrap();
    assert_eq!(&after[at as usize..at as usize + blob.len()], &blob[..]);
    assert!(ok(["dump", &file]).contains("__BTF_KIND_19"));
    // The section headers themselves lie behind .BTF at the end of the file.
    let mut growing = elf(&[(".BTF", &blob, None)]);
    let table = u64::from_le_bytes(growing[0x28..0x30].try_into().unwrap()) as usize;
    let header = table + 2 * 64;
    let len = growing.len() as u64;
    let end = growing.len();
    // .BTF ends exactly where the file ends, over the section headers.
    let start = end - blob.len();
    growing[header + 0x18..header + 0x20].copy_from_slice(&(start as u64).to_le_bytes());
    let file = folder.file("b.o", &growing);
    let out = btfkinds(["encode", &file]);
    assert_eq!(out.status.code(), Some(2), "what is there is no BTF");
    assert_eq!(fs::read(&file).unwrap().len() as u64, len);
}

/// What is written must not be something else that was named.
#[test]
fn outputs_that_are_inputs() {
    let folder = Folder::new();
    let blob = point().bytes();
    let bytes = elf(&[(".BTF", &blob, None)]);
    let file = folder.file("a.o", &bytes);
    let link = folder.name("link");
    symlink(&file, &link).unwrap();
    for dest in [&file, &link] {
        assert!(
            fails(["encode", &file, "--detached", dest])
                .contains("--detached leaves FILE as it is")
        );
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    let first = (3, btfkinds::Btf::parse(&blob).unwrap().str_len() as u32);
    let mut split = Graph::default();
    split.int("own", 4, 0);
    let split = folder.file("split.btf", split.write(&Layout { first, ..Layout::plain(&split) }).0);
    let before = fs::read(&split).unwrap();
    let out = folder.name("out.btf");
    for args in [
        vec!["encode", &file, "--detached", &split, "--split", &split],
        vec!["encode", &file, "--split", &file],
        vec!["encode", &file, "--split", "-"],
        vec!["encode", &split, "-B", &file, "-o", &file],
        vec!["encode", &file, "--detached", folder.path(".").to_str().unwrap(), "--split", &split],
    ] {
        fails(&args);
        assert_eq!(
            (fs::read(&file).unwrap(), fs::read(&split).unwrap()),
            (bytes.clone(), before.clone()),
            "{args:?}"
        );
    }
    // Named twice, it moves once.
    let twice = btfkinds(["encode", &file, "--detached", &out, "--split", &split, &split]);
    assert!(String::from_utf8(twice.stderr).unwrap().contains("1 split file rewritten"));
    assert!(ok(["dump", &split, "-B", &out]).contains("INT 'own'"));
    // A run that was stopped after this file: the next one sees that it follows.
    let split_again = btfkinds(["encode", &file, "--detached", &out, "--split", &split]);
    assert!(String::from_utf8(split_again.stderr).unwrap().contains("split.btf: follows already"));
    // Once more for the described base: nothing changes, and that is said.
    let again = btfkinds(["encode", &out, "--split", &split]);
    assert!(
        String::from_utf8(again.stderr)
            .unwrap()
            .contains("has not changed: nothing that is split on it needs to")
    );
}

/// What is no regular file is written to, not replaced.
#[test]
fn special_outputs() {
    let folder = Folder::new();
    let file = folder.file("a.btf", point().bytes());
    let pipe = folder.name("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    ok(["encode", "-q", &file, "-o", &pipe]);
    let got = reader.wait_with_output().unwrap().stdout;
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // A link to nothing (yet) stays a link.
    let link = folder.name("link");
    symlink("target.btf", &link).unwrap();
    ok(["encode", "-q", &file, "-o", &link]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(folder.path("target.btf")).unwrap(), got);
    assert!(btfkinds::Btf::parse(&got).unwrap().type_count() > 60);
    let said = fails(["encode", &file, "-o", &folder.name("no/such/place.btf")]);
    assert!(!said.contains(".btfkinds-") && said.contains("No such file or directory"), "{said}");
}

/// A result that nobody took is a failure, however quiet.
#[test]
fn a_closed_pipe_loses_a_result() {
    let folder = Folder::new();
    let mut graph = point();
    for i in 0..100_000 {
        let name = graph.own(format!("a_type_of_number_{i}"));
        graph.add([name, info(8, 0, false), W::Id(0)]);
    }
    let file = folder.file("a.btf", graph.bytes());
    let mut child = Command::new(env!("CARGO_BIN_EXE_btfkinds"))
        .args(["encode", "-q", &file, "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(2));
}

/// An appended signature, right and wrong.
#[test]
fn signatures() {
    let folder = Folder::new();
    let blob = point().bytes();
    let bytes = elf(&[(".BTF", &blob, None)]);
    let signed = |claimed: u32| {
        let mut signed = bytes.clone();
        signed.extend([0xaa; 100]);
        signed.extend([0, 0, 2, 0, 0, 0, 0, 0]);
        signed.extend(claimed.to_be_bytes());
        signed.extend(b"~Module signature appended~\n");
        signed
    };
    let file = folder.file("signed.ko", signed(100));
    assert!(fails(["encode", &file]).contains("--strip-signature"));
    assert_eq!(fs::read(&file).unwrap(), signed(100));
    ok(["encode", "-q", "--strip-signature", &file]);
    let stripped = fs::read(&file).unwrap();
    let unsigned = folder.file("unsigned.ko", &bytes);
    ok(["encode", "-q", &unsigned]);
    assert_eq!(stripped, fs::read(&unsigned).unwrap());
    // Lengths that would cut into the file itself.
    for claimed in [101, 2000, bytes.len() as u32, u32::MAX] {
        let file = folder.file("bad.ko", signed(claimed));
        assert!(fails(["encode", "--strip-signature", &file]).contains("signature is broken"));
        assert_eq!(fs::read(&file).unwrap(), signed(claimed));
    }
}

/// Names of any length, everywhere: read in no time, or refused.
#[test]
fn long_names() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    let types = common::shared(&mut graph, common::Style::Full);
    let long = graph.own(format!("{}{}", "__BTF_KIND_", "x".repeat(8 << 20)));
    for i in 0..20_000 {
        let kind = if i % 2 == 0 { 8 } else { 4 };
        let third = if kind == 8 { W::Id(types.uint) } else { W::N(0) };
        graph.add([long, info(kind, 0, false), third]);
    }
    // A described kind with a thousand words that share the name.
    let members: Vec<_> = (0..1000).map(|i| (long, types.uint, i * 4)).collect();
    let meta = graph.structure(W::S("__BTF_KIND_META_BOMB"), 4000, &members);
    let array =
        graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(meta), W::Id(types.uint), W::N(0)]);
    let outer = graph.structure(
        W::S("__BTF_KIND_BOMB"),
        12,
        &[(W::S("type"), types.size, 0), (W::S("meta"), array, 12)],
    );
    graph.add([W::S("__BTF_KIND_90"), info(8, 0, false), W::Id(outer)]);
    let unused = folder.file("unused.btf", graph.bytes());
    ok(["encode", "-q", &unused, "-o", &folder.name("out.btf")]);
    assert!(ok(["kinds", &unused]).lines().all(|line| line.len() < 400));
    graph.add([W::S("record"), info(90, 0, false), W::N(0)]);
    let used = folder.file("used.btf", graph.bytes());
    // Names that are none are not shown; those of fields in fields could add up.
    assert!(ok(["kinds", &used]).lines().all(|line| line.len() < 400));
    let mut graph = Graph::default();
    let types = common::shared(&mut graph, common::Style::Full);
    let mut inner = types.uint;
    for _ in 0..10 {
        let name = graph.own("x".repeat(100));
        inner = graph.structure(W::S("in"), 4, &[(name, inner, 0)]);
    }
    let array =
        graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(inner), W::Id(types.uint), W::N(1)]);
    let outer = graph.structure(
        W::S("__BTF_KIND_BOMB"),
        16,
        &[(W::S("type"), types.size, 0), (W::S("meta"), array, 12)],
    );
    graph.add([W::S("__BTF_KIND_90"), info(8, 0, false), W::Id(outer)]);
    graph.add([W::S("record"), info(90, 0, false), W::N(0), W::N(0)]);
    let deep = folder.file("deep.btf", graph.bytes());
    assert!(fails(["kinds", &deep]).contains("whose name is longer than 256 bytes"));
}

/// Sixty bases, one on the other, the lowest of which knows a kind: asked for once each.
#[test]
fn a_long_chain_of_bases() {
    let kind = &common::MADE_UP[9];
    let mut graph = point();
    let types = common::shared(&mut graph, common::Style::Full);
    common::described(&mut graph, types, kind, common::Style::Full);
    let folder = Folder::new();
    let mut base = std::sync::Arc::new(btfkinds::Btf::parse(&graph.bytes()).unwrap());
    let mut args = vec!["-B".to_owned(), folder.file("0.btf", graph.bytes())];
    let mut strings = base.str_len() as u32;
    for i in 1..60 {
        let mut next = Graph::default();
        next.int("level", 4, 0);
        let first = (base.type_count(), strings);
        let (bytes, _) = next.write(&Layout { first, ..Layout::plain(&next) });
        base = std::sync::Arc::new(btfkinds::Btf::parse_split(&bytes, base).unwrap());
        strings += base.str_len() as u32;
        args.extend(["-B".to_owned(), folder.file(&format!("{i}.btf"), bytes)]);
    }
    let mut top = Graph::default();
    let int = top.int("top", 4, 0);
    kind.record(&mut top, "made", int, 1);
    let (bytes, _) =
        top.write(&Layout { first: (base.type_count(), strings), ..Layout::plain(&top) });
    let top = folder.file("top.btf", bytes);
    let text = ok([vec!["dump".to_owned(), top.clone()], args.clone()].concat());
    assert!(text.contains("BOTH 'made'"), "{text}");
    ok([vec!["encode".to_owned(), "-q".to_owned(), top], args].concat());
    // A second base that does not continue the first is no chain.
    let other = folder.file("other.btf", point().bytes());
    let said = fails(["dump", &other, "-B", &other, "-B", &other]);
    assert!(said.contains("it does not continue the base before it"), "{said}");
}

/// Very many descriptions, typedefs and equal types.
#[test]
fn very_many() {
    let folder = Folder::new();
    // 200,000 typedefs of one malformed description, and a record of the kind.
    let mut graph = point();
    let bad = graph.structure(W::S("__BTF_KIND_BAD"), 8, &[(W::S("x"), 0, 0), (W::S("y"), 0, 4)]);
    for _ in 0..200_000 {
        graph.add([W::S("__BTF_KIND_42"), info(8, 0, false), W::Id(bad)]);
        graph.add([W::S("__BTF_SIZES_42_0_0"), info(8, 0, false), W::Id(bad)]);
    }
    ok(["encode", "-q", &folder.file("unused.btf", graph.bytes())]);
    graph.add([W::S("record"), info(42, 0, false), W::N(0)]);
    assert!(
        fails(["dump", &folder.file("used.btf", graph.bytes())])
            .contains("malformed kind description")
    );
    // 200,000 equal INTs, and as many typedefs of the last.
    let mut graph = Graph::default();
    let mut last = 0;
    for _ in 0..200_000 {
        last = graph.int("unsigned int", 4, 0);
    }
    for _ in 0..200_000 {
        graph.add([W::S("__u32"), info(8, 0, false), W::Id(last)]);
    }
    let file = folder.file("equal.btf", graph.bytes());
    ok(["encode", "-q", &file]);
    assert!(
        btfkinds(["encode", &file]).stderr.windows(19).any(|bytes| bytes == b"nothing to describe")
    );
    // INT __u32 means something else.
    let mut graph = point();
    graph.int("__u32", 4, 0);
    let file = folder.file("taken.btf", graph.bytes());
    ok(["encode", "-q", &file]);
    assert!(!ok(["dump", &file]).contains("TYPEDEF '__u32'"));
}

/// A module with a distilled base: taken to a real one, where it stays.
#[test]
fn relocated_modules() {
    let folder = Folder::new();
    let mut base = Graph::default();
    base.int("int", 4, 1);
    base.add([W::S("point"), info(4, 0, false), W::N(8)]);
    let first = (3, btfkinds::Btf::parse(&base.bytes()).unwrap().str_len() as u32);
    let mut module = Graph::default();
    module.add([W::S("own_point"), info(8, 0, false), W::Abs(2)]);
    let (module, _) = module.write(&Layout { first, ..Layout::plain(&module) });
    let file = folder.file(
        "m.ko",
        elf(&[(".BTF", &module, None), (".BTF.base", &base.bytes(), None), (".x", b"x", None)]),
    );
    assert_eq!(ok(["dump", &file]), "[3] TYPEDEF 'own_point' type_id=2\n");
    assert!(
        ok(["dump", &file, "--section", ".BTF.base"]).contains("[2] STRUCT 'point' size=8 vlen=0")
    );
    let mut real = Graph::default();
    real.add([W::S("other"), info(7, 0, false), W::N(0)]);
    let int = real.int("int", 4, 1);
    real.structure(W::S("point"), 8, &[(W::S("x"), int, 0), (W::S("y"), int, 4)]);
    let wrong = folder.file("wrong.btf", real.clone().bytes());
    real.structure(W::S("behind"), 4, &[(W::S("a_member_with_a_name"), int, 0)]);
    let real = folder.file("real.btf", real.bytes());
    assert!(fails(["renumber", &file, "--portable"]).contains("has no standalone form"));
    let said = btfkinds(["renumber", &file, "-B", &real]);
    assert!(String::from_utf8(said.stderr).unwrap().contains("relocated to a base of 5 types"));
    assert!(ok(["dump", &file, "-B", &real]).starts_with("[5] TYPEDEF 'own_point' type_id=3\n"));
    assert!(
        fails(["dump", &file, "--section", ".BTF.base"]).contains("there is no section .BTF.base")
    );
    let before = fs::read(&file).unwrap();
    let copy = folder.name("copy.ko");
    ok(["renumber", "-q", &file, "-B", &real, "-o", &copy]);
    assert_eq!(fs::read(&copy).unwrap(), before);
    assert_eq!(btfkinds(["renumber", "-q", &file, "-B", &real, "-o", "-"]).stdout, before);
    let again = btfkinds(["renumber", &file, "-B", &real]);
    assert!(String::from_utf8(again.stderr).unwrap().contains("nothing to do"));
    // For another base there is nothing to tell what its types were.
    assert!(fails(["renumber", &file, "-B", &wrong]).contains("--from"));
}

/// BTF that is split on the file's own `.BTF`, and a chain of bases that are ELF files.
#[test]
fn other_sections_and_chains() {
    let folder = Folder::new();
    let blob = point().bytes();
    let first = |btf: &btfkinds::Btf, below: u32| (btf.type_count(), btf.str_len() as u32 + below);
    let base = std::sync::Arc::new(btfkinds::Btf::parse(&blob).unwrap());
    let mut inline = Graph::default();
    inline.add([W::S("inline_t"), info(8, 0, false), W::Abs(2)]);
    let at = first(&base, 0);
    let (inline, _) = inline.write(&Layout { first: at, ..Layout::plain(&inline) });
    let file = folder.file("a.o", elf(&[(".BTF", &blob, None), (".BTF.inline", &inline, None)]));
    assert_eq!(
        ok(["dump", &file, "--section", ".BTF.inline"]),
        "[3] TYPEDEF 'inline_t' type_id=2\n"
    );
    ok(["encode", "-q", &file]);
    let moved = ok(["dump", &file, "--section", ".BTF.inline"]);
    assert!(moved.contains("TYPEDEF 'inline_t' type_id=2") && !moved.starts_with("[3]"), "{moved}");
    // What a renumbering could not take back is refused.
    let said = fails(["renumber", "--portable", &file]);
    assert!(said.contains(".BTF.inline: this section is split on .BTF"), "{said}");
    // The base's BTF in two parts, each in a file of its own.
    let vmlinux = folder.file("vmlinux", elf(&[(".BTF", &blob, None)]));
    let part = folder.file("vmlinux_btf.ko", elf(&[(".BTF", &inline, None)]));
    let middle = btfkinds::Btf::parse_split(&inline, base).unwrap();
    let mut module = Graph::default();
    module.add([W::S("module_t"), info(8, 0, false), W::Abs(3)]);
    let layout = Layout { first: first(&middle, at.1), ..Layout::plain(&module) };
    let module = folder.file("m.ko", elf(&[(".BTF", &module.write(&layout).0, None)]));
    assert_eq!(
        ok(["dump", &module, "-B", &vmlinux, "-B", &part]),
        "[4] TYPEDEF 'module_t' type_id=3\n"
    );
}

/// There and back again and again: the file stays well-formed and does not grow by a copy of its
/// BTF each time; a `.BTF.base` that was taken away comes back.
#[test]
fn portable_and_back() {
    let folder = Folder::new();
    let mut module = point();
    for i in 0..200 {
        let name = module.own(format!("a_type_of_number_{i}"));
        module.add([name, info(8, 0, false), W::Id(1)]);
    }
    let blob = module.bytes();
    let file = folder.file("m.ko", elf(&[(".BTF", &blob, None), (".x", b"hello", None)]));
    let standalone = ok(["dump", &file]);
    ok(["renumber", "-q", "--portable", &file]);
    let first = fs::read(&file).unwrap();
    for _ in 0..5 {
        ok(["renumber", "-q", "--undo", &file]);
        assert_eq!(ok(["dump", &file]), standalone);
        assert!(fails(["dump", &file, "--section", ".BTF.base"]).contains("there is no section"));
        ok(["renumber", "-q", "--portable", &file]);
        assert!(ok(["dump", &file]).starts_with("[2] INT 'int'"));
    }
    let last = fs::read(&file).unwrap();
    assert!(last.len() - first.len() <= 5 * 64, "{} and then {} bytes", first.len(), last.len());
    assert!(last.windows(5).any(|bytes| bytes == b"hello"));
    // Its BTF alone: small numbers, but not those of standalone BTF.
    let parsed =
        object::read::elf::ElfFile64::<object::Endianness>::parse(last.as_slice()).unwrap();
    let section = object::Object::section_by_name(&parsed, ".BTF").unwrap();
    let blob = object::ObjectSection::data(&section).unwrap();
    let raw = folder.file("raw.btf", blob);
    assert!(
        fails(["dump", &raw])
            .contains("this was numbered for a base of 2 types, 5 bytes of strings")
    );
    let lost = folder.file("lost.ko", elf(&[(".BTF", blob, None)]));
    assert!(fails(["dump", &lost]).contains("this was numbered for a base of 2 types"));
    ok(["renumber", "-q", "--portable", &lost]);
    assert_eq!(ok(["dump", &lost]), ok(["dump", &file]));
    // One that is there but is not the right one is no better.
    let mut wrong = Graph::default();
    wrong.int("xnt", 4, 1);
    let odd =
        folder.file("odd.ko", elf(&[(".BTF", blob, None), (".BTF.base", &wrong.bytes(), None)]));
    ok(["renumber", "-q", "--portable", &odd]);
    assert!(ok(["dump", &odd, "--section", ".BTF.base"]).contains("INT 'int'"));
    // By another name the same file: it stays.
    let link = folder.name("link.ko");
    symlink(&file, &link).unwrap();
    for dest in [&file, &link] {
        ok(["renumber", "-q", "--portable", &file, "-o", dest]);
        assert_eq!(fs::read(&file).unwrap(), last);
    }
    assert!(
        fails(["renumber", "--standalone", &raw, "-B", &link]).contains("it is not standalone")
    );
}
