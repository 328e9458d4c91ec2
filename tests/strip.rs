//! Descriptions taken off again: what comes out is what went into the encoder, byte for byte.

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
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use btfkinds::kernel::VMLINUX;
use btfkinds::{
    Btf, Describe, File, KindSpec, Origin, Parse, Place, Select, Strip, Stripped, Text, describe,
    flatten, strip,
};
use common::needs::Need::{Debian, KernelBtf, Tool};
use common::needs::{debian, trial};
use common::{
    Folder, Graph, Layout, MADE_UP, Random, Style, W, btfkinds, described, fails, info, ok, root,
    run, shared,
};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let (clang, gcc, bpftool) = (Tool("clang"), Tool("gcc"), Tool("bpftool"));
    let tests = vec![
        trial("kernel", &[KernelBtf], kernel),
        trial("kernel_by_bpftool", &[KernelBtf, bpftool], kernel_by_bpftool),
        trial("debian_vmlinux_and_modules", &[Debian], debian_vmlinux_and_modules),
        trial("debian_split_follows", &[Debian], debian_split_follows),
        trial("objects", &[clang, gcc], objects),
        trial("packed_and_signed", &[Debian, Tool("xz")], packed_and_signed),
        trial("golden_cases", &[], golden_cases),
        trial("random_blobs", &[], random_blobs),
        trial("again_and_again", &[], again_and_again),
        trial("other_encoders", &[], other_encoders),
        trial("shared_with_a_program", &[], shared_with_a_program),
        trial("kinds_that_need_it", &[], kinds_that_need_it),
        trial("only_names", &[], only_names),
        trial("renumbered", &[], renumbered),
        trial("layout_sections", &[], layout_sections),
        trial("damaged", &[], damaged),
        trial("command", &[], command),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn text(btf: &Btf) -> String {
    let mut out = Vec::new();
    Text::new(&mut out).types(btf.types()).unwrap();
    String::from_utf8(out).unwrap()
}

fn stripped(bytes: &[u8], how: &Strip) -> (Vec<u8>, Stripped) {
    let mut btf = how.parse.read(bytes).unwrap();
    let done = strip(&mut btf, how).unwrap();
    (btf.to_bytes(), done)
}

/// All ways to describe kinds.
fn ways() -> Vec<Describe> {
    let mut ways = Vec::new();
    for place in [Place::Back, Place::Front] {
        for origin in [false, true] {
            for newer_than in [None, Some("5.2"), Some("5.17"), Some("6.0")] {
                for select in [Select::All, Select::Used, Select::None] {
                    let newer_than = newer_than.map(|version| version.parse().unwrap());
                    ways.push(Describe { select, newer_than, place, origin });
                }
            }
        }
    }
    ways
}

/// Each way, with and without a layout section, and back.
fn there_and_back(bytes: &[u8], parse: &Parse, ways: &[Describe]) {
    let before = parse.read(bytes).unwrap();
    for (number, way) in ways.iter().enumerate() {
        let mut btf = before.clone();
        let done = describe(&mut btf, way).unwrap();
        let layout = number % 3 == 0;
        if layout {
            btf.add_layout().unwrap();
        }
        let described = btf.to_bytes();
        let how = Strip { layout, parse: parse.clone(), ..Strip::default() };
        let (back, told) = stripped(&described, &how);
        assert!(back == bytes, "{way:?}: {} bytes, not {}", back.len(), bytes.len());
        assert_eq!(
            (told.proved, told.reached, told.origin),
            (done.types, 0, done.origin),
            "{way:?}"
        );
        assert_eq!((&told.kinds, told.bytes), (&done.kinds, described.len() - bytes.len()));
        assert_eq!(told.layout, layout.then_some(true));
        assert!(told.kept.is_empty() && told.left.is_empty() && told.unreadable.is_empty());
    }
}

fn kernel() {
    let back: Vec<Describe> = ways().into_iter().take(24).step_by(2).collect();
    there_and_back(&fs::read(VMLINUX).unwrap(), &Parse::new(), &back);
    let front: Vec<Describe> = ways().into_iter().skip(24).step_by(7).collect();
    there_and_back(&fs::read(VMLINUX).unwrap(), &Parse::new(), &front);
}

/// The command, checked by what bpftool reads.
fn kernel_by_bpftool() {
    let folder = Folder::new();
    let file = folder.name("front.btf");
    ok(["encode", "-q", "--place", "front", VMLINUX, "-o", &file]);
    ok(["strip", &file]);
    let dump = |file: &str| run("bpftool", &["btf", "dump", "file", file]);
    assert!(dump(&file) == dump(VMLINUX));
}

fn modules() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![debian().join("modules")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.retain(|path| path.to_string_lossy().contains(".ko"));
    found.sort();
    found
}

fn debian_vmlinux_and_modules() {
    let file = File::open(&debian().join("vmlinux")).unwrap();
    let base = Arc::new(file.btf(&Parse::new()).unwrap());
    there_and_back(&base.to_bytes(), &Parse::new(), &ways()[..3]);
    let modules = modules();
    let mut done = 0;
    for module in modules.iter().step_by((modules.len() / 60).max(1)) {
        let split = File::open(module).unwrap().btf(&Parse::new().base(Arc::clone(&base))).unwrap();
        // Flattening writes an origin record as the encoder does: whose it is can't be told.
        let flat = flatten(&split, &[]).unwrap().into_btf();
        assert_eq!(flat.origin().unwrap().standalone, Origin::ENCODED);
        let (standalone, told) = stripped(&flat.to_bytes(), &Strip::default());
        assert!(told.origin && told.kinds.is_empty());
        there_and_back(&standalone, &Parse::new(), &ways());
        done += 1;
    }
    assert!(done >= 60, "{done}");
}

/// A base and what is split on it, there and back.
fn debian_split_follows() {
    let folder = Folder::new();
    let base = folder.name("vmlinux.btf");
    fs::write(&base, File::open(&debian().join("vmlinux")).unwrap().bytes().unwrap()).unwrap();
    let modules: Vec<PathBuf> = modules().into_iter().step_by(90).collect();
    let mut copies = Vec::new();
    for (number, module) in modules.iter().enumerate() {
        let copy = folder.name(&format!("{number}.btf"));
        fs::write(&copy, File::open(module).unwrap().bytes().unwrap()).unwrap();
        copies.push(copy);
    }
    let read =
        |copies: &[String]| copies.iter().map(|copy| fs::read(copy).unwrap()).collect::<Vec<_>>();
    let before = (fs::read(&base).unwrap(), read(&copies));
    let with_modules = |args: &[&str]| {
        let all = copies.iter().map(String::as_str);
        btfkinds(args.iter().copied().chain(["--split"]).chain(all))
    };
    for place in ["back", "front"] {
        assert!(with_modules(&["encode", "--place", place, &base]).status.success());
        let described = (fs::read(&base).unwrap(), read(&copies));
        assert!(before != described);
        // By itself the base would lose its modules: that is said.
        let told = String::from_utf8(btfkinds(["strip", "-n", &base]).stderr).unwrap();
        assert!(told.contains("'--split MODULE...'"), "{told}");
        assert!(fs::read(&base).unwrap() == described.0);
        let out = with_modules(&["strip", &base]);
        let told = String::from_utf8(out.stderr).unwrap();
        assert!(told.contains("split files rewritten to match"), "{told}");
        assert!((fs::read(&base).unwrap(), read(&copies)) == before, "{place}");
    }
    // Modules that use what is to go are named, and nothing is written.
    ok(["encode", &base]);
    let mut module = Btf::new_split(Arc::new(Btf::parse(&fs::read(&base).unwrap()).unwrap()));
    let typedef =
        module.base().unwrap().types().find(|ty| ty.name() == "__btf_type_id").unwrap().id();
    module.add_ptr(typedef).unwrap();
    let user = folder.file("user.btf", module.to_bytes());
    let before = fs::read(&base).unwrap();
    let told = fails(["strip", &base, "--split", &user]);
    assert!(
        told.contains("user.btf: ") && told.contains("is of what is to be taken out"),
        "{told}"
    );
    assert!(fs::read(&base).unwrap() == before);
}

const SOURCE: &str = "struct s { int a; unsigned char b[3]; struct s *next; } v;\n\
typedef struct s s_t;\nint f(s_t *p, unsigned long n) { return p->a + (int)n; }\n";

/// Whole files: encoding appends, stripping takes even that back.
fn objects() {
    let folder = Folder::new();
    let source = folder.file("a.c", SOURCE);
    let mut objects = Vec::new();
    for target in ["bpfel", "bpfeb"] {
        let object = folder.name(&format!("{target}.o"));
        run("clang", &["-target", target, "-O2", "-g", "-c", &source, "-o", &object]);
        objects.push(object);
    }
    let object = folder.name("gcc.o");
    run("gcc", &["-gbtf", "-O1", "-c", &source, "-o", &object]);
    let program = folder.name("program");
    let main = folder.file("main.c", format!("{SOURCE}int main(void) {{ return 0; }}\n"));
    run("gcc", &["-gbtf", "-O1", &main, "-o", &program]);
    objects.extend([object, program]);
    for object in objects {
        let before = fs::read(&object).unwrap();
        for args in [
            &[][..],
            &["--place", "front"],
            &["--standalone"],
            &["--select", "used", "--newer-than", "5.0"],
            &["--layout"],
        ] {
            ok([&["encode", &object], args].concat());
            let encoded = fs::read(&object).unwrap();
            assert!(encoded != before);
            let layout: &[&str] = if args == ["--layout"] { &["--layout"] } else { &[] };
            // To another file and to standard output it is the same as in place.
            let copy = folder.name("copy");
            ok([&["strip", &object, "-o", &copy], layout].concat());
            assert!(fs::read(&object).unwrap() == encoded);
            let out = btfkinds([&["strip", &object, "-o", "-"], layout].concat()).stdout;
            ok([&["strip", &object], layout].concat());
            let back = fs::read(&object).unwrap();
            assert!(
                back == before,
                "{object} {args:?}: {} bytes, not {}",
                back.len(),
                before.len()
            );
            assert!(fs::read(&copy).unwrap() == back && out == back);
        }
        // Two steps there, one back.
        ok(["encode", "--newer-than", "5.2", &object]);
        ok(["encode", &object]);
        ok(["strip", &object]);
        let stripped = File::open(Path::new(&object)).unwrap().bytes().unwrap();
        fs::write(folder.name("before"), &before).unwrap();
        let was = File::open(&folder.path("before")).unwrap().bytes().unwrap();
        assert!(stripped == was, "{object}");
    }
}

/// A compressed module stays so; a signature is not lost without asking.
fn packed_and_signed() {
    let folder = Folder::new();
    let module =
        modules().into_iter().find(|path| path.to_string_lossy().ends_with(".ko")).unwrap();
    let vmlinux = debian().join("vmlinux");
    let standalone = folder.name("x.ko");
    fs::copy(module, &standalone).unwrap();
    ok(["flatten", "--strip-signature", "-B", vmlinux.to_str().unwrap(), &standalone]);
    ok(["strip", &standalone]);
    let before = fs::read(&standalone).unwrap();
    ok(["encode", &standalone]);
    let encoded = fs::read(&standalone).unwrap();
    assert!(encoded != before);
    let signed = [
        &encoded[..],
        b"signature",
        &[0; 8],
        &9_u32.to_be_bytes(),
        b"~Module signature appended~\n",
    ];
    fs::write(&standalone, signed.concat()).unwrap();
    let told = fails(["strip", &standalone]);
    assert!(told.contains("--strip-signature"), "{told}");
    assert!(fs::read(&standalone).unwrap() == signed.concat());
    ok(["strip", "--strip-signature", &standalone]);
    assert!(fs::read(&standalone).unwrap() == before);
    fs::write(&standalone, encoded).unwrap();
    run("xz", &["--check=crc32", &standalone]);
    let packed = format!("{standalone}.xz");
    ok(["strip", &packed]);
    run("xz", &["-d", &packed]);
    assert!(fs::read(&standalone).unwrap() == before);
}

fn golden_cases() {
    let mut cases = 0;
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let folder = entry.unwrap().path();
        let (input, encoded) = (folder.join("input.btf"), folder.join("encoded.btf"));
        if !encoded.exists() {
            continue;
        }
        let mut parse = Parse::new();
        if let Ok(base) = fs::read(folder.join("base.btf")) {
            parse = parse.base(Arc::new(Btf::parse(&base).unwrap()));
        }
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "kind") {
                parse = parse.kind(KindSpec::parse(&fs::read_to_string(path).unwrap()).unwrap());
            }
        }
        let input = fs::read(input).unwrap();
        let how = Strip { parse: parse.clone(), ..Strip::default() };
        let mut btf = parse.read(&fs::read(encoded).unwrap()).unwrap();
        match strip(&mut btf, &how) {
            Ok(done) => {
                // What was described before the encoder came is taken off along.
                let mut plain = parse.read(&input).unwrap();
                strip(&mut plain, &how).unwrap();
                assert!(btf.to_bytes() == plain.to_bytes(), "{}", folder.display());
                assert!(done.proved > 0 || done.is_nothing(), "{}", folder.display());
                cases += usize::from(btf.to_bytes() == input);
            }
            // Nothing but its descriptions says what its records are, and these are the encoder's.
            Err(err) => {
                let of_2022 = folder.ends_with("descriptions-of-2022")
                    || folder.ends_with("two-descriptions");
                assert!(of_2022, "{}: {err}", folder.display());
            }
        }
    }
    assert!(cases >= 8, "{cases}");
}

