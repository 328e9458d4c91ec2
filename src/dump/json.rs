//! `dump -f json`: the document that `bpftool -j btf dump file` (7.1) prints, and more for described
//! kinds.

use std::io::{self, Write};

use crate::btf::{Record, StrOff};
use crate::dump::text::{encoding, linkage};
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
    out: W,
    text: Vec<u8>,
    digits: itoa::Buffer,
}

/// When so much text is waiting it is written out.
const BUFFER: usize = 1 << 16;

impl<W: Write> Json<W> {
    /// Prints to `out`; what is written comes in large pieces.
    pub fn new(out: W) -> Self {
        let text = Vec::with_capacity(BUFFER.saturating_mul(2));
        Json { out, text, digits: itoa::Buffer::new() }
    }

    /// Prints these types and flushes.
    ///
    /// # Errors
    /// When writing fails.
    pub fn types<'a>(&mut self, types: impl IntoIterator<Item = Record<'a>>) -> io::Result<()> {
        self.put("{\"types\":[");
        for (nth, ty) in types.into_iter().enumerate() {
            self.put(if nth == 0 { "{\"id\":" } else { ",{\"id\":" });
            self.int(ty.id().0);
            self.put(",\"kind\":\"");
            // A kind's name has no character that JSON would want to be escaped.
            self.put(ty.kind_name());
            self.put("\",\"name\":");
            self.name(&ty, ty.name_off().0);
            self.ty(&ty);
            self.put("}");
            if self.text.len() >= BUFFER {
                self.out.write_all(&self.text)?;
                self.text.clear();
            }
        }
        self.put("]}\n");
        self.out.write_all(&self.text)?;
        self.text.clear();
        self.out.flush()
    }

    fn put(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn int(&mut self, number: impl itoa::Integer) {
        self.text.extend_from_slice(self.digits.format(number).as_bytes());
    }

    /// A string; what is not UTF-8 in it becomes U+FFFD.
    fn string(&mut self, string: &[u8]) {
        let plain = |byte: &u8| (b' '..=b'~').contains(byte) && !matches!(byte, b'"' | b'\\');
        if string.iter().all(plain) {
            self.text.push(b'"');
            self.text.extend_from_slice(string);
            self.text.push(b'"');
        } else {
            // Writing to a Vec cannot fail.
            let _ = serde_json::to_writer(&mut self.text, &String::from_utf8_lossy(string));
        }
    }

    fn name(&mut self, ty: &Record<'_>, offset: u32) {
        match offset {
            0 => self.put("\"(anon)\""),
            _ => self.string(ty.string(StrOff(offset))),
        }
    }

    /// `,"key":number`.
    fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.put(",\"");
        self.put(key);
        self.put("\":");
        self.int(number);
    }

    /// `,"key":"word"`.
    fn word(&mut self, key: &str, word: &str) {
        self.put(",\"");
        self.put(key);
        self.put("\":\"");
        self.put(word);
        self.put("\"");
    }

    /// `,"key":[...]`, each element in braces.
    fn list<'a>(
        &mut self,
        key: &str,
        elements: impl Iterator<Item = &'a [u32]>,
        mut one: impl FnMut(&mut Self, &'a [u32]),
    ) {
        self.put(",\"");
        self.put(key);
        self.put("\":[");
        for (nth, element) in elements.enumerate() {
            self.put(if nth == 0 { "{" } else { ",{" });
            one(self, element);
            self.put("}");
        }
        self.put("]");
    }

    /// `"name":"...","type_id":number`.
    fn named(&mut self, ty: &Record<'_>, name: u32) {
        self.put("\"name\":");
        self.name(ty, name);
    }

    fn ty(&mut self, ty: &Record<'_>) {
        let third = ty.size_or_type();
        match (ty.kind(), ty.fixed()) {
            (Kind::INT, [word]) => {
                self.number("size", third);
                self.number("bits_offset", word >> 16 & 0xff);
                self.number("nr_bits", word & 0xff);
                self.word("encoding", encoding(*word));
            }
            (
                Kind::PTR
                | Kind::TYPEDEF
                | Kind::VOLATILE
                | Kind::CONST
                | Kind::RESTRICT
                | Kind::TYPE_TAG,
                _,
            ) => self.number("type_id", third),
            (Kind::ARRAY, [element, index, count]) => {
                self.number("type_id", *element);
                self.number("index_type_id", *index);
                self.number("nr_elems", *count);
            }
            (Kind::STRUCT | Kind::UNION, _) => self.members(ty),
            (Kind::ENUM | Kind::ENUM64, _) => self.values(ty),
            (Kind::FWD, _) => {
                self.word("fwd_kind", if ty.kind_flag() { "union" } else { "struct" });
            }
            (Kind::FUNC, _) => {
                self.number("type_id", third);
                self.word("linkage", linkage(ty.vlen()));
            }
            (Kind::FUNC_PROTO, _) => {
                self.number("ret_type_id", third);
                self.number("vlen", ty.vlen());
                self.list("params", ty.elements(), |json, parameter| {
                    let [name, id] = *parameter else { return };
                    json.named(ty, name);
                    json.number("type_id", id);
                });
            }
            (Kind::VAR, [word]) => {
                self.number("type_id", third);
                self.word("linkage", linkage(*word));
            }
            (Kind::DATASEC, _) => {
                self.number("size", third);
                self.number("vlen", ty.vlen());
                self.list("vars", ty.elements(), |json, variable| {
                    let [id, offset, size] = *variable else { return };
                    json.put("\"type_id\":");
                    json.int(id);
                    json.number("offset", offset);
                    json.number("size", size);
                });
            }
            (Kind::FLOAT, _) => self.number("size", third),
            (Kind::DECL_TAG, [component]) => {
                self.number("type_id", third);
                self.number("component_idx", component.cast_signed());
            }
            _ => self.described(ty),
        }
    }

    fn members(&mut self, ty: &Record<'_>) {
        self.number("size", ty.size_or_type());
        self.number("vlen", ty.vlen());
        let flag = ty.kind_flag();
        self.list("members", ty.elements(), |json, member| {
            let [name, id, offset] = *member else { return };
            let (bits, width) =
                if flag { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            json.named(ty, name);
            json.number("type_id", id);
            json.number("bits_offset", bits);
            if width != 0 {
                json.number("bitfield_size", width);
            }
        });
    }

    fn values(&mut self, ty: &Record<'_>) {
        let signed = ty.kind_flag();
        self.word("encoding", if signed { "SIGNED" } else { "UNSIGNED" });
        self.number("size", ty.size_or_type());
        self.number("vlen", ty.vlen());
        self.list("values", ty.elements(), |json, value| {
            let (name, value) = match *value {
                [name, value] if signed => (name, i128::from(value.cast_signed())),
                [name, value] => (name, i128::from(value)),
                [name, low, high] => {
                    let value = u64::from(high) << 32 | u64::from(low);
                    let signed_value = i128::from(value.cast_signed());
                    (name, if signed { signed_value } else { i128::from(value) })
                }
                _ => return,
            };
            json.named(ty, name);
            json.number("val", value);
        });
    }

    /// A kind that is not released, by its spec.
    fn described(&mut self, ty: &Record<'_>) {
        let spec = ty.spec();
        let third = ty.size_or_type();
        match spec.third {
            Third::Size => self.number("size", third),
            Third::Id => self.number("type_id", third),
            Third::Unused => self.number("size_or_type", third),
        }
        self.number("vlen", ty.vlen());
        self.number("kind_flag", u32::from(ty.kind_flag()));
        if !spec.fixed.is_empty() {
            self.put(",\"fixed\":{");
            self.fields(ty, &spec.fixed, ty.fixed());
            self.put("}");
        }
        if !spec.elements.is_empty() {
            self.list("elements", ty.elements(), |json, element| {
                json.fields(ty, &spec.elements, element);
            });
        }
    }

    fn fields(&mut self, ty: &Record<'_>, fields: &[Field], words: &[u32]) {
        if fields.iter().any(|field| field.name.is_empty()) {
            self.put("\"words\":[");
            for (nth, word) in words.iter().enumerate() {
                self.put(if nth == 0 { "" } else { "," });
                self.int(*word);
            }
            self.put("]");
            return;
        }
        for (nth, (field, word)) in fields.iter().zip(words).enumerate() {
            self.put(if nth == 0 { "" } else { "," });
            self.string(field.name.as_bytes());
            self.put(":");
            match field.class {
                WordClass::Str => self.name(ty, *word),
                WordClass::S32 => self.int(word.cast_signed()),
                WordClass::U32 | WordClass::Id => self.int(*word),
            }
        }
    }
}
