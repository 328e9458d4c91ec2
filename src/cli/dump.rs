//! `btfkinds dump`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::{Dump, FormatArg};
use super::{
    FINDING, FINE, Say, Shown, TROUBLE, colour, count, many, note_base, parse_options, report, told,
};
use crate::dump::pieces::Form;
use crate::{Btf, C, File, Json, Numbering, Record, Text, TypeId, relocate};

/// What is to be printed of each file.
struct How<'a> {
    args: &'a Dump,
    names: BTreeSet<&'a str>,
    shown: Shown,
}

pub(super) fn run(args: &Dump, say: Say) -> anyhow::Result<u8> {
    // What is there is a file; the other arguments are names of types.
    let (files, names): (Vec<&PathBuf>, Vec<&PathBuf>) =
        args.more.iter().partition(|arg| arg.exists());
    let files: Vec<PathBuf> = std::iter::once(&args.file).chain(files).cloned().collect();
    let names = names
        .into_iter()
        .map(|name| name.to_str())
        .chain(args.names.iter().map(|n| Some(n.as_str())));
    let names: Option<BTreeSet<&str>> = names.collect();
    let Some(names) = names else { bail!("a name of a type is not text") };
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let how = How { args, names, shown: Shown::new(told(parse, args.standalone, args.split)) };
    if let ([path], false) = (files.as_slice(), args.file.is_dir()) {
        return how.one(path, say);
    }
    how.all(&files, say)
}

/// The types of a name, those of the bases left out; those without a name for an empty one.
fn own_named(btf: &Btf, name: &str) -> Vec<TypeId> {
    let types: &mut dyn Iterator<Item = Record<'_>> = match name {
        "" => &mut btf.types().filter(|ty| ty.name().is_empty()),
        name => &mut btf.named(name).filter(|ty| ty.id() >= btf.first_id()),
    };
    types.map(|ty| ty.id()).collect()
}

impl<'a> How<'a> {
    /// One file, written as it is made.
    fn one(&self, path: &Path, say: Say) -> anyhow::Result<u8> {
        let btf = self.read(path, say)?;
        let found = match self.is_coloured() {
            true => self.print(&btf, &mut colour::Types::new(colour::stdout()))?,
            // Printers write large pieces: looking for the ends of lines in them would be for nothing.
            false => {
                let mut out = fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
                match self.form() {
                    Some(form) => form.print(&btf, &mut out).map(|()| BTreeSet::new())?,
                    None => self.print(&btf, &mut out)?,
                }
            }
        };
        Ok(self.missing(&found, path.display(), say))
    }

    /// What is printed on all processors: of one file all types, each by itself.
    fn form(&self) -> Option<Form> {
        match self.args.format {
            _ if !self.names.is_empty() => None,
            FormatArg::Raw => Some(Form::Text),
            FormatArg::Json => Some(Form::Json),
            FormatArg::C => None,
        }
    }

    /// Many files, each behind a line with its name.
    fn all(&self, files: &[PathBuf], say: Say) -> anyhow::Result<u8> {
        if self.args.format == FormatArg::C {
            bail!("-f c makes one header: it takes one FILE");
        }
        let inputs = many::inputs(files)?;
        let work = |path: &Path| {
            let in_file = || path.display().to_string();
            let text = || -> anyhow::Result<(Vec<u8>, BTreeSet<&str>)> {
                let btf = self.read(path, say)?;
                let mut text = Vec::new();
                let found = self.print(&btf, &mut text).with_context(in_file)?;
                Ok((text, found))
            };
            text().map_err(|err| report(&err))
        };
        let (mut done, mut failed) = (0_usize, 0_usize);
        let mut found = BTreeSet::new();
        let out: &mut dyn Write = match self.is_coloured() {
            true => &mut colour::Types::new(colour::stdout()),
            false => &mut io::stdout().lock(),
        };
        many::in_order(&inputs, say, work, |path, result| {
            let Ok((text, names)) = result else {
                failed = failed.saturating_add(1);
                return Ok(());
            };
            done = done.saturating_add(1);
            found.extend(names);
            match self.args.format {
                // A document by itself, and which file it is of.
                FormatArg::Json => {
                    let name = serde_json::to_string(&path.display().to_string())?;
                    write!(out, "{{\"file\":{name},\"btf\":")?;
                    out.write_all(text.trim_ascii_end())?;
                    out.write_all(b"}\n")?;
                }
                _ if text.is_empty() && !self.names.is_empty() => {}
                _ => {
                    writeln!(out, "==> {} <==", path.display())?;
                    out.write_all(&text)?;
                }
            }
            Ok(())
        })?;
        out.flush()?;
        say.line(format_args!("{} printed, {failed} failed", count(done, "file")));
        let missing = self.missing(&found, "in none of them", say);
        Ok(if failed > 0 { TROUBLE } else { missing })
    }

