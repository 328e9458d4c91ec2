//! What leads where: from types to all that they reach, or back to all that reaches them.

use crate::btf::{Btf, TypeId};
use crate::relocate::all_types;

/// The types of a blob and its bases that some types reach, and the shortest way to each.
///
/// ```
/// use btfkinds::{Btf, Encoding, TypeId, diff::Reach};
///
/// let mut btf = Btf::new();
/// let int = btf.add_int("int", 4, Encoding::Signed)?;
/// let pointer = btf.add_ptr(int)?;
/// let reach = Reach::from(&btf, [pointer]);
/// assert_eq!(reach.way(int), [pointer, int]);
/// assert!(!Reach::from(&btf, [int]).contains(pointer));
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reach {
    /// By id: 0 where nothing leads, the type before it plus one, or its own id plus one at the start.
    before: Vec<u32>,
    /// Whether the ways lead from the types that were given, not to them.
    forward: bool,
}

impl Reach {
    /// What types lead to, themselves among it.
    pub fn from(btf: &Btf, roots: impl IntoIterator<Item = TypeId>) -> Reach {
        let mut reach = Reach::new(btf, true);
        let mut open = reach.start(roots);
        let mut next = Vec::new();
        while !open.is_empty() {
            for id in open.drain(..) {
                let Some(ty) = btf.get(TypeId(id)) else { continue };
                ty.for_each_ref(|_, to, is_str| {
                    if !is_str && reach.add(to, id) {
                        next.push(to);
                    }
                });
            }
            std::mem::swap(&mut open, &mut next);
        }
        reach
    }

    /// What leads to types, themselves among it.
    pub fn to(btf: &Btf, targets: impl IntoIterator<Item = TypeId>) -> Reach {
        let mut reach = Reach::new(btf, false);
        let mut open = reach.start(targets);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for ty in all_types(btf) {
            ty.for_each_ref(|_, to, is_str| {
                if !is_str {
                    pairs.push((to, ty.id().0));
                }
            });
        }
        pairs.sort_unstable();
        let mut next = Vec::new();
        while !open.is_empty() {
            for id in open.drain(..) {
                let first = pairs.partition_point(|(to, _)| *to < id);
                let users = pairs.get(first..).unwrap_or_default().iter();
                for (_, user) in users.take_while(|(to, _)| *to == id) {
                    if reach.add(*user, id) {
                        next.push(*user);
                    }
                }
            }
            std::mem::swap(&mut open, &mut next);
        }
        reach
    }

    fn new(btf: &Btf, forward: bool) -> Reach {
        Reach { before: vec![0; btf.type_count() as usize], forward }
    }

    fn start(&mut self, ids: impl IntoIterator<Item = TypeId>) -> Vec<u32> {
        let mut open: Vec<u32> =
            ids.into_iter().map(|id| id.0).filter(|id| self.add(*id, *id)).collect();
        open.sort_unstable();
        open
    }

    /// Notes that a type is reached over another one; false if it was reached before. Void is no type.
    fn add(&mut self, id: u32, over: u32) -> bool {
        match self.before.get_mut(id as usize) {
            Some(before) if *before == 0 && id != 0 => {
                *before = over.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Whether a type is among them.
    pub fn contains(&self, id: TypeId) -> bool {
        self.before.get(id.0 as usize).is_some_and(|before| *before != 0)
    }

    /// The shortest way from one of the types that were given to this one, or from this one to one of
    /// them, both ends included; empty if there is none.
    pub fn way(&self, id: TypeId) -> Vec<TypeId> {
        let mut way = Vec::new();
        let mut at = id.0;
        while let Some(over) = self.before.get(at as usize).and_then(|before| before.checked_sub(1))
        {
            way.push(TypeId(at));
            if over == at {
                break;
            }
            at = over;
        }
        if self.forward {
            way.reverse();
        }
        way
    }
}
