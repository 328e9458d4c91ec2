//! Types by hand: what C can say only with attributes, or not at all.

use std::time::{Duration, Instant};

use btfkinds::{Btf, C, KindSpec, Parse};
use libtest_mimic::Trial;

use crate::common::needs::Need::Tool;
use crate::common::needs::trial;
use crate::common::{Graph, Layout, W, info};
use crate::{compiles, header};

const PTR: u32 = 2;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC: u32 = 12;
const PROTO: u32 = 13;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

pub(crate) fn tests() -> Vec<Trial> {
    let compilers = [Tool("gcc"), Tool("clang")];
    vec![
        trial("odd_layouts", &compilers, odd_layouts),
        trial("odd_enums", &compilers, odd_enums),
        trial("odd_names", &compilers, odd_names),
        trial("odd_declarators", &compilers, odd_declarators),
        trial("odd_kinds", &compilers, odd_kinds),
        trial("odd_overlaps", &[], odd_overlaps),
        trial("split_has_its_base", &compilers, split_has_its_base),
        trial("hostile_loops", &[], hostile_loops),
        trial("hostile_depth", &[], hostile_depth),
        trial("hostile_breadth", &[], hostile_breadth),
        trial("hostile_names", &[], hostile_names),
        trial("hostile_words", &[], hostile_words),
        trial("same_each_time", &[], same_each_time),
    ]
}

/// Records that have an id as their third word.
fn link(graph: &mut Graph, kind: u32, name: &'static str, to: usize) -> usize {
    graph.add([W::S(name), info(kind, 0, false), W::Id(to)])
}

fn array(graph: &mut Graph, of: usize, index: usize, count: u32) -> usize {
    graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(of), W::Id(index), W::N(count)])
}

