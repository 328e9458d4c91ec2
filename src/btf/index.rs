//! Which types have a name.

use std::sync::OnceLock;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::Types;
use super::strings::hash;

/// Finds the own types of a blob by name. For one name they are searched; who asks again gets an index,
/// which takes as long as some searches.
#[derive(Debug, Clone, Default)]
pub(super) struct ByName {
    asked: OnceLock<()>,
    index: OnceLock<Index>,
}

impl ByName {
    /// The own types of a name, the last one first.
    pub(super) fn find(&self, types: Types<'_>, name: &[u8]) -> Vec<u32> {
        if self.asked.set(()).is_ok() {
            let mut found = search(types, name);
            found.reverse();
            return found;
        }
        self.index.get_or_init(|| Index::of(types)).find(types, name).collect()
    }
}

/// The own types of a name, by a look at each.
fn search(types: Types<'_>, name: &[u8]) -> Vec<u32> {
    let start = |bytes: &[u8]| bytes.first_chunk::<4>().copied();
    let first = start(name);
    let own = types.own_from(0).filter(|(_, record)| {
        let name_off = record.first().copied().unwrap_or_default();
        // Nearly all names differ in the first bytes.
        let like = |tail: &&[u8]| first.is_none() || start(tail) == first;
        let tail = types.tail(name_off).filter(like).unwrap_or_default();
        name_off != 0 && tail.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"\0"))
    });
    // A NUL in it would not be its end.
    own.filter(|_| !name.contains(&0)).map(|(id, _)| id).collect()
}

/// The own types of a blob by name. It holds no name itself: the string section is the arena.
#[derive(Debug, Clone)]
struct Index {
    /// The last type of each name.
    last: HashTable<u32>,
    /// For each own type the one before it that has the same name; 0: it is the first.
    before: Vec<u32>,
    hasher: DefaultHashBuilder,
}

/// The name of a record; None if it has none.
#[inline]
fn name_of<'a>(types: Types<'a>, record: &[u32]) -> Option<&'a [u8]> {
    record.first().filter(|name| **name != 0).and_then(|name| types.string(*name))
}

impl Index {
    /// Goes through all own types.
    fn of(types: Types<'_>) -> Index {
        let named = types.own_from(0).filter(|(_, record)| !matches!(record, [0, ..])).count();
        let mut index = Index {
            last: HashTable::with_capacity(named),
            before: vec![0; types.starts.len()],
            hasher: DefaultHashBuilder::default(),
        };
        let Index { last, before, hasher } = &mut index;
        let name =
            |id: &u32| types.get(*id).and_then(|own| name_of(types, own)).unwrap_or_default();
        for ((id, record), before) in types.own_from(0).zip(before) {
            let Some(own) = name_of(types, record) else { continue };
            let is_same = |other: &u32| name(other) == own;
            match last.entry(hash(hasher, own), is_same, |other| hash(hasher, name(other))) {
                Entry::Occupied(mut other) => *before = std::mem::replace(other.get_mut(), id),
                Entry::Vacant(free) => drop(free.insert(id)),
            }
        }
        index
    }

    /// The own types of a name, the last one first.
    fn find<'a>(&'a self, types: Types<'a>, name: &[u8]) -> impl Iterator<Item = u32> + use<'a> {
        let is_same = |id: &u32| types.get(*id).and_then(|own| name_of(types, own)) == Some(name);
        let last = self.last.find(hash(&self.hasher, name), is_same).copied();
        std::iter::successors(last, move |id| {
            let before = self.before.get(id.checked_sub(types.start_id)? as usize).copied()?;
            (before != 0).then_some(before)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::{Btf, Endian, NewType};
    use crate::error::Result;
    use crate::kind::Kind;

    #[test]
    fn searching_finds_what_the_index_finds() -> Result<()> {
        let mut btf = Btf::new_in(Endian::Little);
        let mut names: Vec<String> =
            ["", "a", "ab", "abc", "abcd", "abcde", "xabcd", "abcdx"].map(String::from).to_vec();
        names.extend((0..40).map(|n| format!("name{}", n % 7)));
        for name in &names {
            let (kind, words) = (Kind::FWD, &[]);
            btf.add(NewType { kind, name, kind_flag: false, vlen: 0, size_or_type: 0, words })?;
        }
        // A name in the midst of a string, an empty one that is not at 0, and a NUL within.
        let midst = btf.intern("xabcd")?.0 + 1;
        for name in [midst, midst + 4, midst + 1] {
            let id = btf.add(NewType {
                kind: Kind::FWD,
                name: "",
                kind_flag: false,
                vlen: 0,
                size_or_type: 0,
                words: &[],
            })?;
            let start = btf.starts.get(id.0 as usize - 1).copied().unwrap_or_default() as usize;
            if let Some(word) = btf.words_mut().0.get_mut(start) {
                *word = name;
            }
        }
        names.extend(["bcd", "none", "abcd\0", "abcd\0abcdx"].map(String::from));
        for name in &names {
            let of = |btf: &Btf| btf.named(name).map(|ty| ty.id().0).collect::<Vec<_>>();
            let fresh = btf.clone();
            let (searched, indexed, slow) = (
                of(&fresh),
                of(&fresh),
                btf.types()
                    .filter(|ty| ty.name_off().0 != 0 && ty.name() == name.as_str())
                    .map(|ty| ty.id().0),
            );
            assert_eq!(searched, indexed, "{name:?}");
            assert_eq!(searched, slow.collect::<Vec<_>>(), "{name:?}");
        }
        Ok(())
    }
}
