//! Each rule of the table: where it applies, and word for word what comes of it.

use btfkinds::degrade::{self, Rule};
use btfkinds::{Btf, TypeId, Version};

use super::common::{Graph, Layout, MADE_UP, W, info};
use super::{degraded, version};
use btfkinds::Parse;

/// A blob with one type that breaks one rule, and what that type becomes.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) graph: Graph,
    /// The type by index.
    at: usize,
    becomes: Vec<W>,
}

impl Sample {
    pub(crate) fn rule(&self) -> Rule {
        *Rule::all().find(|rule| rule.name == self.name).unwrap_or_else(|| panic!("{}", self.name))
    }

    /// The last kernel that the rule is for.
    pub(crate) fn before(&self, rule: &Rule) -> Version {
        rule.since.map_or(version("7.2"), |since| match since {
            Version { major: 5, minor: 0 } => version("4.20"),
            Version { major: 6, minor: 0 } => version("5.19"),
            Version { major, minor } => Version { major, minor: minor - 1 },
        })
    }
}

/// The start of every sample: an `int` [1], a `char` [2], a prototype [3].
fn start() -> Graph {
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    graph.int("char", 1, 1);
    graph.add([W::S(""), info(13, 1, false), W::N(0), W::S("x"), W::Id(int)]);
    graph
}

pub(crate) fn samples() -> Vec<Sample> {
    let mut all: Vec<Sample> = Vec::new();
    let mut sample = |name, words: Vec<W>, becomes: Vec<W>| {
        let mut graph = if name == "FUNC_PROTO" { Graph::default() } else { start() };
        if name == "FUNC_PROTO" {
            graph.int("int", 4, 1);
        }
        let at = graph.add(words);
        all.push(Sample { name, graph, at, becomes });
    };
    let (s, n, id) = (W::S, W::N, W::Abs);
    let one_byte = |name| vec![s(name), info(1, 0, false), n(1), n(8)];
    let h = |name, kind, vlen, flag, third| vec![s(name), info(kind, vlen, flag), third];
    let with = |head: Vec<W>, rest: &[W]| [head, rest.to_vec()].concat();
    sample("FUNC", h("f", 12, 0, false, id(3)), h("f", 8, 0, false, id(3)));
    sample(
        "FUNC_PROTO",
        with(h("", 13, 1, false, n(0)), &[s("x"), id(1)]),
        h("", 6, 0, false, n(4)),
    );
    sample("VAR", with(h("v.1", 14, 0, false, id(1)), &[n(1)]), one_byte("v.1"));
    sample("FLOAT", h("double", 16, 0, false, n(8)), h("", 4, 0, false, n(8)));
    sample(
        "ENUM64",
        with(h("e", 19, 2, true, n(8)), &[s("A"), n(1), n(2), s("B"), n(3), n(4)]),
        with(h("e", 5, 2, false, n(8)), &[s("A"), id(2), n(0), s("B"), id(2), n(0)]),
    );
    sample("TYPE_TAG", h("user", 18, 0, false, id(1)), h("", 10, 0, false, id(1)));
    sample(
        "wide INT",
        with(h("__int128", 1, 0, false, n(16)), &[n(128)]),
        h("", 4, 0, false, n(16)),
    );
    sample(
        "bitfields",
        with(h("s", 4, 2, true, n(8)), &[s("a"), id(1), n(32 << 24), s("b"), id(1), n(32)]),
        with(h("s", 4, 2, false, n(8)), &[s("a"), id(1), n(0), s("b"), id(1), n(32)]),
    );
    sample("union FWD", h("u", 7, 0, true, n(0)), h("u", 7, 0, false, n(0)));
    sample(
        "large ENUM",
        with(h("e", 6, 1, false, n(8)), &[s("A"), n(7)]),
        with(h("e", 5, 1, false, n(8)), &[s("A"), id(2), n(0)]),
    );
    sample(
        "small ENUM",
        with(h("e", 6, 1, false, n(2)), &[s("A"), n(7)]),
        with(h("e", 5, 1, false, n(2)), &[s("A"), id(2), n(0)]),
    );
    sample(
        "signed ENUM",
        with(h("e", 6, 1, true, n(4)), &[s("A"), n(u32::MAX)]),
        with(h("e", 6, 1, false, n(4)), &[s("A"), n(u32::MAX)]),
    );
    sample("attribute", h("noderef", 18, 0, true, id(1)), h("noderef", 18, 0, false, id(1)));
    sample("linkage", h("f", 12, 1, false, id(3)), h("f", 12, 0, false, id(3)));
    sample("extern FUNC", h("f", 12, 2, false, id(3)), h("f", 12, 1, false, id(3)));
    sample(
        "extern VAR",
        with(h("v", 14, 0, false, id(1)), &[n(2)]),
        with(h("v", 14, 0, false, id(1)), &[n(1)]),
    );
    sample("empty DATASEC", h(".a.b", 15, 0, false, n(4)), h("_a_b", 4, 0, false, n(4)));
    sample("names", h("Vec<u8, A>", 8, 0, false, id(1)), h("Vec_u8__A_", 8, 0, false, id(1)));
    sample("section name", h("?.st-x", 15, 0, false, n(4)), h("_.st_x", 15, 0, false, n(4)));
    sample("dotted name", h("f.isra.0", 8, 0, false, id(1)), h("f_isra_0", 8, 0, false, id(1)));
    let long: &'static str = "x".repeat(129).leak();
    sample("long name", h(long, 7, 0, false, n(0)), h(&long[..128], 7, 0, false, n(0)));
    let values = |count: usize| [s("V"), n(1)].repeat(count);
    sample(
        "many elements",
        with(h("e", 6, 0x1_0000, false, n(4)), &values(0x1_0000)),
        with(h("e", 6, 0xffff, false, n(4)), &values(0xffff)),
    );
    // Those that need another type before them.
    let mut graph = start();
    let var = graph.add([s("v.1"), info(14, 0, false), id(1), n(1)]);
    let at = graph.add([s(".a.b"), info(15, 1, false), n(12), W::Id(var), n(8), n(4)]);
    let becomes = vec![s("_a_b"), info(4, 1, false), n(12), s("v_1"), W::Id(var), n(64)];
    all.push(Sample { name: "DATASEC", graph, at, becomes });
    let mut graph = start();
    let on = graph.add([s("t"), info(8, 0, false), id(1)]);
    let at = graph.add([s("any thing"), info(17, 0, false), W::Id(on), n(u32::MAX)]);
    all.push(Sample { name: "DECL_TAG", graph, at, becomes: one_byte("any thing") });
    all
}