/// Types with names and strings that descriptions have, too, in any order.
fn random_blob(random: &mut Random) -> (Vec<u8>, Parse) {
    const NAMES: [&str; 14] = [
        "",
        "a",
        "size",
        "type",
        "info",
        "meta",
        "__u32",
        "__s32",
        "__btf_type_id",
        "__btf_name_off",
        "__btf_type",
        "unsigned int",
        "int",
        "name_off",
    ];
    let mut graph = Graph::default();
    let count = 1 + random.below(12);
    let mut parse = Parse::new();
    let made_up = MADE_UP[random.below(MADE_UP.len())];
    if random.below(2) == 0 {
        parse = parse.kind(KindSpec::parse(&made_up.file()).unwrap());
    }
    let unreleased = parse_knows(&parse);
    for _ in 0..count {
        let name = NAMES[random.below(NAMES.len())];
        let named = NAMES[1 + random.below(NAMES.len() - 1)];
        let to = random.below(count);
        match random.below(if unreleased { 7 } else { 6 }) {
            0 => drop(graph.int(
                ["unsigned int", "int", "__u32"][random.below(3)],
                4,
                random.below(2) as u32,
            )),
            1 => drop(graph.add([W::S(named), info(8, 0, false), W::Id(to)])),
            2 => drop(graph.structure(W::S(name), 8, &[(W::S(named), to, 0), (W::S("x"), to, 4)])),
            3 => drop(graph.add([W::S(""), info(2, 0, false), W::Id(to)])),
            4 => {
                let members = [(W::S("size"), to, 0), (W::S("type"), to, 0)];
                let at = graph.structure(W::S(""), 4, &members);
                graph.types[at][1] = info(5, 2, false);
            }
            5 => drop(graph.add([
                W::S(""),
                info(3, 0, false),
                W::N(0),
                W::Id(to),
                W::Id(to),
                W::N(0),
            ])),
            _ => drop(made_up.record(&mut graph, "a", to, 1)),
        }
    }
    let mut layout = Layout::plain(&graph);
    layout.big_endian = random.below(2) == 0;
    (graph.write(&layout).0, parse)
}

