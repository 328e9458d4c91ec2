//! What is in a record: members, values and variables, as far as it can be told without other
//! types.

use super::Check;
use super::blob::{Element, Member, Type};
use super::rule;
use crate::kind::Kind;

pub(super) fn check(check: &mut Check<'_, '_>, ty: Type<'_>) {
    match ty.kind() {
        Kind::STRUCT | Kind::UNION => members(check, ty),
        Kind::ENUM | Kind::ENUM64 => values(check, ty),
        Kind::DATASEC => variables(check, ty),
        _ => {}
    }
}

fn members(check: &mut Check<'_, '_>, ty: Type<'_>) {
    let mut last = 0;
    for member in ty.elements(0).map(Member::from) {
        let offset = ty.bit_offset(member);
        if !check.blob.has_name(member.name) {
            let value = member.name.to_string();
            check.of_member(&rule::MEMBER_NAME_OFFSET, ty, member, false, &value);
        } else if member.name != 0 && !check.blob.is_identifier(member.name) {
            check.of_member(&rule::MEMBER_NAME, ty, member, false, "");
        }
        if !check.blob.is_some_id(member.ty) {
            check.of_member(&rule::MEMBER_TYPE_ID, ty, member, false, "");
        }
        if ty.is(Kind::UNION) && offset != 0 {
            check.of_member(&rule::UNION_OFFSET, ty, member, false, "");
        } else if last > offset {
            check.of_member(&rule::MEMBER_ORDER, ty, member, false, "");
        }
        if offset.div_ceil(8) > ty.size() {
            check.of_member(&rule::MEMBER_OFFSET_OLD, ty, member, false, "");
            check.of_member(&rule::MEMBER_OFFSET, ty, member, false, "");
        }
        last = offset;
    }
}

fn values(check: &mut Check<'_, '_>, ty: Type<'_>) {
    for element in ty.elements(0) {
        let [name, ..] = element.words;
        if !check.blob.has_name(name) {
            check.of_element(&rule::VALUE_NAME_OFFSET, ty, (element, name), |_| {
                format!("\t{}{name}", rule::VALUE_NAME_OFFSET.message)
            });
        } else if name == 0 || !check.blob.is_identifier(name) {
            check.of_element(&rule::VALUE_NAME, ty, (element, name), |blob| {
                blob.type_line(ty, true, rule::VALUE_NAME.message)
            });
        }
    }
}

fn variables(check: &mut Check<'_, '_>, ty: Type<'_>) {
    // That it has no size was said, or a compiler left it to who loads it.
    let is_open = ty.size() == 0;
    let (mut last_end, mut sum) = (0_u64, 0_u64);
    for var in ty.elements(0) {
        let Element { words: [id, offset, size], .. } = var;
        if !check.blob.is_some_id(id) {
            check.of_var(&rule::SECTION_VAR_ID, ty, var, false);
        }
        if is_open {
            continue;
        }
        if u64::from(offset) < last_end || offset >= ty.size() {
            check.of_var(&rule::SECTION_VAR_OFFSET, ty, var, false);
        }
        if size == 0 || size > ty.size() {
            check.of_var(&rule::SECTION_VAR_SIZE, ty, var, false);
        }
        // The kernel adds in 32 bits here.
        last_end = u64::from(offset.wrapping_add(size));
        if last_end > u64::from(ty.size()) {
            check.of_var(&rule::SECTION_VAR_END, ty, var, false);
        }
        sum = sum.saturating_add(u64::from(size));
    }
    if sum > u64::from(ty.size()) {
        check.of_type(&rule::SECTION_SUM, ty, "");
    }
}
