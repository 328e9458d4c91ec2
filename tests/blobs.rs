//! Kinds that nobody's table knows: proposed and made-up ones, in every place and order.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod common;

use std::sync::Arc;

use btfkinds::{
    Btf, Endian, ErrorKind, Kind, KindSpec, Parse, Source, Text, Third, TypeId, WordClass,
};
use common::{Graph, Layout, MADE_UP, MadeUp, Random, Style, W, described, info, shared};

const VLENS: [u32; 4] = [0, 1, 65_535, 70_000];

/// A graph with a record of `kind` that everything else refers to; gives the record's index.
fn around(graph: &mut Graph, kind: &MadeUp, vlen: u32) -> usize {
    let target = graph.int("target", 8, 0);
    let vlen = if kind.element.is_empty() { 0 } else { vlen };
    let record = kind.record(graph, "made_up", target, vlen);
    graph.add([W::S(""), info(2, 0, false), W::Id(record)]);
    graph.structure(W::S("holder"), 4, &[(W::S("member"), record, 0)]);
    graph.add([W::S(""), info(13, 1, false), W::Id(record), W::S("parameter"), W::Id(record)]);
    graph.add([W::S("tag"), info(17, 0, false), W::Id(record), W::N(u32::MAX)]);
    graph.add([W::S("type_tag"), info(18, 0, false), W::Id(record)]);
    graph.add([W::S("last"), info(8, 0, false), W::Id(record)]);
    record
}

/// Checks that a parsed blob is `graph`: every type is reached, with its kind, name and words.
fn same(btf: &Btf, graph: &Graph, ids: &[u32]) {
    assert_eq!(btf.types().count(), graph.types.len());
    for (index, words) in graph.types.iter().enumerate() {
        let ty = btf.get(TypeId(ids[index])).unwrap();
        assert_eq!(ty.id().0, ids[index]);
        assert_eq!(ty.name(), graph.text(words[0]).as_bytes());
        assert_eq!(ty.words().len(), words.len());
        for (is, w) in ty.words().iter().zip(words) {
            match *w {
                W::N(n) | W::Abs(n) => assert_eq!(*is, n),
                W::Id(i) => assert_eq!(*is, ids[i]),
                W::S(_) | W::Own(_) => {
                    assert_eq!(
                        btf.string(btfkinds::StrOff(*is)).unwrap(),
                        graph.text(*w).as_bytes()
                    );
                }
            }
        }
    }
}

/// Checks the classes that were read for a kind.
fn same_spec(spec: &KindSpec, kind: &MadeUp, classes: bool) {
    assert_eq!(spec.name, kind.name);
    assert_eq!(spec.classes, classes);
    let read = |fields: &[btfkinds::Field]| -> String {
        let class = |field: &btfkinds::Field| match field.class {
            WordClass::Id => 'i',
            WordClass::Str => 's',
            WordClass::S32 => 'd',
            WordClass::U32 => 'n',
        };
        fields.iter().map(class).collect()
    };
    let plain = |text: &str| text.replace(['i', 's'], "n");
    if classes {
        assert_eq!(
            (read(&spec.fixed), read(&spec.elements)),
            (kind.fixed.to_owned(), kind.element.to_owned())
        );
        let third = match kind.third {
            'i' => Third::Id,
            'n' => Third::Size,
            _ => Third::Unused,
        };
        assert_eq!(spec.third, third);
    } else {
        assert_eq!(
            (read(&spec.fixed), read(&spec.elements)),
            (plain(kind.fixed), plain(kind.element))
        );
    }
}

fn entry(btf: &Btf, kind: &MadeUp) -> (Arc<KindSpec>, Source) {
    let entry = btf.kinds().get(Kind(kind.n as u8)).unwrap();
    (Arc::clone(&entry.spec), entry.source.clone())
}

fn both_orders(graph: &Graph, order: &[usize]) -> Vec<(Vec<u8>, Vec<u32>)> {
    [false, true]
        .map(|big_endian| {
            graph.write(&Layout { order: order.to_vec(), big_endian, ..Layout::plain(graph) })
        })
        .into()
}