fn parse_knows(parse: &Parse) -> bool {
    format!("{parse:?}").contains("KindSpec")
}

fn random_blobs() {
    let mut random = Random(0x5eed_0001);
    let ways = ways();
    let (mut same, mut shorter) = (0, 0);
    for _ in 0..4000 {
        let (bytes, parse) = random_blob(&mut random);
        let before = parse.read(&bytes).unwrap();
        let way = &ways[random.below(ways.len())];
        let mut btf = before.clone();
        let done = describe(&mut btf, way).unwrap();
        let described = btf.to_bytes();
        let how = Strip { parse: parse.clone(), ..Strip::default() };
        let (back, told) = stripped(&described, &how);
        assert_eq!(told.kinds, done.kinds);
        let seen = || format!("{way:?}\n{}", text(&Btf::parse(&described).unwrap()));
        assert_eq!((told.reached, told.origin), (0, done.origin), "{}", seen());
        if back == bytes {
            same += 1;
            continue;
        }
        // Its last types are what the encoder would begin with, and nothing uses them.
        assert!(back.len() < bytes.len());
        let mut again = parse.read(&back).unwrap();
        describe(&mut again, way).unwrap();
        assert!(again.to_bytes() == described);
        shorter += 1;
    }
    assert!(same > 3800 && shorter > 0, "{same} {shorter}");
}

