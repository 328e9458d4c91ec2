//! `btfkinds check`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::args::{Check as Args, CheckFormat};
use super::{FINDING, FINE, Say, TROUBLE, count, report};
use crate::check::{Finding, Options, Outcome, Report, Severity, check};
use crate::kernel::{Verdict, verify};
use crate::{File, Numbering, Parse};

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let mut status = FINE;
    for path in &args.files {
        let found = one(path, args, say).with_context(|| path.display().to_string());
        match found {
            Ok(found) => status = status.max(found),
            // One bad file does not stop the others.
            Err(err) if args.files.len() > 1 => {
                report(&err);
                status = TROUBLE;
            }
            Err(err) => return Err(err),
        }
    }
    Ok(status)
}

fn one(path: &Path, args: &Args, say: Say) -> anyhow::Result<u8> {
    let file = File::open(path)?;
    let blob = file.bytes()?;
    // What cannot be read, or refers to what is not there, is checked all the same: that is what this
    // is for.
    let numbering = Numbering::of(&blob, &Parse::new());
    let split = matches!(numbering, Ok(Numbering::SplitByStrings | Numbering::SplitByOrigin(_)));
    if split || file.has_own_base() {
        bail!(
            "this is split BTF: only standalone BTF is checked, by the rules for BTF that a user loads"
        );
    }
    let found = check(&blob, &Options::default());
    match args.format {
        CheckFormat::Text => print_text(path, &found)?,
        CheckFormat::Json => print_json(path, &found)?,
    }
    let of =
        |severity| found.findings().iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let more = match found.omitted() {
        0 => String::new(),
        more => format!(", {more} more not shown"),
    };
    say.line(format_args!(
        "{}: {}: {}, {}{more}",
        path.display(),
        found.verdict(),
        count(errors, "error"),
        count(warnings, "warning")
    ));
    let differs = args.kernel && kernel_differs(path, &blob, &found, say)?;
    let wrong = found.verdict() != Outcome::Accepted || (args.strict && warnings > 0) || differs;
    Ok(if wrong { FINDING } else { FINE })
}

fn print_text(path: &Path, found: &Report) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    for finding in found.findings() {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(out, "{}: {severity}: {finding}", path.display())?;
        if let Some(line) = &finding.kernel {
            writeln!(out, "  kernel: {}", line.replace('\n', "\n          "))?;
        }
    }
    out.flush()
}

fn print_json(path: &Path, found: &Report) -> io::Result<()> {
    let finding = |finding: &Finding| {
        let place = &finding.place;
        json!({
            "rule": finding.rule,
            "severity": match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            "offset": place.offset,
            "type_id": place.type_id.map(|id| id.0),
            "kind": place.kind,
            "name": place.name,
            "field": place.field,
            "text": finding.text,
            "kernel": finding.kernel,
            "errno": finding.errno.to_string(),
        })
    };
    let document = json!({
        "file": path.display().to_string(),
        "verdict": match found.verdict() {
            Outcome::Accepted => "accepted",
            Outcome::Refused(_) => "refused",
        },
        "errno": match found.verdict() {
            Outcome::Accepted => None,
            Outcome::Refused(errno) => Some(errno.to_string()),
        },
        "findings": found.findings().iter().map(finding).collect::<Vec<_>>(),
        "omitted": found.omitted(),
    });
    writeln!(io::stdout().lock(), "{document}")
}

/// Asks the running kernel, and says what it said.
fn kernel_differs(path: &Path, blob: &[u8], found: &Report, say: Say) -> anyhow::Result<bool> {
    let path = path.display();
    let (accepted, said) = match verify(blob) {
        Verdict::Accepted => (true, "accepted".to_owned()),
        Verdict::Refused { error, log } => {
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
            (false, format!("refused ({error}): {}", last.join(" / ")))
        }
        Verdict::NotAllowed(err) => bail!("the running kernel was not asked: {err}"),
    };
    say.line(format_args!("{path}: the running kernel: {said}"));
    let differs = accepted != (found.verdict() == Outcome::Accepted);
    if differs {
        say.line(format_args!(
            "{path}: the running kernel says otherwise: it may not be Linux 6.18"
        ));
    }
    Ok(differs)
}
