//! Input that is out to break us: every truncation and every word set to something else, never a
//! panic or a huge allocation; and descriptions that lie, each refused with an error that names it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout as Alloc, System};
use std::cell::Cell;
use std::sync::Arc;

use btfkinds::{Btf, Describe, ErrorKind, KindSpec, Parse, Place, Text, describe};
use common::{Graph, Layout, MADE_UP, MadeUp, Random, Shared, Style, W, described, info, shared};

/// Remembers the largest allocation of each thread.
struct Watch;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all work is the system allocator's.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Alloc) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Alloc) {
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// Reads a blob in every way there is; whatever it holds, nothing may break.
fn try_all(bytes: &[u8], parse: &Parse) -> bool {
    LARGEST.set(0);
    let read = parse.read(bytes);
    if let Ok(btf) = &read {
        assert_eq!(btf.to_bytes(), bytes, "a blob that was read is written back byte for byte");
        let mut out = Vec::new();
        Text::new(&mut out).types(btf.types()).unwrap();
        let _ = btf.descriptions();
        let _ = btf.check_base();
        for place in [Place::Back, Place::Front] {
            let mut btf = btf.clone();
            if describe(&mut btf, &Describe { place, ..Describe::default() }).is_ok() {
                parse.read(&btf.to_bytes()).expect("what was described can be read");
                let again = describe(&mut btf, &Describe { place, ..Describe::default() }).unwrap();
                assert_eq!(again.types, 0);
            }
        }
    }
    let largest = LARGEST.get();
    assert!(largest <= bytes.len() * 64 + (1 << 20), "an allocation of {largest} bytes");
    read.is_ok()
}

/// A small blob with released kinds, a described kind with both sorts of words, and types behind
/// it; its words are all there is to break.
fn small(kind: &MadeUp, style: Style) -> Graph {
    let mut graph = Graph::default();
    let types = shared(&mut graph, style);
    described(&mut graph, types, kind, style);
    let made =
        kind.record(&mut graph, "made", types.uint, if kind.element.is_empty() { 0 } else { 2 });
    graph.structure(W::S("holder"), 16, &[(W::S("a"), made, 0), (W::S("b"), types.uint, 8)]);
    let proto = graph.add([W::S(""), info(13, 1, false), W::Id(made), W::S("p"), W::Id(made)]);
    graph.add([W::S("f"), info(12, 1, false), W::Id(proto)]);
    graph.add([W::S("e"), info(19, 1, true), W::N(8), W::S("x"), W::N(1), W::N(2)]);
    let var = graph.add([W::S("v"), info(14, 0, false), W::Id(made), W::N(1)]);
    graph.add([W::S(".data"), info(15, 1, false), W::N(4), W::Id(var), W::N(0), W::N(4)]);
    graph
}

/// All the small blobs: every made-up kind, with and without classes, both byte orders, standalone
/// and split, with a layout section.
fn blobs() -> Vec<(Vec<u8>, Parse)> {
    let mut blobs = Vec::new();
    for kind in [&MADE_UP[0], &MADE_UP[5], &MADE_UP[9]] {
        for style in [Style::Full, Style::Old] {
            for big_endian in [false, true] {
                let graph = small(kind, style);
                let layout = Layout { big_endian, ..Layout::plain(&graph) };
                let (bytes, _) = graph.write(&layout);
                let base = Arc::new(Btf::parse(&bytes).unwrap());
                blobs.push((bytes, Parse::new()));
                let mut split = Graph::default();
                let int = split.int("own", 4, 0);
                kind.record(&mut split, "made", int, u32::from(!kind.element.is_empty()));
                split.add([W::S("__BTF_KIND_77"), info(8, 0, false), W::Id(int)]);
                let first = (base.type_count(), base.str_len() as u32);
                let (bytes, _) =
                    split.write(&Layout { first, big_endian, ..Layout::plain(&split) });
                blobs.push((bytes, Parse::new().base(base)));
            }
        }
        let mut graph = Graph::default();
        let int = graph.int("int", 4, 1);
        kind.record(&mut graph, "made", int, u32::from(!kind.element.is_empty()));
        let mut section = vec![[0; 4]; kind.n as usize + 1];
        section[kind.n as usize] = [kind.info_sz() as u8, kind.elem_sz() as u8, 0, 0];
        let layout = Layout { section: Some(section), ..Layout::plain(&graph) };
        blobs.push((graph.write(&layout).0, Parse::new()));
    }
    blobs
}

