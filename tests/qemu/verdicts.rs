//! What other kernels' verifiers say, beside `check --for`: of random blobs that a user loads, and of a module whose
//! references lead nowhere. They run in the boots of all the others.

use btfkinds::Version;
use btfkinds::check::{Options, Outcome, check};

use super::common::Random;
use super::{Boot, Lazy, generate, ok, run, taken_as_written, trial};
use libtest_mimic::Trial;

/// So many are judged by each kernel.
const BLOBS: u64 = 4000;

pub(super) fn trials(old: &Lazy, new: &Lazy) -> Vec<Trial> {
    // Debian's 6.1 has changes of up to 6.4 in it: dots in names, and what cannot be an argument.
    vec![
        trial("old_verifier_is_ours", old, |boot| same_verdicts(boot, "6.1", "6.4")),
        trial("old_takes_dangling", old, takes_dangling),
        trial("new_verifier_is_ours", new, |boot| same_verdicts(boot, "6.12", "6.12")),
        trial("new_takes_dangling", new, takes_dangling),
    ]
}

fn blob(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let raw = generate::valid(&mut random);
    generate::varied(&mut random, raw)
}

pub(super) fn prepare(boot: &Boot) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/qemu/verdicts.c");
    run(
        "gcc",
        &["-static", "-O1", "-Wall", "-Werror", source, "-o", &boot.folder.name("verdicts")],
    );
    let framed = |seed| {
        let blob = blob(seed);
        [&(blob.len() as u32).to_le_bytes(), blob.as_slice()].concat()
    };
    boot.folder.file("blobs", (1..=BLOBS).flat_map(framed).collect::<Vec<u8>>());
    dangling(boot);
}

/// A pointer of the module's leads to a type that is not there.
fn dangling(boot: &Boot) {
    let mut btf = boot.section("classic", ".BTF");
    let module = btfkinds::File::open(boot.ko("classic").as_ref()).unwrap();
    let base = btfkinds::File::open(boot.vmlinux.as_ref()).unwrap();
    let base = base.btf(&btfkinds::Parse::new()).unwrap();
    let read = module.btf(&btfkinds::Parse::new().base(base.into())).unwrap();
    let mut at = 24;
    let pointer = read.types().find(|ty| {
        at += ty.words().len() * 4;
        ty.kind() == btfkinds::Kind::PTR
    });
    at -= pointer.unwrap().words().len() * 4;
    btf[at + 8..at + 12].copy_from_slice(&900_000_u32.to_le_bytes());
    let btf = boot.folder.file("dangling.btf", btf);
    let update = format!(".BTF={btf}");
    run("objcopy", &["--update-section", &update, &boot.ko("classic"), &boot.ko("dangling")]);
}

/// The kernel takes it, and programs can call its functions; we say what the kernel does not look at.
fn takes_dangling(boot: &Boot) {
    taken_as_written(boot, "dangling");
    let module = boot.ko("dangling");
    let out = super::btfkinds(["check", "-B", &boot.vmlinux, &module]);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("(type id 900000) (reference)"), "{said}");
    assert!(said.contains("accepted, 1 error, 0 warnings"), "{said}");
    ok(["check", "--allow", "reference", "-B", &boot.vmlinux, &module]);
}

/// The kernel's verdicts, with what its log ends in.
fn answers(boot: &Boot) -> Vec<(i32, String)> {
    let bytes = std::fs::read(boot.folder.path("out/verdicts")).unwrap();
    let mut rest = bytes.as_slice();
    let mut found = Vec::new();
    while let [a, b, c, d, e, f, g, h, tail @ ..] = rest {
        let errno = u32::from_le_bytes([*a, *b, *c, *d]);
        let (log, tail) = tail.split_at(u32::from_le_bytes([*e, *f, *g, *h]) as usize);
        found.push((errno as i32, String::from_utf8_lossy(log).into_owned()));
        rest = tail;
    }
    found
}

/// Verdict, error and message are those of our rules for the version; what was taken over from later kernels is as
/// these have it.
fn same_verdicts(boot: &Boot, version: &str, later: &str) {
    let answers = answers(boot);
    assert_eq!(answers.len() as u64, BLOBS);
    let (mut accepted, mut as_later) = (0_u32, 0_u32);
    for (seed, (errno, log)) in (1..).zip(&answers) {
        let blob = blob(seed);
        let ours = |version: &str| -> Result<(), String> {
            let version: Version = version.parse().unwrap();
            let report = check(&blob, &Options { version, ..Options::default() });
            let verdict = match report.verdict() {
                Outcome::Accepted => 0,
                Outcome::Refused(errno) => errno.0,
            };
            let line = report.first_error().and_then(|finding| finding.kernel.clone());
            let line = line.unwrap_or_default();
            // Long lists of arguments are not listed.
            let end = line.rsplit("args=(...)").next().unwrap_or_default();
            let same = verdict == *errno && log.trim_end().ends_with(end.trim_end());
            if same { Ok(()) } else { Err(format!("ours for {version}: {verdict} {line:?}")) }
        };
        accepted += u32::from(*errno == 0);
        if let Err(said) = ours(version) {
            as_later += 1;
            ours(later)
                .unwrap_or_else(|_| panic!("seed {seed}: {said}; the kernel: {errno} {log}"));
        }
    }
    assert!(u64::from(accepted) * 5 > BLOBS, "{accepted} accepted");
    // Those with a dot in a name.
    assert!(u64::from(as_later) * 2 < BLOBS, "{as_later} as later kernels");
    eprintln!("{BLOBS} blobs, {accepted} accepted, {as_later} as Linux {later}");
}
