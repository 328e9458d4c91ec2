//! Which name each type gets: C wants tags to be different from each other, and so typedefs and
//! enumerators, while BTF has several of a name.

use hashbrown::HashMap;

use super::chain;
use super::decl::is_c_type;
use super::print::Label;
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;

/// Room for so many names is made at once: a kernel has more.
const SOME: usize = 1 << 14;

/// The types that have one tag.
#[derive(Debug, Default)]
struct Tag {
    count: u32,
    first_struct: Option<TypeId>,
    first_union: Option<TypeId>,
}

/// The names of one header.
pub(super) struct Names<'a> {
    btf: &'a Btf,
    /// By type id: 2 and up where another type has the name itself.
    ordinals: Vec<u32>,
    /// Forward declarations and what they declare.
    forwards: HashMap<TypeId, TypeId>,
    /// How often each typedef's or enumerator's name was given.
    others: HashMap<&'a [u8], u32>,
}

impl<'a> Names<'a> {
    /// The names of the types of a header. Who comes first gets the name itself.
    pub(super) fn new(btf: &'a Btf, ids: impl Iterator<Item = TypeId>) -> Names<'a> {
        let mut names = Names {
            btf,
            ordinals: vec![0; btf.type_count() as usize],
            forwards: HashMap::new(),
            others: HashMap::with_capacity(SOME),
        };
        let mut tags: HashMap<&'a [u8], Tag> = HashMap::with_capacity(SOME);
        let mut forwards = Vec::new();
        for id in ids {
            let Some(ty) = btf.get(id) else { continue };
            match ty.kind() {
                Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 if !chain::is_inline(ty) => {
                    names.tag(&mut tags, ty);
                }
                Kind::FWD => forwards.push(ty),
                Kind::INT if is_c_type(btf, ty) => {}
                Kind::TYPEDEF | Kind::INT => {
                    let ordinal = names.enumerator(chain::name(btf, ty));
                    names.set(ty.id(), ordinal);
                }
                _ => {}
            }
        }
        // What a forward declaration declares is the first such type, if there is one.
        for ty in forwards {
            let known = tags.get(chain::name(btf, ty));
            let known = known
                .and_then(|tag| if ty.kind_flag() { tag.first_union } else { tag.first_struct });
            match known {
                Some(id) => {
                    names.forwards.insert(ty.id(), id);
                }
                None => names.tag(&mut tags, ty),
            }
        }
        names
    }

    fn tag(&mut self, tags: &mut HashMap<&'a [u8], Tag>, ty: Record<'a>) {
        let tag = tags.entry(chain::name(self.btf, ty)).or_default();
        tag.count = tag.count.saturating_add(1);
        let first = match (ty.kind(), ty.kind_flag()) {
            (Kind::STRUCT, _) | (Kind::FWD, false) => Some(&mut tag.first_struct),
            (Kind::UNION, _) | (Kind::FWD, true) => Some(&mut tag.first_union),
            _ => None,
        };
        if let Some(first) = first {
            first.get_or_insert(ty.id());
        }
        let count = tag.count;
        self.set(ty.id(), count);
    }

    fn set(&mut self, id: TypeId, ordinal: u32) {
        if let Some(place) = self.ordinals.get_mut(id.0 as usize) {
            *place = ordinal;
        }
    }

    /// The type that a tag is declared for.
    pub(super) fn tag_of(&self, ty: Record<'_>) -> TypeId {
        if ty.kind() == Kind::FWD {
            return self.forwards.get(&ty.id()).copied().unwrap_or(ty.id());
        }
        ty.id()
    }

    /// The name of a type.
    pub(super) fn label(&self, ty: Record<'a>) -> Label<'a> {
        let ordinal = self.ordinals.get(self.tag_of(ty).0 as usize).copied().unwrap_or(0);
        Label { name: chain::name(self.btf, ty), ordinal }
    }

    /// Gives away a name of a typedef or an enumerator.
    pub(super) fn enumerator(&mut self, name: &'a [u8]) -> u32 {
        let count = self.others.entry(name).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }
}
