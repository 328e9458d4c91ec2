//! Members as nearly all of a header are, printed without a detour: what they are made of was printed before, and
//! they are where the compiler puts them.

use super::layout::{self, Sized};
use super::phrases::Phrase;
use super::print::{MAX_DEPTH, Printer};
use super::text;
use crate::btf::TypeId;
use crate::kind::Kind;

impl Printer<'_> {
    /// Prints the next members of the innermost open body, up to one that is not as usual. It says the same of them as
    /// [`Printer::members`] would.
    pub(super) fn usual_members(&mut self) {
        let levels = self.frames.len();
        let (Some(header), Some(frame)) = (&self.header, self.frames.last_mut()) else { return };
        // What is deeper, and what has comments, is not usual.
        if levels >= MAX_DEPTH || frame.is_tagged {
            return;
        }
        let is_union = frame.ty.kind() == Kind::UNION;
        let has_widths = frame.ty.kind_flag();
        while let Some(([name, id, offset], rest)) = frame.members.split_first() {
            let known = header.known.get(TypeId(*id));
            let Some(phrase) = Phrase::of(known) else { return };
            let Some(size) = Sized::unpacked(known.sized).filter(|size| size.known) else { return };
            let align = if frame.packed { 1 } else { size.align };
            let natural = if is_union { 0 } else { layout::up(frame.at, align.saturating_mul(8)) };
            // Bitfields have their width in the highest bits.
            let is_bitfield = has_widths && offset >> 24 != 0;
            if u64::from(*offset) != natural || is_bitfield {
                return;
            }
            let strings = self.btf.strings(*name);
            let (Some(left), false) = (self.left.checked_sub(1), strings.first() == Some(&0))
            else {
                return;
            };
            self.left = left;
            let end = natural.saturating_add(size.bits());
            frame.at = if is_union { frame.at.max(end) } else { end };
            frame.members = rest;
            frame.taken = frame.taken.saturating_add(1);
            text::indent(&mut self.out, levels);
            header.phrases.put_before(&mut self.out, phrase, true);
            text::name(&mut self.out, strings);
            header.phrases.put_behind(&mut self.out, phrase);
            self.out.extend_from_slice(b";\n");
        }
    }
}
