//! The table: what not every kernel takes, and what takes its place. docs/DEGRADE.md says where
//! each version is known from.

use std::sync::LazyLock;

use super::edit::{
    DOTS, Edit, LONG_NAMES, Name, SECTION_NAMES, elements, fixed, flag, info, kind, record, third,
    vlen,
};
use super::{LAYOUT, Rule};
use crate::kind::{Kind, KindSpec, Version};

/// A rule for single records.
pub(super) struct Row {
    pub(super) rule: Rule,
    /// The kinds that it is for; none means all.
    kinds: &'static [Kind],
    /// Whether a record breaks it.
    pub(super) test: fn(&Edit<'_>, &[u32]) -> bool,
    /// What the record becomes.
    pub(super) replace: fn(&mut Edit<'_>, &[u32]) -> Vec<u32>,
}

impl Row {
    pub(super) fn is_for(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

pub(super) const LAYOUT_SECTION: &str = "layout section";
pub(super) const MANY_TYPES: &str = "many types";
pub(super) const MANY_STRINGS: &str = "many strings";

/// What is wrong with a blob as a whole.
pub(super) static WHOLE: [Rule; 3] = [
    Rule {
        name: LAYOUT_SECTION,
        since: Some(LAYOUT),
        what: "a layout section",
        becomes: Some("a header and no such section"),
    },
    Rule { name: MANY_TYPES, since: v(5, 4), what: "more than 65,534 types", becomes: None },
    Rule {
        name: MANY_STRINGS,
        since: v(5, 4),
        what: "more than 65,536 bytes of strings",
        becomes: None,
    },
];

/// Every rule, in the order in which they are tried.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    RECORDS.iter().chain(FOLLOWING.iter()).map(|row| &row.rule).chain(&WHOLE)
}

const fn v(major: u16, minor: u16) -> Option<Version> {
    Some(Version { major, minor })
}

/// The first kernel that has a kind.
fn since(kind: Kind) -> Option<Version> {
    KindSpec::released().iter().find(|spec| spec.kind == kind).and_then(|spec| spec.since)
}

/// The whole kind is newer than some kernels.
fn whole_kind(
    kinds: &'static [Kind],
    name: &'static str,
    what: &'static str,
    becomes: &'static str,
    replace: fn(&mut Edit<'_>, &[u32]) -> Vec<u32>,
) -> Row {
    let since = kinds.first().and_then(|kind| since(*kind));
    Row {
        rule: Rule { name, since, what, becomes: Some(becomes) },
        kinds,
        test: |_, _| true,
        replace,
    }
}

/// What a kernel of the version can take or not by the record alone. Whole kinds come first: what
/// they become may break a rule behind them.
pub(super) static RECORDS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rule = |name, since, what, becomes| Rule { name, since, what, becomes: Some(becomes) };
    vec![
        Row {
            rule: rule(
                "unreleased kind",
                None,
                "a kind that is not released",
                "INT of one byte, of the same name",
            ),
            kinds: &[],
            test: |_, words| !kind(words).is_released(),
            replace: one_byte,
        },
        whole_kind(
            &[Kind::FUNC],
            "FUNC",
            "kind FUNC",
            "TYPEDEF of the same name and type",
            func_to_typedef,
        ),
        whole_kind(
            &[Kind::FUNC_PROTO],
            "FUNC_PROTO",
            "kind FUNC_PROTO",
            "ENUM without values",
            |_, _| record(0, Kind::ENUM, 0, 4),
        ),
        whole_kind(&[Kind::VAR], "VAR", "kind VAR", "INT of one byte, of the same name", one_byte),
        whole_kind(
            &[Kind::DATASEC],
            "DATASEC",
            "kind DATASEC",
            "STRUCT with a member for each variable",
            datasec_to_struct,
        ),
        whole_kind(
            &[Kind::FLOAT],
            "FLOAT",
            "kind FLOAT",
            "STRUCT of its size without name and members",
            empty_struct,
        ),
        whole_kind(
            &[Kind::DECL_TAG],
            "DECL_TAG",
            "kind DECL_TAG",
            "INT of one byte, of the same name",
            one_byte,
        ),
        whole_kind(
            &[Kind::TYPE_TAG],
            "TYPE_TAG",
            "kind TYPE_TAG",
            "CONST of the same type",
            |_, words| record(0, Kind::CONST, 0, third(words)),
        ),
        whole_kind(
            &[Kind::ENUM64],
            "ENUM64",
            "kind ENUM64",
            "UNION of its size with a member for each value",
            enum_to_union::<3>,
        ),
        Row {
            rule: rule(
                "wide INT",
                v(5, 1),
                "an INT of more than 64 bits",
                "STRUCT of its size without name and members",
            ),
            kinds: &[Kind::INT],
            test: |_, words| (fixed(words) & 0xff).saturating_add(fixed(words) >> 16 & 0xff) > 64,
            replace: empty_struct,
        },
        Row {
            rule: rule(
                "bitfields",
                v(5, 0),
                "a struct that says how wide its bitfields are (kind_flag)",
                "the same with bitfields of INTs as wide as they are",
            ),
            kinds: &[Kind::STRUCT, Kind::UNION],
            test: |_, words| flag(words),
            replace: plain_members,
        },
        Row {
            rule: rule(
                "union FWD",
                v(5, 0),
                "a forward declaration of a union (kind_flag)",
                "that of a struct",
            ),
            kinds: &[Kind::FWD],
            test: |_, words| flag(words),
            replace: without_flag,
        },
        Row {
            rule: rule(
                "large ENUM",
                v(5, 4),
                "an ENUM of 8 bytes",
                "UNION of its size with a member for each value",
            ),
            kinds: &[Kind::ENUM],
            test: |_, words| third(words) == 8,
            replace: enum_to_union::<2>,
        },
        Row {
            rule: rule(
                "small ENUM",
                v(5, 7),
                "an ENUM of less than 4 bytes",
                "UNION of its size with a member for each value",
            ),
            kinds: &[Kind::ENUM],
            test: |_, words| third(words) < 4,
            replace: enum_to_union::<2>,
        },
        Row {
            rule: rule(
                "signed ENUM",
                v(6, 0),
                "an ENUM that is said to be signed (kind_flag)",
                "one of which this is not said",
            ),
            kinds: &[Kind::ENUM],
            test: |_, words| flag(words),
            replace: without_flag,
        },
        Row {
            rule: rule(
                "attribute",
                v(6, 15),
                "a tag for an attribute (kind_flag)",
                "an ordinary tag of this name",
            ),
            kinds: &[Kind::DECL_TAG, Kind::TYPE_TAG],
            test: |_, words| flag(words),
            replace: without_flag,
        },
        Row {
            rule: rule(
                "linkage",
                v(5, 6),
                "a FUNC that is not static",
                "one that is said to be static",
            ),
            kinds: &[Kind::FUNC],
            test: |_, words| vlen(words) != 0,
            replace: |_, words| record(name(words), Kind::FUNC, 0, third(words)),
        },
        Row {
            rule: rule("extern FUNC", None, "a FUNC that is extern", "one that is global"),
            kinds: &[Kind::FUNC],
            test: |_, words| vlen(words) > 1,
            replace: |_, words| record(name(words), Kind::FUNC, 1, third(words)),
        },
        Row {
            rule: rule("extern VAR", None, "a VAR that is extern", "one that is global"),
            kinds: &[Kind::VAR],
            test: |_, words| fixed(words) > 1,
            replace: |_, words| {
                let mut var = words.to_vec();
                var.iter_mut().skip(3).for_each(|linkage| *linkage = 1);
                var
            },
        },
        Row {
            rule: rule(
                "empty DATASEC",
                v(5, 12),
                "a DATASEC without variables",
                "STRUCT without members",
            ),
            kinds: &[Kind::DATASEC],
            test: |_, words| vlen(words) == 0,
            replace: datasec_to_struct,
        },
        Row {
            rule: rule(
                "many elements",
                v(7, 2),
                "more than 65,535 elements",
                "the same with its first 65,535",
            ),
            kinds: &[],
            test: |_, words| vlen(words) > 0xffff,
            replace: fewer_elements,
        },
        Row {
            rule: rule("names", None, "a name that is none in C", "'_' where it is not"),
            kinds: &[],
            test: |edit, words| edit.has_bad_name(words, Version { major: u16::MAX, minor: 0 }),
            replace: |edit, words| edit.with_valid_names(words),
        },
        Row {
            rule: rule(
                "section name",
                Some(SECTION_NAMES),
                "a special character in the name of a section",
                "'_' in its place",
            ),
            kinds: &[Kind::DATASEC],
            test: |edit, words| edit.has_bad_name(words, DOTS),
            replace: |edit, words| edit.with_valid_names(words),
        },
        Row {
            rule: rule("dotted name", Some(DOTS), "a name with a dot", "'_' in its place"),
            kinds: &[],
            test: |edit, words| {
                edit.has_bad_name(words, LONG_NAMES) && Name::of(kind(words)) == Name::Identifier
            },
            replace: |edit, words| edit.with_valid_names(words),
        },
        Row {
            rule: rule(
                "long name",
                Some(LONG_NAMES),
                "a name of more than 128 bytes",
                "its first 128 bytes",
            ),
            kinds: &[],
            test: |edit, words| edit.has_bad_name(words, edit.version),
            replace: |edit, words| edit.with_valid_names(words),
        },
    ]
});

/// What can't stay since it refers to what was replaced.
pub(super) static FOLLOWING: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rule = |name, what, becomes| Rule { name, since: None, what, becomes: Some(becomes) };
    vec![
        Row {
            rule: rule(
                "no prototype",
                "a FUNC of what is no prototype any more",
                "TYPEDEF of the same name and type",
            ),
            kinds: &[Kind::FUNC],
            test: |edit, words| {
                let to = third(words);
                is_changed(edit, to) && kind(edit.words(to)) != Kind::FUNC_PROTO
            },
            replace: func_to_typedef,
        },
        Row {
            rule: rule(
                "no variable",
                "a DATASEC of what is no variable any more",
                "STRUCT with a member for each variable",
            ),
            kinds: &[Kind::DATASEC],
            test: |edit, words| {
                let lost = |[var, ..]: &[u32; 3]| {
                    is_changed(edit, *var) && kind(edit.words(*var)) == Kind::INT
                };
                elements(words).iter().any(lost)
            },
            replace: datasec_to_struct,
        },
        Row {
            rule: rule(
                "bitfield type",
                "a bitfield of what can't be one any more",
                "the same as a bitfield of an INT",
            ),
            kinds: &[Kind::STRUCT, Kind::UNION],
            test: |edit, words| {
                flag(words) && elements(words).iter().any(|member| !takes_bits(edit, member))
            },
            replace: int_bitfields,
        },
        Row {
            rule: rule(
                "tag target",
                "a DECL_TAG on what can't have one any more",
                "INT of one byte, of the same name",
            ),
            kinds: &[Kind::DECL_TAG],
            test: |edit, words| {
                let to = edit.words(third(words));
                let prototype = if kind(to) == Kind::FUNC { third(to) } else { 0 };
                let moved = is_changed(edit, third(words)) || is_changed(edit, prototype);
                moved && !can_be_tagged(edit, words)
            },
            replace: one_byte,
        },
    ]
});