/// A struct or union of (name, type, bit offset, width); a width of 0 is no bitfield.
fn record(
    graph: &mut Graph,
    kind: u32,
    name: &'static str,
    size: u32,
    members: &[(&'static str, usize, u32, u32)],
) -> usize {
    let mut words = vec![W::S(name), info(kind, members.len() as u32, true), W::N(size)];
    for (name, ty, bits, width) in members {
        words.extend([W::S(name), W::Id(*ty), W::N(width << 24 | bits)]);
    }
    graph.add(words)
}

fn proto(graph: &mut Graph, returns: W, parameters: &[(&'static str, W)]) -> usize {
    let mut words = vec![W::S(""), info(PROTO, parameters.len() as u32, false), returns];
    words.extend(parameters.iter().flat_map(|(name, ty)| [W::S(name), *ty]));
    graph.add(words)
}

fn parsed(graph: &Graph) -> Btf {
    Btf::parse(&graph.bytes()).unwrap()
}

/// The header of a graph without its first and last lines.
fn body(btf: &Btf) -> String {
    let text = header(btf);
    let (_, text) = text.split_once("#endif\n\n").unwrap();
    let (text, _) = text.split_once("#ifndef BPF_NO").unwrap();
    text.to_owned()
}

/// The header is this text, and takes these assertions.
fn is(graph: &Graph, expected: &str, asserts: &[&str]) {
    let btf = parsed(graph);
    let body = body(&btf);
    assert!(body == expected, "--- ours\n{body}\n--- expected\n{expected}");
    let mut text = header(&btf);
    for assert in asserts {
        text += &format!("_Static_assert({assert}, \"\");\n");
    }
    compiles(&text, "by hand");
}

fn odd_layouts() {
    let mut g = Graph::default();
    let char = g.int("char", 1, 1);
    let int = g.int("int", 4, 1);
    let long = g.int("long int", 8, 1);
    let bytes = array(&mut g, char, int, 0);
    record(&mut g, STRUCT, "crossing", 8, &[("a", int, 0, 30), ("b", int, 30, 5)]);
    record(&mut g, STRUCT, "not_crossing", 8, &[("a", int, 0, 30), ("b", int, 32, 5)]);
    record(&mut g, STRUCT, "empty", 0, &[]);
    record(
        &mut g,
        STRUCT,
        "packed",
        13,
        &[("a", char, 0, 0), ("b", int, 8, 0), ("c", long, 40, 0)],
    );
    record(
        &mut g,
        STRUCT,
        "holes",
        64,
        &[("a", char, 0, 0), ("b", int, 96, 0), ("c", char, 128, 0)],
    );
    record(
        &mut g,
        STRUCT,
        "bits",
        16,
        &[("a", int, 0, 3), ("b", int, 5, 2), ("c", int, 33, 31), ("d", char, 72, 0)],
    );
    record(&mut g, STRUCT, "packed_bits", 5, &[("a", int, 0, 30), ("b", int, 30, 5)]);
    record(&mut g, STRUCT, "flexible", 4, &[("n", int, 0, 0), ("data", bytes, 32, 0)]);
    record(&mut g, STRUCT, "far", 4096, &[("a", char, 0, 0), ("b", int, 2048 * 8, 0)]);
    record(&mut g, UNION, "larger", 64, &[("a", int, 0, 0), ("b", long, 0, 0)]);
    record(&mut g, UNION, "packed_union", 5, &[("a", int, 0, 0)]);
    let inner = record(&mut g, STRUCT, "", 5, &[("x", char, 0, 0), ("y", int, 8, 0)]);
    record(&mut g, STRUCT, "outer", 12, &[("", inner, 0, 0), ("z", int, 64, 0)]);
    let tagged = record(&mut g, STRUCT, "tagged", 4, &[("in_tagged", int, 0, 0)]);
    record(&mut g, STRUCT, "embeds", 8, &[("", tagged, 0, 0), ("z", int, 32, 0)]);
    is(
        &g,
        "\
struct crossing {
	int a: 30;
	int b: 5;
	int: 29;
} __attribute__((packed));

struct not_crossing {
	int a: 30;
	int b: 5;
};

struct empty {};

struct packed {
	char a;
	int b;
	long int c;
} __attribute__((packed));

struct holes {
	char a;
	int: 24;
	int: 32;
	int: 32;
	int b;
	char c;
	int: 24;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
};

struct bits {
	int a: 3;
	char: 2;
	int b: 2;
	int: 25;
	char: 1;
	int c: 31;
	char: 8;
	char d;
	short: 16;
	int: 32;
};

struct packed_bits {
	int a: 30;
	int b: 5;
} __attribute__((packed));

struct flexible {
	int n;
	char data[0];
};

struct far {
	char a;
	char __pad0[2047];
	int b;
	char __pad1[2044];
};

union larger {
	int a;
	long int b;
	char __pad0[64];
};

union packed_union {
	int a;
	char __pad0[5];
} __attribute__((packed));

struct outer {
	struct {
		char x;
		int y;
	} __attribute__((packed));
	int z;
};

struct tagged {
	int in_tagged;
};

struct embeds {
	struct {
		int in_tagged;
	};
	int z;
};

",
        &[
            "sizeof(struct crossing) == 8",
            "sizeof(struct not_crossing) == 8",
            "sizeof(struct empty) == 0",
            "sizeof(struct packed) == 13 && __builtin_offsetof(struct packed, c) == 5",
            "sizeof(struct holes) == 64 && __builtin_offsetof(struct holes, b) == 12",
            "sizeof(struct bits) == 16 && __builtin_offsetof(struct bits, d) == 9",
            "sizeof(struct packed_bits) == 5",
            "sizeof(struct flexible) == 4 && __builtin_offsetof(struct flexible, data) == 4",
            "sizeof(struct far) == 4096 && __builtin_offsetof(struct far, b) == 2048",
            "sizeof(union larger) == 64",
            "sizeof(union packed_union) == 5",
            "sizeof(struct outer) == 12 && __builtin_offsetof(struct outer, y) == 1",
            "sizeof(struct embeds) == 8 && __builtin_offsetof(struct embeds, in_tagged) == 0",
        ],
    );
}

fn odd_enums() {
    let mut g = Graph::default();
    let minus = W::N(-1_i32 as u32);
    g.add([W::S("byte"), info(ENUM, 1, false), W::N(1), W::S("B"), W::N(200)]);
    g.add([W::S("minus_byte"), info(ENUM, 1, false), W::N(1), W::S("MB"), minus]);
    g.add([W::S("short"), info(ENUM, 1, false), W::N(2), W::S("S"), W::N(1)]);
    g.add([W::S("minus"), info(ENUM, 1, true), W::N(4), W::S("M"), minus]);
    g.add([W::S("plus"), info(ENUM, 1, false), W::N(4), W::S("P"), minus]);
    let (low, high) = (W::N(0), W::N(1 << 31));
    g.add([W::S("large"), info(ENUM64, 1, false), W::N(8), W::S("L"), low, high]);
    g.add([W::S("least"), info(ENUM64, 1, true), W::N(8), W::S("LL"), low, high]);
    g.add([W::S("wide"), info(ENUM64, 1, true), W::N(8), W::S("W"), minus, minus]);
    g.add([W::S(""), info(ENUM, 1, false), W::N(4), W::S("ALONE"), W::N(1)]);
    let declared = g.add([W::S("declared"), info(ENUM, 0, false), W::N(4)]);
    let pointer = link(&mut g, PTR, "", declared);
    link(&mut g, TYPEDEF, "p", pointer);
    is(
        &g,
        "\
enum byte {
	B = 200,
} __attribute__((mode(byte)));

enum minus_byte {
	MB = -1,
} __attribute__((mode(byte)));

enum short_ {
	S = 1,
} __attribute__((mode(HI)));

enum minus {
	M = -1,
};

enum plus {
	P = 4294967295,
};

enum large {
	L = 9223372036854775808ULL,
};

enum least {
	LL = (-9223372036854775807LL - 1),
};

enum wide {
	W = -1LL,
} __attribute__((mode(DI)));

enum declared;

typedef enum declared *p;

enum {
	ALONE = 1,
};

",
        &[
            "sizeof(enum byte) == 1 && B == 200",
            "sizeof(enum minus_byte) == 1 && MB == -1",
            "sizeof(enum short_) == 2",
            "sizeof(enum minus) == 4 && M == -1",
            "sizeof(enum plus) == 4 && P == 4294967295",
            "sizeof(enum large) == 8 && L == 9223372036854775808ULL",
            "sizeof(enum least) == 8 && LL < 0 && -(LL + 1) == 9223372036854775807LL",
            "sizeof(enum wide) == 8 && W == -1",
            "ALONE == 1",
        ],
    );
}

fn odd_names() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let foreign = g.int("ssizetype", 8, 1);
    record(&mut g, STRUCT, "a", 4, &[("x", int, 0, 0)]);
    record(&mut g, UNION, "a", 4, &[("y", int, 0, 0)]);
    g.add([W::S("a"), info(ENUM, 1, false), W::N(4), W::S("a"), W::N(7)]);
    link(&mut g, TYPEDEF, "a", int);
    link(&mut g, TYPEDEF, "a", foreign);
    let one = g.add([W::S("a"), info(FWD, 0, false), W::N(0)]);
    let other = g.add([W::S("a"), info(FWD, 0, true), W::N(0)]);
    let none = g.add([W::S("b"), info(FWD, 0, false), W::N(0)]);
    let targets = [one, other, none].map(|to| link(&mut g, PTR, "", to));
    record(
        &mut g,
        STRUCT,
        "user",
        24,
        &[("s", targets[0], 0, 0), ("u", targets[1], 64, 0), ("b", targets[2], 128, 0)],
    );
    let va = record(&mut g, STRUCT, "__va_list_tag", 24, &[("a", int, 0, 0)]);
    let list = array(&mut g, va, int, 1);
    let builtin = link(&mut g, TYPEDEF, "__builtin_va_list", list);
    link(&mut g, TYPEDEF, "va_list", builtin);
    let bool = g.int("_Bool", 1, 4);
    link(&mut g, TYPEDEF, "bool", bool);
    let rust = g.own("Option<&str>".to_owned());
    g.structure(rust, 4, &[(W::S("0"), int, 0)]);
    is(
        &g,
        "\
struct a {
	int x;
};

union a___2 {
	int y;
};

enum a___3 {
	a___3 = 7,
};

typedef int a;

typedef long long int ssizetype;

typedef ssizetype a___2;

struct b;

struct user {
	struct a *s;
	union a___2 *u;
	struct b *b;
};

struct __va_list_tag {
	int a;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
	int: 32;
};

typedef struct __va_list_tag va_list[1];

typedef _Bool bool;

struct Option__str_ {
	int _0;
};

",
        &[
            "sizeof(((struct user *)0)->s->x) == 4",
            "sizeof(((struct user *)0)->u->y) == 4",
            "sizeof(va_list) == 24",
            "sizeof(a___2) == 8",
            "a___3 == 7",
        ],
    );
}

