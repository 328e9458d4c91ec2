//! `contrib/pahole`: what it leaves alone, what it describes, and modules built with it as its README.md says.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::{env, fs};

use btfkinds::File;
use common::kernels::script;
use common::needs::Need::Tool;
use common::needs::{trial, with_kernels};
use common::{Folder, ok, root, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let plain = ["bash", "pahole", "gcc", "objcopy"].map(Tool);
    let tools = ["bash", "pahole", "gcc", "objcopy", "bpftool", "make"].map(Tool);
    let tests = vec![
        trial("queries", &plain, queries),
        trial("arguments", &plain[..1], arguments),
        trial("objects", &tools[..5], objects),
        trial("detached", &plain, detached),
        trial("split", &plain, split),
        trial("a_vmlinux", &plain, a_vmlinux),
        trial("refusals", &plain, refusals),
        trial("which_pahole", &plain[..1], which_pahole),
        with_kernels("headers_with_vmlinux", &tools, headers_with_vmlinux),
        with_kernels("headers_without_vmlinux", &tools, headers_without_vmlinux),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn wrapper() -> PathBuf {
    root().join("contrib/pahole")
}

/// A command without what this test's own environment may say to pahole, make and the wrapper.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ["PAHOLE", "ENCODE", "RENUMBER", "REBASE"] {
        command.env_remove(format!("BTFKINDS_{name}"));
    }
    for name in ["BTF_BASE", "RESOLVE_BTFIDS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        command.env_remove(name);
    }
    command.env("BTFKINDS", env!("CARGO_BIN_EXE_btfkinds")).env("LLVM_OBJCOPY", "objcopy");
    command
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn works(command: &mut Command) -> Output {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {:?}\n{}", out.status, said(&out));
    out
}

fn wrapped(args: &[&str]) {
    works(clean(wrapper()).args(args));
}

fn plain(args: &[&str]) {
    works(clean("pahole").args(args));
}

/// The first of this name on PATH.
fn on_path(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file()).unwrap()
}

