//! `btfkinds check`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::args::{Check as Args, CheckFormat};
use super::{FINDING, FINE, Say, Shown, count, many, parse_options, report};
use crate::check::{Finding, NEWEST, Options, Outcome, Report, Role, Rule, Severity, check};
use crate::kernel::{Verdict, verify};
use crate::{Btf, File, Numbering, Parse, Version};

/// The first kernel that takes BTF of modules.
const MODULES: Version = Version { major: 5, minor: 11 };

/// What all files are checked by.
struct How<'a> {
    args: &'a Args,
    version: Version,
    allow: Vec<&'a str>,
    shown: Shown,
}

pub(super) fn run(args: &Args, say: Say) -> anyhow::Result<u8> {
    let how = How {
        args,
        version: version(args)?,
        allow: allowed(&args.allow)?,
        shown: Shown::new(parse_options(&args.base, &[])?),
    };
    let inputs = many::inputs(&args.files)?;
    let several = args.files.len() > 1 || args.files.iter().any(|path| path.is_dir());
    let work = |path: &Path| {
        let found = how.file(path, say).with_context(|| path.display().to_string());
        match found {
            // One bad file does not stop the others.
            Err(err) if several => Ok((Vec::new(), report(&err))),
            found => found,
        }
    };
    let (mut status, mut fine, mut bad, mut failed) = (FINE, 0_usize, 0_usize, 0_usize);
    many::in_order(&inputs, say, work, |_, found| {
        let (text, found) = found?;
        io::stdout().lock().write_all(&text)?;
        status = status.max(found);
        let counted = match found {
            FINE => &mut fine,
            FINDING => &mut bad,
            _ => &mut failed,
        };
        *counted = counted.saturating_add(1);
        Ok(())
    })?;
    io::stdout().lock().flush()?;
    if several {
        say.line(format_args!(
            "{} fine, {bad} with findings, {failed} failed",
            count(fine, "file")
        ));
    }
    Ok(status)
}

/// The version whose rules hold: where the running kernel is asked, its own.
fn version(args: &Args) -> anyhow::Result<Version> {
    if let Some(version) = args.for_version {
        return Ok(version);
    }
    if !args.kernel {
        return Ok(NEWEST);
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")
        .context("which version the running kernel has is not known: give it with --for")?;
    Ok(release.parse()?)
}

/// The names given with `--allow`: what the kernel refuses can't be allowed.
fn allowed(names: &[String]) -> anyhow::Result<Vec<&str>> {
    for name in names {
        match Rule::all().find(|rule| rule.name == name) {
            Some(rule) if rule.errno.is_none() => {}
            Some(_) => bail!("--allow {name}: the kernel refuses that, it can't be allowed"),
            None => {
                let own = Rule::all().filter(|rule| rule.errno.is_none()).map(|rule| rule.name);
                let own: Vec<&str> = own.collect();
                bail!("--allow {name}: there is no such name; there are {}", own.join(", "));
            }
        }
    }
    Ok(names.iter().map(String::as_str).collect())
}

impl How<'_> {
    /// What is to be printed of a file, and its exit status.
    fn file(&self, path: &Path, say: Say) -> anyhow::Result<(Vec<u8>, u8)> {
        let file = File::open(path)?;
        // What cannot be read is checked all the same: that is what this is for.
        let numbering = file.numbering(self.version).unwrap_or(None);
        let is_split =
            matches!(numbering, Some(Numbering::SplitByStrings | Numbering::SplitByOrigin(_)));
        let given = self.shown.parse.given_base();
        let role = match self.args.role {
            Some(role) => role,
            // A user cannot load split BTF: then it is a module's.
            None if file.is_raw() && (is_split || given.is_some()) => Role::Module,
            None => file.role(),
        };
        if role == Role::Module && self.version < MODULES {
            bail!("kernels before {MODULES} have no BTF of modules");
        }
        let base = match given {
            Some(base) => Some(base),
            None if role == Role::Module
                && (is_split || numbering == Some(Numbering::SplitByReferences)) =>
            {
                let running = self.running_kernel(&file);
                if running.is_none() && is_split {
                    bail!(
                        "this is split BTF: give its base with -B, for a kernel module the vmlinux it was built for"
                    );
                }
                running
            }
            None => None,
        };
        if base.is_some() && given.is_none() {
            say.detail(format_args!("{}: read on the running kernel's BTF", path.display()));
        }
        let options =
            Options { role, version: self.version, base, allow: &self.allow, ..Options::default() };
        let found = file.check(&options)?;
        let mut text = Vec::new();
        let out = &mut text;
        let mut status = FINE;
        for (section, report) in &found {
            let name = match *section {
                ".BTF" => path.display().to_string(),
                other => format!("{} ({other})", path.display()),
            };
            match self.args.format {
                CheckFormat::Text => print_text(out, &name, report)?,
                CheckFormat::Json => {
                    writeln!(out, "{}", document(path, section, &options, report))?;
                }
            }
            say.line(format_args!("{name}: {}", summary(&options, report)));
            let warnings = report.count(Severity::Warning);
            if report.count(Severity::Error) > 0 || (self.args.strict && warnings > 0) {
                status = FINDING;
            }
        }
        if self.args.kernel {
            status = status.max(self.ask_kernel(&file, say)?);
        }
        Ok((text, status))
    }

    /// The running kernel's BTF as base, if nothing speaks against it.
    fn running_kernel(&self, file: &File) -> Option<&Arc<Btf>> {
        let base = self.shown.running()?;
        let on = self.shown.parse.clone().base(Arc::clone(base));
        let fits = file.btf(&on).is_ok_and(|btf| btf.check_base().is_ok());
        fits.then_some(base)
    }

    /// Asks the running kernel, and says what it said beside what it was to say.
    fn ask_kernel(&self, file: &File, say: Say) -> anyhow::Result<u8> {
        let path = file.path().display();
        let blob = file.bytes()?;
        let numbering = Numbering::of(&blob, &Parse::new());
        if file.has_own_base() || numbering.is_ok_and(|numbering| !numbering.is_standalone()) {
            say.line(format_args!(
                "{path}: the running kernel was not asked: it takes no split BTF from a user"
            ));
            return Ok(FINE);
        }
        let (accepted, said) = match verify(&blob) {
            Verdict::Accepted => (true, "accepted".to_owned()),
            Verdict::Refused { error, log } => {
                let lines: Vec<&str> = log.lines().collect();
                let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
                (false, format!("refused ({error}): {}", last.join(" / ")))
            }
            Verdict::NotAllowed(err) => bail!("the running kernel was not asked: {err}"),
        };
        say.line(format_args!("{path}: the running kernel: {said}"));
        // Whatever it is checked as: this is what a user does.
        let ours = check(&blob, &Options { version: self.version, ..Options::default() });
        if accepted == (ours.verdict() == Outcome::Accepted) {
            return Ok(FINE);
        }
        say.line(format_args!(
            "{path}: the running kernel says otherwise than is known of Linux {}",
            self.version
        ));
        Ok(FINDING)
    }
}