fn odd_declarators() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let s = record(&mut g, STRUCT, "s", 4, &[("x", int, 0, 0)]);
    let to_s = link(&mut g, PTR, "", s);
    let tagged = link(&mut g, TYPE_TAG, "user", s);
    let to_tagged = link(&mut g, PTR, "", tagged);
    let attribute = g.add([W::S("address_space(1)"), info(TYPE_TAG, 0, true), W::Id(int)]);
    let to_attribute = link(&mut g, PTR, "", attribute);
    let volatile = link(&mut g, VOLATILE, "", int);
    let constant = link(&mut g, CONST, "", volatile);
    let to_constant = link(&mut g, PTR, "", constant);
    let restrict = link(&mut g, RESTRICT, "", to_constant);
    let f = proto(&mut g, W::Id(to_s), &[("", W::Id(int)), ("", W::Abs(0))]);
    let to_f = link(&mut g, PTR, "", f);
    let many = array(&mut g, to_f, int, 3);
    let constants = link(&mut g, CONST, "", many);
    let to_many = link(&mut g, PTR, "", constants);
    let returns = proto(&mut g, W::Id(to_many), &[]);
    let to_returns = link(&mut g, PTR, "", returns);
    let structs = array(&mut g, s, int, 2);
    let rows = array(&mut g, structs, int, 5);
    let to_rows = link(&mut g, PTR, "", rows);
    let late = record(
        &mut g,
        STRUCT,
        "late",
        96,
        &[
            ("tagged", to_tagged, 0, 0),
            ("attribute", to_attribute, 64, 0),
            ("restricted", restrict, 128, 0),
            ("f", to_f, 192, 0),
            ("many", many, 256, 0),
            ("returns", to_returns, 448, 0),
            ("rows", to_rows, 512, 0),
            ("constants", constants, 576, 0),
        ],
    );
    let minus = W::N(-1_i32 as u32);
    g.add([W::S("hot */"), info(DECL_TAG, 0, false), W::Id(late), minus]);
    g.add([W::S("key"), info(DECL_TAG, 0, false), W::Id(late), W::N(3)]);
    let func = g.add([W::S("start"), info(FUNC, 1, false), W::Id(f)]);
    g.add([W::S("no"), info(DECL_TAG, 0, false), W::Id(func), minus]);
    is(
        &g,
        "\
struct s {
	int x;
};