fn executable(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.file(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// An object with debugging information.
fn object(folder: &Folder, name: &str) -> String {
    let source = folder.file(
        "source.c",
        "struct point { int x; int y; }; enum side { LEFT, RIGHT };\n\
         int look(struct point *p, enum side s) { return s == LEFT ? p->x : p->y; }\n\
         int main(void) { struct point p = { 1, 0 }; return look(&p, RIGHT); }\n",
    );
    let out = folder.name(name);
    run("gcc", &["-g", "-c", &source, "-o", &out]);
    out
}

fn described(file: &str) -> bool {
    ok(["kinds", file]).lines().skip(1).all(|line| line.contains("description ["))
}

/// What encodes nothing is the same, byte for byte.
fn queries() {
    let folder = Folder::new();
    let file = object(&folder, "a.o");
    let real = on_path("pahole");
    let queries: [&[&str]; 9] = [
        &["--version"],
        &["--numeric_version"],
        &[&file],
        &["-C", "point", &file],
        &["--sizes", &file],
        &["--no-such-option"],
        &["-C", "point", "no-such-file"],
        &["-CJob", &file],
        &["-C", "no_such_struct", &file],
    ];
    for query in queries {
        let theirs = clean(&real).args(query).output().unwrap();
        // Not even btfkinds is needed.
        for base in ["", "some"] {
            let mut ours = clean(wrapper());
            let ours = ours.args(query).env("BTFKINDS", "no-such-command").env("BTF_BASE", base);
            assert_eq!(ours.output().unwrap(), theirs, "{query:?}");
        }
    }
    assert!(!clean(&real).arg("--no-such-option").output().unwrap().status.success());
}

/// Another program instead of pahole shows what it is given.
fn arguments() {
    let folder = Folder::new();
    let shows = executable(
        &folder,
        "shows arguments",
        "#!/bin/sh\nprintf '[%s]' \"$@\"\ncat\necho error >&2\nexit 7\n",
    );
    let given = |args: &[&str], base: Option<&str>| {
        let mut command = clean(wrapper());
        command.args(args).env("BTFKINDS_PAHOLE", &shows);
        if let Some(base) = base {
            command.env("BTF_BASE", base);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"input").unwrap();
        let out = child.wait_with_output().unwrap();
        assert_eq!((out.status.code(), said(&out).as_str()), (Some(7), "error\n"), "{args:?}");
        let text = String::from_utf8(out.stdout).unwrap();
        text.strip_suffix("input").unwrap().to_owned()
    };
    let same = |args: &[&str]| -> String { args.iter().map(|arg| format!("[{arg}]")).collect() };
    let untouched: [&[&str]; 10] = [
        &["--version"],
        &["-C", "a b", "", "x *.o"],
        &["--btf_base", "vmlinux", "x.o"],
        &["--btf_base=vmlinux", "-C", "point", "x.o"],
        &["-J", "x.o"],
        &["-j", "-J", "--btf_gen_floats", "--lang_exclude=rust", "vmlinux"],
        &["-JV", "--", "--btf_base", "x.o"],
        &["--btf_encode_detached=x.BTF.1", "vmlinux"],
        &["--btf_encode_detached", "x.BTF.1", "vmlinux"],
        &["-J", "--btf_features=encode_force,distilled_base", "x.o"],
    ];
    for args in untouched {
        for base in [None, Some(""), Some("vmlinux")] {
            assert_eq!(given(args, base), same(args));
        }
    }
    // Without a base it goes, in all its spellings, and with it what is distilled from it.
    let cases: [(&[&str], &[&str]); 7] = [
        (&["-J", "-j", "--btf_base", "vm linux", "x.ko"], &["-J", "-j", "x.ko"]),
        (&["--btf_base=vmlinux", "-J", "x.ko"], &["-J", "x.ko"]),
        (&["-J", "--btf_bas", "vmlinux", "x.ko"], &["-J", "x.ko"]),
        (&["--btf_encode", "x.ko", "--btf_base=vmlinux"], &["--btf_encode", "x.ko"]),
        (
            &["-J", "--btf_features=distilled_base", "--btf_base", "vmlinux", "x.ko"],
            &["-J", "x.ko"],
        ),
        (
            &["-J", "--btf_features=var,distilled_base,float", "--btf_base", "vmlinux", "x.ko"],
            &["-J", "--btf_features=var,float", "x.ko"],
        ),
        (
            &["-J", "--btf_base=vmlinux", "--btf_encode_detached", "x.1", "--", "--btf_base"],
            &["-J", "--btf_encode_detached", "x.1", "--", "--btf_base"],
        ),
    ];
    for (args, left) in cases {
        assert_eq!(given(args, Some("")), same(left));
        assert_eq!(given(args, None), same(args));
        assert_eq!(given(args, Some("vmlinux")), same(args));
    }
}

fn objects() {
    let folder = Folder::new();
    let theirs = object(&folder, "theirs.o");
    plain(&["-J", &theirs]);
    let types = ok(["dump", &theirs]);
    for (name, args) in [
        ("a.o", &["-J"] as &[&str]),
        ("b.o", &["--btf_encode"]),
        ("c.o", &["-J", "-j", "--btf_gen_floats", "--lang_exclude=rust"]),
        ("d.o", &["-VJ", "--"]),
    ] {
        let ours = object(&folder, name);
        wrapped(&[args, &[&ours]].concat());
        assert!(described(&ours), "{name}");
        assert!(ok(["dump", &ours]).starts_with(&types), "{name}");
        assert_eq!(
            ok(["dump", &ours]).as_bytes(),
            run("bpftool", &["btf", "dump", "file", &ours]),
            "{name}"
        );
        // What encode would make of it, and once more.
        let once = fs::read(&ours).unwrap();
        let theirs = object(&folder, name);
        plain(&["-J", &theirs]);
        ok(["encode", "-q", &theirs]);
        assert_eq!(ok(["dump", &theirs]), ok(["dump", &ours]));
        fs::write(&ours, &once).unwrap();
        wrapped(&[args, &[&ours]].concat());
        assert_eq!(ok(["dump", &theirs]), ok(["dump", &ours]));
    }
    // Options for encode.
    let ours = object(&folder, "some.o");
    works(clean(wrapper()).args(["-J", &ours]).env("BTFKINDS_ENCODE", " --newer-than  '5.2' "));
    assert!(!described(&ours));
    assert!(ok(["kinds", &ours]).contains("ENUM64      size       0    12"));
    let kind = folder.file("kind file", "kind 20 LOC_PARAM\nthird size\nelements value\n");
    let options = format!("--select none --kind-file \"{kind}\"");
    works(clean(wrapper()).args(["-J", &ours]).env("BTFKINDS_ENCODE", options));
    assert_eq!(ok(["dump", &ours]), types);
    // An object without types is none with an error.
    let empty = folder.file("empty.c", "");
    let out = folder.name("empty.o");
    run("gcc", &["-g", "-c", &empty, "-o", &out]);
    let before = fs::read(&out).unwrap();
    assert_eq!(
        clean(wrapper()).args(["-J", &out]).output().unwrap().status,
        clean("pahole").args(["-J", &out]).output().unwrap().status
    );
    assert!(fs::read(&out).unwrap() == before);
}

fn detached() {
    let folder = Folder::new();
    let file = object(&folder, "a.o");
    let before = fs::read(&file).unwrap();
    let theirs = folder.name("theirs");
    plain(&["--btf_encode_detached", &theirs, &file]);
    ok(["encode", "-q", &theirs]);
    let equals = format!("--btf_encode_detached={}", folder.name("new"));
    wrapped(&["-J", &equals, &file]);
    wrapped(&["--btf_encode_detached", &folder.name("with blanks"), &file]);
    // Over another one.
    wrapped(&["--btf_encode_detached", &folder.file("old", "old"), &file]);
    for name in ["new", "with blanks", "old"] {
        assert!(described(&folder.name(name)));
        assert!(fs::read(folder.path(name)).unwrap() == fs::read(&theirs).unwrap(), "{name}");
    }
    // A name that looks like an option, and is relative.
    let mut command = clean(wrapper());
    works(command.args(["--btf_encode_detached=-J", &file]).current_dir(folder.path("")));
    assert!(fs::read(folder.path("-J")).unwrap() == fs::read(&theirs).unwrap());
    wrapped(&["--btf_encode_detached=/dev/null", &file]);
    assert!(fs::read(&file).unwrap() == before);
}

/// Split BTF is pahole's alone.
fn split() {
    let folder = Folder::new();
    let base = object(&folder, "base.o");
    wrapped(&["-J", &base]);
    let (ours, theirs) = (object(&folder, "ours.o"), folder.name("theirs.o"));
    fs::copy(&ours, &theirs).unwrap();
    for spelling in
        [vec!["--btf_base".to_owned(), base.clone()], vec![format!("--btf_base={base}")]]
    {
        let spelling: Vec<&str> = spelling.iter().map(String::as_str).collect();
        for base in ["unset", "some"] {
            let mut command = clean(wrapper());
            command.arg("-J").args(&spelling).arg(&ours).env("BTFKINDS", "no-such-command");
            if base != "unset" {
                command.env("BTF_BASE", base);
            }
            works(&mut command);
            plain(&[&["-J"], spelling.as_slice(), &[&theirs]].concat());
            assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap());
        }
        let raw = |how: &dyn Fn(&[&str])| {
            let out = folder.name("raw");
            how(&[&["--btf_encode_detached", &out], spelling.as_slice(), &[&theirs]].concat());
            fs::read(out).unwrap()
        };
        assert!(raw(&wrapped) == raw(&plain));
    }
}

/// As scripts/link-vmlinux.sh does it: in an ELF file that is linked, but not for the last time.
fn a_vmlinux() {
    let folder = Folder::new();
    let (vmlinux, btf) = (folder.name(".tmp_vmlinux.btf"), folder.name(".btf.vmlinux.bin.o"));
    run("gcc", &["-g", &object(&folder, "a.o"), "-o", &vmlinux]);
    let mut command = clean(wrapper());
    // Whatever is asked for modules, a vmlinux is none.
    command.args(["-J", "-j", "--lang_exclude=rust", &vmlinux]).env("BTF_BASE", "");
    works(command.env("BTFKINDS_RENUMBER", "portable"));
    let section = ["--only-section=.BTF", "--set-section-flags", ".BTF=alloc,readonly"];
    run("objcopy", &[&section[..], &["--strip-all", &vmlinux, &btf]].concat());
    assert!(described(&btf));
    assert!(!ok(["dump", &btf]).contains("__BTF_ORIGIN"));
}

fn refused(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    said(&out)
}

fn refusals() {
    let folder = Folder::new();
    let file = object(&folder, "a.o");
    let before = fs::read(&file).unwrap();
    let call = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = clean(wrapper());
        refused(command.arg("-J").args(args).arg(&file).envs(variables.iter().copied()))
    };
    // Before pahole is run.
    for (variables, args, message) in [
        (
            &[("BTFKINDS", "no-such-command")] as &[_],
            &[] as &[&str],
            "no command 'no-such-command'; BTFKINDS can name it",
        ),
        (&[("BTFKINDS_PAHOLE", "no-such")], &[], "BTFKINDS_PAHOLE: no command 'no-such'"),
        (&[("BTFKINDS_ENCODE", "--kind-file 'x")], &[], "unequal quotes"),
        (
            &[("BTFKINDS_RENUMBER", "portable"), ("BTFKINDS_REBASE", "vmlinux")],
            &[],
            "both BTFKINDS_RENUMBER and BTFKINDS_REBASE are set",
        ),
        (
            &[("BTFKINDS_REBASE", "vmlinux")],
            &["--btf_base", "vmlinux"],
            "BTFKINDS_REBASE is for standalone BTF, and this is made with --btf_base",
        ),
        (
            &[("BTF_BASE", ""), ("RESOLVE_BTFIDS", "./resolve_btfids")],
            &["--btf_base", "vmlinux"],
            "an empty BTF_BASE needs RESOLVE_BTFIDS=true",
        ),
        (&[], &["--btf_encode_detached=/dev/full"], "'/dev/full' is no file"),
    ] {
        let said = call(variables, args);
        assert!(said.contains(message), "{said}");
        assert!(said.starts_with("contrib/pahole: "), "{said}");
        assert!(fs::read(&file).unwrap() == before, "{message}");
    }
    // Afterwards, with what is wrong.
    let said = call(&[("BTFKINDS_ENCODE", "--no-such-option")], &[]);
    assert!(said.contains("--no-such-option"), "{said}");
    let last =
        format!("contrib/pahole: {file}: has BTF, but 'btfkinds encode' failed, see above\n");
    assert!(said.ends_with(&last), "{said}");
    // What pahole says is what counts.
    let out = clean(wrapper()).args(["-J", "no-such-file"]).output().unwrap();
    assert_eq!(out, clean(on_path("pahole")).args(["-J", "no-such-file"]).output().unwrap());
    assert!(!out.status.success());
}

