//! Strings that are there for nothing: the kernel takes them, but they cost memory in every reader, and show that
//! something was taken out or put together without care.

use std::collections::HashSet;

use super::Check;
use super::own::Own;
use super::rule::{self, Rule};

/// How much of a string is shown.
const SHOWN: usize = 60;

/// Strings of one sort: how many, and the first.
#[derive(Default)]
struct Found<'a> {
    count: usize,
    bytes: usize,
    first: Option<(usize, &'a [u8])>,
}

impl<'a> Found<'a> {
    fn add(&mut self, at: usize, string: &'a [u8]) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(string.len()).saturating_add(1);
        self.first.get_or_insert((at, string));
    }

    fn report(self, check: &mut Check<'_, '_>, rule: &Rule, strings_at: usize) {
        let Some((at, string)) = self.first else { return };
        let place = check.place_of(None, Some(strings_at.saturating_add(at)), None);
        let shown = String::from_utf8_lossy(string.get(..SHOWN).unwrap_or(string));
        let dots = if string.len() > SHOWN { "..." } else { "" };
        let strings = if self.count == 1 { "string" } else { "strings" };
        let values = format_args!(
            "{} {strings}, {} bytes; the first is '{}{dots}'",
            self.count,
            self.bytes,
            shown.escape_debug()
        );
        check.findings.own(rule, place, values);
    }
}

pub(super) fn check(check: &mut Check<'_, '_>, own: &Own<'_>) {
    let walk = own.walk.get();
    let first = walk.start_str;
    let mut used = vec![false; walk.strings.len()];
    let mut mark = |offset: u32| {
        let own = offset.checked_sub(first).and_then(|own| used.get_mut(own as usize));
        own.into_iter().for_each(|used| *used = true);
    };
    own.for_each_reference(|_, _, _, word, is_str| {
        if is_str {
            mark(word);
        }
    });
    check.options.used_strings.iter().copied().for_each(mark);
    let (mut twice, mut unused) = (Found::default(), Found::default());
    let mut seen = HashSet::new();
    let mut start = 0_usize;
    for end in memchr::memchr_iter(0, walk.strings) {
        let string = walk.strings.get(start..end).unwrap_or_default();
        // The empty string is there for all; BTF that was standalone has its own.
        if start != 0 || !string.is_empty() {
            let uses = used.get(start..=end).unwrap_or_default();
            if !seen.insert(string) {
                twice.add(start, string);
            } else if !uses.contains(&true) {
                unused.add(start, string);
            }
        }
        start = end.saturating_add(1);
    }
    let strings_at = check.blob.strings_at;
    twice.report(check, &rule::STRING_TWICE, strings_at);
    unused.report(check, &rule::STRING_UNUSED, strings_at);
}
