//! `.BTF_ids`: type ids that a kernel or module looks up by symbol.
//!
//! Only symbols say which words are ids. `__BTF_ID__<kind>__<name>__<n>` of size 4 covers one;
//! `__BTF_ID__set__<name>` covers a count and that many ids, `__BTF_ID__set8__<name>` a count, a
//! word of flags, and pairs of an id and flags. `resolve_btfids` sorts sets by id, so that within
//! one the symbols no longer stand at the words they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::elf::{Elf, IdSymbol, Section};
use super::rewrite::Change;
use crate::btf::{Btf, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;

const PREFIX: &str = "__BTF_ID__";
/// What a symbol can stand for, as it is written in the symbol.
const KINDS: [(&str, Kind); 4] = [
    ("struct", Kind::STRUCT),
    ("union", Kind::UNION),
    ("typedef", Kind::TYPEDEF),
    ("func", Kind::FUNC),
];

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Elf, what).in_section(".BTF_ids")
}

/// One id: where it is in the section, and the type that its symbol asks for.
struct Single<'a> {
    at: usize,
    kind: Kind,
    name: &'a str,
}

/// A set: where its symbol stands, where its ids are, and how far they are apart.
struct Set<'a> {
    symbol: &'a str,
    start: usize,
    first: usize,
    step: usize,
    /// All that its symbol covers.
    range: Range<usize>,
}

/// The section's words, and what its symbols say about them.
struct Ids<'a> {
    elf: &'a Elf,
    data: Vec<u8>,
    singles: Vec<Single<'a>>,
    sets: Vec<Set<'a>>,
}

fn single(symbol: &IdSymbol) -> Option<Single<'_>> {
    let (word, rest) = symbol.name.strip_prefix(PREFIX)?.split_once("__")?;
    let (_, kind) = KINDS.iter().find(|(name, _)| *name == word)?;
    // The number behind the last `__` makes the symbol unique.
    let (name, _) = rest.rsplit_once("__")?;
    let at = usize::try_from(symbol.offset).ok()?;
    (symbol.size == 4).then_some(Single { at, kind: *kind, name })
}

fn set(symbol: &IdSymbol) -> Option<Set<'_>> {
    let rest = symbol.name.strip_prefix(PREFIX)?;
    // The bytes before the first id, and from one to the next.
    let step = if rest.starts_with("set8__") {
        8
    } else if rest.starts_with("set__") {
        4
    } else {
        return None;
    };
    let start = usize::try_from(symbol.offset).ok()?;
    let end = start.saturating_add(usize::try_from(symbol.size).ok()?);
    let first = start.saturating_add(step);
    Some(Set { symbol: &symbol.name, start, first, step, range: start..end })
}

/// What to do with the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Policy {
    /// Move them along.
    #[default]
    Move,
    /// The same, and they must be there: nothing else would fill them.
    Need,
    /// Fill them by kind and name, whatever they are now.
    Resolve,
    /// Take them out again.
    Clear,
}

/// The section as it is to be; None if nothing changes.
///
/// Before anything moves, the ids must be those of types that the symbols name.
pub(super) fn changed(
    elf: &Elf,
    section: &Section,
    change: &Change<'_>,
) -> Result<Option<Vec<u8>>> {
    let data = elf.section_data(section)?;
    let symbols = &elf.id_symbols;
    let named = |symbol: &IdSymbol| symbol.name.starts_with(PREFIX);
    if !symbols.iter().any(named) && data.iter().any(|byte| *byte != 0) {
        return Err(bad(
            "it holds ids, but the symbols that say which words are ids were stripped",
        ));
    }
    let before = data.clone();
    let mut ids = Ids::new(elf, data)?;
    let unresolved =
        !ids.singles.is_empty() && ids.singles.iter().all(|single| ids.word(single.at) == Some(0));
    match change.ids {
        Policy::Clear => {
            ids.flags_to_symbols(change)?;
            ids.clear();
        }
        Policy::Resolve => {
            ids.check_covered()?;
            let by_order = ids.flags_to_symbols(change)?;
            ids.resolve(change.new, &by_order)?;
        }
        Policy::Need if unresolved => {
            return Err(bad(
                "its ids are not resolved: the kernel would not find what it asks for",
            )
            .with_help(RESOLVE));
        }
        _ if unresolved => {}
        Policy::Move => ids.shift(change)?,
        Policy::Need => ids.shift(change).map_err(|err| err.with_help(RESOLVE))?,
    }
    Ok((ids.data != before).then_some(ids.data))
}

