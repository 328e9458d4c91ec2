//! `btfkinds strip`.

use std::path::Path;

use anyhow::bail;

use super::args::Strip as Args;
use super::modules::{self, Outcome};
use super::{Say, count, follow, grouped, parse_options};
use crate::{Btf, File, Kind, Strip, Stripped, commit_all};

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let how = Strip {
        layout: args.layout,
        force: args.force,
        parse: parse_options(&args.reading.base, &args.reading.kind_file)?,
    };
    if !args.split.is_empty() && args.files.len() > 1 {
        bail!("--split MODULE... are split on one FILE, not on {}", args.files.len());
    }
    modules::each(&args.files, args.output.as_deref(), say, |path| one(path, &how, args, say))
}

fn one(path: &Path, how: &Strip, args: &Args, say: Say) -> anyhow::Result<Outcome> {
    let dest = args.output.as_deref().unwrap_or(path);
    modules::check_dest(dest, &[&args.reading.base])?;
    let followers = follow::modules(&args.split, path, dest)?;
    let file = File::open(path)?;
    let (edited, done) = file.strip(how, args.strip_signature)?;
    let shown = path.display();
    for id in &done.kept {
        let name = edited.change().old.get(*id).map(|ty| ty.name().to_string());
        let name = name.unwrap_or_default();
        say.line(format_args!(
            "{shown}: [{id}] {name} stays: something else refers to it, or it leads to no description"
        ));
    }
    if !how.layout && edited.btf().has_more_header() {
        say.line(format_args!(
            "{shown}: its header has more than the descriptions: --layout takes a layout section off"
        ));
    }
    if done.is_nothing() {
        let without = "it has no descriptions to take off";
        return match args.dry_run {
            true => {
                say.line(format_args!("{shown}: would be left as it is: {without}"));
                Ok(Outcome::Unchanged)
            }
            false => modules::unchanged(&file, dest, args.strip_signature, without, say),
        };
    }
    let change = edited.change();
    if args.dry_run {
        edited.bytes()?; // What would fail is to fail now.
    } else if dest == Path::new("-") {
        modules::write(&edited, dest)?;
        commit_all(follow::all(&followers, &change, args.strip_signature, say)?)?;
    } else {
        let mut files = follow::all(&followers, &change, args.strip_signature, say)?;
        files.push(edited.prepare(dest)?);
        commit_all(files)?;
    }
    let verb = if args.dry_run { "would take off" } else { "took off" };
    summary(dest, verb, &done, change.old, say);
    // What has an origin record is no base.
    let base = edited.btf().base().is_none()
        && !file.is_relocatable()
        && !done.kinds.is_empty()
        && !done.origin;
    if !followers.is_empty() && !args.dry_run {
        say.line(format_args!("{} rewritten to match", count(followers.len(), "split file")));
    } else if base && args.split.is_empty() {
        say.line("BTF that is split on this (modules of a vmlinux) must follow it: '--split MODULE...' rewrites it");
    }
    Ok(if args.dry_run { Outcome::Unchanged } else { Outcome::Changed })
}

fn summary(dest: &Path, verb: &str, done: &Stripped, old: &Btf, say: Say) {
    let dest = dest.display();
    let names = |kinds: &[Kind]| {
        kinds.iter().map(|kind| old.known_name(*kind)).collect::<Vec<_>>().join(", ")
    };
    let types = done.proved.saturating_add(done.reached);
    let mut parts = Vec::new();
    if types > 0 {
        parts.push(format!(
            "the descriptions of {} ({})",
            count(done.kinds.len(), "kind"),
            count(types as usize, "type")
        ));
    }
    parts.extend(done.origin.then(|| "the origin record".to_owned()));
    parts.extend(done.layout.map(|_| "the layout section".to_owned()));
    let how = match (done.proved, done.reached) {
        (0, 0) => "",
        (_, 0) => "; encoding it again gives the same bytes",
        (0, _) => "; found by what refers to them, since encoding it again gives other bytes",
        _ => "; some found by what refers to them, since encoding gives only the others again",
    };
    say.line(format_args!(
        "{dest}: {verb} {}, {} bytes{how}",
        parts.join(", "),
        grouped(done.bytes)
    ));
    if !done.kinds.is_empty() {
        say.detail(format_args!("{dest}: described were {}", names(&done.kinds)));
    }
    if done.layout == Some(false) {
        say.line(format_args!("{dest}: the layout section was not as 'encode' would write it"));
    }
    if !done.unreadable.is_empty() {
        say.line(format_args!(
            "{dest}: warning: from now on nothing in it says what its records of {} are: readers need --kind-file",
            names(&done.unreadable)
        ));
    }
    for id in &done.left {
        let Some(ty) = old.get(*id) else { continue };
        say.detail(format_args!(
            "{dest}: [{id}] {} {} stays: only descriptions used it, but it may have been there before them",
            ty.kind_name(),
            ty.name()
        ));
    }
}
