//! Which type of the new side each type of the old side is.

use std::collections::{HashMap, HashSet};

use super::name::{Class, identity};
use super::shape::{Shapes, origin_of};
use crate::btf::{Btf, TypeId};
use crate::kind::Kind;
use crate::rebase::alike;
use crate::relocate::all_types;

/// A type of the old side and the one of the new side that it has become; one of them where there is no
/// other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) class: Class,
    pub(super) name: &'a [u8],
    pub(super) old: Option<TypeId>,
    pub(super) new: Option<TypeId>,
}

/// So many types of one name are compared with each other; what is left is taken in its order.
const MOST_NAMESAKES: usize = 16;

/// The types of one side that are known by a name, in the order of classes and names.
fn named<'a>(btf: &'a Btf, referenced: &[bool]) -> Vec<(Class, &'a [u8], TypeId)> {
    let origin = origin_of(btf);
    let mut found: Vec<_> = all_types(btf)
        .filter(|ty| Some(ty.id()) != origin)
        .filter_map(|ty| identity(&ty, referenced).map(|(class, name)| (class, name, ty.id())))
        .collect();
    found.sort_unstable();
    found
}

/// Takes the types of the first name off a sorted list.
fn take<'b, 'a>(
    list: &mut &'b [(Class, &'a [u8], TypeId)],
    key: (Class, &[u8]),
) -> &'b [(Class, &'a [u8], TypeId)] {
    let count = list.iter().take_while(|(class, name, _)| (*class, *name) == key).count();
    let (found, rest) = list.split_at_checked(count).unwrap_or((list, &[]));
    *list = rest;
    found
}

/// Pairs the types of both sides, in the order of classes, names and ids, and lets `shapes` tell those
/// of one name apart.
pub(super) fn pairs<'a>(sides: [&'a Btf; 2], shapes: &mut Shapes) -> Vec<Pair<'a>> {
    let [old, new] = sides;
    let of_old = named(old, shapes.referenced(0));
    let of_new = named(new, shapes.referenced(1));
    let (mut old_rest, mut new_rest) = (of_old.as_slice(), of_new.as_slice());
    let mut pairs = Vec::with_capacity(of_old.len().max(of_new.len()));
    let mut tags: [HashMap<u32, u64>; 2] = Default::default();
    loop {
        let first = |list: &[(Class, &'a [u8], TypeId)]| {
            list.first().map(|(class, name, _)| (*class, *name))
        };
        let key = match (first(old_rest), first(new_rest)) {
            (Some(old), Some(new)) => old.min(new),
            (Some(key), None) | (None, Some(key)) => key,
            (None, None) => break,
        };
        let (class, name) = key;
        let (olds, news) = (take(&mut old_rest, key), take(&mut new_rest, key));
        let pair = |old, new| Pair { class, name, old, new };
        if let ([(.., a)], [(.., b)]) = (olds, news) {
            pairs.push(pair(Some(*a), Some(*b)));
        } else if let ([one], []) | ([], [one]) = (olds, news) {
            let id = Some(one.2);
            pairs.push(if news.is_empty() { pair(id, None) } else { pair(None, id) });
        } else {
            let ids = |list: &[(Class, &[u8], TypeId)]| list.iter().map(|entry| entry.2).collect();
            let has_members = matches!(
                class,
                Class::Struct | Class::Union | Class::Enum | Class::Constants | Class::Function
            );
            let found = namesakes(sides, shapes, has_members, (ids(olds), ids(news)));
            tell_apart(sides, &found, shapes, &mut tags);
            pairs.extend(found.into_iter().map(|(old, new)| pair(old, new)));
        }
    }
    shapes.tell_apart(sides, tags);
    pairs
}

type Found = (Option<TypeId>, Option<TypeId>);

/// Pairs types of one name: first those that are wholly the same, then those that are the same by
/// themselves, then those that are most alike, then what is left, in its order.
fn namesakes(
    sides: [&Btf; 2],
    shapes: &Shapes,
    has_members: bool,
    (mut olds, mut news): (Vec<TypeId>, Vec<TypeId>),
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::with_capacity(olds.len().max(news.len()));
    by_key(&mut olds, &mut news, &mut found, |side, id| u64::from(shapes.whole(side, id)));
    by_key(&mut olds, &mut news, &mut found, |side, id| shapes.own(side, id));
    if has_members {
        nearest(sides, &mut olds, &mut news, &mut found);
    }
    let both = olds.len().min(news.len());
    let left = news.split_off(both);
    let gone = olds.split_off(both);
    found.extend(olds.into_iter().zip(news).map(|(old, new)| (Some(old), Some(new))));
    found.extend(gone.into_iter().map(|id| (Some(id), None)));
    found.sort_unstable();
    found.extend(left.into_iter().map(|id| (None, Some(id))));
    found
}

