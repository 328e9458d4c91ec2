//! `btfkinds diff`.

mod json;
mod module;
mod text;

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::args::{Diff as Args, DiffFormat};
use super::{FINDING, FINE, Say, Shown, count, note_base, parse_options};
use crate::btf::{Btf, TypeId};
use crate::diff::{Change, Class, Diff, Reach, Two, diff};
use crate::file::File;

/// One of the two files.
struct Side<'a> {
    path: &'a Path,
    file: File,
    btf: Btf,
}

impl<'a> Side<'a> {
    fn open(path: &'a Path, base: &[PathBuf], args: &Args, say: Say) -> anyhow::Result<Side<'a>> {
        let parse = parse_options(base, &args.kind_file)?;
        let (file, btf, _) = Shown::new(parse).open(path, say)?;
        note_base(&file, &btf, base, say);
        Ok(Side { path, file, btf })
    }
}

/// Whether a class is one of types, which several files can have in common.
fn is_type(class: Class) -> bool {
    !matches!(class, Class::Function | Class::Variable | Class::Section)
}

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let base = |own: &'_ Vec<PathBuf>| if own.is_empty() { args.base.clone() } else { own.clone() };
    let old = Side::open(&args.old, &base(&args.old_base), args, say)?;
    let new = Side::open(&args.new, &base(&args.new_base), args, say)?;
    let mut found = diff(&old.btf, &new.btf);
    let view = match &args.module {
        Some(path) => Some(module::View::new(path, [&old, &new], &mut found, args)?),
        None => None,
    };
    if !args.names.is_empty() {
        select(&mut found, args)?;
    }
    // A module's own functions and variables are not the kernel's, whatever they are called.
    let is_copy = match (old.file.is_module(), new.file.is_module()) {
        (true, false) => old.btf.base().is_none(),
        (false, true) => new.btf.base().is_none(),
        _ => false,
    };
    if is_copy {
        found.retain(|class, _, _| is_type(class));
    }
    let left_out = if args.common || is_copy { found.only_common() } else { (0, 0) };
    let differs = !found.is_empty() || view.as_ref().is_some_and(|view| !view.fits());
    if !say.quiet {
        let output = Output { sides: [&old, &new], diff: &found, view: view.as_ref(), args };
        match args.format {
            DiffFormat::Text => text::print(&output, say)?,
            DiffFormat::Json => json::print(&output)?,
        }
        summary(&output, left_out, say);
    }
    Ok(if differs { FINDING } else { FINE })
}

/// What there is to print.
struct Output<'a> {
    sides: [&'a Side<'a>; 2],
    diff: &'a Diff<'a>,
    view: Option<&'a module::View>,
    args: &'a Args,
}

/// So many lines of C are made, and compared each with each, before types are only named: no kernels
/// differ by so much.
const MOST_LINES: usize = 1 << 22;
const MOST_PAIRS: usize = 1 << 31;

/// What is still to be spent on showing types as C.
struct Budget {
    lines: usize,
    pairs: usize,
}

impl Budget {
    fn new() -> Budget {
        Budget { lines: MOST_LINES, pairs: MOST_PAIRS }
    }

    /// What became of a type; None if that is too much to show.
    fn change(&mut self, diff: &Diff<'_>, two: &Two) -> Option<Change> {
        if self.lines == 0 {
            return None;
        }
        let change = diff.change(two);
        let [old, new] = change.lines.each_ref().map(Vec::len);
        let (lines, pairs) = (old.saturating_add(new), old.saturating_mul(new));
        self.lines = self.lines.saturating_sub(lines.saturating_add(change.parts.len()));
        match self.pairs.checked_sub(pairs) {
            Some(rest) => {
                self.pairs = rest;
                Some(change)
            }
            None => None,
        }
    }
}

/// Restricts what was found to types of the given names, and what they lead to.
fn select(found: &mut Diff<'_>, args: &Args) -> anyhow::Result<()> {
    let mut missing: Vec<&String> = args.names.iter().collect();
    let mut ids = |btf: &Btf| -> Vec<TypeId> {
        let mut found = Vec::new();
        for ty in (1..btf.type_count()).filter_map(|id| btf.get(TypeId(id))) {
            let name = btf.view().short_string(ty.name_off().0).unwrap_or_default();
            if args.names.iter().any(|wanted| wanted.as_bytes() == name) {
                missing.retain(|wanted| wanted.as_bytes() != name);
                found.push(ty.id());
            }
        }
        found
    };
    let (of_old, of_new) = (ids(found.old_btf()), ids(found.new_btf()));
    if let Some(name) = missing.first() {
        bail!("neither file has a type that is called '{name}'");
    }
    let (old, new) = (found.old_btf(), found.new_btf());
    if args.deep {
        let (old, new) = (Reach::from(old, of_old), Reach::from(new, of_new));
        let has = |reach: &Reach, id: Option<TypeId>| id.is_some_and(|id| reach.contains(id));
        found.retain(|_, a, b| has(&old, a) || has(&new, b));
    } else {
        let has = |ids: &[TypeId], id: Option<TypeId>| id.is_some_and(|id| ids.contains(&id));
        found.retain(|_, a, b| has(&of_old, a) || has(&of_new, b));
    }
    Ok(())
}

/// The line at the end.
fn summary(output: &Output<'_>, (removed, added): (usize, usize), say: Say) {
    let Output { diff, sides: [old, new], .. } = output;
    if removed != 0 {
        say.line(format_args!(
            "{} only in {}, not shown",
            count(removed, "type"),
            old.path.display()
        ));
    }
    if added != 0 {
        say.line(format_args!(
            "{} only in {}, not shown",
            count(added, "type"),
            new.path.display()
        ));
    }
    let mut parts = vec![
        format!("{} changed", count(diff.changed().len(), "type")),
        format!("{} removed", super::grouped(diff.removed().len())),
        format!("{} added", super::grouped(diff.added().len())),
        format!("{} affected", super::grouped(diff.affected().len())),
    ];
    if !diff.kinds().is_empty() {
        parts.push(format!("{} described otherwise", count(diff.kinds().len(), "kind")));
    }
    if diff.is_empty() {
        parts = vec![match output.args.names.is_empty() && output.view.is_none() {
            true => format!("no differences in {}", count(diff.same(), "named type")),
            false => "no differences in these types".to_owned(),
        }];
    }
    say.line(parts.join(", "));
}
