//! Functions and their prototypes.

use super::Check;
use super::blob::{Element, Type};
use super::format::Format;
use super::resolve::{Resolver, is_extern};
use super::rule;
use crate::kind::Kind;

/// Checks what a prototype returns and takes.
pub(super) fn check(check: &mut Check<'_, '_>, resolver: &mut Resolver, ty: Type<'_>) {
    let Format { strict_returns, strict_arguments, .. } = check.blob.format;
    if ty.target() != 0 && !is_value(check, resolver, ty.target(), strict_returns) {
        check.of_type(&rule::RETURN_TYPE, ty, "");
    }
    let last = ty.vlen().saturating_sub(1);
    let variadic = |words: [u32; 3]| matches!(words, [_, 0, _]);
    // The kernel looks at the last one first.
    if ty.vlen() != 0 {
        let Element { words: [name, arg, _], .. } = ty.element(last);
        if arg == 0 && name != 0 {
            check.of_type(&rule::ARG_VOID, ty, &ty.vlen().to_string());
        }
    }
    for Element { number, words, .. } in ty.elements(0) {
        let [name, arg, _] = words;
        if number == last && variadic(words) {
            break;
        }
        let named = name == 0 || check.blob.has_name(name) && check.blob.is_identifier(name);
        // The name is looked at first.
        if !named || !is_value(check, resolver, arg, strict_arguments) {
            check.of_type(&rule::ARG, ty, &number.saturating_add(1).to_string());
        }
    }
}

/// Whether a type can be passed by value. What is not known for another finding counts as such.
fn is_value(check: &mut Check<'_, '_>, resolver: &mut Resolver, id: u32, strict: bool) -> bool {
    let Some(ty) = check.blob.get(id).filter(|ty| !strict || !ty.is_source_only()) else {
        return false;
    };
    if ty.needs_resolve() {
        resolver.resolve(check, ty);
    }
    resolver.is_lost(id) || resolver.sized(&check.blob, id).is_some()
}

/// Checks that a function has a prototype whose arguments have names; false if there is a finding.
pub(super) fn names(check: &mut Check<'_, '_>, resolver: &Resolver, ty: Type<'_>) -> bool {
    let proto = check.blob.get(ty.target()).filter(|proto| proto.is(Kind::FUNC_PROTO));
    let Some(proto) = proto else {
        check.of_type(&rule::TARGET, ty, "");
        return false;
    };
    if resolver.is_lost(proto.id) {
        return true;
    }
    let mut named = true;
    for Element { number, words: [name, arg, _], .. } in proto.elements(0) {
        if name == 0 && arg != 0 && !is_extern(check, ty) {
            check.of_type(&rule::FUNC_ARG, ty, &number.saturating_add(1).to_string());
            named = false;
        }
    }
    named
}