#[test]
fn truncation_at_every_byte() {
    for (bytes, parse) in blobs() {
        assert!(try_all(&bytes, &parse));
        for end in 0..bytes.len() {
            assert!(!try_all(&bytes[..end], &parse), "cut off at {end}");
        }
    }
}

#[test]
fn every_word_set_to_something_else() {
    let mut read = 0;
    for (bytes, parse) in blobs() {
        for at in (0..bytes.len() / 4).map(|word| word * 4) {
            for value in [
                0,
                1,
                2,
                0xff,
                0x7f00_0000,
                0x1400_0001,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_fffe,
                u32::MAX,
            ] {
                for value in [value, value.swap_bytes()] {
                    let mut bytes = bytes.clone();
                    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                    read += usize::from(try_all(&bytes, &parse));
                }
            }
        }
    }
    // Many of these are valid; a test that refuses all of them would test little.
    assert!(read > 10_000, "{read}");
}

#[test]
fn random_damage() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let blobs = blobs();
    for _ in 0..60_000 {
        let (bytes, parse) = &blobs[random.below(blobs.len())];
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => {
                    let from = random.below(bytes.len() - 4) & !3;
                    let at = at & !3;
                    let word: [u8; 4] = bytes[from..from + 4].try_into().unwrap();
                    if let Some(place) = bytes.get_mut(at..at + 4) {
                        place.copy_from_slice(&word);
                    }
                }
                _ => {
                    let end = (at + random.below(64)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let to = random.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        try_all(&bytes, parse);
    }
}

const KIND: MadeUp = MadeUp { n: 40, name: "LIAR", third: 'n', fixed: "n", element: "n" };

/// The error for a graph, which must be one about a description.
fn refused(graph: &Graph) -> String {
    let (bytes, _) = graph.write(&Layout::plain(graph));
    let err = Btf::parse(&bytes).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Description, "{err}");
    try_all(&bytes, &Parse::new());
    err.to_string()
}

/// A record of the kind, in front of which `make` puts a description.
fn with(make: impl Fn(&mut Graph, Shared)) -> String {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    make(&mut graph, types);
    KIND.record(&mut graph, "record", types.uint, 1);
    refused(&graph)
}

fn typedef(graph: &mut Graph, name: &str, to: usize) -> usize {
    let name = graph.own(name.to_owned());
    graph.add([name, info(8, 0, false), W::Id(to)])
}

fn array(graph: &mut Graph, of: usize, index: usize, count: u32) -> usize {
    graph.add([W::S(""), info(3, 0, false), W::N(0), W::Id(of), W::Id(index), W::N(count)])
}

/// A description with these members behind its header, and this size.
fn outer(graph: &mut Graph, types: Shared, members: &[(usize, u32)], size: u32) -> usize {
    let mut all = vec![(W::S("type"), types.size, 0)];
    all.extend(members.iter().map(|(ty, at)| (W::S("meta"), *ty, *at)));
    let outer = graph.structure(W::S("__BTF_KIND_LIAR"), size, &all);
    typedef(graph, "__BTF_KIND_40", outer)
}