/// Several runs of the encoder, each with more kinds.
fn again_and_again() {
    let mut random = Random(0x5eed_0002);
    let mut ways = ways();
    ways.retain(|way| way.place == Place::Back);
    let mut same = 0;
    for _ in 0..500 {
        let (bytes, parse) = random_blob(&mut random);
        let mut btf = parse.read(&bytes).unwrap();
        for _ in 0..3 {
            describe(&mut btf, &ways[random.below(ways.len())]).unwrap();
        }
        let (back, told) = stripped(&btf.to_bytes(), &Strip { parse, ..Strip::default() });
        assert_eq!(told.reached, 0);
        assert!(back.len() <= bytes.len());
        same += usize::from(back == bytes);
    }
    assert!(same > 450, "{same}");
}

/// Descriptions by hand, anywhere among other types: all that only descriptions can have goes, the rest stays in
/// its order.
fn other_encoders() {
    let mut random = Random(0x5eed_0003);
    for round in 0..300 {
        let style = [Style::Full, Style::NoSizes, Style::Old][round % 3];
        let mut graph = Graph::default();
        let long = graph.int("long int", 8, 1);
        let user =
            graph.structure(W::S("user"), 16, &[(W::S("type"), long, 0), (W::S("size"), long, 8)]);
        graph.add([W::S("user_t"), info(8, 0, false), W::Id(user)]);
        let own = graph.types.len();
        let types = shared(&mut graph, style);
        for kind in &MADE_UP {
            if random.below(3) == 0 && kind.n >= 23 {
                described(&mut graph, types, kind, style);
            }
        }
        let typedef = graph.types.len();
        described(&mut graph, types, &MADE_UP[1], style);
        let mut layout = Layout::plain(&graph);
        random.shuffle(&mut layout.order);
        let (bytes, ids) = graph.write(&layout);
        let (back, told) = stripped(&bytes, &Strip::default());
        // An ordinary program has INTs and `__u32`; what it has not is not told from what it has.
        let stays = |index: &usize| {
            let words = &graph.types[*index];
            let name = graph.text(words[0]);
            *index < own || words[1] == info(1, 0, false) || (name == "__u32" && words.len() == 3)
        };
        let expected = Layout {
            order: layout.order.iter().copied().filter(stays).collect(),
            ..layout.clone()
        };
        assert_eq!(
            text(&Btf::parse(&back).unwrap()),
            text(&Btf::parse(&graph.write(&expected).0).unwrap())
        );
        // The last typedef of all may be one that our encoder would add as well.
        let gone = graph.types.len() - expected.order.len();
        assert!(told.proved <= 1 && (told.proved + told.reached) as usize == gone);
        assert!(told.kept.is_empty() && !told.left.is_empty());
        // Where it went is told, too.
        for (at, index) in expected.order.iter().enumerate() {
            assert_eq!(told.removal.id(ids[*index]), Some(at as u32 + 1));
        }
        assert_eq!(told.removal.id(ids[typedef]), None);
        let strings = String::from_utf8_lossy(&back).into_owned();
        assert!(
            !strings.contains("__BTF_")
                && !strings.contains("__btf_")
                && strings.contains("user_t")
        );
        // Once more: there is nothing.
        assert!(stripped(&back, &Strip::default()).1.is_nothing());
    }
}

