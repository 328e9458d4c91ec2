//! The parts of a type: members, values, parameters, variables; and which of them differ.

use std::collections::HashMap;

use super::Diff;
use super::name::string;
use super::shape::Shapes;
use crate::btf::{Btf, Record, TypeId};
use crate::dump::c::{declaration, place};
use crate::kind::{Kind, Third};
use crate::relocate::is_composite;

/// A member, value, parameter or variable that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChange {
    /// Its name; of a member of a struct or union without a name inside, what leads to it (`a.b`); of
    /// a function what it is (`return`, `parameter 2`).
    pub name: String,
    /// What it was; None if it is new.
    pub old: Option<Part>,
    /// What it is; None if it is gone.
    pub new: Option<Part>,
    /// Whether it is there on both sides and has another type.
    pub retyped: bool,
    /// Whether it is there on both sides, at another offset.
    pub moved: bool,
    /// Whether it is there on both sides and has another size.
    pub resized: bool,
    /// Whether it is there on both sides and has another value.
    pub revalued: bool,
}

/// One side of a [`PartChange`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The type in C; None for values.
    pub ty: Option<String>,
    /// The offset in bits, from the start of the struct, union or section.
    pub bits: Option<u64>,
    /// The size in bits, where it is known.
    pub size: Option<u64>,
    /// The value of an enum's value.
    pub value: Option<String>,
}

/// A part as it stands in a record.
struct Raw {
    name: String,
    /// Equal on both sides for parts of the same type.
    shape: u64,
    ty: Option<TypeId>,
    bits: Option<u64>,
    size: Option<u64>,
    value: Option<u64>,
    /// Whether a value is one with a sign.
    signed: bool,
}

/// So many links are followed from a type to what it is made of.
const MOST_LINKS: usize = 256;
/// So many structs and unions without a name may stand in each other.
const MOST_LEVELS: usize = 64;
/// So many members of structs and unions without a name are taken apart.
const MOST_INLINE: usize = 4000;

/// What one side is read with.
pub(super) struct Reader<'a> {
    pub(super) btf: &'a Btf,
    pub(super) shapes: &'a Shapes,
    pub(super) side: usize,
    /// The size of a pointer, in bytes.
    pub(super) pointer: u64,
}

impl<'a> Reader<'a> {
    /// The size of a type in bytes, where it has one.
    pub(super) fn size_of(&self, id: TypeId) -> Option<u64> {
        let mut id = id;
        let mut count: u64 = 1;
        for _ in 0..MOST_LINKS {
            let ty = self.btf.get(id)?;
            id = match (ty.kind(), ty.fixed()) {
                (Kind::PTR, _) => return Some(self.pointer.saturating_mul(count)),
                (Kind::FWD | Kind::FUNC_PROTO | Kind::FUNC, _) => return None,
                (Kind::ARRAY, [element, _, elements]) => {
                    count = count.saturating_mul(u64::from(*elements));
                    TypeId(*element)
                }
                _ => match ty.spec().third {
                    Third::Size => return Some(u64::from(ty.size_or_type()).saturating_mul(count)),
                    Third::Id => TypeId(ty.size_or_type()),
                    Third::Unused => return None,
                },
            };
        }
        None
    }

