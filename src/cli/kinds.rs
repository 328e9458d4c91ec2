//! `btfkinds kinds`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::args::{Kinds, KindsFormat};
use super::colour::{self, HEAD, paint};
use super::{FINE, Say, Shown, TROUBLE, count, many, note_base, parse_options, report};
use crate::{Btf, Field, Kind, KindSpec, Third, WordClass};

/// A line of the table.
struct Row {
    cells: Vec<String>,
}

pub(super) fn run(args: &Kinds, say: Say) -> anyhow::Result<u8> {
    let shown = Shown::new(parse_options(&args.reading.base, &args.reading.kind_file)?);
    let out = &mut colour::stdout();
    if args.files.is_empty() {
        let known = KindSpec::released().iter();
        match args.format {
            KindsFormat::Table => print(out, table(&["since"], known.map(|spec| released(spec))))?,
            KindsFormat::Json => {
                let kinds: Vec<Value> = known.map(|spec| document(spec)).collect();
                writeln!(out, "{}", json!({ "kinds": kinds }))?;
            }
        }
        out.flush()?;
        return Ok(FINE);
    }
    let inputs = many::inputs(&args.files)?;
    let several = args.files.len() > 1 || args.files.iter().any(|path| path.is_dir());
    let work = |path: &Path| -> anyhow::Result<Vec<Known>> {
        let (file, btf, _) = shown.open(path, say)?;
        note_base(&file, &btf, &args.reading.base, say);
        Ok(known(&btf))
    };
    let (mut done, mut failed) = (0_usize, 0_usize);
    many::in_order(&inputs, say, work, |path, known| {
        let known = match known.with_context(|| path.display().to_string()) {
            Ok(known) => known,
            Err(err) if several => {
                report(&err);
                failed = failed.saturating_add(1);
                return Ok(());
            }
            Err(err) => return Err(err),
        };
        done = done.saturating_add(1);
        match args.format {
            KindsFormat::Table => {
                if several {
                    writeln!(out, "{}", paint(HEAD, format_args!("==> {} <==", path.display())))?;
                }
                print(out, table(&["records", "from"], known.iter().map(Known::row)))?;
            }
            KindsFormat::Json => {
                let kinds: Vec<Value> = known.iter().map(Known::document).collect();
                writeln!(out, "{}", json!({ "file": path.display().to_string(), "kinds": kinds }))?;
            }
        }
        Ok(())
    })?;
    out.flush()?;
    if several {
        say.line(format_args!("{} shown, {failed} failed", count(done, "file")));
    }
    Ok(if failed > 0 { TROUBLE } else { FINE })
}

/// A kind that is in force in a file, or described without having records.
struct Known {
    spec: KindSpec,
    records: Option<usize>,
    /// Where it is known from.
    from: Vec<String>,
}

fn known(btf: &Btf) -> Vec<Known> {
    let mut records: BTreeMap<Kind, usize> = BTreeMap::new();
    for ty in btf.types() {
        let count = records.entry(ty.kind()).or_default();
        *count = count.saturating_add(1);
    }
    let descriptions = btf.descriptions();
    let mut all: BTreeMap<Kind, Known> = BTreeMap::new();
    for entry in btf.kinds().iter() {
        let kind = entry.spec.kind;
        let mut from = vec![entry.source.to_string()];
        let described =
            descriptions.iter().filter(|(spec, _)| spec.kind == kind && kind.is_released());
        from.extend(described.map(|(_, id)| format!("description [{id}]")));
        let spec = KindSpec::clone(&entry.spec);
        all.insert(kind, Known { spec, records: records.get(&kind).copied(), from });
    }
    for (spec, id) in &descriptions {
        all.entry(spec.kind).or_insert_with(|| {
            let from = vec![format!("description [{id}]")];
            Known { spec: spec.clone(), records: None, from }
        });
    }
    all.into_values().collect()
}

impl Known {
    fn row(&self) -> Row {
        let mut row = row(&self.spec);
        row.cells.push(self.records.map_or("-".to_owned(), |records| records.to_string()));
        let from = self.from.join(", ");
        row.cells.push(if self.spec.classes { from } else { format!("{from} (sizes only)") });
        row
    }