struct late { /* btf_decl_tag(\"hot *?\") */
	struct s __attribute__((btf_type_tag(\"user\"))) *tagged;
	int __attribute__((address_space(1))) *attribute;
	const volatile int * restrict restricted;
	struct s * (*f)(int, ...); /* btf_decl_tag(\"key\") */
	struct s * (*many[3])(int, ...);
	struct s * (* const (* (*returns)(void))[3])(int, ...);
	struct s (*rows)[5][2];
	struct s * (* const constants[3])(int, ...);
};

",
        &[
            "sizeof(struct late) == 96",
            "__builtin_offsetof(struct late, rows) == 64",
            "sizeof(*((struct late *)0)->rows) == 40",
        ],
    );
}

/// Kinds that C has no word for.
fn odd_kinds() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let gadget = g.add([W::S("lamp"), info(42, 0, false), W::N(8)]);
    let pointer = link(&mut g, PTR, "", gadget);
    let func = proto(&mut g, W::Abs(0), &[]);
    let func = g.add([W::S("f"), info(FUNC, 0, false), W::Id(func)]);
    record(
        &mut g,
        STRUCT,
        "user",
        24,
        &[
            ("p", pointer, 0, 0),
            ("by_value", gadget, 64, 0),
            ("n", int, 128, 0),
            ("f", func, 160, 0),
        ],
    );
    link(&mut g, TYPEDEF, "lamp_t", pointer);
    let spec = KindSpec::parse("kind 42 GADGET\nthird size\n").unwrap();
    let btf = Parse::new().kind(spec).read(&g.bytes()).unwrap();
    let body = body(&btf);
    let expected = "\
struct user {
	void /* GADGET 'lamp' */ *p;
	unsigned char by_value[8]; /* GADGET 'lamp' */
	int n;
	unsigned char f[4]; /* FUNC 'f' */
};