/// `accepted, no errors, 2 warnings`.
fn summary(options: &Options<'_>, report: &Report) -> String {
    let of = |severity, noun| count(report.count(severity), noun);
    let more = match report.omitted() {
        0 => String::new(),
        more => format!(", {more} more not shown"),
    };
    format!(
        "as {} for Linux {}: {}, {}, {}{more}",
        options.role,
        options.version,
        report.verdict(),
        of(Severity::Error, "error"),
        of(Severity::Warning, "warning"),
    )
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn print_text(out: &mut impl Write, name: &str, report: &Report) -> io::Result<()> {
    let mut hints: Vec<&str> = Vec::new();
    for finding in report.findings() {
        writeln!(out, "{name}: {}: {finding}", severity(finding))?;
        if let Some(line) = &finding.kernel {
            writeln!(out, "  kernel: {}", line.replace('\n', "\n          "))?;
        }
        // Once is enough.
        if !finding.hint.is_empty() && !hints.contains(&finding.hint) {
            hints.push(finding.hint);
            writeln!(out, "  help: {}", finding.hint)?;
        }
    }
    Ok(())
}

fn document(path: &Path, section: &str, options: &Options<'_>, report: &Report) -> Value {
    let finding = |finding: &Finding| {
        let place = &finding.place;
        json!({
            "rule": finding.rule,
            "severity": severity(finding),
            "section": section,
            "offset": place.offset,
            "type_id": place.type_id.map(|id| id.0),
            "kind": place.kind,
            "name": place.name,
            "field": place.field,
            "text": finding.text,
            "kernel": finding.kernel,
            "errno": finding.errno.map(|errno| errno.to_string()),
            "since": finding.since.to_string(),
            "hint": Some(finding.hint).filter(|hint| !hint.is_empty()),
        })
    };
    let (verdict, errno) = match report.verdict() {
        Outcome::Accepted => ("accepted", None),
        Outcome::Refused(errno) => ("refused", Some(errno.to_string())),
    };
    json!({
        "file": path.display().to_string(),
        "section": section,
        "role": options.role.to_string(),
        "for": options.version.to_string(),
        "verdict": verdict,
        "errno": errno,
        "findings": report.findings().iter().map(finding).collect::<Vec<_>>(),
        "omitted": report.omitted(),
    })
}
