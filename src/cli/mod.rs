//! The command line: a user of the library like any other.

mod args;
mod check;
mod colour;
mod demo;
mod diff;
mod dump;
mod encode;
mod follow;
mod generate;
mod graph;
mod kinds;
mod many;
mod modules;
mod old_kernels;
mod rebase;
mod renumber;
mod strip;
mod unified;

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use indicatif::ProgressBar;

use crate::{Btf, Error, ErrorKind, File, KindSpec, Parse, kernel};
use args::{Args, Command};

/// Everything went well.
const FINE: u8 = 0;
/// Something that was looked for is not there.
const FINDING: u8 = 1;
/// Usage, input or output.
const TROUBLE: u8 = 2;

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    let args = Args::of_process();
    let say = Say { quiet: args.saying.quiet, verbose: args.saying.verbose };
    // Who only prints has done enough when nobody listens any more; a result that was not
    // delivered is another thing.
    let prints = matches!(
        args.command,
        Command::Dump(_)
            | Command::Kinds(_)
            | Command::Graph(_)
            | Command::Check(_)
            | Command::Diff(_)
            | Command::Demo
    );
    let done = match &args.command {
        Command::Encode(args) => encode::run(args, say),
        Command::Dump(args) => dump::run(args, say),
        Command::Kinds(args) => kinds::run(args, say),
        Command::Renumber(args) => renumber::run(args, say),
        Command::Rebase(args) => rebase::run(args, say),
        Command::Flatten(args) => rebase::flatten(args, say),
        Command::Strip(args) => strip::run(args, say),
        Command::Graph(args) => graph::run(args, say),
        Command::Check(args) => check::run(args, say),
        Command::Diff(args) => diff::run(args, say),
        Command::Generate(args) => generate::run(args, say),
        Command::Demo => demo::run(),
    };
    ExitCode::from(
        done.unwrap_or_else(|err| if prints && is_closed_pipe(&err) { FINE } else { report(&err) }),
    )
}

fn is_closed_pipe(err: &anyhow::Error) -> bool {
    let closed = |err: &io::Error| err.kind() == io::ErrorKind::BrokenPipe;
    err.chain().filter_map(|err| err.downcast_ref()).any(closed)
}

/// Prints an error and what to do about it.
fn report(err: &anyhow::Error) -> u8 {
    let mut text = format!("btfkinds: {err:#}\n");
    if let Some(help) = err.chain().find_map(|err| err.downcast_ref::<Error>()?.help()) {
        text.push_str(&format!("help: {help}\n"));
    }
    say_text(&text);
    TROUBLE
}

