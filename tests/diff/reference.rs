//! Shapes by their definition: round after round until nothing is told apart any more.

use std::collections::BTreeMap;

use btfkinds::diff::{Class, Diff, One, Two};
use btfkinds::{Btf, Kind, Record, StrOff, WordClass};

/// A word of a record, with what it stands for on any side.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Word {
    Plain(u32),
    Text(String),
    Ref(u32),
}

struct Side {
    /// By id; void is the first.
    words: Vec<Vec<Word>>,
    names: Vec<Option<(Class, String)>>,
    tags: Vec<Vec<Vec<Word>>>,
}

fn words(ty: &Record<'_>) -> Vec<Word> {
    let spec = ty.spec();
    let classes = [WordClass::Str, WordClass::U32, spec.third.class()]
        .into_iter()
        .chain(spec.fixed.iter().map(|field| field.class))
        .chain(spec.elements.iter().map(|field| field.class).cycle());
    let word = |(word, class): (&u32, WordClass)| match class {
        WordClass::Id => Word::Ref(*word),
        WordClass::Str => Word::Text(ty.string(StrOff(*word)).to_string()),
        _ => Word::Plain(*word),
    };
    ty.words().iter().zip(classes).map(word).collect()
}

impl Side {
    fn new(btf: &Btf) -> Side {
        let count = btf.type_count() as usize;
        let mut side =
            Side { words: vec![Vec::new()], names: vec![None], tags: vec![Vec::new(); count] };
        let mut referenced = vec![false; count];
        for ty in btf.types() {
            let words = words(&ty);
            for word in &words {
                if let Word::Ref(id) = word
                    && ty.kind() != Kind::DECL_TAG
                {
                    referenced[*id as usize] = true;
                }
            }
            side.words.push(words);
        }
        for ty in btf.types() {
            let name = ty.name().to_string();
            let class = match ty.kind() {
                Kind::ENUM | Kind::ENUM64 if name.is_empty() => {
                    let first = ty.elements().next().filter(|_| !referenced[ty.id().0 as usize]);
                    let first = first.map(|first| ty.string(StrOff(first[0])).to_string());
                    side.names.push(first.map(|first| (Class::Constants, first)));
                    continue;
                }
                Kind::DECL_TAG => {
                    // What is tagged is where it is found.
                    let mut words = words(&ty);
                    words.remove(2);
                    if ty.size_or_type() == 0 {
                        side.names.push(None);
                        continue;
                    }
                    let tags = &mut side.tags[ty.size_or_type() as usize];
                    tags.push(words);
                    tags.sort();
                    None
                }
                _ if name.is_empty() => None,
                Kind::FWD if ty.kind_flag() => Some(Class::Union),
                Kind::STRUCT | Kind::FWD => Some(Class::Struct),
                Kind::UNION => Some(Class::Union),
                Kind::ENUM | Kind::ENUM64 => Some(Class::Enum),
                Kind::TYPEDEF => Some(Class::Typedef),
                Kind::FUNC => Some(Class::Function),
                Kind::VAR => Some(Class::Variable),
                Kind::DATASEC => Some(Class::Section),
                Kind::INT => Some(Class::Int),
                _ => None,
            };
            side.names.push(class.map(|class| (class, name)));
        }
        side
    }
}

/// Numbers for the types of both sides, equal for types that are the same: in whole, or if `by_name`
/// down to the next name.
fn numbers(sides: &[Side; 2], by_name: bool) -> [Vec<usize>; 2] {
    let mut numbers = [vec![0; sides[0].words.len()], vec![0; sides[1].words.len()]];
    let mut count = 0;
    loop {
        let mut known = BTreeMap::new();
        let mut next = numbers.clone();
        for (at, side) in sides.iter().enumerate() {
            for (id, words) in side.words.iter().enumerate() {
                let leads_to = |word: &Word| match word {
                    Word::Ref(id) => {
                        let name = side.names[*id as usize].clone().filter(|_| by_name);
                        match name {
                            Some(name) => (None, Some(name), 0),
                            None => (None, None, numbers[at][*id as usize]),
                        }
                    }
                    word => (Some(word.clone()), None, 0),
                };
                let key = (
                    numbers[at][id],
                    words.iter().map(leads_to).collect::<Vec<_>>(),
                    side.tags[id].clone(),
                );
                let new = known.len();
                next[at][id] = *known.entry(key).or_insert(new);
            }
        }
        if known.len() == count {
            return next;
        }
        count = known.len();
        numbers = next;
    }
}

type Names = Vec<String>;

/// The names of types, as they are found or should be: added, removed, changed, affected.
pub(super) type Found = [Names; 4];

pub(super) fn found(diff: &Diff<'_>) -> Found {
    fn ones(list: &[One]) -> Names {
        list.iter().map(|one| one.label().to_string()).collect()
    }
    fn twos(list: &[Two]) -> Names {
        list.iter().map(|two| two.label().to_string()).collect()
    }
    [ones(diff.added()), ones(diff.removed()), twos(diff.changed()), twos(diff.affected())]
}

pub(super) struct Expected {
    /// What is to be found; None where several types have one name, so that it depends on which is meant.
    pub(super) exactly: Option<Found>,
    /// Whether both sides have the same named types.
    pub(super) same: bool,
    /// How many types are on one side only.
    pub(super) added: usize,
    pub(super) removed: usize,
}

pub(super) fn expected(old: &Btf, new: &Btf) -> Expected {
    let sides = [Side::new(old), Side::new(new)];
    let (whole, own) = (numbers(&sides, false), numbers(&sides, true));
    let mut groups: BTreeMap<(Class, String), [Vec<usize>; 2]> = BTreeMap::new();
    for (at, side) in sides.iter().enumerate() {
        for (id, name) in side.names.iter().enumerate() {
            if let Some(name) = name {
                groups.entry(name.clone()).or_default()[at].push(id);
            }
        }
    }
    let mut exactly = Found::default();
    let mut expected = Expected { exactly: None, same: true, added: 0, removed: 0 };
    let mut unique = true;
    for ((class, name), [olds, news]) in &groups {
        let label = class.label(name).to_string();
        let mut classes = [olds, news].into_iter().enumerate().map(|(at, ids)| {
            let mut list: Vec<usize> = ids.iter().map(|id| whole[at][*id]).collect();
            list.sort_unstable();
            list
        });
        expected.same &= classes.next() == classes.next();
        expected.added += news.len().saturating_sub(olds.len());
        expected.removed += olds.len().saturating_sub(news.len());
        unique &= olds.len().max(news.len()) == 1;
        let at = match (&olds[..], &news[..]) {
            ([], _) => 0,
            (_, []) => 1,
            ([a, ..], [b, ..]) if own[0][*a] != own[1][*b] => 2,
            ([a, ..], [b, ..]) if whole[0][*a] != whole[1][*b] => 3,
            _ => continue,
        };
        exactly[at].push(label);
    }
    expected.exactly = unique.then_some(exactly);
    expected
}
