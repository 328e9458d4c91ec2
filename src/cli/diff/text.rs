//! What differs, for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::super::colour::{ADDED, HEAD, QUIET, REMOVED, paint, stdout};
use super::super::unified::{Shown, hunks};
use super::super::{Say, count, grouped};
use super::{Budget, Output};
use crate::btf::{Btf, TypeId};
use crate::diff::{
    Change, Class, Diff, KindChange, Line, One, Part, PartChange, Two, class_of, size,
};
use crate::kind::{Field, KindSpec, Source};

/// So many lines that are the same stand around a difference.
const CONTEXT: usize = 3;
/// So many members are named where the reason for another size or offset is told.
const REASONS: usize = 3;
/// Without --all, so many of the types that a module reaches over others are named.
const INDIRECT: usize = 20;

pub(super) fn print(output: &Output<'_>, say: Say) -> io::Result<()> {
    let out = &mut stdout();
    if let Some(view) = output.view {
        for line in view.lines() {
            writeln!(out, "{line}")?;
        }
    }
    let diff = output.diff;
    if diff.is_empty() {
        return out.flush();
    }
    for (sign, side) in ["---", "+++"].into_iter().zip(output.sides) {
        let types = count(side.btf.types().count(), "type");
        writeln!(out, "{}", paint(HEAD, format!("{sign} {} ({types})", side.path.display())))?;
    }
    for kind in diff.kinds() {
        writeln!(out, "{}", kind_line(kind))?;
    }
    changed(out, output, say)?;
    let with_c = say.verbose && !output.args.stat;
    for one in diff.removed() {
        let lines = diff.old_lines(one.id);
        alone(out, paint(REMOVED, "removed"), one, (diff.old_btf(), &lines), with_c)?;
    }
    for one in diff.added() {
        let lines = diff.new_lines(one.id);
        alone(out, paint(ADDED, "added"), one, (diff.new_btf(), &lines), with_c)?;
    }
    if output.args.all {
        affected(out, diff)?;
    }
    out.flush()
}

/// The changed types: first those that differ themselves, then those that only contain others which
/// have another size.
fn changed(out: &mut impl Write, output: &Output<'_>, say: Say) -> io::Result<()> {
    let mut budget = Budget::new();
    let mut by_contents = Vec::new();
    let mut indirect = Vec::new();
    let mut not_shown = 0_usize;
    for two in output.diff.changed() {
        let Some(change) = budget.change(output.diff, two) else {
            not_shown = not_shown.saturating_add(1);
            writeln!(out, "{}", head(two, "too much to show"))?;
            continue;
        };
        if let Some(view) = output.view.filter(|view| !view.names(two)) {
            indirect
                .push((view.way(two), format!("{}: {}", two.label(), what(two.class, &change))));
        } else if change.is_by_contents() {
            by_contents.push((two, change));
        } else {
            writeln!(out, "{}", head(two, &what(two.class, &change)))?;
            if !output.args.stat {
                unified(out, &change)?;
            }
        }
    }
    for (two, change) in by_contents {
        writeln!(out, "{}", head(two, &what(two.class, &change)))?;
    }
    // The nearest first.
    indirect.sort_by_key(|(way, _)| way.len());
    let shown = if output.args.all { indirect.len() } else { INDIRECT };
    for (way, text) in indirect.iter().take(shown) {
        writeln!(out, "{} {text}\n    over {}", paint(HEAD, "changed"), way.join(" -> "))?;
    }
    if let Some(more) = indirect.len().checked_sub(shown).filter(|more| *more != 0) {
        writeln!(out, "... and {} (--all names them)", count(more, "type"))?;
    }
    if not_shown != 0 {
        say.line(format_args!(
            "{} would be too much to show: NAME selects types",
            count(not_shown, "changed type")
        ));
    }
    Ok(())
}

fn head(two: &Two, what: &str) -> String {
    format!("{}: {what}", paint(HEAD, format!("changed {}", two.label())))
}

