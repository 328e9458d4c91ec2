//! The whole header.

use std::io::{self, Write};

use super::known::{self, Table};
use super::names::Names;
use super::order::Order;
use super::phrases::Phrases;
use super::print::{Header, Printer, Stranger};
use super::source::Source;
use super::survey::Survey;
use super::text;
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;

/// When so much text is waiting it is written out.
const BUFFER: usize = 1 << 16;

/// Of one definition no more is printed than its own elements and so many of what is spelled out in
/// it; of a header in all, a few times what its BTF has.
const MOST_INLINE: u64 = 1 << 14;
const MOST: u64 = 1 << 20;

/// So many types that were left out are listed, and so many users of each.
const LISTED: usize = 1000;
const USERS: usize = 16;

const START: &str = "#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

";

const END: &str = "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
";

/// The types of a blob as a C header, in the role of bpftool's `vmlinux.h`.
///
/// Structs and unions have the layout that the BTF says, for compilers of the same pointer size.
/// Of split BTF the own types are printed, with all that they need of the base. Functions and
/// variables are not printed, unless they are selected.
///
/// ```
/// use btfkinds::{Btf, C, Kind, NewType};
///
/// let mut btf = Btf::new();
/// let int = NewType { kind: Kind::INT, name: "int", kind_flag: false, vlen: 0, size_or_type: 4, words: &[0x0100_0020] };
/// let int = btf.add(int)?;
/// let typedef = NewType { kind: Kind::TYPEDEF, name: "pid_t", kind_flag: false, vlen: 0, size_or_type: int.0, words: &[] };
/// btf.add(typedef)?;
/// let mut header = Vec::new();
/// C::new(&btf).write_to(&mut header)?;
/// assert!(String::from_utf8(header)?.contains("\ntypedef int pid_t;\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct C<'a> {
    btf: &'a Btf,
    selected: Option<Vec<TypeId>>,
}

impl<'a> C<'a> {
    /// All types of a blob.
    pub fn new(btf: &'a Btf) -> C<'a> {
        C { btf, selected: None }
    }

    /// Only these types and what they need, instead of all. Called again, these too.
    pub fn select(mut self, ids: impl IntoIterator<Item = TypeId>) -> C<'a> {
        self.selected.get_or_insert_default().extend(ids);
        self
    }

    /// Only the own types of this name and what they need. Called again, these too.
    pub fn named(self, name: &str) -> C<'a> {
        let btf = Source::of(self.btf);
        let own = self.btf.types().filter(|ty| btf.name(*ty) == name.as_bytes());
        let ids: Vec<TypeId> = own.map(|ty| ty.id()).collect();
        self.select(ids)
    }

    /// Writes the header, in large pieces.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let btf = Source::of(self.btf);
        let mut room = known::room(self.btf);
        let mut order = Order::new(btf, Table::new(&mut room, self.btf));
        let survey = match &self.selected {
            Some(ids) => {
                ids.iter().for_each(|id| order.add(*id));
                Survey::of(self.btf, |_| ())
            }
            None => {
                let survey = Survey::of(self.btf, |id| order.add(id));
                // Without names they only give names to numbers.
                order.add_missing(&survey.enums);
                survey
            }
        };
        let names = Names::give(&btf, &mut order);
        let all = u64::try_from(self.btf.type_len()).unwrap_or(MOST);
        let all = all.saturating_add(order.elements);
        let mut printer = Printer::new(self.btf, 0);
        printer.header = Some(Box::new(Header {
            names,
            known: order.known,
            phrases: Phrases::default(),
            forwards: Vec::new(),
            strangers: self.unknown(&survey),
            tags: survey.tags,
        }));
        printer.out.reserve(BUFFER.saturating_mul(2));
        printer.put(START);
        let mut left = all.saturating_add(MOST);
        for ty in order.finished.iter().filter_map(|id| btf.get(*id)) {
            if printer.header.as_ref().is_some_and(|header| header.known.needs_itself(ty.id())) {
                let _ = writeln!(
                    printer.out,
                    "/* [{}] is made of itself, which C can't say: */",
                    ty.id()
                );
            }
            let most = left.min(MOST_INLINE.saturating_add(u64::from(ty.vlen())));
            printer.left = most;
            printer.print_definition(ty);
            left = left.saturating_sub(most.saturating_sub(printer.left));
            if printer.out.len() >= BUFFER {
                out.write_all(&printer.out)?;
                printer.out.clear();
            }
        }
        self.left_out(&mut printer);
        printer.put(END);
        out.write_all(&printer.out)?;
        out.flush()
    }

    /// Types of kinds that are not released: a header of all types leaves them out even if nothing refers to them.
    fn unknown(&self, survey: &Survey<'_>) -> Vec<Stranger> {
        let all = survey.unknown.iter().filter(|_| self.selected.is_none());
        all.map(|id| Stranger { id: *id, user: TypeId::VOID }).collect()
    }

    /// A comment that says for which types there is nothing in the header, and who refers to them.
    fn left_out(&self, printer: &mut Printer<'a>) {
        let Printer { btf, header: Some(header), out: text, .. } = printer else { return };
        let mut met = std::mem::take(&mut header.strangers);
        met.sort_unstable();
        met.dedup();
        if met.is_empty() {
            return;
        }
        text.extend_from_slice(b"/*\n * Left out, because C has no word for it:\n");
        for same in met.chunk_by(|a, b| a.id == b.id).take(LISTED) {
            let Some(ty) = same.first().and_then(|met| btf.get(met.id)) else { continue };
            let _ = write!(text, " * [{}] {} '", ty.id(), ty.kind_name());
            text::plain(text, btf.name(ty));
            text.push(b'\'');
            let users = same.iter().filter_map(|met| btf.get(met.user));
            let mut lead = ", that these refer to: ";
            for user in users.clone().take(USERS) {
                let _ = write!(text, "{lead}[{}] {} '", user.id(), user.kind_name());
                text::plain(text, btf.name(user));
                text.push(b'\'');
                lead = ", ";
            }
            if users.count() > USERS {
                text.extend_from_slice(b", ...");
            }
            text.push(b'\n');
        }
        let count = met.chunk_by(|a, b| a.id == b.id).count();
        if count > LISTED {
            let _ = writeln!(text, " * ... {count} in all");
        }
        text.extend_from_slice(b" */\n\n");
    }
}

impl<'a> Printer<'a> {
    /// Prints a definition, and before it the forward declarations that it needs.
    fn print_definition(&mut self, ty: Record<'a>) {
        let start = self.out.len();
        self.pads = 0;
        self.user = ty.id();
        if let Some(header) = &mut self.header {
            let id = header.names.tag_of(ty);
            if header.known.declare(id) && ty.kind() == Kind::FWD {
                return;
            }
        }
        self.define(ty);
        self.run();
        if let Some(header) = &mut self.header
            && !header.forwards.is_empty()
        {
            self.out.splice(start..start, header.forwards.drain(..));
        }
        self.put("\n\n");
    }
}
