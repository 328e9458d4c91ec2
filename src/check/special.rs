//! Fields with a meaning of their own in BPF programs: locks, lists, trees, kernel pointers.
//!
//! What a struct has of them is found once, without what depends on where the struct is used; the many
//! members that are none of that are gone through once, however often the struct is nested in others.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::blob::{Blob, Member, Type};
use super::rule::{self, Rule};
use crate::kind::Kind;

/// How deep structs and arrays may be nested.
pub(super) const MAX_DEPTH: u32 = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Special {
    SpinLock,
    ResSpinLock,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    Refcount,
    /// A pointer that is not owned.
    Untrusted,
    Owned,
    PerCpu,
}

/// A struct that is known by its name.
struct Known {
    name: &'static [u8],
    special: Special,
    size: u32,
    align: u32,
    /// Whether there can be only one.
    unique: bool,
}

const fn known(name: &'static [u8], special: Special, size: u32, unique: bool) -> Known {
    let align = if size >= 8 { 8 } else { 4 };
    Known { name, special, size, align, unique }
}

const KNOWN: [Known; 7] = [
    known(b"bpf_spin_lock", Special::SpinLock, 4, true),
    known(b"bpf_res_spin_lock", Special::ResSpinLock, 4, true),
    known(b"bpf_list_head", Special::ListHead, 16, false),
    known(b"bpf_list_node", Special::ListNode, 24, false),
    known(b"bpf_rb_root", Special::RbRoot, 16, false),
    known(b"bpf_rb_node", Special::RbNode, 32, false),
    known(b"bpf_refcount", Special::Refcount, 4, false),
];

impl Special {
    pub(super) fn size(self) -> u32 {
        KNOWN.iter().find(|known| known.special == self).map_or(8, |known| known.size)
    }

    pub(super) fn is_root(self) -> bool {
        matches!(self, Special::ListHead | Special::RbRoot)
    }

    pub(super) fn is_pointer(self) -> bool {
        matches!(self, Special::Untrusted | Special::Owned | Special::PerCpu)
    }
}

/// A field: what it is, where, and what it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) special: Special,
    /// Bytes from the start of the struct.
    pub(super) offset: u32,
    /// What a pointer points to, or what a list or tree has: a struct's id.
    pub(super) target: u32,
    /// The name of the node in the struct that a list or tree has: a string offset.
    pub(super) node: u32,
}

/// What a member comes to, wherever its struct is used.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    Broken(&'static Rule),
    /// A struct within which there is nothing, of this height.
    Plain(u32),
    /// A struct within which there is something: its id, where it is, how many there are.
    Nested(u32, u32, u32),
    /// A special struct or pointer, and how many there are.
    Field(u32, Field),
}

/// What there is in a struct.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) effects: Vec<Effect>,
    /// How deep structs are nested in it that have nothing.
    height: u32,
    /// Whether there is more than nested structs with nothing.
    something: bool,
    /// What there can only be one of, and is there: bits of [`KNOWN`].
    seen: u32,
}

/// A tag `contains:`: where its value starts, and whether it is the only one.
struct Contains {
    value: u32,
    only: bool,
}

pub(super) struct Finder<'a, 'b> {
    pub(super) blob: &'b Blob<'a>,
    /// By struct and member.
    contains: HashMap<(u32, u32), Contains>,
    /// The first struct of each name.
    structs: HashMap<&'a [u8], u32>,
    summaries: HashMap<u32, Summary>,
    /// Where in the strings a colon or an end is, once that was needed.
    ends: OnceCell<Vec<u32>>,
}

const CONTAINS: &[u8] = b"contains:";

/// No struct's or member's name is as long: of what is compared with one, this is enough. Other names can be of
/// megabytes, and stand in every second record.
const LONG_NAME: usize = 600;

/// A name as the kernel compares it where it may be missing.
pub(super) fn shown<'a>(blob: &Blob<'a>, offset: u32) -> &'a [u8] {
    if offset == 0 { b"(anon)" } else { blob.short_name(offset, LONG_NAME) }
}

