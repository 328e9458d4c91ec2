//! Many files, and folders of them: worked on side by side, heard of in the order of the arguments.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;
use walkdir::WalkDir;

use super::{Say, count, held, progress, say_text};
use crate::File;

/// A file to work on.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Found in a folder: it is passed over if there is no BTF in it.
    found: bool,
}

/// The files that are named, and those in folders that are named, by their names.
pub(super) fn inputs(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        if !path.is_dir() {
            inputs.push(Input { path: path.clone(), found: false });
            continue;
        }
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.with_context(|| path.display().to_string())?;
            // A module may be a link to where it really is; what is neither is nobody's BTF.
            if entry.path().is_file() {
                inputs.push(Input { path: entry.into_path(), found: true });
            }
        }
    }
    Ok(inputs)
}

/// Works on all inputs, several at a time, and gives the results in their order, after what was said about
/// each. That folders have no BTF at all is an error.
pub(super) fn in_order<T: Send>(
    inputs: &[Input],
    say: Say,
    work: impl Fn(&Path) -> T + Sync,
    mut take: impl FnMut(&Path, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let progress = progress(inputs.len(), say);
    let mut passed_over = 0_usize;
    // So many results are held at once: each may be as long as a vmlinux.
    let some = match inputs {
        // One needs no threads, and asking for their number starts them.
        [_] => 1,
        _ => rayon::current_num_threads().saturating_mul(4).max(1),
    };
    let one = |input: &Input| (!input.found || has_btf(&input.path)).then(|| work(&input.path));
    for inputs in inputs.chunks(some) {
        let done: Vec<(Option<T>, String)> = match inputs {
            // By itself it can be heard while it works.
            [input] => vec![(one(input), String::new())],
            inputs => inputs.par_iter().map(|input| held(|| one(input))).collect(),
        };
        for (input, (result, said)) in inputs.iter().zip(done) {
            progress.inc(1);
            // What is said goes above the bar, not into it.
            progress.suspend(|| {
                say_text(&said);
                match result {
                    Some(result) => take(&input.path, result),
                    None => {
                        passed_over = passed_over.saturating_add(1);
                        Ok(())
                    }
                }
            })?;
        }
    }
    progress.finish_and_clear();
    if passed_over == inputs.len() {
        bail!("no file in there has BTF");
    }
    if passed_over > 0 {
        say.detail(format_args!("{} without BTF passed over", count(passed_over, "file")));
    }
    Ok(())
}

fn has_btf(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.has_btf())
}
