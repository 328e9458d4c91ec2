//! The verifier: no other verdict when fewer findings are kept, and what it accepts can be read. As root and
//! with BTFKINDS_FUZZ_KERNEL set, verdict, error and message are the running kernel's.
#![no_main]

use std::sync::LazyLock;

use btfkinds::Btf;
use btfkinds::check::{Errno, KernelTypes, Options, Outcome, Report, check};
use btfkinds::kernel::{VMLINUX, Verdict, verify};
use btfkinds_fuzz::{is_line, target};

/// The running kernel's own types, where it is to be asked.
static KERNEL: LazyLock<Option<KernelTypes>> = LazyLock::new(|| {
    std::env::var_os("BTFKINDS_FUZZ_KERNEL")?;
    let vmlinux = std::fs::read(VMLINUX).expect("a kernel with BTF");
    Some(KernelTypes::of(&Btf::parse(&vmlinux).expect("BTF")))
});

target!(|input| {
    let all = check(input.blob, &Options::default());
    consistent(&all);
    let one = check(input.blob, &Options { most: 1, ..Options::default() });
    assert_eq!(one.verdict(), all.verdict());
    assert_eq!(one.first_error(), all.first_error());
    assert_eq!(one.findings().len() + one.omitted(), all.findings().len() + all.omitted(),);
    if all.verdict() == Outcome::Accepted
        && let Err(err) = Btf::parse(input.blob)
    {
        panic!("accepted, but {err}");
    }
    if let Some(kernel) = &*KERNEL {
        let ours = check(input.blob, &Options { kernel: Some(kernel), ..Options::default() });
        consistent(&ours);
        ask(input.blob, &ours);
    }
});

fn consistent(report: &Report) {
    let error = report.first_error();
    match (report.verdict(), error) {
        (Outcome::Accepted, None) => {}
        (Outcome::Refused(errno), Some(error)) => assert_eq!(errno, error.errno),
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