/// Not itself, whatever it is called by.
fn which_pahole() {
    let folder = Folder::new();
    for dir in ["link", "a copy", "real one"] {
        fs::create_dir(folder.path(dir)).unwrap();
    }
    std::os::unix::fs::symlink(wrapper(), folder.path("link/pahole")).unwrap();
    fs::copy(wrapper(), folder.path("a copy/pahole")).unwrap();
    executable(&folder, "real one/pahole", "#!/bin/sh\necho \"real $*\"\n");
    let usual = env::var("PATH").unwrap();
    let path = |dirs: &[&str]| -> String {
        let dirs: Vec<String> = dirs.iter().map(|dir| folder.name(dir)).collect();
        format!("{}:{usual}", dirs.join(":"))
    };
    let found = path(&["link", "a copy", "real one"]);
    for program in [wrapper(), folder.path("link/pahole"), folder.path("a copy/pahole")] {
        let out = works(clean(&program).args(["-C", "x"]).env("PATH", &found));
        assert_eq!(out.stdout, b"real -C x\n");
    }
    // As the first on PATH.
    let mut shell = clean("bash");
    let out = works(shell.args(["-c", "pahole -C x"]).env("PATH", &found));
    assert_eq!(out.stdout, b"real -C x\n");
    let real = folder.name("real one/pahole");
    let out = works(clean(wrapper()).arg("-C").env("BTFKINDS_PAHOLE", &real));
    assert_eq!(out.stdout, b"real -C\n");
    let copy = folder.name("a copy/pahole");
    let said = refused(clean(wrapper()).arg("-C").env("BTFKINDS_PAHOLE", &copy));
    assert!(said.contains("is this wrapper itself"), "{said}");
    // Only the wrapper is there.
    let tools = folder.path("tools");
    fs::create_dir(&tools).unwrap();
    for tool in ["bash", "cmp"] {
        std::os::unix::fs::symlink(on_path(tool), tools.join(tool)).unwrap();
    }
    let alone = format!("{}:{}", tools.display(), folder.name("link"));
    let said = refused(clean(wrapper()).arg("-C").env("PATH", alone));
    assert!(said.contains("no other pahole on PATH"), "{said}");
}

