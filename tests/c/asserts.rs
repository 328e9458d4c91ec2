//! What a compiler must find, as the BTF says it: sizes and offsets of all structs and unions.

#![allow(unreachable_pub)]

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};

use btfkinds::{Btf, Kind, Record, StrOff, TypeId};

/// A struct or union and what it is called in the header.
pub struct Found {
    pub id: TypeId,
    pub word: &'static str,
    pub name: String,
}

/// The structs and unions of a header.
pub struct Printed {
    pub types: Vec<Found>,
    /// Types with a tag of which it isn't clear which one was printed.
    pub unclear: usize,
}

fn all(btf: &Btf) -> impl Iterator<Item = Record<'_>> {
    (1..btf.type_count()).filter_map(|id| btf.get(TypeId(id)))
}

fn is_record(ty: &Record<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

/// Finds a header's definitions by their tags. Of several types that share a tag, the lowest id has
/// the tag itself, the next one `tag___2`: that is so if as many of them were printed as there are.
pub fn printed(btf: &Btf, header: &str) -> Printed {
    let defined: HashSet<&str> = header
        .lines()
        .filter_map(|line| line.split_once(" {").map(|(start, _)| start))
        .filter(|start| !start.starts_with(['\t', ' ']))
        .filter_map(|start| start.split_once(' '))
        .filter(|(word, _)| ["struct", "union", "enum"].contains(word))
        .map(|(_, tag)| tag)
        .collect();
    let mut tags: BTreeMap<String, Vec<TypeId>> = BTreeMap::new();
    for ty in all(btf) {
        let has_tag = is_record(&ty) || matches!(ty.kind(), Kind::ENUM | Kind::ENUM64);
        if has_tag && !ty.name().is_empty() && (ty.vlen() != 0 || is_record(&ty)) {
            tags.entry(ty.name().to_string()).or_default().push(ty.id());
        }
    }
    let mut found = Printed { types: Vec::new(), unclear: 0 };
    for (tag, ids) in tags {
        let name = |n: usize| if n == 0 { tag.clone() } else { format!("{tag}___{}", n + 1) };
        let count = (0..).take_while(|n| defined.contains(name(*n).as_str())).count();
        let own: Vec<TypeId> = ids.iter().copied().filter(|id| *id >= btf.first_id()).collect();
        let which = if count == ids.len() {
            ids
        } else if count == own.len() {
            own
        } else {
            assert!(own.len() < count || count == 0, "{tag}: {count} of {}", own.len());
            found.unclear += count;
            continue;
        };
        for (n, id) in which.into_iter().enumerate() {
            let word = match btf.get(id).unwrap().kind() {
                Kind::STRUCT => "struct",
                Kind::UNION => "union",
                _ => continue,
            };
            found.types.push(Found { id, word, name: name(n) });
        }
    }
    found.types.sort_by_key(|found| found.id);
    found
}

/// How much was compared.
#[derive(Default)]
pub struct Count {
    pub types: usize,
    pub offsets: usize,
    pub sizes: usize,
    pub unclear: usize,
    /// Structs and unions with a tag that the BTF has.
    own: usize,
}

impl Count {
    pub fn add(&mut self, other: &Count) {
        self.types += other.types;
        self.offsets += other.offsets;
        self.sizes += other.sizes;
        self.unclear += other.unclear;
        self.own += other.own;
    }

    /// All that the BTF has was compared.
    pub fn assert_whole(&self) {
        assert_eq!((self.types, self.unclear), (self.own, 0));
        assert!(self.types > 1000 && self.offsets > 10 * 1000);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { types, offsets, sizes, unclear, .. } = self;
        write!(f, "{types} types, {offsets} offsets and {sizes} sizes of members compared")?;
        write!(f, " ({unclear} types of unclear tags not)")
    }
}

/// Static assertions over the types of a header.
pub struct Asserts {
    pub text: String,
    pub count: Count,
}

impl Asserts {
    pub fn new(btf: &Btf, printed: &Printed) -> Asserts {
        let own = all(btf).filter(|ty| is_record(ty) && !ty.name().is_empty()).count();
        let mut count = Count { own, unclear: printed.unclear, ..Count::default() };
        let mut text = String::new();
        for Found { id, word, name } in &printed.types {
            let size = btf.get(*id).unwrap().size_or_type();
            let _ = writeln!(text, "_Static_assert(sizeof({word} {name}) == {size}, \"\");");
            count.types += 1;
            for place in places(btf, *id).iter().filter(|place| place.width == 0) {
                let (path, at) = (&place.path, place.bits / 8);
                let offset = format!("__builtin_offsetof({word} {name}, {path}) == {at}");
                let _ = writeln!(text, "_Static_assert({offset}, \"{word} {name} {path}\");");
                count.offsets += 1;
                if let Some(size) = place.size {
                    let member = format!("(({word} {name} *)0)->{path}");
                    let _ =
                        writeln!(text, "_Static_assert(sizeof({member}) == {size}, \"{path}\");");
                    count.sizes += 1;
                }
            }
        }
        Asserts { text, count }
    }
}

/// Where a member is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub path: String,
    pub bits: u32,
    /// In bits; 0: it is no bitfield.
    pub width: u32,
    /// In bytes, where the type has one.
    pub size: Option<u64>,
}

/// All members with a name, those of types without a tag among them, in the order of their names.
pub fn places(btf: &Btf, id: TypeId) -> Vec<Place> {
    let mut places = Vec::new();
    let mut todo = vec![(id, String::new(), 0)];
    while let Some((id, before, start)) = todo.pop() {
        let ty = btf.get(id).unwrap();
        for member in ty.elements() {
            let name = ty.string(StrOff(member[0])).to_string();
            let (bits, width) = match ty.kind_flag() {
                true => (member[2] & 0xff_ffff, member[2] >> 24),
                false => (member[2], 0),
            };
            let (bits, to) = (start + bits, plain(btf, TypeId(member[1])));
            let inner = to.filter(|to| is_record(to));
            let no_tag = inner.filter(|to| to.name().is_empty() || name.is_empty());
            let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
            if name.starts_with("__pad") && name[5..].bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            if name.is_empty() {
                todo.extend(no_tag.map(|to| (to.id(), before.clone(), bits)));
                continue;
            }
            todo.extend(no_tag.map(|to| (to.id(), path.clone(), bits)));
            places.push(Place { path, bits, width, size: size(btf, TypeId(member[1])) });
        }
    }
    places.sort();
    places
}

/// A type without its qualifiers.
fn plain(btf: &Btf, mut id: TypeId) -> Option<Record<'_>> {
    loop {
        let ty = btf.get(id)?;
        if !matches!(ty.kind(), Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG) {
            return Some(ty);
        }
        id = TypeId(ty.size_or_type());
    }
}

fn size(btf: &Btf, mut id: TypeId) -> Option<u64> {
    let mut count = 1;
    loop {
        let ty = plain(btf, id)?;
        match ty.kind() {
            Kind::PTR => return Some(8 * count),
            Kind::ARRAY => {
                count *= u64::from(ty.fixed()[2]);
                id = TypeId(ty.fixed()[0]);
            }
            Kind::TYPEDEF => id = TypeId(ty.size_or_type()),
            Kind::FWD | Kind::FUNC_PROTO => return None,
            _ => return Some(count * u64::from(ty.size_or_type())),
        }
    }
}