    /// The struct or union without a name that a member is, if it is one.
    fn inline(&self, id: TypeId) -> Option<Record<'a>> {
        let mut id = id;
        for _ in 0..MOST_LINKS {
            let ty = self.btf.get(id)?;
            match ty.kind() {
                Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG => {
                    id = TypeId(ty.size_or_type());
                }
                kind => return (is_composite(kind) && ty.name_off().0 == 0).then_some(ty),
            }
        }
        None
    }

    /// The text of a type in one line.
    pub(super) fn spelled(&self, id: TypeId) -> String {
        let text = declaration(self.btf, id, "");
        match (text.split_once('{'), text.rsplit_once('}')) {
            (Some((head, _)), Some((_, tail))) => format!("{head}{{ ... }}{tail}"),
            _ => text,
        }
    }

    /// The parts of a type.
    fn parts(&self, id: TypeId) -> Vec<Raw> {
        let Some(ty) = self.btf.get(id) else { return Vec::new() };
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => self.members(ty),
            Kind::ENUM | Kind::ENUM64 => values(ty),
            Kind::FUNC => {
                let proto = ty.referred(ty.size_or_type());
                proto.map_or(Vec::new(), |proto| self.parameters(proto))
            }
            Kind::DATASEC => self.variables(ty),
            Kind::TYPEDEF => match self.inline(TypeId(ty.size_or_type())) {
                Some(inline) => self.members(inline),
                None => vec![self.typed("type".to_owned(), ty.size_or_type())],
            },
            Kind::VAR => vec![self.typed("type".to_owned(), ty.size_or_type())],
            _ => Vec::new(),
        }
    }

    fn typed(&self, name: String, id: u32) -> Raw {
        Raw {
            name,
            shape: self.shapes.reference(self.side, id),
            ty: Some(TypeId(id)),
            bits: None,
            size: None,
            value: None,
            signed: false,
        }
    }

    fn name(&self, offset: u32) -> String {
        String::from_utf8_lossy(string(self.btf, offset)).into_owned()
    }

    /// Members, those of structs and unions without a name inside among them.
    fn members(&self, ty: Record<'a>) -> Vec<Raw> {
        let mut found = Vec::new();
        let mut inlined = 0_usize;
        // The bodies that are open: what comes next, where the body is, and what leads to it.
        let mut open = vec![(ty, ty.elements(), 0_u64, String::new())];
        while let Some((body, rest, start, prefix)) = open.last_mut() {
            let Some(&[name, id, offset]) = rest.next() else {
                open.pop();
                continue;
            };
            let (bits, width) = place(*body, offset);
            let bits = start.saturating_add(bits);
            let own = self.name(name);
            let path = format!("{prefix}{own}");
            let inline = self.inline(TypeId(id)).filter(|_| inlined < MOST_INLINE);
            let inline = inline.filter(|_| open.len() < MOST_LEVELS);
            if let Some(inner) = &inline {
                inlined = inlined.saturating_add(inner.vlen() as usize).saturating_add(1);
            }
            if !own.is_empty() || inline.is_none() {
                let mut part = self.typed(path.clone(), id);
                part.bits = Some(bits);
                part.size = match width {
                    Some(width) => Some(u64::from(width)),
                    None => self.size_of(TypeId(id)).map(|bytes| bytes.saturating_mul(8)),
                };
                if let Some(inner) = &inline {
                    // What is in it is compared by itself.
                    part.shape = u64::from(inner.kind().0);
                }
                found.push(part);
            }
            if let Some(inner) = inline {
                let prefix = if own.is_empty() { path } else { format!("{path}.") };
                open.push((inner, inner.elements(), bits, prefix));
            }
        }
        found
    }

    fn parameters(&self, proto: Record<'a>) -> Vec<Raw> {
        let mut found = vec![self.typed("return".to_owned(), proto.size_or_type())];
        for (at, parameter) in (1_usize..).zip(proto.elements()) {
            let &[name, id] = parameter else { continue };
            let name = match self.name(name) {
                name if name.is_empty() => format!("parameter {at}"),
                name => name,
            };
            found.push(self.typed(name, id));
        }
        found
    }

    fn variables(&self, section: Record<'a>) -> Vec<Raw> {
        let variable = |element: &[u32]| {
            let &[id, offset, size] = element else { return None };
            let of = section.referred(id)?;
            let mut part = self.typed(self.name(of.name_off().0), id);
            part.ty = Some(TypeId(of.size_or_type()));
            part.bits = Some(u64::from(offset).saturating_mul(8));
            part.size = Some(u64::from(size).saturating_mul(8));
            Some(part)
        };
        section.elements().filter_map(variable).collect()
    }

    fn told(&self, part: &Raw) -> Part {
        let value = part.value.map(|value| match part.signed {
            true => value.cast_signed().to_string(),
            false => value.to_string(),
        });
        Part { ty: part.ty.map(|id| self.spelled(id)), bits: part.bits, size: part.size, value }
    }
}

