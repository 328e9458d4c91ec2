//! The builder: the same types as libbpf and compilers make, limits, and what the kernel says.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

mod common;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use btfkinds::kernel::{Verdict, verify};
use btfkinds::{
    BaseIndex, Btf, Describe, Encoding, File, Json, Kind, KindSpec, Linkage, Member, Parse, Place,
    Result, SectionVar, StrOff, TypeId, describe,
};
use common::needs::Need::{Bpf, Tool};
use common::needs::trial;
use common::{Folder, root, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let tests = vec![
        trial("as_libbpf", &[Tool("gcc"), Tool("bpftool"), Bpf], as_libbpf),
        trial("as_clang", &[Tool("clang")], as_clang),
        trial("as_gcc", &[Tool("gcc")], as_gcc),
        trial("kernel_takes_every_kind", &[Bpf, Tool("bpftool")], kernel_takes_every_kind),
        trial("limits", &[], limits),
        trial("split_and_made_up", &[], split_and_made_up),
        trial("origin_stays_last", &[], origin_stays_last),
        trial("layout_section", &[Tool("bpftool")], layout_section),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn member(name: &str, ty: TypeId, bits_offset: u32) -> Member<'_> {
    Member { name, ty, bits_offset, bitfield_size: 0 }
}

/// The types of `builder/types.c`. The compilers of Debian 12 do not say that an enum is signed: -1 is
/// the bits that it has.
fn types() -> Result<Btf> {
    types_with(&[("MINUS", 0xffff_ffff), ("PLUS", 1)], false)
}

fn types_with(signs: &[(&str, i128)], signed: bool) -> Result<Btf> {
    let mut btf = Btf::new();
    let int = btf.add_int("int", 4, Encoding::Signed)?;
    let uint = btf.add_int("unsigned int", 4, Encoding::Unsigned)?;
    let ull = btf.add_int("unsigned long long", 8, Encoding::Unsigned)?;
    let char = btf.add_int("char", 1, Encoding::Signed)?;
    let short = btf.add_int("short", 2, Encoding::Signed)?;
    let boolean = btf.add_int("_Bool", 1, Encoding::Bool)?;
    let index = btf.add_int("__ARRAY_SIZE_TYPE__", 4, Encoding::Unsigned)?;
    let double = btf.add_float("double", 8)?;
    let float = btf.add_float("float", 4)?;
    let u32_id = btf.add_typedef("u32", uint)?;
    let u64_id = btf.add_typedef("u64", ull)?;
    let colors = [("RED", 0), ("GREEN", 5), ("BLUE", 0x7fff_ffff)];
    let color = btf.add_enum("color", 4, false, &colors)?;
    let sign = btf.add_enum("sign", 4, signed, signs)?;
    let opaque = btf.add_fwd("opaque", false)?;
    let shape = btf.add_fwd("shape", true)?;
    let bits =
        |name, ty, bits_offset, bitfield_size| Member { name, ty, bits_offset, bitfield_size };
    let flags = [bits("ready", uint, 0, 1), bits("level", uint, 1, 7), bits("delta", int, 8, 12)];
    let flags = btf.add_struct("flags", 4, &flags)?;
    let point = btf.add_struct("point", 8, &[member("x", int, 0), member("y", int, 32)])?;
    let text = btf.add_array(char, index, 16)?;
    let value = [("number", u64_id), ("real", double), ("at", point), ("text", text)];
    let value = btf.add_union("value", 16, &value.map(|(name, ty)| member(name, ty, 0)))?;
    let halves = btf.add_struct("", 4, &[member("low", short, 0), member("high", short, 16)])?;
    let node = TypeId(btf.type_count() + 8);
    let to_node = btf.add_ptr(node)?;
    let const_opaque = btf.add_const(opaque)?;
    let to_opaque = btf.add_ptr(const_opaque)?;
    let to_shape = btf.add_ptr(shape)?;
    let state = btf.add_volatile(u32_id)?;
    let path = btf.add_array(point, index, 3)?;
    let proto = btf.add_func_proto(int, &[("", to_node), ("", u64_id)], false)?;
    let call = btf.add_ptr(proto)?;
    assert!(btf.check_references().is_err(), "the node is not there yet");
    let members = [
        member("next", to_node, 0),
        member("opaque", to_opaque, 64),
        member("shape", to_shape, 128),
        member("state", state, 192),
        member("flags", flags, 224),
        member("value", value, 256),
        member("call", call, 384),
        member("color", color, 448),
        member("sign", sign, 480),
        member("", halves, 512),
        member("path", path, 544),
        member("weight", float, 736),
        member("done", boolean, 768),
    ];
    assert_eq!(btf.add_struct("node", 104, &members)?, node);
    let visit = btf.add_func_proto(int, &[("first", to_node), ("depth", u32_id)], false)?;
    btf.add_func("visit", visit, Linkage::Global)?;
    btf.check_references()?;
    Ok(btf)
}

/// All types of each are types of the other.
fn same_types(a: &Btf, b: &Btf) {
    for (of, on) in [(a, b), (b, a)] {
        let rebased = BaseIndex::new(Arc::new(on.clone())).rebase(of, &[]).unwrap();
        let own: Vec<_> = rebased.btf().types().map(|ty| (ty.kind_name(), ty.name())).collect();
        assert_eq!(rebased.own(), 0, "{own:?}");
    }
}

/// Named structs, unions, enums and typedefs: size, and each element's name and plain words.
fn shapes(btf: &Btf) -> BTreeMap<(Kind, String), Vec<(String, u32)>> {
    let wanted = [Kind::STRUCT, Kind::UNION, Kind::ENUM, Kind::TYPEDEF, Kind::FWD];
    let named = btf.types().filter(|ty| wanted.contains(&ty.kind()) && !ty.name().is_empty());
    let shape = named.map(|ty| {
        let size = match ty.kind() {
            Kind::TYPEDEF | Kind::FWD => 0,
            _ => ty.size_or_type(),
        };
        let elements = ty
            .elements()
            .map(|element| (ty.string(StrOff(element[0])).to_string(), *element.last().unwrap()));
        let size = ("size".to_owned(), size);
        ((ty.kind(), ty.name().to_string()), [size].into_iter().chain(elements).collect())
    });
    shape.collect()
}

fn as_libbpf() {
    let folder = Folder::new();
    let (program, theirs) = (folder.name("build"), folder.name("libbpf.btf"));
    let source = root().join("tests/builder/libbpf.c");
    run("gcc", &["-Wall", "-Werror", source.to_str().unwrap(), "-lbpf", "-o", &program]);
    run(&program, &[&theirs]);
    let signed = types_with(&[("MINUS", -1), ("PLUS", 1)], true);
    let (ours, theirs_bytes) = (signed.unwrap(), std::fs::read(&theirs).unwrap());
    let read = Btf::parse(&theirs_bytes).unwrap();
    same_types(&ours, &read);
    // In the same order: what bpftool prints is the same too.
    let own = folder.file("ours.btf", ours.to_bytes());
    let dump =
        |file: &str| String::from_utf8(run("bpftool", &["btf", "dump", "file", file])).unwrap();
    assert_eq!(dump(&own), dump(&theirs));
    for bytes in [ours.to_bytes(), theirs_bytes] {
        let verdict = verify(&bytes);
        assert!(matches!(verdict, Verdict::Accepted), "{verdict:?}");
    }
}

fn compiled(compiler: &[&str]) -> Btf {
    let folder = Folder::new();
    let object = folder.name("types.o");
    let source = root().join("tests/builder/types.c");
    let flags = ["-O2", "-c", source.to_str().unwrap(), "-o", &object];
    run(compiler[0], &[&compiler[1..], &flags].concat());
    File::open(object.as_ref()).unwrap().btf(&Parse::new()).unwrap()
}

fn as_clang() {
    let theirs = compiled(&["clang", "-target", "bpf", "-g"]);
    same_types(&types().unwrap(), &theirs);
}

fn as_gcc() {
    let (ours, theirs) = (shapes(&types().unwrap()), shapes(&compiled(&["gcc", "-gbtf"])));
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 10, "{ours:?}");
}

