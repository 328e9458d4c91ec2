//! Whether a member fits into its struct, by what its type comes down to.

use super::blob::{Blob, Member, Type};
use super::resolve::Resolver;
use super::rule::{self, Rule};
use crate::kind::Kind;

/// The rule that a member breaks, and the member as the kernel would log it. The types in it are
/// resolved.
pub(super) fn check(
    blob: &Blob<'_>,
    resolver: &Resolver,
    ty: Type<'_>,
    member: Member,
    target: Type<'_>,
) -> Option<(&'static Rule, Member)> {
    let (mut member, mut target) = (member, target);
    if target.is_modifier() {
        let Some((sized, _)) = resolver.sized(blob, target.id) else {
            return Some((&rule::MEMBER_TARGET, member));
        };
        (member.ty, target) = (sized.id, sized);
    }
    let (flag, bitfield) = (ty.kind_flag(), member.offset >> 24);
    let broken = match target.kind() {
        Kind::INT if flag => bitfield_of_int(ty, member, target),
        Kind::INT => int(ty, member, target),
        Kind::ENUM | Kind::ENUM64 if flag => bitfield_of_enum(ty, member),
        _ if flag && bitfield != 0 => Some(&rule::BITFIELD_SIZE),
        Kind::FLOAT => float(ty, member, target),
        Kind::ENUM if blob.format.small_enums => whole(ty, member, 4),
        _ => {
            let size = resolver.sized(blob, target.id).map_or(0, |(_, size)| size);
            whole(ty, member, size)
        }
    };
    broken.map(|rule| (rule, member))
}

/// Whether `bits` from bit `offset` on, of which it takes whole bytes, are in the struct.
fn fits(ty: Type<'_>, offset: u32, bits: u32) -> bool {
    let start = offset / 8;
    ty.size() >= start && ty.size().wrapping_sub(start) >= bits.div_ceil(8)
}

fn copied(ty: Type<'_>, offset: u32, bits: u32) -> Option<&'static Rule> {
    let bits = bits.saturating_add(offset % 8);
    if bits > 64 && ty.has_short_ints() {
        Some(&rule::MEMBER_BITS_64)
    } else if bits > 128 {
        Some(&rule::MEMBER_BITS)
    } else if !fits(ty, offset, bits) {
        Some(&rule::MEMBER_END)
    } else {
        None
    }
}

fn int(ty: Type<'_>, member: Member, int: Type<'_>) -> Option<&'static Rule> {
    match member.offset.checked_add(int.int_offset()) {
        None => Some(&rule::MEMBER_RANGE),
        Some(offset) => copied(ty, offset, int.int_bits()),
    }
}

fn bitfield_of_int(ty: Type<'_>, member: Member, int: Type<'_>) -> Option<&'static Rule> {
    let (size, offset) = (member.offset >> 24, ty.bit_offset(member));
    if !int.is_regular_int() {
        Some(&rule::BITFIELD_BASE)
    } else if size == 0 && !offset.is_multiple_of(8) {
        Some(&rule::BITFIELD_OFFSET)
    } else if size > int.int_bits() {
        Some(&rule::BITFIELD_SIZE)
    } else {
        copied(ty, offset, if size == 0 { int.int_bits() } else { size })
    }
}

/// The kernel takes every enum for one of 4 bytes here.
fn bitfield_of_enum(ty: Type<'_>, member: Member) -> Option<&'static Rule> {
    let (size, offset) = (member.offset >> 24, ty.bit_offset(member));
    let bits = if size == 0 { 32 } else { size };
    if size == 0 && !offset.is_multiple_of(8) {
        Some(&rule::MEMBER_ALIGN)
    } else if size > 32 {
        Some(&rule::BITFIELD_SIZE)
    } else if ty.size() < offset.saturating_add(bits).div_ceil(8) {
        Some(&rule::MEMBER_END)
    } else {
        None
    }
}

fn float(ty: Type<'_>, member: Member, float: Type<'_>) -> Option<&'static Rule> {
    let align = float.size().min(8).saturating_mul(8);
    let end = u64::from(member.offset / 8).saturating_add(u64::from(float.size()));
    if member.offset.checked_rem(align) != Some(0) {
        Some(&rule::MEMBER_FLOAT_ALIGN)
    } else if end > u64::from(ty.size()) {
        Some(&rule::MEMBER_END)
    } else {
        None
    }
}

/// Pointers, arrays, structs, and enums that are no bitfields.
fn whole(ty: Type<'_>, member: Member, size: u32) -> Option<&'static Rule> {
    if !member.offset.is_multiple_of(8) {
        Some(&rule::MEMBER_ALIGN)
    } else if ty.size().wrapping_sub(member.offset / 8) < size {
        Some(&rule::MEMBER_END)
    } else {
        None
    }
}
