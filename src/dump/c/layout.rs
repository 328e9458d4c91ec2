//! How large the compiler makes what the header says, and which structs it must pack for that to be
//! what the BTF says.

use super::chain::{self, MAX_LINKS};
use super::known::{Known, Table};
use super::source::Source;
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

/// Bitfields may have all bits of their type.
const ALL_BITS: u32 = 2;

impl Sized {
    fn scalar(size: u32) -> Sized {
        let size = u64::from(size);
        // Types of odd sizes are nothing that C has.
        let known = matches!(size, 1 | 2 | 4 | 8 | 16);
        Sized { size, align: if known { size } else { 1 }, known, widest: size.saturating_mul(8) }
    }

    /// The size in bits.
    #[inline]
    pub(super) fn bits(self) -> u64 {
        self.size.saturating_mul(8)
    }

    /// Whether a bitfield of this type may be so wide.
    pub(super) fn holds(self, width: u32) -> bool {
        (1..=self.widest).contains(&u64::from(width))
    }
}

/// A [`Sized`] in one word, which is not 0, for sizes that are not too large for that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brief(u32);

impl Brief {
    pub(super) fn of(sized: Sized) -> Option<Brief> {
        let size = u32::try_from(sized.size).ok().filter(|size| size >> 24 == 0)?;
        let widest = match sized.widest {
            narrow @ (0 | 1) => u32::try_from(narrow).ok()?,
            _ => ALL_BITS,
        };
        let power = sized.align.trailing_zeros() & 0xf;
        Some(Brief(size << 8 | power << 4 | widest << 2 | u32::from(sized.known) << 1 | 1))
    }

    /// What is known of a type, if it is.
    #[inline]
    pub(super) fn read(known: Known) -> Option<Brief> {
        (known.sized != 0).then_some(Brief(known.sized))
    }

    fn full(self) -> Sized {
        let size = u64::from(self.0 >> 8);
        let widest = match self.0 >> 2 & 3 {
            ALL_BITS => size.saturating_mul(8),
            narrow => u64::from(narrow),
        };
        Sized { size, align: 1 << self.power(), known: self.is_known(), widest }
    }

    #[inline]
    pub(super) fn is_known(self) -> bool {
        self.0 & 2 != 0
    }

    /// Of which power of two bytes it is aligned.
    #[inline]
    fn power(self) -> u32 {
        self.0 >> 4 & 0xf
    }

    /// The size in bits.
    #[inline]
    pub(super) fn bits(self) -> u64 {
        u64::from(self.0 >> 8) << 3
    }

    /// The next multiple of the alignment, in bits.
    #[inline]
    pub(super) fn up(self, at: u64) -> u64 {
        let low = 8_u64.wrapping_shl(self.power()).wrapping_sub(1);
        at.checked_add(low).map_or(at, |at| at & !low)
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
#[inline]
pub(super) fn up(at: u64, unit: u64) -> u64 {
    match unit.checked_sub(1) {
        // Nearly always, and without a division.
        Some(low) if unit.is_power_of_two() => at.checked_add(low).map_or(at, |at| at & !low),
        _ => at.checked_next_multiple_of(unit.max(1)).unwrap_or(at),
    }
}

const PACKED: u8 = 0x40;
const DECIDED: u8 = 0x80;

impl Table<'_> {
    /// Whether a struct or union is packed, and its alignment in bytes.
    pub(super) fn layout(&self, id: TypeId) -> (bool, u64) {
        let layout = self.get(id).layout;
        (layout & PACKED != 0, 1 << (layout & 0xf))
    }

    /// Size and alignment of any type; structs and unions that it is made of are known already.
    #[inline]
    pub(super) fn sized(&mut self, btf: &Source<'_>, id: TypeId) -> Sized {
        Brief::read(self.get(id)).map_or_else(|| self.find(btf, id), Brief::full)
    }

    #[inline(never)]
    fn find(&mut self, btf: &Source<'_>, id: TypeId) -> Sized {
        let (sized, is_final) = self.measure(btf, id);
        if let (Some(Brief(word)), Some(known), true) =
            (Brief::of(sized), self.get_mut(id), is_final)
        {
            known.sized = word;
        }
        sized
    }

    /// Goes from a type to what gives it its size. Also says whether that can't change any more: what is made
    /// of itself is asked for before it is decided on.
    fn measure(&self, btf: &Source<'_>, id: TypeId) -> (Sized, bool) {
        let mut id = id;
        let mut is_final = true;
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
                    is_final = self.get(ty.id()).layout & DECIDED != 0;
                    Sized { size, align: self.layout(ty.id()).1, known: true, widest: 0 }
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
            return (found, is_final);
        }
        (Sized::default(), is_final)
    }

