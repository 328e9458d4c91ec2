//! `btfkinds kinds`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::args::Kinds;
use super::{FINE, Say, note_base, open_to_show, parse_options};
use crate::{Btf, Field, Kind, KindSpec, Third, WordClass};

/// A line of the table.
struct Row {
    cells: Vec<String>,
}

pub(super) fn run(args: &Kinds, say: Say) -> anyhow::Result<u8> {
    let mut parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let mut head = vec!["n", "kind", "third", "fixed", "each", "words [element words]"];
    let mut rows = Vec::new();
    if let Some(path) = &args.file {
        let (file, btf) = open_to_show(path, &mut parse, say)?;
        note_base(&file, &btf, &args.reading.base, say);
        head.extend(["records", "from"]);
        rows = file_rows(&btf)?;
    } else {
        head.push("since");
        rows.extend(KindSpec::released().iter().map(|spec| {
            let mut row = row(spec);
            row.cells.extend(spec.since.map(|since| since.to_string()));
            row
        }));
    }
    rows.insert(0, Row { cells: head.into_iter().map(str::to_owned).collect() });
    print(&rows)?;
    Ok(FINE)
}

/// The kinds of a file: those in force, and those that are described without having records.
fn file_rows(btf: &Btf) -> anyhow::Result<Vec<Row>> {
    let mut records: BTreeMap<Kind, usize> = BTreeMap::new();
    for ty in btf.types() {
        let count = records.entry(ty.kind()).or_default();
        *count = count.saturating_add(1);
    }
    let descriptions = btf.descriptions();
    let mut rows: BTreeMap<Kind, Row> = BTreeMap::new();
    for entry in btf.kinds().iter() {
        let kind = entry.spec.kind;
        let mut from = entry.source.to_string();
        let described =
            descriptions.iter().filter(|(spec, _)| spec.kind == kind && kind.is_released());
        from.extend(described.map(|(_, id)| format!(", description [{id}]")));
        rows.insert(kind, file_row(&entry.spec, records.get(&kind), from));
    }
    for (spec, id) in &descriptions {
        let unused = || file_row(spec, None, format!("description [{id}]"));
        rows.entry(spec.kind).or_insert_with(unused);
    }
    Ok(rows.into_values().collect())
}

fn file_row(spec: &KindSpec, records: Option<&usize>, from: String) -> Row {
    let mut row = row(spec);
    row.cells.push(records.map_or("-".to_owned(), usize::to_string));
    row.cells.push(if spec.classes { from } else { format!("{from} (sizes only)") });
    row
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

/// Prints columns, numbers (by their heading) to the right.
fn print(rows: &[Row]) -> io::Result<()> {
    const NUMBERS: [&str; 4] = ["n", "fixed", "each", "records"];
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(row.cells.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let head = rows.first().map(|row| row.cells.as_slice()).unwrap_or_default();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for row in rows {
        let mut line = String::new();
        for ((cell, width), head) in row.cells.iter().zip(&widths).zip(head) {
            let gap = if line.is_empty() { "" } else { "  " };
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            let number = NUMBERS.contains(&head.as_str());
            let (before, after) = if number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line.extend([gap, before, cell.as_str(), after]);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}