/// Whether the section holds ids that are not those of this BTF, or none where there should be.
pub(super) fn needs_resolving(elf: &Elf, section: &Section, change: &Change<'_>) -> Result<bool> {
    let probe = Change { ids: Policy::Need, ..change.clone() };
    Ok(!elf.id_symbols.is_empty() && changed(elf, section, &probe).is_err())
}

/// The functions that the section asks for, and all types of `btf` that it does.
pub(super) fn asked_for<'a>(
    elf: &'a Elf,
    section: &Section,
    btf: &Btf,
) -> Result<(Vec<&'a str>, Vec<TypeId>)> {
    let ids = Ids::new(elf, elf.section_data(section)?)?;
    let functions = ids.singles.iter().filter(|single| single.kind == Kind::FUNC);
    let found: BTreeSet<u32> = ids.find(btf).into_values().collect();
    Ok((functions.map(|single| single.name).collect(), found.into_iter().map(TypeId).collect()))
}

/// The ids in the section, whatever types they are of; what can't be told is left out.
pub(super) fn used(elf: &Elf, section: &Section) -> Result<BTreeSet<u32>> {
    let Ok(ids) = Ids::new(elf, elf.section_data(section)?) else { return Ok(BTreeSet::new()) };
    let entries = ids.sets.iter().flat_map(|set| ids.entries(set).unwrap_or_default());
    let singles = ids.singles.iter().map(|single| single.at);
    Ok(singles.chain(entries).filter_map(|at| ids.word(at)).collect())
}

/// The sets whose entries have different flags and were sorted for other BTF: which flags belong to
/// which function then follows from the order of the functions alone.
pub(super) fn sets_by_order(
    elf: &Elf,
    section: &Section,
    change: &Change<'_>,
) -> Result<Vec<String>> {
    let mut ids = Ids::new(elf, elf.section_data(section)?)?;
    let by_order = ids.flags_to_symbols(change)?;
    let sets = ids.sets.iter().filter(|set| by_order.contains(&set.start));
    Ok(sets.map(|set| set.symbol.to_owned()).collect())
}

/// What helps against ids that cannot be moved.
const RESOLVE: &str = "--resolve-ids fills them by kind and name";

impl<'a> Ids<'a> {
    /// The section's symbols, in order. Sets must not overlap: no symbol says twice what a word is.
    fn new(elf: &'a Elf, data: Vec<u8>) -> Result<Ids<'a>> {
        let mut singles: Vec<Single<'_>> = elf.id_symbols.iter().filter_map(single).collect();
        let mut sets: Vec<Set<'_>> = elf.id_symbols.iter().filter_map(set).collect();
        singles.sort_by_key(|single| single.at);
        sets.sort_by_key(|set| set.start);
        for pair in sets.windows(2) {
            if let [a, b] = pair
                && b.start < a.range.end
            {
                return Err(bad(format!("symbols {} and {} overlap", a.symbol, b.symbol)));
            }
        }
        Ok(Ids { elf, data, singles, sets })
    }

    /// The symbols of single ids within a range.
    fn within(&self, range: &Range<usize>) -> &[Single<'a>] {
        let start = self.singles.partition_point(|single| single.at < range.start);
        let end = self.singles.partition_point(|single| single.at < range.end);
        self.singles.get(start..end).unwrap_or_default()
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.data.get(at..)?.first_chunk().map(|bytes| self.elf.endian.u32(*bytes))
    }

    fn put(&mut self, at: usize, word: u32) {
        if let Some(place) = self.data.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = self.elf.endian.bytes(word);
        }
    }

