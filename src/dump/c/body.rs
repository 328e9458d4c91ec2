//! The bodies of structs, unions and enums.

use super::chain::{self, Base};
use super::layout::{self, Sized};
use super::print::{Frame, Label, MAX_DEPTH, Placed, Printer, Task, put_ordinal};
use super::source::TOO_LONG;
use super::text;
use crate::btf::{Record, TypeId};
use crate::dump::buffer;
use crate::kind::Kind;
use crate::scan;

/// Gaps of so many bitfields or more become one array.
const LONG_GAP: u64 = 16;

impl<'a> Printer<'a> {
    /// Starts a struct or union, with its tag or without; the members are left waiting.
    pub(super) fn open(&mut self, ty: Record<'a>, named: bool) {
        self.put(if ty.kind() == Kind::UNION { "union " } else { "struct " });
        if named {
            self.name_of(ty);
            self.put(" ");
        }
        if self.frames.len() >= MAX_DEPTH || (self.left == 0 && !self.frames.is_empty()) {
            return self.put("{ /* ... */ }");
        }
        self.put("{");
        let members = chain::members(ty);
        let mut frame = Frame {
            ty,
            members,
            taken: 0,
            at: self.start,
            packed: false,
            align: 1,
            is_tagged: false,
        };
        if let Some(header) = &self.header {
            frame.at = 0;
            (frame.packed, frame.align) = header.known.layout(ty.id());
            frame.is_tagged = header.tags.contains_key(&ty.id());
        }
        if frame.is_tagged {
            self.decl_tags(ty, -1);
        }
        self.put("\n");
        self.frames.push(frame);
        self.tasks.push(Task::Members);
    }

    /// The next members of the innermost open body, up to one that is not printed at once or to
    /// its end.
    pub(super) fn members(&mut self) {
        loop {
            self.usual_members();
            let Some(frame) = self.frames.last_mut() else { return };
            let ty = frame.ty;
            let Some(([name, id, offset], rest)) = frame.members.split_first() else {
                return self.close(ty);
            };
            frame.members = rest;
            frame.taken = frame.taken.saturating_add(1);
            if !self.spend() {
                text::indent(&mut self.out, self.frames.len());
                self.put("/* ... */\n");
                return self.close(ty);
            }
            let place = layout::place(ty, *offset);
            if self.header.is_none() {
                return self.member(self.btf.strings(*name), TypeId(*id), place);
            }
            let name = self.btf.strings(*name);
            if !self.placed_member(ty, (name, TypeId(*id)), place) {
                return;
            }
        }
    }

    /// A member; where it comes to stand is the compiler's business.
    fn member(&mut self, strings: &'a [u8], id: TypeId, (bits, width): (u64, Option<u32>)) {
        text::indent(&mut self.out, self.frames.len());
        let body = self.frames.last().map_or(0, |frame| frame.at);
        self.start = body.saturating_add(bits);
        self.tasks.push(Task::Members);
        self.tasks.push(Task::EndMember(width));
        self.declare(id, Label::of(strings));
    }

