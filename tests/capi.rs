//! The C API, as its users meet it: installed into a folder, found by pkg-config, used from C.
//! `capi/tests/header.rs` sees to the header.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::{Arc, OnceLock};

use btfkinds::kernel::{VMLINUX, Verdict, verify};
use btfkinds::{Btf, Numbering, Origin, Parse, Record, StrOff, Third, WordClass, restore};
use common::needs::Need::{self, Bpf, KernelBtf, Tool};
use common::needs::trial;
use common::{Folder, Graph, Layout, W, ok, root, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let cc = [Tool("gcc"), Tool("clang"), Tool("pkg-config")];
    let with = |more: &[Need]| [&cc, more].concat();
    let (valgrind, bpftool) = (Tool("valgrind"), Tool("bpftool"));
    // pkg-config tells of libraries as `--version` tells of programs.
    let libbpf = Command::new("pkg-config").args(["--exists", "libbpf", "libelf"]).status();
    let libbpf = match libbpf.is_ok_and(|status| status.success()) {
        true => Tool("pkg-config"),
        false => Tool("libbpf-dev and libelf-dev"),
    };
    let tests = vec![
        trial("header_compiles", &with(&[Tool("clang++")]), header_compiles),
        trial("library", &with(&[Tool("readelf")]), library),
        trial("installed_elsewhere", &with(&[]), installed_elsewhere),
        trial("encoder", &with(&[valgrind, bpftool]), encoder),
        trial("pahole_like", &with(&[valgrind, bpftool, libbpf]), pahole_like),
        trial("kernel_takes_them", &with(&[libbpf, Bpf]), kernel_takes_them),
        trial("walk", &with(&[valgrind]), walk),
        trial("walk_kernel", &with(&[KernelBtf]), walk_kernel),
        trial("linked_statically", &with(&[Tool("ldd")]), linked_statically),
        trial("uses", &with(&[valgrind]), uses),
        trial("torture", &with(&[valgrind]), torture),
        trial("sanitized", &with(&[]), sanitized),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// What C programs are compiled with.
const WARNINGS: [&str; 3] = ["-Wall", "-Wextra", "-Werror"];
const COMPILERS: [&str; 2] = ["gcc", "clang"];

/// The name of the library that programs look for.
const SONAME: &str = "libbtfkinds.so.0";

/// Installs the library; `name` is the folder's.
fn install(name: &str, set: impl FnOnce(&mut Command, &Path)) -> PathBuf {
    let stage = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if stage.exists() {
        fs::remove_dir_all(&stage).unwrap();
    }
    let mut command = Command::new(root().join("capi/install"));
    command.arg("--locked").env("PROFILE", "dev");
    for variable in ["PREFIX", "DESTDIR", "LIBDIR", "INCLUDEDIR"] {
        command.env_remove(variable);
    }
    set(&mut command, &stage);
    succeed(&mut command);
    stage
}

/// The folder that the library is installed in.
fn stage() -> &'static Path {
    static STAGE: OnceLock<PathBuf> = OnceLock::new();
    STAGE.get_or_init(|| {
        install("capi-stage", |command, stage| {
            command.env("PREFIX", stage);
        })
    })
}

/// Runs a command, which must succeed.
fn succeed(command: &mut Command) -> Output {
    let out = command.output().unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        out.status.success(),
        "{command:?}: {:?}\n{}{}",
        out.status,
        text(&out.stdout),
        text(&out.stderr)
    );
    out
}

/// What pkg-config says, with the library of `prefix`.
fn pkg_config(prefix: &Path, args: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(args).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let out = String::from_utf8(succeed(&mut command).stdout).unwrap();
    out.split_whitespace().map(str::to_owned).collect()
}

/// Compiles a C program of `capi/`, with what pkg-config says and nothing else.
fn compiled(folder: &Folder, compiler: &str, source: &str, flags: &[String]) -> PathBuf {
    let stem = Path::new(source).file_stem().unwrap().to_str().unwrap();
    let program = folder.path(&format!("{stem}-{compiler}"));
    let mut command = Command::new(compiler);
    command.arg("-gdwarf-4").args(WARNINGS).arg("-o").arg(&program);
    command.arg(root().join("capi").join(source)).args(flags);
    succeed(&mut command);
    program
}

/// The same with the shared library, and other packages.
fn linked(folder: &Folder, compiler: &str, source: &str, packages: &[&str]) -> PathBuf {
    let args = [&["--cflags", "--libs", "btfkinds"], packages].concat();
    compiled(folder, compiler, source, &pkg_config(stage(), &args))
}

