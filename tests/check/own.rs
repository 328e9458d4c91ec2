//! What the kernel takes and we do not: each rule of ours by hand, and the command around them.

use std::collections::BTreeSet;
use std::sync::Arc;

use btfkinds::check::{Options, Outcome, Role, Rule, check};
use btfkinds::{Btf, Describe, Encoding, KindSpec, NewType, Select, describe, renumber};

use super::common::{Folder, btfkinds, ok, run};
use super::raw::Raw;

const MODULE: Options<'_> = Options {
    role: Role::Module,
    version: btfkinds::check::NEWEST,
    most: 1000,
    base: None,
    used_strings: &[],
    allow: &[],
    kernel: None,
};

fn plain() -> Raw {
    let mut raw = Raw::default();
    raw.int(4);
    raw
}

/// A base with a few types and strings.
fn base() -> Arc<Btf> {
    let mut btf = Btf::new();
    let int = btf.add_int("unsigned int", 4, Encoding::Unsigned).unwrap();
    btf.add_typedef("size", int).unwrap();
    Arc::new(btf)
}

/// Split BTF on it, that was not standalone.
fn split() -> Btf {
    let mut btf = Btf::new_split(base());
    btf.add_ptr(btfkinds::TypeId(2)).unwrap();
    btf.add_typedef("own", btfkinds::TypeId(3)).unwrap();
    btf
}

/// The rules of ours that are broken, as that role.
fn rules(blob: &[u8], options: &Options<'_>) -> Vec<&'static str> {
    let report = check(blob, options);
    let own = report.findings().iter().filter(|finding| finding.errno.is_none());
    own.map(|finding| finding.rule).collect()
}

fn user(blob: &[u8]) -> Vec<&'static str> {
    rules(blob, &Options::default())
}

/// Kind 42, its one element a type id.
fn gadget() -> KindSpec {
    KindSpec::parse("kind 42 GADGET\nthird size\nelements what:id\n").unwrap()
}

/// BTF with a GADGET, described.
fn described() -> Btf {
    let mut btf = Btf::parse(&plain().bytes()).unwrap();
    btf.add_kind(gadget()).unwrap();
    let kind = gadget().kind;
    let lamp =
        NewType { kind, name: "lamp", kind_flag: false, vlen: 1, size_or_type: 4, words: &[1] };
    btf.add(lamp).unwrap();
    describe(&mut btf, &Describe { select: Select::None, ..Describe::default() }).unwrap();
    btf
}

