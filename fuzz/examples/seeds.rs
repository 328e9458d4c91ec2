//! Makes the seeds anew, out of the golden cases and by the library: `cargo run --example seeds`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, Describe, Encoding, Linkage, Member, SectionVar, Select, describe, distill,
    renumber,
};
use btfkinds_fuzz::{FileInput, Input};

const NOTHING: Input<'_> = Input { options: 0, base: &[], blob: &[], text: &[] };

fn main() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = own.join("seeds/btf");
    fs::create_dir_all(&out).expect("a folder");
    let write = |name: &str, input: Input<'_>| {
        fs::write(out.join(name), input.bytes().expect("a small seed")).expect("a seed");
    };
    let golden = own.join("../golden");
    let case = |name: &str, file: &str| fs::read(golden.join(name).join(file)).unwrap_or_default();
    for entry in fs::read_dir(&golden).expect("golden cases") {
        let folder = entry.expect("a case").path();
        let name = folder.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let base = case(&name, "base.btf");
        let text = kinds(&folder);
        let options = u16::from(!base.is_empty()) | u16::from(!text.is_empty()) << 1;
        write(
            &name,
            Input { options, base: &base, blob: &case(&name, "input.btf"), text: text.as_bytes() },
        );
    }
    for name in ["loc-2025-10-front", "layout-section"] {
        let blob = case(name, "encoded.btf");
        write(&format!("{name}-encoded"), Input { blob: &blob, ..NOTHING });
    }

    // Two blobs that have types in common, and what moving one to the other makes.
    let (base, blob) = (case("gcc", "input.btf"), case("clang-bpf", "input.btf"));
    write("two", Input { base: &base, blob: &blob, ..NOTHING });
    let (on, module) = (Arc::new(read(&base)), read(&blob));
    let renumbered = renumber(&module, &on).expect("renumbered").to_bytes();
    write("renumbered", Input { options: 1, base: &base, blob: &renumbered, ..NOTHING });
    let rebased = BaseIndex::new(on).rebase(&module, &[]).expect("rebased");
    write("rebased", Input { options: 1, base: &base, blob: &rebased.btf().to_bytes(), ..NOTHING });
    let distilled = distill(rebased.btf(), &[]).expect("distilled").into_btf();
    let own_base = distilled.base().expect("its base").to_bytes();
    let text = Input { options: 1, base: &own_base, blob: &distilled.to_bytes(), ..NOTHING };
    write("distilled", text);
    let mut origin = module;
    let options = Describe { origin: true, select: Select::None, ..Describe::default() };
    describe(&mut origin, &options).expect("described");
    write("origin", Input { base: &base, blob: &origin.to_bytes(), ..NOTHING });
    let special = special().expect("types");
    for seed in 1..4_u32 {
        let program: Vec<u8> = (0..160_u32).map(|at| (at * 73 * seed + at / 7) as u8).collect();
        write(
            &format!("program-{seed}"),
            Input { base: &base, blob: &special, text: &program, ..NOTHING },
        );
    }
    files(own, &base, &distilled.to_bytes(), &own_base);
    write("special", Input { base: &special, blob: &special, ..NOTHING });
}

