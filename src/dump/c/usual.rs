//! Members as nearly all of a header are, printed without a detour: what they are made of was printed before, and
//! they are where the compiler puts them.

use super::layout::{self, Brief};
use super::phrases::Phrase;
use super::print::{Frame, MAX_DEPTH, Printer};
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
        let Frame { members, at, taken, packed, .. } = frame;
        while let Some(([name, id, offset], rest)) = members.split_first() {
            let known = header.known.get(TypeId(*id));
            let Some(phrase) = Phrase::of(known) else { return };
            let Some(size) = Brief::read(known).filter(|size| size.is_known()) else { return };
            let natural = match (is_union, *packed) {
                (true, _) => 0,
                (_, true) => layout::up(*at, 8),
                _ => size.up(*at),
            };
            // Bitfields have their width in the highest bits.
            let is_bitfield = has_widths && offset >> 24 != 0;
            if u64::from(*offset) != natural || is_bitfield {
                return;
            }
            let Some(block) = self.btf.block(*name) else { return };
            let (Some(len), Some(left)) = (text::usual_name(block), self.left.checked_sub(1))
            else {
                return;
            };
            self.left = left;
            let end = natural.saturating_add(size.bits());
            *at = if is_union { end.max(*at) } else { end };
            *members = rest;
            *taken = taken.saturating_add(1);
            let out = &mut self.out;
            text::indent(out, levels);
            header.phrases.put_before(out, phrase, true);
            text::put_start(out, block, len);
            header.phrases.put_behind(out, phrase);
            out.extend_from_slice(b";\n");
        }
    }
}