#[test]
fn malformed_descriptions() {
    let check = |make: &dyn Fn(&mut Graph, Shared), what: &str| {
        let text = with(make);
        assert!(text.contains(what), "'{text}' does not say '{what}'");
        assert!(text.contains("TYPEDEF '__BTF_KIND_40'"), "'{text}' does not name the typedef");
    };
    check(
        &|g, _| {
            typedef(g, "__BTF_KIND_40", 0);
        },
        "is not a typedef of a struct",
    );
    check(
        &|g, _| {
            let name = g.own("__BTF_KIND_40".to_owned());
            g.add([name, info(8, 0, false), W::Abs(0)]);
        },
        "it leads to void",
    );
    // A typedef of itself, and two of each other.
    check(
        &|g, _| {
            let own = g.types.len();
            typedef(g, "__BTF_KIND_40", own);
        },
        "is a chain of more than",
    );
    check(
        &|g, _| {
            let own = g.types.len();
            typedef(g, "__BTF_KIND_40", own + 1);
            typedef(g, "loop", own);
        },
        "is a chain of more than",
    );
    check(
        &|g, t| {
            let s = g.structure(W::S("SOMETHING"), 12, &[(W::S("type"), t.size, 0)]);
            typedef(g, "__BTF_KIND_40", s);
        },
        "is not called __BTF_KIND_ and a kind's name",
    );
    check(
        &|g, t| {
            let s = g.structure(W::S("__BTF_KIND_META_LIAR"), 12, &[(W::S("type"), t.size, 0)]);
            typedef(g, "__BTF_KIND_40", s);
        },
        "is not called __BTF_KIND_ and a kind's name",
    );
    check(
        &|g, _| {
            let s = g.structure(W::S("__BTF_KIND_LIAR"), 0, &[]);
            typedef(g, "__BTF_KIND_40", s);
        },
        "has 0 members",
    );
    check(
        &|g, t| {
            let s = g.structure(W::S("s"), 4, &[(W::S("w"), t.uint, 0)]);
            let a = array(g, s, t.uint, 1);
            outer(g, t, &[(a, 12), (a, 16), (a, 20)], 24);
        },
        "has 4 members",
    );
    check(
        &|g, t| {
            outer(g, t, &[(t.uint, 12)], 16);
        },
        "is not an array of structs",
    );
    check(
        &|g, t| {
            let a = array(g, t.uint, t.uint, 1);
            outer(g, t, &[(a, 12)], 16);
        },
        "is not a struct of words",
    );
    // Elements before the fixed words, two fixed parts, a hole, a wrong size.
    let part = |g: &mut Graph, t: Shared, count| {
        let s = g.structure(W::S("s"), 4, &[(W::S("w"), t.uint, 0)]);
        array(g, s, t.uint, count)
    };
    check(
        &|g, t| {
            let (a, b) = (part(g, t, 0), part(g, t, 1));
            outer(g, t, &[(a, 12), (b, 12)], 16);
        },
        "in the wrong order",
    );
    check(
        &|g, t| {
            let (a, b) = (part(g, t, 1), part(g, t, 1));
            outer(g, t, &[(a, 12), (b, 16)], 20);
        },
        "in the wrong order",
    );
    check(
        &|g, t| {
            let a = part(g, t, 1);
            outer(g, t, &[(a, 16)], 20);
        },
        "has a hole or an overlap",
    );
    check(
        &|g, t| {
            let a = part(g, t, 1);
            outer(g, t, &[(a, 12)], 20);
        },
        "has 20 bytes, its parts 16",
    );
    // Words that are none.
    let of = |g: &mut Graph, t: Shared, size, members: &[(W, usize, u32)]| {
        let s = g.structure(W::S("s"), size, members);
        let a = array(g, s, t.uint, 1);
        outer(g, t, &[(a, 12)], 12 + size);
    };
    check(
        &|g, t| {
            let long = g.int("long", 8, 1);
            of(g, t, 8, &[(W::S("w"), long, 0)]);
        },
        "member 'w' is not made of 4-byte words",
    );
    check(
        &|g, t| of(g, t, 8, &[(W::S("w"), t.uint, 4)]),
        "member 'w' does not follow the word before it",
    );
    check(&|g, t| of(g, t, 8, &[(W::S("w"), t.uint, 0)]), "has 8 bytes, its words 4");
    check(
        &|g, t| {
            let byte = g.int("__btf_type_id_t", 1, 0);
            let id = typedef(g, "__btf_type_id", byte);
            of(g, t, 4, &[(W::S("w"), id, 0)]);
        },
        "is an id or a name, but not one 4-byte word",
    );
    check(
        &|g, t| {
            let bits =
                [W::S("s"), info(4, 1, true), W::N(4), W::S("w"), W::Id(t.uint), W::N(3 << 24)];
            let s = g.add(bits);
            let a = array(g, s, t.uint, 1);
            outer(g, t, &[(a, 12)], 16);
        },
        "has a member that is not whole words",
    );
    // Much in little space: arrays of arrays, structs in themselves, empty structs, huge counts.
    check(
        &|g, t| {
            let mut a = t.uint;
            for _ in 0..4 {
                a = array(g, a, t.uint, 1000);
            }
            of(g, t, 4, &[(W::S("w"), a, 0)]);
        },
        "more than 1024 words",
    );
    check(
        &|g, t| {
            let mut s = t.uint;
            for _ in 0..40 {
                s = g.structure(W::S("s"), 4, &[(W::S("w"), s, 0)]);
            }
            of(g, t, 4, &[(W::S("w"), s, 0)]);
        },
        "nested more than",
    );
    check(
        &|g, t| {
            let own = g.types.len();
            g.structure(W::S("s"), 4, &[(W::S("a"), own, 0), (W::S("b"), own, 0)]);
            of(g, t, 4, &[(W::S("w"), own, 0)]);
        },
        "nested more than",
    );
    check(
        &|g, t| {
            let empty = g.structure(W::S("empty"), 0, &[]);
            of(g, t, 4, &[(W::S("e"), empty, 0), (W::S("w"), t.uint, 0)]);
        },
        "has 0 bytes, its words 0",
    );
    for count in [1025, u32::MAX] {
        check(
            &|g, t| {
                let a = array(g, t.uint, t.uint, count);
                of(g, t, 4, &[(W::S("w"), a, 0)]);
            },
            &format!("has {count} elements"),
        );
        check(
            &|g, t| {
                let s = g.structure(W::S("s"), 4, &[(W::S("w"), t.uint, 0)]);
                let a = array(g, s, t.uint, count);
                outer(g, t, &[(a, 12)], 16);
            },
            "more than 1024 words",
        );
    }
    // Headers that are none.
    let header = |g: &mut Graph, size, members: &[(W, usize, u32)]| {
        let h = g.structure(W::S("__btf_type"), size, members);
        let s = g.structure(W::S("__BTF_KIND_LIAR"), size, &[(W::S("type"), h, 0)]);
        typedef(g, "__BTF_KIND_40", s);
    };
    check(
        &|g, t| header(g, 8, &[(W::S("name_off"), t.uint, 0), (W::S("info"), t.uint, 4)]),
        "does not have three members",
    );
    check(
        &|g, t| {
            header(
                g,
                16,
                &[
                    (W::S("name_off"), t.uint, 0),
                    (W::S("info"), t.uint, 4),
                    (W::S("size"), t.uint, 12),
                ],
            )
        },
        "is not three words",
    );
    check(
        &|g, t| {
            let id = g.types.iter().position(|words| words[0] == W::S("__btf_type_id")).unwrap();
            header(
                g,
                12,
                &[(W::S("name_off"), id, 0), (W::S("info"), t.uint, 4), (W::S("size"), t.uint, 8)],
            );
        },
        "name_off of header struct",
    );
    check(
        &|g, t| {
            let s = g.structure(W::S("s"), 4, &[(W::S("w"), t.uint, 0)]);
            header(
                g,
                12,
                &[(W::S("name_off"), t.uint, 0), (W::S("info"), t.uint, 4), (W::S("size"), s, 8)],
            );
        },
        "neither a size nor a type",
    );
}

