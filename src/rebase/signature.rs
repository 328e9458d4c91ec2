//! Signatures: a number for each type, equal for types that are the same.
//!
//! A signature takes in a type's own words, the names of the types that it refers to, and through
//! types without a name (pointers, arrays, prototypes, ...) what these refer to. In real BTF hardly
//! any two types have the same; they only narrow down what has to be compared.

use std::hash::{BuildHasher, Hash, Hasher};

use bstr::BStr;
use hashbrown::DefaultHashBuilder;

use crate::btf::{Btf, Record, StrOff, TypeId};
use crate::kind::Kind;
use crate::relocate::all_types;

/// What a tag names in C: `struct x`, `union x` or `enum x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tag {
    Struct,
    Union,
    Enum,
}

/// Whether a type has a name; an offset that leads to an empty string is none.
pub(super) fn has_name(ty: &Record<'_>) -> bool {
    ty.name_off().0 != 0 && !ty.name().is_empty()
}

/// The tag that a type defines; its name is not empty.
pub(super) fn defines(ty: &Record<'_>) -> Option<Tag> {
    match ty.kind() {
        _ if !has_name(ty) => None,
        Kind::STRUCT => Some(Tag::Struct),
        Kind::UNION => Some(Tag::Union),
        Kind::ENUM if ty.vlen() != 0 => Some(Tag::Enum),
        Kind::ENUM64 => Some(Tag::Enum),
        _ => None,
    }
}

/// The tag that a forward declaration stands for: a FWD, or an ENUM without values.
pub(super) fn declares(ty: &Record<'_>) -> Option<Tag> {
    match ty.kind() {
        _ if !has_name(ty) => None,
        Kind::FWD if ty.kind_flag() => Some(Tag::Union),
        Kind::FWD => Some(Tag::Struct),
        Kind::ENUM if ty.vlen() == 0 => Some(Tag::Enum),
        _ => None,
    }
}

/// Whether types of a kind are ever taken for the base's.
pub(super) fn can_merge(ty: &Record<'_>) -> bool {
    ty.spec().classes && !matches!(ty.kind(), Kind::VAR | Kind::DATASEC)
}

/// What void counts as, and what a type without a name that never leads to one with a name.
const VOID: u64 = 1;
const ENDLESS: u64 = 2;

/// The signatures of all types of a blob and its bases, by type id.
#[derive(Debug)]
pub(crate) struct Signatures {
    of: Vec<u64>,
    /// Of types with a name: what stands for them where others refer to them.
    tags: Vec<u64>,
    /// What else counts for a type; empty where nothing does.
    more: Vec<u64>,
}

fn at(list: &[u64], id: u32) -> u64 {
    list.get(id as usize).copied().unwrap_or(0)
}

fn set(list: &mut [u64], id: u32, value: u64) {
    if let Some(place) = list.get_mut(id as usize) {
        *place = value;
    }
}

/// What stands for `struct NAME` and the like where it is referred to.
pub(super) fn tag(hasher: &DefaultHashBuilder, tag: Tag, name: &BStr) -> u64 {
    hasher.hash_one((tag, name))
}

/// What stands for a function of a name.
pub(super) fn function(hasher: &DefaultHashBuilder, name: &BStr) -> u64 {
    hasher.hash_one((Kind::FUNC.0, name))
}

impl Signatures {
    /// A type's signature.
    pub(crate) fn of(&self, id: u32) -> u64 {
        at(&self.of, id)
    }

    /// What stands for a type with a name where others refer to it.
    pub(crate) fn tag(&self, id: u32) -> u64 {
        at(&self.tags, id)
    }

    pub(super) fn new(btf: &Btf, hasher: &DefaultHashBuilder) -> Signatures {
        Signatures::by(btf, hasher, Vec::new(), |ty| {
            has_name(ty).then(|| match defines(ty).or(declares(ty)) {
                Some(of) => tag(hasher, of, ty.name()),
                None => hasher.hash_one((ty.kind().0, ty.name())),
            })
        })
    }

