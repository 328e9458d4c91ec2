//! Random types, and the same with a word changed, against the reference.

use btfkinds::diff::diff;

use super::common::{Graph, Random, W, info};
use super::reference::{expected, found};
use super::{read, shuffled};

const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// A graph of `count` types that refer to any others; names are often the same unless they are to be
/// unique.
fn graph(random: &mut Random, count: usize, unique: bool) -> Graph {
    let mut graph = Graph::default();
    for at in 0..count {
        let any = |random: &mut Random| match random.below(count + 1) {
            0 => W::Abs(0),
            at => W::Id(at - 1),
        };
        let word = |random: &mut Random| W::N(random.below(3) as u32 * 8);
        let name = |graph: &mut Graph, random: &mut Random| match unique {
            true => graph.own(format!("n{at}")),
            false => W::S(NAMES[random.below(4)]),
        };
        let none = W::S("");
        let members = random.below(4);
        let vlen = members as u32;
        let is_named = random.below(3) != 0;
        let named = |graph: &mut Graph, random: &mut Random| {
            if is_named { name(graph, random) } else { none }
        };
        let mut words = match random.below(13) {
            0 => vec![name(&mut graph, random), info(1, 0, false), W::N(4), W::N(32)],
            1 | 2 => {
                let kind = 4 + random.below(2) as u32;
                vec![named(&mut graph, random), info(kind, vlen, false), word(random)]
            }
            3 => vec![named(&mut graph, random), info(6, vlen, false), W::N(4)],
            4 => vec![name(&mut graph, random), info(8, 0, false), any(random)],
            5 => {
                vec![name(&mut graph, random), info(12, random.below(2) as u32, false), any(random)]
            }
            6 => vec![none, info(13, vlen, false), any(random)],
            7 => vec![none, info(3, 0, false), W::N(0), any(random), any(random), word(random)],
            8 => vec![name(&mut graph, random), info(14, 0, false), any(random), W::N(1)],
            9 => vec![W::S("tag"), info(17, 0, false), any(random), W::N(u32::MAX)],
            10 => vec![W::S("user"), info(18, 0, false), any(random)],
            11 if !unique => vec![name(&mut graph, random), info(7, 0, false), W::N(0)],
            _ => vec![none, info([2, 9, 10, 11][random.below(4)], 0, false), any(random)],
        };
        let W::N(head) = words[1] else { unreachable!() };
        for member in 0..members {
            let name = match unique {
                true => graph.own(format!("m{at}_{member}")),
                false => W::S(NAMES[random.below(NAMES.len())]),
            };
            match head >> 24 {
                4 | 5 => words.extend([name, any(random), word(random)]),
                6 => words.extend([name, word(random)]),
                13 => words.extend([name, any(random)]),
                _ => {}
            }
        }
        graph.add(words);
    }
    graph
}

/// Changes a word of a type, but for what says how long its record is.
fn mutate(graph: &mut Graph, random: &mut Random) {
    let at = random.below(graph.types.len());
    let count = graph.types.len();
    let word = random.below(graph.types[at].len());
    let new = match graph.types[at][word] {
        _ if word == 1 => return,
        W::S("") => return,
        W::N(n) => W::N(n.wrapping_add(8)),
        W::Id(_) | W::Abs(_) => W::Id(random.below(count)),
        W::S(_) | W::Own(_) => W::S("another"),
    };
    graph.types[at][word] = new;
}

fn compare(unique: bool) -> [usize; 6] {
    let mut random = Random(if unique { 0x5eed } else { 0xfeed });
    let mut seen = [0; 6];
    for round in 0..1000 {
        let count = 1 + random.below(if round % 100 == 0 { 60 } else { 12 });
        let old = graph(&mut random, count, unique);
        let mut new = old.clone();
        for _ in 0..random.below(4) {
            mutate(&mut new, &mut random);
        }
        if random.below(4) == 0 {
            let more = [W::S("more"), info(1, 0, false), W::N(4), W::N(32)];
            new.add(more);
        }
        let (before, same, after) =
            (read(&old), shuffled(&old, &mut random), shuffled(&new, &mut random));
        let none = diff(&before, &same);
        assert!(none.is_empty(), "{:?} {:?}", found(&none), old.types);
        let is = diff(&before, &after);
        let should = expected(&before, &after);
        assert_eq!(is.is_empty(), should.same, "{:?} {:?} {:?}", found(&is), old.types, new.types);
        assert_eq!((is.added().len(), is.removed().len()), (should.added, should.removed));
        let listed = found(&is);
        if let Some(exactly) = should.exactly {
            assert_eq!(listed, exactly, "{:?} {:?}", old.types, new.types);
            seen[5] += 1;
        }
        // Each of them can be shown, and says something.
        for two in is.changed() {
            let change = is.change(two);
            assert!(
                !change.notes.is_empty()
                    || !change.parts.is_empty()
                    || !change.is_same_text()
                    || change.size[0] != change.size[1],
                "{two:?}"
            );
        }
        // The other way round, what was added is removed.
        let [added, removed, mut changed, mut affected] = listed.clone();
        let [back_added, back_removed, mut back_changed, mut back_affected] =
            found(&diff(&after, &before));
        assert_eq!((&added, &removed), (&back_removed, &back_added));
        if unique {
            for list in [&mut changed, &mut affected, &mut back_changed, &mut back_affected] {
                list.sort();
            }
            assert_eq!((changed, affected), (back_changed, back_affected));
        }
        seen[4] += usize::from(is.is_empty());
        for (seen, list) in seen.iter_mut().zip(&listed) {
            *seen += list.len();
        }
    }
    seen
}

pub(super) fn unique_names() {
    let seen = compare(true);
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

pub(super) fn many_of_a_name() {
    let seen = compare(false);
    assert!(seen[..5].iter().all(|count| *count > 100), "{seen:?}");
}
