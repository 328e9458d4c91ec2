//! `dump -f raw`: released kinds as Debian 12's `bpftool btf dump file` (7.1) prints them, others
//! in the same style by their described fields.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

use super::buffer::{Buffer, Piece, Short, UpToNul, put};
use crate::btf::{Btf, Record, Types};
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
    pub(super) out: Buffer<W>,
}

/// What stands between a type's id and its name, by kind.
static LEADS: Leads<16> = LazyLock::new(|| by_kind(|kind| format!("] {kind} '")));

/// A short text for each released kind, by the kind's number.
pub(super) type Leads<const ROOM: usize> = LazyLock<Vec<Option<Short<ROOM>>>>;

/// Makes such texts of the kinds' names.
pub(super) fn by_kind<const ROOM: usize>(
    text: impl Fn(&str) -> String,
) -> Vec<Option<Short<ROOM>>> {
    let of = |spec: &Arc<KindSpec>| Short::of(&text(&spec.name));
    std::iter::once(None).chain(KindSpec::released().iter().map(of)).collect()
}

/// Where the names of types are: as a rule all in one blob.
#[derive(Default)]
pub(super) struct Names<'a>(Option<(&'a Btf, Types<'a>)>);

impl<'a> Names<'a> {
    #[inline]
    pub(super) fn of(&mut self, ty: Record<'a>) -> Types<'a> {
        match self.0 {
            Some((btf, names)) if std::ptr::eq(btf, ty.btf()) => names,
            _ => self.0.insert((ty.btf(), ty.btf().view())).1,
        }
    }
}

/// A name; without one, what bpftool prints for it.
struct Name<'a>(Types<'a>, u32);

impl Piece for Name<'_> {
    #[inline(always)]
    fn put<W: Write>(self, out: &mut Buffer<W>) {
        match self.1 {
            0 => put!(*out, "(anon)"),
            offset => put!(*out, UpToNul(self.0.tail(offset).unwrap_or_default())),
        }
    }
}

impl<W: Write> Text<W> {
    /// Prints to `out`; what is written comes in large pieces.
    pub fn new(out: W) -> Self {
        Text { out: Buffer::new(out) }
    }