/// Pairs what has the same key, the lowest ids first, and takes it off the lists.
fn by_key(
    olds: &mut Vec<TypeId>,
    news: &mut Vec<TypeId>,
    found: &mut Vec<Found>,
    key: impl Fn(usize, TypeId) -> u64,
) {
    let sorted = |side: usize, ids: &[TypeId]| {
        let mut list: Vec<(u64, TypeId)> = ids.iter().map(|id| (key(side, *id), *id)).collect();
        list.sort_unstable();
        list
    };
    let mut others = sorted(1, news).into_iter().peekable();
    let mut taken = [HashSet::new(), HashSet::new()];
    let [taken_of_old, taken_of_new] = &mut taken;
    for (key, old) in sorted(0, olds) {
        while others.next_if(|(other, _)| *other < key).is_some() {}
        if let Some((_, new)) = others.next_if(|(other, _)| *other == key) {
            found.push((Some(old), Some(new)));
            taken_of_old.insert(old);
            taken_of_new.insert(new);
        }
    }
    olds.retain(|id| !taken_of_old.contains(id));
    news.retain(|id| !taken_of_new.contains(id));
}

/// Pairs the first of what is left by how many names of members they have in common.
fn nearest(
    sides: [&Btf; 2],
    olds: &mut Vec<TypeId>,
    news: &mut Vec<TypeId>,
    found: &mut Vec<Found>,
) {
    let [old, new] = sides;
    if olds.len().max(news.len()) < 2 {
        return;
    }
    let some = |btf: &'_ Btf, ids: &[TypeId]| -> Vec<TypeId> {
        ids.iter().take(MOST_NAMESAKES).filter(|id| btf.get(**id).is_some()).copied().collect()
    };
    let mut all = Vec::new();
    for a in some(old, olds) {
        for b in some(new, news) {
            if let (Some(left), Some(right)) = (old.get(a), new.get(b)) {
                all.push((alike(&left, &right), a, b));
            }
        }
    }
    // The most alike first; of those the lowest ids.
    all.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    for (like, a, b) in all {
        if like > 0.0 && olds.contains(&a) && news.contains(&b) {
            found.push((Some(a), Some(b)));
            olds.retain(|id| *id != a);
            news.retain(|id| *id != b);
        }
    }
}

/// What stands for each of several types of one name where others refer to it: for types that are wholly
/// the same on both sides their common class, for the others their pair. Forward declarations keep the
/// name, and with them the first pair that defines it.
fn tell_apart(
    sides: [&Btf; 2],
    found: &[Found],
    shapes: &Shapes,
    tags: &mut [HashMap<u32, u64>; 2],
) {
    let [old, new] = sides;
    let defined = |btf: &Btf, id: Option<TypeId>| id.filter(|id| !is_declaration(btf, *id));
    let whole = |side, id: Option<TypeId>| id.map(|id| shapes.whole(side, id));
    let classes: Vec<[Option<u32>; 2]> = found
        .iter()
        .map(|pair| [whole(0, defined(old, pair.0)), whole(1, defined(new, pair.1))])
        .collect();
    let of_old: HashSet<u32> = classes.iter().filter_map(|[old, _]| *old).collect();
    let of_new: HashSet<u32> = classes.iter().filter_map(|[_, new]| *new).collect();
    let first = classes.iter().find(|pair| pair.iter().any(Option::is_some));
    for (pair, [of_a, of_b]) in found.iter().zip(&classes) {
        let [tags_of_old, tags_of_new] = &mut *tags;
        for (tags, id, class) in [(tags_of_old, pair.0, of_a), (tags_of_new, pair.1, of_b)] {
            let (Some(id), Some(class)) = (id, class) else { continue };
            // All that is the same as the first pair keeps the name with it.
            if first.is_some_and(|first| first.contains(&Some(*class))) {
                continue;
            }
            let tag = match of_old.contains(class) && of_new.contains(class) {
                true => shapes.number(("whole", *class)),
                false => shapes.number(("pair", of_a.or(*of_b).unwrap_or(0))),
            };
            tags.insert(id.0, tag);
        }
    }
}

/// Whether a type is only declared: a FWD, or an enum without values.
fn is_declaration(btf: &Btf, id: TypeId) -> bool {
    btf.get(id).is_some_and(|ty| match ty.kind() {
        Kind::FWD => true,
        Kind::ENUM => ty.vlen() == 0,
        _ => false,
    })
}