/// A command that finds the shared library.
fn with_library(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", stage().join("lib"));
    command
}

/// Runs a program under valgrind: no wrong access, no leak.
fn valgrind(program: &Path, args: &[&Path]) -> String {
    let mut command = with_library("valgrind");
    command.args(["-q", "--leak-check=full", "--error-exitcode=99"]).arg(program).args(args);
    String::from_utf8(succeed(&mut command).stdout).unwrap()
}

/// The header is C99, C11 and C++.
fn header_compiles() {
    let folder = Folder::new();
    let text = "#include <btfkinds.h>\nint main(void) { return btfkinds_version() == 0; }\n";
    let (c, cpp) = (folder.file("a.c", text), folder.file("a.cc", text));
    let flags = pkg_config(stage(), &["--cflags", "btfkinds"]);
    let compile = |compiler: &str, standard: &str, file: &str| {
        let mut command = Command::new(compiler);
        command.args(WARNINGS).args([standard, "-pedantic", "-fsyntax-only", file]).args(&flags);
        succeed(&mut command);
    };
    for compiler in COMPILERS {
        for standard in ["-std=c99", "-std=c11", "-std=c17"] {
            compile(compiler, standard, &c);
        }
    }
    compile("clang++", "-std=c++11", &cpp);
    compile("clang++", "-std=c++20", &cpp);
    if Command::new("g++").arg("--version").output().is_ok() {
        compile("g++", "-std=c++11", &cpp);
    }
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(stage().join("include/btfkinds.h")).unwrap();
    let (_, functions) = header.split_once("extern \"C\"").unwrap();
    let lines = functions.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |line: &str| {
        let (before, _) = line.split_once('(')?;
        let start = before.rfind("btfkinds_")?;
        Some(before[start..].to_owned())
    };
    lines.filter_map(name).collect()
}

/// The shared library has its name, and exports what the header declares and nothing else.
fn library() {
    let lib = stage().join("lib");
    for name in ["libbtfkinds.so", SONAME] {
        let real = fs::canonicalize(lib.join(name)).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(real, fs::canonicalize(lib.join(format!("libbtfkinds.so.{version}"))).unwrap());
    }
    let so = lib.join("libbtfkinds.so").to_str().unwrap().to_owned();
    let dynamic = String::from_utf8(run("readelf", &["-d", &so])).unwrap();
    assert!(dynamic.contains(&format!("Library soname: [{SONAME}]")), "{dynamic}");
    let symbols = String::from_utf8(run("readelf", &["--dyn-syms", "--wide", &so])).unwrap();
    let exported: BTreeSet<String> = symbols
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() == 8 && words[6] != "UND" && words[6] != "Ndx")
        .map(|words| words[7].to_owned())
        .collect();
    assert_eq!(exported, declared());
    assert!(exported.len() > 70, "{exported:?}");
    let program = Folder::new();
    let walk = linked(&program, "gcc", "examples/walk.c", &[]);
    let dynamic = String::from_utf8(run("readelf", &["-d", walk.to_str().unwrap()])).unwrap();
    assert!(dynamic.contains(&format!("Shared library: [{SONAME}]")), "{dynamic}");
}

