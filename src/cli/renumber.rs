//! `btfkinds renumber`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::args::Renumber as Args;
use super::modules::{self, Outcome};
use super::{Say, on_bases, parse_options, told};
use crate::{Btf, File, Renumber, Target, kernel};

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&[], &args.kind_file)?;
    let chain = |paths: &[PathBuf]| -> anyhow::Result<Option<Arc<Btf>>> {
        Ok(on_bases(parse.clone().counts_only(), paths)?.given_base().cloned())
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
    modules::each(&args.files, args.output.as_deref(), say, |path| one(path, &how, args, say))
}

/// Renumbers one file.
fn one(path: &Path, how: &Renumber, args: &Args, say: Say) -> anyhow::Result<Outcome> {
    let dest = args.output.as_deref().unwrap_or(path);
    modules::check_dest(dest, &[&args.base, &args.from])?;
    let file = File::open(path)?;
    let Some(renumbered) = file.renumber(how)? else {
        let what = match &how.target {
            Target::Standalone => "it is standalone already",
            Target::Portable => "it is portable already",
            Target::Base(_) => "it is numbered for this base already",
        };
        return modules::unchanged(&file, dest, args.strip_signature, what, say);
    };
    say.detail(format_args!("{}: was {}", path.display(), renumbered.before));
    modules::write(&renumbered, dest)?;
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
    modules::say_written(&renumbered, path, dest, &to, say)?;
    Ok(Outcome::Changed)
}