/// Everything that there is a method for.
fn every_kind() -> Result<Btf> {
    let mut btf = types()?;
    let first = btf.types().find(|ty| ty.name() == "int").unwrap().id();
    let node = btf.types().find(|ty| ty.name() == "node").unwrap().id();
    let visit = btf.types().find(|ty| ty.name() == "visit").unwrap().id();
    btf.add_enum("negative", 4, true, &[("LOW", i32::MIN.into()), ("HIGH", i32::MAX.into())])?;
    btf.add_enum64("wide", 8, false, &[("NONE", 0), ("ALL", u64::MAX.into())])?;
    btf.add_enum64("deep", 8, true, &[("DOWN", i64::MIN.into()), ("UP", i64::MAX.into())])?;
    let restrict = btf.add_ptr(first).and_then(|ptr| btf.add_restrict(ptr))?;
    let variadic = btf.add_func_proto(TypeId::VOID, &[("format", restrict)], true)?;
    btf.add_func("print", variadic, Linkage::Static)?;
    let var = btf.add_var("counter", first, Linkage::Global)?;
    let other = btf.add_var("state", node, Linkage::Static)?;
    let vars = [
        SectionVar { ty: var, offset: 0, size: 4 },
        SectionVar { ty: other, offset: 8, size: 104 },
    ];
    btf.add_datasec(".data", 112, &vars)?;
    btf.add_decl_tag("on the struct", node, None)?;
    btf.add_decl_tag("on a member", node, Some(2))?;
    btf.add_decl_tag("on a parameter", visit, Some(1))?;
    let user = btf.add_type_tag("user", first)?;
    btf.add_ptr(user)?;
    btf.add_int("__int128", 16, Encoding::Signed)?;
    btf.add_int("chr", 1, Encoding::Char)?;
    Ok(btf)
}