#[test]
fn described_before() {
    for (kind, vlen) in MADE_UP.iter().flat_map(|kind| VLENS.map(|vlen| (kind, vlen))) {
        for style in [Style::Full, Style::NoSizes, Style::Old] {
            let mut graph = Graph::default();
            let types = shared(&mut graph, style);
            let typedef = described(&mut graph, types, kind, style);
            around(&mut graph, kind, vlen);
            for (bytes, ids) in both_orders(&graph, &Layout::plain(&graph).order) {
                let btf = Btf::parse(&bytes).unwrap();
                same(&btf, &graph, &ids);
                let (spec, source) = entry(&btf, kind);
                same_spec(&spec, kind, style != Style::Old);
                assert_eq!(source, Source::Description(TypeId(ids[typedef])));
                assert_eq!(btf.to_bytes(), bytes);
            }
        }
    }
}

#[test]
fn described_after() {
    for (kind, vlen) in MADE_UP.iter().flat_map(|kind| VLENS.map(|vlen| (kind, vlen))) {
        let mut graph = Graph::default();
        around(&mut graph, kind, vlen);
        let types = shared(&mut graph, Style::Full);
        described(&mut graph, types, kind, Style::Full);
        for (bytes, ids) in both_orders(&graph, &Layout::plain(&graph).order) {
            let btf = Btf::parse(&bytes).unwrap();
            same(&btf, &graph, &ids);
            same_spec(&entry(&btf, kind).0, kind, true);
            assert_eq!(btf.to_bytes(), bytes);
        }
    }
}

/// A description from 2022, or one without its sizes in a name, can't help a record before it:
/// that is said, and a kind file helps.
#[test]
fn described_too_late() {
    for kind in &MADE_UP {
        for style in [Style::NoSizes, Style::Old] {
            let mut graph = Graph::default();
            let record = around(&mut graph, kind, 3);
            let types = shared(&mut graph, style);
            described(&mut graph, types, kind, style);
            let (bytes, ids) = graph.write(&Layout::plain(&graph));
            let err = Btf::parse(&bytes).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::UnknownKind(Kind(kind.n as u8)));
            assert_eq!(err.type_id(), Some(TypeId(ids[record])));
            let help = err.help().unwrap();
            assert!(
                help.contains(&format!("__BTF_KIND_{}", kind.n)) && help.contains("--kind-file"),
                "{help}"
            );
            let btf =
                Parse::new().kind(KindSpec::parse(&kind.file()).unwrap()).read(&bytes).unwrap();
            same(&btf, &graph, &ids);
            let (spec, source) = entry(&btf, kind);
            same_spec(&spec, kind, true);
            // The file's own word counts, but one without classes says less than the kind file.
            assert_eq!(source == Source::Given, style == Style::Old);
        }
    }
}

#[test]
fn shuffled_and_sorted() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..300 {
        let mut graph = Graph::default();
        let types = shared(&mut graph, Style::Full);
        // One of the two layouts of each proposed kind, and all others.
        let kinds: Vec<&MadeUp> = if round % 2 == 0 { &MADE_UP[..3] } else { &MADE_UP[3..6] }
            .iter()
            .chain(&MADE_UP[6..])
            .collect();
        for kind in &kinds {
            described(&mut graph, types, kind, Style::Full);
            // The large ones now and then: they are many megabytes.
            let vlens = if round < 4 { &VLENS[..] } else { &[0, 1, 7] };
            around(&mut graph, kind, vlens[random.below(vlens.len())]);
        }
        let mut order = Layout::plain(&graph).order;
        if round == 0 {
            order.sort_by_key(|index| graph.text(graph.types[*index][0]).to_owned());
        } else {
            random.shuffle(&mut order);
        }
        for (bytes, ids) in both_orders(&graph, &order) {
            let btf = Btf::parse(&bytes).unwrap();
            same(&btf, &graph, &ids);
            for kind in &kinds {
                same_spec(&entry(&btf, kind).0, kind, true);
            }
            assert_eq!(btf.to_bytes(), bytes);
        }
    }
}

#[test]
fn described_in_the_base() {
    for (kind, vlen) in MADE_UP.iter().flat_map(|kind| VLENS.map(|vlen| (kind, vlen))) {
        for style in [Style::Full, Style::Old] {
            for big_endian in [false, true] {
                let mut graph = Graph::default();
                let types = shared(&mut graph, style);
                described(&mut graph, types, kind, style);
                let layout = Layout { big_endian, ..Layout::plain(&graph) };
                let base = Arc::new(Btf::parse(&graph.write(&layout).0).unwrap());
                // In between a blob that has nothing to do with it: the second link of a chain.
                let mut middle = Graph::default();
                middle.int("middle", 2, 0);
                let end = (base.type_count(), base.str_len() as u32);
                let layout = Layout { big_endian, first: end, ..Layout::plain(&middle) };
                let middle = Arc::new(Btf::parse_split(&middle.write(&layout).0, base).unwrap());
                let end = (middle.type_count(), end.1 + middle.str_len() as u32);

                let mut split = Graph::default();
                around(&mut split, kind, vlen);
                let layout = Layout { big_endian, first: end, ..Layout::plain(&split) };
                let (bytes, ids) = split.write(&layout);
                let btf = Btf::parse_split(&bytes, middle).unwrap();
                same(&btf, &split, &ids);
                let (spec, source) = entry(&btf, kind);
                same_spec(&spec, kind, style != Style::Old);
                assert!(matches!(source, Source::Base(inner) if matches!(*inner, Source::Base(_))));
                assert_eq!(btf.to_bytes(), bytes);
            }
        }
    }
}

