//! `dump -f json`: the document that `bpftool -j btf dump file` (7.1) prints, and more for described
//! kinds.

use std::io::{self, Write};
use std::sync::LazyLock;

use super::buffer::{Buffer, Piece, put};
use crate::btf::{Record, Types};
use crate::dump::text::{Leads, Linkage, Names, by_kind, encoding};
use crate::kind::{Field, Kind, Third, WordClass};

/// Prints types as one JSON document, `{"types":[...]}`, an object for each. What was printed is not
/// kept.
///
/// Released kinds have the fields that bpftool gives them. Other kinds have `size`, `type_id` or
/// `size_or_type` for their third word, `fixed`, an object of their fixed words by name, and `elements`, an
/// array of such objects; string offsets are printed as strings. Words that have no name are in an
/// array `words`.
///
/// ```
/// use btfkinds::{Btf, Json};
///
/// let mut btf = Btf::new();
/// btf.add_float("double", 8)?;
/// let mut out = Vec::new();
/// Json::new(&mut out).types(btf.types())?;
/// assert_eq!(out, b"{\"types\":[{\"id\":1,\"kind\":\"FLOAT\",\"name\":\"double\",\"size\":8}]}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Json<W: Write> {
    pub(super) out: Buffer<W>,
}

/// What stands before and behind the types.
pub(super) const START: &str = "{\"types\":[";
pub(super) const END: &str = "]}\n";

/// What stands between a type's id and its name, by kind. A kind's name has no character that JSON would want to be
/// escaped.
static LEADS: Leads<32> =
    LazyLock::new(|| by_kind(|kind| format!(",\"kind\":\"{kind}\",\"name\":\"")));

/// What an element starts with that has a name.
const NAME: &str = "{\"name\":\"";

/// A name, without the quotes around it; what is not UTF-8 in it becomes U+FFFD.
struct Name<'a>(Types<'a>, u32);

impl Piece for Name<'_> {
    // A call takes longer than what nearly all names need.
    #[inline(always)]
    fn put<W: Write>(self, out: &mut Buffer<W>) {
        let Name(names, offset) = self;
        if offset == 0 {
            put!(*out, "(anon)");
        } else if !out.plain(names.tail(offset).unwrap_or_default()) {
            escaped(out.text(), names.string(offset).unwrap_or_default());
        }
    }
}

