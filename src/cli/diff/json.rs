//! What differs, for programs: one document, written as it is made.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use super::text::{names, words};
use super::{Budget, Output, Side};
use crate::btf::{Btf, TypeId};
use crate::diff::{Change, Line, One, Part, PartChange, Two, size};
use crate::kind::{KindSpec, Source};

pub(super) fn print(output: &Output<'_>) -> io::Result<()> {
    let out = &mut BufWriter::new(io::stdout().lock());
    let diff = output.diff;
    let [old, new] = output.sides.map(side);
    write!(out, "{{\"old\":{old},\"new\":{new}")?;
    if let Some(view) = output.view {
        write!(out, ",\"module\":{}", view.json())?;
    }
    list(out, "kinds", diff.kinds().iter().map(|kind| {
        let of = |said: &Option<(std::sync::Arc<KindSpec>, Source)>| {
            said.as_ref().map(|(spec, source)| json!({
                "words": words(spec),
                "info_sz": spec.fixed_size(),
                "elem_sz": spec.element_size(),
                "from": source.to_string(),
            }))
        };
        json!({"kind": kind.kind.0, "name": kind.name(), "old": of(&kind.old), "new": of(&kind.new)})
    }))?;
    let mut budget = Budget::new();
    list(
        out,
        "changed",
        diff.changed().iter().map(|two| {
            let change = budget.change(diff, two);
            let mut value = match change {
                Some(change) => changed(two, &change, output.args.stat),
                None => pair(two),
            };
            if let (Some(view), Some(object)) = (output.view, value.as_object_mut()) {
                object.insert("named".to_owned(), view.names(two).into());
                object.insert("way".to_owned(), view.way(two).into());
            }
            value
        }),
    )?;
    list(
        out,
        "removed",
        diff.removed().iter().map(|one| alone(one, diff.old_btf(), &diff.old_lines(one.id))),
    )?;
    list(
        out,
        "added",
        diff.added().iter().map(|one| alone(one, diff.new_btf(), &diff.new_lines(one.id))),
    )?;
    let causes = diff.causes();
    list(
        out,
        "affected",
        diff.affected().iter().map(|two| {
            let mut value = pair(two);
            if let Some(object) = value.as_object_mut() {
                object.insert("way".to_owned(), names(diff.old_btf(), &causes.way(two.old)).into());
            }
            value
        }),
    )?;
    writeln!(out, ",\"same\":{}}}", diff.same())?;
    out.flush()
}

/// A list of the document, an entry a line.
fn list(out: &mut impl Write, name: &str, entries: impl Iterator<Item = Value>) -> io::Result<()> {
    write!(out, ",\n\"{name}\":[")?;
    for (at, entry) in entries.enumerate() {
        write!(out, "{}\n{entry}", if at == 0 { "" } else { "," })?;
    }
    write!(out, "]")
}

fn side(side: &Side<'_>) -> Value {
    let origin = side.btf.origin().map(|origin| {
        json!({
            "standalone": origin.standalone,
            "base_types": origin.base_types,
            "base_strs": origin.base_strs,
            "base_crc32": origin.base_crc32,
        })
    });
    json!({
        "file": side.path.display().to_string(),
        "types": side.btf.types().count(),
        "split": side.btf.base().is_some(),
        "origin": origin,
    })
}

fn pair(two: &Two) -> Value {
    json!({
        "class": two.class.as_str(),
        "name": two.name,
        "old_id": two.old.0,
        "new_id": two.new.0,
    })
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn alone(one: &One, btf: &Btf, lines: &[Line]) -> Value {
    let TypeId(id) = one.id;
    json!({
        "class": one.class.as_str(),
        "name": one.name,
        "id": id,
        "size": size(btf, one.id),
        "c": text(lines),
    })
}

/// A changed type; `brief` leaves the C out.
fn changed(two: &Two, change: &Change, brief: bool) -> Value {
    let [old_size, new_size] = change.size;
    let mut value = pair(two);
    let Some(object) = value.as_object_mut() else { return value };
    let mut add = |key: &str, value: Value| {
        object.insert(key.to_owned(), value);
    };
    add("old_size", json!(old_size));
    add("new_size", json!(new_size));
    add("by_contents", change.is_by_contents().into());
    add("notes", change.notes.clone().into());
    add("parts", change.parts.iter().map(part_change).collect());
    if !brief {
        let [old, new] = &change.lines;
        add("old_c", text(old).into());
        add("new_c", text(new).into());
    }
    value
}

fn part_change(part: &PartChange) -> Value {
    let flags = [
        (part.is_added(), "added"),
        (part.is_removed(), "removed"),
        (part.retyped, "type"),
        (part.revalued, "value"),
        (part.moved, "offset"),
        (part.resized, "size"),
    ];
    let what: Vec<&str> = flags.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    let side = |part: &Option<Part>| {
        let Part { ty, bits, size, value } = part.as_ref()?;
        let known = [
            ("type", json!(ty)),
            ("bits_offset", json!(bits)),
            ("bits_size", json!(size)),
            ("value", json!(value)),
        ];
        let known = known.into_iter().filter(|(_, value)| !value.is_null());
        Some(known.map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>())
    };
    json!({"name": part.name, "what": what, "old": side(&part.old), "new": side(&part.new)})
}