pub fn each_rule() {
    let met = std::cell::RefCell::new(BTreeSet::new());
    let expect = |rule: &'static str, found: Vec<&'static str>| {
        assert_eq!(found, [rule]);
        met.borrow_mut().insert(rule);
    };

    let mut raw = plain();
    raw.types[0][0] += 1;
    raw.strings = b"\0xint\0".to_vec();
    expect("name-within", user(&raw.bytes()));

    let mut raw = plain();
    raw.name("left");
    raw.name("over");
    expect("string-unused", user(&raw.bytes()));
    let options = Options { used_strings: &[5, 10], ..Options::default() };
    assert_eq!(rules(&raw.bytes(), &options), [""; 0]);

    let mut raw = plain();
    raw.reference(8, "int", 1);
    expect("string-twice", user(&raw.bytes()));

    // References that the kernel follows in what a user loads, but not in a module.
    let mut btf = split().to_bytes();
    btf[24 + 8] = 200;
    let on = base();
    let module = Options { base: Some(&on), ..MODULE };
    expect("reference", rules(&btf, &module));
    assert_eq!(check(&btf, &module).verdict(), Outcome::Accepted);

    let standalone = Btf::parse(&plain().bytes()).unwrap();
    expect("module-standalone", rules(&standalone.to_bytes(), &MODULE));
    let numbered = renumber(&standalone, &on).unwrap().to_bytes();
    assert_eq!(rules(&numbered, &module), [""; 0]);
    let mut other = Btf::clone(&on);
    other.add_typedef("more", btfkinds::TypeId(1)).unwrap();
    let other = Arc::new(other);
    let found = rules(&numbered, &Options { base: Some(&other), ..MODULE });
    assert!(found.contains(&"origin-base"), "{found:?}");
    met.borrow_mut().insert("origin-base");

    // Kinds and what describes them. The kernel refuses any kind that it does not know.
    let whole = described().to_bytes();
    assert_eq!(user(&whole), [""; 0]);
    let mut bare = plain();
    bare.types.push(vec![0, 42 << 24, 4]);
    expect("kind-unknown", user(&bare.bytes()));
    let without = |btf: &mut Btf| describe(btf, &Describe::default()).map(|_| btf.to_bytes());
    let plain_described = without(&mut Btf::parse(&plain().bytes()).unwrap()).unwrap();
    assert_eq!(user(&plain_described), [""; 0]);
    // Its sizes are not what its name says.
    let at = memchr::memmem::find(&whole, b"__BTF_SIZES_42_0_4").unwrap();
    let mut lying = whole.clone();
    lying[at + 17] = b'8';
    expect("description", user(&lying));
    let mut lying = whole.clone();
    lying[at + 15] = b'8';
    expect("description", user(&lying));
    // The record goes, its description stays.
    let mut cut = whole.clone();
    // Type 2 becomes an INT of the same length: name, INT, size, encoding.
    cut[24 + 16 + 4..24 + 32].copy_from_slice(
        &[1_u32 << 24, 4, 32].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>(),
    );
    expect("description-unused", user(&cut));
    // The struct that describes it loses a byte.
    let strukt = Btf::parse(&whole).unwrap();
    let id = strukt.types().find(|ty| ty.name() == "__BTF_KIND_GADGET").unwrap().id();
    let at =
        strukt.types().take_while(|ty| ty.id() < id).map(|ty| ty.words().len() * 4).sum::<usize>();
    let mut broken = cut.clone();
    broken[24 + at + 8] += 1;
    expect("description-broken", user(&broken));
    // INT without its word, as it was posted in 2022.
    let of_2022 =
        std::fs::read(super::common::root().join("golden/descriptions-of-2022/input.btf"));
    let found = user(&of_2022.unwrap());
    assert!(found.contains(&"description-released"), "{found:?}");
    met.borrow_mut().insert("description-released");

    let mut layout = Btf::parse(&plain().bytes()).unwrap();
    layout.add_layout().unwrap();
    let layout = layout.to_bytes();
    assert_eq!(user(&layout), [""; 0]);
    let start = layout.len() - 5 - 20 * 4;
    let mut wrong = layout.clone();
    wrong[start + 4] = 8;
    expect("layout-released", user(&wrong));
    // Entries for kind 0 alone.
    let mut short = layout[..start + 4].to_vec();
    short.extend(&layout[layout.len() - 5..]);
    short[28] = 4;
    short[16] = short[24] + 4;
    expect("layout-kind", user(&short));

    // What `too_many_types` and the cases by hand meet.
    met.borrow_mut().extend(["types-dropped", "special-nested", "kptr-kernel", "ownership-depth"]);
    let own = Rule::all().filter(|rule| rule.errno.is_none()).map(|rule| rule.name);
    assert_eq!(own.collect::<BTreeSet<_>>(), met.into_inner());
}

