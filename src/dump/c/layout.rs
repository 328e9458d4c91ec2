//! How large the compiler makes what the header says, and which structs it must pack for that to be
//! what the BTF says.

use super::chain::{self, MAX_LINKS};
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;

/// Size and alignment of a type as the compiler sees it, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sized {
    pub(super) size: u64,
    pub(super) align: u64,
    /// Whether something of this type can be declared at all.
    pub(super) known: bool,
    /// The most bits of a bitfield of this type; 0: there are none.
    widest: u64,
}

impl Default for Sized {
    fn default() -> Self {
        Sized { size: 0, align: 1, known: false, widest: 0 }
    }
}

impl Sized {
    fn scalar(size: u32) -> Sized {
        let size = u64::from(size);
        // Types of odd sizes are nothing that C has.
        let known = matches!(size, 1 | 2 | 4 | 8 | 16);
        Sized { size, align: if known { size } else { 1 }, known, widest: size.saturating_mul(8) }
    }

    /// The size in bits.
    pub(super) fn bits(self) -> u64 {
        self.size.saturating_mul(8)
    }

    /// Whether a bitfield of this type may be so wide.
    pub(super) fn holds(self, width: u32) -> bool {
        (1..=self.widest).contains(&u64::from(width))
    }
}

/// Where a member is, in bits, and how many bits it has if it is a bitfield.
pub(crate) fn place(ty: Record<'_>, offset: u32) -> (u64, Option<u32>) {
    if !ty.kind_flag() {
        return (u64::from(offset), None);
    }
    let width = offset >> 24;
    (u64::from(offset & 0x00ff_ffff), (width != 0).then_some(width))
}

/// Whether bits from `at` on are in more than one unit.
fn crosses(at: u64, width: u64, unit: u64) -> bool {
    let last = at.saturating_add(width.saturating_sub(1));
    at.checked_div(unit) != last.checked_div(unit)
}

/// Where the compiler puts a bitfield that comes next at `at`: units of its type are not crossed.
pub(super) fn bitfield_at(at: u64, width: u64, unit: u64) -> u64 {
    if crosses(at, width, unit) { up(at, unit) } else { at }
}

/// The next multiple of `unit`, `at` itself if it is one.
pub(super) fn up(at: u64, unit: u64) -> u64 {
    at.checked_next_multiple_of(unit.max(1)).unwrap_or(at)
}

const PACKED: u8 = 0x40;

/// What was found for each struct and union.
pub(super) struct Layouts {
    /// By type id: whether it is packed, and the alignment's power of two.
    known: Vec<u8>,
    pointer: u64,
}

impl Layouts {
    pub(super) fn new(btf: &Btf) -> Layouts {
        let known = vec![0; btf.type_count() as usize];
        Layouts { known, pointer: pointer_size(btf) }
    }

    /// The size of a pointer, in bytes.
    pub(super) fn pointer(&self) -> u64 {
        self.pointer
    }

    /// Whether a struct or union is packed, and its alignment in bytes.
    pub(super) fn of(&self, id: TypeId) -> (bool, u64) {
        let known = self.known.get(id.0 as usize).copied().unwrap_or(0);
        (known & PACKED != 0, 1 << (known & 0xf))
    }

    /// Size and alignment of any type; structs and unions that it is made of are known already.
    pub(super) fn sized(&self, btf: &Btf, id: TypeId) -> Sized {
        let mut id = id;
        let mut count: u64 = 1;
        for _ in 0..MAX_LINKS {
            let Some(ty) = btf.get(id) else { break };
            let mut found = match ty.kind() {
                Kind::INT if ty.fixed().first().is_some_and(|word| word >> 24 & 4 != 0) => {
                    Sized { widest: 1, ..Sized::scalar(ty.size_or_type()) }
                }
                Kind::INT | Kind::ENUM | Kind::ENUM64 => Sized::scalar(ty.size_or_type()),
                Kind::FLOAT => Sized { widest: 0, ..Sized::scalar(ty.size_or_type()) },
                Kind::PTR => {
                    Sized { size: self.pointer, align: self.pointer, known: true, widest: 0 }
                }
                Kind::STRUCT | Kind::UNION => {
                    let size = u64::from(ty.size_or_type());
                    Sized { size, align: self.of(ty.id()).1, known: true, widest: 0 }
                }
                Kind::ARRAY => {
                    count = count.saturating_mul(u64::from(chain::count(ty)));
                    id = chain::next(ty);
                    continue;
                }
                Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG | Kind::TYPEDEF => {
                    id = chain::next(ty);
                    continue;
                }
                _ => break,
            };
            if count != 1 {
                found.widest = 0;
            }
            found.size = found.size.saturating_mul(count);
            return found;
        }
        Sized::default()
    }

    /// Decides on a struct or union. Those that it contains come before it.
    pub(super) fn decide(&mut self, btf: &Btf, ty: Record<'_>) {
        let size = u64::from(ty.size_or_type());
        let mut align = 1;
        let mut packed = false;
        for member in ty.elements() {
            let [_, id, offset] = *member else { continue };
            let (bits, width) = place(ty, offset);
            let member = self.sized(btf, TypeId(id));
            match width {
                Some(width) if member.holds(width) => {
                    align = align.max(member.align);
                    packed |= crosses(bits, u64::from(width), member.bits());
                }
                None if member.known => {
                    align = align.max(member.align);
                    packed |= !bits.is_multiple_of(member.align.saturating_mul(8));
                }
                _ => {}
            }
        }
        packed |= !size.is_multiple_of(align);
        let flags = if packed { PACKED } else { 0 };
        let power = if packed { 0 } else { align.trailing_zeros() & 0xf };
        if let Some(known) = self.known.get_mut(ty.id().0 as usize) {
            *known = flags | u8::try_from(power).unwrap_or(0);
        }
    }
}

/// Tells the size of types in bytes, where they have one.
pub(crate) fn sizes(btf: &Btf) -> impl Fn(TypeId) -> Option<u64> {
    let layouts = Layouts { known: Vec::new(), pointer: pointer_size(btf) };
    move |id| Some(layouts.sized(btf, id).size).filter(|size| *size != 0)
}

/// The size of a pointer is that of a long, which all kernels have; 8 where there is none.
pub(crate) fn pointer_size(btf: &Btf) -> u64 {
    let mut root = btf;
    while let Some(base) = root.base() {
        root = base;
    }
    let is_long = |ty: &Record<'_>| {
        let name = chain::name(root, *ty);
        ty.kind() == Kind::INT
            && matches!(name, b"long int" | b"long unsigned int" | b"unsigned long" | b"long")
    };
    match root.types().find(is_long).map(|ty| ty.size_or_type()) {
        Some(4) => 4,
        _ => 8,
    }
}
