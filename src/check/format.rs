//! What a kernel of a version reads out of a record, and how far ids and names reach.

use crate::kind::{KindSpec, Version};

/// A record's `info` as a kernel takes it apart, and the format's limits in it.
#[derive(Clone, Copy)]
pub(super) struct Format {
    /// The number of the last kind that it knows.
    pub(super) kinds: u8,
    /// The bits of the kind, shifted down.
    pub(super) kind_mask: u8,
    /// The bits of vlen.
    pub(super) vlen_mask: u32,
    /// The bits of info that it has no use for.
    pub(super) unused: u32,
    /// The highest type id that may stand in a record (`BTF_MAX_TYPE`).
    pub(super) max_type: u32,
    /// The highest offset of a name (`BTF_MAX_NAME_OFFSET`).
    pub(super) max_name: u32,
    /// The longest identifier (`KSYM_NAME_LEN`).
    pub(super) longest: usize,
    /// Whether a dot is a letter.
    pub(super) dots: bool,
    /// Whether functions are resolved when something leads to them, not only at their turn.
    pub(super) resolves_functions: bool,
    /// Whether what is followed from a section is decided anew for each of its variables.
    pub(super) section_by_variable: bool,
    /// Whether an integer has no more than 64 bits.
    pub(super) short_ints: bool,
    /// Whether every enum is taken for one of 4 bytes where it is a member.
    pub(super) small_enums: bool,
    /// Whether a prototype cannot return a variable, a section or a tag.
    pub(super) strict_returns: bool,
    /// Whether it cannot take one either.
    pub(super) strict_arguments: bool,
    /// Whether a section's name may be anything that can be printed.
    pub(super) free_sections: bool,
}

/// Shorthand for comparisons.
pub(super) const fn v(major: u16, minor: u16) -> Version {
    Version { major, minor }
}

impl Format {
    pub(super) fn of(version: Version) -> Format {
        let known = |spec: &&std::sync::Arc<KindSpec>| spec.since <= Some(version);
        let kinds = KindSpec::released().iter().filter(known).map(|spec| spec.kind.0).max();
        let since = |major, minor| version >= v(major, minor);
        let (kind_mask, vlen_mask, unused) = if since(7, 2) {
            (0x7f, 0x00ff_ffff, 0)
        } else if since(5, 13) {
            (0x1f, 0xffff, 0x60ff_0000)
        } else if since(5, 0) {
            (0x0f, 0xffff, 0x70ff_0000)
        } else {
            (0x0f, 0xffff, 0xf0ff_0000)
        };
        let large = since(5, 4);
        Format {
            kinds: kinds.unwrap_or(0),
            kind_mask,
            vlen_mask,
            unused,
            max_type: if large { 0x000f_ffff } else { 0xffff },
            max_name: if large { 0x00ff_ffff } else { 0xffff },
            longest: if since(6, 1) { 512 } else { 128 },
            dots: since(6, 4),
            resolves_functions: since(5, 18),
            section_by_variable: since(6, 3),
            strict_returns: since(6, 1),
            strict_arguments: since(6, 2),
            short_ints: !since(5, 1),
            small_enums: !since(5, 7),
            free_sections: since(6, 9),
        }
    }

    /// The last type id that the kernel keeps: there are `BTF_MAX_TYPE` types, void is one.
    pub(super) fn last_type(&self) -> u32 {
        self.max_type.saturating_sub(1)
    }
}
