//! The rules, applied to every record of a blob.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Rule;
use super::edit::{Edit, kind};
use super::rules::{self, Row};
use crate::btf::Btf;
use crate::kind::Version;

/// A record breaks few rules one after the other; rounds beyond this would be a mistake in the
/// table.
const MOST: usize = 8;

/// What is to be replaced in a blob, by what.
pub(super) struct Plan<'a> {
    edit: Edit<'a>,
    /// The first rule that a type breaks, by id.
    pub(super) first: BTreeMap<u32, &'static Rule>,
    counts: BTreeMap<usize, (&'static Rule, usize)>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(btf: &'a Btf, version: Version) -> Self {
        let edit = Edit::new(btf, version);
        let mut plan = Plan { edit, first: BTreeMap::new(), counts: BTreeMap::new() };
        let records = || rules::RECORDS.iter().enumerate();
        let following = || (rules::RECORDS.len()..).zip(rules::FOLLOWING.iter());
        plan.apply(records());
        // What refers to what was replaced, which may be replaced itself then.
        for _ in 0..MOST {
            let before = plan.edit.changed.len();
            if before == 0 {
                break;
            }
            plan.apply(following().chain(records()));
            if plan.edit.changed.len() == before {
                break;
            }
        }
        plan
    }

    fn apply(&mut self, rows: impl Iterator<Item = (usize, &'static Row)>) {
        let edit = &mut self.edit;
        let newer = |row: &Row| row.rule.since.is_none_or(|since| since > edit.version);
        let rows: Vec<(usize, &Row)> = rows.filter(|(_, row)| newer(row)).collect();
        let btf = edit.btf;
        for ty in btf.types() {
            let id = ty.id().0;
            let before = edit.changed.remove(&id);
            let mut changed = before.is_some();
            let mut words = before.map_or(Cow::Borrowed(ty.words()), Cow::Owned);
            for _ in 0..MOST {
                let kind = kind(&words);
                let broken =
                    rows.iter().find(|(_, row)| row.is_for(kind) && (row.test)(edit, &words));
                let Some((number, row)) = broken else { break };
                words = Cow::Owned((row.replace)(edit, &words));
                changed = true;
                self.first.entry(id).or_insert(&row.rule);
                let (_, count) = self.counts.entry(*number).or_insert((&row.rule, 0));
                *count = count.saturating_add(1);
            }
            if changed {
                edit.changed.insert(id, words.into_owned());
            }
        }
    }

    /// How often each rule was applied, in their order.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static Rule, usize)> {
        self.counts.values().copied()
    }

    /// What a type is replaced by, if it is.
    pub(super) fn record(&self, id: u32) -> Option<&[u32]> {
        self.edit.changed.get(&id).map(Vec::as_slice)
    }

    /// Types that are added behind all others.
    pub(super) fn added(&self) -> &[Vec<u32>] {
        &self.edit.added
    }

    /// Strings that are added behind all others.
    pub(super) fn strings(&self) -> &[u8] {
        &self.edit.strings
    }
}
