//! `dump -f raw`: released kinds as Debian 12's `bpftool btf dump file` (7.1) prints them, others
//! in the same style by their described fields.

use std::io::{self, Write};

use crate::btf::{Record, StrOff};
use crate::kind::{Field, Kind, KindSpec, Third, WordClass};

/// Prints types as text, a line for each and a line for each of its elements.
///
/// ```
/// use btfkinds::{Btf, Kind, NewType, Text};
///
/// let mut btf = Btf::new();
/// btf.add(NewType { kind: Kind::FLOAT, name: "double", kind_flag: false, vlen: 0, size_or_type: 8, words: &[] })?;
/// let mut out = Vec::new();
/// Text::new(&mut out).types(btf.types())?;
/// assert_eq!(out, b"[1] FLOAT 'double' size=8\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Text<W: Write> {
    out: W,
    line: Vec<u8>,
    digits: itoa::Buffer,
}

/// When so much text is waiting it is written out.
const BUFFER: usize = 1 << 16;

/// Appends pieces of text to the buffer: strings as they are, numbers in decimal.
macro_rules! put {
    ($self:ident, $($piece:expr),+) => { { $($piece.put($self);)+ } };
}

trait Piece {
    fn put<W: Write>(self, text: &mut Text<W>);
}

impl Piece for &str {
    fn put<W: Write>(self, text: &mut Text<W>) {
        text.line.extend_from_slice(self.as_bytes());
    }
}

impl Piece for u32 {
    fn put<W: Write>(self, text: &mut Text<W>) {
        text.line.extend_from_slice(text.digits.format(self).as_bytes());
    }
}

impl Piece for i32 {
    fn put<W: Write>(self, text: &mut Text<W>) {
        text.line.extend_from_slice(text.digits.format(self).as_bytes());
    }
}

impl Piece for u64 {
    fn put<W: Write>(self, text: &mut Text<W>) {
        text.line.extend_from_slice(text.digits.format(self).as_bytes());
    }
}

impl Piece for i64 {
    fn put<W: Write>(self, text: &mut Text<W>) {
        text.line.extend_from_slice(text.digits.format(self).as_bytes());
    }
}

/// A name in quotes; without one, what bpftool prints for it.
struct Name<'a>(Record<'a>, u32);

impl Piece for Name<'_> {
    fn put<W: Write>(self, text: &mut Text<W>) {
        let name: &[u8] = if self.1 == 0 { b"(anon)" } else { self.0.string(StrOff(self.1)) };
        text.line.push(b'\'');
        text.line.extend_from_slice(name);
        text.line.push(b'\'');
    }
}

impl<W: Write> Text<W> {
    /// Prints to `out`; what is written comes in large pieces.
    pub fn new(out: W) -> Self {
        Text {
            out,
            line: Vec::with_capacity(BUFFER.saturating_mul(2)),
            digits: itoa::Buffer::new(),
        }
    }

