//! Findings, the verdict, and how steps add to them.

use std::fmt;

use super::blob::{Blob, Element, Member, Type};
use super::rule::{self, Errno, Rule, Severity};
use super::{Check, Options};
use crate::btf::TypeId;
use crate::error::Error;
use crate::kind::{Kind, Version};

/// Longer names are cut off in findings.
const LONGEST: usize = 512;

/// Where a finding is: as much as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindingPlace {
    /// Bytes from the start of the blob.
    pub offset: Option<usize>,
    /// The type's id.
    pub type_id: Option<TypeId>,
    /// The type's kind, such as `STRUCT`; empty if it is about no type, or the kind is unknown.
    pub kind: String,
    /// The type's name, empty if it has none.
    pub name: String,
    /// The member, value, argument or variable within the type.
    pub field: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's short name: see [`Rule::all`].
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: FindingPlace,
    /// What is wrong, in plain words.
    pub text: String,
    /// What the kernel's log would end with, without the last newline; None where it says nothing.
    pub kernel: Option<String>,
    /// The error that the kernel gives; None where it takes what is found.
    pub errno: Option<Errno>,
    /// The first kernel that has the rule.
    pub since: Version,
    /// What may help; empty if nothing is known to.
    pub hint: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FindingPlace { offset, type_id, kind, name, field } = &self.place;
        if let Some(offset) = offset {
            write!(f, ".BTF+{offset:#x}: ")?;
        }
        if let Some(id) = type_id {
            write!(f, "type [{id}] {kind}")?;
            if !name.is_empty() {
                write!(f, " '{}'", name.escape_debug())?;
            }
            f.write_str(": ")?;
        }
        if let Some(field) = field {
            write!(f, "{}: ", field.escape_debug())?;
        }
        write!(f, "{} ({}", self.text, self.rule)?;
        if self.since > rule::FIRST {
            write!(f, ", since {}", self.since)?;
        }
        f.write_str(")")
    }
}

/// What the kernel would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It takes the blob.
    Accepted,
    /// It refuses it, with this error.
    Refused(Errno),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Accepted => f.write_str("accepted"),
            Outcome::Refused(errno) => write!(f, "refused ({errno})"),
        }
    }
}

/// All that was found.
#[derive(Debug, Clone)]
pub struct Report {
    findings: Vec<Finding>,
    omitted: usize,
    verdict: Outcome,
}

impl Report {
    /// What the kernel would do.
    pub fn verdict(&self) -> Outcome {
        self.verdict
    }

    /// The findings in the order of the kernel's checking, no more than [`Options::most`](super::Options::most).
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The finding that the verdict comes from.
    pub fn first_error(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.errno.is_some())
    }

    /// How many findings that were kept are as bad as this.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The kernel cannot relocate it to its own types, for this reason.
    pub(crate) fn refuse_relocation(&mut self, err: &Error) {
        let rule = &rule::RELOCATION;
        self.findings.push(finding(rule, FindingPlace::default(), &err.to_string(), None));
        if let (Outcome::Accepted, Some(errno)) = (self.verdict, rule.errno) {
            self.verdict = Outcome::Refused(errno);
        }
    }

    /// How many findings there are beyond those that were kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

fn finding(rule: &Rule, place: FindingPlace, values: &str, kernel: Option<String>) -> Finding {
    let text = match values {
        "" => rule.words.to_owned(),
        values => format!("{} ({values})", rule.words),
    };
    let Rule { name, severity, errno, since, hint, .. } = *rule;
    Finding { rule: name, severity, place, text, kernel, errno, since, hint }
}

/// Findings as they are made.
pub(super) struct Findings<'o> {
    list: Vec<Finding>,
    options: &'o Options<'o>,
    omitted: usize,
    first: Option<Errno>,
}

impl<'o> Findings<'o> {
    pub(super) fn new(options: &'o Options<'o>) -> Findings<'o> {
        Findings { list: Vec::new(), options, omitted: 0, first: None }
    }

    /// Whether there was no error yet.
    pub(super) fn is_accepted(&self) -> bool {
        self.first.is_none()
    }

    /// How many findings there were.
    pub(super) fn count(&self) -> usize {
        self.list.len().saturating_add(self.omitted)
    }

    /// Adds a finding; what is not kept is not made.
    fn add(&mut self, rule: &Rule, make: impl FnOnce() -> (FindingPlace, String, Option<String>)) {
        let allowed = rule.errno.is_none() && self.options.allow.contains(&rule.name);
        if allowed || !rule.holds(self.options.version) {
            return;
        }
        let first = rule.errno.is_some() && self.first.is_none();
        if first {
            self.first = rule.errno;
        }
        if self.list.len() >= self.options.most && !first {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        let (place, values, kernel) = make();
        let kernel = kernel.filter(|_| !rule.message.is_empty());
        self.list.push(finding(rule, place, &values, kernel));
    }

    /// A finding of ours.
    pub(super) fn own(&mut self, rule: &Rule, place: FindingPlace, values: impl fmt::Display) {
        self.add(rule, || (place, values.to_string(), None));
    }

    pub(super) fn report(self) -> Report {
        let verdict = self.first.map_or(Outcome::Accepted, Outcome::Refused);
        Report { findings: self.list, omitted: self.omitted, verdict }
    }
}

