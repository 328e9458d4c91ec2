//! Standalone BTF that becomes truly split, and back: against a slow reference on random graphs, on
//! graphs made by hand, and on large ones.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[path = "rebase/by_hand.rs"]
mod by_hand;
mod common;
#[path = "rebase/large.rs"]
mod large;
#[path = "rebase/near.rs"]
mod near;
#[path = "rebase/parts.rs"]
mod parts;
#[path = "rebase/random.rs"]
mod random;
#[path = "rebase/reference.rs"]
mod reference;

use std::collections::HashSet;
use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, Describe, ErrorKind, Origin, Select, StrOff, TypeId, describe, distill,
    flatten, relocate,
};
use common::{Graph, W};
use random::Case;
use reference::{Choice, Locals, MADE_UP_KIND, Type, choices, types};

/// How often something came up.
#[derive(Default, Debug)]
struct Seen {
    exact: usize,
    fits: usize,
    unclear: usize,
    own: usize,
    /// Declarations that became what they declare.
    declared: usize,
    /// Blobs that can't be split on this base.
    refused: usize,
}

fn is_made_up(graph: &Graph) -> bool {
    graph.types.iter().any(|words| matches!(words[1], W::N(n) if n >> 24 & 0x7f == MADE_UP_KIND))
}

/// A module as it is read, with its record where it is to have one.
fn read_module(case: &Case) -> Btf {
    let mut module = case.parse(true).read(&case.module_bytes()).unwrap();
    if case.recorded {
        let options = Describe { origin: true, select: Select::None, ..Describe::default() };
        assert!(describe(&mut module, &options).unwrap().origin);
    }
    module
}

/// The types of a case as the reference takes them: the module's and the base's.
fn both(case: &Case) -> (Vec<Type>, Vec<Type>) {
    let mut locals = Locals::default();
    let own: Vec<&str> = case.own_functions.clone();
    let module = types(&case.module, case.made_up[1], &own, &mut locals);
    (module, types(&case.base, case.made_up[0], &[], &mut locals))
}

fn compare(case: &Case, seen: &mut Seen) {
    let base = case.read_base();
    let standalone = read_module(case);
    let result = BaseIndex::new(Arc::clone(&base)).rebase(&standalone, &case.own_functions);
    let rebased = match result {
        Ok(rebased) => rebased,
        Err(err) => {
            // No file can have two meanings of one kind.
            let two = case.made_up[0].map(|kind| kind.file()) != case.made_up[1].map(|k| k.file());
            let expected = two && is_made_up(&case.module);
            assert!(expected && err.kind() == ErrorKind::Description, "{err}\n{}", case.text());
            seen.refused += 1;
            return;
        }
    };
    let (module, base_types) = both(case);
    let expected = choices(&module, &base_types);
    let mut next = base.type_count();
    let mut own = 0;
    for (m, choice) in expected.iter().enumerate().skip(1) {
        let new = choice.id().map_or(next, |id| id as u32);
        if choice.id().is_none() {
            (next, own) = (next + 1, own + 1);
        }
        let is = rebased.moved().id(TypeId(m as u32)).map(|id| id.0);
        assert!(
            is == Some(new),
            "[{m}] is {is:?}, by the definition it is {choice:?}, {new}\n{}expected {expected:?}",
            case.text()
        );
        match choice {
            Choice::Exact(_) => seen.exact += 1,
            Choice::Fits(id) => {
                seen.fits += 1;
                seen.declared += usize::from(module[m].kind != base_types[*id].kind);
            }
            Choice::Unclear => seen.unclear += 1,
            Choice::Own => seen.own += 1,
        }
    }
    let counts = (rebased.own(), rebased.of_base());
    assert_eq!(counts, (own, expected.len() - 1 - own), "{}", case.text());
    let beyond = rebased.moved().id(TypeId(expected.len() as u32));
    assert_eq!(beyond, None, "the origin record went nowhere\n{}", case.text());
    assert_eq!(rebased.moved().id(TypeId::VOID), Some(TypeId::VOID));
}

/// What is the base's and what is not, by the definition.
#[test]
fn random_graphs_by_the_definition() {
    let mut seen = Seen::default();
    for seed in 1..50_000 {
        compare(&Case::new(seed), &mut seen);
    }
    // All of it came up often.
    assert!(seen.exact > 100_000 && seen.own > 50_000, "{seen:?}");
    assert!(seen.fits > 5_000 && seen.declared > 2_000 && seen.unclear > 1_000, "{seen:?}");
    assert!(seen.refused > 100, "{seen:?}");
}

/// Whether a name is a string of the blob by itself.
fn has_string(btf: &Btf, name: &[u8]) -> bool {
    let mut at = 0;
    while let Some(string) = btf.string(StrOff(at)) {
        if string == name {
            return true;
        }
        at += string.len() as u32 + 1;
    }
    false
}

