//! What a type refers to, folded: what C spells out around a name is no node of its own.

use std::collections::{BTreeSet, HashSet};

use super::Row;
use crate::btf::{Btf, Record, TypeId};
use crate::dump::c::{declaration, place, sizes};
use crate::kind::{Kind, Third, WordClass};

/// The most links that are followed to where a type leads, and the most parts without a name that are
/// taken apart into one type.
const MOST_LINKS: usize = 256;
/// The most rows of one type.
const MOST_ROWS: usize = 2000;
/// The longest text of a row or title, in characters.
const MOST_TEXT: usize = 90;

/// What a type refers to in one place.
pub(super) struct Uses {
    pub(super) row: Row,
    pub(super) targets: Vec<Target>,
}

/// A type that is referred to.
pub(super) struct Target {
    pub(super) id: u32,
    /// Whether a pointer or function is between.
    pub(super) pointer: bool,
    /// What it is called, if it has no name of its own.
    pub(super) title: Option<String>,
}

pub(super) struct Fold<'a> {
    btf: &'a Btf,
    /// Every record counts.
    all: bool,
    /// These are nodes in any case.
    always: BTreeSet<u32>,
    sizes: Box<dyn Fn(TypeId) -> Option<u64> + 'a>,
}

/// A place in a record that refers to a type: its name, if it is a member or the like, the type's id, and
/// its place and width if it is a bitfield.
struct Place {
    name: String,
    id: u32,
    bits_offset: Option<u64>,
    width: Option<u64>,
    /// The name is one that C would put there.
    declares: bool,
}

pub(super) fn is_composite(kind: Kind) -> bool {
    matches!(kind, Kind::STRUCT | Kind::UNION)
}

impl<'a> Fold<'a> {
    pub(super) fn new(btf: &'a Btf, all: bool, always: BTreeSet<u32>) -> Fold<'a> {
        Fold { btf, all, always, sizes: Box::new(sizes(btf)) }
    }

    pub(super) fn btf(&self) -> &'a Btf {
        self.btf
    }

    pub(super) fn size(&self, id: u32) -> Option<u64> {
        (self.sizes)(TypeId(id))
    }

    /// Whether a type is a part of the declarations that use it.
    pub(super) fn is_link(&self, ty: Record<'_>) -> bool {
        let folds = matches!(
            ty.kind(),
            Kind::PTR
                | Kind::ARRAY
                | Kind::TYPEDEF
                | Kind::VOLATILE
                | Kind::CONST
                | Kind::RESTRICT
                | Kind::TYPE_TAG
                | Kind::FUNC_PROTO
        );
        folds && !self.all && !self.always.contains(&ty.id().0)
    }

    /// Whether a type is shown in the rows of others alone: it leads nowhere.
    fn is_leaf(&self, ty: Record<'_>) -> bool {
        let spec = ty.spec();
        let leads = spec.third == Third::Id
            || spec.fixed.iter().chain(&spec.elements).any(|field| field.class == WordClass::Id);
        !leads && !self.all && !self.always.contains(&ty.id().0)
    }

    /// Where to start for a type that was asked for, and what to call it: a typedef of a struct is that.
    pub(super) fn root(&self, id: u32) -> (u32, Option<String>) {
        let Some(ty) = self.btf.get(TypeId(id)).filter(|ty| ty.kind() == Kind::TYPEDEF) else {
            return (id, None);
        };
        match self.targets(ty.size_or_type()).as_slice() {
            [target] if !target.pointer && self.is_link(ty) => {
                let alias = self.btf.get(TypeId(target.id)).is_some_and(|to| to.name_off().0 == 0);
                (target.id, alias.then(|| self.title(ty)))
            }
            _ => (id, None),
        }
    }