thread_local! {
    /// What this thread has said, while it is held back.
    static HELD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Writes to standard error, or adds to what is held back.
fn say_text(text: &str) {
    HELD.with_borrow_mut(|held| match held {
        Some(held) => held.push_str(text),
        // If nobody listens on standard error either, there is nobody to tell.
        None => drop(io::stderr().write_all(text.as_bytes())),
    });
}

/// Works, and gives what was said along with the result: several threads would talk at once.
fn held<T>(work: impl FnOnce() -> T) -> (T, String) {
    HELD.set(Some(String::new()));
    let result = work();
    (result, HELD.take().unwrap_or_default())
}

/// What a command says on standard error while it works.
#[derive(Debug, Clone, Copy)]
struct Say {
    quiet: bool,
    verbose: bool,
}

impl Say {
    fn line(self, text: impl Display) {
        if !self.quiet {
            // In one piece: others may be writing to the same terminal or log.
            self.text(&format!("btfkinds: {text}\n"));
        }
    }

    /// Text that follows a line.
    fn text(self, text: &str) {
        if !self.quiet {
            say_text(text);
        }
    }

    fn detail(self, text: impl Display) {
        if self.verbose {
            self.line(text);
        }
    }
}

/// Reads what every command that reads BTF is given: kind files and the chain of bases.
fn parse_options(base: &[PathBuf], kind_files: &[PathBuf]) -> anyhow::Result<Parse> {
    let mut parse = Parse::new();
    for path in kind_files {
        let in_file = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(in_file)?;
        let spec = KindSpec::parse(&text).with_context(in_file)?;
        if spec.kind.is_released() {
            anyhow::bail!(
                "{}: kind {} is released: its words are fixed",
                path.display(),
                spec.kind
            );
        }
        parse = parse.kind(spec);
    }
    on_bases(parse, base)
}

/// Reads the chain of bases.
fn on_bases(mut parse: Parse, base: &[PathBuf]) -> anyhow::Result<Parse> {
    for path in base {
        let (_, next) = open(path, &parse)?;
        if parse.given_base().is_some() && next.base().is_none() {
            anyhow::bail!(
                "{}: this is standalone BTF: it does not continue the base before it",
                path.display()
            );
        }
        parse = parse.base(Arc::new(next));
    }
    Ok(parse)
}

/// What `--standalone` and `--split` say.
fn told(parse: Parse, standalone: bool, split: bool) -> Parse {
    if standalone || split { parse.told(standalone) } else { parse }
}

/// Opens a file and reads its BTF.
fn open(path: &Path, parse: &Parse) -> anyhow::Result<(File, Btf)> {
    let in_file = || path.display().to_string();
    let file = File::open(path).with_context(in_file)?;
    let btf = file.btf(parse).with_context(in_file)?;
    Ok((file, btf))
}

/// How files are read that are shown: what was given, and the running kernel's BTF for split BTF without a base.
struct Shown {
    parse: Parse,
    running: OnceLock<Option<Arc<Btf>>>,
}

impl Shown {
    fn new(parse: Parse) -> Shown {
        Shown { parse, running: OnceLock::new() }
    }

    /// The running kernel's BTF, read once.
    fn running(&self) -> Option<&Arc<Btf>> {
        let read = || {
            let (_, btf) = open(Path::new(kernel::VMLINUX), &self.parse).ok()?;
            Some(Arc::new(btf))
        };
        self.running.get_or_init(read).as_ref()
    }

    /// Opens a file to show what is in it, and tells how it was read. If it is split BTF and no base was given, the
    /// running kernel's is tried: for its own modules that is the one.
    fn open(&self, path: &Path, say: Say) -> anyhow::Result<(File, Btf, Parse)> {
        let in_file = || path.display().to_string();
        let file = File::open(path).with_context(in_file)?;
        let first = file.btf(&self.parse);
        let wants_base = self.parse.given_base().is_none()
            && matches!(&first, Err(err) if matches!(err.kind(), ErrorKind::Base | ErrorKind::Reference));
        if wants_base && let Some(base) = self.running() {
            let running = self.parse.clone().base(Arc::clone(base));
            if let Some(btf) = file.btf(&running).ok().filter(|btf| btf.check_base().is_ok()) {
                let path = path.display();
                match btf.origin() {
                    Some(origin) if origin.names(base) => {
                        say.detail(format_args!(
                            "{path}: read on the running kernel's BTF, which it was numbered for"
                        ));
                    }
                    _ => say.line(format_args!(
                        "{path}: read on the running kernel's BTF: nothing speaks against it"
                    )),
                }
                return Ok((file, btf, running));
            }
        }
        Ok((file, first.with_context(in_file)?, self.parse.clone()))
    }
}

/// Says what a reader should know of how a file was read: whether -B was of use, and signs that it
/// is the wrong base.
fn note_base(file: &File, btf: &Btf, base: &[PathBuf], say: Say) {
    let path = file.path().display();
    if base.is_empty() {
        return;
    }
    if file.has_own_base() {
        say.line(format_args!("{path}: read on its own .BTF.base, not on -B"));
    } else if btf.base().is_none() {
        say.line(format_args!("{path}: this is standalone BTF, -B was not used"));
    } else if let Err(err) = btf.check_base() {
        say.line(format_args!("{path}: names are wrong: {err}"));
    }
}

/// A bar on standard error, if that is a terminal and there is more than a little to do.
fn progress(files: usize, say: Say) -> ProgressBar {
    if files < 10 || say.quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(files as u64)
}

/// Whether two paths are the same file.
fn same_file(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((id(a), id(b)), (Ok(a), Ok(b)) if a == b)
}

/// A number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (head, tail) = digits.split_at(lead);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (!head.is_empty()).then(|| head.to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// `1 type`, `2 types`.
fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}