impl<'a, 'b> Finder<'a, 'b> {
    pub(super) fn new(blob: &'b Blob<'a>) -> Finder<'a, 'b> {
        let (mut contains, mut structs) = (HashMap::new(), HashMap::new());
        for ty in blob.ids().map(|id| blob.ty(id)) {
            if ty.is(Kind::STRUCT) {
                // A struct's name is an identifier or empty, and so short.
                structs.entry(blob.short_name(ty.name_off(), 513)).or_insert(ty.id);
            } else if ty.is(Kind::DECL_TAG)
                && blob.short_name(ty.name_off(), CONTAINS.len()) == CONTAINS
            {
                let value = ty.name_off().saturating_add(9);
                let tag = contains.entry((ty.target(), ty.fixed()));
                tag.and_modify(|tag: &mut Contains| tag.only = false)
                    .or_insert(Contains { value, only: true });
            }
        }
        Finder { blob, contains, structs, summaries: HashMap::new(), ends: OnceCell::new() }
    }

    /// The types that make a struct one with special fields if it has a member of them.
    pub(super) fn marks(&self) -> Vec<bool> {
        let mut marks = vec![false; self.blob.starts.len().saturating_add(1)];
        // The newer lock is looked for only where there is something else.
        let marking = KNOWN.iter().filter(|known| known.special != Special::ResSpinLock);
        let named = marking.filter_map(|known| self.structs.get(known.name).copied());
        let pointers = self
            .blob
            .ids()
            .filter(|id| matches!(pointer(self.blob, self.blob.ty(*id)), Ok(Some(_))));
        for id in named.chain(pointers) {
            if let Some(mark) = marks.get_mut(id as usize) {
                *mark = true;
            }
        }
        marks
    }

    pub(super) fn summary(&self, id: u32) -> Option<&Summary> {
        self.summaries.get(&id)
    }

    /// Makes the summaries of a struct and of all that is nested in it.
    pub(super) fn summarize(&mut self, root: u32) {
        // Structs, which of their members comes next, and what is known of them so far.
        let mut stack = vec![(root, 0, Summary::default())];
        while let Some((id, from, mut summary)) = stack.pop() {
            if self.summaries.contains_key(&id) {
                continue;
            }
            let ty = self.blob.ty(id);
            let mut needs = None;
            for member in ty.elements(from).map(Member::from) {
                if let Err(nested) = self.add(&mut summary, ty, member) {
                    needs = Some((member.number, nested));
                    break;
                }
            }
            if let Some((number, nested)) = needs {
                stack.push((id, number, summary));
                stack.push((nested, 0, Summary::default()));
            } else {
                self.summaries.insert(id, summary);
            }
        }
    }

    /// Adds a member to a summary; Err if a nested struct's summary must be made first.
    fn add(&self, summary: &mut Summary, ty: Type<'_>, member: Member) -> Result<(), u32> {
        let effect = match self.effect(ty, member, &mut summary.seen) {
            Some(Effect::Nested(nested, offset, count)) => {
                let Some(inner) = self.summaries.get(&nested) else {
                    return Err(nested);
                };
                if inner.something {
                    Effect::Nested(nested, offset, count)
                } else {
                    Effect::Plain(inner.height.saturating_add(1))
                }
            }
            Some(effect) => effect,
            None => return Ok(()),
        };
        if let Effect::Plain(height) = effect {
            // Only the deepest so far can make a difference.
            if height <= summary.height {
                return Ok(());
            }
            summary.height = height;
        } else {
            summary.something = true;
        }
        summary.effects.push(effect);
        Ok(())
    }

