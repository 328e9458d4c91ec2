//! Descriptions of kinds and the layout section, beside the records and our table.
//!
//! What describes kinds of which there are records was read before any record of them; here is the rest.

use super::Check;
use super::own::{Own, unreadable};
use super::rule;
use crate::kind::{Kind, KindSpec, Names, Sizes};

pub(super) fn check(check: &mut Check<'_, '_>, own: &Own<'_>) {
    descriptions(check, own);
    layout(check, own);
}

fn descriptions(check: &mut Check<'_, '_>, own: &Own<'_>) {
    let types = own.types();
    let names = Names::of(types);
    let records = |kind: Kind| !kind.is_released() && own.kinds.get(kind).is_some();
    for err in names.unreadable(&own.walk.get(), &own.starts, records) {
        unreadable(check, &rule::DESCRIPTION_BROKEN, &err);
    }
    for (spec, typedef) in names.readable(types) {
        let place = check.place_of(Some(typedef), None, None);
        match KindSpec::released().get(spec.kind.index().wrapping_sub(1)) {
            Some(known) => {
                let same = match spec.classes {
                    true => spec.same_layout(known),
                    false => Sizes::of(&spec) == Sizes::of(known),
                };
                if !same {
                    let values = format_args!("{}, kind {}", known.name, spec.kind);
                    check.findings.own(&rule::DESCRIPTION_RELEASED, place, values);
                }
            }
            None if !records(spec.kind) => {
                let values = format_args!("{}, kind {}", spec.name, spec.kind);
                check.findings.own(&rule::DESCRIPTION_UNUSED, place, values);
            }
            None => {}
        }
    }
}

fn layout(check: &mut Check<'_, '_>, own: &Own<'_>) {
    let layout = &own.walk.layout;
    if layout.bytes.is_empty() {
        return;
    }
    for spec in KindSpec::released() {
        let said = layout.sizes(spec.kind);
        // A kernel of a certain version knows no more kinds than these.
        let Some(said) = said else { continue };
        if said.is_ok_and(|said| said == Sizes::of(spec)) {
            continue;
        }
        let place = check.place_of(None, None, None);
        let values = format_args!("{}, kind {}", spec.name, spec.kind);
        check.findings.own(&rule::LAYOUT_RELEASED, place, values);
    }
    let mut missing: Vec<Kind> = Vec::new();
    for (_, words) in own.types().own_from(0) {
        let kind = Kind::of_info(words.get(1).copied().unwrap_or(0));
        if layout.sizes(kind).is_none() && !missing.contains(&kind) {
            missing.push(kind);
        }
    }
    missing.sort_unstable();
    for kind in missing {
        let place = check.place_of(None, None, None);
        let name = own.kinds.get(kind).map_or("unknown", |entry| &entry.spec.name);
        check.findings.own(&rule::LAYOUT_KIND, place, format_args!("{name}, kind {kind}"));
    }
}