    /// The signatures where `stands_for` says which types have a name, and what stands for them where
    /// others refer to them; `more`, by type id, is what counts for a type beside its words.
    pub(crate) fn by(
        btf: &Btf,
        hasher: &DefaultHashBuilder,
        more: Vec<u64>,
        stands_for: impl Fn(&Record<'_>) -> Option<u64>,
    ) -> Signatures {
        let count = btf.type_count() as usize;
        let mut made = Signatures { of: vec![0; count], tags: vec![0; count], more };
        set(&mut made.tags, 0, VOID);
        for ty in all_types(btf) {
            if let Some(value) = stands_for(&ty) {
                set(&mut made.tags, ty.id().0, value.max(1));
            }
        }
        made.without_names(btf, hasher);
        made.with_names(btf, hasher);
        made
    }

    fn with_names(&mut self, btf: &Btf, hasher: &DefaultHashBuilder) {
        for ty in all_types(btf) {
            if self.tag(ty.id().0) != 0 {
                let value = self.sign(&ty, hasher);
                set(&mut self.of, ty.id().0, value);
            }
        }
    }

    /// The types without a name that are part of a circle of such types, or lead into one: all of them
    /// have one signature.
    pub(crate) fn endless(&self) -> impl Iterator<Item = u32> {
        let all = (0_u32..).zip(self.of.iter().zip(&self.tags));
        all.filter(|(_, (of, tag))| (**of, **tag) == (ENDLESS, 0)).map(|(id, _)| id)
    }

    /// Gives such types signatures that tell them apart, and all others those that follow from these.
    pub(crate) fn settle(
        &mut self,
        btf: &Btf,
        hasher: &DefaultHashBuilder,
        found: impl Iterator<Item = (u32, u64)>,
    ) {
        found.for_each(|(id, value)| set(&mut self.of, id, value));
        self.with_names(btf, hasher);
    }

    /// Those without a name, each after those that it refers to; what is never reached that way
    /// leads in circles.
    fn without_names(&mut self, btf: &Btf, hasher: &DefaultHashBuilder) {
        const NONE: u32 = u32::MAX;
        let count = btf.type_count() as usize;
        // How many types without a name each one waits for; who waits for it, as linked lists.
        let mut waits = vec![0_u32; count];
        let mut first_waiting = vec![NONE; count];
        let mut waiting: Vec<(u32, u32)> = Vec::new();
        let mut ready = Vec::new();
        for ty in all_types(btf) {
            let id = ty.id().0;
            if self.tag(id) != 0 {
                continue;
            }
            let mut open = 0_u32;
            ty.for_each_ref(|_, word, is_str| {
                if !is_str && at(&self.tags, word) == 0 {
                    open = open.saturating_add(1);
                    if let Some(first) = first_waiting.get_mut(word as usize) {
                        waiting.push((id, *first));
                        *first = u32::try_from(waiting.len().saturating_sub(1)).unwrap_or(NONE);
                    }
                }
            });
            match waits.get_mut(id as usize) {
                Some(waits) if open != 0 => *waits = open,
                _ => ready.push(id),
            }
            set(&mut self.of, id, ENDLESS);
        }
        while let Some(id) = ready.pop() {
            if let Some(ty) = btf.get(TypeId(id)) {
                let value = self.sign(&ty, hasher);
                set(&mut self.of, id, value);
            }
            let mut next = first_waiting.get(id as usize).copied().unwrap_or(NONE);
            while let Some((who, after)) = waiting.get(next as usize).copied() {
                if let Some(open) = waits.get_mut(who as usize) {
                    *open = open.saturating_sub(1);
                    if *open == 0 {
                        ready.push(who);
                    }
                }
                next = after;
            }
        }
    }

    /// What a type is where others refer to it: what stands for it or, without a name, its signature.
    pub(crate) fn reference(&self, id: u32) -> u64 {
        match at(&self.tags, id) {
            0 => at(&self.of, id),
            tag => tag,
        }
    }

    /// A type's signature, once those of the types without a name that it refers to are known.
    pub(crate) fn sign(&self, ty: &Record<'_>, hasher: &DefaultHashBuilder) -> u64 {
        let mut hash = hasher.build_hasher();
        match at(&self.more, ty.id().0) {
            0 => {}
            more => hash.write_u64(more),
        }
        let words = ty.words();
        let mut next = 0;
        ty.for_each_ref(|position, word, is_str| {
            words.get(next..position).unwrap_or_default().hash(&mut hash);
            next = position.saturating_add(1);
            if is_str {
                // Names that are longer than a name can be are as good as one: they could be as long
                // as the file, and used as often.
                ty.btf().view().short_string(word).hash(&mut hash);
            } else {
                hash.write_u64(self.reference(word));
            }
        });
        words.get(next..).unwrap_or_default().hash(&mut hash);
        hash.finish()
    }
}

/// Whether two types of the same kind are the same but for the types that they refer to.
pub(super) fn same_words(a: &Record<'_>, b: &Record<'_>) -> bool {
    let (left, right) = (a.words(), b.words());
    if left.get(1) != right.get(1) || left.len() != right.len() {
        return false;
    }
    let mut same = true;
    let mut next = 0;
    a.for_each_ref(|position, word, is_str| {
        same = same && left.get(next..position) == right.get(next..position);
        next = position.saturating_add(1);
        if same && is_str {
            let other = right.get(position).copied().unwrap_or(0);
            same = a.string(StrOff(word)) == b.string(StrOff(other));
        }
    });
    same && left.get(next..) == right.get(next..)
}