/// A program that refers to parts of descriptions keeps them, and all they need.
fn shared_with_a_program() {
    for style in [Style::Full, Style::Old] {
        let mut graph = Graph::default();
        let types = shared(&mut graph, style);
        let kept = described(&mut graph, types, &MADE_UP[1], style);
        let gone = described(&mut graph, types, &MADE_UP[6], style);
        graph.add([W::S("mine"), info(8, 0, false), W::Id(kept)]);
        let (bytes, ids) = graph.write(&Layout::plain(&graph));
        let (back, told) = stripped(&bytes, &Strip::default());
        let dump = text(&Btf::parse(&back).unwrap());
        assert!(dump.contains("'__BTF_KIND_21'") && !dump.contains("'__BTF_KIND_23'"), "{dump}");
        assert!(dump.contains("'__BTF_KIND_META_LOC_PROTO'") && dump.contains("'mine'"));
        assert!(
            told.kept.iter().any(|id| id.0 == ids[kept]) && told.removal.id(ids[gone]).is_none()
        );
        assert_eq!(told.kinds.len(), 1);
    }
}

/// Records that nobody could read any more.
fn kinds_that_need_it() {
    let folder = Folder::new();
    for kind in MADE_UP {
        let mut graph = Graph::default();
        let int = graph.int("int", 4, 1);
        kind.record(&mut graph, "thing", int, 2);
        graph.add([W::S("behind"), info(8, 0, false), W::Id(int)]);
        let bytes = graph.bytes();
        let words = folder.file("words.kind", kind.file());
        for place in ["back", "front"] {
            let file = folder.file("x.btf", &bytes);
            ok(["encode", "--place", place, "--kind-file", &words, &file]);
            let described = fs::read(&file).unwrap();
            let told = fails(["strip", &file]);
            assert!(
                told.contains(&format!("there are records of kind {} ({})", kind.n, kind.name)),
                "{told}"
            );
            assert!(told.contains("help: give the kind's words with --kind-file"), "{told}");
            assert!(fs::read(&file).unwrap() == described);
            let out = btfkinds(["strip", "--force", "-o", &folder.name("forced"), &file]);
            let told = String::from_utf8(out.stderr).unwrap();
            assert!(out.status.success() && told.contains("warning: from now on"), "{told}");
            assert!(fs::read(folder.name("forced")).unwrap() == bytes);
            ok(["strip", "--kind-file", &words, &file]);
            assert!(fs::read(&file).unwrap() == bytes, "{kind:?} {place}");
        }
    }
}