#[test]
fn layout_section() {
    for (kind, vlen) in MADE_UP.iter().flat_map(|kind| VLENS.map(|vlen| (kind, vlen))) {
        let mut graph = Graph::default();
        around(&mut graph, kind, vlen);
        let mut section = vec![[0; 4]; kind.n as usize + 1];
        section[kind.n as usize] = [kind.info_sz() as u8, kind.elem_sz() as u8, 0, 0];
        for big_endian in [false, true] {
            let layout =
                Layout { big_endian, section: Some(section.clone()), ..Layout::plain(&graph) };
            let (bytes, ids) = graph.write(&layout);
            let btf = Btf::parse(&bytes).unwrap();
            same(&btf, &graph, &ids);
            let (spec, source) = entry(&btf, kind);
            assert_eq!((source, spec.classes), (Source::Layout, false));
            assert_eq!(spec.name, format!("KIND_{}", kind.n));
            assert_eq!(btf.to_bytes(), bytes);
        }
    }
}

/// Without any description: an error that names kind, id and offset. With a kind file: read.
#[test]
fn not_described() {
    for (kind, vlen) in MADE_UP.iter().flat_map(|kind| VLENS.map(|vlen| (kind, vlen))) {
        let mut graph = Graph::default();
        let record = around(&mut graph, kind, vlen);
        for (bytes, ids) in both_orders(&graph, &Layout::plain(&graph).order) {
            let err = Btf::parse(&bytes).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::UnknownKind(Kind(kind.n as u8)));
            assert_eq!(err.type_id(), Some(TypeId(ids[record])));
            // The header, and the INT before it.
            assert_eq!(err.offset(), Some(24 + 16));
            let text = err.to_string();
            assert!(text.contains("unknown: this kind is not released"), "{text}");
            assert!(text.starts_with(".BTF+0x28: type [2] kind "), "{text}");
            assert!(text.contains("'made_up'"), "{text}");
            let btf =
                Parse::new().kind(KindSpec::parse(&kind.file()).unwrap()).read(&bytes).unwrap();
            same(&btf, &graph, &ids);
            assert_eq!(entry(&btf, kind).1, Source::Given);
        }
    }
}