/// What holds of every result, whatever became of which type.
fn properties(case: &Case) {
    let base = case.read_base();
    let standalone = read_module(case);
    let own = case.own_functions.as_slice();
    let index = BaseIndex::new(Arc::clone(&base));
    let Ok(rebased) = index.rebase(&standalone, own) else { return };
    let text = || case.text();
    let bytes = rebased.btf().to_bytes();
    // It reads back, and names its base.
    let read = case.parse(true).base(Arc::clone(&base)).read(&bytes);
    let read = read.unwrap_or_else(|err| panic!("{err}\n{}", text()));
    assert_eq!(read.to_bytes(), bytes, "{}", text());
    read.check_base().unwrap_or_else(|err| panic!("{err}\n{}", text()));
    let origin = Origin::find(&bytes).unwrap();
    assert!(origin.names(&base) && !origin.was_standalone(), "{}", text());
    // What stayed is as it was, but for its numbers; and nothing else is there.
    let mut next = base.type_count();
    for (m, words) in case.module.types.iter().enumerate() {
        let new = rebased.moved().id(TypeId(m as u32 + 1)).unwrap();
        if new.0 < base.type_count() {
            continue;
        }
        assert_eq!(new.0, next, "[{}]\n{}", m + 1, text());
        next += 1;
        let ty = read.get(new).unwrap();
        assert_eq!(ty.words().len(), words.len(), "{}", text());
        for (is, word) in ty.words().iter().zip(words) {
            let same = match *word {
                W::N(n) => *is == n,
                W::Id(at) => rebased.moved().id(TypeId(at as u32 + 1)) == Some(TypeId(*is)),
                W::Abs(id) => *is == id,
                W::S(_) | W::Own(_) => {
                    let name = case.module.text(*word).as_bytes();
                    let in_base = base.string(StrOff(*is)).is_some();
                    read.string(StrOff(*is)) == Some(name) && in_base == has_string(&base, name)
                }
            };
            assert!(same, "[{}] {word:?} is {is}\n{}", m + 1, text());
        }
    }
    assert_eq!(read.type_count(), next + 1, "{}", text());
    // Once more, with nothing in common but the bytes.
    let again = BaseIndex::new(case.read_base()).rebase(&read_module(case), own).unwrap();
    assert!(again.btf().to_bytes() == bytes, "not the same again\n{}", text());
    // What the module describes may be another kind than that of this number in the base.
    if case.made_up[0].map(|kind| kind.file()) == case.made_up[1].map(|kind| kind.file()) {
        there_and_back(case, &index, rebased.btf());
    }
}

/// Flattened, or distilled and relocated, it becomes the same again.
fn there_and_back(case: &Case, index: &BaseIndex, split: &Btf) {
    let own = case.own_functions.as_slice();
    let (module, base) = both(case);
    // A choice that could not be made may be clear once others have been made.
    let clear = !choices(&module, &base).contains(&Choice::Unclear)
        // A function of that name that was the base's would be taken for the module's.
        && !base.iter().any(|ty| ty.kind == 12 && own.contains(&ty.name.as_str()));
    let again = |what: &str, split: &Btf| {
        let flat = flatten(split, &[]);
        let flat = flat.unwrap_or_else(|err| panic!("{what}: {err}\n{}", case.text()));
        let bytes = flat.btf().to_bytes();
        let read = case.parse(true).read(&bytes);
        let read = read.unwrap_or_else(|err| panic!("{what}: {err}\n{}", case.text()));
        let origin = read.origin().unwrap();
        let expected = Origin { standalone: Origin::ENCODED, ..Origin::default() };
        assert_eq!(origin, expected, "{what}\n{}", case.text());
        let rebased = index.rebase(&read, own);
        let rebased = rebased.unwrap_or_else(|err| panic!("{what}: {err}\n{}", case.text()));
        let counts = (rebased.own(), rebased.btf().to_bytes() == split.to_bytes());
        assert!(!clear || counts.1, "{what}: not the same again\n{}", case.text());
        rebased
    };
    again("flattened", split);
    // See `on_a_base_of_two_parts` and `descriptions_come_along_whole`.
    if case.lower.is_some() || (case.describes[0] && is_made_up(&case.module)) {
        return;
    }
    let distilled = distill(split, &[]);
    let distilled = distilled.unwrap_or_else(|err| panic!("{err}\n{}", case.text()));
    let small = distilled.btf().base().unwrap();
    let small = case.parse(false).read(&small.to_bytes()).unwrap();
    let parse = case.parse(true).base(Arc::new(small));
    let read = parse.read(&distilled.btf().to_bytes());
    let read = read.unwrap_or_else(|err| panic!("distilled: {err}\n{}", case.text()));
    let back = relocate(&read, index.base());
    let back = back.unwrap_or_else(|err| panic!("relocated: {err}\n{}", case.text()));
    let flat = flatten(&back, &[]).unwrap();
    let direct = index.rebase(flat.btf(), own).unwrap();
    let same = direct.btf().to_bytes() == split.to_bytes();
    assert!(!clear || same, "distilled: not the same again\n{}", case.text());
}

#[test]
fn random_graphs_there_and_back() {
    for seed in 1..20_000 {
        properties(&Case::new(1 << 32 | seed));
    }
}

/// A blob on itself leaves variables, sections, and what refers to them.
#[test]
fn random_graphs_on_themselves() {
    for seed in 1..20_000 {
        let case = Case::new(2 << 32 | seed);
        let standalone = case.parse(true).read(&case.module_bytes()).unwrap();
        let rebased =
            BaseIndex::new(Arc::new(standalone.clone())).rebase(&standalone, &[]).unwrap();
        let mut stay: HashSet<u32> = HashSet::new();
        loop {
            let before = stay.len();
            for (m, words) in case.module.types.iter().enumerate() {
                let variable = matches!(words[1], W::N(n) if matches!(n >> 24 & 0x7f, 14 | 15));
                let refers =
                    |word: &W| matches!(word, W::Id(at) if stay.contains(&(*at as u32 + 1)));
                if variable || words.iter().any(refers) {
                    stay.insert(m as u32 + 1);
                }
            }
            if stay.len() == before {
                break;
            }
        }
        for m in 1..=case.module.types.len() as u32 {
            let new = rebased.moved().id(TypeId(m)).unwrap().0;
            let own = new >= standalone.type_count();
            assert_eq!(own, stay.contains(&m), "[{m}] is {new}\n{}", case.text());
        }
        assert_eq!(rebased.own(), stay.len());
    }
}