    /// What a member is, by itself; None if it is nothing special.
    fn effect(&self, outer: Type<'_>, member: Member, seen: &mut u32) -> Option<Effect> {
        let bits = outer.bit_offset(member);
        if !bits.is_multiple_of(8) {
            return Some(Effect::Broken(&rule::SPECIAL_BITFIELD));
        }
        let offset = bits / 8;
        let (mut ty, mut count, mut depth) = (self.blob.ty(member.ty), 1_u32, 0);
        while depth < MAX_DEPTH && ty.is(Kind::ARRAY) {
            count = count.wrapping_mul(ty.word(5));
            ty = self.blob.ty(ty.fixed());
            depth = depth.saturating_add(1);
        }
        if depth == MAX_DEPTH {
            return Some(Effect::Broken(&rule::SPECIAL_DEPTH));
        }
        if count == 0 {
            return None;
        }
        let name = shown(self.blob, ty.name_off());
        let Some(at) = KNOWN.iter().position(|known| known.name == name) else {
            if ty.is(Kind::STRUCT) {
                return Some(Effect::Nested(ty.id, offset, count));
            }
            // Anything may be a pointer.
            if !offset.is_multiple_of(8) {
                return None;
            }
            return match pointer(self.blob, ty) {
                Ok(None) => None,
                Ok(Some((special, target))) => {
                    let field = Field { special, offset, target, node: 0 };
                    Some(Effect::Field(count, field))
                }
                Err(rule) => Some(Effect::Broken(rule)),
            };
        };
        let known = KNOWN.get(at)?;
        if known.unique {
            // The kernel counts them in each struct by itself, those that are none in the end too.
            let bit = 1_u32.checked_shl(u32::try_from(at).ok()?)?;
            if *seen & bit != 0 {
                return Some(Effect::Broken(&rule::SPECIAL_TWICE));
            }
            *seen |= bit;
        }
        let fits = offset.checked_rem(known.align) == Some(0)
            && ty.is(Kind::STRUCT)
            && ty.size() == known.size;
        if !fits {
            return None;
        }
        let field = Field { special: known.special, offset, target: 0, node: 0 };
        if !known.special.is_root() {
            return Some(Effect::Field(count, field));
        }
        Some(match self.root(outer.id, member.number, field) {
            Ok(field) => Effect::Field(count, field),
            Err(rule) => Effect::Broken(rule),
        })
    }

    /// Whether there is a colon in the string at an offset, however long it is.
    fn has_colon(&self, offset: u32) -> bool {
        let strings = self.blob.strings;
        let ends = self.ends.get_or_init(|| {
            let ends = memchr::memchr2_iter(b':', 0, strings);
            ends.filter_map(|end| u32::try_from(end).ok()).collect()
        });
        let end = ends.get(ends.partition_point(|end| *end < offset));
        end.is_some_and(|end| strings.get(*end as usize) == Some(&b':'))
    }

    /// What a list or tree has in it, by the tag of the member.
    fn root(&self, outer: u32, member: u32, field: Field) -> Result<Field, &'static Rule> {
        let tag = self.contains.get(&(outer, member)).filter(|tag| tag.only);
        let tag = tag.ok_or(&rule::ROOT_TAG)?;
        let value = self.blob.short_name(tag.value, LONG_NAME);
        let Some(colon) = memchr::memchr(b':', value) else {
            // A longer name may end in a colon, but is no struct's.
            let long = value.len() == LONG_NAME && self.has_colon(tag.value);
            return Err(if long { &rule::ROOT_VALUE } else { &rule::ROOT_TAG });
        };
        let name = value.get(..colon).unwrap_or_default();
        let target = *self.structs.get(name).ok_or(&rule::ROOT_VALUE)?;
        let start = u32::try_from(colon).unwrap_or(u32::MAX).saturating_add(1);
        let node = tag.value.saturating_add(start);
        if self.blob.short_name(node, 1).is_empty() {
            return Err(&rule::ROOT_TAG);
        }
        Ok(Field { target, node, ..field })
    }
}

/// A pointer of a kind that is known by its tag, and what it points to.
fn pointer(blob: &Blob<'_>, ty: Type<'_>) -> Result<Option<(Special, u32)>, &'static Rule> {
    let ty = if ty.is(Kind::VOLATILE) { blob.ty(ty.target()) } else { ty };
    if !ty.is(Kind::PTR) {
        return Ok(None);
    }
    let tag = blob.ty(ty.target());
    if !tag.is(Kind::TYPE_TAG) || tag.kind_flag() {
        return Ok(None);
    }
    let mut target = blob.ty(tag.target());
    if target.is(Kind::TYPE_TAG) {
        return Err(&rule::KPTR_TAGS);
    }
    let special = match blob.short_name(tag.name_off(), 32) {
        b"kptr_untrusted" => Special::Untrusted,
        b"kptr" => Special::Owned,
        b"percpu_kptr" => Special::PerCpu,
        // It is for maps alone.
        b"uptr" => return Ok(None),
        _ => return Err(&rule::KPTR_TAG),
    };
    // A chain of modifiers has an end, and no more than 32 were new to the check of tags.
    while target.is_modifier() {
        target = blob.ty(target.target());
    }
    if !target.is(Kind::STRUCT) {
        return Err(&rule::KPTR_TARGET);
    }
    Ok(Some((special, target.id)))
}
