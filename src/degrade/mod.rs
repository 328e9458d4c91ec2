//! BTF for old kernels: what a kernel of some version cannot take, and what takes its place.
//!
//! One table of rules says both: `rules`. What libbpf's loader does for old kernels is done here
//! as it does it; docs/DEGRADE.md has the table with the source of every version. No type id
//! changes: a record may get another kind and length, but it stays where it is.

mod edit;
mod plan;
mod rules;

use std::fmt;

use crate::btf::{Btf, Parse, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Version;
use crate::origin::Origin;
use crate::renumber::Shift;
use plan::Plan;

/// The first kernel that knows BTF.
pub const FIRST: Version = Version { major: 4, minor: 18 };

/// The first kernel that takes a layout section and the longer header that it needs.
const LAYOUT: Version = Version { major: 7, minor: 1 };

/// One thing that not every kernel takes.
///
/// ```
/// use btfkinds::degrade::Rule;
///
/// let enum64 = Rule::all().find(|rule| rule.name == "ENUM64").unwrap();
/// assert_eq!(enum64.since.unwrap().to_string(), "6.0");
/// assert!(enum64.becomes.unwrap().starts_with("UNION"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What it is called, where things are counted.
    pub name: &'static str,
    /// The first kernel that takes it; None if no kernel does.
    pub since: Option<Version>,
    /// What is there that an older kernel refuses.
    pub what: &'static str,
    /// What takes its place; None if nothing can.
    pub becomes: Option<&'static str>,
}

impl Rule {
    /// All of them, in the order in which they are tried.
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        rules::all()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.since {
            Some(since) => write!(f, "{} (since {since})", self.what),
            None => write!(f, "{} (in no kernel)", self.what),
        }
    }
}

/// Something in a blob that a kernel cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The type; None if it is the blob as a whole.
    pub id: Option<TypeId>,
    /// Why, and what takes its place. A type may break several rules: this is the first.
    pub rule: &'static Rule,
}

/// What [`degrade()`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Degraded {
    /// How often each rule was applied, in the order of the rules; those that were not are not
    /// here.
    pub rules: Vec<(&'static Rule, usize)>,
    /// The types that were replaced, by id.
    pub replaced: Vec<TypeId>,
    /// How many types were added behind all others: INTs that replacements refer to, where the
    /// blob has none that fits.
    pub types: u32,
    /// How split BTF has to move that continues this blob.
    pub shift: Shift,
}

impl Degraded {
    /// Whether the blob is as it was.
    pub fn is_nothing(&self) -> bool {
        self.rules.is_empty()
    }
}

/// What a kernel of this version cannot take: the types by id, then the blob as a whole.
///
/// Only what differs between kernels is looked at: BTF that no kernel takes since it is broken is
/// not found here.
///
/// ```
/// use btfkinds::{Btf, Kind, NewType, degrade};
///
/// let mut btf = Btf::new();
/// btf.add(NewType { kind: Kind::FLOAT, name: "float", kind_flag: false, vlen: 0, size_or_type: 4, words: &[] })?;
/// assert!(degrade::check(&btf, "5.13".parse()?).is_empty());
/// let found = degrade::check(&btf, "5.12".parse()?);
/// assert_eq!(found[0].id.unwrap().0, 1);
/// assert_eq!(found[0].rule.to_string(), "kind FLOAT (since 5.13)");
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn check(btf: &Btf, version: Version) -> Vec<Finding> {
    let plan = Plan::new(btf, version);
    let mut found: Vec<Finding> =
        plan.first.iter().map(|(id, rule)| Finding { id: Some(TypeId(*id)), rule }).collect();
    let whole = whole(btf, &plan, version);
    found.extend(whole.into_iter().map(|rule| Finding { id: None, rule }));
    found
}

