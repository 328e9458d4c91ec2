//! Type tags stand before all modifiers: `PTR -> TYPE_TAG -> CONST -> INT`.

use super::Check;
use super::rule;
use crate::kind::Kind;

/// How many modifiers the kernel follows.
const MAX_CHAIN: u32 = 32;

pub(super) fn check(check: &mut Check<'_, '_>) {
    // What starts at or before this id is known to be in order.
    let mut good = check.blob.first_id.saturating_sub(1);
    for id in check.blob.ids() {
        let mut ty = check.blob.ty(id);
        if !ty.is_modifier() {
            continue;
        }
        let mut in_tags = ty.is(Kind::TYPE_TAG);
        let mut left = MAX_CHAIN;
        while ty.is_modifier() {
            let Some(less) = left.checked_sub(1) else {
                check.with_line(&rule::TAG_CHAIN, check.blob.ty(id), "", rule::TAG_CHAIN.message);
                break;
            };
            left = less;
            if !ty.is(Kind::TYPE_TAG) {
                in_tags = false;
            } else if !in_tags {
                check.with_line(&rule::TAG_ORDER, check.blob.ty(id), "", rule::TAG_ORDER.message);
                break;
            }
            if ty.id <= good {
                break;
            }
            // Where types are not resolved first, there may be nothing.
            let Some(next) = check.blob.get(ty.target()) else {
                check.with_line(&rule::TAG_TARGET, check.blob.ty(id), "", "");
                break;
            };
            ty = next;
        }
        good = id;
    }
}
