//! `btfkinds encode --for VERSION [--degrade]`: BTF for old kernels.

use std::path::Path;

use anyhow::bail;

use super::args::Encode;
use super::{Say, count, grouped};
use crate::degrade::{self, Degraded, Finding, degrade};
use crate::{Btf, Described, Error, ErrorKind, File, Kind, Record, Shift, TypeId, Version};

/// What `--for` asks for: that a kernel of this version takes the result, if need be with types
/// replaced. None if nothing was to be replaced.
pub(super) fn for_version(
    btf: &mut Btf,
    args: &Encode,
    file: &File,
) -> anyhow::Result<Option<Degraded>> {
    let Some(version) = args.for_version else { return Ok(None) };
    if version < degrade::FIRST {
        bail!("--for {version}: kernels before {} know no BTF", degrade::FIRST);
    }
    let found = degrade::check(btf, version);
    if found.is_empty() {
        return Ok(None);
    }
    if !args.degrade || found.iter().any(|finding| finding.rule.becomes.is_none()) {
        return Err(refusal(btf, &found, version).into());
    }
    let sections: Vec<TypeId> = found
        .iter()
        .filter_map(|finding| finding.id)
        .filter(|id| btf.get(*id).is_some_and(|ty| ty.kind() == Kind::DATASEC))
        .collect();
    let done = degrade(btf, version)?;
    // In an object, places in them are relocated.
    let stay = |id: &TypeId| btf.get(*id).is_some_and(|ty| ty.kind() == Kind::DATASEC);
    if file.is_relocatable() && args.detached.is_none() && !sections.iter().all(stay) {
        let what = "the DATASECs of this object would become STRUCTs, in which the relocations of .BTF would be wrong";
        return Err(Error::new(ErrorKind::Elf, what)
            .with_help("--detached RAW writes the BTF alone")
            .into());
    }
    Ok(Some(done))
}

/// Names what a kernel cannot take.
fn refusal(btf: &Btf, found: &[Finding], version: Version) -> Error {
    const NAMED: usize = 8;
    let whole = found.iter().filter(|finding| finding.id.is_none());
    let types: Vec<(&Finding, Record<'_>)> =
        found.iter().filter_map(|finding| Some((finding, btf.get(finding.id?)?))).collect();
    let mut lines: Vec<String> = whole.map(|finding| finding.rule.to_string()).collect();
    for (finding, ty) in types.iter().take(NAMED) {
        let name = match ty.name().to_string() {
            name if name.is_empty() => String::new(),
            name => format!(" '{}'", name.escape_debug()),
        };
        lines.push(format!("[{}] {}{name}: {}", ty.id(), ty.kind_name(), finding.rule));
    }
    match types.len().saturating_sub(NAMED) {
        0 => {}
        more => lines.push(format!("and {} more", count(more, "type"))),
    }
    let what = format!("Linux {version} cannot take this BTF:");
    let err = Error::new(ErrorKind::Edit, what).with_lines(lines);
    match found.iter().find(|finding| finding.rule.becomes.is_none()) {
        Some(finding) => err.with_help(format!("nothing can replace this: {}", finding.rule.what)),
        None => err.with_help(
            "--degrade replaces it by what that kernel takes: no type id changes (docs/DEGRADE.md)",
        ),
    }
}

/// How references move by describing and by what is added for old kernels.
pub(super) fn all_shifts(done: &Described, degraded: Option<&Degraded>) -> anyhow::Result<Shift> {
    let Some(degraded) = degraded else { return Ok(done.shift) };
    if done.shift.ids_by == 0 {
        let strs_from = done.shift.strs_from.min(degraded.shift.strs_from);
        let strs_by = done.shift.strs_by.saturating_add(degraded.shift.strs_by);
        return Ok(Shift { strs_from, strs_by, ..degraded.shift });
    }
    let end = done.shift.ids_from.saturating_add(done.shift.ids_by);
    if degraded.types > 0 && end != degraded.shift.ids_from {
        bail!("--degrade has to add types behind all others: that goes with '--place back' only");
    }
    Ok(Shift {
        ids_by: done.shift.ids_by.saturating_add(degraded.types),
        strs_by: done.shift.strs_by.saturating_add(degraded.shift.strs_by),
        ..done.shift
    })
}

pub(super) fn summary(dest: &Path, done: &Degraded, version: Version, say: Say) {
    let rules: Vec<String> = done
        .rules
        .iter()
        .map(|(rule, times)| format!("{} {}", rule.name, grouped(*times)))
        .collect();
    let added = match done.types {
        0 => String::new(),
        types => format!(", added {} behind all others", count(types as usize, "type")),
    };
    say.line(format_args!(
        "{}: replaced {} for Linux {version} ({}){added}",
        dest.display(),
        count(done.replaced.len(), "type"),
        rules.join(", "),
    ));
    for (rule, _) in &done.rules {
        if let Some(becomes) = rule.becomes {
            say.detail(format_args!("{}: {rule}: {becomes}", dest.display()));
        }
    }
}