impl Blob<'_> {
    fn place(&self, ty: Type<'_>, within: usize, field: Option<String>) -> FindingPlace {
        let start = self.starts.get(ty.id.wrapping_sub(self.first_id) as usize);
        let start = start.map_or(self.types.len(), |start| *start as usize);
        let name = self.short_name(ty.name_off(), LONGEST);
        FindingPlace {
            offset: Some(self.types_at.saturating_add(start).saturating_add(within)),
            type_id: Some(TypeId(ty.id)),
            kind: ty.spec().map_or_else(String::new, |spec| spec.name.clone()),
            name: String::from_utf8_lossy(name).into_owned(),
            field,
        }
    }

    /// What an element is called in messages.
    fn field(&self, ty: Type<'_>, number: u32, name: u32) -> Option<String> {
        let each = ty.spec().map_or("element", |spec| &spec.each);
        let name = String::from_utf8_lossy(self.short_name(name, LONGEST)).into_owned();
        let space = if name.is_empty() { "" } else { " " };
        Some(format!("{each} {number}{space}{name}"))
    }
}

impl FindingPlace {
    /// A place so many bytes further.
    pub(super) fn within(mut self, bytes: usize) -> FindingPlace {
        self.offset = self.offset.map(|offset| offset.saturating_add(bytes));
        self
    }
}

impl Check<'_, '_> {
    /// A place by what is known of it.
    pub(super) fn place_of(
        &self,
        id: Option<TypeId>,
        offset: Option<usize>,
        field: Option<String>,
    ) -> FindingPlace {
        let there = id.filter(|id| self.blob.ids().contains(&id.0));
        let mut place = match there {
            Some(id) => self.blob.place(self.blob.ty(id.0), 0, None),
            None => FindingPlace { type_id: id, ..FindingPlace::default() },
        };
        if let (Some(kinds), Some(id), "") = (&self.kinds, there, place.kind.as_str()) {
            let kind = Kind::of_info(self.blob.ty(id.0).info());
            place.kind = kinds.get(kind).map_or_else(String::new, |entry| entry.spec.name.clone());
        }
        place.offset = offset.or(place.offset);
        place.field = field;
        place
    }

    /// A finding about the header or a section.
    pub(super) fn at(&mut self, rule: &Rule, offset: usize, values: impl fmt::Display) {
        self.findings.add(rule, || {
            let place = FindingPlace { offset: Some(offset), ..FindingPlace::default() };
            (place, values.to_string(), Some(rule.message.to_owned()))
        });
    }

    /// A finding about a type, which the kernel logs in full; `value` ends its message.
    pub(super) fn of_type(&mut self, rule: &Rule, ty: Type<'_>, value: &str) {
        let Check { blob, findings, .. } = self;
        findings.add(rule, || {
            let line = blob.type_line(ty, true, &format!("{}{value}", rule.message));
            (blob.place(ty, 0, None), value.to_owned(), Some(line))
        });
    }

    /// A finding about a type, of which the kernel logs this and nothing else.
    pub(super) fn with_line(&mut self, rule: &Rule, ty: Type<'_>, value: &str, line: &str) {
        let Check { blob, findings, .. } = self;
        findings.add(rule, || (blob.place(ty, 0, None), value.to_owned(), Some(line.to_owned())));
    }

    /// A finding about an element of this name; the kernel's line is made by `line`.
    pub(super) fn of_element(
        &mut self,
        rule: &Rule,
        ty: Type<'_>,
        (element, name): (Element, u32),
        line: impl FnOnce(&Blob<'_>) -> String,
    ) {
        let Check { blob, findings, .. } = self;
        findings.add(rule, || {
            let field = blob.field(ty, element.number, name);
            (blob.place(ty, element.at, field), String::new(), Some(line(blob)))
        });
    }

    /// A finding about a member. While types are resolved, the kernel logs the struct before it.
    pub(super) fn of_member(
        &mut self,
        rule: &Rule,
        ty: Type<'_>,
        member: Member,
        resolving: bool,
        value: &str,
    ) {
        let Check { blob, findings, .. } = self;
        findings.add(rule, || {
            let mut line = blob.member_line(ty, member, &format!("{}{value}", rule.message));
            if resolving {
                line = format!("{}\n{line}", blob.type_line(ty, true, ""));
            }
            let field = blob.field(ty, member.number, member.name);
            (blob.place(ty, member.at, field), value.to_owned(), Some(line))
        });
    }

    /// A finding about a section's variable, likewise.
    pub(super) fn of_var(&mut self, rule: &Rule, ty: Type<'_>, var: Element, resolving: bool) {
        let [id, ..] = var.words;
        let name = self.blob.ty(id).name_off();
        self.of_element(rule, ty, (var, name), |blob| {
            let line = blob.var_line(var, rule.message);
            match resolving {
                true => format!("{}\n{line}", blob.type_line(ty, true, "")),
                false => line,
            }
        });
    }
}
