//! What the kernel's BTF verifier would say, without asking a kernel: `bpf(BPF_BTF_LOAD)` of
//! standalone BTF, in the kernel's own order, with all that is wrong instead of the first thing.
//!
//! * `rule`: the rules as data; `report`: findings and the verdict.
//! * `blob`: records and strings, raw; `log`: the lines of the kernel's log.
//! * `header`, `meta` and `element`, `resolve`, `member` and `proto`, `tags`, `special`
//!   and `record`: the kernel's steps, one after the other.

mod blob;
mod element;
mod header;
mod log;
mod member;
mod meta;
mod proto;
mod record;
mod report;
mod resolve;
mod rule;
mod special;
mod tags;

pub use record::KernelTypes;
pub use report::{Finding, FindingPlace, Outcome, Report};
pub use rule::{Errno, Rule, Severity};

use blob::Blob;
use report::Findings;

/// How to check.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// How many findings are kept; others are counted. The first error always is.
    pub most: usize,
    /// The kernel's own types: a pointer that a BPF program owns (`__kptr`) may be to one of them. Where they
    /// are not known, such pointers are taken for ones to types of the blob, with a warning.
    pub kernel: Option<&'a KernelTypes>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { most: 1000, kernel: None }
    }
}

/// What all steps share.
struct Check<'a, 'o> {
    blob: Blob<'a>,
    findings: Findings,
    options: &'o Options<'o>,
}

/// Checks a standalone blob as Linux 6.18 does when a user loads it.
///
/// The blob need not be parseable. Errors are in the kernel's order: the first one is what a kernel would
/// say, the others are what it would say were those before them not there. The time is linear in the size of the
/// blob, and so is the memory.
///
/// ```
/// use btfkinds::{Btf, Encoding, check::{Outcome, check}};
///
/// let mut btf = Btf::new();
/// btf.add_int("int", 4, Encoding::Signed)?;
/// assert_eq!(check(&btf.to_bytes(), &Default::default()).verdict(), Outcome::Accepted);
///
/// let report = check(b"\x9f\xeb", &Default::default());
/// assert_eq!(report.findings()[0].rule, "header-cut");
/// assert_eq!(report.verdict().to_string(), "refused (EINVAL)");
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn check(blob: &[u8], options: &Options<'_>) -> Report {
    let findings = Findings::new(options.most);
    let mut check = Check { blob: Blob::default(), findings, options };
    if header::check(&mut check, blob) {
        let broken = meta::check(&mut check);
        if let Some(broken) = &broken {
            resolve::check(&mut check, broken);
        }
        // What follows takes it for granted that all types are in order.
        if check.findings.is_accepted() {
            tags::check(&mut check);
            if check.findings.is_accepted() {
                record::check(&mut check);
            }
        }
    }
    check.findings.report()
}