/// Typedefs that are called like one and are none, stay, and are named.
fn only_names() {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.add([W::S("__BTF_KIND_4"), info(8, 0, false), W::Id(int)]);
    graph.add([W::S("__BTF_KIND_020"), info(8, 0, false), W::Id(int)]);
    graph.add([W::S("__BTF_SIZES_9_0_0"), info(8, 0, false), W::Id(int)]);
    let bytes = graph.bytes();
    let (back, told) = stripped(&bytes, &Strip::default());
    assert!(back == bytes && told.is_nothing());
    assert_eq!(told.kept.len(), 2);
    // With others behind them, these go.
    let mut btf = Btf::parse(&bytes).unwrap();
    let done = describe(&mut btf, &Describe::default()).unwrap();
    let (back, told) = stripped(&btf.to_bytes(), &Strip::default());
    assert!(back == bytes && told.proved == done.types);
}

/// The standalone form is the one to strip.
fn renumbered() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    graph.int("char", 1, 1);
    let base = folder.file("base.btf", graph.bytes());
    graph.int("int", 4, 1);
    let bytes = graph.bytes();
    let file = folder.file("x.btf", &bytes);
    ok(["encode", "--standalone", &file]);
    ok(["renumber", "-B", &base, &file]);
    let before = fs::read(&file).unwrap();
    let told = fails(["strip", "-B", &base, &file]);
    assert!(told.contains("renumber --undo"), "{told}");
    assert!(fails(["strip", &file]).contains("renumber --undo"));
    assert!(fs::read(&file).unwrap() == before);
    ok(["renumber", "--undo", &file]);
    ok(["strip", &file]);
    assert!(fs::read(&file).unwrap() == bytes);
}

