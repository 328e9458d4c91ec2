//! What makes a type of one blob the same type in another: what it is, and its name.

use std::fmt;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use crate::btf::{Btf, Record};
use crate::kind::Kind;
use crate::relocate::all_types;

/// What a name is the name of: struct tags, typedefs, functions and so on are told apart, but not
/// what is only declared from what is defined, nor ENUM from ENUM64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// `struct NAME`, defined or declared.
    Struct,
    /// `union NAME`, defined or declared.
    Union,
    /// `enum NAME`.
    Enum,
    /// An enum without a name that nothing refers to: it goes by its first value.
    Constants,
    /// A typedef.
    Typedef,
    /// A function.
    Function,
    /// A variable.
    Variable,
    /// A section of variables.
    Section,
    /// An integer type.
    Int,
    /// A floating-point type.
    Float,
    /// A type of a kind that is not released; its name may be empty if nothing refers to it.
    Other(Kind),
}

impl Class {
    /// The word that programs are given.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Struct => "struct",
            Class::Union => "union",
            Class::Enum => "enum",
            Class::Constants => "constants",
            Class::Typedef => "typedef",
            Class::Function => "func",
            Class::Variable => "var",
            Class::Section => "datasec",
            Class::Int => "int",
            Class::Float => "float",
            Class::Other(_) => "other",
        }
    }

    /// A class and a name as people read them: `struct sk_buff`, `kfree()`.
    pub fn label(self, name: &str) -> Label<'_> {
        Label { class: self, name }
    }
}

/// A class and a name: see [`Class::label`].
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    class: Class,
    name: &'a str,
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What comes from a file is not to move anybody's cursor.
        let name: String =
            self.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        match self.class {
            Class::Function => write!(f, "{name}()"),
            Class::Constants => write!(f, "enum {{ {name}, ... }}"),
            Class::Variable => write!(f, "variable {name}"),
            Class::Section => write!(f, "section {name}"),
            Class::Int | Class::Float => f.write_str(&name),
            Class::Other(kind) if name.is_empty() => write!(f, "kind {kind} (anon)"),
            Class::Other(kind) => write!(f, "kind {kind} {name}"),
            class => write!(f, "{} {name}", class.as_str()),
        }
    }
}

/// What stands for a name that is longer than the kernel lets names be (511 bytes).
const TOO_LONG: &[u8] = b"(name too long)";

/// A name or other string of a record.
pub(super) fn string(btf: &Btf, offset: u32) -> &[u8] {
    btf.view().short_string(offset).unwrap_or(TOO_LONG)
}

/// Which types something refers to, by id. Declaration tags do not count: they belong to what they tag.
pub(super) fn referenced(btf: &Btf) -> Vec<bool> {
    let mut found = vec![false; btf.type_count() as usize];
    for ty in all_types(btf).filter(|ty| ty.kind() != Kind::DECL_TAG) {
        ty.for_each_ref(|_, id, is_str| {
            if let Some(place) = found.get_mut(id as usize).filter(|_| !is_str) {
                *place = true;
            }
        });
    }
    found
}

/// What a type is known by; None for one that is part of those that refer to it.
pub(super) fn identity<'a>(ty: &Record<'a>, referenced: &[bool]) -> Option<(Class, &'a [u8])> {
    let btf = ty.btf();
    let name = string(btf, ty.name_off().0);
    let alone = || !referenced.get(ty.id().0 as usize).copied().unwrap_or(true);
    let class = match ty.kind() {
        kind if !kind.is_released() && (!name.is_empty() || alone()) => Class::Other(kind),
        Kind::ENUM | Kind::ENUM64 if name.is_empty() => {
            let first = ty.elements().next().filter(|_| alone())?;
            return Some((Class::Constants, string(btf, *first.first()?)));
        }
        _ if name.is_empty() => return None,
        Kind::STRUCT => Class::Struct,
        Kind::UNION => Class::Union,
        Kind::FWD if ty.kind_flag() => Class::Union,
        Kind::FWD => Class::Struct,
        Kind::ENUM | Kind::ENUM64 => Class::Enum,
        Kind::TYPEDEF => Class::Typedef,
        Kind::FUNC => Class::Function,
        Kind::VAR => Class::Variable,
        Kind::DATASEC => Class::Section,
        Kind::INT => Class::Int,
        Kind::FLOAT => Class::Float,
        _ => return None,
    };
    Some((class, name))
}

/// What stands for a name where others refer to it.
pub(super) fn tag(hasher: &DefaultHashBuilder, (class, name): (Class, &[u8])) -> u64 {
    hasher.hash_one((class, name))
}
