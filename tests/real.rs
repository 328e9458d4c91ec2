//! The running kernel's BTF, and Debian's stock kernel with all its modules.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use btfkinds::kernel::{VMLINUX, Verdict, verify};
use btfkinds::{Btf, Change, Describe, File, Parse, Place, Select, Text, describe};
use common::needs::Need::{Bpf, Debian, KernelBtf, Root, Tool};
use common::needs::{debian, trial};
use common::{Folder, Graph, Layout, W, btfkinds, fails, info, ok, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let bpftool = Tool("bpftool");
    let tests = vec![
        trial("kernel_round_trip", &[KernelBtf], kernel_round_trip),
        trial("kernel_dump_is_bpftools", &[KernelBtf, bpftool], kernel_dump_is_bpftools),
        trial("json_is_bpftools", &[KernelBtf, Debian, bpftool], json_is_bpftools),
        trial("kernel_encoded", &[KernelBtf, bpftool], kernel_encoded),
        trial("kernel_takes_it", &[KernelBtf, Bpf], kernel_takes_it),
        trial("kernel_front", &[KernelBtf, bpftool], kernel_front),
        trial("pahole_reads_it", &[KernelBtf, Tool("pahole")], pahole_reads_it),
        trial("header_compiles", &[KernelBtf, bpftool, Tool("gcc")], header_compiles),
        trial("demo_runs", &[KernelBtf], demo_runs),
        trial("kernel_base_is_found", &[KernelBtf], kernel_base_is_found),
        trial("without_kernel_btf", &[Root, Tool("unshare")], without_kernel_btf),
        trial(
            "compressed_modules",
            &[Debian, bpftool, Tool("gzip"), Tool("xz"), Tool("zstd")],
            compressed_modules,
        ),
        trial("debian_vmlinux", &[Debian, bpftool], debian_vmlinux),
        trial("debian_modules_dump_is_bpftools", &[Debian, bpftool], debian_modules),
        trial("debian_split_follows", &[Debian, bpftool], debian_split_follows),
        trial("debian_split_follows_front", &[Debian], debian_split_follows_front),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn bpftool_dump(file: &str, base: Option<&str>) -> String {
    let mut args = Vec::new();
    args.extend(base.into_iter().flat_map(|base| ["-B", base]));
    args.extend(["btf", "dump", "file", file]);
    String::from_utf8(run("bpftool", &args)).unwrap()
}

fn text(btf: &Btf) -> String {
    let mut out = Vec::new();
    Text::new(&mut out).types(btf.types()).unwrap();
    String::from_utf8(out).unwrap()
}

/// bpftool 7.1 prints values of unsigned enums of 4 bytes from 2^31 on with their sign extended to 64 bits
/// (its own text output doesn't); all else is the same.
fn json_is_bpftools() {
    let module = debian().join("modules/kernel/net/netfilter/nf_conntrack.ko");
    let vmlinux = debian().join("vmlinux");
    let (module, vmlinux) = (module.to_str().unwrap(), vmlinux.to_str().unwrap());
    let mut extended = 0;
    for (file, base) in [(VMLINUX, None), (vmlinux, None), (module, Some(vmlinux))] {
        let base: Vec<&str> = base.into_iter().flat_map(|base| ["-B", base]).collect();
        let ours = ok([&["dump", "-f", "json", file], base.as_slice()].concat());
        let theirs =
            run("bpftool", &[&["-j"], base.as_slice(), &["btf", "dump", "file", file]].concat());
        let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
        let mut theirs: serde_json::Value = serde_json::from_slice(&theirs).unwrap();
        for ty in theirs["types"].as_array_mut().unwrap() {
            if ty["kind"] == "ENUM" && ty["encoding"] == "UNSIGNED" {
                for value in ty["values"].as_array_mut().unwrap() {
                    let low = value["val"].as_u64().unwrap();
                    extended += usize::from(low >> 32 != 0);
                    value["val"] = (low & 0xffff_ffff).into();
                }
            }
        }
        let (ours, theirs) =
            (ours["types"].as_array().unwrap(), theirs["types"].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len(), "{file}");
        if let Some((a, b)) = ours.iter().zip(theirs).find(|(a, b)| a != b) {
            panic!("{file}:\nours   {a}\ntheirs {b}");
        }
    }
    assert!(extended > 0);
}

/// Two long texts, compared without printing them whole.
fn same_text(ours: &str, theirs: &str, what: &str) {
    if let Some((a, b)) = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b) {
        panic!("{what}:\nours   {a}\ntheirs {b}");
    }
    assert_eq!(ours.len(), theirs.len(), "{what}");
}

fn kernel_round_trip() {
    let bytes = fs::read(VMLINUX).unwrap();
    assert!(Btf::parse(&bytes).unwrap().to_bytes() == bytes);
}

fn kernel_dump_is_bpftools() {
    same_text(&ok(["dump", VMLINUX]), &bpftool_dump(VMLINUX, None), "the running kernel");
}

/// The options of the command, and the most bytes that they may add to a vmlinux.
const SELECTIONS: [(&[&str], usize); 3] =
    [(&[], 2600), (&["--select", "used"], 2600), (&["--newer-than", "5.2"], 760)];

/// What describing adds is what FORMAT.md says: 64 types and 2,527 bytes for all kinds where the
/// blob has `__u32` and `__s32`, 16 types and 651 bytes for those newer than 5.2.
fn added(file: &str, before: &str, options: &[&str], most: usize) -> (usize, usize, String) {
    let folder = Folder::new();
    let out = folder.name("out.btf");
    let is_elf = fs::read(file).unwrap().starts_with(b"\x7fELF");
    let to = if is_elf { "--detached" } else { "-o" };
    ok([&["encode", "-q", file, to, &out], options].concat());
    let old = File::open(Path::new(file)).unwrap().btf(&Parse::new()).unwrap();
    let new = Btf::parse(&fs::read(&out).unwrap()).unwrap();
    let bytes = new.to_bytes().len() - old.to_bytes().len();
    let types = (new.type_count() - old.type_count()) as usize;
    assert!(bytes <= most, "{bytes} bytes, at most {most}");
    let after = bpftool_dump(&out, None);
    // Line for line what it was, and then what is new.
    assert!(after.starts_with(before), "the old types have changed");
    println!("{file} {options:?}: {types} types, {bytes} bytes");
    (types, bytes, after[before.len()..].to_owned())
}

fn kernel_encoded() {
    let before = bpftool_dump(VMLINUX, None);
    let all = SELECTIONS.map(|(options, most)| added(VMLINUX, &before, options, most));
    assert_eq!((all[0].0, all[0].1), (64, 2527));
    assert_eq!((all[2].0, all[2].1), (16, 651));
    // Every kind is there as bpftool sees it, and nothing but descriptions was added.
    let expected = include_str!("descriptions.txt");
    let old = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let names: BTreeMap<u32, String> =
        old.types().map(|ty| (ty.id().0, ty.name().to_string())).collect();
    let first = old.type_count();
    assert_eq!(relative(&all[0].2, first, &names), expected);
}

/// bpftool's lines with new ids as `+0`, `+1` ... and old ids as the names of their types, so that
/// they are the same for every kernel.
fn relative(lines: &str, first: u32, names: &BTreeMap<u32, String>) -> String {
    let id = |text: &str| {
        let number = text.trim_end();
        let id: u32 = number.parse().unwrap();
        let id = id.checked_sub(first).map_or_else(|| names[&id].clone(), |new| format!("+{new}"));
        format!("{id}{}", &text[number.len()..])
    };
    let word = |word: &str| match word.split_once('=') {
        Some((field @ ("type_id" | "index_type_id"), value)) => format!("{field}={}", id(value)),
        _ => match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
            Some(number) => format!("[{}]", id(number)),
            None => word.to_owned(),
        },
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    lines.split_inclusive('\n').map(line).collect()
}

fn kernel_takes_it() {
    let bytes = fs::read(VMLINUX).unwrap();
    for place in [Place::Back, Place::Front] {
        for select in [Select::All, Select::Used] {
            let mut btf = Btf::parse(&bytes).unwrap();
            describe(&mut btf, &Describe { select, place, ..Describe::default() }).unwrap();
            match verify(&btf.to_bytes()) {
                Verdict::Accepted => {}
                verdict => panic!("{verdict:?}"),
            }
        }
    }
}

/// Types in bpftool's words, with the ids from `first` on moved up.
fn moved(lines: &str, first: u32, by: u32) -> String {
    let add = |text: &str| -> String {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let id: u32 = text[..end].parse().unwrap();
        format!("{}{}", if id < first { id } else { id + by }, &text[end..])
    };
    let word = |word: &str| match word.split_once('=') {
        Some((field @ ("type_id" | "\ttype_id" | "index_type_id" | "ret_type_id"), value)) => {
            format!("{field}={}", add(value))
        }
        _ => match word.strip_prefix('[') {
            Some(number) => format!("[{}", add(number)),
            None => word.to_owned(),
        },
    };
    lines
        .split_inclusive('\n')
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

fn kernel_front() {
    let folder = Folder::new();
    let out = folder.name("out.btf");
    ok(["encode", "-q", "--place", "front", "-o", &out]);
    let old = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let new = Btf::parse(&fs::read(&out).unwrap()).unwrap();
    let by = new.type_count() - old.type_count();
    let after = bpftool_dump(&out, None);
    let at = after.find(&format!("[{}] ", by + 1)).unwrap();
    same_text(&moved(&bpftool_dump(VMLINUX, None), 1, by), &after[at..], "moved types");
}

fn pahole_reads_it() {
    let folder = Folder::new();
    let out = folder.name("out.btf");
    ok(["encode", "-q", "-o", &out]);
    let show = |file: &str, name: &str| run("pahole", &["-F", "btf", "-C", name, file]);
    assert_eq!(show(&out, "task_struct"), show(VMLINUX, "task_struct"));
    let array = String::from_utf8(show(&out, "__BTF_KIND_META_ARRAY")).unwrap();
    assert!(array.contains("__btf_type_id") && array.contains("index_type"), "{array}");
}

fn header_compiles() {
    let folder = Folder::new();
    let out = folder.name("out.btf");
    ok(["encode", "-q", "-o", &out]);
    let header = run("bpftool", &["btf", "dump", "file", &out, "format", "c"]);
    folder.file("vmlinux.h", &header);
    let source = folder.file(
        "x.c",
        "#include \"vmlinux.h\"\n\
         _Static_assert(sizeof(struct __BTF_KIND_ARRAY) == 24, \"ARRAY\");\n\
         _Static_assert(sizeof(__BTF_KIND_19) == 12, \"ENUM64\");\n\
         __btf_type_id f(struct __BTF_KIND_STRUCT *s) { return s->meta[1].type; }\n",
    );
    // The header's bool and friends collide with what newer C has built in.
    run("gcc", &["-std=gnu11", "-w", "-c", &source, "-o", &folder.name("x.o")]);
}

fn demo_runs() {
    let text = ok(["demo"]);
    for part in [
        "19 kinds described",
        "are unchanged",
        "GADGET 'knife' type_id=1 vlen=2",
        "name_off='blade' part=1",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

/// Without -B, split BTF is read on the running kernel's: that it was numbered for it is known, or
/// nothing speaks against it, or it does not fit and is asked for.
fn kernel_base_is_found() {
    let folder = Folder::new();
    let mut graph = Graph::default();
    let int = graph.int("module_int", 4, 1);
    graph.add([W::S("module_t"), info(8, 0, false), W::Id(int)]);
    let file = folder.file("module.btf", graph.bytes());
    ok(["renumber", "-q", &file]);
    let out = btfkinds(["dump", "-v", &file]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("read on the running kernel's BTF, which it was numbered for"), "{said}");
    assert_eq!(String::from_utf8(out.stdout).unwrap(), ok(["dump", &file, "-B", VMLINUX]));
    let kernel = Btf::parse(&fs::read(VMLINUX).unwrap()).unwrap();
    let split = |types, strings| {
        let first = (types, strings);
        graph.write(&Layout { first, ..Layout::plain(&graph) }).0
    };
    let fits = folder.file("fits.btf", split(kernel.type_count(), kernel.str_len() as u32));
    let out = btfkinds(["dump", &fits]);
    assert!(String::from_utf8(out.stderr).unwrap().contains("nothing speaks against it"));
    assert!(String::from_utf8(out.stdout).unwrap().contains("TYPEDEF 'module_t'"));
    let other =
        folder.file("other.btf", split(kernel.type_count() + 9, kernel.str_len() as u32 + 99));
    assert!(fails(["dump", &other]).contains("help: give its base with -B"));
}

/// Where the kernel offers no BTF (here it is covered up): the demo takes a sample and says so,
/// `encode` without a FILE is an error.
fn without_kernel_btf() {
    let script =
        "if [ -d /sys/kernel/btf ]; then mount -t tmpfs none /sys/kernel/btf; fi; exec \"$@\"";
    let in_the_dark = |args: &[&str]| {
        let program = env!("CARGO_BIN_EXE_btfkinds");
        let out = Command::new("unshare")
            .args(["-m", "sh", "-c", script, "sh", program])
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
        (out.status.code(), text)
    };
    let (code, text) = in_the_dark(&["demo"]);
    assert_eq!(code, Some(0), "{text}");
    for part in ["this is a small built-in sample instead", "19 kinds described", "GADGET 'knife'"]
    {
        assert!(text.contains(part), "{text}");
    }
    let folder = Folder::new();
    let (code, text) = in_the_dark(&["encode", "-o", &folder.name("out.btf")]);
    assert_eq!(code, Some(2));
    assert!(text.contains("no FILE was given, and the running kernel offers no BTF"), "{text}");
}

fn vmlinux() -> String {
    debian().join("vmlinux").to_str().unwrap().to_owned()
}

/// Compressed as the tools do it, read, rewritten, and unpacked by the tools again; the kernel's
/// own unpacker for .xz wants a CRC-32 and a small dictionary.
fn compressed_modules() {
    let folder = Folder::new();
    let base = vmlinux();
    let module = &modules(&debian().join("modules"))[100];
    let plain = folder.name("plain.ko");
    fs::copy(module, &plain).unwrap();
    let before = ok(["dump", &plain, "-B", &base]);
    let grown = folder.name("grown.btf");
    ok(["encode", "-q", &base, "--detached", &grown]);
    let expect = folder.name("expect.ko");
    ok([
        "renumber",
        "-q",
        "--strip-signature",
        &plain,
        "--from",
        &base,
        "-B",
        &grown,
        "-o",
        &expect,
    ]);
    let tools: [(&str, &[&str]); 3] =
        [("gzip", &["-n"]), ("xz", &["--check=crc32", "--lzma2=dict=1MiB"]), ("zstd", &["-q"])];
    for (tool, options) in tools {
        let packed = run(tool, &[options, &["-c", &plain]].concat());
        // Told by content, not by name.
        let file = folder.file(&format!("{tool}.ko"), &packed);
        assert_eq!(ok(["dump", &file, "-B", &base]), before);
        ok(["renumber", "-q", "--strip-signature", &file, "--from", &base, "-B", &grown]);
        let once = fs::read(&file).unwrap();
        assert_eq!(once[..2], packed[..2]);
        // The same again gives the same bytes.
        fs::write(&file, &packed).unwrap();
        ok(["renumber", "-q", "--strip-signature", &file, "--from", &base, "-B", &grown]);
        assert!(fs::read(&file).unwrap() == once);
        // The tools go by name.
        let ending = tool.replace("gzip", "gz").replace("zstd", "zst");
        let named = folder.file(&format!("module.ko.{ending}"), &once);
        assert!(run(tool, &["-d", "-c", &named]) == fs::read(&expect).unwrap());
        if tool == "xz" {
            let xz = named;
            let facts = String::from_utf8(run("xz", &["--robot", "-lvv", &xz])).unwrap();
            assert!(facts.contains("CRC32") && facts.contains("dict=1MiB"), "{facts}");
        }
        // Cut off, and made to look like one: an error.
        let cut = folder.file("cut.ko", &packed[..packed.len() / 2]);
        assert!(fails(["dump", &cut, "-B", &base]).contains("cannot unpack"));
    }
}

/// Every module of the kernel, in a fixed order.
fn modules(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "ko") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 1000, "only {} modules", found.len());
    found
}

fn debian_vmlinux() {
    let file = vmlinux();
    let before = bpftool_dump(&file, None);
    same_text(&ok(["dump", &file]), &before, "Debian's vmlinux");
    for (options, most) in SELECTIONS {
        added(&file, &before, options, most);
    }
    let elf = fs::read(&file).unwrap();
    let said = fails(["encode", &file]);
    assert!(said.contains("the section is loaded") && said.contains("--detached"), "{said}");
    assert!(fs::read(&file).unwrap() == elf);
}

fn debian_modules() {
    let file = vmlinux();
    let base = Arc::new(File::open(Path::new(&file)).unwrap().btf(&Parse::new()).unwrap());
    let parse = Parse::new().base(base);
    let modules = modules(&debian().join("modules"));
    for (i, path) in modules.iter().enumerate() {
        let module = File::open(path).unwrap();
        let btf = module.btf(&parse).unwrap();
        btf.check_base().unwrap();
        assert!(btf.to_bytes() == module.bytes().unwrap(), "{path:?}");
        let name = path.to_str().unwrap();
        same_text(&text(&btf), &bpftool_dump(name, Some(&file)), name);
        // The same through the command, now and then.
        if i % 100 == 0 {
            assert_eq!(ok(["dump", name, "-B", &file]), text(&btf));
        }
    }
    println!("{} modules", modules.len());
}

/// All modules, copied to a folder where they can be rewritten.
fn copied(folder: &Folder) -> Vec<(PathBuf, String)> {
    let from = debian().join("modules");
    let copy = |(i, path): (usize, PathBuf)| {
        let to = folder.name(&format!("{i}.ko"));
        fs::copy(&path, &to).unwrap();
        (path, to)
    };
    modules(&from).into_iter().enumerate().map(copy).collect()
}

/// All modules follow their described vmlinux: the same types, at shifted ids.
fn debian_split_follows() {
    let folder = Folder::new();
    let (file, out) = (vmlinux(), folder.name("vmlinux.btf"));
    let copies = copied(&folder);
    let list: Vec<&str> = copies.iter().map(|(_, to)| to.as_str()).collect();
    // All are signed: nothing is written without leave to strip that.
    let refused = btfkinds([&["encode", &file, "--detached", &out, "--split"], &list[..]].concat());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.status.code() == Some(2) && said.contains("a module signature is appended"),
        "{said}"
    );
    assert!(!Path::new(&out).exists());
    for (from, to) in &copies {
        assert!(fs::read(from).unwrap() == fs::read(to).unwrap());
    }
    let args = [&["encode", "--strip-signature", &file, "--detached", &out, "--split"], &list[..]]
        .concat();
    let done = btfkinds(&args);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(
        done.status.success() && said.contains("1,1") && said.contains("rewritten to match"),
        "{said}"
    );
    let old_base = Arc::new(File::open(Path::new(&file)).unwrap().btf(&Parse::new()).unwrap());
    let new_base = Arc::new(Btf::parse(&fs::read(&out).unwrap()).unwrap());
    let by = new_base.type_count() - old_base.type_count();
    let first = old_base.type_count();
    let old_parse = Parse::new().base(old_base);
    let new_parse = Parse::new().base(new_base);
    for (i, (from, to)) in copies.iter().enumerate() {
        let old = File::open(from).unwrap().btf(&old_parse).unwrap();
        let module = File::open(Path::new(to)).unwrap();
        assert!(!module.is_signed());
        let new = module.btf(&new_parse).unwrap();
        new.check_base().unwrap();
        let theirs = moved(&text(&old), first, by);
        same_text(&text(&new), &theirs, to);
        if i % 25 == 0 {
            same_text(&bpftool_dump(to, Some(&out)), &theirs, to);
        }
    }
}

/// Descriptions in front of vmlinux move every id there is: in all modules all of them, base ids
/// too, and every resolved id in `.BTF_ids`.
fn debian_split_follows_front() {
    let file = vmlinux();
    let old = File::open(Path::new(&file)).unwrap().btf(&Parse::new()).unwrap();
    let mut new = old.clone();
    let done =
        describe(&mut new, &Describe { place: Place::Front, ..Describe::default() }).unwrap();
    let (old, new) = (Arc::new(old), Arc::new(new));
    let parse = Parse::new().base(Arc::clone(&old));
    let mut with_ids = 0;
    for path in modules(&debian().join("modules")) {
        let module = File::open(&path).unwrap();
        let before = Arc::new(module.btf(&parse).unwrap());
        let after = Btf::clone(&before).follow_base(&done.shift, Arc::clone(&new)).unwrap();
        same_text(&text(&after), &moved(&text(&before), 1, done.types), path.to_str().unwrap());
        let after = Arc::new(after);
        let change = Change::new(&before, &after, done.shift, &parse);
        let bytes = module.changed(&change, true).unwrap();
        let ids = |data: &[u8]| section(data, ".BTF_ids");
        let (was, is) = (ids(&fs::read(&path).unwrap()), ids(&bytes));
        assert_eq!(was.len(), is.len());
        let words = |data: &[u8]| -> Vec<u32> {
            data.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
        };
        // Ids moved by one distance, counts and flags did not; what is an id is told by whether it
        // is above everything that is not.
        for (was, is) in words(&was).into_iter().zip(words(&is)) {
            let moved = was > 1000;
            assert_eq!(is, if moved { was + done.types } else { was }, "{path:?}");
            with_ids += usize::from(moved);
        }
    }
    assert!(with_ids > 20, "{with_ids}");
}

/// A section's bytes by an independent reader; empty if it is not there.
fn section(elf: &[u8], name: &str) -> Vec<u8> {
    use object::{Object, ObjectSection};
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(elf).unwrap();
    file.section_by_name(name).map(|section| section.data().unwrap().to_vec()).unwrap_or_default()
}