/// A layout section goes only when asked for.
fn layout_sections() {
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    // With an entry that the encoder would not write.
    let section = vec![[0; 4], [4, 0, 1, 0], [0; 4]];
    let (bytes, _) = graph.write(&Layout { section: Some(section), ..Layout::plain(&graph) });
    let (plain, told) = stripped(&bytes, &Strip::default());
    assert!(plain == bytes && told.is_nothing());
    let how = Strip { layout: true, ..Strip::default() };
    let (bare, told) = stripped(&bytes, &how);
    assert_eq!((bare.as_slice(), told.layout), (graph.bytes().as_slice(), Some(false)));
    let mut btf = Btf::parse(&bytes).unwrap();
    let done = describe(&mut btf, &Describe::default()).unwrap();
    assert!(stripped(&btf.to_bytes(), &Strip::default()).0 == bytes);
    let (back, told) = stripped(&btf.to_bytes(), &how);
    assert_eq!((back, told.proved, told.layout), (graph.bytes(), done.types, Some(false)));
}

/// Any word may be anything: what can be read is stripped or refused, and what comes out can be read.
fn damaged() {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    described(&mut graph, types, &MADE_UP[9], Style::Full);
    MADE_UP[9].record(&mut graph, "x", 0, 1);
    let mut btf = Btf::parse(&graph.bytes()).unwrap();
    describe(&mut btf, &Describe { origin: true, ..Describe::default() }).unwrap();
    let bytes = btf.to_bytes();
    let mut random = Random(0x5eed_0005);
    let (mut done, mut refused) = (0, 0);
    for round in 0..6000 {
        let mut damaged = bytes.clone();
        for _ in 0..=round % 3 {
            let at = 24 + random.below(btf.type_len() / 4) * 4;
            let word =
                [0, 1, 12, 0x0400_0001, 0x0800_0000, random.below(120) as u32][random.below(6)];
            damaged[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        let Ok(mut btf) = Btf::parse(&damaged) else { continue };
        let how = Strip { force: round % 2 == 0, ..Strip::default() };
        match strip(&mut btf, &how) {
            Ok(told) => {
                let back = btf.to_bytes();
                assert_eq!(Btf::parse(&back).is_err(), !told.unreadable.is_empty());
                assert_eq!(damaged.len() - back.len(), told.bytes);
                done += 1;
            }
            Err(_) => {
                assert!(btf.to_bytes() == damaged);
                refused += 1;
            }
        }
    }
    assert!(done > 300 && refused > 300, "{done} {refused}");
}

fn command() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    graph.int("short int", 2, 1);
    let plain = graph.bytes();
    let (a, b) = (folder.file("a.btf", &plain), folder.file("b.btf", &plain));
    let said = |args: &[&str]| {
        let out = btfkinds(args);
        assert!(out.status.success());
        String::from_utf8(out.stderr).unwrap()
    };
    assert!(said(&["strip", &a]).contains("nothing to do: it has no descriptions to take off"));
    assert!(said(&["strip", "-n", &a]).contains("would be left as it is"));
    ok(["encode", &a]);
    let described = fs::read(&a).unwrap();
    let told = said(&["strip", "-n", &a]);
    assert!(told.contains("would take off the descriptions of 19 kinds (68 types)"), "{told}");
    assert!(fs::read(&a).unwrap() == described);
    let told = said(&["strip", "-v", &a, &b]);
    assert!(told.contains("encoding it again gives the same bytes"), "{told}");
    assert!(
        told.contains("described were INT, PTR")
            && told.contains("1 file changed, 1 unchanged, 0 failed"),
        "{told}"
    );
    assert!(fs::read(&a).unwrap() == plain && fs::read(&b).unwrap() == plain);
    let both = fails(["strip", "-o", &folder.name("c"), &a, &b]);
    assert!(both.contains("-o OUT takes one FILE"), "{both}");
    // Types behind the descriptions, as a linker might add: not proved, and that is said.
    let mut btf = Btf::parse(&described).unwrap();
    btf.add_typedef("later", btfkinds::TypeId(1)).unwrap();
    let file = folder.file("later.btf", btf.to_bytes());
    let told = said(&["strip", "-v", &file]);
    assert!(told.contains("found by what refers to them"), "{told}");
    assert!(told.contains("INT unsigned int stays: only descriptions used it"), "{told}");
    let dump = ok(["dump", &file]);
    assert!(
        dump.starts_with("[1] INT 'short int'") && dump.contains("TYPEDEF 'later' type_id=1"),
        "{dump}"
    );
    assert_eq!(dump.lines().count(), 6, "{dump}");
}
