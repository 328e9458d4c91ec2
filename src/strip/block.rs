//! What the encoder would add, found by what it looks like and proved by adding it again.
//!
//! Descriptions stand in a block, mostly behind all types. Its end is a typedef that describes a kind. Where it
//! begins follows from the types too, but for the first few: whether `unsigned int` and `__u32` before it came
//! with it or not. So there are a handful of places to try, and the first that gives the same bytes again is
//! it. The longest block is tried first: where both would do, types that nothing uses come off.

use std::ops::Range;

use memchr::memrchr;

use super::Blob;
use crate::btf::{Btf, Removal, Types};
use crate::error::Result;
use crate::kind::discover::description_typedefs;
use crate::kind::{
    Describe, Kind, KindEntry, Place, Source, TypedefName, describe_only, part_of_description,
    sizes_only,
};

/// No description begins with more types than this before its typedef: the words, the headers, its parts.
const MOST_BEFORE: u32 = 16;
/// How many blocks are tried. More runs of descriptions than this are no encoder's.
const MOST_TRIES: usize = 48;

/// A block of types that describing the rest adds again, and the strings that came with them.
pub(super) struct Block {
    pub(super) ids: Range<u32>,
    pub(super) strings: Range<u32>,
}

/// Descriptions that one call of the encoder adds: kinds in ascending order, then those that only get a
/// name that carries their sizes.
struct Run {
    /// The first and last typedef.
    first: u32,
    last: u32,
    kinds: Vec<Kind>,
}

/// The block, if there is one.
pub(super) fn find(blob: &Blob<'_>) -> Option<Block> {
    let types = blob.btf.view();
    let typedefs: Vec<_> =
        description_typedefs(types, 0).take_while(|(id, _)| *id < blob.types_end).collect();
    if typedefs.is_empty() {
        return None;
    }
    let runs = runs(&typedefs);
    let try_all = |starts: Vec<(u32, usize)>, end: u32, place| {
        starts.into_iter().take(MOST_TRIES).find_map(|(start, first_run)| {
            let runs: Vec<&Run> =
                runs.get(first_run..)?.iter().take_while(|run| run.last < end).collect();
            let strings = strings(blob, &(start..end), runs.first()?.first)?;
            let block = Block { ids: start..end, strings };
            proves(blob, &block, &runs, place).unwrap_or(false).then_some(block)
        })
    };
    // Behind all types.
    let last = runs.last()?.last;
    if last.saturating_add(1) == blob.types_end
        && let Some(block) =
            try_all(starts(blob, &runs, blob.types_end), blob.types_end, Place::Back)
    {
        return Some(block);
    }
    // Before the first record of a kind that is not released, or before all types.
    let unreleased = blob.btf.types().find(|ty| !ty.kind().is_released());
    match unreleased {
        Some(ty) => {
            let end = ty.id().0;
            let is_end = runs.iter().any(|run| run.last.saturating_add(1) == end);
            is_end.then(|| try_all(starts(blob, &runs, end), end, Place::Front)).flatten()
        }
        None => {
            let start = blob.btf.first_id().0;
            let run = runs.first()?;
            let all_parts = (start..run.last).all(|id| part(types, id).is_some());
            let end = run.last.saturating_add(1);
            all_parts.then(|| try_all(vec![(start, 0)], end, Place::Front)).flatten()
        }
    }
}

