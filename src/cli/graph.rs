//! `btfkinds graph`.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::args::{Graph as Args, GraphFormat};
use super::{FINDING, FINE, Say, Shown, count, note_base, parse_options};
use crate::graph::{Graph, Options};
use crate::{Btf, Error, Kind, Prepared, TypeId};

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let parse = parse_options(&args.reading.base, &args.reading.kind_file)?;
    let (file, btf, _) = Shown::new(parse).open(&args.file, say)?;
    note_base(&file, &btf, &args.reading.base, say);
    let mut roots = Vec::new();
    let mut missing = false;
    for name in &args.names {
        let found = named(&btf, name);
        if found.is_empty() {
            missing = true;
            say.line(format_args!("{}: no type is called '{name}'", args.file.display()));
        }
        roots.extend(found);
    }
    if roots.is_empty() {
        return Ok(FINDING);
    }
    let options =
        Options { depth: args.depth, reverse: args.reverse, limit: args.limit, all: args.all };
    let graph = Graph::around(&btf, &roots, &options);
    if graph.left_out() > 0 {
        say.line(format_args!(
            "{} left out: --limit {} is reached",
            count(graph.left_out(), "type"),
            args.limit
        ));
    }
    let format = args.format.unwrap_or_else(|| by_name(args.output.as_deref()));
    let picture = match format {
        GraphFormat::Dot => graph.to_string().into_bytes(),
        GraphFormat::Svg => drawn("svg", &graph)?,
        GraphFormat::Png => drawn("png", &graph)?,
    };
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => {
            let mut out = io::stdout().lock();
            out.write_all(&picture)?;
            out.flush()?;
        }
        Some(path) => {
            Prepared::bytes(path, None, &picture)?.commit()?;
            say.line(format_args!(
                "{}: {}, {}",
                path.display(),
                count(graph.nodes().count(), "type"),
                count(graph.edges().count(), "reference")
            ));
        }
    }
    Ok(if missing { FINDING } else { FINE })
}

/// The types that a name means: `list_head`, `struct list_head`, `vfs_read()`, `[5]`.
fn named(btf: &Btf, name: &str) -> Vec<TypeId> {
    let id = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse().ok());
    if let Some(id) = id {
        return btf.get(TypeId(id)).map(|ty| ty.id()).into_iter().collect();
    }
    let (kinds, name): (&[Kind], &str) = match name.split_once(' ') {
        Some(("struct", name)) => (&[Kind::STRUCT, Kind::FWD], name),
        Some(("union", name)) => (&[Kind::UNION, Kind::FWD], name),
        Some(("enum", name)) => (&[Kind::ENUM, Kind::ENUM64], name),
        Some(("typedef", name)) => (&[Kind::TYPEDEF], name),
        _ => match name.strip_suffix("()") {
            Some(name) => (&[Kind::FUNC], name),
            None => (&[], name),
        },
    };
    let all = (1..btf.type_count()).filter_map(|id| btf.get(TypeId(id)));
    let is_it = all.filter(|ty| {
        (kinds.is_empty() || kinds.contains(&ty.kind())) && ty.name() == name.as_bytes()
    });
    is_it.map(|ty| ty.id()).collect()
}

/// The format that a file's name asks for.
fn by_name(path: Option<&Path>) -> GraphFormat {
    match path.and_then(Path::extension).and_then(OsStr::to_str) {
        Some("svg") => GraphFormat::Svg,
        Some("png") => GraphFormat::Png,
        _ => GraphFormat::Dot,
    }
}

/// A picture, drawn by Graphviz.
fn drawn(format: &str, graph: &Graph<'_>) -> anyhow::Result<Vec<u8>> {
    // A file, not a pipe: dot reads all of it before it writes.
    let mut source = tempfile::tempfile().context("cannot write a temporary file")?;
    write!(source, "{graph}").context("cannot write a temporary file")?;
    source.seek(SeekFrom::Start(0)).context("cannot read a temporary file")?;
    let dot = Command::new("dot")
        .arg(format!("-T{format}"))
        .stdin(Stdio::from(source))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let dot = match dot {
        Err(err) if err.kind() == ErrorKind::NotFound => {
            let what = format!("'dot' draws {format} pictures, and it is not there");
            let help =
                "install Graphviz (Debian: apt install graphviz), or take '-f dot' to where it is";
            return Err(Error::new(crate::ErrorKind::Io, what).with_help(help).into());
        }
        dot => dot.context("cannot run dot")?,
    };
    let done = dot.wait_with_output().context("cannot run dot")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("dot: {}", said.lines().next().unwrap_or("it failed"));
    }
    Ok(done.stdout)
}
