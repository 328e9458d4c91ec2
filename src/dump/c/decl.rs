//! One type by itself, for people to read.

use super::print::{Label, Placed, Printer, Task};
use super::source::Source;
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;

/// So many members, values and parameters of one type are printed; what is left out is `/* ... */`.
const MOST: u64 = 4000;

/// The C text of one type: a struct, union or enum with its members a line each, a typedef, the
/// prototype of a function, a forward declaration. Types without names are spelled out where they
/// are used. Any other type is declared without a name.
pub(crate) fn definition(btf: &Btf, id: TypeId) -> String {
    String::from_utf8_lossy(&defined(Printer::new(btf, MOST), id).out).into_owned()
}

/// The same with all own members or values, and where each member is, in the order of their lines.
pub(crate) fn definition_with_places(btf: &Btf, id: TypeId) -> (Vec<u8>, Vec<Placed>) {
    let own = btf.get(id).map_or(0, |ty| u64::from(ty.vlen()));
    let mut printer = Printer::new(btf, MOST.saturating_add(own));
    printer.places = Some(Vec::new());
    let printer = defined(printer, id);
    (printer.out, printer.places.unwrap_or_default())
}

fn defined(mut printer: Printer<'_>, id: TypeId) -> Printer<'_> {
    match printer.btf.get(id) {
        Some(ty) => {
            printer.define(ty);
            printer.run();
        }
        None => printer.put("void"),
    }
    printer
}

/// The declaration of a variable or member `name` of a type; with an empty name the type alone.
pub(crate) fn declaration(btf: &Btf, id: TypeId, name: &str) -> String {
    let name = format!("{name}\0");
    let mut printer = Printer::new(btf, MOST);
    printer.declare(id, Label::of(name.as_bytes()));
    printer.run();
    String::from_utf8_lossy(&printer.out).into_owned()
}

impl<'a> Printer<'a> {
    /// Prints the definition of a type; the rest of it is left waiting.
    pub(super) fn define(&mut self, ty: Record<'a>) {
        let id = TypeId(ty.size_or_type());
        let label = Label::of(self.btf.strings(ty.name_off().0));
        let is_named = !label.is_empty();
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => {
                self.tasks.push(Task::Semicolon);
                self.open(ty, is_named);
            }
            Kind::ENUM | Kind::ENUM64 => {
                self.put("enum ");
                if is_named {
                    self.name_of(ty);
                }
                // An enum that was declared and never defined.
                if ty.vlen() != 0 || !is_named {
                    self.put(if is_named { " " } else { "" });
                    self.enumerators(ty);
                }
                self.put(";");
            }
            Kind::TYPEDEF => {
                self.put("typedef ");
                self.tasks.push(Task::EndTypedef(ty));
                self.declare(id, label.with_ordinal(self.ordinal(ty)));
            }
            Kind::FWD => {
                self.put(if ty.kind_flag() { "union " } else { "struct " });
                self.name_of(ty);
                self.put(";");
            }
            Kind::FUNC | Kind::VAR => {
                self.tasks.push(Task::Semicolon);
                if ty.kind() == Kind::VAR && self.header.is_some() {
                    self.put("extern ");
                }
                self.declare(id, label);
            }
            Kind::INT if self.header.is_some() => {
                self.define_int(ty, label.with_ordinal(self.ordinal(ty)));
            }
            _ => self.declare(ty.id(), Label::default()),
        }
    }

    /// An INT that has no name which C knows: the type that is as large.
    fn define_int(&mut self, ty: Record<'a>, label: Label<'a>) {
        let encoding = ty.fixed().first().copied().unwrap_or(0) >> 24;
        let signed = encoding & 1 != 0;
        let size = ty.size_or_type();
        self.put("typedef ");
        if !matches!((size, signed), (1, true)) && !signed && matches!(size, 2 | 4 | 8 | 16) {
            self.put("unsigned ");
        }
        self.put(match size {
            1 if encoding & 4 != 0 => "_Bool",
            1 if signed => "signed char",
            2 => "short int",
            4 => "int",
            8 => "long long int",
            16 => "__int128",
            _ => "unsigned char",
        });
        self.put(" ");
        self.label(label);
        if !matches!(size, 1 | 2 | 4 | 8 | 16) {
            self.put("[");
            self.number(size);
            self.put("]");
        }
        self.put(";");
    }
}

/// Whether C knows a type by this name: it is made of the words of arithmetic types.
pub(super) fn is_c_type(btf: &Source<'_>, ty: Record<'_>) -> bool {
    let known = |word: &[u8]| {
        matches!(
            word,
            b"char"
                | b"short"
                | b"int"
                | b"long"
                | b"signed"
                | b"unsigned"
                | b"_Bool"
                | b"__int128"
        )
    };
    ty.kind() != Kind::INT || btf.name(ty).split(|byte| *byte == b' ').all(known)
}