fn is_changed(edit: &Edit<'_>, id: u32) -> bool {
    edit.changed.contains_key(&id)
}

/// Whether a member is none with a bitfield size, or of a type that takes it, or was wrong before.
fn takes_bits(edit: &Edit<'_>, member: &[u32; 3]) -> bool {
    let [_, ty, place] = member;
    let ty = edit.resolved(*ty);
    let words = edit.words(ty);
    let wide_enough = match kind(words) {
        Kind::INT => fixed(words) & 0xff >= place >> 24,
        kind => kind == Kind::ENUM || kind == Kind::ENUM64,
    };
    place >> 24 == 0 || wide_enough || !is_changed(edit, ty)
}

/// Whether the kernel takes a DECL_TAG where it is.
fn can_be_tagged(edit: &Edit<'_>, tag: &[u32]) -> bool {
    let to = edit.words(third(tag));
    let components = match kind(to) {
        Kind::STRUCT | Kind::UNION => vlen(to),
        Kind::FUNC => vlen(edit.words(third(to))),
        Kind::VAR | Kind::TYPEDEF => 0,
        _ => return false,
    };
    fixed(tag) == u32::MAX || fixed(tag) < components
}

fn name(words: &[u32]) -> u32 {
    words.first().copied().unwrap_or(0)
}

