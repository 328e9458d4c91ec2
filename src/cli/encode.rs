//! `btfkinds encode`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::args::{Encode, PlaceArg, SelectArg};
use super::modules::{self, Outcome};
use super::{FINE, Say, count, grouped, note_base, open, parse_options, same_file};
use super::{follow, old_kernels};
use crate::{
    Btf, Change, Describe, Described, Error, ErrorKind, Kind, Parse, Place, Prepared, Select,
    commit_all, describe, kernel,
};

pub(super) fn run(args: &Encode, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let path = match args.files.as_slice() {
        [path] if !path.is_dir() => path.as_path(),
        [] if kernel::has_btf() => Path::new(kernel::VMLINUX),
        [] => bail!(
            "no FILE was given, and the running kernel offers no BTF ({} is not there)",
            kernel::VMLINUX
        ),
        files => {
            if args.detached.is_some() || !args.split.is_empty() {
                bail!("--detached and --split are for one FILE");
            }
            let output = args.output.as_deref();
            return modules::each(files, output, say, |path| one(args, path, &parse, say));
        }
    };
    one(args, path, &parse, say)?;
    Ok(FINE)
}

/// Describes the kinds in one file.
fn one(args: &Encode, path: &Path, parse: &Parse, say: Say) -> anyhow::Result<Outcome> {
    let dest = destination(args, path)?;
    let (mut file, mut btf) = open(path, parse)?;
    file.give_up();
    let in_file = || path.display().to_string();
    btf.check_base().with_context(in_file)?;
    note_base(&file, &btf, &args.reading.base, say);
    let sorted = btf.is_sorted_by_name();
    let record = btf.base().is_none() && (args.standalone || file.is_module());
    let raw = file.is_raw() || args.detached.is_some();
    let first_new = btf.type_count();
    // A raw result by itself needs nothing but the new BTF.
    let old = (!raw || !args.split.is_empty()).then(|| Arc::new(btf.clone()));
    let done = describe(&mut btf, &options(args, record)).with_context(in_file)?;
    let laid = args.layout.then(|| btf.add_layout()).transpose().with_context(in_file)?.flatten();
    let degraded = old_kernels::for_version(&mut btf, args, &file).with_context(in_file)?;
    let shift = old_kernels::all_shifts(&done, degraded.as_ref()).with_context(in_file)?;
    let new = Arc::new(btf);
    let change = old.as_ref().map(|old| Change::new(old, &new, shift, parse));

    let modules = follow::modules(&args.split, path, dest)?;
    let mut files = match &change {
        Some(change) => follow::all(&modules, change, args.strip_signature, say)?,
        None => Vec::new(),
    };
    let followed = files.len();
    let in_elf = change.as_ref().filter(|_| !raw);
    let strips = !raw && args.strip_signature && file.is_signed();
    let changed = done.types > 0 || done.origin || laid.is_some() || degraded.is_some();
    if dest == Path::new("-") {
        let out = &mut io::stdout().lock();
        match in_elf {
            None if args.detached.is_some() => new.write_to(out)?,
            None => out.write_all(&file.packed(new.to_bytes())?)?,
            Some(change) => {
                let changed = file.changed(change, args.strip_signature);
                out.write_all(&changed.map_err(suggest_back).with_context(in_file)?)?;
            }
        }
        out.flush()?;
    } else if changed || dest != path || strips {
        let prepared = match in_elf {
            None if args.detached.is_some() => Prepared::raw(dest, None, &new),
            None => file.prepare_raw(&new, dest),
            Some(change) => file.prepare(change, args.strip_signature, dest).map_err(suggest_back),
        };
        files.push(prepared.with_context(in_file)?);
    }
    commit_all(files)?;
    summary(args, dest, &done, &new, say);
    if let Some(lost) = &laid {
        summary_of_layout(dest, lost, &new, say);
    }
    if let (Some(degraded), Some(version)) = (&degraded, args.for_version) {
        old_kernels::summary(dest, degraded, version, say);
    }
    let grown = shift.ids_by > 0 || shift.strs_by > 0;
    if followed > 0 {
        say.line(format_args!("{} rewritten to match", count(followed, "split file")));
    } else if !grown && !args.split.is_empty() {
        say.line(format_args!(
            "{} has not changed: nothing that is split on it needs to",
            path.display()
        ));
    } else if grown && new.base().is_none() && !file.is_relocatable() && args.split.is_empty() {
        say.line("BTF that is split on this (modules of a vmlinux) must follow it: '--split MODULE...' rewrites it");
    }
    if sorted && (done.types > 0 || (degraded.is_some() && !new.is_sorted_by_name())) {
        say.line("the types were sorted by name: with others among them, libbpf no longer finds them by binary search");
    }
    if args.detached.is_some()
        && !file.is_raw()
        && done.shift.ids_from < first_new
        && done.types > 0
    {
        say.line(format_args!(
            "type ids moved: those in {} itself (.BTF_ids, .BTF.ext) are not those of this BTF",
            path.display()
        ));
    }
    Ok(if changed || strips { Outcome::Changed } else { Outcome::Unchanged })
}

