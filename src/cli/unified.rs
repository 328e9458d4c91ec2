//! Unified diffs of types as C, and what types are called.

use std::fmt::Write as _;
use std::ops::Range;

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

/// A line of a diff: which side it is of, and its place in the text of that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is on both sides; its place on the old one.
    Both(usize),
    Old(usize),
    New(usize),
}

/// What is between two lines that are the same on both sides, with some of these around it.
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
    pub(super) lines: Vec<Shown>,
}

impl Hunk {
    /// `@@ -3,7 +3,8 @@`.
    pub(super) fn header(&self) -> String {
        let mut text = "@@".to_owned();
        for (sign, range) in [('-', &self.old), ('+', &self.new)] {
            // An empty range stands behind the line that it names.
            let first = range.start.saturating_add(usize::from(!range.is_empty()));
            let _ = write!(text, " {sign}{first},{}", range.len());
        }
        text + " @@"
    }
}

/// The places where two texts differ, with `context` lines around each.
pub(super) fn hunks(old: &[&str], new: &[&str], context: usize) -> Vec<Hunk> {
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    group_diff_ops(ops, context).iter().map(|ops| hunk(ops)).collect()
}

fn hunk(ops: &[DiffOp]) -> Hunk {
    let mut lines = Vec::new();
    for op in ops {
        let (tag, old, new) = op.as_tag_tuple();
        match tag {
            DiffTag::Equal => lines.extend(old.map(Shown::Both)),
            _ => {
                lines.extend(old.map(Shown::Old));
                lines.extend(new.map(Shown::New));
            }
        }
    }
    let first = ops.first().map(DiffOp::as_tag_tuple);
    let last = ops.last().map(DiffOp::as_tag_tuple);
    let (old, new) = match (first, last) {
        (Some((_, old, new)), Some((_, old_end, new_end))) => {
            (old.start..old_end.end, new.start..new_end.end)
        }
        _ => (0..0, 0..0),
    };
    Hunk { old, new, lines }
}
