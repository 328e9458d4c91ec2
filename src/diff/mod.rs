//! What differs between two blobs: which types were added, removed and changed, by name and shape.
//!
//! A type is found on the other side by what it is and its name: `struct sk_buff`, `kfree()`. Types without
//! a name are part of the named types that refer to them. The *shape* of a type is all of its own, down to
//! the next name: size, members with their offsets and types, values, parameters, declaration tags. A type
//! whose shape is the same but that leads to one of another shape, however far away, is *affected*: the
//! kernel and pahole compare all that a type leads to.
//!
//! * `name`: what makes a type the same type on both sides.
//! * `shape`: what it is by itself, and with all that it leads to.
//! * `pair`: which type has become which, where several have one name.
//! * `part`, `text`: what differs in a type, as data and as C.
//! * `reach`: what leads where; `kinds`: what is described on one side only.
//!
//! ```
//! use btfkinds::{Btf, Encoding, diff::diff};
//!
//! let (mut old, mut new) = (Btf::new(), Btf::new());
//! old.add_int("int", 4, Encoding::Signed)?;
//! new.add_int("bool", 1, Encoding::Bool)?;
//! let id = new.add_int("int", 4, Encoding::Signed)?;
//! assert_eq!(id.0, 2); // Another id is no difference.
//! let found = diff(&old, &new);
//! assert_eq!((found.added().len(), found.changed().len()), (1, 0));
//! assert_eq!(found.added()[0].label().to_string(), "bool");
//! # Ok::<(), btfkinds::Error>(())
//! ```

mod kinds;
mod name;
mod pair;
mod part;
mod reach;
mod shape;
mod text;

use std::collections::HashMap;

pub use kinds::KindChange;
pub use name::{Class, Label};
pub use part::{Part, PartChange};
pub use reach::Reach;
pub use text::Line;

use crate::btf::{Btf, Record, TypeId};
use crate::dump::c::pointer_size;
use crate::kind::{Kind, Third};
use crate::relocate::all_types;
use part::Reader;
use shape::Shapes;

/// A named type that is on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct One {
    /// What it is.
    pub class: Class,
    /// Its name.
    pub name: String,
    /// Its id on its side.
    pub id: TypeId,
}

/// A named type that is on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Two {
    /// What it is.
    pub class: Class,
    /// Its name.
    pub name: String,
    /// Its id on the old side.
    pub old: TypeId,
    /// Its id on the new side.
    pub new: TypeId,
}

impl One {
    /// What people call it.
    pub fn label(&self) -> Label<'_> {
        self.class.label(&self.name)
    }
}

impl Two {
    /// What people call it.
    pub fn label(&self) -> Label<'_> {
        self.class.label(&self.name)
    }
}

/// What differs between two blobs: see [`diff`].
#[derive(Debug)]
pub struct Diff<'a> {
    sides: [&'a Btf; 2],
    shapes: Shapes,
    pointers: [u64; 2],
    /// By id, the declaration tags on a type.
    tags: [HashMap<u32, Vec<TypeId>>; 2],
    added: Vec<One>,
    removed: Vec<One>,
    changed: Vec<Two>,
    affected: Vec<Two>,
    /// The types of the old side, those of its bases among them, that changed or are gone.
    causes: Vec<TypeId>,
    same: usize,
    kinds: Vec<KindChange>,
}

/// What became of one type, in all that can be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its sizes in bytes, the old one first, where it has some.
    pub size: [Option<u32>; 2],
    /// The members, values, parameters or variables that differ.
    pub parts: Vec<PartChange>,
    /// Both as C, the old one first.
    pub lines: [Vec<Line>; 2],
    /// What C does not show.
    pub notes: Vec<String>,
}

impl Change {
    /// Whether all that differs are sizes and offsets, because types that it contains have other sizes.
    pub fn is_by_contents(&self) -> bool {
        self.notes.is_empty()
            && self.parts.iter().all(|part| !part.is_news())
            && self.parts.iter().any(|part| part.resized)
    }

    /// Whether both texts are the same, apart from offsets and sizes.
    pub fn is_same_text(&self) -> bool {
        let [old, new] = &self.lines;
        old.iter().map(|line| &line.text).eq(new.iter().map(|line| &line.text))
    }
}