/// Packagers install to a place that is not where it will be.
fn installed_elsewhere() {
    let stage = install("capi-destdir", |command, stage| {
        command.env("DESTDIR", stage).env("PREFIX", "/opt/kinds").env("LIBDIR", "/opt/kinds/lib64");
    });
    let pc = fs::read_to_string(stage.join("opt/kinds/lib64/pkgconfig/btfkinds.pc")).unwrap();
    assert!(pc.starts_with("prefix=/opt/kinds\nlibdir=${prefix}/lib64\n"), "{pc}");
    assert!(pc.contains(&format!("\nVersion: {}\n", env!("CARGO_PKG_VERSION"))), "{pc}");
    assert!(!pc.contains('@') && pc.contains("\nLibs.private: -l"), "{pc}");
    for file in ["include/btfkinds.h", "lib64/libbtfkinds.a", "lib64/libbtfkinds.so"] {
        assert!(stage.join("opt/kinds").join(file).exists(), "{file}");
    }
    fs::remove_dir_all(stage).unwrap();
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn bpftool(args: &[&str]) -> String {
    String::from_utf8(run("bpftool", args)).unwrap()
}

/// What the encoder wrote, by both compilers' builds the same.
fn encoded(run: impl Fn(&Path, &Path)) -> Folder {
    let out = Folder::new();
    for compiler in COMPILERS {
        let program = linked(&out, compiler, "examples/encoder.c", &[]);
        let folder = out.path(compiler);
        fs::create_dir(&folder).unwrap();
        run(&program, &folder);
    }
    for file in fs::read_dir(out.path("gcc")).unwrap() {
        let name = file.unwrap().file_name();
        let [gcc, clang] = COMPILERS.map(|compiler| read(&out.path(compiler).join(&name)));
        assert!(gcc == clang, "{name:?}");
    }
    out
}

fn encoded_plainly() -> Folder {
    encoded(|program, folder| {
        succeed(with_library(program).arg(folder));
    })
}

/// An encoder on this library alone: others read what it writes.
fn encoder() {
    let out = encoded(|program, folder| {
        let said = valgrind(program, &[folder]);
        assert!(
            said.contains("rebased: 4 types are the base's, 20 its own; [1] is [2] now"),
            "{said}"
        );
    });
    let path = |name: &str| out.path("gcc").join(name);
    let name = |file: &str| path(file).to_str().unwrap().to_owned();

    // Types as bpftool sees them: descriptions follow, and change nothing.
    let types = bpftool(&["btf", "dump", "file", &name("types.btf")]);
    for line in [
        "[11] STRUCT 'lamp' size=48 vlen=7",
        "\t'level' type_id=2 bits_offset=1 bitfield_size=5",
        "\t'HIGH' val=9223372036854775808ULL",
        "[19] FUNC 'lamp_print' type_id=18 linkage=global",
        "[24] DECL_TAG 'secret' type_id=11 component_idx=6",
    ] {
        assert!(types.lines().any(|found| found == line), "{line}\n{types}");
    }
    let kinds: BTreeSet<&str> = types
        .lines()
        .filter(|line| line.starts_with('['))
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(kinds.len(), 19, "{kinds:?}");
    let described = bpftool(&["btf", "dump", "file", &name("plain.btf")]);
    assert!(described.starts_with(&types));
    assert!(described.contains("TYPEDEF '__BTF_KIND_19'"));

    // Split on the base, in both ways.
    let base = Arc::new(Btf::parse(&read(&path("base.btf"))).unwrap());
    let rebased = bpftool(&["btf", "dump", "-B", &name("base.btf"), "file", &name("rebased.btf")]);
    assert!(!rebased.contains("FLOAT") && rebased.contains("STRUCT 'lamp'"), "{rebased}");
    let renumbered =
        bpftool(&["btf", "dump", "-B", &name("base.btf"), "file", &name("renumbered.btf")]);
    assert!(renumbered.starts_with("[71] INT 'int' size=4"), "{renumbered}");
    for file in ["rebased.btf", "renumbered.btf"] {
        let blob = read(&path(file));
        let parse = Parse::new().base(Arc::clone(&base));
        let split = parse.read_as_it_is(&blob).unwrap();
        assert!(split.origin().unwrap().names(&base) && split.check_base().is_ok());
        assert!(!Numbering::of(&blob, &parse).unwrap().is_standalone());
    }
    for file in ["renumbered.btf", "portable.btf"] {
        let (back, _) = restore(&read(&path(file)), &Parse::new()).unwrap();
        assert!(back.to_bytes() == read(&path("types.btf")), "{file}");
    }
    let tiny = Btf::parse(&read(&path("portable.base"))).unwrap();
    assert!(Origin::find(&read(&path("portable.btf"))).unwrap().names(&tiny));

    // A kind that nobody knows, behind its description.
    let gadgets = Btf::parse(&read(&path("gadget.btf"))).unwrap();
    let torch = gadgets.types().last().unwrap();
    assert_eq!((torch.kind_name(), torch.kind().0), ("GADGET", 42));
    let typedef = gadgets.types().find(|ty| ty.name() == "__BTF_KIND_42").unwrap().id();
    let own = gadgets.types().find(|ty| ty.name() == "lamp").unwrap().id();
    assert!(typedef < own);
    let dump = ok(["dump".to_owned(), name("gadget.btf"), "torch".to_owned()]);
    assert!(dump.contains("GADGET 'torch'") && dump.contains("battery"), "{dump}");
}

/// What an encoder on libbpf makes, as object and detached; with descriptions at the end, and first.
fn pahole_objects(run: impl Fn(&Path, &[&Path])) -> Folder {
    let out = Folder::new();
    for compiler in COMPILERS {
        let program = linked(&out, compiler, "examples/pahole_like.c", &["libbpf", "libelf"]);
        let [object, raw] = ["o", "btf"].map(|end| out.path(&format!("{compiler}.{end}")));
        run(&program, &[&object, &raw]);
        let [object, raw] = ["o", "btf"].map(|end| out.path(&format!("{compiler}-first.{end}")));
        run(&program, &["-f".as_ref(), &object, &raw]);
    }
    out
}

/// An encoder on libbpf, with one call at its end.
fn pahole_like() {
    let out = pahole_objects(|program, args| {
        let said = valgrind(program, args);
        let expected = match args.len() {
            2 => "described 19 kinds in 67 types from [10] on",
            _ => "described 0 kinds in 0 types",
        };
        assert!(said.starts_with(expected), "{said}");
    });
    for stem in ["gcc", "gcc-first", "clang", "clang-first"] {
        let (object, raw) = (format!("{stem}.o"), format!("{stem}.btf"));
        let of_object = bpftool(&["btf", "dump", "file", &out.name(&object)]);
        assert_eq!(of_object, bpftool(&["btf", "dump", "file", &out.name(&raw)]));
        assert_eq!(of_object, ok(["dump".to_owned(), out.name(&object)]));
        let own = of_object.find("FUNC 'distance' type_id=").expect("a function");
        let described = of_object.find("TYPEDEF '__BTF_KIND_19'").expect("a description");
        assert_eq!(described < own, stem.ends_with("first"));
        // Nothing is missing: encoding again changes nothing.
        let before = read(&out.path(&raw));
        ok(["encode".to_owned(), "-q".to_owned(), out.name(&raw)]);
        assert!(read(&out.path(&raw)) == before);
    }
}

/// What has released kinds alone and no base, the running kernel takes.
fn kernel_takes_them() {
    let encoded = encoded_plainly();
    let objects = pahole_objects(|program, args| {
        succeed(with_library(program).args(args));
    });
    let folder = encoded.path("gcc");
    let blobs = [
        folder.join("types.btf"),
        folder.join("plain.btf"),
        folder.join("base.btf"),
        objects.path("gcc.btf"),
        objects.path("gcc-first.btf"),
    ];
    for blob in blobs {
        let verdict = verify(&read(&blob));
        assert!(matches!(verdict, Verdict::Accepted), "{}: {verdict:?}", blob.display());
    }
}

/// What `walk` prints of a type.
fn line(ty: &Record<'_>) -> String {
    let spec = ty.spec();
    let third = match spec.third {
        Third::Id => WordClass::Id,
        Third::Size | Third::Unused => WordClass::U32,
    };
    let fields = spec.fixed.iter().chain(spec.elements.iter().cycle()).map(|field| field.class);
    let mut line = format!("[{}] {} '{}'", ty.id(), ty.kind_name(), ty.name());
    for (class, word) in std::iter::once(third).chain(fields).zip(ty.words().iter().skip(2)) {
        match class {
            WordClass::Id => write!(line, " [{word}]"),
            WordClass::Str => write!(line, " '{}'", ty.string(StrOff(*word))),
            WordClass::S32 => write!(line, " {}", word.cast_signed()),
            WordClass::U32 => write!(line, " {word}"),
        }
        .unwrap();
    }
    line + "\n"
}

/// A reader in C sees every word of every type as the Rust library does, of a kind that it has
/// never heard of as well.
fn walk() {
    let encoded = encoded_plainly();
    let path = |name: &str| encoded.path("gcc").join(name);
    let out = Folder::new();
    let base = Arc::new(Btf::parse(&read(&path("base.btf"))).unwrap());
    let gadgets: String =
        Btf::parse(&read(&path("gadget.btf"))).unwrap().types().map(|ty| line(&ty)).collect();
    let split = Btf::parse_split(&read(&path("rebased.btf")), base).unwrap();
    let split: String = split.types().map(|ty| line(&ty)).collect();
    assert!(
        gadgets.contains("GADGET 'torch' [86] -12 'bulb' [86] 1 'battery' [86] 2\n"),
        "{gadgets}"
    );
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.structure(W::S("pair"), 8, &[(W::S("a"), int, 0), (W::S("b"), int, 4)]);
    let big_endian = Layout { big_endian: cfg!(target_endian = "little"), ..Layout::plain(&graph) };
    let foreign = out.file("foreign.btf", graph.write(&big_endian).0);
    let pair = "[1] INT 'int' 4 16777248\n[2] STRUCT 'pair' 8 'a' [1] 0 'b' [1] 32\n";
    for compiler in COMPILERS {
        let program = linked(&out, compiler, "examples/walk.c", &[]);
        assert_eq!(valgrind(&program, &[foreign.as_ref()]), pair);
        assert_eq!(valgrind(&program, &[&path("gadget.btf")]), gadgets);
        assert_eq!(valgrind(&program, &[&path("rebased.btf"), &path("base.btf")]), split);
    }
}

/// The same for the whole running kernel.
fn walk_kernel() {
    let out = Folder::new();
    let program = linked(&out, "gcc", "examples/walk.c", &[]);
    let said = succeed(with_library(program).arg(VMLINUX)).stdout;
    let kernel: String =
        Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap().types().map(|ty| line(&ty)).collect();
    assert!(said == kernel.as_bytes());
}

/// Where only the static library is, programs need nothing of ours at run time.
fn linked_statically() {
    let prefix = install("capi-static", |command, stage| {
        command.env("PREFIX", stage);
    });
    for entry in fs::read_dir(prefix.join("lib")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().contains(".so") {
            fs::remove_file(path).unwrap();
        }
    }
    let flags = pkg_config(&prefix, &["--static", "--cflags", "--libs", "btfkinds"]);
    let encoded = encoded_plainly();
    let gadget = encoded.path("gcc").join("gadget.btf");
    for compiler in COMPILERS {
        let program = compiled(&encoded, compiler, "examples/walk.c", &flags);
        let needs = String::from_utf8(run("ldd", &[program.to_str().unwrap()])).unwrap();
        assert!(!needs.contains("btfkinds"), "{needs}");
        let said = String::from_utf8(succeed(Command::new(program).arg(&gadget)).stdout).unwrap();
        assert!(said.contains("GADGET 'torch'"), "{said}");
    }
    fs::remove_dir_all(prefix).unwrap();
}

/// What the examples have no use for: unknown kinds, growing bases, near misses, distilled bases.
fn uses() {
    let out = Folder::new();
    for compiler in COMPILERS {
        assert_eq!(valgrind(&linked(&out, compiler, "tests/uses.c", &[]), &[]), "fine\n");
    }
}

/// NULL, short buffers, wrong numbers, wrong data: errors, and nothing for valgrind to say.
fn torture() {
    let encoded = encoded_plainly();
    let out = Folder::new();
    let mut flags = pkg_config(stage(), &["--cflags", "--libs", "btfkinds"]);
    flags.push("-pthread".to_owned());
    for compiler in COMPILERS {
        let program = compiled(&out, compiler, "tests/torture.c", &flags);
        assert_eq!(valgrind(&program, &[&encoded.path("gcc").join("types.btf")]), "fine\n");
    }
}

/// The library for the address sanitizer, its Rust code instrumented but for std, which comes as it is; in another
/// target folder, so that nothing else is built anew.
fn sanitized_stage() -> PathBuf {
    let rustc = String::from_utf8(run("rustc", &["-vV"])).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    install("capi-asan", |command, stage| {
        // With the name of an architecture, build scripts are built without. -Z is not for stable toolchains, but works in
        // them.
        command.args(["--target", &host]).env("PREFIX", stage);
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
        // There is much to build, and little to run.
        command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0").env("CARGO_PROFILE_DEV_DEBUG", "1");
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("asan"));
    })
}