    /// The kind and name of the type that an id in the section has now.
    fn named<'b>(&self, id: u32, change: &Change<'b>) -> Option<(Kind, &'b [u8])> {
        let id = id.checked_sub(change.lowered).filter(|id| *id != 0)?;
        let ty = change.old.get(TypeId(id))?;
        Some((ty.kind(), ty.name()))
    }

    /// Where ids are; an error if one of them is not that of a type that a symbol asks for, or if a
    /// word that is not 0 stands where no symbol says what it is.
    fn places(&self, change: &Change<'_>) -> Result<BTreeSet<usize>> {
        let mut places = BTreeSet::new();
        let mut covered = BTreeSet::new();
        for set in &self.sets {
            let ids = self.set_ids(set)?;
            let fail = |what: &str| bad(format!("symbol {}: {what}", set.symbol));
            // The same types, in whatever order.
            let mut found: Vec<(Kind, &[u8])> = Vec::new();
            for id in ids.iter().filter_map(|at| self.word(*at)).filter(|id| *id != 0) {
                let ty = self.named(id, change);
                found.push(ty.ok_or_else(|| fail(&format!("its id {id} is no type of this BTF")))?);
            }
            let mut asked: Vec<(Kind, &[u8])> = self
                .within(&set.range)
                .iter()
                .map(|single| (single.kind, single.name.as_bytes()))
                .collect();
            found.sort_unstable();
            asked.sort_unstable();
            // An id of 0 was not resolved; all others must be asked for.
            if !is_part_of(&found, &asked) {
                return Err(fail(
                    "its ids are not those of the types that its symbols name: they belong to other BTF",
                ));
            }
            covered.extend(set.range.clone().step_by(4));
            places.extend(ids);
        }
        for single in self.singles.iter().filter(|single| !covered.contains(&single.at)) {
            let fail = |what: &str| bad(format!("the id of {}: {what}", single.name));
            let id = self.word(single.at).ok_or_else(|| fail("it lies outside the section"))?;
            if id != 0 && self.named(id, change) != Some((single.kind, single.name.as_bytes())) {
                return Err(fail(&format!(
                    "{id} is not a type of that kind and name: it belongs to other BTF"
                )));
            }
            places.insert(single.at);
        }
        covered.extend(&places);
        self.check_words(&covered)?;
        Ok(places)
    }

    /// Before ids are put in: a set has as many symbols as ids, and what is there already stands where a
    /// symbol says what it is.
    fn check_covered(&self) -> Result<()> {
        let mut covered: BTreeSet<usize> = self.singles.iter().map(|single| single.at).collect();
        for set in &self.sets {
            let (ids, symbols) = (self.entries(set)?.len(), self.within(&set.range).len());
            if ids != symbols {
                return Err(bad(format!(
                    "symbol {}: its size is that of {ids} ids, and {symbols} symbols say which (they may have been stripped)",
                    set.symbol
                )));
            }
            covered.extend(set.range.clone().step_by(4));
        }
        self.check_words(&covered)
    }

    /// Every word that is not 0 must be one of these.
    fn check_words(&self, covered: &BTreeSet<usize>) -> Result<()> {
        for (at, _) in (0..self.data.len())
            .step_by(4)
            .zip(self.data.chunks(4))
            .filter(|(_, word)| word.iter().any(|byte| *byte != 0))
        {
            if !covered.contains(&at) {
                return Err(bad(format!(
                    "the word at {at:#x} is not 0, and no symbol says what it is (they may have been stripped)"
                )));
            }
        }
        Ok(())
    }

    /// Where the ids of a set are: as many as its size says.
    fn entries(&self, set: &Set<'_>) -> Result<Vec<usize>> {
        if set.range.end > self.data.len() || set.first > set.range.end {
            return Err(bad(format!("symbol {}: it lies outside the section", set.symbol)));
        }
        Ok((set.first..set.range.end).step_by(set.step).collect())
    }

    /// The same, if its count says so too or nothing has been resolved.
    fn set_ids(&self, set: &Set<'_>) -> Result<Vec<usize>> {
        let fail = |what: &str| bad(format!("symbol {}: {what}", set.symbol));
        let ids = self.entries(set)?;
        let count = self.word(set.start).unwrap_or(0) as usize;
        let empty = count == 0 && ids.iter().all(|at| self.word(*at) == Some(0));
        if count != ids.len() && !empty {
            return Err(fail(&format!(
                "its count is {count}, its size is that of {} ids",
                ids.len()
            )));
        }
        Ok(ids)
    }

    fn shift(&mut self, change: &Change<'_>) -> Result<()> {
        for at in self.places(change)? {
            let id = self.word(at).unwrap_or(0);
            if id != 0 {
                self.put(at, change.id(id));
            }
        }
        Ok(())
    }

    /// Puts the flags of resolved sets back beside the symbols that they are for, by the names of
    /// the types that the ids stand for now. Gives the sets, by where they start, for which that
    /// can't be done and where it matters: their ids are those of other BTF, their flags differ.
    fn flags_to_symbols(&mut self, change: &Change<'_>) -> Result<BTreeSet<usize>> {
        let mut by_order = BTreeSet::new();
        let mut writes = Vec::new();
        for set in self.sets.iter().filter(|set| set.step == 8) {
            let entries = self.entries(set)?;
            let flags = |at: usize| self.word(at.saturating_add(4)).unwrap_or(0);
            if entries.iter().all(|at| self.word(*at) == Some(0)) {
                continue;
            }
            let named: HashMap<(Kind, &[u8]), u32> = entries
                .iter()
                .filter_map(|at| Some((self.named(self.word(*at)?, change)?, flags(*at))))
                .collect();
            let wanted = self.within(&set.range);
            let found = wanted.iter().filter_map(|single| {
                let flags = named.get(&(single.kind, single.name.as_bytes()))?;
                Some((single.at.saturating_add(4), *flags))
            });
            let found: Vec<(usize, u32)> = found.collect();
            if found.len() == entries.len() && named.len() == entries.len() {
                writes.extend(found);
            } else if entries
                .iter()
                .any(|at| entries.first().map(|first| flags(*first)) != Some(flags(*at)))
            {
                by_order.insert(set.start);
            }
        }
        writes.into_iter().for_each(|(at, word)| self.put(at, word));
        Ok(by_order)
    }

    /// Back to how it was before anyone resolved it: no ids, no counts. Flags stay.
    fn clear(&mut self) {
        for at in self.singles.iter().map(|single| single.at).collect::<Vec<_>>() {
            self.put(at, 0);
        }
        for at in self.sets.iter().map(|set| set.start).collect::<Vec<_>>() {
            self.put(at, 0);
        }
    }

    /// Fills the ids by kind and name: functions from the own types, all else from the lowest id,
    /// the base first. Counts are set, sets sorted.
    fn resolve(&mut self, btf: &Btf, by_order: &BTreeSet<usize>) -> Result<()> {
        let found = self.find(btf);
        let id_of = |single: &Single<'_>| found.get(&(single.kind, single.name)).copied();
        let missing: Vec<&str> = self
            .singles
            .iter()
            .filter(|single| id_of(single).is_none())
            .map(|single| single.name)
            .collect();
        if !missing.is_empty() {
            let what =
                format!("these cannot be resolved, there is no such type: {}", missing.join(", "));
            return Err(bad(what));
        }
        let ids: BTreeMap<usize, u32> =
            self.singles.iter().filter_map(|single| Some((single.at, id_of(single)?))).collect();
        let mut writes: Vec<(usize, u32)> = ids.iter().map(|(at, id)| (*at, *id)).collect();
        for set in &self.sets {
            let places = self.entries(set)?;
            let entries: Vec<(usize, u32)> =
                places.into_iter().filter_map(|at| Some((at, *ids.get(&at)?))).collect();
            let flags = |at: usize| self.word(at.saturating_add(4)).unwrap_or(0);
            let mut values: Vec<(u32, u32)> = entries
                .iter()
                .map(|(at, id)| (*id, if set.step == 8 { flags(*at) } else { 0 }))
                .collect();
            if by_order.contains(&set.start) {
                // The flags are in the order of the functions, which encoders number alike in
                // split and in standalone BTF.
                let mut ids: Vec<u32> = values.iter().map(|(id, _)| *id).collect();
                ids.sort_unstable();
                values.iter_mut().zip(ids).for_each(|(value, id)| value.0 = id);
            }
            values.sort_unstable();
            writes.push((set.start, u32::try_from(values.len()).unwrap_or(u32::MAX)));
            for ((at, _), (id, flags)) in entries.into_iter().zip(values) {
                writes.push((at, id));
                if set.step == 8 {
                    writes.push((at.saturating_add(4), flags));
                }
            }
        }
        writes.into_iter().for_each(|(at, word)| self.put(at, word));
        Ok(())
    }

    /// The id of each type that a symbol asks for.
    fn find(&self, btf: &Btf) -> HashMap<(Kind, &str), u32> {
        let mut wanted: HashMap<&[u8], Vec<Kind>> = HashMap::new();
        for single in &self.singles {
            wanted.entry(single.name.as_bytes()).or_default().push(single.kind);
        }
        let mut found: HashMap<(Kind, &[u8]), u32> = HashMap::new();
        let mut level = Some(btf);
        while let Some(btf_at) = level {
            for ty in btf_at.types() {
                let kind = ty.kind();
                let name: &[u8] = ty.name();
                let own = kind != Kind::FUNC || std::ptr::eq(btf_at, btf);
                if own && wanted.get(name).is_some_and(|kinds| kinds.contains(&kind)) {
                    let id = found.entry((kind, name)).or_insert(ty.id().0);
                    *id = (*id).min(ty.id().0);
                }
            }
            level = btf_at.base().map(|base| &**base);
        }
        let ids = self.singles.iter().filter_map(|single| {
            let id = found.get(&(single.kind, single.name.as_bytes()))?;
            Some(((single.kind, single.name), *id))
        });
        ids.collect()
    }
}

/// Whether the sorted list `part` is contained in the sorted list `all`, each entry once.
fn is_part_of<T: Ord>(part: &[T], all: &[T]) -> bool {
    let mut all = all.iter();
    part.iter().all(|entry| all.any(|other| other == entry))
}
