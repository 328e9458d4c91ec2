//! Descriptions, read: types to [`KindSpec`].

use memchr::memmem;

use super::parse::is_kind_name;
use super::{Field, Kind, KindSpec, Third, WordClass};
use crate::btf::{TypeId, Types};
use crate::error::{Error, ErrorKind};

/// All names of descriptions start like this, but for those of words and headers.
const PREFIX: &[u8] = b"__BTF_";
/// The name of a header, or its start: see [`is_header`].
const HEADER: &[u8] = b"__btf_type";
/// Typedefs of this name and a number describe a kind.
pub(super) const KIND_PREFIX: &[u8] = b"__BTF_KIND_";
/// Typedefs of this name and three numbers give a kind's sizes to readers that cannot walk yet.
pub(super) const SIZES_PREFIX: &[u8] = b"__BTF_SIZES_";
/// A member of this typedef is a type id.
pub(crate) const TYPE_ID: &[u8] = b"__btf_type_id";
/// A member of this typedef is a string offset.
pub(crate) const NAME_OFF: &[u8] = b"__btf_name_off";

/// The most words that a fixed part or an element may have: far more than any kind needs, and a
/// bound on what a hostile description can make us do.
const MAX_WORDS: usize = 1024;
/// The longest name of a field, those of the structs around it included, in bytes.
const MAX_NAME: usize = 256;
/// The longest chain of typedefs and qualifiers, and the deepest nesting, that is followed.
const MAX_DEPTH: usize = 32;

/// The sizes of a kind's records, in 4-byte words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) fixed: usize,
    pub(crate) element: usize,
}

impl Sizes {
    pub(crate) fn from_bytes(fixed: u32, element: u32) -> Option<Sizes> {
        let words = |bytes: u32| bytes.is_multiple_of(4).then_some(bytes as usize / 4);
        Some(Sizes { fixed: words(fixed)?, element: words(element)? })
    }

    pub(crate) fn of(spec: &KindSpec) -> Sizes {
        Sizes { fixed: spec.fixed.len(), element: spec.elements.len() }
    }
}

/// A decimal number as the encoder writes it: no sign, no leading zero.
fn decimal(digits: &[u8]) -> Option<u32> {
    let plain = digits == b"0" || !digits.starts_with(b"0");
    if !plain || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The kind that a typedef of this name describes.
pub(super) fn described_kind(name: &[u8]) -> Option<Kind> {
    let number = decimal(name.strip_prefix(KIND_PREFIX)?)?;
    let kind = Kind(u8::try_from(number).ok()?);
    (Kind(1)..=Kind::MAX).contains(&kind).then_some(kind)
}

/// The kind, `info_sz` and `elem_sz` (bytes) in a name `__BTF_SIZES_n_i_e`.
pub(super) fn named_sizes(name: &[u8]) -> Option<(Kind, u32, u32)> {
    let mut numbers = name.strip_prefix(SIZES_PREFIX)?.split(|byte| *byte == b'_').map(decimal);
    let (kind, fixed, element) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let kind = Kind(u8::try_from(kind).ok()?);
    let valid = numbers.next().is_none() && (Kind(1)..=Kind::MAX).contains(&kind);
    valid.then_some((kind, fixed, element))
}

/// Whether names of descriptions are anywhere in a string section.
pub(super) fn has_names(strings: &[u8]) -> bool {
    memmem::find(strings, PREFIX).is_some()
}

/// Whether these strings start with the name of a header (`__btf_type`, `__btf_type___size` and the like) or of the
/// typedef of a type id, which headers have. Kernels have functions with other names that start so.
fn is_header(strings: &[u8]) -> bool {
    let rest = strings.strip_prefix(HEADER);
    rest.is_some_and(|rest| {
        [b"\0".as_slice(), b"___", b"_id\0"].iter().any(|end| rest.starts_with(end))
    })
}

/// Whether names of what descriptions are made of are anywhere in a string section, those of plain words aside.
pub(super) fn has_parts(strings: &[u8]) -> bool {
    let mut headers = memmem::find_iter(strings, HEADER);
    headers.any(|at| strings.get(at..).is_some_and(is_header)) || has_names(strings)
}

/// All strings `__BTF_SIZES_n_i_e` of a string section, of kinds above the released ones. They
/// stand at the start of a string: whoever wrote them found nothing to share.
pub(crate) fn sizes_strings(strings: &[u8]) -> Vec<(Kind, u32, u32)> {
    memmem::find_iter(strings, SIZES_PREFIX)
        .filter(|at| at.checked_sub(1).is_none_or(|before| strings.get(before) == Some(&0)))
        .filter_map(|at| strings.get(at..)?.split(|byte| *byte == 0).next())
        .filter_map(named_sizes)
        .filter(|(kind, ..)| !kind.is_released())
        .collect()
}

/// Whether a string section has the name `__BTF_KIND_n`.
pub(crate) fn has_kind_string(strings: &[u8], kind: Kind) -> bool {
    let needle = format!("__BTF_KIND_{kind}\0");
    memmem::find(strings, needle.as_bytes()).is_some()
}

/// Why a description cannot be read.
pub(crate) enum Flaw {
    /// It leads to this id, which is past the last record (so far).
    Ahead(u32),
    /// It does not have the form of a description.
    Malformed(String),
}

impl Flaw {
    /// The error for a description that was read when all records were known.
    pub(crate) fn into_error(self, types: Types<'_>, typedef: u32) -> Error {
        let what = match self {
            Flaw::Ahead(id) => format!("it leads to type id {id}, which is not there"),
            Flaw::Malformed(what) => what,
        };
        let name = types.get(typedef).and_then(|t| types.string(*t.first()?)).unwrap_or_default();
        Error::new(ErrorKind::Description, format!("malformed kind description: {what}")).in_type(
            TypeId(typedef),
            "TYPEDEF",
            name,
        )
    }
}

type Read<T> = std::result::Result<T, Flaw>;

fn malformed<T>(what: impl Into<String>) -> Read<T> {
    Err(Flaw::Malformed(what.into()))
}

/// A record with its header taken apart.
#[derive(Clone, Copy)]
struct Rec<'a> {
    id: u32,
    words: &'a [u32],
}