    /// A member of a header, which comes to stand where the BTF has it. Whether it was printed: if
    /// not, its end and the other members are left waiting.
    fn placed_member(
        &mut self,
        ty: Record<'a>,
        (strings, id): (&'a [u8], TypeId),
        (bits, width): (u64, Option<u32>),
    ) -> bool {
        let is_named = strings.first() != Some(&0);
        let Some(frame) = self.frames.last() else { return false };
        let (packed, at) = (frame.packed, frame.at);
        let is_union = ty.kind() == Kind::UNION;
        let size = match &mut self.header {
            Some(header) => header.known.sized(&self.btf, id),
            None => Sized::default(),
        };
        let (align, len) = match width {
            Some(width) => (8, u64::from(width)),
            None if packed => (8, size.bits()),
            None => (size.align.saturating_mul(8), size.bits()),
        };
        // Where the compiler would put it without our help.
        let natural = match width {
            Some(_) if packed => at,
            Some(width) => layout::bitfield_at(at, u64::from(width), size.bits()),
            None => layout::up(at, align),
        };
        let inline = if is_named { None } else { self.inline_record(id) };
        let fits = size.known
            && (is_named || inline.is_some())
            && width.is_none_or(|width| size.holds(width))
            && self.frames.len() < MAX_DEPTH;
        if is_union {
            if bits != 0 {
                self.remark("in the BTF this is not at offset 0");
            }
        } else if bits < at.min(natural) || (bits < natural && fits) {
            self.remark("in the BTF this overlaps what stands before it");
        } else if bits > natural {
            self.pad(at, bits);
        }
        let start = if is_union { 0 } else { bits.max(natural) };
        let levels = self.frames.len();
        if !fits {
            // No type to name: bytes up to what is next.
            self.stand_in(ty, (strings, id, width), start);
            return true;
        }
        if let Some(frame) = self.frames.last_mut() {
            let end = start.saturating_add(len);
            frame.at = if is_union { frame.at.max(end) } else { end };
        }
        text::indent(&mut self.out, levels);
        if inline.is_none()
            && let Some(phrase) = self.phrase(id)
        {
            let Some(header) = &self.header else { return true };
            header.phrases.put_before(&mut self.out, phrase, is_named);
            text::name(&mut self.out, strings);
            header.phrases.put_behind(&mut self.out, phrase);
            self.end_member(width);
            return true;
        }
        self.tasks.push(Task::Members);
        self.tasks.push(Task::EndMember(width));
        match inline {
            Some(base) => {
                self.qualifiers_of_base();
                self.open(base, false);
            }
            None => self.declare(id, Label::of(strings)),
        }
        false
    }

    /// The struct or union whose members a member without a name stands for. (One with a tag is
    /// spelled out too: compilers know `struct tag;` as a member only if told.)
    fn inline_record(&mut self, id: TypeId) -> Option<Record<'a>> {
        match self.links_of(id) {
            Base::Type(base) if chain::is_record(base) && self.is_bare() => Some(base),
            _ => None,
        }
    }

