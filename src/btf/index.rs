//! The index: which types have a name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Types;

/// The own types of a blob by name. It holds no name itself: the string section is the arena.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// The last type of each name.
    last: HashTable<u32>,
    /// For each own type the one before it that has the same name; 0: it is the first.
    before: Vec<u32>,
    hasher: DefaultHashBuilder,
}

/// The name of an own type; None if it has none.
fn name_of(types: Types<'_>, id: u32) -> Option<&[u8]> {
    types.get(id)?.first().filter(|name| **name != 0).and_then(|name| types.string(*name))
}

impl Index {
    /// Goes through all own types.
    pub(super) fn of(types: Types<'_>) -> Index {
        let mut index = Index {
            last: HashTable::with_capacity(types.starts.len()),
            before: vec![0; types.starts.len()],
            hasher: DefaultHashBuilder::default(),
        };
        let Index { last, before, hasher } = &mut index;
        let name = |id: &u32| name_of(types, *id).unwrap_or_default();
        for ((id, _), before) in types.own_from(0).zip(before) {
            let Some(own) = name_of(types, id) else { continue };
            let hash = hasher.hash_one(own);
            match last.find_mut(hash, |other| name(other) == own) {
                Some(other) => *before = std::mem::replace(other, id),
                None => {
                    last.insert_unique(hash, id, |other| hasher.hash_one(name(other)));
                }
            }
        }
        index
    }

    /// The own types of a name, the last one first.
    pub(super) fn find<'a>(
        &'a self,
        types: Types<'a>,
        name: &[u8],
    ) -> impl Iterator<Item = u32> + use<'a> {
        let hash = self.hasher.hash_one(name);
        let last = self.last.find(hash, |id| name_of(types, *id) == Some(name)).copied();
        std::iter::successors(last, move |id| {
            let before = self.before.get(id.checked_sub(types.start_id)? as usize).copied()?;
            (before != 0).then_some(before)
        })
    }
}
