//! A type as lines of C, with where each member is.

use super::Diff;
use super::name::string;
use super::part::Reader;
use crate::btf::{Record, StrOff, TypeId};
use crate::dump::c::{definition, definition_with_places};
use crate::dump::encoding;
use crate::kind::{Field, Kind, Third, WordClass};

/// A line of a type's text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The line, without its end.
    pub text: String,
    /// For members of structs and unions and variables of sections: the offset in bits.
    pub bits: Option<u64>,
    /// Of these the size in bits, where it is known.
    pub size: Option<u64>,
}

/// So many bytes of text are made of the variables of a section or the words of a described type.
const MOST_BYTES: usize = 1 << 22;

impl From<String> for Line {
    fn from(text: String) -> Line {
        Line { text, bits: None, size: None }
    }
}

impl Diff<'_> {
    /// A type of one side as lines: its declaration tags, then what it is.
    pub(super) fn lines_of(&self, side: usize, id: TypeId) -> Vec<Line> {
        let reader = self.reader(side);
        let Some(ty) = reader.btf.get(id) else { return vec!["void".to_owned().into()] };
        let mut lines = self.tag_lines(&reader, side, ty);
        match (ty.kind(), ty.fixed()) {
            (Kind::INT, [word]) => lines.push(Line::from(format!(
                "{}: {} bytes, {} bits at {}, {}",
                printable(string(reader.btf, ty.name_off().0)),
                ty.size_or_type(),
                word & 0xff,
                word >> 16 & 0xff,
                encoding(*word)
            ))),
            (Kind::FLOAT, _) => {
                let name = printable(string(reader.btf, ty.name_off().0));
                lines.push(format!("{name}: {} bytes", ty.size_or_type()).into());
            }
            (Kind::DATASEC, _) => lines.extend(section(&reader, ty)),
            (kind, _) if !kind.is_released() => lines.extend(described(&reader, ty)),
            _ => lines.extend(defined(&reader, ty)),
        }
        lines
    }

    fn tag_lines(&self, reader: &Reader<'_>, side: usize, ty: Record<'_>) -> Vec<Line> {
        let tags = self.tags.get(side).and_then(|tags| tags.get(&ty.id().0));
        let line = |id: &TypeId| {
            let tag = reader.btf.get(*id)?;
            let text = printable(string(reader.btf, tag.name_off().0));
            let component = tag.fixed().first().map_or(-1, |word| word.cast_signed());
            Some(match usize::try_from(component) {
                Ok(at) => format!("/* btf_decl_tag(\"{text}\") on {} */", component_name(ty, at)),
                Err(_) => format!("/* btf_decl_tag(\"{text}\") */"),
            })
        };
        let mut lines: Vec<String> = tags.into_iter().flatten().filter_map(line).collect();
        lines.sort();
        lines.into_iter().map(Line::from).collect()
    }
}

/// The name of a member or parameter that a declaration tag is on.
fn component_name(ty: Record<'_>, at: usize) -> String {
    let of = if ty.kind() == Kind::FUNC { ty.referred(ty.size_or_type()) } else { Some(ty) };
    let name = of.and_then(|of| of.elements().nth(at)?.first().copied());
    match name.map(|name| printable(string(ty.btf(), name))) {
        Some(name) if !name.is_empty() => name,
        _ => format!("number {at}"),
    }
}

/// What C has a definition of.
fn defined(reader: &Reader<'_>, ty: Record<'_>) -> Vec<Line> {
    let (text, places) = definition_with_places(reader.btf, ty.id());
    let mut places = places.into_iter().peekable();
    let mut lines = Vec::new();
    let mut end = 0_usize;
    for line in text.split(|byte| *byte == b'\n') {
        end = end.saturating_add(line.len());
        let mut line = Line::from(printable(line));
        while let Some(place) = places.next_if(|place| place.end <= end) {
            if place.end == end {
                line.bits = Some(place.bits);
                line.size = match place.width {
                    Some(width) => Some(u64::from(width)),
                    None => reader.size_of(place.ty).map(|bytes| bytes.saturating_mul(8)),
                };
            }
        }
        lines.push(line);
        end = end.saturating_add(1);
    }
    lines
}

