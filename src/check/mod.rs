//! What the kernel's BTF verifier would say, without asking a kernel, in the kernel's own order, with all
//! that is wrong instead of the first thing; and what it takes although it is wrong.
//!
//! * `rule`: the rules as data; `report`: findings and the verdict.
//! * `format`: what differs between versions in how records are read.
//! * `blob`: records and strings, raw; `log`: the lines of the kernel's log.
//! * `header`, `meta` and `element`, `resolve`, `member` and `proto`, `tags`, `special`
//!   and `record`: the kernel's steps, one after the other.
//! * `own`, `strings` and `describe`: what is not the kernel's business.

mod blob;
mod describe;
mod element;
mod format;
mod header;
mod log;
mod member;
mod meta;
mod own;
mod proto;
mod record;
mod report;
mod resolve;
mod rule;
mod special;
mod strings;
mod tags;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use record::KernelTypes;
pub use report::{Finding, FindingPlace, Outcome, Report};
pub use rule::{Errno, Rule, Severity};

use crate::btf::{Btf, Endian};
use crate::kind::{KindMap, Version};
use blob::Blob;
use format::Format;
use report::Findings;

/// Who is to take the BTF: the kernel does not look at all of it with the same eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// A user loads it (`BPF_BTF_LOAD`): everything is checked, all types are resolved.
    #[default]
    User,
    /// It is in a module: each record by itself, and the order of type tags.
    Module,
    /// It is the kernel's own, or a distilled base: as in a module, but standalone.
    Vmlinux,
    /// A compiler made it, and a loader such as libbpf will complete it for [`Role::User`]: it gives sections their
    /// sizes and the places in them, and links what is extern.
    Object,
}

impl Role {
    /// All roles, with their names.
    pub const ALL: [(&str, Role); 4] = [
        ("user", Role::User),
        ("module", Role::Module),
        ("vmlinux", Role::Vmlinux),
        ("object", Role::Object),
    ];

    /// The role of a name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Role::ALL.iter().find(|(_, role)| role == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// The newest kernel whose rules are known.
pub const NEWEST: Version = Version { major: 7, minor: 2 };

/// How to check.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// How many findings are kept; others are counted. The first error of the kernel's always is.
    pub most: usize,
    /// Who is to take it.
    pub role: Role,
    /// The rules of this kernel.
    pub version: Version,
    /// What it is split on. A user cannot load split BTF: [`Role::User`] and [`Role::Object`] do without.
    pub base: Option<&'a Arc<Btf>>,
    /// String offsets that others than the blob refer to, such as `.BTF.ext` of the same file.
    pub used_strings: &'a [u32],
    /// Findings of these names are left out, as long as they are not the kernel's.
    pub allow: &'a [&'a str],
    /// The kernel's own types: a pointer that a BPF program owns (`__kptr`) may be to one of them. Where they
    /// are not known, such pointers are taken for ones to types of the blob, with a warning.
    pub kernel: Option<&'a KernelTypes>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            most: 1000,
            role: Role::User,
            version: NEWEST,
            base: None,
            used_strings: &[],
            allow: &[],
            kernel: None,
        }
    }
}

/// What all steps share.
struct Check<'a, 'o> {
    blob: Blob<'a>,
    /// Kinds that are described, if all that describes them could be read.
    kinds: Option<KindMap>,
    /// Whether there is a record of a kind that the kernel does not know.
    unknown_kind: bool,
    findings: Findings<'o>,
    options: &'o Options<'o>,
}

/// Checks a blob as a kernel does.
///
/// The blob need not be parseable. Errors are in the kernel's order: the first one is what a kernel would
/// say, the others are what it would say were those before them not there. Behind them is what the kernel does not look
/// at. The time is linear in the size of the blob (n log n for strings that are there twice), and so is the memory.
///
/// BTF for machines of the other byte order is checked as such a machine's kernel would; only what a user loads must be
/// in this machine's.
///
/// ```
/// use btfkinds::{Btf, Encoding, check::{Options, Outcome, Role, check}};
///
/// let mut btf = Btf::new();
/// btf.add_int("int", 4, Encoding::Signed)?;
/// assert_eq!(check(&btf.to_bytes(), &Options::default()).verdict(), Outcome::Accepted);
///
/// let report = check(b"\x9f\xeb", &Options::default());
/// assert_eq!(report.findings()[0].rule, "header-cut");
/// assert_eq!(report.verdict().to_string(), "refused (EINVAL)");
///
/// let old = Options { version: "5.10".parse()?, role: Role::Vmlinux, ..Options::default() };
/// btf.add_float("double", 8)?;
/// assert_eq!(check(&btf.to_bytes(), &old).findings()[0].rule, "info-bits");
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn check(blob: &[u8], options: &Options<'_>) -> Report {
    let loaded = matches!(options.role, Role::User | Role::Object);
    let base = options.base.filter(|_| !loaded);
    let native = if options.role == Role::User { Cow::Borrowed(blob) } else { native(blob) };
    let own = own::Own::read(&native, base);
    let mut check = Check {
        blob: Blob::new(Format::of(options.version), base.map(|base| &**base)),
        kinds: own.as_ref().ok().map(|own| own.kinds.clone()),
        unknown_kind: false,
        findings: Findings::new(options),
        options,
    };
    if header::check(&mut check, &native) {
        let broken = meta::check(&mut check);
        if let Some(broken) = broken.filter(|_| loaded) {
            resolve::check(&mut check, &broken);
        }
        // What follows takes it for granted that all types are in order.
        if check.findings.is_accepted() {
            tags::check(&mut check);
            if loaded && check.findings.is_accepted() && options.version >= format::v(6, 2) {
                record::check(&mut check);
            }
        }
    }
    own::check(&mut check, own);
    check.findings.report()
}

/// A blob of the other byte order in this machine's.
fn native(blob: &[u8]) -> Cow<'_, [u8]> {
    let other = match Endian::NATIVE {
        Endian::Little => [0xeb, 0x9f],
        Endian::Big => [0x9f, 0xeb],
    };
    let mut swapped = blob.to_vec();
    let (header, rest) = match swapped.split_at_mut_checked(8) {
        Some((header, rest)) if header.starts_with(&other) => (header, rest),
        _ => return Cow::Borrowed(blob),
    };
    let swap = |bytes: &mut [u8]| {
        let (words, _) = bytes.as_chunks_mut::<4>();
        words.iter_mut().for_each(|word| word.reverse());
    };
    header.get_mut(..2).into_iter().for_each(<[u8]>::reverse);
    header.get_mut(4..).into_iter().for_each(swap);
    let word = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |word| u32::from_ne_bytes(*word));
    let length = header.get(4..).map_or(0, word) as usize;
    let behind = length.saturating_sub(8).min(rest.len());
    rest.get_mut(..behind).into_iter().for_each(swap);
    let at = rest.first_chunk::<4>().map_or(0, |at| u32::from_ne_bytes(*at)) as usize;
    let len = rest.get(4..).map_or(0, word) as usize;
    let start = behind.saturating_add(at).min(rest.len());
    let end = start.saturating_add(len).min(rest.len());
    rest.get_mut(start..end).into_iter().for_each(swap);
    Cow::Owned(swapped)
}
