//! Who uses a type.

use std::collections::BTreeSet;

use super::fold::{Fold, is_composite};
use crate::btf::{Btf, TypeId};
use crate::kind::Kind;
use crate::relocate::all_types;

/// For every type the types whose records have its id.
pub(super) struct Users {
    /// Where each type's users start.
    starts: Vec<usize>,
    users: Vec<u32>,
}

impl Users {
    pub(super) fn new(btf: &Btf) -> Users {
        let count = btf.type_count() as usize;
        // How many there are of each, then where each one's start.
        let mut starts = vec![0_usize; count.saturating_add(1)];
        for_each_use(btf, |_, to| {
            if let Some(n) = starts.get_mut(to as usize) {
                *n = n.saturating_add(1);
            }
        });
        let mut total = 0_usize;
        for start in &mut starts {
            let here = *start;
            *start = total;
            total = total.saturating_add(here);
        }
        let mut next = starts.clone();
        let mut users = vec![0; total];
        for_each_use(btf, |from, to| {
            let Some(at) = next.get_mut(to as usize) else { return };
            if let Some(place) = users.get_mut(*at) {
                *place = from;
            }
            *at = at.saturating_add(1);
        });
        Users { starts, users }
    }

    fn direct(&self, id: u32) -> &[u32] {
        let id = id as usize;
        let bounds = self.starts.get(id).zip(self.starts.get(id.saturating_add(1)));
        bounds.and_then(|(start, end)| self.users.get(*start..*end)).unwrap_or_default()
    }

    /// The nodes that refer to a type: first those that contain it, then those that point to it, then
    /// functions.
    pub(super) fn of(&self, fold: &Fold<'_>, id: u32) -> Vec<u32> {
        let btf = fold.btf();
        let mut met = BTreeSet::new();
        let mut todo = vec![id];
        let mut found = Vec::new();
        while let Some(at) = todo.pop() {
            for user in self.direct(at) {
                let Some(ty) = btf.get(TypeId(*user)).filter(|_| met.insert(*user)) else {
                    continue;
                };
                let link = fold.is_link(ty);
                let inline = fold.inline(*user).is_some();
                if link || inline {
                    todo.push(*user);
                }
                // What is spelled out in one place may be a node in another.
                let is_outer =
                    |outer: &u32| btf.get(TypeId(*outer)).is_some_and(|ty| is_composite(ty.kind()));
                let users = self.direct(*user);
                let only_spelled_out = inline && !users.is_empty() && users.iter().all(is_outer);
                if !link && !only_spelled_out {
                    found.push(*user);
                }
            }
        }
        let mut sorted: Vec<(bool, bool, u32)> = found
            .into_iter()
            .filter_map(|user| {
                let targets = || fold.uses(user).into_iter().flat_map(|uses| uses.targets);
                let pointer =
                    targets().filter(|target| target.id == id).map(|t| t.pointer).min()?;
                let is_function = btf.get(TypeId(user)).is_some_and(|ty| ty.kind() == Kind::FUNC);
                Some((is_function, pointer, user))
            })
            .collect();
        sorted.sort_unstable();
        sorted.into_iter().map(|(.., user)| user).collect()
    }

    /// The typedef that names a type which has no name.
    pub(super) fn typedef(&self, btf: &Btf, id: u32) -> Option<String> {
        btf.get(TypeId(id)).filter(|ty| ty.name_off().0 == 0)?;
        let users = self.direct(id).iter().filter_map(|user| btf.get(TypeId(*user)));
        let typedef = users.into_iter().find(|ty| ty.kind() == Kind::TYPEDEF)?;
        Some(typedef.name().to_string())
    }
}

fn for_each_use(btf: &Btf, mut f: impl FnMut(u32, u32)) {
    for ty in all_types(btf) {
        ty.for_each_ref(|_, word, is_str| {
            if !is_str && word != 0 {
                f(ty.id().0, word);
            }
        });
    }
}