/// The variables of a section, by name.
fn section(reader: &Reader<'_>, ty: Record<'_>) -> Vec<Line> {
    let mut left = MOST_BYTES;
    let mut lines = Vec::new();
    for element in ty.elements() {
        let &[id, offset, size] = element else { continue };
        let text = definition(reader.btf, TypeId(id)).replace('\n', " ").replace('\t', "");
        let Some(rest) = left.checked_sub(text.len()) else { break };
        left = rest;
        lines.push(Line {
            text: format!("\t{text}"),
            bits: Some(u64::from(offset).saturating_mul(8)),
            size: Some(u64::from(size).saturating_mul(8)),
        });
    }
    let whole = lines.len() == ty.vlen() as usize;
    lines.sort_by(|a, b| a.text.cmp(&b.text));
    let name = printable(string(reader.btf, ty.name_off().0));
    lines.insert(0, format!("section {name} {{").into());
    if !whole {
        lines.push("\t/* ... */".to_owned().into());
    }
    lines.push("};".to_owned().into());
    lines
}

/// A type of a kind that is not released: a line for what is there once, and one for each element.
fn described(reader: &Reader<'_>, ty: Record<'_>) -> Vec<Line> {
    let spec = ty.spec();
    let name = printable(string(reader.btf, ty.name_off().0));
    let name = if name.is_empty() { "(anon)".to_owned() } else { name };
    let mut head = format!("{} {name}", ty.kind_name());
    match spec.third {
        Third::Size => head.push_str(&format!(" size={}", ty.size_or_type())),
        Third::Id => head.push_str(&format!(" type={}", reader.spelled(TypeId(ty.size_or_type())))),
        Third::Unused => {}
    }
    if ty.kind_flag() {
        head.push_str(" kind_flag=1");
    }
    head.push_str(&fields(reader, &spec.fixed, ty.fixed()));
    if spec.elements.is_empty() && ty.vlen() != 0 {
        head.push_str(&format!(" vlen={}", ty.vlen()));
    }
    let mut left = MOST_BYTES;
    let mut lines = vec![Line::from(head)];
    for element in ty.elements().filter(|_| !spec.elements.is_empty()) {
        let text = fields(reader, &spec.elements, element);
        let Some(rest) = left.checked_sub(text.len()) else {
            lines.push("\t/* ... */".to_owned().into());
            break;
        };
        left = rest;
        lines.push(format!("\t{}", text.trim_start()).into());
    }
    lines
}

/// Fields as ` name=value`: strings as text, types by what they are called.
fn fields(reader: &Reader<'_>, fields: &[Field], words: &[u32]) -> String {
    let mut text = String::new();
    for (field, word) in fields.iter().zip(words) {
        let value = match field.class {
            WordClass::Str => format!("'{}'", printable(string(reader.btf, StrOff(*word).0))),
            WordClass::Id => target(reader, *word),
            WordClass::S32 => word.cast_signed().to_string(),
            WordClass::U32 => word.to_string(),
        };
        let name = if field.name.is_empty() { "word" } else { &field.name };
        text.push_str(&format!(" {name}={value}"));
    }
    text
}

/// What a type that another one refers to is called.
fn target(reader: &Reader<'_>, id: u32) -> String {
    match reader.btf.get(TypeId(id)) {
        Some(ty) if matches!(ty.kind(), Kind::FUNC | Kind::VAR) => {
            printable(string(reader.btf, ty.name_off().0))
        }
        Some(ty) if !ty.kind().is_released() => {
            let name = printable(string(reader.btf, ty.name_off().0));
            if name.is_empty() { plain(ty) } else { name }
        }
        _ => reader.spelled(TypeId(id)),
    }
}

/// What stands for a type of a kind that is not released and has no name: its plain words.
fn plain(ty: Record<'_>) -> String {
    let spec = ty.spec();
    let third = (spec.third == Third::Size).then(|| ty.size_or_type());
    let elements = ty.elements().filter(|_| !spec.elements.is_empty()).take(8);
    let all = spec
        .fixed
        .iter()
        .zip(ty.fixed())
        .chain(elements.flat_map(|words| spec.elements.iter().zip(words)));
    let words = all.filter(|(field, _)| field.class.is_plain()).map(|(_, word)| *word);
    let words: Vec<String> = third.into_iter().chain(words).map(|word| word.to_string()).collect();
    format!("{}({})", ty.kind_name(), words.join(","))
}

/// A name that moves nobody's cursor.
fn printable(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect()
}