    /// What a type is called.
    pub(super) fn title(&self, ty: Record<'_>) -> String {
        let name = shown(ty.name());
        let text = match ty.kind() {
            Kind::INT | Kind::FLOAT | Kind::VAR | Kind::DATASEC if !self.all => name,
            Kind::FUNC if !self.all => format!("{name}()"),
            Kind::TYPEDEF if !self.all => name,
            Kind::FUNC_PROTO => self.declared(ty.id().0, "").unwrap_or_default(),
            Kind::FWD => format!("{} {name}", if ty.kind_flag() { "union" } else { "struct" }),
            Kind::ENUM64 => format!("enum {name}"),
            kind if kind.is_released() => format!("{} {name}", ty.kind_name().to_lowercase()),
            _ => format!("{} {name}", ty.kind_name()),
        };
        let text = if ty.name_off().0 == 0 && (is_composite(ty.kind()) || ty.kind() == Kind::ENUM) {
            format!("{}{{...}}", text)
        } else {
            text
        };
        cut(text.trim().to_owned())
    }

    /// What a type refers to, in the order of its record; where nothing C-like leads out, rows without
    /// targets tell of what it is made.
    pub(super) fn uses(&self, id: u32) -> Vec<Uses> {
        let Some(ty) = self.btf.get(TypeId(id)) else { return Vec::new() };
        let mut places = self.places(ty, "", 0);
        // The first is to come first.
        places.reverse();
        let mut uses = Vec::new();
        let mut taken_apart = 0_usize;
        while let Some(place) = places.pop() {
            if uses.len() >= MOST_ROWS {
                break;
            }
            let inner = self.inline(place.id).filter(|_| taken_apart < MOST_LINKS);
            if let (Some(inner), Some(at)) = (inner, place.bits_offset) {
                taken_apart = taken_apart.saturating_add(1);
                let mut parts = self.places(inner, &place.name, at);
                parts.reverse();
                places.extend(parts);
                continue;
            }
            let targets = self.targets(place.id);
            let text = match place.declares {
                true => self.declared(place.id, &place.name),
                false => None,
            };
            let text = text.unwrap_or_else(|| match self.declared(place.id, "") {
                Some(what) if place.name.is_empty() => what,
                Some(what) => format!("{}: {what}", place.name),
                None => place.name.clone(),
            });
            let bits = place.width.or_else(|| self.size(place.id)?.checked_mul(8));
            let row = Row {
                text: cut(text),
                bits_offset: place.bits_offset,
                bits: bits.filter(|_| place.bits_offset.is_some()),
                bitfield: place.width.is_some(),
            };
            uses.push(Uses { row, targets });
        }
        uses
    }

