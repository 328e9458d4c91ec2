//! What commands that rewrite modules, one or many, have in common.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{FINDING, FINE, Say, TROUBLE, count, many, report, same_file};
use crate::{Edited, File, Prepared};

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was written.
    Changed,
    /// It is as asked for already.
    Unchanged,
    /// Something was found that the user wants to hear of, and it was left alone.
    Refused,
}

/// Does the same to every file, and to every file with BTF in a folder; one bad file does not stop the others.
pub(super) fn each(
    files: &[PathBuf],
    output: Option<&Path>,
    say: Say,
    one: impl Fn(&Path) -> anyhow::Result<Outcome> + Sync,
) -> anyhow::Result<u8> {
    let inputs = many::inputs(files)?;
    let several = files.len() > 1 || files.iter().any(|path| path.is_dir());
    if output.is_some() && several {
        bail!("-o OUT takes one FILE, not {}", inputs.len());
    }
    if files.iter().any(|path| path == Path::new("-")) && output.is_none() {
        bail!("standard input needs -o OUT");
    }
    let (mut changed, mut same, mut refused, mut failed) = (0_usize, 0_usize, 0_usize, 0_usize);
    let work = |path: &Path| {
        let outcome = one(path).with_context(|| path.display().to_string());
        outcome.map_err(|err| report(&err))
    };
    many::in_order(&inputs, say, work, |_, outcome| {
        let counted = match outcome {
            Ok(Outcome::Changed) => &mut changed,
            Ok(Outcome::Unchanged) => &mut same,
            Ok(Outcome::Refused) => &mut refused,
            Err(_) => &mut failed,
        };
        *counted = counted.saturating_add(1);
        Ok(())
    })?;
    if several {
        let refused = match refused {
            0 => String::new(),
            refused => format!("{refused} refused, "),
        };
        say.line(format_args!(
            "{} changed, {same} unchanged, {refused}{failed} failed",
            count(changed, "file")
        ));
    }
    Ok(match (failed, refused) {
        (0, 0) => FINE,
        (0, _) => FINDING,
        _ => TROUBLE,
    })
}

/// Refuses to replace a base by what is made from it.
pub(super) fn check_dest(dest: &Path, bases: &[&[PathBuf]]) -> anyhow::Result<()> {
    if bases.iter().flat_map(|bases| bases.iter()).any(|base| same_file(base, dest)) {
        bail!("{}: this is the base, it would be replaced", dest.display());
    }
    Ok(())
}

/// What there is to do for a file that is as asked for already.
pub(super) fn unchanged(
    file: &File,
    dest: &Path,
    strip_signature: bool,
    what: &str,
    say: Say,
) -> anyhow::Result<Outcome> {
    let path = file.path();
    say.line(format_args!("{}: nothing to do: {what}", path.display()));
    if dest == Path::new("-") {
        // What came from standard input can't be read again.
        io::stdout().lock().write_all(&file.contents(strip_signature)?)?;
        return Ok(Outcome::Unchanged);
    }
    if file.is_signed() && strip_signature {
        file.prepare_unsigned(dest)?.commit()?;
        say.line(format_args!("{}: signature taken off", dest.display()));
        return Ok(Outcome::Changed);
    }
    if path == Path::new("-") {
        file.prepare_contents(dest)?.commit()?;
    } else if dest != path {
        Prepared::copy(path, dest)?.commit()?;
    }
    Ok(Outcome::Unchanged)
}

/// Writes a changed file, to standard output if that is asked for.
pub(super) fn write(edited: &Edited<'_>, dest: &Path) -> anyhow::Result<()> {
    if dest == Path::new("-") {
        let out = &mut io::stdout().lock();
        out.write_all(&edited.bytes()?)?;
        out.flush()?;
    } else {
        edited.prepare(dest)?.commit()?;
    }
    Ok(())
}

/// Says what a file has become.
pub(super) fn say_written(
    edited: &Edited<'_>,
    path: &Path,
    dest: &Path,
    what: &str,
    say: Say,
) -> anyhow::Result<()> {
    for set in edited.sets_by_order()? {
        say.line(format_args!(
            "{}: .BTF_ids had been filled for other BTF: the flags of {set} are kept in the order of its functions",
            path.display()
        ));
    }
    let ids = if edited.resolves_ids() { "; .BTF_ids filled" } else { "" };
    say.line(format_args!("{}: {what}{ids}", dest.display()));
    Ok(())
}