typedef void /* GADGET 'lamp' */ *lamp_t;

/*
 * Left out, because C has no word for it:
 * [2] GADGET 'lamp', that these refer to: [6] STRUCT 'user', [7] TYPEDEF 'lamp_t'
 * [5] FUNC 'f', that these refer to: [6] STRUCT 'user'
 */

";
    assert!(body == expected, "--- ours\n{body}\n--- expected\n{expected}");
    let asserts = "_Static_assert(sizeof(struct user) == 24 && __builtin_offsetof(struct user, n) == 16, \"\");";
    compiles(&format!("{}{asserts}\n", header(&btf)), "other kinds");
}

/// Members in places where no C compiler would put them: said, not hidden.
fn odd_overlaps() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    record(&mut g, STRUCT, "back", 8, &[("a", int, 32, 0), ("b", int, 0, 0)]);
    record(&mut g, STRUCT, "small", 2, &[("a", int, 0, 0)]);
    record(&mut g, UNION, "off", 8, &[("a", int, 32, 0)]);
    record(&mut g, STRUCT, "wide", 4, &[("a", int, 0, 200)]);
    let body = body(&parsed(&g));
    let expected = "\
struct back {
	int: 32;
	int a;
	/* in the BTF this overlaps what stands before it */
	int b;
	/* in the BTF this is smaller */
};

struct small {
	int a;
	/* in the BTF this is smaller */
} __attribute__((packed));

union off {
	/* in the BTF this is not at offset 0 */
	int a;
	char __pad0[8];
};

struct wide {
	/* left out: a */ /* INT 'int' */
	char: 8;
	char: 8;
	char: 8;
	char: 8;
};

";
    assert!(body == expected, "--- ours\n{body}\n--- expected\n{expected}");
}

/// The header of a module has what it needs of its base, and no more.
fn split_has_its_base() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let needed = record(&mut g, STRUCT, "needed", 4, &[("x", int, 0, 0)]);
    let pointed = record(&mut g, STRUCT, "pointed", 4, &[("x", int, 0, 0)]);
    let to = link(&mut g, PTR, "", pointed);
    record(&mut g, STRUCT, "same", 4, &[("x", int, 0, 0)]);
    let (base, ids) = g.write(&Layout::plain(&g));
    let base = std::sync::Arc::new(Btf::parse(&base).unwrap());
    let mut own = Graph::default();
    let mut words = vec![W::S("same"), info(STRUCT, 2, false), W::N(16)];
    words.extend([W::S("n"), W::Abs(ids[needed]), W::N(0), W::S("p"), W::Abs(ids[to]), W::N(64)]);
    own.add(words);
    let first = (base.type_count(), base.str_len() as u32);
    let (bytes, _) = own.write(&Layout { first, ..Layout::plain(&own) });
    let btf = Btf::parse_split(&bytes, base).unwrap();
    let expected = "struct needed {\n\tint x;\n};\n\nstruct pointed;\n\nstruct same {\n\tstruct needed n;\n\tlong: 32;\n\tstruct pointed *p;\n};\n\n";
    assert_eq!(body(&btf), expected.replace("long: 32", "int: 32").replace("\tint: 32;\n", ""));
    compiles(&header(&btf), "a module");
}

