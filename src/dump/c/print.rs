//! The printer: types as C, without recursion. What is still to be printed waits on a stack, and
//! the bodies that are open on another.

use super::chain::{self, Base, Part};
use super::known::Table;
use super::names::Names;
use super::phrases::Phrases;
use super::source::{Source, TOO_LONG};
use super::survey::Tags;
use super::text;
use crate::btf::{Btf, Record, TypeId};
use crate::dump::buffer;
use crate::kind::Kind;
use crate::scan;

/// Bodies inside bodies, and parameter lists inside parameter lists; compilers take 256 brackets.
pub(super) const MAX_DEPTH: usize = 64;

/// What is known of the whole header while one type of it is printed.
pub(super) struct Header<'a> {
    pub(super) names: Names<'a>,
    pub(super) known: Table<'a>,
    pub(super) phrases: Phrases,
    /// The forward declarations that the type being printed needs.
    pub(super) forwards: Vec<u8>,
    /// Types that C has no word for: where the printer met them.
    pub(super) strangers: Vec<Stranger>,
    pub(super) tags: Tags<'a>,
}

/// A type that C has no word for, and the definition that refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stranger {
    pub(super) id: TypeId,
    pub(super) user: TypeId,
}

/// What to print next.
#[derive(Clone, Copy)]
pub(super) enum Task<'a> {
    /// What stands before the name in the declaration of `name` as the type, the name, and
    /// what follows it; the base has been printed.
    Declarator(TypeId, Label<'a>),
    /// The rest of the innermost open body.
    Members,
    /// The end of a member: its width in bits, if it is a bitfield.
    EndMember(Option<u32>),
    Close,
    Dimension(u32),
    /// The parameters of a function from this one on.
    Parameters(Record<'a>, usize),
    /// Behind a definition.
    Semicolon,
    /// Behind a typedef.
    EndTypedef(Record<'a>),
}

/// The name in a declaration.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Label<'a> {
    /// The strings from the name on: see [`Source::strings`].
    strings: &'a [u8],
    /// See [`put_ordinal`].
    pub(super) ordinal: u32,
}

impl<'a> Label<'a> {
    pub(super) fn of(strings: &'a [u8]) -> Label<'a> {
        Label { strings, ordinal: 0 }
    }

    pub(super) fn with_ordinal(self, ordinal: u32) -> Label<'a> {
        Label { ordinal, ..self }
    }

    pub(super) fn is_empty(self) -> bool {
        matches!(self.strings, [] | [0, ..])
    }

    /// Appends the name as C has it.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        text::name(out, self.strings);
        put_ordinal(out, self.ordinal);
    }
}

/// Appends what tells a name from others: `___2` to the second, and so on.
pub(super) fn put_ordinal(out: &mut Vec<u8>, ordinal: u32) {
    if ordinal > 1 {
        out.extend_from_slice(b"___");
        buffer::decimal(out, ordinal);
    }
}

/// A body that is being printed.
pub(super) struct Frame<'a> {
    pub(super) ty: Record<'a>,
    /// The members that are still to come, and the number of those that are not.
    pub(super) members: &'a [[u32; 3]],
    pub(super) taken: usize,
    /// In a header where the compiler is, in bits from the start; else where the body itself is.
    pub(super) at: u64,
    pub(super) packed: bool,
    pub(super) align: u64,
    /// Whether it has declaration tags, or its members have.
    pub(super) is_tagged: bool,
}

/// Prints types as C into `out`.
pub(super) struct Printer<'a> {
    pub(super) btf: Source<'a>,
    pub(super) out: Vec<u8>,
    /// None: for people to read, one type by itself.
    pub(super) header: Option<Box<Header<'a>>>,
    pub(super) tasks: Vec<Task<'a>>,
    pub(super) frames: Vec<Frame<'a>>,
    pub(super) links: Vec<Record<'a>>,
    digits: itoa::Buffer,
    /// How many parameter lists are open.
    lists: usize,
    /// How many more members, parameters and values may be printed: types that are spelled out
    /// where they are used can be used many times, at every level.
    pub(super) left: u64,
    /// The type whose definition is being printed.
    pub(super) user: TypeId,
    /// How many padding arrays the definition has.
    pub(super) pads: u32,
    /// Where members are, if that is asked for: see [`Placed`].
    pub(super) places: Option<Vec<Placed>>,
    /// Where the body that is opened next starts in the type that is being defined, in bits.
    pub(super) start: u64,
}

/// A member that was printed by itself: where its line ends in the text, and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) end: usize,
    /// Bits from the start of the type that is being defined, or of what a pointer leads to.
    pub(crate) bits: u64,
    /// Its width in bits, if it is a bitfield.
    pub(crate) width: Option<u32>,
    pub(crate) ty: TypeId,
}

impl<'a> Printer<'a> {
    pub(super) fn new(btf: &'a Btf, left: u64) -> Self {
        Printer {
            btf: Source::of(btf),
            out: Vec::new(),
            header: None,
            tasks: Vec::new(),
            frames: Vec::new(),
            links: Vec::new(),
            digits: itoa::Buffer::new(),
            lists: 0,
            left,
            user: TypeId::VOID,
            pads: 0,
            places: None,
            start: 0,
        }
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.out.extend_from_slice(self.digits.format(number).as_bytes());
    }