fn kernel_takes_every_kind() {
    let mut btf = every_kind().unwrap();
    let kinds: std::collections::BTreeSet<u8> = btf.types().map(|ty| ty.kind().0).collect();
    assert_eq!(kinds.len(), 19, "{kinds:?}");
    let verdict = verify(&btf.to_bytes());
    assert!(matches!(verdict, Verdict::Accepted), "{verdict:?}");
    // Described last, or first: then the descriptions come before all else, as one-pass readers need.
    describe(&mut btf, &Describe::default()).unwrap();
    assert!(matches!(verify(&btf.to_bytes()), Verdict::Accepted));
    let mut first = Btf::new();
    describe(&mut first, &Describe { place: Place::Front, ..Describe::default() }).unwrap();
    let described = first.type_count();
    first.add_int("int", 4, Encoding::Signed).unwrap();
    assert_eq!(describe(&mut first, &Describe::default()).unwrap().types, 0);
    assert_eq!(first.type_count(), described + 1);
    assert!(matches!(verify(&first.to_bytes()), Verdict::Accepted));
    let file = Folder::new();
    let name = file.file("all.btf", btf.to_bytes());
    assert!(run("bpftool", &["btf", "dump", "file", &name]).starts_with(b"[1] INT 'int'"));
}

/// What does not fit is refused, and nothing has changed then.
fn limits() {
    let mut btf = types().unwrap();
    let int = TypeId(1);
    let before = btf.to_bytes();
    let far = [Member { bits_offset: 1 << 24, ..member("new_far", int, 0) }; 2];
    let mut with_bits = far;
    with_bits[1].bitfield_size = 3;
    let vars = |list: &[(u32, u32)]| -> Vec<SectionVar> {
        list.iter()
            .map(|(offset, size)| SectionVar { ty: int, offset: *offset, size: *size })
            .collect()
    };
    let refused: Vec<(&str, Result<TypeId>)> = vec![
        ("an INT needs a name", btf.add_int("", 4, Encoding::Signed)),
        ("16 bytes, not 3", btf.add_int("new_three", 3, Encoding::Signed)),
        ("16 bytes, not 3", btf.add_float("new_three", 3)),
        ("a NUL in it", btf.add_typedef("new\0name", int)),
        ("a TYPEDEF needs a name", btf.add_typedef("", int)),
        ("a FWD needs a name", btf.add_fwd("", true)),
        ("a FUNC needs a name", btf.add_func("", int, Linkage::Global)),
        ("a VAR needs a name", btf.add_var("", int, Linkage::Global)),
        ("a DATASEC needs a name", btf.add_datasec("", 0, &[])),
        ("too far in for a struct with bitfields", btf.add_struct("new_bits", 1 << 22, &with_bits)),
        (
            "not within 0 to 4294967295",
            btf.add_enum("new_e", 4, false, &[("NEW_A", 1), ("NEW_B", -1)]),
        ),
        ("not within -2147483648 to", btf.add_enum("new_e", 4, true, &[("NEW_A", 1 << 31)])),
        (
            "not within 0 to 18446744073709551615",
            btf.add_enum64("new_e", 8, false, &[("NEW_A", 1 << 64)]),
        ),
        ("1, 2, 4 or 8 bytes, not 3", btf.add_enum("new_e", 3, false, &[])),
        ("can't be void", btf.add_func_proto(int, &[("new_p", TypeId::VOID)], false)),
        ("within the 8 bytes of 'new_s'", btf.add_datasec("new_s", 8, &vars(&[(0, 4), (2, 4)]))),
        ("within the 8 bytes of 'new_s'", btf.add_datasec("new_s", 8, &vars(&[(0, 4), (6, 4)]))),
        ("within the 8 bytes of 'new_s'", btf.add_datasec("new_s", 8, &vars(&[(u32::MAX, 4)]))),
        ("no component 2147483648", btf.add_decl_tag("new_tag", int, Some(1 << 31))),
    ];
    for (what, result) in refused {
        let err = result.expect_err(what).to_string();
        assert!(err.contains(what), "{err}");
    }
    assert!(btf.to_bytes() == before);
    // Without bitfields, members can be as far in as 32 bits say.
    btf.add_struct("far", 1 << 22, &far).unwrap();
    // More members than vlen can count, more types than there are ids.
    let name = btf.intern("m").unwrap();
    let many = vec![[name.0, 0]; 1 << 24].concat();
    let new = btfkinds::NewType {
        kind: Kind::ENUM,
        name: "many",
        kind_flag: false,
        vlen: 1 << 24,
        size_or_type: 4,
        words: &many,
    };
    assert!(btf.add(new).unwrap_err().to_string().contains("does not fit 24 bits"));
    let mut full = Btf::new();
    for _ in 0..0xf_fffe {
        full.add_ptr(TypeId::VOID).unwrap();
    }
    let err = full.add_ptr(TypeId::VOID).unwrap_err().to_string();
    assert!(err.contains("more type ids than BTF can have (1048574)"), "{err}");
    assert_eq!(Btf::parse(&full.to_bytes()).unwrap().type_count(), 0xf_ffff);
}

