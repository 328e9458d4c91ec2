//! Modules that follow the base that they are split on.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::encode::suggest_back;
use super::{Say, progress, same_file};
use crate::{Change, File, Prepared};

/// The files that are to follow, each once; none of them may be what is written anyway.
pub(super) fn modules<'a>(
    split: &'a [PathBuf],
    path: &Path,
    dest: &Path,
) -> anyhow::Result<Vec<&'a Path>> {
    let mut modules: Vec<&Path> = Vec::new();
    let mut seen = HashSet::new();
    for module in split {
        if module == Path::new("-") {
            bail!("--split rewrites files: '-' is none");
        }
        if same_file(module, path) || same_file(module, dest) {
            bail!("{}: it cannot follow itself", module.display());
        }
        if seen.insert(module.canonicalize().unwrap_or_else(|_| module.clone())) {
            modules.push(module);
        }
    }
    Ok(modules)
}

/// Makes all of them match their changed base; nothing is in its place yet.
pub(super) fn all(
    modules: &[&Path],
    base: &Change<'_>,
    strip_signature: bool,
    say: Say,
) -> anyhow::Result<Vec<Prepared>> {
    let progress = progress(modules.len(), say);
    let mut files = Vec::new();
    for module in modules {
        progress.inc(1);
        let prepared = progress.suspend(|| one(module, base, strip_signature, say));
        files.extend(prepared.with_context(|| module.display().to_string())?);
    }
    progress.finish_and_clear();
    Ok(files)
}

/// Makes a split file match its changed base; None if it needs no change.
fn one(
    path: &Path,
    base: &Change<'_>,
    strip_signature: bool,
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
    let on = |base_btf| {
        let btf = file.btf(&base.parse.clone().base(Arc::clone(base_btf)))?;
        btf.check_base().map(|()| btf)
    };
    let unchanged = base.is_still();
    let old = match on(base.old) {
        Ok(old) => old,
        // A run that was stopped halfway has left some that follow already.
        Err(_) if !unchanged && on(base.new).is_ok_and(|btf| btf.base().is_some()) => {
            say.line(format_args!("{}: follows already", path.display()));
            return Ok(None);
        }
        Err(err) if unchanged => {
            return Err(err
                .with_help("if FILE was encoded since this was built: run 'renumber --from OLD -B FILE' on it")
                .into());
        }
        Err(err) => return Err(err.into()),
    };
    if old.base().is_none() {
        bail!("this is standalone BTF: it is not split on the file that it is to follow");
    }
    if unchanged {
        return Ok(None);
    }
    let new = Arc::new(base.follow(old.clone())?);
    let old = Arc::new(old);
    let prepared = file.prepare(&base.along(&old, &new), strip_signature, path);
    Ok(Some(prepared.map_err(suggest_back)?))
}