/// An INT of one byte: nothing that holds it is too small for it.
fn one_byte(_: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let mut int = record(name(words), Kind::INT, 0, 1);
    int.push(8);
    int
}

fn func_to_typedef(_: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    record(name(words), Kind::TYPEDEF, 0, third(words))
}

/// A STRUCT of the size alone: its name is often none that a struct can have.
fn empty_struct(_: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    record(0, Kind::STRUCT, 0, third(words))
}

fn without_flag(_: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let mut words = words.to_vec();
    words.iter_mut().skip(1).take(1).for_each(|info| *info &= 0x7fff_ffff);
    words
}

/// The variables become members of their names. Where the kernel knows variables, members are of
/// their types, since a member can't be of a variable; else of what the variables become.
fn datasec_to_struct(edit: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let mut members: Vec<[u32; 3]> = Vec::new();
    let mut end = third(words);
    for [var, offset, size] in elements(words) {
        let there = edit.words(*var);
        let stays = kind(there) == Kind::VAR && since(Kind::VAR) <= Some(edit.version);
        let ty = if stays { third(there) } else { *var };
        // Variables that are so far behind have no place in a struct.
        if let Some(bits) = offset.checked_mul(8) {
            end = end.max(offset.saturating_add(*size));
            members.push([name(there), ty, bits]);
        }
    }
    // A kernel wants them in order.
    members.sort_by_key(|[_, _, bits]| *bits);
    let mut strukt = record(name(words), Kind::STRUCT, members.len(), end);
    strukt.extend(members.iter().flatten());
    strukt
}