impl<'a> Rec<'a> {
    fn word(self, at: usize) -> u32 {
        // Walked records of released kinds have all their words.
        self.words.get(at).copied().unwrap_or(0)
    }

    fn kind(self) -> Kind {
        Kind::of_info(self.word(1))
    }

    fn name(self, types: Types<'a>) -> &'a [u8] {
        types.short_string(self.word(0)).unwrap_or_default()
    }

    /// The members of a struct or union: type id and offset in words.
    fn members(self) -> Read<Vec<Member>> {
        let kind_flag = self.word(1) >> 31 == 1;
        let (members, _) = self.words.get(3..).unwrap_or_default().as_chunks::<3>();
        if members.len() > MAX_WORDS {
            return malformed(format!("struct [{}] has too many members", self.id));
        }
        members
            .iter()
            .map(|&[name, ty, bits]| {
                let bitfield = kind_flag && bits >> 24 != 0;
                if bitfield || !bits.is_multiple_of(32) {
                    return malformed(format!(
                        "struct [{}] has a member that is not whole words",
                        self.id
                    ));
                }
                Ok(Member { name, ty, at: bits as usize / 32 })
            })
            .collect()
    }
}

struct Member {
    name: u32,
    ty: u32,
    /// In words.
    at: usize,
}

/// Reads descriptions out of type records.
struct Reader<'a> {
    types: Types<'a>,
}