/// A header that is done soon, and not out of proportion.
fn ends(graph: &Graph, most: usize) -> String {
    let btf = parsed(graph);
    let start = Instant::now();
    let mut out = Vec::new();
    C::new(&btf).write_to(&mut out).unwrap();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(out.len() <= most, "{} bytes", out.len());
    String::from_utf8(out).unwrap()
}

fn hostile_loops() {
    // A link of every kind to itself, and used by a struct.
    for kind in [PTR, TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG] {
        let mut g = Graph::default();
        link(&mut g, kind, if kind == TYPEDEF { "t" } else { "" }, 0);
        record(&mut g, STRUCT, "s", 8, &[("m", 0, 0, 0), ("", 0, 0, 0)]);
        let text = ends(&g, 1 << 16);
        assert!(text.contains("/* "), "{kind}: {text}");
    }
    let mut g = Graph::default();
    array(&mut g, 0, 0, 2);
    record(&mut g, STRUCT, "s", 8, &[("m", 0, 0, 0)]);
    assert!(ends(&g, 1 << 16).contains("too many links"));
    // A struct in itself, with a tag and without, and through others.
    for name in ["s", ""] {
        let mut g = Graph::default();
        record(&mut g, STRUCT, name, 8, &[("m", 0, 0, 0), ("n", 0, 0, 0)]);
        record(&mut g, STRUCT, "t", 8, &[("m", 0, 0, 0), ("n", 1, 0, 0)]);
        let text = ends(&g, 1 << 24);
        assert!(text.contains("is made of itself"), "{text:.1000}");
    }
    let mut g = Graph::default();
    proto(&mut g, W::Id(0), &[("", W::Id(0)), ("", W::Id(0))]);
    link(&mut g, TYPEDEF, "f", 0);
    assert!(ends(&g, 1 << 24).contains("/* ... */"));
}

/// Chains of 100,000 links of each kind, their ends and beginnings used many times.
fn hostile_depth() {
    const DEEP: usize = 100_000;
    for kind in [PTR, TYPEDEF, VOLATILE, CONST, TYPE_TAG, 3, STRUCT, UNION, PROTO] {
        for up in [false, true] {
            let mut g = Graph::default();
            g.int("int", 4, 1);
            for n in 1..=DEEP {
                let to = if up && n < DEEP {
                    n + 1
                } else if up {
                    0
                } else {
                    n - 1
                };
                match kind {
                    3 => array(&mut g, to, 0, 1),
                    STRUCT | UNION => record(&mut g, kind, "", 4, &[("m", to, 0, 0)]),
                    PROTO if n % 2 == 0 => link(&mut g, PTR, "", to),
                    PROTO => proto(&mut g, W::Abs(0), &[("", W::Id(to)), ("", W::Id(to))]),
                    _ => link(&mut g, kind, if kind == TYPEDEF { "t" } else { "" }, to),
                };
            }
            for _ in 0..1000 {
                record(&mut g, STRUCT, "s", 8, &[("m", 1, 0, 0), ("n", DEEP, 0, 0)]);
            }
            let text = ends(&g, 1 << 28);
            assert!(text.ends_with("#endif /* __VMLINUX_H__ */\n"));
        }
    }
}

/// Types that are spelled out twice at each of 60 levels, and huge sizes.
fn hostile_breadth() {
    for kind in [STRUCT, UNION, PROTO] {
        let mut g = Graph::default();
        g.int("int", 4, 1);
        for n in 1..=60 {
            match kind {
                PROTO => proto(&mut g, W::Abs(0), &[("", W::Id(n - 1)), ("", W::Id(n - 1))]),
                _ => record(&mut g, kind, "", 4, &[("a", n - 1, 0, 0), ("b", n - 1, 0, 0)]),
            };
        }
        let top = if kind == PROTO { link(&mut g, PTR, "", 60) } else { 60 };
        for _ in 0..1000 {
            record(&mut g, STRUCT, "s", 8, &[("m", top, 0, 0)]);
        }
        assert!(ends(&g, 1 << 28).contains("/* ... */"));
    }
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let mut huge = int;
    for _ in 0..10 {
        huge = array(&mut g, huge, int, u32::MAX);
    }
    g.structure(
        W::S("s"),
        u32::MAX,
        &[(W::S("a"), huge, 0), (W::S("b"), huge, 400), (W::S("c"), int, 1 << 28)],
    );
    record(&mut g, UNION, "u", u32::MAX, &[]);
    record(&mut g, STRUCT, "e", u32::MAX, &[]);
    ends(&g, 1 << 12);
}