/// The values become members, all at offset 0, of an INT that fits into any size. The numbers are
/// lost.
fn enum_to_union<const N: usize>(edit: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let names: Vec<u32> = elements::<N>(words).iter().map(|value| name(value)).collect();
    let mut union = record(name(words), Kind::UNION, names.len(), third(words));
    if !names.is_empty() {
        let one_byte = [8, 1 << 24 | 8, 2 << 24 | 8, 4 << 24 | 8]
            .into_iter()
            .filter_map(|encoding| edit.int_there(1, encoding))
            .min();
        let int = one_byte.unwrap_or_else(|| {
            let name = edit.add_name(b"enum64_placeholder".to_vec());
            edit.int(name, 1, 8)
        });
        union.extend(names.into_iter().flat_map(|name| [name, int, 0]));
    }
    union
}

/// Members as they were before `kind_flag`: a bitfield is of an INT that is as wide.
fn plain_members(edit: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let mut plain = without_flag(edit, words.get(..3).unwrap_or_default());
    for [name, ty, place] in elements(words) {
        let bits = place >> 24;
        let ty = if bits == 0 { *ty } else { bitfield(edit, *ty, bits) };
        plain.extend([*name, ty, place & 0x00ff_ffff]);
    }
    plain
}

/// An INT of so many bits in the place of a type.
fn bitfield(edit: &mut Edit<'_>, ty: u32, bits: u32) -> u32 {
    let base = edit.btf.get(crate::btf::TypeId(edit.resolved(ty)));
    let base = base.map_or(&[] as &[u32], |ty| ty.words());
    let bits = bits.min(64);
    let needs = bits.div_ceil(8).next_power_of_two();
    match kind(base) {
        Kind::INT if fixed(base) & 0x00ff_ffff == bits => ty,
        Kind::INT => {
            let encoding = fixed(base) & 0x0f00_0000;
            edit.int(name(base), third(base).max(needs), encoding | bits)
        }
        _ => edit.int(0, needs.max(4), bits),
    }
}

/// Bitfields whose type can't be one get an INT that can.
fn int_bitfields(edit: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let mut new = words.get(..3).unwrap_or_default().to_vec();
    for member in elements(words) {
        let [name, ty, place] = *member;
        let ty = if takes_bits(edit, member) {
            ty
        } else {
            let bytes = (place >> 24).div_ceil(8).next_power_of_two().clamp(4, 16);
            edit.int(0, bytes, bytes.saturating_mul(8))
        };
        new.extend([name, ty, place]);
    }
    new
}

/// The first 65,535 elements.
fn fewer_elements(_: &mut Edit<'_>, words: &[u32]) -> Vec<u32> {
    let spec = KindSpec::released().iter().find(|spec| spec.kind == kind(words));
    let (fixed, each) = spec.map_or((0, 0), |spec| (spec.fixed.len(), spec.elements.len()));
    let len = each.saturating_mul(0xffff).saturating_add(fixed).saturating_add(3);
    let mut words = words.get(..len).unwrap_or(words).to_vec();
    let info = info(&words) & 0xff00_0000 | 0xffff;
    words.iter_mut().skip(1).take(1).for_each(|word| *word = info);
    words
}
