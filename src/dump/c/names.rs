//! Which name each type gets: C wants tags to be different from each other, and so typedefs and
//! enumerators, while BTF has several of a name.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::chain;
use super::decl::is_c_type;
use super::order::Order;
use super::source::Source;
use crate::btf::{Record, TypeId};
use crate::kind::Kind;

/// The names of one header.
pub(super) struct Names<'a> {
    /// Types whose name was given before, as the how-manieth they have it, and all INTs that C does not know.
    ordinals: HashMap<TypeId, u32>,
    /// Forward declarations and what they declare.
    forwards: HashMap<TypeId, TypeId>,
    tags: Given<'a, Tag>,
    /// The names of typedefs and enumerators.
    others: Given<'a, u32>,
}

impl<'a> Names<'a> {
    /// The names of the types of a header. Who comes first gets the name itself.
    pub(super) fn new(btf: &Source<'a>, order: &Order<'_>) -> Names<'a> {
        let mut names = Names {
            ordinals: HashMap::new(),
            forwards: HashMap::new(),
            tags: Given::new(btf, order.tags),
            others: Given::new(btf, order.others),
        };
        let mut forwards = Vec::new();
        for id in order.named() {
            let Some(ty) = btf.get(id) else { continue };
            match ty.kind() {
                Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 if !chain::is_inline(ty) => {
                    names.tag(btf, ty);
                }
                Kind::FWD => forwards.push(ty),
                Kind::INT if is_c_type(btf, ty) => {}
                Kind::TYPEDEF | Kind::INT => {
                    let ordinal = names.other(ty.name_off().0, btf.name(ty));
                    if ordinal > 1 || ty.kind() == Kind::INT {
                        names.ordinals.insert(ty.id(), ordinal);
                    }
                }
                _ => {}
            }
        }
        // What a forward declaration declares is the first such type, if there is one.
        for ty in forwards {
            let tag = names.tags.of(ty.name_off().0, btf.name(ty));
            match if ty.kind_flag() { tag.first_union } else { tag.first_struct } {
                TypeId::VOID => names.tag(btf, ty),
                id => {
                    names.forwards.insert(ty.id(), id);
                }
            }
        }
        names
    }

    fn tag(&mut self, btf: &Source<'a>, ty: Record<'a>) {
        let tag = self.tags.of(ty.name_off().0, btf.name(ty));
        tag.count = tag.count.saturating_add(1);
        let first = match (ty.kind(), ty.kind_flag()) {
            (Kind::STRUCT, _) | (Kind::FWD, false) => Some(&mut tag.first_struct),
            (Kind::UNION, _) | (Kind::FWD, true) => Some(&mut tag.first_union),
            _ => None,
        };
        if let Some(first @ &mut TypeId::VOID) = first {
            *first = ty.id();
        }
        if tag.count > 1 {
            self.ordinals.insert(ty.id(), tag.count);
        }
    }

    /// Gives away a name of a typedef or an enumerator, and says as the how-manieth.
    pub(super) fn other(&mut self, offset: u32, name: &[u8]) -> u32 {
        let count = self.others.of(offset, name);
        *count = count.saturating_add(1);
        *count
    }

    /// The type that a tag is declared for.
    pub(super) fn tag_of(&self, ty: Record<'_>) -> TypeId {
        if ty.kind() == Kind::FWD {
            return self.forwards.get(&ty.id()).copied().unwrap_or(ty.id());
        }
        ty.id()
    }

    /// As the how-manieth a type has its name, if it is not the first; and of an INT that C does not know in any case.
    pub(super) fn ordinal(&self, ty: Record<'_>) -> u32 {
        self.ordinals.get(&self.tag_of(ty)).copied().unwrap_or(0)
    }
}

/// The types that have one tag; void where there are none.
struct Tag {
    count: u32,
    first_struct: TypeId,
    first_union: TypeId,
}

impl Default for Tag {
    fn default() -> Self {
        Tag { count: 0, first_struct: TypeId::VOID, first_union: TypeId::VOID }
    }
}

/// What is known of each name that was given.
struct Given<'a, T> {
    btf: Source<'a>,
    /// By the offset at which a name was met first: it may be there at others, too.
    names: HashTable<(u32, T)>,
    hasher: DefaultHashBuilder,
}

impl<'a, T: Default> Given<'a, T> {
    fn new(btf: &Source<'a>, capacity: usize) -> Self {
        let names = HashTable::with_capacity(capacity);
        Given { btf: *btf, names, hasher: DefaultHashBuilder::default() }
    }

    /// What is known of the name at an offset.
    fn of(&mut self, offset: u32, name: &[u8]) -> &mut T {
        let Given { btf, names, hasher } = self;
        let hash = |name: &[u8]| {
            let mut hasher = hasher.build_hasher();
            hasher.write(name);
            hasher.finish()
        };
        let is_same = |(other, _): &(u32, T)| *other == offset || btf.string(*other) == name;
        let rehash = |(other, _): &(u32, T)| hash(btf.string(*other));
        let entry = names.entry(hash(name), is_same, rehash);
        &mut entry.or_insert_with(|| (offset, T::default())).into_mut().1
    }
}