    /// Colour is for bpftool's lines; the others are for programs and compilers.
    fn is_coloured(&self) -> bool {
        self.args.format == FormatArg::Raw && io::stdout().is_terminal()
    }

    /// The BTF that is asked for.
    fn read(&self, path: &Path, say: Say) -> anyhow::Result<Btf> {
        match self.args.section.as_deref() {
            None | Some(".BTF") => self.whole(path, say),
            Some(name) => {
                let in_file = || path.display().to_string();
                let file = File::open(path).with_context(in_file)?;
                file.section(name, &self.shown.parse).with_context(in_file)
            }
        }
    }

    /// The file's `.BTF`, and what is to be said about its base.
    fn whole(&self, path: &Path, say: Say) -> anyhow::Result<Btf> {
        let (file, btf, parse) = self.shown.open(path, say)?;
        let path = path.display();
        if say.verbose {
            let numbering = Numbering::of(&file.bytes()?, &parse)?;
            say.detail(format_args!("{path}: {numbering}"));
        }
        // As a kernel would take it.
        if let Some(base) = parse.given_base().filter(|_| file.has_own_base()) {
            let moved = relocate(&btf, base).with_context(|| path.to_string())?;
            say.line(format_args!("{path}: relocated from its own .BTF.base"));
            return Ok(moved);
        }
        note_base(&file, &btf, &self.args.reading.base, say);
        Ok(btf)
    }

    /// Prints the types that are asked for; gives which names were found.
    fn print(&self, btf: &Btf, out: &mut dyn Write) -> anyhow::Result<BTreeSet<&'a str>> {
        let (mut found, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for name in &self.names {
            let before = ids.len();
            ids.extend(own_named(btf, name));
            if ids.len() > before {
                found.insert(*name);
            }
        }
        let types = ids.iter().filter_map(|id| btf.get(*id));
        match (self.args.format, self.names.is_empty()) {
            (FormatArg::Raw, true) => Text::new(&mut *out).types(btf.types())?,
            (FormatArg::Raw, false) => Text::new(&mut *out).types(types)?,
            (FormatArg::Json, true) => Json::new(&mut *out).types(btf.types())?,
            (FormatArg::Json, false) => Json::new(&mut *out).types(types)?,
            (FormatArg::C, true) => C::new(btf).write_to(&mut &mut *out)?,
            (FormatArg::C, false) => C::new(btf).select(ids).write_to(&mut &mut *out)?,
        }
        out.flush()?;
        Ok(found)
    }

    /// Says which names were not found.
    fn missing(&self, found: &BTreeSet<&str>, place: impl std::fmt::Display, say: Say) -> u8 {
        let missing: Vec<_> = self.names.difference(found).collect();
        for name in &missing {
            say.line(format_args!("{place}: no type is called '{name}'"));
        }
        if missing.is_empty() { FINE } else { FINDING }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn names_are_those_of_own_types() {
        let mut base = Btf::new();
        let a = base.add_float("a", 4).unwrap();
        base.add_float("c", 8).unwrap();
        let mut split = Btf::new_split(Arc::new(base));
        let own = split.add_typedef("a", a).unwrap();
        let none = split.add_ptr(own).unwrap();
        let again = split.add_typedef("a", none).unwrap();
        assert_eq!(own_named(&split, "a"), [own, again]);
        assert_eq!(own_named(&split, ""), [none]);
        assert!(own_named(&split, "c").is_empty());
    }
}