/// Made-up kinds need to be known: parsing says how.
fn parse() -> Parse {
    Parse::new().kind(btfkinds::KindSpec::parse(&MADE_UP[8].file()).unwrap())
}

/// What breaks rules that are about other types.
fn following() -> Vec<Sample> {
    let (s, n, id) = (W::S, W::N, W::Abs);
    let one_byte = |name| vec![s(name), info(1, 0, false), n(1), n(8)];
    let made = |graph: &mut Graph| MADE_UP[8].record(graph, "lamp", 0, 3);
    let mut all = Vec::new();
    let mut graph = start();
    let at = made(&mut graph);
    all.push(Sample { name: "unreleased kind", graph, at, becomes: one_byte("lamp") });
    let mut graph = start();
    let to = made(&mut graph);
    let at = graph.add([s("f"), info(12, 1, false), W::Id(to)]);
    let becomes = vec![s("f"), info(8, 0, false), W::Id(to)];
    all.push(Sample { name: "no prototype", graph, at, becomes });
    let mut graph = start();
    let to = made(&mut graph);
    let var = graph.add([s("v"), info(14, 0, false), id(1), n(1)]);
    let at = graph.add([
        s(".s"),
        info(15, 2, false),
        n(8),
        W::Id(to),
        n(0),
        n(4),
        W::Id(var),
        n(4),
        n(4),
    ]);
    let becomes =
        vec![s(".s"), info(4, 2, false), n(8), s("lamp"), W::Id(to), n(0), s("v"), id(1), n(32)];
    all.push(Sample { name: "no variable", graph, at, becomes });
    let mut graph = start();
    let uint = graph.int("unsigned int", 4, 0);
    let to = made(&mut graph);
    let at = graph.add([s("s"), info(4, 1, true), n(4), s("a"), W::Id(to), n(20 << 24)]);
    let becomes = vec![s("s"), info(4, 1, true), n(4), s("a"), W::Id(uint), n(20 << 24)];
    all.push(Sample { name: "bitfield type", graph, at, becomes });
    let mut graph = start();
    let to = made(&mut graph);
    let at = graph.add([s("tag"), info(17, 0, false), W::Id(to), n(u32::MAX)]);
    all.push(Sample { name: "tag target", graph, at, becomes: one_byte("tag") });
    all
}