impl<'a> Reader<'a> {
    fn record(&self, id: u32) -> Read<Rec<'a>> {
        match self.types.get(id) {
            Some(words) => Ok(Rec { id, words }),
            None if id == 0 => malformed("it leads to void"),
            None => Err(Flaw::Ahead(id)),
        }
    }

    /// Follows typedefs and consts to what they stand for, and tells the word class that a typedef
    /// on the way gives.
    fn resolve(&self, id: u32) -> Read<(Rec<'a>, Option<WordClass>)> {
        let mut class = None;
        let mut rec = self.record(id)?;
        for _ in 0..=MAX_DEPTH {
            match rec.kind() {
                Kind::TYPEDEF => {
                    let named = match rec.name(self.types) {
                        name if name == TYPE_ID => Some(WordClass::Id),
                        name if name == NAME_OFF => Some(WordClass::Str),
                        _ => None,
                    };
                    class = class.or(named);
                }
                Kind::CONST => {}
                _ => return Ok((rec, class)),
            }
            rec = self.record(rec.word(2))?;
        }
        malformed(format!("type [{id}] is a chain of more than {MAX_DEPTH} typedefs"))
    }

    fn expect(&self, id: u32, kind: Kind, what: &str) -> Read<Rec<'a>> {
        let (rec, _) = self.resolve(id)?;
        if rec.kind() == kind { Ok(rec) } else { malformed(format!("[{id}] is not {what}")) }
    }

    /// The class of a type that is one word, if it is one.
    fn word_class(&self, rec: Rec<'a>, class: Option<WordClass>) -> Option<WordClass> {
        let encoding = rec.word(3);
        // A plain 4-byte INT: 32 bits at offset 0.
        let word = rec.kind() == Kind::INT && rec.word(2) == 4 && encoding & 0x00ff_ffff == 32;
        let signed = encoding >> 24 & 1 == 1;
        let plain = if signed { WordClass::S32 } else { WordClass::U32 };
        word.then(|| class.unwrap_or(plain))
    }

    /// The words of struct `id`, in order. Every struct on the way must be full of them.
    fn flatten(&self, id: u32) -> Read<Vec<Field>> {
        /// What is still to be read, last first.
        enum Todo {
            Type { ty: u32, name: String, at: Option<usize>, depth: usize },
            EndOfStruct { id: u32, first: usize, size: u32 },
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut todo = vec![Todo::Type { ty: id, name: String::new(), at: None, depth: 0 }];
        while let Some(next) = todo.pop() {
            let (ty, name, at, depth) = match next {
                Todo::Type { ty, name, at, depth } => (ty, name, at, depth),
                Todo::EndOfStruct { id, first, size } => {
                    let words = fields.len().saturating_sub(first);
                    if words == 0 || words.saturating_mul(4) != size as usize {
                        return malformed(format!(
                            "struct [{id}] has {size} bytes, its words {}",
                            words.saturating_mul(4)
                        ));
                    }
                    continue;
                }
            };
            if at.is_some_and(|at| at != fields.len()) {
                return malformed(format!("member '{name}' does not follow the word before it"));
            }
            if depth > MAX_DEPTH {
                return malformed(format!(
                    "structs and arrays are nested more than {MAX_DEPTH} deep"
                ));
            }
            let depth = depth.saturating_add(1);
            let (rec, class) = self.resolve(ty)?;
            if let Some(class) = self.word_class(rec, class) {
                fields.push(Field { name, class });
                if fields.len() > MAX_WORDS {
                    return malformed(format!("it has more than {MAX_WORDS} words"));
                }
                continue;
            }
            if class.is_some() {
                return malformed(format!("[{ty}] is an id or a name, but not one 4-byte word"));
            }
            let first = fields.len();
            match rec.kind() {
                Kind::STRUCT => {
                    let members = rec.members()?;
                    todo.push(Todo::EndOfStruct { id: rec.id, first, size: rec.word(2) });
                    for member in members.into_iter().rev() {
                        let own = self.types.short_string(member.name);
                        let own = String::from_utf8_lossy(own.unwrap_or_default());
                        let dot = if name.is_empty() { "" } else { "." };
                        if name.len().saturating_add(own.len()) > MAX_NAME {
                            return malformed(format!(
                                "struct [{}] has a member whose name is longer than {MAX_NAME} bytes",
                                rec.id
                            ));
                        }
                        todo.push(Todo::Type {
                            ty: member.ty,
                            name: format!("{name}{dot}{own}"),
                            at: Some(first.saturating_add(member.at)),
                            depth,
                        });
                    }
                }
                Kind::ARRAY => {
                    let count = rec.word(5) as usize;
                    if count == 0 || count > MAX_WORDS {
                        return malformed(format!("array [{}] has {count} elements", rec.id));
                    }
                    for i in (0..count).rev() {
                        let name = format!("{name}[{i}]");
                        todo.push(Todo::Type { ty: rec.word(3), name, at: None, depth });
                    }
                }
                _ => return malformed(format!("member '{name}' is not made of 4-byte words")),
            }
            // Each of these is at least a word, or malformed.
            if todo.len() > MAX_WORDS.saturating_mul(2) {
                return malformed(format!("it has more than {MAX_WORDS} words"));
            }
        }
        Ok(fields)
    }

    /// The header struct of a description: its third word, and whether word classes are told.
    fn header(&self, id: u32) -> Read<(Third, bool)> {
        let rec = self.expect(id, Kind::STRUCT, "a struct for the record's header")?;
        let members = rec.members()?;
        let [name_off, info, third] = members.as_slice() else {
            return malformed(format!("header struct [{}] does not have three members", rec.id));
        };
        if rec.word(2) != 12 || (name_off.at, info.at, third.at) != (0, 1, 2) {
            return malformed(format!("header struct [{}] is not three words", rec.id));
        }
        let class = |member: &Member| -> Read<Option<WordClass>> {
            let (rec, class) = self.resolve(member.ty)?;
            Ok(self.word_class(rec, class))
        };
        let classes = match class(name_off)? {
            Some(WordClass::Str) => true,
            Some(WordClass::U32 | WordClass::S32) => false,
            _ => {
                return malformed(format!("name_off of header struct [{}] is not a name", rec.id));
            }
        };
        if !class(info)?.is_some_and(WordClass::is_plain) {
            return malformed(format!("info of header struct [{}] is not a plain word", rec.id));
        }
        let third = match class(third)? {
            Some(WordClass::Id) => Third::Id,
            Some(WordClass::U32 | WordClass::S32) => Third::Size,
            None if self.is_size_or_type(third.ty)? => Third::Unused,
            _ => {
                return malformed(format!(
                    "the third word of header struct [{}] is neither a size nor a type",
                    rec.id
                ));
            }
        };
        Ok((if classes { third } else { Third::Unused }, classes))
    }

    /// Whether a type is a union of words that are plain or type ids: a third word not in use.
    fn is_size_or_type(&self, id: u32) -> Read<bool> {
        let (rec, _) = self.resolve(id)?;
        if rec.kind() != Kind::UNION || rec.word(2) != 4 {
            return Ok(false);
        }
        for member in rec.members()? {
            let (ty, class) = self.resolve(member.ty)?;
            let word = self.word_class(ty, class).is_some_and(|class| class != WordClass::Str);
            if !word || member.at != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `count` structs `id`, word by word. Without classes the struct's size is enough: fields get
    /// names only where they can be read.
    fn structs(&self, id: u32, count: usize, classes: bool) -> Read<Vec<Field>> {
        let rec = self.expect(id, Kind::STRUCT, "a struct of words")?;
        let one = match self.flatten(id) {
            Ok(one) => one,
            Err(flaw) if classes => return Err(flaw),
            Err(_) => {
                let Some(words) = Sizes::from_bytes(rec.word(2), 0) else {
                    return malformed(format!("struct [{}] is not whole words", rec.id));
                };
                let words = words.fixed.min(MAX_WORDS.saturating_add(1));
                vec![Field { name: String::new(), class: WordClass::U32 }; words]
            }
        };
        if one.len().saturating_mul(count) > MAX_WORDS {
            return malformed(format!("it has more than {MAX_WORDS} words"));
        }
        // Nothing, as often as one likes.
        let count = if one.is_empty() { 0 } else { count };
        let mut fields = Vec::new();
        for i in 0..count {
            fields.extend(one.iter().cloned().map(|mut field| {
                if count > 1 && !field.name.is_empty() {
                    field.name = format!("{}[{i}]", field.name);
                }
                // A description of 2022 that has an id by accident still tells nothing of the
                // record's other words.
                if !classes && !field.class.is_plain() {
                    field.class = WordClass::U32;
                }
                field
            }));
        }
        Ok(fields)
    }
}

/// Reads the description whose typedef `__BTF_KIND_n` is `typedef`.
pub(crate) fn read_description(types: Types<'_>, kind: Kind, typedef: u32) -> Read<KindSpec> {
    let reader = Reader { types };
    let outer = reader.expect(typedef, Kind::STRUCT, "a typedef of a struct")?;
    let name =
        outer.name(types).strip_prefix(KIND_PREFIX).and_then(|name| std::str::from_utf8(name).ok());
    let Some(name) = name.filter(|name| is_kind_name(name)) else {
        return malformed(format!(
            "struct [{}] is not called __BTF_KIND_ and a kind's name",
            outer.id
        ));
    };
    let members = outer.members()?;
    let Some((header, parts)) = members.split_first().filter(|(_, parts)| parts.len() <= 2) else {
        return malformed(format!(
            "struct [{}] has {} members, not 1 to 3",
            outer.id,
            members.len()
        ));
    };
    let (third, classes) = reader.header(header.ty)?;
    let mut fixed: Option<Vec<Field>> = None;
    let mut elements: Option<Vec<Field>> = None;
    let mut at = 3_usize;
    if header.at != 0 {
        return malformed(format!("struct [{}] does not start with the record's header", outer.id));
    }
    for part in parts {
        if part.at != at {
            return malformed(format!("struct [{}] has a hole or an overlap", outer.id));
        }
        let array = reader.expect(part.ty, Kind::ARRAY, "an array of structs")?;
        let (ty, count) = (array.word(3), array.word(5) as usize);
        if elements.is_some() || (fixed.is_some() && count > 0) {
            return malformed(format!("struct [{}] has its arrays in the wrong order", outer.id));
        }
        if count > 0 {
            let fields = reader.structs(ty, count, classes)?;
            at = at.saturating_add(fields.len());
            fixed = Some(fields);
        } else {
            elements = Some(reader.structs(ty, 1, classes)?);
        }
    }
    if outer.word(2) as usize != at.saturating_mul(4) {
        return malformed(format!(
            "struct [{}] has {} bytes, its parts {}",
            outer.id,
            outer.word(2),
            at.saturating_mul(4)
        ));
    }
    Ok(KindSpec {
        kind,
        name: name.to_owned(),
        since: None,
        third,
        fixed: fixed.unwrap_or_default(),
        elements: elements.unwrap_or_default(),
        each: "element".to_owned(),
        classes,
    })
}

/// What the name of a typedef says, where it is part of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypedefName {
    /// `__BTF_KIND_n`
    Kind(Kind),
    /// `__BTF_SIZES_n_i_e`
    Sizes(Kind, u32, u32),
}

/// The typedefs that are part of descriptions, among the own records from the `from`-th on.
pub(crate) fn description_typedefs(
    types: Types<'_>,
    from: usize,
) -> impl Iterator<Item = (u32, TypedefName)> {
    types.own_from(from).filter_map(move |(id, words)| {
        let rec = Rec { id, words };
        // Nearly all names differ in the first bytes: only few are looked at to their end.
        let ours = rec.kind() == Kind::TYPEDEF && types.starts_with(rec.word(0), PREFIX);
        let name = ours.then(|| types.short_string(rec.word(0))).flatten()?;
        let kind = described_kind(name).map(TypedefName::Kind);
        let sizes = || {
            named_sizes(name).map(|(kind, fixed, element)| TypedefName::Sizes(kind, fixed, element))
        };
        Some((id, kind.or_else(sizes)?))
    })
}

/// The struct that a typedef leads to, if it leads to one.
pub(crate) fn struct_of(types: Types<'_>, typedef: u32) -> Option<u32> {
    let (rec, _) = Reader { types }.resolve(typedef).ok()?;
    (rec.kind() == Kind::STRUCT).then_some(rec.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_descriptions_are_seen_in_strings() {
        for (strings, expected) in [
            ("\0int\0__btf_type_is_scalar_struct\0__btf_type_ids\0__btf_typed\0", false),
            ("\0__btf_type_is\0__btf_type_id\0", true),
            ("\0__btf_type_is\0__btf_type\0", true),
            ("\0__btf_type___ref\0", true),
            ("\0__BTF_KIND_20\0", true),
            ("\0__btf_type", false),
            ("", false),
        ] {
            assert_eq!(has_parts(strings.as_bytes()), expected, "{strings}");
        }
    }
}