    /// Bytes in place of a member that C cannot declare, up to what is next.
    fn stand_in(
        &mut self,
        ty: Record<'a>,
        (strings, id, width): (&'a [u8], TypeId, Option<u32>),
        start: u64,
    ) {
        let next = match self.frames.last().and_then(|frame| frame.members.first()) {
            Some(&[_, _, offset]) if ty.kind() != Kind::UNION => layout::place(ty, offset).0,
            _ => u64::from(ty.size_or_type()).saturating_mul(8),
        };
        let room = next.checked_sub(start).map_or(0, |bits| bits / 8);
        let label = Label::of(strings);
        let is_array = width.is_none() && !label.is_empty() && start.is_multiple_of(8);
        text::indent(&mut self.out, self.frames.len());
        if is_array {
            self.put("unsigned char ");
            self.label(label);
            self.put("[");
            self.number(room);
            self.put("];");
            if let Some(frame) = self.frames.last_mut() {
                let end = start.saturating_add(room.saturating_mul(8));
                frame.at = if ty.kind() == Kind::UNION { frame.at.max(end) } else { end };
            }
        } else {
            if let Some(frame) = self.frames.last_mut().filter(|_| ty.kind() != Kind::UNION) {
                frame.at = start;
            }
            self.put("/* left out: ");
            text::plain(&mut self.out, scan::string(strings).unwrap_or(TOO_LONG));
            self.put(" */");
        }
        match (self.btf.get(id), self.links_of(id)) {
            (Some(ty), _) if ty.kind() == Kind::FUNC => self.note_stranger(ty),
            (_, Base::Type(base)) => self.note_stranger(base),
            (_, Base::Void) => self.put(" /* void */"),
            (_, Base::TooLong) => self.put(" /* too many links */"),
        }
        self.put("\n");
    }

    /// Says where the header cannot be what the BTF is.
    fn remark(&mut self, what: &str) {
        text::indent(&mut self.out, self.frames.len());
        self.put("/* ");
        self.put(what);
        self.put(" */\n");
    }

    /// The end of a member's line, behind its declaration.
    pub(super) fn end_member(&mut self, width: Option<u32>) {
        if let Some(width) = width {
            self.put(": ");
            self.number(width);
        }
        match self.frames.last() {
            Some(frame) if frame.is_tagged || self.header.is_none() => {
                let (ty, taken) = (frame.ty, frame.taken);
                self.put(";");
                self.decl_tags(ty, i64::try_from(taken).unwrap_or(0).saturating_sub(1));
                self.note_place();
                self.put("\n");
            }
            _ => self.put(";\n"),
        }
    }

    /// Notes where the member is whose line has ended.
    fn note_place(&mut self) {
        let (Some(places), Some(frame)) = (&mut self.places, self.frames.last()) else { return };
        let member = chain::members(frame.ty).get(frame.taken.saturating_sub(1));
        if let Some(&[_, id, offset]) = member {
            let (bits, width) = layout::place(frame.ty, offset);
            let bits = frame.at.saturating_add(bits);
            places.push(Placed { end: self.out.len(), bits, width, ty: TypeId(id) });
        }
    }

    /// The declaration tags of a type (component -1) or of one of its members, as comments.
    pub(super) fn decl_tags(&mut self, ty: Record<'a>, component: i64) {
        let Some(header) = &self.header else { return };
        let Some(tags) = header.tags.get(&ty.id()) else { return };
        for (_, name) in tags.iter().filter(|tag| i64::from(tag.0) == component) {
            self.out.extend_from_slice(b" /* btf_decl_tag(");
            text::quoted(&mut self.out, name);
            self.out.extend_from_slice(b") */");
        }
    }

    /// The end of the innermost open body.
    fn close(&mut self, ty: Record<'a>) {
        let Some(frame) = self.frames.last() else { return };
        let (at, packed, align) = (frame.at, frame.packed, frame.align.saturating_mul(8));
        let is_empty = frame.taken == 0;
        let size = u64::from(ty.size_or_type()).saturating_mul(8);
        if self.header.is_some() {
            let end = layout::up(at, align);
            if end > size {
                self.remark("in the BTF this is smaller");
            } else if end < size && ty.kind() == Kind::UNION {
                self.pad_array(size / 8);
            } else if end < size {
                self.pad(at, size);
            }
        }
        self.frames.pop();
        if is_empty && self.out.ends_with(b"{\n") {
            self.out.pop();
        } else {
            text::indent(&mut self.out, self.frames.len());
        }
        self.put("}");
        if packed {
            self.put(" __attribute__((packed))");
        }
    }

    /// Fills the bits from `at` to `to`: bitfields without names where the gap is short.
    fn pad(&mut self, at: u64, to: u64) {
        let mut at = at;
        let pointer = self.header.as_ref().map_or(8, |header| header.known.pointer);
        // On some machines bitfields without names count for the alignment of the struct.
        let widest = match self.frames.last() {
            Some(frame) if !frame.packed => frame.align.min(pointer),
            _ => pointer,
        };
        while at < to {
            let gap = to.saturating_sub(at);
            if at.is_multiple_of(8) && gap / 8 >= widest.saturating_mul(LONG_GAP) {
                self.pad_array(gap / 8);
                at = at.saturating_add(gap.saturating_sub(gap % 8));
                continue;
            }
            // A bitfield may not cross a unit of its type. The smallest type that takes most.
            let mut best = (0, "");
            for (unit, name) in [(8_u64, "char"), (16, "short"), (32, "int"), (64, "long")] {
                let left = layout::up(at.saturating_add(1), unit).saturating_sub(at);
                let takes = left.min(gap);
                if takes > best.0 && unit / 8 <= widest {
                    best = (takes, name);
                }
            }
            text::indent(&mut self.out, self.frames.len());
            self.put(best.1);
            self.put(": ");
            self.number(best.0);
            self.put(";\n");
            at = at.saturating_add(best.0.max(1));
        }
    }

    fn pad_array(&mut self, bytes: u64) {
        text::indent(&mut self.out, self.frames.len());
        self.put("char __pad");
        self.number(self.pads);
        self.pads = self.pads.saturating_add(1);
        self.put("[");
        self.number(bytes);
        self.put("];\n");
    }

    /// The body of an enum, after its tag if it has one.
    pub(super) fn enumerators(&mut self, ty: Record<'a>) {
        self.put("{\n");
        let size = ty.size_or_type();
        let levels = self.frames.len().saturating_add(1);
        let values = Values::of(ty);
        for value in ty.elements() {
            text::indent(&mut self.out, levels);
            let name = match *value {
                _ if !self.spend() => {
                    self.put("/* ... */\n");
                    break;
                }
                [name, ..] => name,
                [] => break,
            };
            match &mut self.header {
                Some(header) => {
                    let strings = self.btf.strings(name);
                    let ordinal = header.names.other(name, text::name(&mut self.out, strings));
                    put_ordinal(&mut self.out, ordinal);
                }
                None => text::plain(&mut self.out, self.btf.string(name)),
            }
            self.put(" = ");
            match *value {
                [_, value] => match values {
                    Values::Signed if value.cast_signed() < 0 => self.number(value.cast_signed()),
                    _ => buffer::decimal(&mut self.out, value),
                },
                [_, low, high] => {
                    let value = u64::from(high) << 32 | u64::from(low);
                    match values {
                        Values::Unsigned => {
                            self.number(value);
                            self.put("ULL");
                        }
                        // Its absolute value is no long long.
                        Values::Signed if value == 1 << 63 => {
                            self.put("(-9223372036854775807LL - 1)");
                        }
                        Values::Signed => {
                            self.number(value.cast_signed());
                            self.put("LL");
                        }
                    }
                }
                _ => {}
            }
            self.put(",\n");
        }
        text::indent(&mut self.out, levels.saturating_sub(1));
        self.put("}");
        if self.header.is_none() {
            return;
        }
        // The compiler takes an int, or 8 bytes for what does not fit one.
        match size {
            1 => self.put(" __attribute__((mode(byte)))"),
            2 => self.put(" __attribute__((mode(HI)))"),
            8 if !needs_64_bits(ty, values) => self.put(" __attribute__((mode(DI)))"),
            _ => {}
        }
    }
}

/// How the values of an enum are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Unsigned,
    Signed,
}

impl Values {
    fn of(ty: Record<'_>) -> Values {
        // Before Linux 6.0 nothing said whether values have a sign; where they are larger than the
        // enum they must have one.
        let limit = match ty.size_or_type() {
            1 => u32::from(u8::MAX),
            2 => u32::from(u16::MAX),
            _ => u32::MAX,
        };
        let too_large = |value: &[u32]| matches!(*value, [_, value] if value > limit);
        if ty.kind_flag() || (limit != u32::MAX && ty.elements().any(too_large)) {
            Values::Signed
        } else {
            Values::Unsigned
        }
    }
}

/// Whether one of the values makes the compiler use 8 bytes.
fn needs_64_bits(ty: Record<'_>, values: Values) -> bool {
    let wide = |value: &[u32]| match *value {
        [_, low, high] => {
            let value = (u64::from(high) << 32 | u64::from(low)).cast_signed();
            match values {
                Values::Unsigned => high != 0,
                Values::Signed => i32::try_from(value).is_err(),
            }
        }
        _ => false,
    };
    ty.elements().any(wide)
}
