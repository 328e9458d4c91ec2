//! `btfkinds dump`.

use std::io;

use super::args::Dump;
use super::{FINDING, FINE, Say, note_base, open, parse_options};
use crate::{Record, Text};

pub(super) fn run(args: &Dump, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let (file, btf) = open(&args.file, &parse)?;
    note_base(&file, &btf, &args.reading.base, say);
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
