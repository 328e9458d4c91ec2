//! The lines that the kernel's log would have.

use super::blob::{Blob, Element, Member, Type};
use crate::kind::Kind;

/// The kernel formats what it logs piece by piece, each of no more bytes than this.
const PIECE: usize = 1023;
/// A line does not list more arguments than this; the kernel's would.
const MOST_ARGS: u32 = 64;

/// A line under construction; names are bytes.
#[derive(Default)]
struct Line(Vec<u8>);

impl Line {
    fn piece(&mut self, parts: &[&[u8]]) {
        let end = self.0.len().saturating_add(PIECE);
        for part in parts {
            self.0.extend_from_slice(part);
        }
        self.0.truncate(end);
    }

    fn text(&mut self, text: &str) {
        self.piece(&[text.as_bytes()]);
    }

    fn done(self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl Blob<'_> {
    /// A name as the log has it.
    fn logged(&self, offset: u32) -> &[u8] {
        if offset == 0 {
            b"(anon)"
        } else if (offset as usize) < self.strings.len() {
            self.short_name(offset, PIECE)
        } else {
            b"(invalid-name-offset)"
        }
    }

    /// `[2] STRUCT foo size=4 vlen=1`, and a message if there is one.
    pub(super) fn type_line(&self, ty: Type<'_>, details: bool, message: &str) -> String {
        let mut line = Line::default();
        let kind = ty.spec().map_or("UNKNOWN", |spec| &spec.name);
        let space: &[u8] = if details { b" " } else { b"" };
        let head = format!("[{}] {kind} ", ty.id);
        line.piece(&[head.as_bytes(), self.logged(ty.name_off()), space]);
        if details {
            self.details(&mut line, ty);
        }
        if !message.is_empty() {
            line.text(" ");
            line.text(message);
        }
        line.done()
    }

    fn details(&self, line: &mut Line, ty: Type<'_>) {
        let third = ty.target();
        let text = match ty.kind() {
            Kind::INT => {
                let encoding = match ty.fixed() >> 24 & 0xf {
                    0 => "(none)",
                    1 => "SIGNED",
                    2 => "CHAR",
                    4 => "BOOL",
                    _ => "UNKN",
                };
                let (offset, bits) = (ty.int_offset(), ty.int_bits());
                format!("size={third} bits_offset={offset} nr_bits={bits} encoding={encoding}")
            }
            Kind::ARRAY => format!(
                "type_id={} index_type_id={} nr_elems={}",
                ty.fixed(),
                ty.word(4),
                ty.word(5)
            ),
            Kind::FWD if self.format.kind_mask == 0x0f && self.format.unused >> 31 == 1 => {
                format!("type_id={third}")
            }
            Kind::FWD => (if ty.kind_flag() { "union" } else { "struct" }).to_owned(),
            Kind::FUNC_PROTO => return self.proto(line, ty),
            Kind::VAR => format!("type_id={third} linkage={}", ty.fixed()),
            Kind::FLOAT => format!("size={third}"),
            Kind::DECL_TAG => {
                format!("type={third} component_idx={}", ty.fixed().cast_signed())
            }
            _ if ty.has_own_size() => format!("size={third} vlen={}", ty.vlen()),
            _ => format!("type_id={third}"),
        };
        line.text(&text);
    }

    fn proto(&self, line: &mut Line, ty: Type<'_>) {
        line.text(&format!("return={} args=(", ty.target()));
        let last = ty.vlen().saturating_sub(1);
        if ty.vlen() == 0 {
            line.text("void");
        } else if ty.vlen() > MOST_ARGS {
            line.text("...");
        } else {
            for Element { number, words: [name, arg, _], .. } in ty.elements(0) {
                let comma = if number == 0 { "" } else { ", " };
                if arg == 0 && number == last {
                    line.text(comma);
                    line.text("vararg");
                } else {
                    let head = format!("{comma}{arg} ");
                    line.piece(&[head.as_bytes(), self.logged(name)]);
                }
            }
        }
        line.text(")");
    }

    /// A struct's member, indented.
    pub(super) fn member_line(&self, ty: Type<'_>, member: Member, message: &str) -> String {
        let mut line = Line::default();
        let bits = if ty.kind_flag() {
            let size = member.offset >> 24;
            format!(
                " type_id={} bitfield_size={size} bits_offset={}",
                member.ty,
                ty.bit_offset(member)
            )
        } else {
            format!(" type_id={} bits_offset={}", member.ty, member.offset)
        };
        line.piece(&[b"\t", self.logged(member.name), bits.as_bytes()]);
        line.text(" ");
        line.text(message);
        line.done()
    }

    /// A variable of a section, indented.
    pub(super) fn var_line(&self, var: Element, message: &str) -> String {
        let [ty, offset, size] = var.words;
        format!("\t type_id={ty} offset={offset} size={size} {message}")
    }
}
