//! Copying types from one blob to another.

use std::collections::HashMap;

use crate::btf::{Btf, Record, StrOff, TypeId};
use crate::error::{Error, ErrorKind, Result};

/// BTF made of types of other BTF, and where each of them went.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The new BTF.
    pub(super) btf: Btf,
    /// By old id: the new one; 0 for types that are not there.
    pub(super) ids: Vec<u32>,
}

impl Moved {
    /// The new BTF.
    pub fn btf(&self) -> &Btf {
        &self.btf
    }

    /// The new BTF alone.
    pub fn into_btf(self) -> Btf {
        self.btf
    }

    /// Where a type went; None if it is not there any more.
    pub fn id(&self, old: TypeId) -> Option<TypeId> {
        match self.ids.get(old.0 as usize) {
            Some(0) if old != TypeId::VOID => None,
            new => new.map(|new| TypeId(*new)),
        }
    }
}

/// Copies types of `from`, which are given with their records, in order, into `to`, which has none
/// yet. `ids` says where every id of `from` goes. Strings are those of `to` and its base where they
/// have them.
pub(super) fn copy<'a>(
    from: impl Iterator<Item = Record<'a>>,
    ids: Vec<u32>,
    to: Btf,
) -> Result<Moved> {
    let mut to = to;
    let mut strings: HashMap<u32, u32> = HashMap::new();
    let (mut words, mut starts) = (Vec::new(), Vec::new());
    for ty in from {
        let place = words.len();
        starts.push(u32::try_from(place).unwrap_or(u32::MAX));
        words.extend_from_slice(ty.words());
        if !ty.kind().is_released() {
            check_classes(&ty)?;
            ty.entry().into_iter().for_each(|entry| to.take_kind(entry));
        }
        let mut failed = None;
        ty.for_each_ref(|at, old, is_str| {
            let new = if is_str {
                match strings.get(&old) {
                    Some(new) => Ok(*new),
                    None => to.intern_bytes(ty.string(StrOff(old))).map(|new| {
                        strings.insert(old, new.0);
                        new.0
                    }),
                }
            } else {
                Ok(ids.get(old as usize).copied().unwrap_or(0))
            };
            match (new, words.get_mut(place.saturating_add(at))) {
                (Ok(new), Some(word)) => *word = new,
                (Err(err), _) => failed = Some(err),
                (Ok(_), None) => {}
            }
        });
        if let Some(err) = failed {
            return Err(err);
        }
    }
    to.set_types(words, starts)?;
    Ok(Moved { btf: to, ids })
}

/// Refuses a type of a kind of which only sizes are known.
fn check_classes(ty: &Record<'_>) -> Result<()> {
    if ty.spec().classes {
        return Ok(());
    }
    let what = "can't be moved: the sizes of its kind are known, the classes of its words are not";
    let err = Error::new(ErrorKind::Edit, what)
        .with_help("give the kind's words with --kind-file")
        .in_type(ty.id(), ty.kind_name(), ty.name());
    Err(err)
}