    /// Prints these types and flushes.
    ///
    /// # Errors
    /// When writing fails.
    pub fn types<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>) -> io::Result<()> {
        for ty in types {
            self.ty(ty);
            if self.line.len() >= BUFFER {
                self.out.write_all(&self.line)?;
                self.line.clear();
            }
        }
        self.out.write_all(&self.line)?;
        self.line.clear();
        self.out.flush()
    }

    fn ty(&mut self, ty: Record<'_>) {
        put!(self, "[", ty.id().0, "] ", ty.kind_name(), " ", Name(ty, ty.name_off().0));
        let third = ty.size_or_type();
        match (ty.kind(), ty.fixed()) {
            (Kind::INT, [word]) => self.int(third, *word),
            (
                Kind::PTR
                | Kind::TYPEDEF
                | Kind::VOLATILE
                | Kind::CONST
                | Kind::RESTRICT
                | Kind::TYPE_TAG,
                _,
            ) => {
                put!(self, " type_id=", third);
            }
            (Kind::ARRAY, [element, index, count]) => {
                put!(self, " type_id=", *element, " index_type_id=", *index, " nr_elems=", *count);
            }
            (Kind::STRUCT | Kind::UNION, _) => self.members(ty),
            (Kind::ENUM | Kind::ENUM64, _) => self.values(ty),
            (Kind::FWD, _) => {
                put!(self, " fwd_kind=", if ty.kind_flag() { "union" } else { "struct" })
            }
            (Kind::FUNC, _) => put!(self, " type_id=", third, " linkage=", linkage(ty.vlen())),
            (Kind::FUNC_PROTO, _) => self.parameters(ty),
            (Kind::VAR, [word]) => put!(self, " type_id=", third, ", linkage=", linkage(*word)),
            (Kind::DATASEC, _) => self.variables(ty),
            (Kind::FLOAT, _) => put!(self, " size=", third),
            (Kind::DECL_TAG, [component]) => {
                put!(self, " type_id=", third, " component_idx=", component.cast_signed());
            }
            _ => self.described(ty),
        }
        self.line.push(b'\n');
    }

    fn int(&mut self, size: u32, word: u32) {
        put!(
            self,
            " size=",
            size,
            " bits_offset=",
            word >> 16 & 0xff,
            " nr_bits=",
            word & 0xff,
            " encoding=",
            encoding(word)
        );
    }

    fn members(&mut self, ty: Record<'_>) {
        put!(self, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for member in ty.elements() {
            let [name, id, offset] = *member else {
                continue;
            };
            let (bits, width) =
                if ty.kind_flag() { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            put!(self, "\n\t", Name(ty, name), " type_id=", id, " bits_offset=", bits);
            if width != 0 {
                put!(self, " bitfield_size=", width);
            }
        }
    }

    fn values(&mut self, ty: Record<'_>) {
        let signed = ty.kind_flag();
        let encoding = if signed { "SIGNED" } else { "UNSIGNED" };
        put!(self, " encoding=", encoding, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for value in ty.elements() {
            match *value {
                [name, value] => {
                    put!(self, "\n\t", Name(ty, name), " val=");
                    if signed { put!(self, value.cast_signed()) } else { put!(self, value) }
                }
                [name, low, high] => {
                    let value = u64::from(high) << 32 | u64::from(low);
                    put!(self, "\n\t", Name(ty, name), " val=");
                    if signed {
                        put!(self, value.cast_signed(), "LL")
                    } else {
                        put!(self, value, "ULL")
                    }
                }
                _ => {}
            }
        }
    }

    fn parameters(&mut self, ty: Record<'_>) {
        put!(self, " ret_type_id=", ty.size_or_type(), " vlen=", ty.vlen());
        for parameter in ty.elements() {
            let [name, id] = *parameter else { continue };
            put!(self, "\n\t", Name(ty, name), " type_id=", id);
        }
    }

    fn variables(&mut self, ty: Record<'_>) {
        put!(self, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for variable in ty.elements() {
            let [id, offset, size] = *variable else {
                continue;
            };
            put!(self, "\n\ttype_id=", id, " offset=", offset, " size=", size);
            match ty.referred(id) {
                Some(of) => put!(self, " (", of.kind_name(), " ", Name(of, of.name_off().0), ")"),
                None => put!(self, " (UNKNOWN '(anon)')"),
            }
        }
    }

    /// A kind that is not released, by its spec.
    fn described(&mut self, ty: Record<'_>) {
        let spec: &KindSpec = ty.spec();
        let third = ty.size_or_type();
        match spec.third {
            Third::Size => put!(self, " size=", third),
            Third::Id => put!(self, " type_id=", third),
            Third::Unused if third != 0 => put!(self, " size_or_type=", third),
            Third::Unused => {}
        }
        if !spec.elements.is_empty() || ty.vlen() != 0 {
            put!(self, " vlen=", ty.vlen());
        }
        if ty.kind_flag() {
            put!(self, " kind_flag=1");
        }
        self.fields(ty, " ", &spec.fixed, ty.fixed());
        if !spec.elements.is_empty() {
            for element in ty.elements() {
                self.fields(ty, "\n\t", &spec.elements, element);
            }
        }
    }

    /// Fields as `name=value`; words without names as `words=0x1,0x2`.
    fn fields(&mut self, ty: Record<'_>, mut lead: &str, fields: &[Field], words: &[u32]) {
        if fields.iter().any(|field| field.name.is_empty()) {
            put!(self, lead, "words=");
            for (i, word) in words.iter().enumerate() {
                put!(self, if i == 0 { "0x" } else { ",0x" });
                let _ = write!(self.line, "{word:x}");
            }
            return;
        }
        for (field, word) in fields.iter().zip(words) {
            put!(self, lead, field.name.as_str(), "=");
            lead = " ";
            match field.class {
                WordClass::Str => put!(self, Name(ty, *word)),
                WordClass::S32 => put!(self, word.cast_signed()),
                // Bits, that nobody can read in decimal.
                WordClass::U32 if field.name.ends_with("flags") => {
                    let _ = write!(self.line, "{word:#x}");
                }
                WordClass::U32 | WordClass::Id => put!(self, *word),
            }
        }
    }
}

/// What an INT's word says its bytes are.
pub(crate) fn encoding(word: u32) -> &'static str {
    match word >> 24 & 0xf {
        0 => "(none)",
        1 => "SIGNED",
        2 => "CHAR",
        4 => "BOOL",
        _ => "UNKN",
    }
}

/// FUNC's and VAR's linkage; both number it alike.
pub(crate) fn linkage(number: u32) -> &'static str {
    match number {
        0 => "static",
        1 => "global",
        2 => "extern",
        _ => "(unknown)",
    }
}