/// Finds what differs between two blobs, by name and shape. Of split BTF the own types count, and what
/// they refer to in the base.
///
/// The origin record is no type; names of more than 511 bytes, which no kernel takes, count as one name.
/// What takes time grows with the number of references and its logarithm.
pub fn diff<'a>(old: &'a Btf, new: &'a Btf) -> Diff<'a> {
    let sides = [old, new];
    let mut shapes = Shapes::new(sides);
    let pairs = pair::pairs(sides, &mut shapes);
    let mut found = Diff {
        sides,
        shapes,
        pointers: sides.map(pointer_size),
        tags: sides.map(decl_tags),
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        affected: Vec::new(),
        causes: Vec::new(),
        same: 0,
        kinds: kinds::kinds(sides),
    };
    let (first_old, first_new) = (old.first_id(), new.first_id());
    for pair in pairs {
        let name = || String::from_utf8_lossy(pair.name).into_owned();
        let class = pair.class;
        let is_same = pair.new.is_some_and(|new| {
            pair.old.is_some_and(|old| found.shapes.own(0, old) == found.shapes.own(1, new))
        });
        found.causes.extend(pair.old.filter(|_| !is_same));
        match (pair.old, pair.new) {
            (Some(old), Some(new)) if old >= first_old || new >= first_new => {
                if found.shapes.whole(0, old) == found.shapes.whole(1, new) {
                    found.same = found.same.saturating_add(1);
                } else if is_same {
                    found.affected.push(Two { class, name: name(), old, new });
                } else {
                    found.changed.push(Two { class, name: name(), old, new });
                }
            }
            (Some(id), None) if id >= first_old => {
                found.removed.push(One { class, name: name(), id });
            }
            (None, Some(id)) if id >= first_new => {
                found.added.push(One { class, name: name(), id });
            }
            _ => {}
        }
    }
    found
}

/// The declaration tags of each type.
fn decl_tags(btf: &Btf) -> HashMap<u32, Vec<TypeId>> {
    let mut found: HashMap<u32, Vec<TypeId>> = HashMap::new();
    for ty in all_types(btf).filter(|ty| ty.kind() == Kind::DECL_TAG) {
        found.entry(ty.size_or_type()).or_default().push(ty.id());
    }
    found
}