/// What looks like part of a description but is not one changes nothing: names that belong to
/// something else than a typedef, near misses of the names, and records of a description in the
/// words of another record.
#[test]
fn fakes() {
    for kind in &MADE_UP {
        for with_description in [false, true] {
            let mut graph = Graph::default();
            if with_description {
                let types = shared(&mut graph, Style::NoSizes);
                described(&mut graph, types, kind, Style::NoSizes);
            }
            let int = graph.int("int", 4, 1);
            let own = |graph: &mut Graph, text: String| graph.own(text);
            let exact = own(&mut graph, format!("__BTF_KIND_{}", kind.n));
            // The right name on types that are not typedefs.
            graph.structure(exact, 4, &[(exact, int, 0)]);
            graph.add([exact, info(7, 0, false), W::N(0)]);
            graph.add([exact, info(6, 1, false), W::N(4), exact, W::N(kind.n)]);
            let proto = graph.add([W::S(""), info(13, 1, false), W::N(0), exact, W::Id(int)]);
            graph.add([exact, info(12, 0, false), W::Id(proto)]);
            graph.add([exact, info(14, 0, false), W::Id(int), W::N(0)]);
            graph.add([exact, info(18, 0, false), W::Id(int)]);
            // Typedefs of names that are almost right.
            for name in [
                format!("__BTF_KIND_0{}", kind.n),
                format!("__BTF_KIND_{}x", kind.n),
                format!("__BTF_KIND_{} ", kind.n),
                format!("__BTF_KIND_+{}", kind.n),
                format!("_BTF_KIND_{}", kind.n),
                format!("x__BTF_KIND_{}", kind.n),
                "__BTF_KIND_128".to_owned(),
                "__BTF_KIND_0".to_owned(),
                "__BTF_KIND_".to_owned(),
                format!("__BTF_SIZES_{}", kind.n),
                format!("__BTF_SIZES_{}_4", kind.n),
                format!("__BTF_SIZES_{}_4_4_4", kind.n),
                format!("__BTF_SIZES_{}_04_4", kind.n),
                format!("__BTF_SIZES_{}_4_", kind.n),
                format!("x__BTF_SIZES_{}_400_400", kind.n),
                "__BTF_SIZES_128_4_4".to_owned(),
            ] {
                let name = own(&mut graph, name);
                graph.add([name, info(8, 0, false), W::Id(int)]);
            }
            // A whole description as the values of an enum: words that are records elsewhere.
            let mut real = Graph::default();
            let types = shared(&mut real, Style::Full);
            let liar = MadeUp { fixed: "nnnnnnn", element: "nn", ..*kind };
            described(&mut real, types, &liar, Style::Full);
            let words = real.bytes()[24..]
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
                .collect::<Vec<_>>();
            let mut fake = vec![W::S("words"), info(6, words.len() as u32, false), W::N(4)];
            fake.extend(words.iter().flat_map(|word| [W::S("value"), W::N(*word)]));
            graph.add(fake);
            let record = around(&mut graph, kind, 2);
            let (bytes, ids) = graph.write(&Layout::plain(&graph));
            match Btf::parse(&bytes) {
                Ok(btf) => {
                    assert!(with_description);
                    same(&btf, &graph, &ids);
                    same_spec(&entry(&btf, kind).0, kind, true);
                }
                Err(err) => {
                    assert!(!with_description, "{err}");
                    assert_eq!(err.kind(), ErrorKind::UnknownKind(Kind(kind.n as u8)));
                    assert_eq!(err.type_id(), Some(TypeId(ids[record])));
                }
            }
        }
    }
}

/// The text of described kinds, word for word.
#[test]
fn text_of_described_kinds() {
    let dump = |style, kind: &MadeUp| {
        let mut graph = Graph::default();
        let types = shared(&mut graph, style);
        described(&mut graph, types, kind, style);
        let target = graph.types.len() - 1;
        let record =
            kind.record(&mut graph, "thing", target, if kind.element.is_empty() { 0 } else { 2 });
        let (bytes, ids) = graph.write(&Layout::plain(&graph));
        let btf = Btf::parse(&bytes).unwrap();
        let mut out = Vec::new();
        Text::new(&mut out).types(btf.get(TypeId(ids[record]))).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.replace(&format!("[{}]", ids[record]), "[ID]")
            .replace(&format!("={}", ids[target]), "=TARGET")
    };
    let both = MADE_UP.iter().find(|kind| kind.n == 99).unwrap();
    assert_eq!(
        dump(Style::Full, both),
        "[ID] BOTH 'thing' type_id=TARGET vlen=2 w0=28672 w1=TARGET w2='a_name_of_a_made_up_kind'\n\
         \tw0=28672 w1=28673 w2='a_name_of_a_made_up_kind' w3=TARGET\n\
         \tw0=28672 w1=28673 w2='a_name_of_a_made_up_kind' w3=TARGET\n"
    );
    let last = MADE_UP.iter().find(|kind| kind.n == 127).unwrap();
    assert!(
        dump(Style::Full, last)
            .starts_with("[ID] LAST_1 'thing' vlen=2 w0=-5\n\tw0=TARGET w1='a_name")
    );
    // From 2022: field names, but neither ids nor names among the words.
    assert!(
        dump(Style::Old, last).starts_with("[ID] LAST_1 'thing' vlen=2 w0=-5\n\tw0=TARGET w1=")
    );
}

#[test]
fn endian_is_kept() {
    let mut graph = Graph::default();
    graph.int("int", 4, 1);
    for (big_endian, endian) in [(false, Endian::Little), (true, Endian::Big)] {
        let (bytes, _) = graph.write(&Layout { big_endian, ..Layout::plain(&graph) });
        let mut btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.endian(), endian);
        btfkinds::describe(&mut btf, &btfkinds::Describe::default()).unwrap();
        let again = Btf::parse(&btf.to_bytes()).unwrap();
        assert_eq!((again.endian(), again.type_count()), (endian, btf.type_count()));
    }
}