    /// Takes one from what may still be printed.
    pub(super) fn spend(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }

    /// Prints what is waiting.
    pub(super) fn run(&mut self) {
        self.run_from(0);
    }

    /// Prints what is waiting, down to so many tasks.
    pub(super) fn run_from(&mut self, bottom: usize) {
        while self.tasks.len() > bottom {
            let Some(task) = self.tasks.pop() else { return };
            match task {
                Task::Declarator(id, label) => {
                    // The base was printed: only the links are wanted.
                    chain::collect(&self.btf, id, &mut self.links);
                    self.declarator(label);
                }
                Task::Members => self.members(),
                Task::EndMember(width) => self.end_member(width),
                Task::Close => self.put(")"),
                Task::Dimension(count) => {
                    self.put("[");
                    self.number(count);
                    self.put("]");
                }
                Task::Parameters(proto, index) => self.parameters(proto, index),
                Task::Semicolon => self.put(";"),
                Task::EndTypedef(ty) => {
                    self.put(";");
                    self.decl_tags(ty, -1);
                }
            }
        }
    }

    /// Declares `label` as a thing of a type; the rest of it may be left waiting.
    pub(super) fn declare(&mut self, id: TypeId, label: Label<'a>) {
        if let Some(phrase) = self.phrase(id) {
            return self.put_phrase(phrase, label);
        }
        let base = chain::collect(&self.btf, id, &mut self.links);
        // Long chains can be referred to often.
        let links = u64::try_from(self.links.len()).unwrap_or(0);
        self.left = self.left.saturating_sub(links / 8);
        self.qualifiers_of_base();
        match base {
            Base::Void => self.put("void"),
            Base::TooLong => self.put("void /* too many links */"),
            Base::Type(ty) if chain::is_inline(ty) => {
                if chain::is_enum(ty) {
                    self.put("enum ");
                    self.enumerators(ty);
                } else {
                    self.tasks.push(Task::Declarator(id, label));
                    // What a pointer leads to is somewhere else.
                    if self
                        .links
                        .iter()
                        .any(|ty| !matches!(Part::of(*ty), Part::Qualifier | Part::Array))
                    {
                        self.start = 0;
                    }
                    return self.open(ty, false);
                }
            }
            Base::Type(ty) => self.base(ty),
        }
        self.declarator(label);
    }