/// Split on a base, strings shared; kinds that nobody knows, by their words.
fn split_and_made_up() {
    let base = Arc::new(types().unwrap());
    let mut split = Btf::new_split(Arc::clone(&base));
    let point = base.types().find(|ty| ty.name() == "point").unwrap().id();
    let id = split.add_ptr(point).unwrap();
    assert_eq!(id.0, base.type_count());
    split.add_struct("point", 16, &[member("x", id, 0), member("z", id, 64)]).unwrap();
    // Only "z" is new.
    assert_eq!(split.str_len(), 2);
    let read = Btf::parse_split(&split.to_bytes(), Arc::clone(&base)).unwrap();
    let names: Vec<String> = read.types().map(|ty| ty.name().to_string()).collect();
    assert_eq!(names, ["", "point"]);

    let mut btf = types().unwrap();
    let gadget = "kind 42 GADGET\nthird id\nfixed flags\nelements name_off:str type:id\n";
    btf.add_kind(KindSpec::parse(gadget).unwrap()).unwrap();
    let knob = btf.intern("knob").unwrap();
    let new = btfkinds::NewType {
        kind: Kind(42),
        name: "lamp",
        kind_flag: true,
        vlen: 1,
        size_or_type: 1,
        words: &[7, knob.0, 2],
    };
    assert!(
        btf.add(btfkinds::NewType { vlen: 2, ..new })
            .unwrap_err()
            .to_string()
            .contains("has 5 words, not 3")
    );
    btf.add(new).unwrap();
    describe(&mut btf, &Describe::default()).unwrap();
    let read = Btf::parse(&btf.to_bytes()).unwrap();
    let lamp = read.types().find(|ty| ty.kind() == Kind(42)).unwrap();
    assert_eq!((lamp.kind_name(), lamp.kind_flag(), lamp.vlen()), ("GADGET", true, 1));
    assert_eq!(lamp.string(StrOff(lamp.elements().next().unwrap()[0])), "knob");
}

/// An origin record is the last type and its names the last strings, whatever is added.
fn origin_stays_last() {
    let mut btf = types().unwrap();
    describe(&mut btf, &Describe { origin: true, ..Describe::default() }).unwrap();
    let origin = btf.origin().unwrap();
    let id = btf.add_int("one_more", 8, Encoding::Signed).unwrap();
    assert_eq!(btf.get(id).unwrap().name(), "one_more");
    btf.add_struct("with_member", 8, &[member("quite_new", id, 0)]).unwrap();
    assert_eq!(btf.origin(), Some(origin));
    assert!(btf.add_struct("bad\0name", 8, &[member("newer_still", id, 0)]).is_err());
    assert_eq!(btf.origin(), Some(origin));
    let read = Btf::parse(&btf.to_bytes()).unwrap();
    assert_eq!(read.origin(), Some(origin));
    assert_eq!(read.types().last().unwrap().name(), "__BTF_ORIGIN");
}