    fn document(&self) -> Value {
        let mut kind = document(&self.spec);
        if let Some(kind) = kind.as_object_mut() {
            kind.insert("records".to_owned(), self.records.unwrap_or(0).into());
            kind.insert("from".to_owned(), self.from.clone().into());
        }
        kind
    }
}

/// What is known of a kind, for programs.
fn document(spec: &KindSpec) -> Value {
    let fields = |fields: &[Field]| -> Vec<Value> {
        let class = |field: &Field| spec.classes.then(|| field.class.as_str());
        let fields = fields.iter();
        fields.map(|field| json!({ "name": field.name, "class": class(field) })).collect()
    };
    json!({
        "kind": spec.kind.0,
        "name": spec.name,
        "since": spec.since.map(|since| since.to_string()),
        "third": spec.classes.then(|| spec.third.as_str()),
        "fixed_bytes": spec.fixed_size(),
        "element_bytes": spec.element_size(),
        "fixed": fields(&spec.fixed),
        "elements": fields(&spec.elements),
    })
}

/// A row of our own table.
fn released(spec: &KindSpec) -> Row {
    let mut row = row(spec);
    row.cells.extend(spec.since.map(|since| since.to_string()));
    row
}

/// Rows under their headings.
fn table(more: &[&str], rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let head = ["n", "kind", "third", "fixed", "each", "words [element words]"];
    let head = head.iter().chain(more).map(|cell| (*cell).to_owned()).collect();
    std::iter::once(Row { cells: head }).chain(rows).collect()
}

fn row(spec: &KindSpec) -> Row {
    let third = match (spec.classes, spec.third) {
        (false, _) => "?",
        (true, Third::Unused) => "-",
        (true, third) => third.as_str(),
    };
    let mut words = fields(&spec.fixed, spec.classes);
    if !spec.elements.is_empty() {
        words.push(format!("[{}]", fields(&spec.elements, spec.classes).join(" ")));
    }
    Row {
        cells: vec![
            spec.kind.to_string(),
            spec.name.clone(),
            third.to_owned(),
            spec.fixed_size().to_string(),
            spec.element_size().to_string(),
            if words.is_empty() { "-".to_owned() } else { cut(words.join(" ")) },
        ],
    }
}

/// A kind may have a thousand words: a line has room for some.
fn cut(words: String) -> String {
    const MOST: usize = 160;
    match words.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", words.get(..at).unwrap_or_default()),
        None => words,
    }
}

/// Fields as kind files write them; `?` for a class or name that is not known.
fn fields(fields: &[Field], classes: bool) -> Vec<String> {
    // Names come from the file: they must not break the table.
    let text = |field: &Field| match (field.name.escape_debug().to_string().as_str(), field.class) {
        ("", _) => "?".to_owned(),
        (name, _) if !classes => format!("{name}:?"),
        (name, WordClass::U32) => name.to_owned(),
        (name, class) => format!("{name}:{}", class.as_str()),
    };
    fields.iter().map(text).collect()
}

/// Prints columns, numbers (by their heading) to the right; on a terminal no line is longer than it is wide.
fn print(out: &mut impl Write, rows: Vec<Row>) -> io::Result<()> {
    const NUMBERS: [&str; 4] = ["n", "fixed", "each", "records"];
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(row.cells.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let room = match terminal_size::terminal_size() {
        Some((width, _)) if io::stdout().is_terminal() => usize::from(width.0),
        _ => usize::MAX,
    };
    let head: Vec<String> = rows.first().map(|row| row.cells.clone()).unwrap_or_default();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for ((cell, width), head) in row.cells.iter().zip(&widths).zip(&head) {
            let gap = if line.is_empty() { "" } else { "  " };
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            let number = NUMBERS.contains(&head.as_str());
            let (before, after) = if number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line.extend([gap, before, cell.as_str(), after]);
        }
        let line = match line.trim_end().char_indices().nth(room) {
            Some(_) => {
                let cut = line.char_indices().nth(room.saturating_sub(1)).map_or(0, |(at, _)| at);
                format!("{}…", line.get(..cut).unwrap_or_default())
            }
            None => line.trim_end().to_owned(),
        };
        match number {
            0 => writeln!(out, "{}", paint(HEAD, line))?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