    /// Prints these types and flushes.
    ///
    /// # Errors
    /// When writing fails.
    pub fn types<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>) -> io::Result<()> {
        self.each(types);
        self.out.finish()
    }

    /// Prints these types, and leaves what is waiting.
    pub(super) fn each<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>) {
        let mut names = Names::default();
        for ty in types {
            self.ty(ty, names.of(ty));
            if !self.out.relieve() {
                return;
            }
        }
    }

    fn ty(&mut self, ty: Record<'_>, names: Types<'_>) {
        put!(self.out, "[", ty.id().0);
        match LEADS.get(ty.kind().index()) {
            Some(Some(lead)) => put!(self.out, *lead),
            _ => put!(self.out, "] ", ty.kind_name(), " '"),
        }
        put!(self.out, Name(names, ty.name_off().0), "'");
        let third = ty.size_or_type();
        match (ty.kind(), ty.behind_header()) {
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
                put!(self.out, " type_id=", third);
            }
            (Kind::ARRAY, [element, index, count]) => {
                put!(
                    self.out,
                    " type_id=",
                    *element,
                    " index_type_id=",
                    *index,
                    " nr_elems=",
                    *count
                );
            }
            (Kind::STRUCT | Kind::UNION, _) => self.members(ty, names),
            (Kind::ENUM | Kind::ENUM64, _) => self.values(ty, names),
            (Kind::FWD, _) => {
                put!(self.out, " fwd_kind=", if ty.kind_flag() { "union" } else { "struct" })
            }
            (Kind::FUNC, _) => put!(self.out, " type_id=", third, " linkage=", Linkage(ty.vlen())),
            (Kind::FUNC_PROTO, _) => self.parameters(ty, names),
            (Kind::VAR, [word]) => put!(self.out, " type_id=", third, ", linkage=", Linkage(*word)),
            (Kind::DATASEC, _) => self.variables(ty, names),
            (Kind::FLOAT, _) => put!(self.out, " size=", third),
            (Kind::DECL_TAG, [component]) => {
                put!(self.out, " type_id=", third, " component_idx=", component.cast_signed());
            }
            _ => self.described(ty),
        }
        put!(self.out, "\n");
    }

    fn int(&mut self, size: u32, word: u32) {
        put!(
            self.out,
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

    fn members(&mut self, ty: Record<'_>, names: Types<'_>) {
        put!(self.out, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for &[name, id, offset] in ty.behind_header().as_chunks::<3>().0 {
            if !self.out.relieve() {
                return;
            }
            let (bits, width) =
                if ty.kind_flag() { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            put!(self.out, "\n\t'", Name(names, name), "' type_id=", id, " bits_offset=", bits);
            if width != 0 {
                put!(self.out, " bitfield_size=", width);
            }
        }
    }

    fn values(&mut self, ty: Record<'_>, names: Types<'_>) {
        let signed = ty.kind_flag();
        let encoding = if signed { "SIGNED" } else { "UNSIGNED" };
        put!(self.out, " encoding=", encoding, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for value in ty.elements() {
            if !self.out.relieve() {
                return;
            }
            match *value {
                [name, value] => {
                    put!(self.out, "\n\t'", Name(names, name), "' val=");
                    if signed { put!(self.out, value.cast_signed()) } else { put!(self.out, value) }
                }
                [name, low, high] => {
                    let value = u64::from(high) << 32 | u64::from(low);
                    put!(self.out, "\n\t'", Name(names, name), "' val=");
                    if signed {
                        put!(self.out, value.cast_signed(), "LL")
                    } else {
                        put!(self.out, value, "ULL")
                    }
                }
                _ => {}
            }
        }
    }

    fn parameters(&mut self, ty: Record<'_>, names: Types<'_>) {
        put!(self.out, " ret_type_id=", ty.size_or_type(), " vlen=", ty.vlen());
        for &[name, id] in ty.behind_header().as_chunks::<2>().0 {
            if !self.out.relieve() {
                return;
            }
            put!(self.out, "\n\t'", Name(names, name), "' type_id=", id);
        }
    }

    fn variables(&mut self, ty: Record<'_>, names: Types<'_>) {
        put!(self.out, " size=", ty.size_or_type(), " vlen=", ty.vlen());
        for &[id, offset, size] in ty.behind_header().as_chunks::<3>().0 {
            if !self.out.relieve() {
                return;
            }
            put!(self.out, "\n\ttype_id=", id, " offset=", offset, " size=", size);
            match ty.referred(id) {
                Some(of) => {
                    put!(self.out, " (", of.kind_name(), " '", Name(names, of.name_off().0), "')")
                }
                None => put!(self.out, " (UNKNOWN '(anon)')"),
            }
        }
    }

    /// A kind that is not released, by its spec.
    fn described(&mut self, ty: Record<'_>) {
        let spec: &KindSpec = ty.spec();
        let third = ty.size_or_type();
        match spec.third {
            Third::Size => put!(self.out, " size=", third),
            Third::Id => put!(self.out, " type_id=", third),
            Third::Unused if third != 0 => put!(self.out, " size_or_type=", third),
            Third::Unused => {}
        }
        if !spec.elements.is_empty() || ty.vlen() != 0 {
            put!(self.out, " vlen=", ty.vlen());
        }
        if ty.kind_flag() {
            put!(self.out, " kind_flag=1");
        }
        self.fields(ty, " ", &spec.fixed, ty.fixed());
        if !spec.elements.is_empty() {
            for element in ty.elements() {
                if !self.out.relieve() {
                    return;
                }
                self.fields(ty, "\n\t", &spec.elements, element);
            }
        }
    }

    /// Fields as `name=value`; words without names as `words=0x1,0x2`.
    fn fields(&mut self, ty: Record<'_>, mut lead: &str, fields: &[Field], words: &[u32]) {
        if fields.iter().any(|field| field.name.is_empty()) {
            put!(self.out, lead, "words=");
            for (i, word) in words.iter().enumerate() {
                put!(self.out, if i == 0 { "0x" } else { ",0x" });
                let _ = write!(self.out.text(), "{word:x}");
            }
            return;
        }
        for (field, word) in fields.iter().zip(words) {
            put!(self.out, lead, field.name.as_str(), "=");
            lead = " ";
            match field.class {
                WordClass::Str => put!(self.out, "'", Name(ty.btf().view(), *word), "'"),
                WordClass::S32 => put!(self.out, word.cast_signed()),
                // Bits, that nobody can read in decimal.
                WordClass::U32 if field.name.ends_with("flags") => {
                    let _ = write!(self.out.text(), "{word:#x}");
                }
                WordClass::U32 | WordClass::Id => put!(self.out, *word),
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
    LINKAGES.get(number as usize).unwrap_or(&"(unknown)")
}

const LINKAGES: [&str; 3] = ["static", "global", "extern"];

/// What [`linkage`] gives.
pub(super) struct Linkage(pub(super) u32);

impl Piece for Linkage {
    #[inline]
    fn put<W: Write>(self, out: &mut Buffer<W>) {
        const SHORT: [Option<Short<16>>; 3] = {
            let [first, second, third] = LINKAGES;
            [Short::of(first), Short::of(second), Short::of(third)]
        };
        match SHORT.get(self.0 as usize) {
            Some(Some(short)) => put!(*out, *short),
            _ => put!(*out, linkage(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Json, NewType};

    /// The same offset is another name in another blob.
    #[test]
    fn names_are_those_of_each_types_blob() {
        let of = |name| {
            let mut btf = Btf::new();
            let (kind, kind_flag, vlen) = (Kind::FLOAT, false, 0);
            btf.add(NewType { kind, name, kind_flag, vlen, size_or_type: 4, words: &[] }).unwrap();
            btf
        };
        let (a, b) = (of("aa"), of("bb"));
        let all = || a.types().chain(b.types()).chain(b.types()).chain(a.types());
        let (mut text, mut json) = (Vec::new(), Vec::new());
        Text::new(&mut text).types(all()).unwrap();
        Json::new(&mut json).types(all()).unwrap();
        for (out, start) in [(text, "FLOAT '"), (json, "\"name\":\"")] {
            let out = String::from_utf8(out).unwrap();
            let names: Vec<&str> = out.split(start).skip(1).map(|rest| &rest[..2]).collect();
            assert_eq!(names, ["aa", "bb", "bb", "aa"], "{out}");
        }
    }
}