    /// Collects the links of a type and gives its base.
    pub(super) fn links_of(&mut self, id: TypeId) -> Base<'a> {
        chain::collect(&self.btf, id, &mut self.links)
    }

    /// Whether the links last collected are no more than qualifiers.
    pub(super) fn is_bare(&self) -> bool {
        self.links.iter().all(|ty| Part::of(*ty) == Part::Qualifier)
    }

    /// The qualifiers at the end of the links, which stand before the base.
    pub(super) fn qualifiers_of_base(&mut self) {
        let base = self.links.iter().rposition(|ty| Part::of(*ty) != Part::Qualifier);
        let first = base.map_or(0, |at| at.saturating_add(1));
        for at in first..self.links.len() {
            let Some(ty) = self.links.get(at) else { return };
            if let Some(word) = word(ty.kind()) {
                self.put(word);
                self.put(" ");
            }
        }
    }

    /// A base that is not spelled out.
    pub(super) fn base(&mut self, ty: Record<'a>) {
        match ty.kind() {
            Kind::STRUCT => self.tag("struct ", ty),
            Kind::UNION => self.tag("union ", ty),
            Kind::FWD if ty.kind_flag() => self.tag("union ", ty),
            Kind::FWD => self.tag("struct ", ty),
            Kind::ENUM | Kind::ENUM64 => {
                self.put("enum ");
                self.name_of(ty);
            }
            // Of several words.
            Kind::INT if !self.is_defined(ty) => {
                self.out.extend_from_slice(self.btf.name(ty));
            }
            Kind::FLOAT => text::words(&mut self.out, self.btf.name(ty)),
            Kind::INT | Kind::TYPEDEF => self.name_of(ty),
            _ => self.stranger(ty),
        }
    }

    /// Whether an INT has a typedef in the header: C does not know its name.
    fn is_defined(&self, ty: Record<'a>) -> bool {
        self.ordinal(ty) != 0
    }

    /// As the how-manieth a type has its name: see [`super::known::Known`].
    pub(super) fn ordinal(&self, ty: Record<'a>) -> u32 {
        self.header.as_ref().map_or(0, |header| header.known.get(header.names.tag_of(ty)).ordinal)
    }

    /// A type that C has no word for.
    fn stranger(&mut self, ty: Record<'a>) {
        self.put("void");
        self.note_stranger(ty);
    }

    /// A comment that names a type. If C has no word for it, the end of the header says where it
    /// was met.
    pub(super) fn note_stranger(&mut self, ty: Record<'a>) {
        self.put(" /* ");
        self.out.extend_from_slice(ty.kind_name().as_bytes());
        self.put(" '");
        text::plain(&mut self.out, self.btf.name(ty));
        self.put("' */");
        let met = Stranger { id: ty.id(), user: self.user };
        if let Some(header) = &mut self.header
            && !chain::is_c(ty)
            && header.strangers.last() != Some(&met)
        {
            header.strangers.push(met);
        }
    }

    /// A struct or union by its tag. In a header it must have been declared.
    fn tag(&mut self, word: &'static str, ty: Record<'a>) {
        self.put(word);
        self.name_of(ty);
        let Some(header) = &mut self.header else { return };
        let id = header.names.tag_of(ty);
        if !header.known.declare(id) {
            header.forwards.extend_from_slice(word.as_bytes());
            let label = Label::of(self.btf.strings(ty.name_off().0));
            label.with_ordinal(header.known.get(id).ordinal).put(&mut header.forwards);
            header.forwards.extend_from_slice(b";\n\n");
        }
    }

    /// The name of a type, told apart from others of the same name in a header.
    pub(super) fn name_of(&mut self, ty: Record<'a>) {
        let label = Label::of(self.btf.strings(ty.name_off().0));
        self.label(label.with_ordinal(self.ordinal(ty)));
    }

    pub(super) fn label(&mut self, label: Label<'_>) {
        if self.header.is_some() {
            label.put(&mut self.out);
        } else {
            text::plain(&mut self.out, scan::string(label.strings).unwrap_or(TOO_LONG));
        }
    }

    /// What stands before and behind the name, and the name. `links` are those of the type.
    pub(super) fn declarator(&mut self, label: Label<'a>) {
        // C reads from the inside out: what is next to the base is printed first on the left, and
        // last on the right.
        let mut inner = Part::Base;
        for at in (0..self.links.len()).rev() {
            let Some(ty) = self.links.get(at).copied() else { break };
            let part = Part::of(ty);
            match part {
                Part::Pointer if matches!(inner, Part::Array | Part::Function) => {
                    self.put(if self.out.last() == Some(&b'(') { "(*" } else { " (*" });
                    self.tasks.push(Task::Close);
                }
                Part::Pointer => {
                    let close = matches!(self.out.last(), Some(b'*' | b'('));
                    self.put(if close { "*" } else { " *" });
                }
                Part::Array => self.tasks.push(Task::Dimension(chain::count(ty))),
                Part::Function => self.tasks.push(Task::Parameters(ty, 0)),
                Part::Qualifier => {
                    match word(ty.kind()) {
                        Some(word) if inner == Part::Pointer => {
                            self.put(" ");
                            self.put(word);
                        }
                        Some(_) => {}
                        None => self.type_tag(ty),
                    }
                    continue;
                }
                Part::Base => {}
            }
            inner = part;
        }
        if !label.is_empty() {
            if !matches!(self.out.last(), None | Some(b'*' | b'(')) {
                self.put(" ");
            }
            self.label(label);
        }
    }

    fn type_tag(&mut self, ty: Record<'a>) {
        let name = self.btf.name(ty);
        if !ty.kind_flag() {
            self.put(" __attribute__((btf_type_tag(");
            text::quoted(&mut self.out, name);
            return self.put(")))");
        }
        // An attribute as it was written, if that is what it looks like.
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"_(), ".contains(byte);
        let (open, close) =
            if name.iter().all(fits) { (" __attribute__((", "))") } else { (" /* ", " */") };
        self.put(open);
        text::plain(&mut self.out, name);
        self.put(close);
    }

    /// The parameters of a function from this one on.
    fn parameters(&mut self, proto: Record<'a>, first: usize) {
        let all = chain::parameters(proto);
        if first == 0 {
            self.put("(");
            self.lists = self.lists.saturating_add(1);
        }
        let rest = match all {
            _ if first == 0 && self.lists > MAX_DEPTH => {
                self.put("/* ... */");
                &[]
            }
            // Some encoders write `(void)` as one parameter without name and type.
            [] | [[_, 0]] if first == 0 => {
                self.put("void");
                &[]
            }
            _ => all.get(first..).unwrap_or_default(),
        };
        for (index, [name, id]) in (first..).zip(rest) {
            if !self.spend() {
                self.put(if index == 0 { "/* ... */" } else { ", /* ... */" });
                break;
            }
            if index != 0 {
                self.put(", ");
            }
            let next = index.saturating_add(1);
            if (*name, *id) == (0, 0) && next == all.len() {
                self.put("...");
                break;
            }
            let label = Label::of(self.btf.strings(*name));
            match self.phrase(TypeId(*id)) {
                Some(phrase) => self.put_phrase(phrase, label),
                None => {
                    self.tasks.push(Task::Parameters(proto, next));
                    return self.declare(TypeId(*id), label);
                }
            }
        }
        self.put(")");
        self.lists = self.lists.saturating_sub(1);
    }
}

/// The word for a qualifier.
fn word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::CONST => Some("const"),
        Kind::VOLATILE => Some("volatile"),
        Kind::RESTRICT => Some("restrict"),
        _ => None,
    }
}