pub(crate) fn each_at_its_version() {
    let samples: Vec<Sample> = samples().into_iter().chain(following()).collect();
    for rule in Rule::all() {
        if ["layout section", "many types", "many strings"].contains(&rule.name) {
            // Tested where a blob is made for them.
            continue;
        }
        let sample = samples.iter().find(|sample| sample.name == rule.name);
        let sample = sample.unwrap_or_else(|| panic!("no sample for {}", rule.name));
        let btf = parse().read(&sample.graph.bytes()).unwrap();
        let id = Some(TypeId(sample.at as u32 + 1));
        let named = |version| {
            let found = degrade::check(&btf, version);
            let found = found.iter().find(|finding| finding.id == id);
            found.map(|finding| finding.rule.name)
        };
        assert_eq!(named(sample.before(rule)), Some(rule.name));
        match rule.since {
            Some(since) => assert_eq!(named(since), None, "{}", rule.name),
            None => assert_eq!(named(version("99.9")), Some(rule.name)),
        }
    }
    // Kinds are known from the version that the table of kinds says.
    for spec in btfkinds::KindSpec::released() {
        let rule = Rule::all().find(|rule| rule.name == spec.name);
        let first = spec.since == Some(version("4.18"));
        assert_eq!(rule.map(|rule| rule.since), (!first).then_some(spec.since), "{}", spec.name);
    }
}

pub(crate) fn each_replacement() {
    for sample in samples().into_iter().chain(following()) {
        let btf = parse().read(&sample.graph.bytes()).unwrap();
        let new = degraded(&btf, sample.before(&sample.rule()));
        // Offsets of strings are compared by what they are.
        let mut expected = sample.graph.clone();
        expected.types[sample.at] = sample.becomes.clone();
        let (bytes, ids) = expected.write(&Layout::plain(&expected));
        let expected = parse().read(&bytes).unwrap();
        let id = TypeId(ids[sample.at]);
        let text = |btf: &Btf| {
            let mut out = Vec::new();
            btfkinds::Text::new(&mut out).types(btf.get(id)).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&new), text(&expected), "{}", sample.name);
        let lens = [&new, &expected].map(|btf| btf.get(id).unwrap().words().len());
        assert_eq!(lens[0], lens[1], "{}", sample.name);
    }
}

/// Which names kernels take, and what becomes of the others.
pub(crate) fn names() {
    let renamed = |kind: u32, name: &'static str, text: &str| {
        let mut graph = start();
        let third = if kind == 15 { W::N(4) } else { W::Abs(1) };
        let mut words = vec![W::S(name), info(kind, 0, false), third];
        if kind == 14 {
            words.push(W::N(0));
        }
        graph.add(words);
        let btf = Btf::parse(&graph.bytes()).unwrap();
        degraded(&btf, version(text)).types().last().unwrap().name().to_string()
    };
    for (kind, name, since, old, new) in [
        (8, "a.b", "6.4", "a_b", "a.b"),
        (8, ".a", "6.4", "_a", ".a"),
        (14, "a.b", "5.2", "a.b", "a.b"),
        (14, "a?b", "7.2", "a_b", "a_b"),
        (8, "1a", "7.2", "_a", "_a"),
        (8, "a1", "5.0", "a1", "a1"),
        (8, "ä", "7.2", "__", "__"),
        (15, "?x y", "6.9", "_x_y", "?x y"),
        (15, "1x", "6.9", "_x", "1x"),
        (15, "x\u{7f}", "7.2", "x_", "x_"),
    ] {
        let rule_is_for = renamed(kind, name, since);
        assert_eq!(rule_is_for, new, "{name} {since}");
        let before = Version { minor: version(since).minor.saturating_sub(1), ..version(since) };
        if kind != 15 && before >= version("5.2") {
            assert_eq!(renamed(kind, name, &before.to_string()), old, "{name} {before}");
        }
    }
    assert_eq!(renamed(15, "?x y", "6.8"), "_x_y");
    // The longest: 128 bytes, from 6.1 on 512.
    for (length, text, kept) in
        [(128, "6.0", 128), (129, "6.0", 128), (512, "6.1", 512), (600, "6.1", 512)]
    {
        let name: &'static str = "n".repeat(length).leak();
        assert_eq!(renamed(8, name, text).len(), kept, "{length} {text}");
    }
    // Members, values and parameters; one new string for the same name.
    let mut graph = start();
    graph.add([W::S("s.t"), info(4, 1, false), W::N(4), W::S("m.n"), W::Abs(1), W::N(0)]);
    graph.add([W::S("e.n"), info(6, 1, false), W::N(4), W::S("m.n"), W::N(0)]);
    graph.add([W::S(""), info(13, 1, false), W::N(0), W::S("m.n"), W::Abs(1)]);
    graph.int("i.nt", 4, 0);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    let new = degraded(&btf, version("6.3"));
    let element = |id: u32| {
        let ty = new.get(TypeId(id)).unwrap();
        let name = ty.elements().next().unwrap()[0];
        (ty.string(btfkinds::StrOff(name)).to_string(), name)
    };
    assert_eq!(element(4).0, "m_n");
    assert!(element(4) == element(5) && element(5) == element(6));
    assert_eq!(new.get(TypeId(7)).unwrap().name(), "i.nt", "no kernel looks at it");
    assert_eq!(new.str_len(), btf.str_len() + "s_t\0m_n\0e_n\0".len());
}