/// A description that is made of the kind it describes can't be read without itself.
#[test]
fn description_of_itself() {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    let own = graph.types.len();
    let record = KIND.record(&mut graph, "record", own, 1);
    typedef(&mut graph, "__BTF_KIND_40", record);
    typedef(&mut graph, "__BTF_SIZES_40_4_4", record);
    let text = refused(&graph);
    assert!(text.contains("is not a typedef of a struct"), "{text}");
    let _ = types;
}

#[test]
fn contradictions() {
    let two_sizes = with(|g, t| {
        described(g, t, &KIND, Style::Full);
        typedef(g, "__BTF_SIZES_40_8_4", t.uint);
    });
    assert!(
        two_sizes.contains("__BTF_SIZES_40_4_4 and __BTF_SIZES_40_8_4 contradict each other"),
        "{two_sizes}"
    );
    // Said at once, though the walk could go on with one of them and fail elsewhere.
    let mut graph = Graph::default();
    let int = graph.int("int", 4, 1);
    KIND.record(&mut graph, "record", int, 1);
    for sizes in ["__BTF_SIZES_40_0_0", "__BTF_SIZES_40_4_4"] {
        graph.structure(W::S(sizes), 4, &[(W::S("w"), int, 0)]);
    }
    assert!(refused(&graph).contains("contradict each other"));
    let lying = with(|g, t| {
        let d = described(g, t, &KIND, Style::NoSizes);
        typedef(g, "__BTF_SIZES_40_4_8", d);
    });
    assert!(
        lying.contains("__BTF_SIZES_40_4_8") && lying.contains("4 fixed bytes, 4 per element"),
        "{lying}"
    );
    let elsewhere = with(|g, t| {
        described(g, t, &KIND, Style::NoSizes);
        typedef(g, "__BTF_SIZES_40_4_4", t.size);
    });
    assert!(
        elsewhere.contains("does not lead to the struct of a typedef __BTF_KIND_40"),
        "{elsewhere}"
    );
    let no_typedef = with(|g, t| {
        described(g, t, &KIND, Style::NoSizes);
        g.structure(W::S("__BTF_SIZES_40_4_4"), 4, &[(W::S("w"), t.uint, 0)]);
    });
    assert!(no_typedef.contains("no typedef has this name"), "{no_typedef}");
    let not_words = with(|g, t| {
        described(g, t, &KIND, Style::NoSizes);
        typedef(g, "__BTF_SIZES_40_4_5", t.size);
    });
    assert!(not_words.contains("not whole words"), "{not_words}");
    let two_descriptions = with(|g, t| {
        described(g, t, &KIND, Style::NoSizes);
        described(g, t, &MadeUp { element: "nn", ..KIND }, Style::NoSizes);
    });
    assert!(two_descriptions.contains("disagree on the sizes of kind 40"), "{two_descriptions}");
    let two_classes = with(|g, t| {
        described(g, t, &KIND, Style::NoSizes);
        described(g, t, &MadeUp { element: "i", ..KIND }, Style::NoSizes);
    });
    assert!(two_classes.contains("disagree on the word classes of kind 40"), "{two_classes}");
    let many = with(|g, t| {
        for _ in 0..17 {
            described(g, t, &KIND, Style::NoSizes);
        }
    });
    assert!(many.contains("described more than 16 times"), "{many}");
}

