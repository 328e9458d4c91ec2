//! `btfkinds renumber`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::args::Renumber as Args;
use super::{FINE, Say, TROUBLE, count, parse_options, progress, report, same_file, told};
use crate::{Btf, File, Prepared, Renumber, Target, kernel};

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    if args.output.is_some() && args.files.len() > 1 {
        bail!("-o OUT takes one FILE, not {}", args.files.len());
    }
    let parse = parse_options(&[], &args.kind_file)?;
    let chain = |paths: &[PathBuf]| -> anyhow::Result<Option<Arc<Btf>>> {
        Ok(parse_options(paths, &args.kind_file)?.given_base().cloned())
    };
    let target = if args.undo {
        Target::Standalone
    } else if args.portable {
        Target::Portable
    } else {
        let running = [PathBuf::from(kernel::VMLINUX)];
        let base = if args.base.is_empty() { running.as_slice() } else { args.base.as_slice() };
        match chain(base)? {
            Some(base) => Target::Base(base),
            None => bail!("there is no base"),
        }
    };
    let how = Renumber {
        target,
        from: chain(&args.from)?,
        resolve_ids: args.resolve_ids,
        strip_signature: args.strip_signature,
        parse: told(parse, args.standalone, args.split),
    };
    if args.files.iter().any(|path| path == Path::new("-")) && args.output.is_none() {
        bail!("standard input needs -o OUT");
    }
    // One bad file does not stop the others.
    let (mut done, mut failed) = (0_usize, 0_usize);
    let progress = progress(args.files.len(), say);
    for path in &args.files {
        progress.inc(1);
        // What is said goes above the bar, not into it.
        let changed = progress.suspend(|| {
            let changed = one(path, &how, args, say).with_context(|| path.display().to_string());
            changed.map_err(|err| report(&err))
        });
        match changed {
            Ok(changed) => done = done.saturating_add(usize::from(changed)),
            Err(_) => failed = failed.saturating_add(1),
        }
    }
    progress.finish_and_clear();
    if args.files.len() > 1 {
        let same = args.files.len().saturating_sub(done).saturating_sub(failed);
        say.line(format_args!(
            "{} changed, {same} unchanged, {failed} failed",
            count(done, "file")
        ));
    }
    Ok(if failed == 0 { FINE } else { TROUBLE })
}

/// Renumbers one file; false if there was nothing to do.
fn one(path: &Path, how: &Renumber, args: &Args, say: Say) -> anyhow::Result<bool> {
    let dest = args.output.as_deref().unwrap_or(path);
    if args.base.iter().chain(&args.from).any(|base| same_file(base, dest)) {
        bail!("{}: this is the base, it would be replaced", dest.display());
    }
    let file = File::open(path)?;
    let Some(renumbered) = file.renumber(how)? else {
        let what = match &how.target {
            Target::Standalone => "it is standalone",
            Target::Portable => "it is portable",
            Target::Base(_) => "it is numbered for this base",
        };
        say.line(format_args!("{}: nothing to do: {what} already", path.display()));
        if file.is_signed() && args.strip_signature && dest != Path::new("-") {
            file.prepare_unsigned(dest)?.commit()?;
            say.line(format_args!("{}: signature taken off", dest.display()));
            return Ok(true);
        }
        if dest == Path::new("-") {
            io::copy(&mut std::fs::File::open(path)?, &mut io::stdout().lock())?;
        } else if dest != path {
            Prepared::copy(path, dest)?.commit()?;
        }
        return Ok(false);
    };
    say.detail(format_args!("{}: was {}", path.display(), renumbered.before));
    if dest == Path::new("-") {
        let out = &mut io::stdout().lock();
        out.write_all(&renumbered.bytes()?)?;
        out.flush()?;
    } else {
        renumbered.prepare(dest)?.commit()?;
    }
    let to = match (&how.target, renumbered.btf().origin()) {
        (Target::Standalone, _) => "standalone again".to_owned(),
        (Target::Portable, _) => {
            "portable: for kernels from 6.11, which relocate its .BTF.base".to_owned()
        }
        (Target::Base(_), Some(origin)) if origin.was_standalone() => {
            format!("renumbered for a base of {origin}")
        }
        (Target::Base(_), Some(origin)) => {
            format!("relocated to a base of {origin}; its .BTF.base is gone")
        }
        (Target::Base(base), _) => {
            format!("moved along with its base, now of {} types", base.type_count())
        }
    };
    for set in renumbered.sets_by_order()? {
        say.line(format_args!(
            "{}: .BTF_ids had been filled for other BTF: the flags of {set} are kept in the order of its functions",
            path.display()
        ));
    }
    let ids = if renumbered.resolves_ids() { "; .BTF_ids filled" } else { "" };
    say.line(format_args!("{}: {to}{ids}", dest.display()));
    Ok(true)
}
