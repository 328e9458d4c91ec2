//! The verifier, in every role and with the rules of any version: no other verdict when fewer findings are kept or ours
//! are allowed, and what it accepts from a user can be read. As root and with BTFKINDS_FUZZ_KERNEL set, verdict, error and
//! message are the running kernel's.
#![no_main]

use std::sync::LazyLock;

use btfkinds::check::{Errno, KernelTypes, NEWEST, Options, Outcome, Report, Role, Rule, check};
use btfkinds::kernel::{VMLINUX, Verdict, verify};
use btfkinds::{Btf, Version};
use btfkinds_fuzz::{is_line, target};

/// The running kernel's own types, where it is to be asked.
static KERNEL: LazyLock<Option<KernelTypes>> = LazyLock::new(|| {
    std::env::var_os("BTFKINDS_FUZZ_KERNEL")?;
    let vmlinux = std::fs::read(VMLINUX).expect("a kernel with BTF");
    Some(KernelTypes::of(&Btf::parse(&vmlinux).expect("BTF")))
});

/// Versions between which rules change.
const VERSIONS: [&str; 16] = [
    "4.18", "4.20", "5.0", "5.2", "5.4", "5.7", "5.12", "5.13", "5.17", "5.19", "6.1", "6.3",
    "6.9", "6.18", "7.1", "7.2",
];

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

/// The version of the running kernel.
static RUNNING: LazyLock<Version> = LazyLock::new(|| {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    release.parse().expect("a version")
});

target!(|input| {
    let base = input.base();
    let (_, role) = Role::ALL[usize::from(input.number(2, 2))];
    let options = Options {
        role,
        version: version(VERSIONS[usize::from(input.number(4, 4))]),
        base: base.as_ref().filter(|_| input.flag(0)),
        ..Options::default()
    };
    let all = check(input.blob, &options);
    consistent(&all);
    let one = check(input.blob, &Options { most: 1, ..options });
    assert_eq!(one.verdict(), all.verdict());
    assert_eq!(one.first_error(), all.first_error());
    assert_eq!(one.findings().len() + one.omitted(), all.findings().len() + all.omitted());
    let ours: Vec<&str> =
        Rule::all().filter(|rule| rule.errno.is_none()).map(|rule| rule.name).collect();
    let kernels = check(input.blob, &Options { allow: &ours, ..options });
    assert_eq!(kernels.verdict(), all.verdict());
    assert!(kernels.findings().iter().all(|finding| finding.errno.is_some()));
    let known = Options { version: version("6.18"), ..Options::default() };
    if check(input.blob, &known).verdict() == Outcome::Accepted
        && let Err(err) = Btf::parse(input.blob)
    {
        panic!("accepted, but {err}");
    }
    check(input.blob, &Options { version: NEWEST, ..Options::default() });
    if let Some(kernel) = &*KERNEL {
        let options = Options { kernel: Some(kernel), version: *RUNNING, ..Options::default() };
        let ours = check(input.blob, &options);
        consistent(&ours);
        ask(input.blob, &ours);
    }
});

fn consistent(report: &Report) {
    let error = report.first_error();
    match (report.verdict(), error) {
        (Outcome::Accepted, None) => {}
        (Outcome::Refused(errno), Some(error)) => assert_eq!(Some(errno), error.errno),
        (verdict, error) => panic!("{verdict}, {error:?}"),
    }
    for finding in report.findings() {
        assert!(is_line(&finding.to_string()), "{finding:?}");
    }
}

/// What the running kernel says, but for what would make it complain in its own log.
fn ask(blob: &[u8], ours: &Report) {
    let loud = ["special-nested", "special-end"];
    if ours.findings().iter().any(|finding| loud.contains(&finding.rule)) || ours.omitted() > 0 {
        return;
    }
    let (theirs, log) = match verify(blob) {
        Verdict::Accepted => (Outcome::Accepted, String::new()),
        Verdict::Refused { error, log } => {
            (Outcome::Refused(Errno(error.raw_os_error().expect("an errno"))), log)
        }
        other => panic!("{other:?}"),
    };
    let said = ours.first_error().and_then(|error| error.kernel.as_deref()).unwrap_or_default();
    let (log, said) = (log.trim_end_matches('\n'), said.trim_end_matches('\n'));
    let agree = match said.split_once("args=(...)") {
        // We don't list long lists of arguments.
        Some((head, tail)) => log.contains(head) && log.ends_with(tail),
        None => log.ends_with(said),
    };
    let rule = ours.first_error().map_or("accepted", |error| error.rule);
    assert!(
        ours.verdict() == theirs && agree,
        "ours: {} {rule} {said:?}\nkernel: {theirs} {:?}",
        ours.verdict(),
        log.lines().next_back()
    );
}
