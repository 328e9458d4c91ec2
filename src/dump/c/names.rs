//! Which name each type gets: C wants tags to be different from each other, and so typedefs and
//! enumerators, while BTF has several of a name.

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::chain;
use super::decl::is_c_type;
use super::order::Order;
use super::source::Source;
use crate::btf::{Record, TypeId, hash};
use crate::kind::Kind;

/// The names of one header.
pub(super) struct Names<'a> {
    btf: Source<'a>,
    /// Forward declarations and what they declare.
    forwards: HashMap<TypeId, TypeId>,
    /// Tags, by the first type that has each, and those that several types have.
    tags: Given<TypeId>,
    shared: HashMap<TypeId, Holders>,
    /// Names of typedefs and enumerators, by the offset at which each was met first, and how often those are there that
    /// are there again.
    others: Given<u32>,
    again: HashMap<u32, u32>,
}

impl<'a> Names<'a> {
    /// Gives the types of a header their names. Who comes first gets the name itself.
    pub(super) fn give(btf: &Source<'a>, order: &mut Order<'_>) -> Names<'a> {
        let mut names = Names {
            btf: *btf,
            forwards: HashMap::new(),
            tags: Given::new(order.tags),
            shared: HashMap::new(),
            others: Given::new(order.others),
            again: HashMap::new(),
        };
        let mut forwards = Vec::new();
        for (id, known) in order.known.named() {
            let Some(ty) = btf.get(id) else { continue };
            match ty.kind() {
                Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 if !chain::is_inline(ty) => {
                    known.ordinal = names.tag(ty);
                }
                Kind::FWD => forwards.push(ty),
                Kind::INT if is_c_type(btf, ty) => {}
                Kind::TYPEDEF | Kind::INT => {
                    known.ordinal = names.other(ty.name_off().0, btf.name(ty));
                }
                _ => {}
            }
        }
        // What a forward declaration declares is the first such type, if there is one.
        for ty in forwards {
            let holders = names.holders(btf.name(ty));
            match if ty.kind_flag() { holders.first_union } else { holders.first_struct } {
                TypeId::VOID => {
                    let ordinal = names.tag(ty);
                    if let Some(known) = order.known.get_mut(ty.id()) {
                        known.ordinal = ordinal;
                    }
                }
                id => {
                    names.forwards.insert(ty.id(), id);
                }
            }
        }
        names
    }

    /// Gives away a tag, and says as the how-manieth.
    fn tag(&mut self, ty: Record<'_>) -> u32 {
        let Names { btf, tags, shared, .. } = self;
        let Some(first) = tags.give(ty.id(), btf.name(ty), |id| btf.name_at(id)) else { return 1 };
        let holders = shared.entry(first).or_insert_with(|| Holders::of(btf.get(first)));
        holders.add(ty);
        holders.count
    }

    /// Who has a tag.
    fn holders(&self, name: &[u8]) -> Holders {
        let Names { btf, tags, shared, .. } = self;
        let Some(first) = tags.find(name, |id| btf.name_at(id)) else { return Holders::default() };
        shared.get(&first).copied().unwrap_or_else(|| Holders::of(btf.get(first)))
    }

    /// Gives away a name of a typedef or an enumerator, and says as the how-manieth.
    pub(super) fn other(&mut self, offset: u32, name: &[u8]) -> u32 {
        let Names { btf, others, again, .. } = self;
        let Some(first) = others.give(offset, name, |offset| btf.string(offset)) else { return 1 };
        let count = again.entry(first).or_insert(1);
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
}

/// The types that have one tag; void where there are none.
#[derive(Debug, Clone, Copy)]
struct Holders {
    count: u32,
    first_struct: TypeId,
    first_union: TypeId,
}

impl Default for Holders {
    fn default() -> Self {
        Holders { count: 0, first_struct: TypeId::VOID, first_union: TypeId::VOID }
    }
}

impl Holders {
    fn of(ty: Option<Record<'_>>) -> Holders {
        let mut holders = Holders::default();
        ty.into_iter().for_each(|ty| holders.add(ty));
        holders
    }

    fn add(&mut self, ty: Record<'_>) {
        self.count = self.count.saturating_add(1);
        let first = match (ty.kind(), ty.kind_flag()) {
            (Kind::STRUCT, _) | (Kind::FWD, false) => Some(&mut self.first_struct),
            (Kind::UNION, _) | (Kind::FWD, true) => Some(&mut self.first_union),
            _ => None,
        };
        if let Some(first @ &mut TypeId::VOID) = first {
            *first = ty.id();
        }
    }
}

/// Names that were given, each as what had it first.
struct Given<K> {
    first: HashTable<K>,
    hasher: DefaultHashBuilder,
}

impl<K: Copy> Given<K> {
    fn new(capacity: usize) -> Self {
        Given { first: HashTable::with_capacity(capacity), hasher: DefaultHashBuilder::default() }
    }

    /// Gives a name to `key`, unless it was given before: then gives back who has it.
    fn give<'a>(&mut self, key: K, name: &[u8], name_of: impl Fn(K) -> &'a [u8]) -> Option<K> {
        let Given { first, hasher } = self;
        let is_same = |other: &K| name_of(*other) == name;
        match first.entry(hash(hasher, name), is_same, |other| hash(hasher, name_of(*other))) {
            Entry::Occupied(entry) => Some(*entry.get()),
            Entry::Vacant(entry) => {
                entry.insert(key);
                None
            }
        }
    }

    fn find<'a>(&self, name: &[u8], name_of: impl Fn(K) -> &'a [u8]) -> Option<K> {
        self.first.find(hash(&self.hasher, name), |other| name_of(*other) == name).copied()
    }
}