/// What became of a type, in a line.
pub(super) fn what(class: Class, change: &Change) -> String {
    let mut text = change.notes.clone();
    let parts = &change.parts;
    let news = |is: &dyn Fn(&PartChange) -> bool| parts.iter().filter(|part| is(part)).count();
    let noun = match class {
        Class::Enum | Class::Constants => "value",
        Class::Function => "parameter",
        Class::Section => "variable",
        _ => "member",
    };
    let added = news(&|part| part.is_added());
    let removed = news(&|part| part.is_removed());
    let other = news(&|part| part.is_news() && !part.is_added() && !part.is_removed());
    let moved = news(&|part| part.moved && !part.is_news());
    for (number, word) in [(added, "added"), (removed, "removed")] {
        if number != 0 {
            text.push(format!("{} {word}", count(number, noun)));
        }
    }
    match (class, parts.as_slice()) {
        (Class::Typedef | Class::Variable, [part]) if part.retyped && part.name == "type" => {
            text.push("another type".to_owned());
        }
        (Class::Function, [part]) if part.name == "return" && other == 1 => {
            text.push("another return type".to_owned());
        }
        _ if other != 0 => text.push(format!("{} changed", count(other, noun))),
        _ => {}
    }
    if change.is_by_contents() {
        text.push(reasons(parts));
    } else if moved != 0 {
        let mut moves = format!("{} moved", count(moved, noun));
        if added.saturating_add(removed).saturating_add(other) == 0 {
            moves.push_str(&places(parts));
        }
        text.push(moves);
    } else if matches!(class, Class::Struct) && added.saturating_add(removed) != 0 {
        text.push("nothing moved".to_owned());
    }
    if text.is_empty() && !change.is_same_text() {
        text.push(match class {
            Class::Other(_) => "other words".to_owned(),
            Class::Int | Class::Float => "another size or encoding".to_owned(),
            _ if parts.is_empty() => "in another order, or with other tags".to_owned(),
            _ => "declared otherwise".to_owned(),
        });
    }
    let mut text = text.join(", ");
    if let [Some(old), Some(new)] = change.size
        && old != new
    {
        let sizes = format!("{} -> {} bytes", grouped(old as usize), grouped(new as usize));
        text.push_str(if text.is_empty() { "" } else { "; " });
        text.push_str(&sizes);
    }
    // Names of members come from the file as they are.
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Which types of another size a type contains.
fn reasons(parts: &[PartChange]) -> String {
    let resized = || parts.iter().filter(|part| part.resized);
    let bytes = |side: &Option<Part>| side.as_ref().and_then(|part| part.size).unwrap_or(0) / 8;
    let reason = |part: &PartChange| {
        let ty = part.new.as_ref().and_then(|new| new.ty.clone()).unwrap_or_default();
        format!("{} ({ty}, {} -> {} bytes)", part.name, bytes(&part.old), bytes(&part.new))
    };
    let named: Vec<String> = resized().take(REASONS).map(reason).collect();
    let more = if resized().count() > REASONS { ", ..." } else { "" };
    format!("only by what it contains: {}{more}", named.join(", "))
}

/// Where members were and are.
fn places(parts: &[PartChange]) -> String {
    let moved = || parts.iter().filter(|part| part.moved);
    let place = |part: &PartChange| {
        let at =
            |side: &Option<Part>| offset(side.as_ref().and_then(|part| part.bits).unwrap_or(0));
        format!("{} from {} to {}", part.name, at(&part.old), at(&part.new))
    };
    let named: Vec<String> = moved().take(REASONS).map(place).collect();
    let more = if moved().count() > REASONS { ", ..." } else { "" };
    format!(" ({}{more})", named.join(", "))
}

/// An offset in bytes and, where it is not at their start, bits.
fn offset(bits: u64) -> String {
    match bits % 8 {
        0 => (bits / 8).to_string(),
        rest => format!("{}.{rest}", bits / 8),
    }
}

/// The differences as C. Offsets stand on the lines that differ only: what follows from them is no news.
fn unified(out: &mut impl Write, change: &Change) -> io::Result<()> {
    let [old, new] = change.lines.each_ref();
    let [old_texts, new_texts] =
        [old, new].map(|lines| lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>());
    for hunk in hunks(&old_texts, &new_texts, CONTEXT) {
        // Where all of a short type is shown, its place in it says nothing.
        if hunk.old.len() < old.len() || hunk.new.len() < new.len() {
            writeln!(out, "    {}", paint(QUIET, hunk.header()))?;
        }
        for line in &hunk.lines {
            match *line {
                Shown::Both(at) => {
                    let text = old.get(at).map_or("", |line| &line.text);
                    writeln!(out, "     {text}")?;
                }
                Shown::Old(at) => {
                    writeln!(out, "    {}", paint(REMOVED, placed('-', old.get(at))))?;
                }
                Shown::New(at) => {
                    writeln!(out, "    {}", paint(ADDED, placed('+', new.get(at))))?;
                }
            }
        }
    }
    Ok(())
}

/// A line with its sign, and where the member is.
fn placed(sign: char, line: Option<&Line>) -> String {
    let Some(line) = line else { return sign.to_string() };
    let mut text = format!("{sign}{}", line.text);
    if let Some(bits) = line.bits {
        let _ = write!(text, " /* at {}", offset(bits));
        let _ = match line.size {
            Some(size) if size % 8 == 0 => write!(text, ", {}", count_bytes(size / 8)),
            Some(size) => write!(text, ", {size} {}", if size == 1 { "bit" } else { "bits" }),
            None => Ok(()),
        };
        text.push_str(" */");
    }
    text
}

fn count_bytes(bytes: u64) -> String {
    format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
}

/// A type that is on one side only.
fn alone(
    out: &mut impl Write,
    word: impl std::fmt::Display,
    one: &One,
    (btf, lines): (&Btf, &[Line]),
    with_c: bool,
) -> io::Result<()> {
    let bytes = match (one.class, size(btf, one.id)) {
        (Class::Int | Class::Float, _) | (_, None) => String::new(),
        (_, Some(bytes)) => format!(", {}", count(bytes as usize, "byte")),
    };
    match (one.class, lines) {
        // Their only line says it all.
        (Class::Function | Class::Typedef | Class::Variable, [line]) => {
            writeln!(out, "{word} {}", line.text)
        }
        _ => {
            writeln!(out, "{word} {}{bytes}", one.label())?;
            for line in lines.iter().filter(|_| with_c) {
                writeln!(out, "    {}", line.text)?;
            }
            Ok(())
        }
    }
}

/// The affected types, and over what they lead to what changed.
fn affected(out: &mut impl Write, diff: &Diff<'_>) -> io::Result<()> {
    let causes = diff.causes();
    for two in diff.affected() {
        let way = names(diff.old_btf(), &causes.way(two.old));
        match way.get(1..) {
            Some([_, ..]) => writeln!(out, "affected {}", way.join(" -> "))?,
            _ => writeln!(out, "affected {}", two.label())?,
        }
    }
    Ok(())
}

/// The types of a way that have names.
pub(super) fn names(btf: &Btf, way: &[TypeId]) -> Vec<String> {
    let name = |id: &TypeId| {
        let (class, name) = class_of(&btf.get(*id)?)?;
        Some(class.label(&String::from_utf8_lossy(name)).to_string())
    };
    way.iter().filter_map(name).collect()
}

/// A kind that is not described alike.
fn kind_line(kind: &KindChange) -> String {
    let head = format!("kind {} {}", kind.kind, kind.name());
    match (&kind.old, &kind.new) {
        (Some((old, _)), Some((new, _))) => {
            format!(
                "{head}: other words\n    {}\n    {}",
                paint(REMOVED, format!("-{}", words(old))),
                paint(ADDED, format!("+{}", words(new)))
            )
        }
        (Some((spec, source)), None) => {
            format!("{head}: only the old file {}: {}", knows(source), words(spec))
        }
        (None, Some((spec, source))) => {
            format!("{head}: only the new file {}: {}", knows(source), words(spec))
        }
        (None, None) => head,
    }
}

fn knows(source: &Source) -> &'static str {
    if source.is_description() { "describes it" } else { "has it" }
}

/// The words of a kind, as kind files write them.
pub(super) fn words(spec: &KindSpec) -> String {
    let list = |fields: &[Field]| {
        let field = |field: &Field| match field.name.as_str() {
            "" => field.class.as_str().to_owned(),
            name => format!("{name}:{}", field.class.as_str()),
        };
        fields.iter().map(field).collect::<Vec<_>>().join(" ")
    };
    let mut text = format!("{} third {}", spec.name, spec.third.as_str());
    for (word, fields) in [("fixed", &spec.fixed), ("elements", &spec.elements)] {
        if !fields.is_empty() {
            let bytes = fields.len().saturating_mul(4);
            let _ = match spec.classes {
                true => write!(text, ", {word} {} ({bytes} bytes)", list(fields)),
                false => write!(text, ", {word} {bytes} bytes"),
            };
        }
    }
    text
}
