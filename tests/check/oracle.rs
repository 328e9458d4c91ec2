//! What the running kernel says, beside what we say.

use btfkinds::kernel::{VMLINUX, Verdict, verify};
use std::sync::LazyLock;

use btfkinds::check::{Errno, KernelTypes, Options, Outcome, check};
use btfkinds::{Btf, Version};

/// The running kernel's own types, if it has BTF.
static KERNEL: LazyLock<Option<KernelTypes>> = LazyLock::new(|| {
    let bytes = std::fs::read(VMLINUX).ok()?;
    Some(KernelTypes::of(&Btf::parse(&bytes).unwrap()))
});

/// What the running kernel is to be compared with.
pub fn running() -> Options<'static> {
    static VERSION: LazyLock<Version> = LazyLock::new(|| {
        std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().parse().unwrap()
    });
    Options { kernel: KERNEL.as_ref(), version: *VERSION, ..Options::default() }
}

/// The verdict and the last thing said, by us and by the kernel.
pub struct Both {
    pub ours: (Outcome, Option<String>),
    pub theirs: (Outcome, String),
    /// The rule that we refuse it by.
    pub rule: &'static str,
}

impl Both {
    /// None for what makes the kernel complain in its own log, if it takes it or not.
    pub fn ask_quietly(blob: &[u8]) -> Option<Both> {
        let report = check(blob, &running());
        let loud = ["special-nested", "special-end"];
        let quiet = !report.findings().iter().any(|finding| loud.contains(&finding.rule));
        quiet.then(|| Both::ask(blob))
    }

    pub fn ask(blob: &[u8]) -> Both {
        let theirs = match verify(blob) {
            Verdict::Accepted => (Outcome::Accepted, String::new()),
            Verdict::Refused { error, log } => {
                (Outcome::Refused(Errno(error.raw_os_error().unwrap())), log)
            }
            Verdict::NotAllowed(error) => panic!("{error}"),
            _ => unreachable!(),
        };
        let report = check(blob, &running());
        let first = report.first_error();
        Both {
            ours: (report.verdict(), first.and_then(|finding| finding.kernel.clone())),
            theirs,
            rule: first.map_or("accepted", |finding| finding.rule),
        }
    }

    /// Whether verdict, error, id and message are the same.
    pub fn agree(&self) -> bool {
        if self.ours.0 != self.theirs.0 {
            return false;
        }
        let Some(ours) = &self.ours.1 else {
            return true;
        };
        let log = self.theirs.1.trim_end_matches('\n');
        let ours = ours.trim_end_matches('\n');
        match ours.split_once("args=(...)") {
            // We don't list long lists of arguments.
            Some((head, tail)) => log.contains(head) && log.ends_with(tail),
            None => log.ends_with(ours),
        }
    }

    pub fn text(&self) -> String {
        let log: Vec<&str> = self.theirs.1.trim_end().rsplit('\n').take(2).collect();
        format!(
            "ours: {} {} {:?}\nkernel: {} {:?}",
            self.ours.0, self.rule, self.ours.1, self.theirs.0, log
        )
    }
}