impl<'a> Diff<'a> {
    /// The old side.
    pub fn old_btf(&self) -> &'a Btf {
        let [old, _] = self.sides;
        old
    }

    /// The new side.
    pub fn new_btf(&self) -> &'a Btf {
        let [_, new] = self.sides;
        new
    }

    /// Types that only the new side has, in the order of [`Class`] and name.
    pub fn added(&self) -> &[One] {
        &self.added
    }

    /// Types that only the old side has.
    pub fn removed(&self) -> &[One] {
        &self.removed
    }

    /// Types of another shape.
    pub fn changed(&self) -> &[Two] {
        &self.changed
    }

    /// Types of the same shape that lead to types of another shape, or to other types of a name.
    pub fn affected(&self) -> &[Two] {
        &self.affected
    }

    /// What of the old side leads to types that changed or are gone, and the ways: why types are
    /// [affected](Diff::affected).
    pub fn causes(&self) -> Reach {
        Reach::to(self.old_btf(), self.causes.iter().copied())
    }

    /// How many types are the same, with all that they lead to.
    pub fn same(&self) -> usize {
        self.same
    }

    /// Kinds that one side describes and the other does not, or with other words.
    pub fn kinds(&self) -> &[KindChange] {
        &self.kinds
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.affected.is_empty()
            && self.kinds.is_empty()
    }

    /// Keeps the types that `wanted` says yes to, by their ids on the old and on the new side.
    pub fn retain(&mut self, wanted: impl Fn(Class, Option<TypeId>, Option<TypeId>) -> bool) {
        self.added.retain(|one| wanted(one.class, None, Some(one.id)));
        self.removed.retain(|one| wanted(one.class, Some(one.id), None));
        self.changed.retain(|two| wanted(two.class, Some(two.old), Some(two.new)));
        self.affected.retain(|two| wanted(two.class, Some(two.old), Some(two.new)));
    }

    /// Forgets the types that are on one side only; gives how many were removed and added.
    pub fn only_common(&mut self) -> (usize, usize) {
        let counts = (self.removed.len(), self.added.len());
        self.removed.clear();
        self.added.clear();
        counts
    }

    /// What became of a type.
    ///
    /// ```
    /// use btfkinds::{Btf, Encoding, Member, diff::diff};
    ///
    /// let make = |names: &[&str]| {
    ///     let mut btf = Btf::new();
    ///     let int = btf.add_int("int", 4, Encoding::Signed)?;
    ///     let place = |(name, bits_offset)| Member { name, ty: int, bits_offset, bitfield_size: 0 };
    ///     let members: Vec<_> = names.iter().copied().zip([0, 32, 64]).map(place).collect();
    ///     btf.add_struct("point", 12, &members)?;
    ///     Ok::<_, btfkinds::Error>(btf)
    /// };
    /// let (old, new) = (make(&["x", "y"])?, make(&["x", "y", "z"])?);
    /// let found = diff(&old, &new);
    /// let change = found.change(&found.changed()[0]);
    /// assert!(change.parts[0].is_added());
    /// assert_eq!(change.lines[1][3].text, "\tint z;");
    /// assert_eq!(change.lines[1][3].bits, Some(64));
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    pub fn change(&self, two: &Two) -> Change {
        let [old, new] = self.sides;
        let lines = [self.lines_of(0, two.old), self.lines_of(1, two.new)];
        let mut change = Change {
            size: [size(old, two.old), size(new, two.new)],
            parts: self.parts(two.old, two.new),
            lines,
            notes: Vec::new(),
        };
        if let (Some(a), Some(b)) = (old.get(two.old), new.get(two.new)) {
            change.notes = notes(&a, &b);
        }
        if change.notes.is_empty() && change.parts.is_empty() && change.is_same_text() {
            let [old_size, new_size] = change.size;
            if old_size == new_size {
                change.notes.push("differs in what C does not show".to_owned());
            }
        }
        change
    }

    /// A type of the old side as C.
    pub fn old_lines(&self, id: TypeId) -> Vec<Line> {
        self.lines_of(0, id)
    }

    /// A type of the new side as C.
    pub fn new_lines(&self, id: TypeId) -> Vec<Line> {
        self.lines_of(1, id)
    }

    fn reader(&self, side: usize) -> Reader<'_> {
        let btf = if side == 0 { self.old_btf() } else { self.new_btf() };
        let pointer = self.pointers.get(side).copied().unwrap_or(8);
        Reader { btf, shapes: &self.shapes, side, pointer }
    }
}

/// What a type is known by, if others do not spell it out.
#[cfg(feature = "cli")]
pub(crate) fn class_of<'a>(ty: &Record<'a>) -> Option<(Class, &'a [u8])> {
    name::identity(ty, &[])
}

/// The size of a type in bytes, for kinds that have one; a forward declaration has none.
pub(crate) fn size(btf: &Btf, id: TypeId) -> Option<u32> {
    let ty = btf.get(id)?;
    (ty.spec().third == Third::Size).then(|| ty.size_or_type())
}

/// What is not in the parts or the text of two types.
fn notes(old: &Record<'_>, new: &Record<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let (was, is) = (old.kind(), new.kind());
    match (was, is) {
        (Kind::FWD, Kind::STRUCT | Kind::UNION) => notes.push("was only declared".to_owned()),
        (Kind::STRUCT | Kind::UNION, Kind::FWD) => notes.push("is only declared now".to_owned()),
        _ if was != is => {
            notes.push(format!("{} -> {}", old.kind_name(), new.kind_name()));
        }
        (Kind::ENUM | Kind::ENUM64, _) if old.kind_flag() != new.kind_flag() => {
            let word = |ty: &Record<'_>| if ty.kind_flag() { "signed" } else { "unsigned" };
            notes.push(format!("{} -> {}", word(old), word(new)));
        }
        (Kind::FUNC, _) if old.vlen() != new.vlen() => {
            notes.push(linkage(old.vlen(), new.vlen()));
        }
        (Kind::VAR, _) if old.fixed() != new.fixed() => {
            let of = |ty: &Record<'_>| ty.fixed().first().copied().unwrap_or(0);
            notes.push(linkage(of(old), of(new)));
        }
        _ => {}
    }
    notes
}

fn linkage(old: u32, new: u32) -> String {
    use crate::dump::linkage;
    format!("linkage {} -> {}", linkage(old), linkage(new))
}