/// Appends what stands for a string between its quotes.
#[cold]
fn escaped(text: &mut Vec<u8>, string: &[u8]) {
    // A string can always be written.
    let quoted = serde_json::to_vec(&String::from_utf8_lossy(string)).unwrap_or_default();
    text.extend_from_slice(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

impl<W: Write> Json<W> {
    /// Prints to `out`; what is written comes in large pieces.
    pub fn new(out: W) -> Self {
        Json { out: Buffer::new(out) }
    }

    /// Prints these types and flushes.
    ///
    /// # Errors
    /// When writing fails.
    pub fn types<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>) -> io::Result<()> {
        put!(self.out, START);
        self.each(types, true);
        put!(self.out, END);
        self.out.finish()
    }

    /// Prints the objects of these types, with a comma before each but the `first`, and leaves what is waiting.
    pub(super) fn each<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>, first: bool) {
        let leads = &*LEADS;
        let mut is_first = first;
        let mut names = Names::default();
        for ty in types {
            match std::mem::take(&mut is_first) {
                true => put!(self.out, "{\"id\":"),
                false => put!(self.out, ",{\"id\":"),
            }
            put!(self.out, ty.id().0);
            match leads.get(ty.kind().index()) {
                Some(Some(lead)) => put!(self.out, *lead),
                _ => put!(self.out, ",\"kind\":\"", ty.kind_name(), "\",\"name\":\""),
            }
            let names = names.of(ty);
            put!(self.out, Name(names, ty.name_off().0));
            self.ty(ty, names);
            put!(self.out, "}");
            if !self.out.relieve() {
                return;
            }
        }
    }

    /// Elements, each an object that starts with `start` and of which `one` prints the rest, all but the brace behind
    /// it; and the end of their array.
    #[inline(always)]
    fn list<T>(
        &mut self,
        start: &'static str,
        elements: impl Iterator<Item = T>,
        mut one: impl FnMut(&mut Self, T),
    ) {
        for element in elements {
            if !self.out.relieve() {
                return;
            }
            put!(self.out, start);
            one(self, element);
            put!(self.out, "},");
        }
        self.out.drop_comma();
        put!(self.out, "]");
    }

    fn ty(&mut self, ty: Record<'_>, names: Types<'_>) {
        let third = ty.size_or_type();
        match (ty.kind(), ty.behind_header()) {
            (Kind::INT, [word]) => {
                put!(self.out, "\",\"size\":", third, ",\"bits_offset\":", word >> 16 & 0xff);
                put!(self.out, ",\"nr_bits\":", word & 0xff);
                put!(self.out, ",\"encoding\":\"", encoding(*word), "\"");
            }
            (
                Kind::PTR
                | Kind::TYPEDEF
                | Kind::VOLATILE
                | Kind::CONST
                | Kind::RESTRICT
                | Kind::TYPE_TAG,
                _,
            ) => put!(self.out, "\",\"type_id\":", third),
            (Kind::ARRAY, [element, index, count]) => {
                put!(self.out, "\",\"type_id\":", *element, ",\"index_type_id\":", *index);
                put!(self.out, ",\"nr_elems\":", *count);
            }
            (Kind::STRUCT | Kind::UNION, _) => self.members(ty, names),
            (Kind::ENUM | Kind::ENUM64, _) => self.values(ty, names),
            (Kind::FWD, _) => {
                let of = if ty.kind_flag() { "union" } else { "struct" };
                put!(self.out, "\",\"fwd_kind\":\"", of, "\"");
            }
            (Kind::FUNC, _) => {
                put!(self.out, "\",\"type_id\":", third);
                put!(self.out, ",\"linkage\":\"", Linkage(ty.vlen()), "\"");
            }
            (Kind::FUNC_PROTO, parameters) => {
                put!(self.out, "\",\"ret_type_id\":", third, ",\"vlen\":", ty.vlen());
                put!(self.out, ",\"params\":[");
                self.list(NAME, parameters.as_chunks::<2>().0.iter(), |json, [name, id]| {
                    put!(json.out, Name(names, *name), "\",\"type_id\":", *id);
                });
            }
            (Kind::VAR, [word]) => {
                put!(self.out, "\",\"type_id\":", third);
                put!(self.out, ",\"linkage\":\"", Linkage(*word), "\"");
            }
            (Kind::DATASEC, variables) => {
                put!(self.out, "\",\"size\":", third, ",\"vlen\":", ty.vlen(), ",\"vars\":[");
                let variables = variables.as_chunks::<3>().0.iter();
                self.list("{\"type_id\":", variables, |json, [id, offset, size]| {
                    put!(json.out, *id, ",\"offset\":", *offset);
                    put!(json.out, ",\"size\":", *size);
                });
            }
            (Kind::FLOAT, _) => put!(self.out, "\",\"size\":", third),
            (Kind::DECL_TAG, [component]) => {
                put!(self.out, "\",\"type_id\":", third);
                put!(self.out, ",\"component_idx\":", component.cast_signed());
            }
            _ => self.described(ty),
        }
    }

    fn members(&mut self, ty: Record<'_>, names: Types<'_>) {
        put!(self.out, "\",\"size\":", ty.size_or_type(), ",\"vlen\":", ty.vlen());
        put!(self.out, ",\"members\":[");
        let flag = ty.kind_flag();
        let members = ty.behind_header().as_chunks::<3>().0.iter();
        self.list(NAME, members, |json, &[name, id, offset]| {
            let (bits, width) =
                if flag { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            put!(json.out, Name(names, name), "\",\"type_id\":", id);
            put!(json.out, ",\"bits_offset\":", bits);
            if width != 0 {
                put!(json.out, ",\"bitfield_size\":", width);
            }
        });
    }

    fn values(&mut self, ty: Record<'_>, names: Types<'_>) {
        let signed = ty.kind_flag();
        let encoding = if signed { "SIGNED" } else { "UNSIGNED" };
        put!(self.out, "\",\"encoding\":\"", encoding, "\",\"size\":", ty.size_or_type());
        put!(self.out, ",\"vlen\":", ty.vlen(), ",\"values\":[");
        self.list(NAME, ty.elements(), |json, value| {
            let name = value.first().copied().unwrap_or(0);
            put!(json.out, Name(names, name), "\",\"val\":");
            match *value {
                [_, value] if signed => put!(json.out, value.cast_signed()),
                [_, value] => put!(json.out, value),
                [_, low, high] => {
                    let value = u64::from(high) << 32 | u64::from(low);
                    if signed { put!(json.out, value.cast_signed()) } else { put!(json.out, value) }
                }
                _ => {}
            }
        });
    }

    /// A kind that is not released, by its spec.
    fn described(&mut self, ty: Record<'_>) {
        let spec = ty.spec();
        let third = match spec.third {
            Third::Size => "\",\"size\":",
            Third::Id => "\",\"type_id\":",
            Third::Unused => "\",\"size_or_type\":",
        };
        put!(self.out, third, ty.size_or_type(), ",\"vlen\":", ty.vlen());
        put!(self.out, ",\"kind_flag\":", u32::from(ty.kind_flag()));
        if !spec.fixed.is_empty() {
            put!(self.out, ",\"fixed\":{");
            self.fields(ty, &spec.fixed, ty.fixed());
            put!(self.out, "}");
        }
        if !spec.elements.is_empty() {
            put!(self.out, ",\"elements\":[");
            self.list("{", ty.elements(), |json, element| json.fields(ty, &spec.elements, element));
        }
    }

    fn fields(&mut self, ty: Record<'_>, fields: &[Field], words: &[u32]) {
        if fields.iter().any(|field| field.name.is_empty()) {
            put!(self.out, "\"words\":[");
            for (nth, word) in words.iter().enumerate() {
                put!(self.out, if nth == 0 { "" } else { "," }, *word);
            }
            put!(self.out, "]");
            return;
        }
        for (nth, (field, word)) in fields.iter().zip(words).enumerate() {
            put!(self.out, if nth == 0 { "" } else { "," });
            // Writing to a Vec cannot fail.
            let _ = serde_json::to_writer(self.out.text(), &field.name);
            put!(self.out, ":");
            match field.class {
                WordClass::Str => put!(self.out, "\"", Name(ty.btf().view(), *word), "\""),
                WordClass::S32 => put!(self.out, word.cast_signed()),
                WordClass::U32 | WordClass::Id => put!(self.out, *word),
            }
        }
    }
}