    /// A struct or union without a name that C would spell out in its place.
    pub(super) fn inline(&self, id: u32) -> Option<Record<'a>> {
        let ty = self.btf.get(TypeId(id))?;
        let inline = is_composite(ty.kind()) && ty.name_off().0 == 0 && ty.vlen() > 0;
        (inline && !self.all && !self.always.contains(&id)).then_some(ty)
    }

    /// All words of a record that are type ids, by their classes.
    fn places(&self, ty: Record<'a>, path: &str, at: u64) -> Vec<Place> {
        // A function is what its prototype says.
        let ty = match self.btf.get(TypeId(ty.size_or_type())) {
            Some(proto) if ty.kind() == Kind::FUNC && self.is_link(proto) => proto,
            _ => ty,
        };
        let spec = ty.spec();
        let mut places = Vec::new();
        let reference = |name: String, id: u32| Place {
            name,
            id,
            bits_offset: None,
            width: None,
            declares: false,
        };
        if spec.third == Third::Id {
            let name = if ty.kind() == Kind::FUNC_PROTO { "returns" } else { "" };
            places.push(reference(name.to_owned(), ty.size_or_type()));
        }
        for (field, word) in spec.fixed.iter().zip(ty.fixed()) {
            if field.class == WordClass::Id {
                places.push(reference(field.name.clone(), *word));
            }
        }
        let ids = spec.elements.iter().filter(|field| field.class == WordClass::Id).count();
        if ids == 0 {
            return places;
        }
        for (number, element) in ty.elements().enumerate().take(MOST_ROWS) {
            let words = || spec.elements.iter().zip(element);
            let name = words().find(|(field, _)| field.class == WordClass::Str);
            let name = name.map(|(_, word)| shown(ty.string(crate::btf::StrOff(*word))));
            let composite = is_composite(ty.kind());
            for (field, id) in words().filter(|(field, _)| field.class == WordClass::Id) {
                let own = match &name {
                    // `...`
                    Some(_) if ty.kind() == Kind::FUNC_PROTO && *id == 0 => continue,
                    Some(name) if ids == 1 => name.clone(),
                    Some(name) => format!("{name} {}", field.name),
                    None if ty.kind() == Kind::DATASEC => self.name_of(*id),
                    None => format!("{number} {}", field.name),
                };
                let dot = if path.is_empty() || own.is_empty() { "" } else { "." };
                let mut next = reference(format!("{path}{dot}{own}"), *id);
                next.declares = composite || ty.kind() == Kind::FUNC_PROTO;
                if let ([_, _, offset], true) = (element, composite) {
                    let (bits, width) = place(ty, *offset);
                    next.bits_offset = Some(at.saturating_add(bits));
                    next.width = width.map(u64::from);
                }
                if let ([_, offset, _], Kind::DATASEC) = (element, ty.kind()) {
                    next.bits_offset = Some(u64::from(*offset).saturating_mul(8));
                }
                places.push(next);
            }
        }
        places
    }

    fn name_of(&self, id: u32) -> String {
        self.btf.get(TypeId(id)).map_or_else(String::new, |ty| shown(ty.name()))
    }

    /// The types that a reference leads to, over all that belongs to it: several where it is a function.
    fn targets(&self, id: u32) -> Vec<Target> {
        let mut found: Vec<Target> = Vec::new();
        let mut met = HashSet::new();
        let mut todo = vec![(id, false, None)];
        let mut links = 0_usize;
        while let Some((id, pointer, alias)) = todo.pop() {
            links = links.saturating_add(1);
            let Some(ty) = self.btf.get(TypeId(id)).filter(|_| links <= MOST_LINKS) else {
                continue;
            };
            if !self.is_link(ty) {
                if !self.is_leaf(ty) && met.insert(id) {
                    let title = alias.filter(|_| ty.name_off().0 == 0);
                    found.push(Target { id, pointer, title });
                }
                continue;
            }
            match ty.kind() {
                Kind::FUNC_PROTO => {
                    let parameters = ty.elements().filter_map(|words| words.last().copied());
                    let mut all: Vec<u32> = vec![ty.size_or_type()];
                    all.extend(parameters);
                    todo.extend(all.into_iter().rev().map(|id| (id, true, None)));
                }
                Kind::ARRAY => {
                    todo.extend(ty.fixed().first().map(|id| (*id, pointer, alias)));
                }
                Kind::PTR => todo.push((ty.size_or_type(), true, None)),
                Kind::TYPEDEF => todo.push((ty.size_or_type(), pointer, Some(shown(ty.name())))),
                _ => todo.push((ty.size_or_type(), pointer, alias)),
            }
        }
        found
    }

    /// A declaration in C; None if C has no word for what it leads to.
    fn declared(&self, id: u32, name: &str) -> Option<String> {
        let mut at = id;
        // What a declaration starts from.
        for _ in 0..MOST_LINKS {
            let Some(ty) = self.btf.get(TypeId(at)) else { break };
            at = match ty.kind() {
                Kind::PTR | Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG => {
                    ty.size_or_type()
                }
                Kind::ARRAY => ty.fixed().first().copied().unwrap_or(0),
                Kind::FUNC_PROTO => ty.size_or_type(),
                Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 if ty.name_off().0 == 0 => {
                    // It would be spelled out.
                    let star = if at == id { "" } else { "..." };
                    let what = ty.kind_name().to_lowercase();
                    return Some(format!("{what} {{{star}}} {name}").trim_end().to_owned());
                }
                Kind::INT
                | Kind::FLOAT
                | Kind::FWD
                | Kind::TYPEDEF
                | Kind::STRUCT
                | Kind::UNION
                | Kind::ENUM
                | Kind::ENUM64 => break,
                _ => return Some(self.title(ty)).filter(|_| name.is_empty()),
            };
        }
        // A name of a member that was taken apart is no identifier of C.
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let stand_in = if plain { name } else { "NAME" };
        let text = declaration(self.btf, TypeId(id), stand_in);
        Some(if plain { text } else { text.replacen("NAME", name, 1) })
    }
}

/// A name as it can be shown: it comes from a file.
fn shown(name: &[u8]) -> String {
    let name = name.get(..512).unwrap_or(name);
    String::from_utf8_lossy(name).into_owned()
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
