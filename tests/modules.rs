//! Rebasing: every module of Debian's kernels, and modules built from their headers.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use btfkinds::{
    BaseIndex, Btf, File, Kind, Parse, Record, StrOff, Text, TypeId, distill, flatten, relocate,
};
use common::kernels::{Series, at_once, script};
use common::needs::Need::Tool;
use common::needs::with_kernels;
use common::{Folder, btfkinds, fails, ok, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let bpftool = [Tool("bpftool")];
    let tools = ["gcc", "pahole", "objcopy", "make", "bpftool"].map(Tool);
    let tests = vec![
        with_kernels("all_modules", &bpftool, all_modules),
        with_kernels("as_pahole_splits", &tools, as_pahole_splits),
        with_kernels("other_headers", &tools, other_headers),
        with_kernels("portable", &tools, portable),
        with_kernels(
            "files_of_all_sorts",
            &[tools.as_slice(), &[Tool("xz")]].concat(),
            files_of_all_sorts,
        ),
        with_kernels("examples_run", &[tools.as_slice(), &[Tool("dot")]].concat(), examples_run),
        with_kernels("from_one_base_to_another", &tools, from_one_base_to_another),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

static OLD: LazyLock<Series> = LazyLock::new(|| Series::new("6.1"));
static NEW: LazyLock<Series> = LazyLock::new(|| Series::new("6.12"));

/// The modules of `tests/modules`, built for a kernel.
fn built(series: &str, how: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("modules-{series}"));
    script("modules/build", &[series, folder.to_str().unwrap()]);
    let files = std::fs::read_dir(folder.join(how)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn text(btf: &Btf) -> String {
    let mut out = Vec::new();
    Text::new(&mut out).types(btf.types()).unwrap();
    String::from_utf8(out).unwrap()
}

/// The dump without the origin record at its end.
fn without_origin(dump: &str) -> &str {
    let at = dump.rfind("ENUM '__BTF_ORIGIN'").expect("an origin record");
    &dump[..dump[..at].rfind('\n').map_or(0, |end| end + 1)]
}

// All modules.

/// What a forward declaration may have become.
fn same_or_defined(was: &Record<'_>, is: &Record<'_>) -> bool {
    let flags = |ty: &Record<'_>| (ty.kind(), ty.vlen(), ty.kind_flag(), ty.size_or_type());
    let sized = !matches!(was.spec().third, btfkinds::Third::Id);
    was.name() == is.name()
        && match was.kind() {
            Kind::FWD => [Kind::FWD, Kind::STRUCT, Kind::UNION].contains(&is.kind()),
            Kind::ENUM if was.vlen() == 0 => [Kind::ENUM, Kind::ENUM64].contains(&is.kind()),
            _ if sized => flags(was) == flags(is),
            kind => (kind, was.vlen()) == (is.kind(), is.vlen()),
        }
}

/// A type that was kept is, word for word, what it was, and refers to what it referred to.
fn is_kept(was: &Record<'_>, is: &Record<'_>, to: &dyn Fn(u32) -> Option<u32>) -> bool {
    let spec = was.spec();
    let classes: Vec<&str> = ["str", "u32", spec.third.class().as_str()]
        .into_iter()
        .chain(spec.fixed.iter().map(|field| field.class.as_str()))
        .chain(spec.elements.iter().map(|field| field.class.as_str()).cycle())
        .take(was.words().len())
        .collect();
    was.words().len() == is.words().len()
        && was.words().iter().zip(is.words()).zip(classes).all(|((old, new), class)| match class {
            "str" => was.string(StrOff(*old)) == is.string(StrOff(*new)),
            "id" => to(*old) == Some(*new),
            _ => old == new,
        })
}

/// Flattened and rebased, a module has the types that it had, never more and never a near miss.
fn all_modules() {
    let mut all = 0;
    for (series, kernel) in [("6.1", &*OLD), ("6.12", &*NEW)] {
        let start = Instant::now();
        let index = BaseIndex::new(Arc::clone(&kernel.base));
        let prepared = start.elapsed();
        let parse = Parse::new().base(Arc::clone(&kernel.base));
        let folder = Folder::new();
        let vmlinux = kernel.vmlinux.to_str().unwrap();
        let first_own = kernel.base.type_count();
        let times = at_once(&kernel.modules, |(path, blob)| {
            let module = parse.read(blob).unwrap();
            let start = Instant::now();
            let flat = flatten(&module, &[]).unwrap();
            let flattened = start.elapsed();
            let rebased = index.rebase(flat.btf(), &[]).unwrap();
            let took = start.elapsed();
            assert!(rebased.own() <= module.types().count(), "{path:?}");
            assert_eq!(index.near_misses(&rebased), [], "{path:?}");
            let to = |old: u32| Some(rebased.moved().id(flat.id(TypeId(old))?)?.0);
            for was in (1..module.type_count()).filter_map(|id| module.get(TypeId(id))) {
                let Some(new) = to(was.id().0) else {
                    assert!(was.id().0 < first_own, "{path:?}: [{}] is gone", was.id());
                    continue;
                };
                let is = rebased.btf().get(TypeId(new)).unwrap();
                if new >= first_own {
                    assert!(was.id().0 >= first_own, "{path:?}: [{}] is of the base", was.id());
                    assert!(is_kept(&was, &is, &to), "{path:?}: [{}] -> [{new}]", was.id());
                } else {
                    assert!(same_or_defined(&was, &is), "{path:?}: [{}] -> [{new}]", was.id());
                }
            }
            let file = name(path);
            let raw = folder.file(&file, rebased.btf().to_bytes());
            let theirs = run("bpftool", &["-B", vmlinux, "btf", "dump", "file", &raw]);
            assert!(text(rebased.btf()).as_bytes() == theirs, "{path:?}");
            std::fs::remove_file(raw).unwrap();
            (took, took - flattened, module.types().count(), rebased.own(), file)
        });
        let sum = |of: fn(&(Duration, Duration, usize, usize, String)) -> Duration| {
            times.iter().map(of).sum::<Duration>()
        };
        let slowest = times.iter().max_by_key(|times| times.1).unwrap();
        println!(
            "{series}: {} modules, base prepared in {prepared:?}, flattened and rebased in {:?}, of which rebased in {:?}; slowest {} in {:?}; {} own types, before {}",
            times.len(),
            sum(|times| times.0),
            sum(|times| times.1),
            slowest.4,
            slowest.1,
            times.iter().map(|times| times.3).sum::<usize>(),
            times.iter().map(|times| times.2).sum::<usize>(),
        );
        all += times.len();
    }
    assert!(all >= 2200, "only {all} modules");
}

// Modules built from headers.

/// What `pahole --btf_base` leaves of a module is what rebasing leaves of what `pahole -J` makes.
fn as_pahole_splits() {
    for (series, kernel) in [("6.1", &*OLD), ("6.12", &*NEW)] {
        let folder = Folder::new();
        let vmlinux = kernel.vmlinux.to_str().unwrap();
        for (standalone, split) in built(series, "standalone").iter().zip(built(series, "split")) {
            let out = folder.name(&name(standalone));
            ok(["rebase", "--strict", standalone.to_str().unwrap(), "-B", vmlinux, "-o", &out]);
            let ours = ok(["dump", &out, "-B", vmlinux]);
            let theirs = ok(["dump", split.to_str().unwrap(), "-B", vmlinux]);
            assert_eq!(without_origin(&ours), theirs, "{series} {standalone:?}");
            let bpftools = run("bpftool", &["-B", vmlinux, "btf", "dump", "file", &out]);
            assert_eq!(ours.as_bytes(), bpftools);
            // Again: nothing changes. Flat and back: the same bytes.
            let once = std::fs::read(&out).unwrap();
            ok(["rebase", &out, "-B", vmlinux]);
            assert!(std::fs::read(&out).unwrap() == once);
            ok(["flatten", &out, "-B", vmlinux]);
            assert!(ok(["dump", &out]).len() > ours.len());
            ok(["rebase", &out, "-B", vmlinux]);
            assert_eq!(ok(["dump", &out, "-B", vmlinux]), ours);
        }
    }
}

/// Structs and unions by name: size, and each member's name and place. Anonymous ones are left out.
fn shapes(dump: &str) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let mut found: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for record in dump.split("\n[") {
        let mut lines = record.lines();
        let head: Vec<&str> = lines.next().unwrap_or_default().split(' ').skip(1).collect();
        if let [kind @ ("STRUCT" | "UNION"), name, size, ..] = head[..]
            && name != "'(anon)'"
        {
            let member = |line: &str| {
                line.split_whitespace().filter(|word| !word.starts_with("type_id=")).collect()
            };
            let shape = [size.to_owned()].into_iter().chain(lines.map(member)).collect();
            found.entry(format!("{kind} {name}")).or_default().insert(shape);
        }
    }
    found
}

/// Built with the headers of one 6.1 kernel, rebased on an older one: what is reported as another
/// shape is so by bpftool's account too, and what bpftool shows to be different is not missed.
fn other_headers() {
    let older = PathBuf::from(script("debian-kernel", &["6.1-oldest"])).join("vmlinux");
    let base = File::open(&older).unwrap().btf(&Parse::new()).unwrap();
    let index = BaseIndex::new(Arc::new(base));
    let older = older.to_str().unwrap();
    let dump =
        |file: &str| String::from_utf8(run("bpftool", &["btf", "dump", "file", file])).unwrap();
    let theirs = shapes(&dump(older));
    let mut reached = 0;
    for path in built("6.1", "standalone") {
        let file = path.to_str().unwrap();
        let module = File::open(&path).unwrap().btf(&Parse::new()).unwrap();
        let rebased = index.rebase(&module, &[]).unwrap();
        let near = index.near_misses(&rebased);
        assert!(!near.is_empty(), "{file}");
        let ours = shapes(&dump(file));
        let different: BTreeSet<&String> = ours
            .iter()
            .filter(|(name, shapes)| {
                theirs.get(*name).is_some_and(|other| !shapes.is_subset(other))
            })
            .map(|(name, _)| name)
            .collect();
        let mut reported = BTreeSet::new();
        for miss in &near {
            let kind = module.get(miss.own).unwrap().kind_name();
            let label = format!("{kind} '{}'", miss.name);
            if ["STRUCT", "UNION"].contains(&kind) {
                assert!(
                    different.contains(&label) || miss.text[0] != miss.text[1],
                    "{file}: {label}"
                );
                reported.insert(label);
            }
            reached += usize::from(!miss.reached.is_empty());
        }
        // What is different and not reported is so because of what it contains.
        for label in different.difference(&reported.iter().collect()) {
            let sizes = |shapes: &BTreeSet<Vec<String>>| {
                let names = |shape: &Vec<String>| -> Vec<String> {
                    shape
                        .iter()
                        .skip(1)
                        .map(|line| line.split("bits").next().unwrap().to_owned())
                        .collect()
                };
                shapes.iter().map(names).collect::<BTreeSet<_>>()
            };
            assert!(sizes(&ours[*label]).is_subset(&sizes(&theirs[*label])), "{file}: {label}");
        }
        // The command says so, and leaves the file alone if it is told to be strict.
        let folder = Folder::new();
        let out = folder.name("out.ko");
        let strict = btfkinds(["rebase", "--strict", file, "-B", older, "-o", &out]);
        let said = String::from_utf8_lossy(&strict.stderr).into_owned();
        let any = near.iter().any(|miss| !miss.reached.is_empty());
        assert_eq!(strict.status.code(), Some(i32::from(any)), "{said}");
        assert_eq!(said.contains("warning: built against other headers?"), any, "{said}");
        assert_eq!(Path::new(&out).exists(), !any);
    }
    assert!(reached > 10, "{reached}");
    // One of them as one sees it: the fields are in the sources of these two kernels.
    let tasks =
        built("6.1", "standalone").into_iter().find(|path| name(path) == "tasks.ko").unwrap();
    let out = btfkinds(["rebase", "-n", "-v", tasks.to_str().unwrap(), "-B", older]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(
        said.contains("  struct task_struct; reached by tasks_look() -> struct task_struct\n"),
        "{said}"
    );
    assert!(said.contains("    +\tunsigned int user_dumpable: 1;\n"), "{said}");
}

/// A distilled base serves the kernel that it was made of, and others that have the types.
fn portable() {
    for (series, kernel) in [("6.1", &*OLD), ("6.12", &*NEW)] {
        let index = BaseIndex::new(Arc::clone(&kernel.base));
        let vmlinux = kernel.vmlinux.to_str().unwrap();
        let folder = Folder::new();
        for path in built(series, "standalone") {
            let file = path.to_str().unwrap();
            let (out, classic) = (folder.name("portable.ko"), folder.name("classic.ko"));
            ok(["rebase", "--portable", file, "-B", vmlinux, "-o", &out]);
            ok(["rebase", file, "-B", vmlinux, "-o", &classic]);
            // For people to see what the kernel will look for.
            let base = ok(["dump", "--section", ".BTF.base", &out]);
            assert!(base.lines().all(|line| line.starts_with('[')), "{base}");
            // Shown on a base, it is what moving it there would make of it.
            let moved = folder.file("moved.ko", std::fs::read(&out).unwrap());
            ok(["renumber", &moved, "-B", vmlinux]);
            assert_eq!(ok(["dump", &out, "-B", vmlinux]), ok(["dump", &moved, "-B", vmlinux]));
            // Again, it stays; on a base, it is what it would have been at once.
            let once = std::fs::read(&out).unwrap();
            ok(["rebase", "--portable", &out, "-B", vmlinux]);
            assert!(std::fs::read(&out).unwrap() == once, "{file}");
            ok(["rebase", &out, "-B", vmlinux]);
            let dump = |file: &str| ok(["dump", file, "-B", vmlinux]);
            assert_eq!(dump(&out), dump(&classic), "{file}");
        }
        // So for the kernel's own modules.
        let parse = Parse::new().base(Arc::clone(&kernel.base));
        let some: Vec<_> = kernel.modules.iter().step_by(8).collect();
        at_once(&some, |(path, blob)| {
            let module = parse.read(blob).unwrap();
            let direct = index.rebase(flatten(&module, &[]).unwrap().btf(), &[]).unwrap();
            let distilled = distill(direct.btf(), &[]).unwrap();
            let moved = relocate(distilled.btf(), &kernel.base)
                .unwrap_or_else(|err| panic!("{path:?}: {err}"));
            let again = index.rebase(flatten(&moved, &[]).unwrap().btf(), &[]).unwrap();
            assert!(again.own() <= direct.own(), "{path:?}: {} {}", again.own(), direct.own());
        });
    }
    // Where a kernel has one of the types in another size it is refused, with the name.
    let new = NEW.vmlinux.to_str().unwrap();
    let folder = Folder::new();
    let timers = built("6.12", "standalone").into_iter().find(|path| name(path) == "timers.ko");
    let out = folder.name("timers.ko");
    ok(["rebase", "--portable", timers.unwrap().to_str().unwrap(), "-B", new, "-o", &out]);
    let base = File::open(Path::new(&out)).unwrap().section(".BTF.base", &Parse::new()).unwrap();
    let hrtimer = base.types().find(|ty| ty.name() == "hrtimer").unwrap();
    let record: Vec<u8> = hrtimer.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file = std::fs::read(&out).unwrap();
    let places: Vec<usize> =
        (0..file.len()).filter(|at| file[*at..].starts_with(&record)).collect();
    let [at] = places[..] else { panic!("{places:?}") };
    file[at + 8] += 8;
    std::fs::write(&out, &file).unwrap();
    for command in ["rebase", "renumber"] {
        let said = fails([command, &out, "-B", new]);
        assert!(
            said.contains("STRUCT 'hrtimer': the base has no STRUCT of this name and of size"),
            "{said}"
        );
    }
    assert!(std::fs::read(&out).unwrap() == file);
}

/// Split BTF moves with the base that it is on, and only so.
fn from_one_base_to_another() {
    let (old, new) = (OLD.vmlinux.to_str().unwrap(), NEW.vmlinux.to_str().unwrap());
    let folder = Folder::new();
    for path in built("6.1", "standalone") {
        let (out, direct) = (folder.name("out.ko"), folder.name("direct.ko"));
        ok(["rebase", path.to_str().unwrap(), "-B", old, "-o", &out]);
        let said = fails(["rebase", &out, "-B", new]);
        assert!(said.contains("help: the types that it shares with that base are only there: name that base with --from"), "{said}");
        assert!(
            fails(["rebase", &out, "-B", new, "--from", new]).contains("numbered for a base of")
        );
        ok(["rebase", &out, "-B", new, "--from", old]);
        // From the standalone form there are fewer types that nothing of the module refers to.
        ok(["rebase", path.to_str().unwrap(), "-B", new, "-o", &direct]);
        let names = |file: &str| -> BTreeSet<String> {
            let dump = ok(["dump", file, "-B", new]);
            let named = dump.lines().filter(|line| line.contains("FUNC '"));
            named.map(|line| line.split('\'').nth(1).unwrap().to_owned()).collect()
        };
        assert_eq!(names(&out), names(&direct));
    }
    // A build's own split BTF, which says nothing of its base.
    let split = &built("6.12", "split")[0];
    let out = folder.name("split.ko");
    std::fs::copy(split, &out).unwrap();
    let was = ok(["dump", &out, "-B", new]);
    assert!(fails(["rebase", &out, "-B", new]).contains("name that base with --from"));
    ok(["rebase", &out, "-B", new, "--from", new]);
    assert_eq!(without_origin(&ok(["dump", &out, "-B", new])), was);
}

/// Compressed, signed, many at once, through pipes; and what is refused leaves everything as it was.
fn files_of_all_sorts() {
    let base = OLD.vmlinux.to_str().unwrap();
    let folder = Folder::new();
    let modules = built("6.1", "standalone");
    let copies: Vec<String> = modules
        .iter()
        .map(|module| folder.file(&name(module), std::fs::read(module).unwrap()))
        .collect();
    let all = |command: &[&'static str]| -> Vec<String> {
        let words = command.iter().map(|word| (*word).to_owned());
        words.chain(["-B".to_owned(), base.to_owned()]).chain(copies.iter().cloned()).collect()
    };
    // Only said.
    let before: Vec<Vec<u8>> = copies.iter().map(|copy| std::fs::read(copy).unwrap()).collect();
    let said = btfkinds(all(&["rebase", "-n"]));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.matches("would be rebased: ").count(), copies.len(), "{said}");
    assert!(copies.iter().zip(&before).all(|(copy, was)| std::fs::read(copy).unwrap() == *was));
    // All at once, and one that is none among them.
    let broken = folder.file("broken.ko", b"\x7fELF, not really");
    let out = btfkinds(all(&["rebase"]).into_iter().chain([broken]));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.ends_with("6 files changed, 0 unchanged, 1 failed\n"), "{said}");
    ok(all(&["rebase"]));
    for copy in &copies {
        let text = ok(["dump", copy, "-B", base]);
        assert!(text.len() < 3000, "{text}");
        // Its symbols, code and the like are as they were.
        assert!(
            run("readelf", &["-Ws", copy])
                == run(
                    "readelf",
                    &[
                        "-Ws",
                        modules
                            .iter()
                            .find(|path| copy.ends_with(&name(path)))
                            .unwrap()
                            .to_str()
                            .unwrap()
                    ]
                )
        );
    }
    // Compressed.
    let module = modules[0].to_str().unwrap();
    let plain = folder.name("plain.ko");
    ok(["rebase", module, "-B", base, "-o", &plain]);
    let packed = folder.file("packed.ko.xz", run("xz", &["-c", "--check=crc32", module]));
    ok(["rebase", &packed, "-B", base]);
    assert!(run("xz", &["-dc", &packed]) == std::fs::read(&plain).unwrap());
    // Signed: an appended signature would not hold any more.
    let mut signed = std::fs::read(module).unwrap();
    signed.extend([0x30; 40]);
    signed.extend([0, 0, 2, 0, 0, 0, 0, 0]);
    signed.extend(40_u32.to_be_bytes());
    signed.extend(b"~Module signature appended~\n");
    let signed = folder.file("signed.ko", signed);
    let said = fails(["rebase", &signed, "-B", base]);
    assert!(said.contains("help: --strip-signature takes it off"), "{said}");
    ok(["rebase", "-n", &signed, "-B", base, "--strip-signature"]);
    assert!(std::fs::metadata(&signed).unwrap().len() > std::fs::metadata(module).unwrap().len());
    ok(["rebase", &signed, "-B", base, "--strip-signature"]);
    assert!(std::fs::read(&signed).unwrap() == std::fs::read(&plain).unwrap());
    // Raw BTF, and what stands for files.
    let raw = folder.file("raw.btf", File::open(&modules[0]).unwrap().bytes().unwrap());
    assert!(
        fails(["rebase", "--portable", &raw, "-B", base])
            .contains("raw BTF has no place for .BTF.base")
    );
    ok(["rebase", &raw, "-B", base]);
    assert_eq!(ok(["dump", &raw, "-B", base]), ok(["dump", &plain, "-B", base]));
    assert!(fails(["rebase", "-", "-B", base]).contains("standard input needs -o OUT"));
    assert!(
        fails(["rebase", &raw, &plain, "-B", base, "-o", "x"]).contains("-o OUT takes one FILE")
    );
    let own = folder.file("vmlinux", std::fs::read(base).unwrap());
    assert!(
        fails(["rebase", module, "-B", &own, "-o", &own])
            .contains("this is the base, it would be replaced")
    );
    // The base itself is no module of it; standalone, it is one without types of its own.
    let copy = folder.file("copy", std::fs::read(base).unwrap());
    assert!(fails(["rebase", &copy, "-B", base]).contains("no kernel module"));
    // Renumbered, portable, undone: all lead to the same.
    for how in [vec!["-B", base], vec!["--portable"]] {
        let file = folder.file("other.ko", std::fs::read(module).unwrap());
        ok([vec!["renumber", &file], how].concat());
        ok(["rebase", &file, "-B", base]);
        assert_eq!(ok(["dump", &file, "-B", base]), ok(["dump", &plain, "-B", base]));
        assert!(fails(["renumber", "--undo", &file]).contains("it has no standalone form"));
    }
}

/// The examples in the help of every command, each in a folder of its own with what they speak of.
fn examples_run() {
    let tasks =
        |how: &str| built("6.1", how).into_iter().find(|path| name(path) == "tasks.ko").unwrap();
    let help = String::from_utf8(btfkinds(["--help"]).stdout).unwrap();
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let commands = commands.iter().filter(|line| !line.starts_with(' '));
    let mut run_lines = 0;
    let commands = commands.map(|line| line.split(' ').next().unwrap());
    for command in commands.filter(|command| *command != "help") {
        let folder = Folder::new();
        for (file, from) in [
            ("vmlinux", &OLD.vmlinux),
            ("x.ko", &tasks("standalone")),
            ("split.ko", &tasks("split")),
        ] {
            std::fs::copy(from, folder.path(file)).unwrap();
        }
        folder.file("vmlinux.btf", OLD.base.to_bytes());
        let help = ok([command, "--help"]);
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        for line in examples.lines() {
            let binary = Path::new(env!("CARGO_BIN_EXE_btfkinds")).parent().unwrap();
            let script =
                format!("cd '{}' && PATH='{}':$PATH && {line}", folder.name(""), binary.display());
            run("sh", &["-c", &script]);
            run_lines += 1;
        }
        assert_eq!(examples.is_empty(), command == "demo", "{command}");
    }
    assert!(run_lines >= 15, "{run_lines}");
    // Manual pages that man can read, and completions that the shell can.
    let folder = Folder::new();
    ok(["generate", "man", &folder.name("man")]);
    ok(["generate", "bash", &folder.name("bash")]);
    let page = std::fs::read_to_string(folder.path("man/btfkinds-rebase.1")).unwrap();
    assert!(
        page.contains(".SH SYNOPSIS") && page.contains("btfkinds rebase \\-n \\-B vmlinux"),
        "{page}"
    );
    run("bash", &["-n", &folder.name("bash/btfkinds.bash")]);
}