/// Replaces what a kernel of this version cannot take. No type id and no string offset changes,
/// and no record but those that [`check`] finds; names that had to change, and types that are
/// referred to, are added behind all others.
///
/// # Errors
/// If there is something that nothing can replace (more types or strings than a kernel before 5.4
/// takes), or if the blob cannot be edited, see [`Btf::add`]. The blob is as it was then.
///
/// ```
/// use btfkinds::{Btf, Kind, NewType, degrade};
///
/// let mut btf = Btf::new();
/// btf.add(NewType { kind: Kind::FLOAT, name: "float", kind_flag: false, vlen: 0, size_or_type: 4, words: &[] })?;
/// let done = degrade::degrade(&mut btf, "5.10".parse()?)?;
/// assert_eq!(done.rules[0].0.name, "FLOAT");
/// let float = btf.types().next().unwrap();
/// assert_eq!((float.kind(), float.size_or_type()), (Kind::STRUCT, 4));
/// assert!(degrade::degrade(&mut btf, "5.10".parse()?)?.is_nothing());
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn degrade(btf: &mut Btf, version: Version) -> Result<Degraded> {
    let found = check(btf, version);
    if let Some(finding) = found.iter().find(|finding| finding.rule.becomes.is_none()) {
        let what = format!("{}, which nothing can replace", finding.rule);
        return Err(Error::new(ErrorKind::Edit, what));
    }
    let mut old = btf.clone();
    // It stays the last type, with the last strings.
    let origin = old.take_origin()?;
    let (first_id, first_str) = (old.type_count(), old.str_end());
    let mut shift = Shift { ids_from: first_id, strs_from: first_str, ..Shift::default() };
    if found.is_empty() {
        return Ok(Degraded { rules: Vec::new(), replaced: Vec::new(), types: 0, shift });
    }
    old.begin_edit()?;
    let plan = Plan::new(&old, version);
    let new = rebuilt(&old, &plan, version, origin)?;
    shift.ids_by = u32::try_from(plan.added().len()).unwrap_or(u32::MAX);
    shift.strs_by = u32::try_from(plan.strings().len()).unwrap_or(u32::MAX);
    let whole = found.iter().filter(|finding| finding.id.is_none()).map(|finding| finding.rule);
    let rules = plan.counts().chain(whole.map(|rule| (rule, 1))).collect();
    let replaced = plan.first.keys().map(|id| TypeId(*id)).collect();
    *btf = new;
    Ok(Degraded { rules, replaced, types: shift.ids_by, shift })
}

/// The blob as planned.
fn rebuilt(old: &Btf, plan: &Plan<'_>, version: Version, origin: Option<Origin>) -> Result<Btf> {
    let base = old.base().cloned();
    let mut new = match &base {
        _ if version >= LAYOUT => old.emptied(base.clone())?,
        Some(base) => Btf::new_split(base.clone()),
        None => Btf::new_in(old.endian()),
    };
    // The NUL that standalone strings start with is there.
    let there = new.str_len();
    new.append_strings(old.own_strings().get(there..).unwrap_or_default())?;
    new.append_strings(plan.strings())?;
    let (mut words, mut starts) = (Vec::with_capacity(old.words().len()), Vec::new());
    let records = old.types().map(|ty| plan.record(ty.id().0).unwrap_or(ty.words()));
    for record in records.chain(plan.added().iter().map(Vec::as_slice)) {
        starts.push(u32::try_from(words.len()).unwrap_or(u32::MAX));
        words.extend_from_slice(record);
    }
    new.set_types(words, starts)?;
    if let Some(origin) = origin {
        new.put_origin(origin)?;
    }
    // Which kinds it has, and where they are known from, is found again.
    let parse = base.map_or_else(Parse::new, |base| Parse::new().base(base));
    parse.read(&new.to_bytes())
}

/// The rules that the blob as a whole breaks.
fn whole(btf: &Btf, plan: &Plan<'_>, version: Version) -> Vec<&'static Rule> {
    // Kernels that take split BTF have larger limits.
    let alone = btf.base().is_none();
    let types = (btf.type_count() as usize).saturating_add(plan.added().len());
    let strings = btf.str_len().saturating_add(plan.strings().len());
    let breaks = |rule: &Rule| match rule.name {
        rules::LAYOUT_SECTION => btf.has_more_header(),
        rules::MANY_TYPES => alone && types > 0xffff,
        rules::MANY_STRINGS => alone && strings > 0x1_0000,
        _ => false,
    };
    let newer = |rule: &&Rule| rule.since.is_none_or(|since| since > version);
    rules::WHOLE.iter().filter(newer).filter(|rule| breaks(rule)).collect()
}