#[cfg(test)]
mod tests {
    use super::{declaration, definition};
    use crate::btf::{Btf, NewType, TypeId};
    use crate::kind::Kind;

    fn add(btf: &mut Btf, kind: Kind, name: &str, third: u32, vlen: u32, words: &[u32]) -> u32 {
        let new = NewType { kind, name, kind_flag: false, vlen, size_or_type: third, words };
        btf.add(new).unwrap().0
    }

    /// A blob with an int, a struct that is only declared, and `int (*)(struct x *, ...)`.
    fn blob() -> (Btf, u32, u32, u32) {
        let mut btf = Btf::new();
        let int = add(&mut btf, Kind::INT, "int", 4, 0, &[0x0100_0020]);
        let fwd = add(&mut btf, Kind::FWD, "x", 0, 0, &[]);
        let ptr = add(&mut btf, Kind::PTR, "", fwd, 0, &[]);
        let proto = add(&mut btf, Kind::FUNC_PROTO, "", int, 2, &[0, ptr, 0, 0]);
        let func = add(&mut btf, Kind::PTR, "", proto, 0, &[]);
        (btf, int, ptr, func)
    }

    #[test]
    fn declarators() {
        let (mut btf, int, ptr, func) = blob();
        let say = |id, name| declaration(&btf, TypeId(id), name);
        assert_eq!(say(int, "n"), "int n");
        assert_eq!(say(0, ""), "void");
        assert_eq!(say(ptr, "p"), "struct x *p");
        assert_eq!(say(ptr, ""), "struct x *");
        assert_eq!(say(func, "f"), "int (*f)(struct x *, ...)");
        let many = add(&mut btf, Kind::ARRAY, "", 0, 0, &[func, int, 3]);
        let constant = add(&mut btf, Kind::CONST, "", many, 0, &[]);
        let pointer = add(&mut btf, Kind::PTR, "", constant, 0, &[]);
        let returns = add(&mut btf, Kind::FUNC_PROTO, "", pointer, 0, &[]);
        let f = add(&mut btf, Kind::FUNC, "start", returns, 1, &[]);
        let say = |id, name| declaration(&btf, TypeId(id), name);
        assert_eq!(say(many, "f"), "int (*f[3])(struct x *, ...)");
        assert_eq!(say(constant, "f"), "int (* const f[3])(struct x *, ...)");
        assert_eq!(say(pointer, "f"), "int (* const (*f)[3])(struct x *, ...)");
        assert_eq!(
            definition(&btf, TypeId(f)),
            "int (* const (*start(void))[3])(struct x *, ...);"
        );
    }

    #[test]
    fn definitions() {
        let (mut btf, int, ..) = blob();
        let name = btf.intern("a").unwrap().0;
        let inner = add(&mut btf, Kind::UNION, "", 4, 1, &[name, int, 0]);
        let outer = add(&mut btf, Kind::STRUCT, "s", 8, 2, &[0, inner, 0, name, int, 32]);
        let alias = add(&mut btf, Kind::TYPEDEF, "s_t", outer, 0, &[]);
        let values = add(&mut btf, Kind::ENUM, "e", 4, 1, &[name, 7]);
        let text = |id| definition(&btf, TypeId(id));
        assert_eq!(text(outer), "struct s {\n\tunion {\n\t\tint a;\n\t};\n\tint a;\n};");
        assert_eq!(text(alias), "typedef struct s s_t;");
        assert_eq!(text(values), "enum e {\n\ta = 7,\n};");
        assert_eq!(text(2), "struct x;");
    }

    /// Loops end.
    #[test]
    fn nonsense_ends() {
        let mut btf = Btf::new();
        let own = add(&mut btf, Kind::CONST, "", 1, 0, &[]);
        assert_eq!(declaration(&btf, TypeId(own), "x"), "const void /* too many links */ x");
        let parameter = add(&mut btf, Kind::FUNC_PROTO, "", 2, 2, &[0, 2, 0, 2]);
        let text = declaration(&btf, TypeId(parameter), "x");
        assert!(text.contains("/* ... */") && text.len() < 1 << 24, "{}", text.len());
        let inline = add(&mut btf, Kind::STRUCT, "", 4, 2, &[0, 3, 0, 0, 3, 0]);
        let text = definition(&btf, TypeId(inline));
        assert!(text.contains("/* ... */") && text.len() < 1 << 20, "{}", text.len());
    }
}