/// Bitfields before `kind_flag`: INTs of their width, one for all that are alike.
pub(crate) fn bitfields() {
    let mut graph = start();
    let typedef = graph.add([W::S("int_t"), info(8, 0, false), W::Abs(1)]);
    let signed = graph.add([W::S("e"), info(6, 1, true), W::N(4), W::S("E"), W::N(0)]);
    let mut words = vec![W::S("s"), info(4, 6, true), W::N(16)];
    for (name, ty, bits, at) in [
        ("a", typedef, 3, 0),
        ("b", 0, 3, 3),
        ("c", signed, 2, 6),
        ("d", signed, 2, 8),
        ("e", 0, 0, 32),
        ("f", typedef, 32, 64),
    ] {
        words.extend([W::S(name), W::Id(ty), W::N(bits << 24 | at)]);
    }
    graph.add(words);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    let new = degraded(&btf, version("4.20"));
    assert_eq!(new.type_count(), btf.type_count() + 2);
    let strukt = new.get(TypeId(6)).unwrap();
    let members: Vec<&[u32]> = strukt.elements().map(|member| &member[1..]).collect();
    assert!(!strukt.kind_flag());
    assert_eq!(members, [[7, 0], [7, 3], [8, 6], [8, 8], [1, 32], [4, 64]]);
    let added: Vec<(String, &[u32])> = [7, 8]
        .map(|id| new.get(TypeId(id)).unwrap())
        .map(|ty| (ty.name().to_string(), &ty.words()[1..]))
        .into();
    assert_eq!(added[0], ("int".to_owned(), &[1 << 24, 4, 1 << 24 | 3][..]));
    assert_eq!(added[1], (String::new(), &[1 << 24, 4, 2][..]));
    // Later kernels know the flag, and nothing is to be done but for the enum.
    assert_eq!(degrade::check(&btf, version("5.0")).len(), 1);
}

/// What no longer fits what was replaced, and what is left alone.
pub(crate) fn what_follows() {
    let mut graph = start();
    let made = MADE_UP[8].record(&mut graph, "lamp", 0, 0);
    let func = graph.add([W::S("f"), info(12, 1, false), W::Id(made)]);
    // A tag on the function's parameter, one on the function, which a typedef can have.
    graph.add([W::S("param"), info(17, 0, false), W::Id(func), W::N(0)]);
    graph.add([W::S("whole"), info(17, 0, false), W::Id(func), W::N(u32::MAX)]);
    // An enum that becomes a union, in bitfields of two structs.
    let mut words = vec![W::S("e"), info(19, 1, false), W::N(8)];
    words.extend([W::S("A"), W::N(1), W::N(0)]);
    let enum64 = graph.add(words);
    let mut strukt = |bits: u32, ty| {
        graph.add([W::S("s"), info(4, 1, true), W::N(8), W::S("a"), W::Id(ty), W::N(bits << 24)])
    };
    let (bits, whole, other) = (strukt(9, enum64), strukt(0, enum64), strukt(9, 0));
    let btf = parse().read(&graph.bytes()).unwrap();
    let new = degraded(&btf, version("5.19"));
    let kind = |index: usize| new.get(TypeId(index as u32 + 1)).unwrap();
    assert_eq!((kind(func).kind().0, kind(func + 1).kind().0, kind(func + 2).kind().0), (8, 1, 17));
    // No INT without a sign is there: one is added.
    let added = new.types().last().unwrap();
    assert_eq!(added.words()[1..], [1 << 24, 4, 32]);
    let member = |index: usize| kind(index).elements().next().unwrap()[1];
    assert_eq!(member(bits), added.id().0);
    assert_eq!((member(whole), member(other)), (enum64 as u32 + 1, 1));
    // What was wrong before is not looked at.
    let mut graph = start();
    graph.add([W::S("f"), info(12, 0, false), W::Abs(1)]);
    graph.add([W::S("t"), info(17, 0, false), W::Abs(1), W::N(u32::MAX)]);
    graph.add([W::S("s"), info(4, 1, true), W::N(8), W::S("a"), W::Abs(3), W::N(1 << 24)]);
    let btf = Btf::parse(&graph.bytes()).unwrap();
    assert_eq!(degrade::check(&btf, version("6.0")), []);
}