// Modules.

const MODULES: [&str; 3] = ["demo.ko", "task.ko", "tasks.ko"];

/// Sources in a folder of their own, where kbuild writes too.
struct Tree {
    folder: Folder,
    headers: PathBuf,
}

impl Tree {
    fn new(kernel: &Path) -> Tree {
        let folder = Folder::new();
        let tests = root().join("tests");
        for source in ["qemu/module/demo.c", "qemu/module/task.c", "modules/tasks.c"] {
            let source = tests.join(source);
            fs::copy(&source, folder.path(source.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        folder.file("Makefile", "obj-m := demo.o task.o tasks.o\n");
        Tree { folder, headers: kernel.join("build") }
    }

    fn name(&self, module: &str) -> String {
        self.folder.name(module)
    }

    /// Links the modules anew. Without a time stamp the build runs 'pahole -j', and types come in any order.
    fn make(&self, words: &[&str]) -> Command {
        for module in MODULES {
            let _ = fs::remove_file(self.folder.path(module));
        }
        let mut command = clean("make");
        command.args(["-s", "-j2", "-C"]).arg(&self.headers).arg("modules");
        command.arg(format!("M={}", self.folder.path("").display()).trim_end_matches('/'));
        command.arg("KBUILD_BUILD_TIMESTAMP=@0").args(words);
        command
    }
}

fn btf(file: &str) -> Vec<u8> {
    File::open(Path::new(file)).unwrap().bytes().unwrap()
}

/// The `.BTF_ids` of a module with one set of kfuncs.
fn ids(file: &str) -> Vec<u32> {
    let folder = Folder::new();
    let section = format!(".BTF_ids={}", folder.name("ids"));
    run("objcopy", &["--dump-section", &section, file, "/dev/null"]);
    let bytes = fs::read(folder.path("ids")).unwrap();
    bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Which function has which flags; the set must be in order.
fn kfuncs(file: &str, vmlinux: &str) -> BTreeMap<String, u32> {
    let words = ids(file);
    let dump = ok(["dump", file, "-B", vmlinux]);
    let named = |id: u32| {
        let head = format!("[{id}] FUNC '");
        let line = dump.lines().find_map(|line| line.strip_prefix(&head)).expect("a function");
        line.split('\'').next().unwrap().to_owned()
    };
    let pairs: Vec<&[u32]> = words[2..].chunks(2).collect();
    assert_eq!(words[0] as usize, pairs.len());
    assert!(pairs.is_sorted_by_key(|pair| pair[0]), "{words:?}");
    pairs.iter().map(|pair| (named(pair[0]), pair[1])).collect()
}

/// Those of the sources, by module.
fn as_written() -> [(&'static str, BTreeMap<String, u32>); 2] {
    let set = |list: &[(&str, u32)]| {
        list.iter().map(|(name, flags)| ((*name).to_owned(), *flags)).collect()
    };
    [
        ("demo.ko", set(&[("demo_add", 0x10), ("demo_mul", 0)])),
        ("task.ko", set(&[("task_has_pid", 0)])),
    ]
}

/// The dump without the origin record at its end, and its values.
fn origin(dump: &str) -> (&str, Vec<u32>) {
    let at = dump.rfind("ENUM '__BTF_ORIGIN'").expect("an origin record");
    let values =
        dump[at..].lines().skip(1).map(|line| line.split("val=").nth(1).unwrap().parse().unwrap());
    (&dump[..dump[..at].rfind('\n').unwrap() + 1], values.collect())
}

fn headers_with_vmlinux() {
    let kernel = PathBuf::from(script("debian-kernel", &["6.12"]));
    let vmlinux = kernel.join("build/vmlinux").to_str().unwrap().to_owned();
    let vmlinux = vmlinux.as_str();
    let tree = Tree::new(&kernel);
    let pahole = format!("PAHOLE={}", wrapper().display());
    let keep = || MODULES.map(|module| fs::read(tree.name(module)).unwrap());

    // Split, as ever.
    works(&mut tree.make(&[]));
    let usual = keep();
    works(tree.make(&[&pahole]).env("BTFKINDS", "no-such-command"));
    assert!(keep() == usual);
    let dump = |module: &str| ok(["dump", &tree.name(module), "-B", vmlinux]);
    let split = MODULES.map(dump);
    let split_ids = [ids(&tree.name("demo.ko")), ids(&tree.name("task.ko"))];

    // Standalone.
    let alone = [pahole.as_str(), "RESOLVE_BTFIDS=true", "BTF_BASE="];
    works(&mut tree.make(&alone));
    let standalone = MODULES.map(|module| btf(&tree.name(module)));
    for module in MODULES {
        let file = tree.name(module);
        assert!(described(&file));
        assert_eq!(origin(&ok(["dump", &file])).1, [1, 0, 0, 0]);
        assert_eq!(ok(["dump", &file]).as_bytes(), run("bpftool", &["btf", "dump", "file", &file]));
    }
    assert_eq!(ids(&tree.name("demo.ko")), [0, 1, 0, 0x10, 0, 0]);

    // Renumbered: these very types.
    for how in ["portable", vmlinux] {
        let how_word = format!("BTFKINDS_RENUMBER={how}");
        let out = works(&mut tree.make(&[&alone[..], &[&how_word]].concat()));
        assert_eq!(said(&out).matches("; .BTF_ids filled").count(), 2, "{}", said(&out));
        for (module, standalone) in MODULES.iter().zip(&standalone) {
            let file = tree.name(module);
            if how == "portable" {
                let base = ok(["dump", "--section", ".BTF.base", &file]);
                assert!(base.starts_with("[1] INT 'int'"), "{base}");
                assert_eq!(base.lines().count(), 1);
                // The set is in order for the kernel's own relocation too.
                assert!(ids(&tree.name("demo.ko")).chunks(2).skip(1).is_sorted());
            } else {
                run("bpftool", &["-B", vmlinux, "btf", "dump", "file", &file]);
            }
            let copy = tree.name("copy.ko");
            fs::copy(&file, &copy).unwrap();
            ok(["renumber", "--undo", &copy]);
            assert!(btf(&copy) == *standalone, "{module} {how}");
        }
        for (module, set) in as_written() {
            if how == "portable" {
                ok(["renumber", &tree.name(module), "-B", vmlinux]);
            }
            assert_eq!(kfuncs(&tree.name(module), vmlinux), set, "{how}");
        }
    }

    // Rebased: what the kernel's own build makes.
    for how in ["", "portable:"] {
        works(
            &mut tree.make(&[&alone[..], &[&format!("BTFKINDS_REBASE={how}{vmlinux}")]].concat()),
        );
        if how == "portable:" {
            for module in MODULES {
                let base = ok(["dump", "--section", ".BTF.base", &tree.name(module)]);
                assert!(base.lines().count() > 1, "{base}");
                ok(["rebase", &tree.name(module), "-B", vmlinux]);
            }
        }
        for (module, split) in MODULES.iter().zip(&split) {
            assert_eq!(origin(&dump(module)).0, split, "{module} {how}");
        }
        for (module, split) in ["demo.ko", "task.ko"].iter().zip(&split_ids) {
            assert_eq!(ids(&tree.name(module)), *split, "{module} {how}");
        }
    }
    for (module, set) in as_written() {
        assert_eq!(kfuncs(&tree.name(module), vmlinux), set);
    }

    // A wrapper, a command and a base in folders with blanks.
    let blanks = Folder::new();
    fs::create_dir(blanks.path("with blanks")).unwrap();
    fs::copy(wrapper(), blanks.path("with blanks/pahole")).unwrap();
    let links = [(env!("CARGO_BIN_EXE_btfkinds"), "btfkinds"), (vmlinux, "vmlinux")];
    for (target, name) in links {
        std::os::unix::fs::symlink(target, blanks.path(&format!("with blanks/{name}"))).unwrap();
    }
    let quoted = format!("PAHOLE='{}'", blanks.name("with blanks/pahole"));
    let rebase = format!("BTFKINDS_REBASE={}", blanks.name("with blanks/vmlinux"));
    let mut make = tree.make(&[&quoted, &rebase, "RESOLVE_BTFIDS=true", "BTF_BASE="]);
    works(make.env("BTFKINDS", blanks.path("with blanks/btfkinds")));
    assert_eq!(origin(&dump("demo.ko")).0, split[0]);

    // What goes wrong ends the build, and leaves no module behind.
    for (words, message) in [
        (
            [&alone[..], &["BTFKINDS_ENCODE=--no-such-option"]].concat(),
            "has BTF, but 'btfkinds encode' failed, see above",
        ),
        (
            [&alone[..], &["BTFKINDS_REBASE=/no/such/vmlinux"]].concat(),
            "has BTF, but 'btfkinds rebase' failed, see above",
        ),
        (
            [&alone[..], &["BTFKINDS_REBASE=portable:"]].concat(),
            "has BTF, but 'btfkinds rebase' failed, see above",
        ),
        (vec![&pahole, "BTF_BASE="], "an empty BTF_BASE needs RESOLVE_BTFIDS=true"),
        (vec![&pahole, "BTFKINDS_RENUMBER=portable"], "empty BTF_BASE, too"),
    ] {
        let out = tree.make(&words).output().unwrap();
        assert!(!out.status.success());
        assert!(said(&out).contains("contrib/pahole: "), "{}", said(&out));
        assert!(said(&out).contains(message), "{}", said(&out));
        assert!(!tree.folder.path("demo.ko").exists());
    }
}

fn headers_without_vmlinux() {
    let kernel = PathBuf::from(script("debian-kernel", &["6.1"]));
    let vmlinux = kernel.join("vmlinux").to_str().unwrap().to_owned();
    let tree = Tree::new(&kernel);
    let pahole = format!("PAHOLE={}", wrapper().display());
    let out = works(&mut tree.make(&[&pahole, "KCFLAGS=-g"]));
    let skipped = "due to unavailability of vmlinux";
    assert_eq!(said(&out).matches(skipped).count(), MODULES.len(), "{}", said(&out));
    for module in MODULES {
        let file = tree.name(module);
        let built = fs::read(&file).unwrap();
        let results = [("BTFKINDS_RENUMBER", "renumber"), ("BTFKINDS_REBASE", "rebase")].map(
            |(variable, command)| {
                // At once.
                fs::write(&file, &built).unwrap();
                works(clean(wrapper()).args(["-J", &file]).env(variable, &vmlinux));
                let at_once = fs::read(&file).unwrap();
                // In steps.
                fs::write(&file, &built).unwrap();
                if command == "renumber" {
                    wrapped(&["-J", &file]);
                    assert!(described(&file));
                    ok(["renumber", "--resolve-ids", "-B", &vmlinux, &file]);
                } else {
                    plain(&["-J", &file]);
                    ok(["rebase", "-B", &vmlinux, &file]);
                }
                assert!(fs::read(&file).unwrap() == at_once, "{command}");
                for (_, set) in as_written().into_iter().filter(|(name, _)| *name == module) {
                    assert_eq!(kfuncs(&file, &vmlinux), set, "{command}");
                }
                let dump = ok(["dump", &file, "-B", &vmlinux]);
                let theirs = run("bpftool", &["-B", &vmlinux, "btf", "dump", "file", &file]);
                assert_eq!(dump.as_bytes(), theirs);
                // Whether it still is what it was standalone.
                let standalone = origin(&dump).1[0] & 3 != 0;
                assert_eq!(standalone, command == "renumber");
                dump.lines().count()
            },
        );
        assert!(results[1] * 10 < results[0], "{results:?}");
        // For kernels that come later; without a base nothing of a vmlinux is needed.
        fs::write(&file, &built).unwrap();
        works(clean(wrapper()).args(["-J", &file]).env("BTFKINDS_RENUMBER", "portable"));
        assert!(ok(["dump", "--section", ".BTF.base", &file]).starts_with("[1] INT 'int'"));
    }
}