/// Every id of a module's is followed, in all kinds, and said where it stands.
pub fn references_in_a_module() {
    let on = base();
    let module = Options { base: Some(&on), ..MODULE };
    let mut btf = split();
    let ty = btfkinds::TypeId(4);
    let member = btfkinds::Member { name: "m", ty, bits_offset: 0, bitfield_size: 0 };
    btf.add_struct("s", 8, &[member]).unwrap();
    let fine = btf.to_bytes();
    assert_eq!(check(&fine, &module).findings(), []);
    let mut bad = fine.clone();
    // The member's type: the struct stands behind a pointer and a typedef.
    let at = 24 + 12 + 12 + 12 + 4;
    bad[at..at + 4].copy_from_slice(&900_000_u32.to_le_bytes());
    let report = check(&bad, &module);
    assert_eq!(report.verdict(), Outcome::Accepted);
    let [found] = report.findings() else { panic!("{:?}", report.findings()) };
    assert_eq!((found.rule, found.place.offset), ("reference", Some(at)));
    assert_eq!(
        found.to_string(),
        ".BTF+0x40: type [5] STRUCT 's': member 0: type: it refers to a type that is not there, which the kernel \
         does not check here (type id 900000) (reference)"
    );
    // What a user loads is resolved, and nothing is said twice.
    let mut raw = plain();
    raw.reference(2, "", 9);
    let report = check(&raw.bytes(), &Options::default());
    assert_eq!(report.findings().iter().map(|found| found.rule).collect::<Vec<_>>(), ["target"]);
}

/// A module for another machine is what its kernel will see; a user's blob is not.
pub fn other_byte_order() {
    let raw = std::fs::read(super::common::root().join("golden/clang-bpf-big-endian/input.btf"));
    let raw = raw.unwrap();
    let object = Options { role: Role::Object, allow: &["string-unused"], ..Options::default() };
    assert_eq!(check(&raw, &object).findings(), []);
    assert_eq!(check(&raw, &Options::default()).verdict().to_string(), "refused (EINVAL)");
    for cut in 0..raw.len() {
        check(&raw[..cut], &object);
    }
}

/// The role is known from the file, or told.
pub fn roles_of_files() {
    let folder = Folder::new();
    let source = folder.file(
        "x.c",
        "extern int far(int) __attribute__((section(\".ksyms\"))); int near = 3; static int own;\n\
         int f(int a) { own += near; return far(a + own); }",
    );
    let object = folder.name("x.o");
    run("clang", &["-target", "bpf", "-g", "-O1", "-c", &source, "-o", &object]);
    let said = |args: &[&str]| {
        let out = btfkinds([&["check"], args].concat());
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, err) = said(&[&object]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("as object for Linux 7.2: accepted, 0 errors, 0 warnings"), "{err}");
    let (code, err) = said(&["--as", "user", &object]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("as user for Linux 7.2: refused (EINVAL)"), "{err}");
    let on = folder.file("base.btf", base().to_bytes());
    let part = folder.file("split.btf", split().to_bytes());
    let (code, err) = said(&["-B", &on, &part]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("as module for Linux"), "{err}");
    let (_, err) = said(&["--as", "user", &part]);
    assert!(err.contains("as user for Linux 7.2: refused (EINVAL)"), "{err}");
    let (code, err) = said(&["--as", "nobody", &part]);
    assert!(code == 2 && err.contains("'nobody' is not a role"), "{err}");
}

pub fn allowed_and_strict() {
    let folder = Folder::new();
    let mut raw = plain();
    raw.name("left over");
    let file = folder.file("x.btf", raw.bytes());
    let code = |args: &[&str]| btfkinds([&["check", "-q", &file], args].concat()).status.code();
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--strict"]), Some(1));
    assert_eq!(code(&["--strict", "--allow", "string-unused"]), Some(0));
    assert_eq!(ok(["check", "-q", "--allow", "string-unused", &file]), "");
    let json: serde_json::Value =
        serde_json::from_str(&ok(["check", "-q", "-f", "json", &file])).unwrap();
    assert_eq!((&json["role"], &json["verdict"]), (&"user".into(), &"accepted".into()));
    let finding = &json["findings"][0];
    assert_eq!(finding["rule"], "string-unused");
    assert_eq!(finding["severity"], "warning");
    assert_eq!((&finding["errno"], &finding["kernel"]), (&().into(), &().into()));
    let err = super::common::fails(["check", "--allow", "kind", &file]);
    assert!(err.contains("the kernel refuses that"), "{err}");
    let err = super::common::fails(["check", "--allow", "all", &file]);
    assert!(err.contains("there is no such name; there are types-dropped, "), "{err}");
}