    /// Decides on a struct or union. Those that it contains come before it.
    pub(super) fn decide(&mut self, btf: &Source<'_>, ty: Record<'_>) {
        let mut power = 0;
        let mut packed = false;
        let has_widths = ty.kind_flag();
        for [_, id, offset] in chain::members(ty).iter().copied() {
            // Nearly all of them: what was met before, and no bitfield.
            if let Some(brief) = Brief::read(self.get(TypeId(id)))
                && !(has_widths && offset >> 24 != 0)
            {
                if brief.is_known() {
                    power = power.max(brief.power());
                    packed |= brief.up(offset.into()) != u64::from(offset);
                }
                continue;
            }
            let (bits, width) = place(ty, offset);
            let member = self.sized(btf, TypeId(id));
            let unit = match width {
                Some(width) if member.holds(width) => {
                    packed |= crosses(bits, u64::from(width), member.bits());
                    member.align
                }
                None if member.known => {
                    packed |= up(bits, member.align.saturating_mul(8)) != bits;
                    member.align
                }
                _ => continue,
            };
            power = power.max(unit.trailing_zeros());
        }
        let size = u64::from(ty.size_or_type());
        packed |= up(size, 1_u64.wrapping_shl(power)) != size;
        let flags = DECIDED | if packed { PACKED } else { 0 };
        let power = if packed { 0 } else { power & 0xf };
        if let Some(known) = self.get_mut(ty.id()) {
            known.layout = flags | u8::try_from(power).unwrap_or(0);
        }
    }
}

/// Tells the size of types in bytes, where they have one.
pub(crate) fn sizes(btf: &Btf) -> impl Fn(TypeId) -> Option<u64> {
    let table = Table::new(&mut [], btf);
    let btf = Source::of(btf);
    move |id| Some(table.measure(&btf, id).0.size).filter(|size| *size != 0)
}

/// The size of a pointer is that of a long, which all kernels have; 8 where there is none.
pub(crate) fn pointer_size(btf: &Btf) -> u64 {
    let mut root = btf;
    while let Some(base) = root.base() {
        root = base;
    }
    let strings = Source::of(root);
    let is_long = |ty: &Record<'_>| {
        let name = strings.name(*ty);
        ty.kind() == Kind::INT
            && matches!(name, b"long int" | b"long unsigned int" | b"unsigned long" | b"long")
    };
    match root.types().find(is_long).map(|ty| ty.size_or_type()) {
        Some(4) => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_into_a_word_comes_out_again() {
        let sizes = [0, 1, 2, 3, 4, 8, 12, 16, 255, 4096, 0xff_ffff];
        let scalars = sizes.map(Sized::scalar);
        let all = scalars.into_iter().flat_map(|sized| {
            [sized, Sized { widest: 1, ..sized }, Sized { widest: 0, align: 1 << 15, ..sized }]
        });
        for sized in all {
            let brief = Brief::of(sized).unwrap();
            assert_eq!(format!("{:?}", brief.full()), format!("{sized:?}"));
            assert_eq!((brief.is_known(), brief.bits()), (sized.known, sized.bits()));
            for at in (0..300).chain([u64::MAX - 1, u64::MAX]) {
                assert_eq!(brief.up(at), up(at, sized.align * 8), "{at}, {sized:?}");
            }
        }
        assert!(Brief::of(Sized::scalar(0x100_0000)).is_none());
    }

    #[test]
    fn multiples_are_found_with_and_without_a_division() {
        for unit in 0..70_u64 {
            for at in (0..300).chain([u64::MAX - 1, u64::MAX]) {
                let slow = (u128::from(at)..).find(|at| at % u128::from(unit.max(1)) == 0);
                let slow = slow.and_then(|slow| u64::try_from(slow).ok()).unwrap_or(at);
                assert_eq!(up(at, unit), slow, "{at} {unit}");
            }
        }
    }
}
