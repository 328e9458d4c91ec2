//! `btfkinds encode`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::args::{Encode, PlaceArg, SelectArg};
use super::{FINE, Say, count, grouped, open, parse_options};
use crate::{
    Btf, Change, Describe, Described, File, Parse, Place, Prepared, Select, commit_all, describe,
    kernel,
};

pub(super) fn run(args: &Encode, say: Say) -> anyhow::Result<u8> {
    let path = match &args.file {
        Some(path) => path.as_path(),
        None if kernel::has_btf() => Path::new(kernel::VMLINUX),
        None => bail!(
            "no FILE was given, and the running kernel offers no BTF ({} is not there)",
            kernel::VMLINUX
        ),
    };
    let dest = destination(args, path)?;
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let (file, old) = open(path, &parse)?;
    let in_file = || path.display().to_string();
    let mut new = old.clone();
    let done = describe(&mut new, &options(args)).with_context(in_file)?;
    let sorted = done.types > 0 && args.place == PlaceArg::Back && old.is_sorted_by_name();
    let (old, new) = (Arc::new(old), Arc::new(new));
    let change = Change { old: &old, new: &new, shift: done.shift, parse: &parse };

    let mut files = Vec::new();
    for module in &args.split {
        let prepared =
            follow(module, &change, args, say).with_context(|| module.display().to_string())?;
        files.extend(prepared);
    }
    let followed = files.len();
    if dest == Path::new("-") {
        let bytes = match &args.detached {
            Some(_) => new.to_bytes(),
            None => file.changed(&change, args.strip_signature).with_context(in_file)?,
        };
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()?;
    } else if args.detached.is_some() {
        files.push(Prepared::bytes(dest, None, &new.to_bytes())?);
    } else if done.types > 0 || dest != path {
        files.push(file.prepare(&change, args.strip_signature, dest).with_context(in_file)?);
    }
    commit_all(files)?;
    summary(args, dest, &done, &new, say);
    if followed > 0 {
        say.line(format_args!("{} rewritten to match", count(followed, "split file")));
    } else if done.types > 0 && old.base().is_none() && !file.is_relocatable() {
        say.line("BTF that is split on this (modules of a vmlinux) must follow it: '--split MODULE...' rewrites it");
    }
    if sorted {
        say.line("the types were sorted by name: with types appended, libbpf no longer finds them by binary search");
    }
    Ok(FINE)
}

fn options(args: &Encode) -> Describe {
    Describe {
        select: match args.select {
            SelectArg::All => Select::All,
            SelectArg::Used => Select::Used,
            SelectArg::None => Select::None,
        },
        newer_than: args.newer_than,
        place: match args.place {
            PlaceArg::Back => Place::Back,
            PlaceArg::Front => Place::Front,
        },
    }
}

/// Where the result goes: what -o or --detached say, else the file itself.
fn destination<'a>(args: &'a Encode, path: &'a Path) -> anyhow::Result<&'a Path> {
    if let Some(dest) = args.output.as_deref().or(args.detached.as_deref()) {
        return Ok(dest);
    }
    // What the kernel offers there is not ours to replace.
    let in_sys =
        path.starts_with("/sys") || path.canonicalize().is_ok_and(|path| path.starts_with("/sys"));
    if in_sys {
        bail!("{} can't be replaced: name the result with -o OUT", path.display());
    }
    Ok(path)
}

/// Makes a split file match its changed base; None if it needs no change.
fn follow(
    path: &Path,
    base: &Change<'_>,
    args: &Encode,
    say: Say,
) -> anyhow::Result<Option<Prepared>> {
    let file = File::open(path)?;
    if file.has_own_base() {
        say.detail(format_args!(
            "{}: left alone, it is split on its own .BTF.base",
            path.display()
        ));
        return Ok(None);
    }
    let parse: Parse = base.parse.clone().base(Arc::clone(base.old));
    let old = file.btf(&parse)?;
    old.check_base()?;
    if base.shift.ids_by == 0 && base.shift.strs_by == 0 {
        return Ok(None);
    }
    let new = old.clone().follow_base(&base.shift, Arc::clone(base.new))?;
    let change =
        Change { old: &Arc::new(old), new: &Arc::new(new), shift: base.shift, parse: base.parse };
    Ok(Some(file.prepare(&change, args.strip_signature, path)?))
}

fn summary(args: &Encode, dest: &Path, done: &Described, new: &Btf, say: Say) {
    let name = |kind| new.kinds().get(kind).map_or(String::new(), |entry| entry.spec.name.clone());
    let names =
        |kinds: &[crate::Kind]| kinds.iter().map(|kind| name(*kind)).collect::<Vec<_>>().join(", ");
    let dest = dest.display();
    if done.types == 0 {
        say.line(format_args!("{dest}: nothing to add: every kind asked for is described"));
    } else {
        let place = match args.place {
            PlaceArg::Back => "behind all others",
            PlaceArg::Front => "the types behind them moved up",
        };
        say.line(format_args!(
            "{dest}: described {} in {} ([{}] to [{}], {place}) and {} bytes",
            count(done.kinds.len(), "kind"),
            count(done.types as usize, "type"),
            done.first,
            done.first.saturating_add(done.types).saturating_sub(1),
            grouped(done.bytes),
        ));
        say.detail(format_args!("{dest}: described {}", names(&done.kinds)));
    }
    if !done.without_classes.is_empty() {
        say.line(format_args!(
            "{dest}: not described: {}: only their sizes are known; --kind-file can give their words",
            names(&done.without_classes)
        ));
    }
}
