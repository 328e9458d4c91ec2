//! `btfkinds dump`.

use std::io;

use anyhow::Context;

use super::args::Dump;
use super::{FINDING, FINE, Say, note_base, open_to_show, parse_options};
use crate::{Numbering, Record, Text};

pub(super) fn run(args: &Dump, say: Say) -> anyhow::Result<u8> {
    let mut parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let (file, mut btf) = open_to_show(&args.file, &mut parse, say)?;
    if say.verbose {
        let numbering = Numbering::of(&file.bytes()?, &parse)?;
        say.detail(format_args!("{}: {numbering}", args.file.display()));
    }
    note_base(&file, &btf, &args.reading.base, say);
    if let Some(name) = &args.section {
        btf = file.section(name, &parse).with_context(|| args.file.display().to_string())?;
    }
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
    Text::new(io::stdout().lock()).types(btf.types().filter(wanted))?;
    for name in &missing {
        say.line(format_args!("{}: no type is called '{name}'", args.file.display()));
    }
    Ok(if missing.is_empty() { FINE } else { FINDING })
}
