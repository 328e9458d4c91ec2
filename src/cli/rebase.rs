//! `btfkinds rebase` and `btfkinds flatten`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;

use super::args::{Flatten, Rebase as Args};
use super::modules::{self, Outcome};
use super::unified::{Shown, hunks};
use super::{Say, count, grouped, parse_options, told};
use crate::{BaseIndex, Edited, File, Kind, KindSpec, NearMiss, Rebase, Rebased, Split};

/// How many near misses are shown as a diff if not all are asked for.
const SHOWN: usize = 3;

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&[], &args.kind_file)?;
    let Some(base) = parse_options(&args.base, &args.kind_file)?.given_base().cloned() else {
        bail!("there is no base");
    };
    let index = Arc::new(BaseIndex::new(base));
    let to = match args.portable {
        true => Split::Portable(Arc::clone(&index)),
        false => Split::On(Arc::clone(&index)),
    };
    let how = Rebase {
        to,
        from: parse_options(&args.from, &args.kind_file)?.given_base().cloned(),
        resolve_ids: args.resolve_ids,
        strip_signature: args.strip_signature,
        parse: told(parse, args.standalone, args.split),
    };
    modules::each(&args.files, args.output.as_deref(), say, |path| {
        one(path, &how, &index, args, say)
    })
}

fn one(
    path: &Path,
    how: &Rebase,
    index: &BaseIndex,
    args: &Args,
    say: Say,
) -> anyhow::Result<Outcome> {
    let dest = args.output.as_deref().unwrap_or(path);
    modules::check_dest(dest, &[&args.base, &args.from])?;
    let file = File::open(path)?;
    let Some((edited, rebased)) = file.rebase(how)? else {
        if args.dry_run {
            say.line(format_args!("{}: would be left as it is", path.display()));
            return Ok(Outcome::Unchanged);
        }
        let what = if args.portable {
            "it is portable already"
        } else {
            "it is split on this base already"
        };
        return modules::unchanged(&file, dest, args.strip_signature, what, say);
    };
    say.detail(format_args!("{}: was {}", path.display(), edited.before));
    let Some(rebased) = rebased else { bail!("nothing was rebased") };
    let near = index.near_misses(&rebased);
    let reached = near.iter().any(|miss| !miss.reached.is_empty());
    let refused = args.strict && reached;
    if args.dry_run {
        edited.bytes()?; // What would fail is to fail now.
    } else if !refused {
        modules::write(&edited, dest)?;
    }
    say_near(path, &near, args.files.len() > 1, say);
    if refused {
        say.line(format_args!(
            "{}: left as it is: its functions reach types that the base has in another shape",
            path.display()
        ));
        return Ok(Outcome::Refused);
    }
    let what = summary(&edited, &rebased, args.portable);
    match args.dry_run {
        true => say.line(format_args!("{}: would be {what}", path.display())),
        false => modules::say_written(&edited, path, dest, &what, say)?,
    }
    Ok(if args.dry_run { Outcome::Unchanged } else { Outcome::Changed })
}

fn summary(edited: &Edited<'_>, rebased: &Rebased, portable: bool) -> String {
    let (of_base, own) = (rebased.of_base(), rebased.own());
    let mut text =
        format!("rebased: {} are the base's, {} its own", count(of_base, "type"), grouped(own));
    if let Some(base) = edited.btf().base().filter(|_| portable) {
        // The origin record is no type of the module's.
        let along = edited.btf().types().count().saturating_sub(own).saturating_sub(1);
        let _ = write!(
            text,
            "; portable: .BTF.base names {}, {} came along",
            count(base.types().count(), "type"),
            grouped(along)
        );
    }
    let bytes = edited.btf().byte_len();
    let _ = write!(text, "; {} bytes", grouped(bytes));
    text
}

/// `struct sk_buff`, `f()`.
fn label(kind: Kind, name: &str) -> String {
    let word = KindSpec::released().iter().find(|spec| spec.kind == kind);
    match kind {
        Kind::FUNC => format!("{name}()"),
        Kind::ENUM64 => format!("enum {name}"),
        Kind::INT => name.to_owned(),
        _ => format!("{} {name}", word.map_or(String::new(), |spec| spec.name.to_lowercase())),
    }
}

