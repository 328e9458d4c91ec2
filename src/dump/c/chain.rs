//! From a type to what it is made of: pointers, arrays, functions and qualifiers, down to a base.

use super::source::Source;
use crate::btf::{Record, TypeId};
use crate::kind::Kind;

/// So many links are followed; C compilers give up at 256 nested brackets.
pub(super) const MAX_LINKS: usize = 256;

/// What a type is to a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Pointer,
    Array,
    Function,
    /// `const` and the like, and type tags.
    Qualifier,
    /// The end of the chain.
    Base,
}

impl Part {
    pub(super) fn of(ty: Record<'_>) -> Part {
        match ty.kind() {
            Kind::PTR => Part::Pointer,
            Kind::ARRAY => Part::Array,
            Kind::FUNC_PROTO => Part::Function,
            Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG => Part::Qualifier,
            _ => Part::Base,
        }
    }
}

/// What a chain ends in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Base<'a> {
    Void,
    Type(Record<'a>),
    /// Longer than anything that a compiler takes, or a loop.
    TooLong,
}

/// Whether this is the compiler's own typedef, which nobody may define: what it stands for is
/// printed in its place.
pub(super) fn is_builtin(btf: &Source<'_>, ty: Record<'_>) -> bool {
    ty.kind() == Kind::TYPEDEF && btf.strings(ty.name_off().0).starts_with(b"__builtin_va_list\0")
}

/// The type that a link leads to.
pub(super) fn next(ty: Record<'_>) -> TypeId {
    match (ty.kind(), ty.behind_header()) {
        (Kind::ARRAY, [element, ..]) => TypeId(*element),
        _ => TypeId(ty.size_or_type()),
    }
}

/// The members of a struct or union: name, type and offset.
pub(super) fn members<'a>(ty: Record<'a>) -> &'a [[u32; 3]] {
    ty.behind_header().as_chunks().0
}

/// The parameters of a function prototype: name and type.
pub(super) fn parameters<'a>(ty: Record<'a>) -> &'a [[u32; 2]] {
    ty.behind_header().as_chunks().0
}

/// The number of elements of an array.
pub(super) fn count(ty: Record<'_>) -> u32 {
    ty.behind_header().get(2).copied().unwrap_or(0)
}

/// Collects the links from a type to its base, the type's own first. Qualifiers of arrays are put
/// behind the arrays, where C has them: at the element.
pub(super) fn collect<'a>(btf: &Source<'a>, id: TypeId, links: &mut Vec<Record<'a>>) -> Base<'a> {
    links.clear();
    let mut id = id;
    // Where the qualifiers at the end of `links` start.
    let mut qualifiers = 0;
    for _ in 0..MAX_LINKS {
        let Some(ty) = btf.get(id) else { return Base::Void };
        match Part::of(ty) {
            Part::Base if ty.kind() == Kind::FUNC && links.is_empty() => {}
            Part::Base if is_builtin(btf, ty) => {}
            Part::Base => return Base::Type(ty),
            Part::Pointer => {
                links.push(ty);
                qualifiers = links.len();
            }
            Part::Function => {
                // There are no qualified functions.
                links.truncate(qualifiers);
                links.push(ty);
                qualifiers = links.len();
            }
            Part::Array => {
                links.insert(qualifiers, ty);
                qualifiers = qualifiers.saturating_add(1);
            }
            Part::Qualifier => {
                let same = |other: &Record<'_>| {
                    other.kind() == ty.kind() && other.name_off() == ty.name_off()
                };
                if !links.iter().skip(qualifiers).any(same) {
                    links.push(ty);
                }
            }
        }
        id = next(ty);
    }
    Base::TooLong
}

/// Whether a type is a struct or union.
pub(super) fn is_record(ty: Record<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

/// Whether a type is an enum, of either kind.
pub(super) fn is_enum(ty: Record<'_>) -> bool {
    matches!(ty.kind(), Kind::ENUM | Kind::ENUM64)
}

/// Whether a type has no name of its own and is spelled out where it is used.
pub(super) fn is_inline(ty: Record<'_>) -> bool {
    ty.name_off().0 == 0 && (is_record(ty) || is_enum(ty))
}

/// Whether C has a word for a kind of base.
pub(super) fn is_c(ty: Record<'_>) -> bool {
    is_record(ty)
        || is_enum(ty)
        || matches!(ty.kind(), Kind::INT | Kind::FLOAT | Kind::FWD | Kind::TYPEDEF)
}
