//! `btfkinds dump`.

use std::io;

use anyhow::Context;

use super::args::{Dump, FormatArg};
use super::{FINDING, FINE, Say, note_base, open_to_show, parse_options, told};
use crate::{Btf, C, File, Json, Numbering, Parse, Record, Text, relocate};

pub(super) fn run(args: &Dump, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let mut parse = told(parse, args.standalone, args.split);
    let btf = match args.section.as_deref() {
        None | Some(".BTF") => whole(args, &mut parse, say)?,
        Some(name) => {
            let in_file = || args.file.display().to_string();
            let file = File::open(&args.file).with_context(in_file)?;
            file.section(name, &parse).with_context(in_file)?
        }
    };
    let mut missing: Vec<&String> = args.names.iter().collect();
    let wanted = |ty: &Record<'_>| {
        if args.names.is_empty() {
            return true;
        }
        let found = args.names.iter().any(|name| ty.name() == name.as_bytes());
        if found {
            missing.retain(|name| ty.name() != name.as_bytes());
        }
        found
    };
    let types = btf.types().filter(wanted);
    match args.format {
        FormatArg::Raw => Text::new(io::stdout().lock()).types(types)?,
        FormatArg::Json => Json::new(io::stdout().lock()).types(types)?,
        FormatArg::C if args.names.is_empty() => C::new(&btf).write_to(&mut io::stdout().lock())?,
        FormatArg::C => {
            let ids = types.map(|ty| ty.id());
            C::new(&btf).select(ids).write_to(&mut io::stdout().lock())?;
        }
    }
    for name in &missing {
        say.line(format_args!("{}: no type is called '{name}'", args.file.display()));
    }
    Ok(if missing.is_empty() { FINE } else { FINDING })
}

/// The file's `.BTF`, and what is to be said about its base.
fn whole(args: &Dump, parse: &mut Parse, say: Say) -> anyhow::Result<Btf> {
    let (file, btf) = open_to_show(&args.file, parse, say)?;
    if say.verbose {
        let numbering = Numbering::of(&file.bytes()?, parse)?;
        say.detail(format_args!("{}: {numbering}", args.file.display()));
    }
    // As a kernel would take it.
    if let Some(base) = parse.given_base().filter(|_| file.has_own_base()) {
        let moved = relocate(&btf, base).with_context(|| args.file.display().to_string())?;
        say.line(format_args!("{}: relocated from its own .BTF.base", args.file.display()));
        return Ok(moved);
    }
    note_base(&file, &btf, &args.reading.base, say);
    Ok(btf)
}