/// A name of a megabyte that is used 100,000 times is not printed.
fn hostile_names() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let name = g.own("x".repeat(1 << 20));
    for _ in 0..1000 {
        let s = g.structure(name, 400, &(0..100).map(|n| (name, int, 4 * n)).collect::<Vec<_>>());
        g.add([name, info(TYPEDEF, 0, false), W::Id(s)]);
    }
    assert!(ends(&g, 1 << 23).contains("typedef struct name_too_long___7 name_too_long___7;"));
}

/// Types of all kinds whose words were set to others: whatever still parses is printed, soon.
fn hostile_words() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    let s = record(&mut g, STRUCT, "s", 8, &[("a", int, 0, 3), ("b", int, 32, 0)]);
    let no_tag = record(&mut g, STRUCT, "", 8, &[("x", s, 0, 0)]);
    let pointer = link(&mut g, PTR, "", s);
    let f = proto(&mut g, W::Id(pointer), &[("p", W::Id(pointer)), ("", W::Abs(0))]);
    let f = link(&mut g, PTR, "", f);
    let constant = link(&mut g, CONST, "", f);
    let many = array(&mut g, constant, int, 3);
    let t = link(&mut g, TYPEDEF, "t", many);
    let e = g.add([W::S("e"), info(ENUM, 1, false), W::N(4), W::S("E"), W::N(1)]);
    let forward = g.add([W::S("fwd"), info(FWD, 0, false), W::N(0)]);
    let forward = link(&mut g, PTR, "", forward);
    let tag = link(&mut g, TYPE_TAG, "tag", e);
    let members = [("", no_tag, 0, 0), ("t", t, 64, 0), ("e", tag, 256, 0), ("f", forward, 320, 0)];
    let all = record(&mut g, STRUCT, "all", 48, &members);
    record(&mut g, UNION, "u", 64, &[("a", all, 0, 0), ("", no_tag, 0, 0), ("e", e, 0, 7)]);
    g.add([W::S("w"), info(ENUM64, 1, true), W::N(8), W::S("W"), W::N(1), W::N(1)]);
    g.add([W::S("tag"), info(DECL_TAG, 0, false), W::Id(all), W::N(1)]);
    let types = g.types.len() as u32;
    let blob = g.bytes();
    let words = u32::from_le_bytes(blob[12..16].try_into().unwrap()) as usize / 4;
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 33) as usize) % below
    };
    let (mut printed, start) = (0, Instant::now());
    for _ in 0..30_000 {
        let mut blob = blob.clone();
        for _ in 0..=random(3) {
            let at = 24 + 4 * random(words);
            let word = match random(4) {
                0 => u32::MAX >> random(32),
                1 => 1 << random(32),
                _ => random(types as usize + 1) as u32,
            };
            blob[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(btf) = Btf::parse(&blob) {
            let mut out = Vec::new();
            C::new(&btf).write_to(&mut out).unwrap();
            assert!(out.len() < 1 << 24, "{}", out.len());
            printed += 1;
        }
    }
    println!("{printed} of 30,000 printed in {:?}", start.elapsed());
    assert!(printed > 5000 && start.elapsed() < Duration::from_secs(60), "{printed}");
}

/// Maps are not gone through in their own order.
fn same_each_time() {
    let mut g = Graph::default();
    let int = g.int("int", 4, 1);
    for _ in 0..50 {
        let s = record(&mut g, STRUCT, "s", 4, &[("x", int, 0, 0)]);
        link(&mut g, TYPEDEF, "t", s);
    }
    let first = header(&parsed(&g));
    assert!(first.contains("typedef struct s___50 t___50;\n"));
    assert!((0..10).all(|_| header(&parsed(&g)) == first));
}