/// Files: made by Debian's gcc and clang, and without what nobody here reads.
fn files(own: &Path, base: &[u8], split: &[u8], own_base: &[u8]) {
    let out = own.join("seeds/file");
    fs::create_dir_all(&out).expect("a folder");
    let write = |name: &str, options, base: &[u8], file: &[u8]| {
        let input = FileInput { options, base, file };
        fs::write(out.join(name), input.bytes().expect("a small seed")).expect("a seed");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let run = |program: &str, args: &[&str]| {
        let status = Command::new(program).args(args).current_dir(folder.path()).status();
        assert!(status.expect(program).success(), "{program}");
    };
    let module = module().expect("types");
    fs::write(path("btf"), &module).expect("a file");
    fs::write(path("split"), split).expect("a file");
    fs::write(path("base"), own_base).expect("a file");

    // A module: .BTF_ids with a set, a name of its own, a signature.
    let ids = ".section .BTF_ids,\"a\"\n__BTF_ID__set8__kfuncs: .4byte 1\n .4byte 0\n\
__BTF_ID__func__look__1: .4byte 0\n .4byte 0\n__BTF_ID__struct__a__2: .4byte 0\n\
.size __BTF_ID__set8__kfuncs, 16\n.size __BTF_ID__func__look__1, 4\n.size __BTF_ID__struct__a__2, 4\n\
.section .gnu.linkonce.this_module,\"aw\"\n.8byte 0\n";
    let plain = ".section .BTF,\"a\"\n.incbin \"btf\"\n".to_owned() + ids;
    let portable =
        ".section .BTF,\"a\"\n.incbin \"split\"\n.section .BTF.base,\"a\"\n.incbin \"base\"\n";
    for (name, text) in [("module", plain.as_str()), ("portable", portable)] {
        fs::write(path("a.s"), text).expect("a file");
        run("gcc", &["-c", "a.s", "-o", "a.o"]);
        let file = fs::read(path("a.o")).expect("an object");
        write(name, 0x10, base, &file);
        if name == "module" {
            let signature = b"\0\0\x02\0\0\0\0\0\0\0\0\x08~Module signature appended~\n";
            let signed = [&file, [7_u8; 8].as_slice(), signature].concat();
            write("signed", 0x20, base, &signed);
            write("gzip", 0x11, base, &file);
        }
    }
    // A BPF object: .BTF.ext and relocations.
    let text = "int n __attribute__((section(\".data.n\")));\nint look(void) { return n; }\n";
    fs::write(path("a.c"), text).expect("a file");
    let here = format!("-fdebug-prefix-map={}=.", folder.path().display());
    for target in ["bpf", "bpfeb"] {
        run("clang", &["-target", target, "-g", &here, "-O1", "-c", "a.c", "-o", "a.o"]);
        run("llvm-strip-14", &["--strip-debug", "a.o", "-o", "b.o"]);
        write(target, 8, &[], &fs::read(path("b.o")).expect("an object"));
    }
    write("raw", 0, base, &module);
}

/// What the module in `files` has.
fn module() -> btfkinds::Result<Vec<u8>> {
    let mut btf = Btf::new();
    let int = btf.add_int("int", 4, Encoding::Signed)?;
    let one = Member { name: "x", ty: int, bits_offset: 0, bitfield_size: 0 };
    let a = btf.add_struct("a", 4, &[one])?;
    let to = btf.add_ptr(a)?;
    let proto = btf.add_func_proto(int, &[("a", to)], false)?;
    btf.add_func("look", proto, Linkage::Static)?;
    Ok(btf.to_bytes())
}

fn read(blob: &[u8]) -> Btf {
    Btf::parse(blob).expect("a golden input")
}

/// The kind files of a case, without comments.
fn kinds(folder: &Path) -> String {
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a case").map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "kind"));
    files.sort();
    let text = |file: &_| {
        let text = fs::read_to_string(file).expect("a kind file");
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(|line| line.to_owned() + "\n").collect::<String>()
    };
    files.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// The fields that the kernel's verifier has rules of its own for.
fn special() -> btfkinds::Result<Vec<u8>> {
    let mut btf = Btf::new();
    let member = |name, ty, bits| Member { name, ty, bits_offset: bits, bitfield_size: 0 };
    let int = btf.add_int("int", 4, Encoding::Signed)?;
    let lock = btf.add_struct("bpf_spin_lock", 4, &[member("val", int, 0)])?;
    let long = btf.add_int("long", 8, Encoding::Unsigned)?;
    let two = [member("a", long, 0), member("b", long, 64)];
    let head = btf.add_struct("bpf_list_head", 16, &two)?;
    let three = [member("a", long, 0), member("b", long, 64), member("c", long, 128)];
    let node = btf.add_struct("bpf_list_node", 24, &three)?;
    let item = btf.add_struct("a", 32, &[member("b", node, 0), member("n", int, 192)])?;
    let tag = btf.add_type_tag("kptr", item)?;
    let kptr = btf.add_ptr(tag)?;
    let all = [member("lock", lock, 0), member("head", head, 64), member("kptr", kptr, 192)];
    let map = btf.add_struct("map", 32, &all)?;
    btf.add_decl_tag("contains:a:b", map, Some(1))?;
    let proto = btf.add_func_proto(int, &[("map", map)], false)?;
    btf.add_func("look", proto, Linkage::Global)?;
    let var = btf.add_var("maps", map, Linkage::Global)?;
    btf.add_datasec(".data", 32, &[SectionVar { ty: var, offset: 0, size: 32 }])?;
    Ok(btf.to_bytes())
}