/// Two descriptions of equal sizes agree, and the one with classes counts, wherever it stands.
#[test]
fn old_and_new_descriptions_agree() {
    for old_first in [true, false] {
        let mut graph = Graph::default();
        let (first, second) =
            if old_first { (Style::Old, Style::Full) } else { (Style::Full, Style::Old) };
        let types = shared(&mut graph, first);
        described(&mut graph, types, &KIND, first);
        KIND.record(&mut graph, "record", types.uint, 1);
        let types = shared(&mut graph, second);
        described(&mut graph, types, &KIND, second);
        let btf = Btf::parse(&graph.bytes()).unwrap();
        assert!(btf.kinds().get(btfkinds::Kind(40)).unwrap().spec.classes);
    }
}

/// A base, a layout section and a kind file that say something else than the blob.
#[test]
fn sources_that_disagree() {
    let other = MadeUp { element: "nnn", ..KIND };
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    described(&mut graph, types, &KIND, Style::Full);
    KIND.record(&mut graph, "record", types.uint, 1);
    let (bytes, _) = graph.write(&Layout::plain(&graph));
    let base = Arc::new(Btf::parse(&bytes).unwrap());
    let file = |kind: &MadeUp| KindSpec::parse(&kind.file()).unwrap();
    let disagree = |err: btfkinds::Error, source: &str| {
        assert_eq!(err.kind(), ErrorKind::Description);
        let text = err.to_string();
        assert!(
            text.contains("disagree on the sizes of kind 40") && text.contains(source),
            "{text}"
        );
    };
    disagree(Parse::new().kind(file(&other)).read(&bytes).unwrap_err(), "kind file");
    let classes =
        Parse::new().kind(file(&MadeUp { element: "s", ..KIND })).read(&bytes).unwrap_err();
    assert!(classes.to_string().contains("disagree on the word classes"), "{classes}");
    assert!(Parse::new().kind(file(&KIND)).read(&bytes).is_ok());

    let mut section = vec![[0; 4]; 41];
    section[40] = [4, 12, 0, 0];
    let layout = Layout { section: Some(section.clone()), ..Layout::plain(&graph) };
    disagree(Btf::parse(&graph.write(&layout).0).unwrap_err(), "layout section");
    section[40] = [4, 4, 0, 0];
    let layout = Layout { section: Some(section.clone()), ..Layout::plain(&graph) };
    assert!(Btf::parse(&graph.write(&layout).0).is_ok());
    section[40] = [4, 5, 0, 0];
    let mut bare = Graph::default();
    let int = bare.int("int", 4, 1);
    KIND.record(&mut bare, "record", int, 1);
    let layout = Layout { section: Some(section), ..Layout::plain(&bare) };
    let err = Btf::parse(&bare.write(&layout).0).unwrap_err();
    assert!(err.to_string().contains("not whole words"), "{err}");

    let mut split = Graph::default();
    let types = shared(&mut split, Style::Full);
    described(&mut split, types, &other, Style::Full);
    other.record(&mut split, "record", types.uint, 1);
    let first = (base.type_count(), base.str_len() as u32);
    let (bytes, _) = split.write(&Layout { first, ..Layout::plain(&split) });
    disagree(Btf::parse_split(&bytes, base).unwrap_err(), "base, description [");
}