/// Takes typedefs of descriptions apart into what the encoder adds at a time.
fn runs(typedefs: &[(u32, TypedefName)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<(bool, Kind)> = None;
    for (id, name) in typedefs.iter().copied() {
        let step = match name {
            TypedefName::Kind(kind) => (false, kind),
            // It comes along with the description.
            TypedefName::Sizes(kind, ..) if last == Some((false, kind)) => (false, kind),
            TypedefName::Sizes(kind, ..) => (true, kind),
        };
        let goes_along = matches!(name, TypedefName::Sizes(..)) && !step.0;
        match runs.last_mut() {
            Some(run) if goes_along => run.last = id,
            Some(run) if last < Some(step) => {
                run.last = id;
                run.kinds.push(step.1);
            }
            _ => runs.push(Run { first: id, last: id, kinds: vec![step.1] }),
        }
        last = Some(step);
    }
    runs
}

/// The kind and name of a type that a description can be made of.
fn part(types: Types<'_>, id: u32) -> Option<(Kind, &[u8])> {
    part_of_description(&types, types.get(id)?)
}

/// Where a block that ends at `end` could start, longest first, and the run that would be its first.
fn starts(blob: &Blob<'_>, runs: &[Run], end: u32) -> Vec<(u32, usize)> {
    let types = blob.btf.view();
    let first_own = blob.btf.first_id().0;
    let mut lowest = end;
    while lowest > first_own && part(types, lowest.saturating_sub(1)).is_some() {
        lowest = lowest.saturating_sub(1);
    }
    let mut starts = Vec::new();
    let mut from = lowest;
    for (index, run) in runs.iter().enumerate() {
        if run.first < lowest || run.first >= end {
            continue;
        }
        let earliest = run.first.saturating_sub(MOST_BEFORE).max(from);
        starts.extend((earliest..=run.first).map(|start| (start, index)));
        from = run.last.saturating_add(1);
        if starts.len() >= MOST_TRIES {
            break;
        }
    }
    starts
}

/// The last strings, as many as a block of types brought along; None if something else needs the types, or if
/// nothing in the block needs the first one, which is no description's typedef then.
fn strings(blob: &Blob<'_>, ids: &Range<u32>, first_typedef: u32) -> Option<Range<u32>> {
    let btf = blob.btf;
    let own_strings = btf.own_strings();
    let first_string = btf.first_string();
    let mut needed = false;
    let mut begins = ids.start == first_typedef;
    let mut highest = blob.used.strings.last().copied().unwrap_or(0);
    // In the order in which the encoder adds them: those of members come before their struct's name.
    let mut met: Vec<u32> = Vec::new();
    for ty in btf.types().take_while(|ty| ty.id().0 < blob.types_end) {
        if ids.contains(&ty.id().0) {
            ty.for_each_ref(|at, word, is_str| match is_str {
                true if at > 0 => met.push(word),
                true => {}
                false => begins |= word == ids.start,
            });
            met.push(ty.name_off().0);
        } else {
            ty.for_each_ref(|_, word, is_str| match is_str {
                true => highest = highest.max(word),
                false => needed |= ids.contains(&word),
            });
        }
    }
    if needed || !begins || blob.used.ids.range(ids.clone()).next().is_some() {
        return None;
    }
    let mut seen = std::collections::HashSet::new();
    met.retain(|offset| *offset >= first_string.max(1) && seen.insert(*offset));
    // Own offsets from here on.
    let own = |offset: u32| offset.saturating_sub(first_string) as usize;
    let mut end = own(blob.strings_end);
    let mut rest = met.iter().rev();
    // The string that ends at `end` is the last that was added, or none was.
    while let Some(text) = end.checked_sub(1).and_then(|nul| own_strings.get(..nul)) {
        let start = memrchr(0, text).map_or(0, |nul| nul.saturating_add(1));
        let is_needed = highest >= first_string && own(highest) >= start;
        if is_needed || !rest.any(|offset| own(*offset) == start) {
            break;
        }
        end = start;
    }
    let start = u32::try_from(end).ok()?.checked_add(first_string)?;
    Some(start..blob.strings_end)
}

/// Whether describing what is left without a block gives this blob again.
fn proves(blob: &Blob<'_>, block: &Block, runs: &[&Run], place: Place) -> Result<bool> {
    let btf = blob.btf;
    let mut ids: Vec<u32> = block.ids.clone().collect();
    let mut strings = vec![block.strings.clone()];
    if blob.origin {
        ids.push(blob.types_end);
        strings.push(blob.strings_end..btf.str_end());
    }
    let mut again = btf.without(&Removal::new(ids, strings))?;
    let layout = blob.layout && layout_is_ours(btf);
    if layout {
        again = again.without_layout()?;
    }
    // What the encoder knew of kinds that are not released.
    for (spec, id) in btf.descriptions() {
        if !block.ids.contains(&id.0) || spec.kind.is_released() {
            continue;
        }
        let entry = match again.layout().sizes(spec.kind).transpose()? {
            Some(sizes) if !spec.classes => {
                KindEntry::new(sizes_only(spec.kind, sizes).into(), Source::Layout)
            }
            _ => KindEntry::new(spec.into(), Source::Given),
        };
        again.take_kind(&entry);
    }
    let options = Describe { place, origin: blob.origin, ..Describe::default() };
    for run in runs {
        describe_only(&mut again, &options, |kind| run.kinds.contains(&kind))?;
    }
    if layout {
        again.add_layout()?;
    }
    Ok(again.to_bytes() == btf.to_bytes())
}

/// Whether the layout section is what the encoder would write.
pub(super) fn layout_is_ours(btf: &Btf) -> bool {
    let without = btf.clone().without_layout();
    without
        .and_then(|mut bare| bare.add_layout().map(|_| bare))
        .is_ok_and(|again| again.layout().bytes == btf.layout().bytes)
}