/// The programs and the library under the address sanitizer: what they do to memory is right, and nothing leaks.
fn sanitized() {
    let stage = sanitized_stage();
    let (out, encoded) = (Folder::new(), encoded_plainly());
    let input = |name: &str| encoded.path("gcc").join(name);
    for compiler in COMPILERS {
        let mut flags = pkg_config(&stage, &["--cflags", "--libs", "btfkinds"]);
        flags.extend(["-fsanitize=address", "-pthread"].map(str::to_owned));
        let said = |source: &str, args: &[&Path]| {
            let mut command = Command::new(compiled(&out, compiler, source, &flags));
            command.args(args).env("LD_LIBRARY_PATH", stage.join("lib"));
            String::from_utf8(succeed(&mut command).stdout).unwrap()
        };
        assert_eq!(said("tests/torture.c", &[&input("types.btf")]), "fine\n");
        assert_eq!(said("tests/uses.c", &[]), "fine\n");
        let folder = out.path(&format!("{compiler}-encoded"));
        fs::create_dir(&folder).unwrap();
        said("examples/encoder.c", &[&folder]);
        for file in ["types.btf", "rebased.btf", "gadget.btf"] {
            assert!(read(&folder.join(file)) == read(&input(file)), "{file}");
        }
        assert!(said("examples/walk.c", &[&folder.join("gadget.btf")]).contains("GADGET 'torch'"));
    }
}
