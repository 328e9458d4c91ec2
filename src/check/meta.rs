//! Each record by itself: its size, its info, its name, and what its words may be.
//!
//! What a kind is checked for is a list of steps, in the kernel's order.

use std::fmt;

use super::blob::Type;
use super::element;
use super::rule::{self, Rule};
use super::{Check, Role};
use crate::kind::{Kind, KindSpec, Sizes};

/// A rule, and whether a record breaks it.
type Step = (&'static Rule, fn(&Check<'_, '_>, Type<'_>) -> bool);

const NO_VLEN: Step = (&rule::VLEN, |_, ty| ty.vlen() != 0);
const NO_FLAG: Step = (&rule::KIND_FLAG, |_, ty| ty.kind_flag());
const NO_NAME: Step = (&rule::NAMED, |_, ty| ty.name_off() != 0);
const NAME: Step =
    (&rule::NAME, |c, ty| ty.name_off() == 0 || !c.blob.is_identifier(ty.name_off()));
const NAME_IF_ANY: Step =
    (&rule::NAME_IF_ANY, |c, ty| ty.name_off() != 0 && !c.blob.is_identifier(ty.name_off()));
const VAR_NAME: Step =
    (&rule::NAME, |c, ty| ty.name_off() == 0 || !c.blob.is_variable_name(ty.name_off()));
const SECTION_NAME: Step =
    (&rule::SECTION_NAME, |c, ty| ty.name_off() == 0 || !c.blob.is_section_name(ty.name_off()));
const TAG_NAME: Step = (&rule::TAG_NAME, |c, ty| c.blob.short_name(ty.name_off(), 1).is_empty());
const TAG_VALUE: Step = (&rule::TAG_VALUE, |c, ty| c.blob.short_name(ty.name_off(), 1).is_empty());
/// Tags could not be for attributes at first.
const TAG_FLAG: Step = (&rule::TAG_FLAG, |_, ty| ty.kind_flag());
const TYPE_ID: Step = (&rule::TYPE_ID, |c, ty| ty.target() > c.blob.format.max_type);
const VAR_TYPE_ID: Step = (&rule::VAR_TYPE_ID, |c, ty| !c.blob.is_some_id(ty.target()));

const INT: &[Step] = &[
    NO_VLEN,
    NO_FLAG,
    (&rule::INT_DATA, |_, ty| ty.fixed() >> 28 != 0),
    (&rule::INT_BITS_64, |_, ty| bits(ty) > 64),
    (&rule::INT_BITS, |_, ty| bits(ty) > 128),
    (&rule::INT_SIZE, |_, ty| bits(ty).div_ceil(8) > ty.size()),
    (&rule::INT_ENCODING, |_, ty| !matches!(ty.fixed() >> 24 & 0xf, 0 | 1 | 2 | 4)),
];
const REFERENCE: &[Step] = &[NO_VLEN, NO_FLAG, TYPE_ID, NO_NAME];
const TYPEDEF: &[Step] = &[NO_VLEN, NO_FLAG, TYPE_ID, NAME];
const TYPE_TAG: &[Step] = &[NO_VLEN, TAG_FLAG, TYPE_ID, TAG_NAME];
const ARRAY: &[Step] = &[
    NO_NAME,
    NO_VLEN,
    NO_FLAG,
    (&rule::ARRAY_SIZE, |_, ty| ty.size() != 0),
    (&rule::ARRAY_ELEM_ID, |c, ty| !c.blob.is_some_id(ty.fixed())),
    (&rule::ARRAY_INDEX_ID, |c, ty| !c.blob.is_some_id(ty.word(4))),
];
const STRUCT: &[Step] = &[NAME_IF_ANY];
const ENUM: &[Step] = &[
    (&rule::ENUM_FLAG, |_, ty| ty.kind_flag()),
    (&rule::ENUM_SIZE_4, |_, ty| ty.size() != 4),
    (&rule::ENUM_SIZE, |_, ty| !matches!(ty.size(), 1 | 2 | 4 | 8)),
    NAME_IF_ANY,
];
const ENUM64: &[Step] =
    &[(&rule::ENUM_SIZE, |_, ty| !matches!(ty.size(), 1 | 2 | 4 | 8)), NAME_IF_ANY];
const FWD: &[Step] = &[NO_VLEN, (&rule::FWD_TYPE, |_, ty| ty.target() != 0), NAME];
const FUNC: &[Step] = &[
    NAME,
    (&rule::FUNC_VLEN, |_, ty| ty.vlen() != 0),
    (&rule::FUNC_LINKAGE, |c, ty| ty.vlen() > last_linkage(c)),
    NO_FLAG,
];
const FUNC_PROTO: &[Step] = &[NO_NAME, NO_FLAG];
const VAR: &[Step] = &[
    NO_VLEN,
    NO_FLAG,
    VAR_NAME,
    VAR_TYPE_ID,
    (&rule::VAR_LINKAGE, |c, ty| ty.fixed() > last_linkage(c)),
];
const DATASEC: &[Step] = &[
    (&rule::SECTION_VARS, |_, ty| ty.vlen() == 0),
    (&rule::SECTION_EMPTY, |c, ty| ty.size() == 0 && c.options.role != Role::Object),
    NO_FLAG,
    SECTION_NAME,
];
const FLOAT: &[Step] =
    &[NO_VLEN, NO_FLAG, (&rule::FLOAT_SIZE, |_, ty| !matches!(ty.size(), 2 | 4 | 8 | 12 | 16))];