/// Released kinds are fixed by our table: descriptions of them, right or wrong, change nothing.
#[test]
fn released_kinds_cannot_be_overridden() {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    let liar = MadeUp { n: 4, name: "STRUCT", third: 'i', fixed: "nn", element: "iiiii" };
    described(&mut graph, types, &liar, Style::Full);
    graph.structure(W::S("after"), 4, &[(W::S("a"), types.uint, 0)]);
    let mut section = vec![[0; 4]; 5];
    section[4] = [8, 20, 0, 0];
    for section in [None, Some(section)] {
        let layout = Layout { section, ..Layout::plain(&graph) };
        let btf = Btf::parse(&graph.write(&layout).0).unwrap();
        assert_eq!(btf.types().last().unwrap().name(), "after");
        assert_eq!(btf.types().count(), graph.types.len());
    }
    let given = KindSpec::parse("kind 4 STRUCT\nthird size\n").unwrap();
    assert!(Parse::new().kind(given).read(&graph.bytes()).is_err());
}

/// The header, field by field.
#[test]
fn headers() {
    let plain = small(&MADE_UP[0], Style::Full).bytes();
    let set = |at: usize, value: u32| {
        let mut bytes = plain.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let word = |at: usize| u32::from_le_bytes(plain[at..at + 4].try_into().unwrap());
    let check = |bytes: &[u8], what: &str| {
        let err = Btf::parse(bytes).unwrap_err();
        assert!(err.to_string().contains(what), "'{err}' does not say '{what}'");
    };
    check(b"", "0 bytes are too short");
    check(b"\x9f\xeb\x01", "3 bytes are too short");
    check(b"\x7fELF", "the magic is 7f 45");
    check(&plain[..20], "header length 24 is more than the blob's 20 bytes");
    check(&set(0, 0x0002_eb9f), "version 2");
    check(&set(4, 23), "less than 24");
    check(&set(4, u32::MAX), "more than the blob's");
    check(&set(8, u32::MAX), "the type section");
    check(&set(12, u32::MAX), "the type section");
    check(&set(16, u32::MAX), "the string section");
    check(&set(20, u32::MAX), "the string section");
    check(&set(16, word(12) - 4), "overlap");
    check(&set(12, word(12) - 2), "not whole words");
    check(&set(20, word(20) - 1), "does not end in NUL");
    // Strings that do not start with NUL are those of split BTF.
    let mut bytes = set(16, word(16) + 1);
    let len = word(20) - 1;
    bytes[20..24].copy_from_slice(&len.to_le_bytes());
    let err = Btf::parse(&bytes).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Base);
    assert!(err.help().unwrap().contains("-B"));
    check(&set(28, 0x0000_0000), "kind 0 is not a type");
    check(&set(24, 0x00ff_ffff), "past the end of the strings");
    check(&set(24, 0x0100_0000), "past the limit 0xffffff");
}

/// Many records that each want the same answer: linear, not quadratic. A blob of the largest size
/// with descriptions of every kind there can be, and typedefs that look for them.
#[test]
fn large_and_full_of_kinds() {
    let mut graph = Graph::default();
    let types = shared(&mut graph, Style::Full);
    let mut records = Vec::new();
    for n in 20..=127 {
        let kind = MadeUp { n, name: "SAME_NAME", third: 'i', fixed: "i", element: "si" };
        described(&mut graph, types, &kind, Style::Full);
        records.push(kind);
    }
    for i in 0..200_000 {
        let name = if i % 2 == 0 { W::S("__BTF_KIND_1000") } else { W::S("__BTF_SIZES_1_2_3_4") };
        graph.add([name, info(8, 0, false), W::Id(types.uint)]);
        records[i % records.len()].record(&mut graph, "record", types.uint, 1);
    }
    let bytes = graph.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.types().count(), graph.types.len());
    assert_eq!(btf.descriptions().len(), 108);
}