/// What differs, and who in the module is concerned.
fn say_near(path: &Path, near: &[NearMiss], many: bool, say: Say) {
    if near.is_empty() {
        return;
    }
    let reached = near.iter().filter(|miss| !miss.reached.is_empty()).count();
    let all = count(near.len(), "type");
    let what = match reached {
        0 => {
            format!("the base has {all} in another shape, which no function of the module reaches")
        }
        _ => format!(
            "warning: built against other headers? The base has {all} in another shape, of which the module's functions reach {}",
            grouped(reached)
        ),
    };
    say.line(format_args!("{}: {what}", path.display()));
    let shown = match (say.verbose, many) {
        (true, _) => near.len(),
        (false, true) => 0,
        (false, false) => SHOWN,
    };
    for miss in near.iter().take(shown) {
        say.text(&describe(miss));
    }
    let rest: Vec<String> =
        near.iter().skip(shown).map(|miss| label(miss.kind, &miss.name)).collect();
    if !rest.is_empty() {
        let all = if say.verbose { "" } else { " (-v shows all)" };
        let also = if shown == 0 { "these are" } else { "also" };
        say.text(&format!("  {also}: {}{all}\n", rest.join(", ")));
    }
}

fn describe(miss: &NearMiss) -> String {
    let [own_size, base_size] = miss.size;
    let mut text = format!("  {}", label(miss.kind, &miss.name));
    if own_size != base_size {
        let _ = write!(text, ", {own_size} bytes here and {base_size} in the base");
    }
    let way: Vec<String> = miss.reached.iter().map(|(kind, name)| label(*kind, name)).collect();
    let _ = match way.is_empty() {
        true => writeln!(text, "; no function of the module reaches it"),
        false => writeln!(text, "; reached by {}", way.join(" -> ")),
    };
    text.push_str(&first_difference(&miss.text));
    text
}

/// The first place where two definitions differ, as a diff from the base's to the module's.
fn first_difference([own, base]: &[String; 2]) -> String {
    let [own, base] = [own, base].map(|text| text.lines().collect::<Vec<_>>());
    let hunks = hunks(&base, &own, 2);
    let mut text = String::new();
    for line in hunks.first().into_iter().flat_map(|hunk| &hunk.lines) {
        let (sign, line) = match *line {
            Shown::Both(at) => (' ', base.get(at)),
            Shown::Old(at) => ('-', base.get(at)),
            Shown::New(at) => ('+', own.get(at)),
        };
        let _ = writeln!(text, "    {sign}{}", line.copied().unwrap_or_default());
    }
    match hunks.len().saturating_sub(1) {
        0 => {}
        more => {
            let _ = writeln!(text, "     ... and {} more", count(more, "place"));
        }
    }
    text
}

pub(super) fn flatten(args: &Flatten, say: Say) -> anyhow::Result<u8> {
    let base = parse_options(&args.base, &args.kind_file)?.given_base().cloned();
    let how = Rebase {
        to: Split::Flat(base),
        from: None,
        resolve_ids: args.resolve_ids,
        strip_signature: args.strip_signature,
        parse: told(parse_options(&[], &args.kind_file)?, false, args.split),
    };
    let path = args.file.as_path();
    modules::each(&[path.to_owned()], args.output.as_deref(), say, |path| {
        let dest = args.output.as_deref().unwrap_or(path);
        modules::check_dest(dest, &[&args.base])?;
        let file = File::open(path)?;
        let Some((edited, _)) = file.rebase(&how)? else {
            return modules::unchanged(
                &file,
                dest,
                args.strip_signature,
                "it is standalone already",
                say,
            );
        };
        say.detail(format_args!("{}: was {}", path.display(), edited.before));
        modules::write(&edited, dest)?;
        let own = edited.btf();
        let what = format!(
            "flattened: {}, {} bytes",
            count(own.types().count(), "type"),
            grouped(own.byte_len())
        );
        modules::say_written(&edited, path, dest, &what, say)?;
        Ok(Outcome::Changed)
    })
}