const DECL_TAG: &[Step] =
    &[TAG_VALUE, NO_VLEN, TAG_FLAG, (&rule::TAG_COMPONENT, |_, ty| ty.fixed().cast_signed() < -1)];

fn steps(kind: Kind) -> &'static [Step] {
    match kind {
        Kind::INT => INT,
        Kind::TYPEDEF => TYPEDEF,
        Kind::TYPE_TAG => TYPE_TAG,
        Kind::ARRAY => ARRAY,
        Kind::STRUCT | Kind::UNION => STRUCT,
        Kind::ENUM => ENUM,
        Kind::ENUM64 => ENUM64,
        Kind::FWD => FWD,
        Kind::FUNC => FUNC,
        Kind::FUNC_PROTO => FUNC_PROTO,
        Kind::VAR => VAR,
        Kind::DATASEC => DATASEC,
        Kind::FLOAT => FLOAT,
        Kind::DECL_TAG => DECL_TAG,
        _ => REFERENCE,
    }
}

/// What a compiler leaves extern (2) is linked by who loads it.
fn last_linkage(check: &Check<'_, '_>) -> u32 {
    if check.options.role == Role::Object { 2 } else { 1 }
}

fn bits(ty: Type<'_>) -> u32 {
    ty.int_bits().saturating_add(ty.int_offset())
}

/// Checks all records and finds where each starts. Gives which ones had findings, by id from the
/// first own one on, or None if not all could be walked.
pub(super) fn check(check: &mut Check<'_, '_>) -> Option<Vec<bool>> {
    let mut broken = Vec::new();
    let mut at = 0_u32;
    // The type section is of less than 4 GiB.
    let all = u32::try_from(check.blob.types.len()).unwrap_or(u32::MAX);
    let first = check.blob.first_id;
    while at < all {
        let id = first.saturating_add(u32::try_from(broken.len()).unwrap_or(u32::MAX));
        let ty = check.blob.at(id, at);
        check.blob.starts.push(at);
        let before = check.findings.count();
        let size = record(check, ty, all.saturating_sub(at))?;
        broken.push(check.findings.count() != before);
        at = at.saturating_add(size);
    }
    let kept = check.blob.format.last_type().saturating_sub(first).saturating_add(1) as usize;
    if let Some(lost) = check.blob.starts.get(kept) {
        let offset = check.blob.types_at.saturating_add(*lost as usize);
        let lost = check.blob.starts.len().saturating_sub(kept);
        check.at(&rule::DROPPED, offset, format_args!("{lost} types"));
    }
    Some(broken)
}

/// A finding of which the kernel logs no more than the type's id.
fn bare(check: &mut Check<'_, '_>, rule: &Rule, ty: Type<'_>, value: impl fmt::Display) {
    let value = value.to_string();
    check.with_line(rule, ty, &value, &format!("[{}] {}{value}", ty.id, rule.message));
}

/// Checks one record; gives its size, None if there is no going on behind it.
fn record(check: &mut Check<'_, '_>, ty: Type<'_>, left: u32) -> Option<u32> {
    let Some(left) = left.checked_sub(12) else {
        bare(check, &rule::RECORD_CUT, ty, format_args!("{left} meta_needed:12"));
        return None;
    };
    let info = ty.info();
    if info & check.blob.format.unused != 0 {
        bare(check, &rule::INFO_BITS, ty, format_args!("{info:x}"));
    }
    let misread = ty.is_misread();
    if !misread && ty.spec().is_none() {
        check.unknown_kind = true;
        bare(check, &rule::KIND, ty, ty.kind());
    }
    if misread || ty.spec().is_none() {
        return foreign(check, ty, left);
    }
    if !check.blob.has_name(ty.name_off()) {
        bare(check, &rule::NAME_OFFSET, ty, ty.name_off());
    }
    let needed = ty.meta_size();
    if left < needed {
        let value = format!("{left} meta_needed:{needed}");
        let message = format!("{}{value}", rule::RECORD_CUT.message);
        let line = check.blob.type_line(ty, false, &message);
        check.with_line(&rule::RECORD_CUT, ty, &value, &line);
        return None;
    }
    for (rule, is_broken) in steps(ty.kind()) {
        if !is_broken(check, ty) {
            continue;
        }
        if rule.name == rule::INT_DATA.name {
            let value = format!("{:x}", ty.fixed());
            let line = check.blob.type_line(ty, false, &format!("{}{value}", rule.message));
            check.with_line(rule, ty, &value, &line);
        } else {
            check.of_type(rule, ty, "");
        }
    }
    element::check(check, ty);
    Some(needed.saturating_add(12))
}

/// The size of a record that this kernel cannot read, if we can: it is newer, or described.
fn foreign(check: &Check<'_, '_>, ty: Type<'_>, left: u32) -> Option<u32> {
    let kind = Kind::of_info(ty.info());
    let Sizes { fixed, element } = match KindSpec::released().get(kind.index().wrapping_sub(1)) {
        Some(spec) => Sizes::of(spec),
        None => Sizes::of(&check.kinds.as_ref()?.get(kind)?.spec),
    };
    let vlen = (ty.info() & 0x00ff_ffff) as usize;
    let words = element.saturating_mul(vlen).saturating_add(fixed);
    let needed = u32::try_from(words.saturating_mul(4)).ok()?;
    (needed <= left).then(|| needed.saturating_add(12))
}