/// Layout sections: written and read, from descriptions and to descriptions.
fn layout_section() {
    let gadget = "kind 42 GADGET\nthird id\nfixed flags\nelements name_off:str type:id\n";
    let spec = KindSpec::parse(gadget).unwrap();
    for endian in [btfkinds::Endian::Little, btfkinds::Endian::Big] {
        let mut btf = Btf::new_in(endian);
        let int = btf.add_int("int", 4, Encoding::Signed).unwrap();
        btf.add_kind(spec.clone()).unwrap();
        let words = [7, 0, int.0];
        let new = btfkinds::NewType {
            kind: Kind(42),
            name: "lamp",
            kind_flag: false,
            vlen: 1,
            size_or_type: int.0,
            words: &words,
        };
        btf.add(new).unwrap();
        btf.add_ptr(int).unwrap();
        let undescribed = btf.to_bytes();
        assert!(Btf::parse(&undescribed).is_err());
        // The classes of 42 are not in it.
        assert_eq!(btf.add_layout().unwrap(), Some(vec![Kind(42)]));
        assert_eq!(btf.add_layout().unwrap(), None);
        let bytes = btf.to_bytes();
        let read = Btf::parse(&bytes).unwrap();
        assert_eq!(read.types().map(|ty| ty.kind().0).collect::<Vec<_>>(), [1, 42, 2]);
        let known = read.kinds().get(Kind(42)).unwrap();
        assert_eq!(
            (known.spec.classes, known.spec.fixed_size(), known.spec.element_size()),
            (false, 4, 8)
        );
        assert_eq!(read.to_bytes(), bytes);
        let mut json = Vec::new();
        Json::new(&mut json).types(read.types().filter(|ty| ty.kind() == Kind(42))).unwrap();
        let expected = r#"{"types":[{"id":2,"kind":"KIND_42","name":"lamp","size_or_type":1,"vlen":1,"kind_flag":0,"fixed":{"words":[7]},"elements":[{"words":[0,1]}]}]}"#;
        assert_eq!(String::from_utf8(json).unwrap().trim_end(), expected);
        // Another reader steps over 42 by the section, in both byte orders.
        let theirs = btf::types::Btf::load_raw(&bytes).unwrap();
        let names: Vec<String> =
            theirs.types().iter().map(|ty| format!("{:?} {}", ty.kind(), ty.name())).collect();
        assert_eq!(names[1..], ["Int int", "Unknown(42) lamp", "Ptr "]);
        assert!(btf::types::Btf::load_raw(&undescribed).is_err());
        // Sizes are all that a description of it can say then; both agree.
        let mut described = read.clone();
        let done = describe(&mut described, &Describe::default()).unwrap();
        assert_eq!(done.without_classes, [Kind(42)]);
        assert!(done.kinds.contains(&Kind(42)));
        let again = Btf::parse(&described.to_bytes()).unwrap();
        assert!(!again.kinds().get(Kind(42)).unwrap().spec.classes);
        assert!(again.types().any(|ty| ty.name() == "__BTF_SIZES_42_4_8"));
        assert_eq!(describe(&mut described, &Describe::default()).unwrap().types, 0);
        // With the kind's words known, a description says all.
        let mut full = Parse::new().kind(spec.clone()).read(&bytes).unwrap();
        describe(&mut full, &Describe::default()).unwrap();
        assert!(Btf::parse(&full.to_bytes()).unwrap().kinds().get(Kind(42)).unwrap().spec.classes);
    }
    // Of the command: beside descriptions or alone, again nothing; bpftool 7.1 steps over the header.
    let folder = Folder::new();
    let file = folder.file("all.btf", every_kind().unwrap().to_bytes());
    let before = run("bpftool", &["btf", "dump", "file", &file]);
    common::ok(["encode", "--layout", "--select", "none", &file]);
    assert!(before == run("bpftool", &["btf", "dump", "file", &file]));
    let once = std::fs::read(&file).unwrap();
    assert_eq!(once[4], 32, "the header is longer");
    common::ok(["encode", "--layout", "--select", "none", &file]);
    assert!(std::fs::read(&file).unwrap() == once);
    common::ok(["encode", "--layout", &file]);
    assert!(common::ok(["dump", &file]).contains("__BTF_KIND_19"));
}