fn options(args: &Encode, origin: bool) -> Describe {
    Describe {
        select: match args.select {
            SelectArg::All => Select::All,
            SelectArg::Used => Select::Used,
            SelectArg::None => Select::None,
        },
        newer_than: args.newer_than,
        origin,
        place: match args.place {
            PlaceArg::Back => Place::Back,
            PlaceArg::Front => Place::Front,
        },
    }
}

/// Where the result goes: what -o or --detached say, else the file itself.
fn destination<'a>(args: &'a Encode, path: &'a Path) -> anyhow::Result<&'a Path> {
    if let Some(dest) = args.output.as_deref().or(args.detached.as_deref()) {
        if args.detached.is_some() && same_file(dest, path) {
            bail!("{}: --detached leaves FILE as it is: name another file", dest.display());
        }
        if args.reading.base.iter().any(|base| same_file(dest, base)) {
            bail!("{}: this is the base, it would be replaced", dest.display());
        }
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

/// Whatever cannot be moved along, with types in front, can stay where it is with types behind.
pub(super) fn suggest_back(err: Error) -> Error {
    match (err.kind(), err.help()) {
        (ErrorKind::Elf | ErrorKind::Edit, None) => {
            err.with_help("'--place back' leaves every type id as it is")
        }
        _ => err,
    }
}

fn summary(args: &Encode, dest: &Path, done: &Described, new: &Btf, say: Say) {
    let names = |kinds: &[Kind]| {
        kinds.iter().map(|kind| new.known_name(*kind)).collect::<Vec<_>>().join(", ")
    };
    let dest = dest.display();
    if done.origin {
        say.line(format_args!("{dest}: recorded that this is standalone BTF (__BTF_ORIGIN)"));
    }
    if done.types == 0 {
        let why = match new.base() {
            None => "every kind asked for is described",
            Some(_) => "all its kinds are released, or described in it or its base",
        };
        say.line(format_args!("{dest}: nothing to describe: {why}"));
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
            done.first.0.saturating_add(done.types).saturating_sub(1),
            grouped(done.bytes),
        ));
        say.detail(format_args!("{dest}: described {}", names(&done.kinds)));
    }
    if !done.without_classes.is_empty() {
        say.line(format_args!(
            "{dest}: described by their sizes alone: {}: nothing more is known of them; --kind-file can give their words",
            names(&done.without_classes)
        ));
    }
}

fn summary_of_layout(dest: &Path, lost: &[Kind], new: &Btf, say: Say) {
    let dest = dest.display();
    say.line(format_args!(
        "{dest}: the header has a layout section: kernels before Linux 7.1 refuse such BTF"
    ));
    if !lost.is_empty() {
        let name = |kind: &Kind| new.known_name(*kind);
        let names: Vec<String> = lost.iter().map(name).collect();
        say.line(format_args!(
            "{dest}: it has sizes only: the word classes of {} are not in it",
            names.join(", ")
        ));
    }
}