/// The values of an enum.
fn values(ty: Record<'_>) -> Vec<Raw> {
    let signed = ty.kind_flag();
    let value = |element: &[u32]| {
        let (name, value) = match *element {
            [name, value] if signed => (name, i64::from(value.cast_signed()).cast_unsigned()),
            [name, value] => (name, u64::from(value)),
            [name, low, high] => (name, u64::from(high) << 32 | u64::from(low)),
            _ => return None,
        };
        let name = String::from_utf8_lossy(string(ty.btf(), name)).into_owned();
        let value = Some(value);
        Some(Raw { name, shape: 0, ty: None, bits: None, size: None, value, signed })
    };
    ty.elements().filter_map(value).collect()
}

/// Parts by name and, where several have it, by which of them it is.
fn by_name(parts: &[Raw]) -> HashMap<(&str, usize), &Raw> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut found = HashMap::with_capacity(parts.len());
    for part in parts {
        let count = seen.entry(&part.name).or_default();
        found.insert((part.name.as_str(), *count), part);
        *count = count.saturating_add(1);
    }
    found
}

impl Diff<'_> {
    /// The parts that differ between a type of the old side and one of the new side: those that are
    /// gone or differ in the order of the old side, then new ones in the order of theirs.
    pub(super) fn parts(&self, old: TypeId, new: TypeId) -> Vec<PartChange> {
        let [of_old, of_new] = [self.reader(0), self.reader(1)];
        let (olds, news) = (of_old.parts(old), of_new.parts(new));
        let (known_old, known_new) = (by_name(&olds), by_name(&news));
        let mut found = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for part in &olds {
            let count = seen.entry(&part.name).or_default();
            let other = known_new.get(&(part.name.as_str(), *count));
            *count = count.saturating_add(1);
            let Some(other) = other else {
                found.push(PartChange::one(&part.name, Some(of_old.told(part)), None));
                continue;
            };
            let change = PartChange {
                retyped: part.shape != other.shape,
                moved: part.bits != other.bits,
                resized: part.size != other.size,
                revalued: part.value != other.value,
                ..PartChange::one(&part.name, None, None)
            };
            if change.retyped || change.moved || change.resized || change.revalued {
                let (old, new) = (Some(of_old.told(part)), Some(of_new.told(other)));
                found.push(PartChange { old, new, ..change });
            }
        }
        seen.clear();
        for part in &news {
            let count = seen.entry(&part.name).or_default();
            if !known_old.contains_key(&(part.name.as_str(), *count)) {
                found.push(PartChange::one(&part.name, None, Some(of_new.told(part))));
            }
            *count = count.saturating_add(1);
        }
        found
    }
}

impl PartChange {
    fn one(name: &str, old: Option<Part>, new: Option<Part>) -> PartChange {
        PartChange {
            name: name.to_owned(),
            old,
            new,
            retyped: false,
            moved: false,
            resized: false,
            revalued: false,
        }
    }

    /// Whether it is new.
    pub fn is_added(&self) -> bool {
        self.old.is_none()
    }

    /// Whether it is gone.
    pub fn is_removed(&self) -> bool {
        self.new.is_none()
    }

    /// Whether it is not only somewhere else, or of another size since its type is.
    pub fn is_news(&self) -> bool {
        let is_bitfield = |part: &Option<Part>| {
            part.as_ref().and_then(|part| part.size).is_some_and(|size| !size.is_multiple_of(8))
        };
        let width = self.resized && (is_bitfield(&self.old) || is_bitfield(&self.new));
        self.is_added() || self.is_removed() || self.retyped || self.revalued || width
    }
}
