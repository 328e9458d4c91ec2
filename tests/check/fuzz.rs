//! Random blobs, and broken ones: the same verdict and the same message as the running kernel's.
//!
//! `BTFKINDS_CHECK_CASES` says how many, `BTFKINDS_CHECK_SEED` which is the first, and
//! `BTFKINDS_CHECK_TABLE` names a file for the messages that were reached, with their numbers.

use std::collections::BTreeMap;

use super::common::Random;
use super::generate;
use super::oracle::Both;
use super::real::Real;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// The blob of a seed.
fn blob(seed: u64, real: &Option<Real>) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        random.below(2);
    }
    let raw = match (random.below(8), real) {
        (0 | 1, _) => generate::special(&mut random),
        (2, Some(real)) => real.part(&mut random),
        _ => generate::valid(&mut random),
    };
    generate::varied(&mut random, raw)
}

pub fn random_blobs() {
    let first = number("BTFKINDS_CHECK_SEED", 1);
    let cases = number("BTFKINDS_CHECK_CASES", 20_000);
    let mut table: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut wrong, mut loud) = (0, 0);
    let real = Real::running();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in first..first + cases {
        let Some(both) = Both::ask_quietly(&blob(seed, &real)) else {
            loud += 1;
            continue;
        };
        *table.entry(both.rule).or_default() += 1;
        if !both.agree() {
            wrong += 1;
            let class = format!("{} {}", both.rule, both.theirs.0);
            let times = seen.entry(class).or_default();
            *times += 1;
            if *times <= 2 {
                eprintln!("seed {seed}:\n{}", both.text());
                if let Some(folder) = std::env::var_os("BTFKINDS_CHECK_KEEP") {
                    let file = std::path::Path::new(&folder).join(format!("{seed}.btf"));
                    std::fs::write(file, blob(seed, &real)).unwrap();
                }
            }
        }
    }
    if let Some(file) = std::env::var_os("BTFKINDS_CHECK_TABLE") {
        table.insert("not asked: the kernel would complain in its own log", loud);
        let lines = table.iter().map(|(rule, count)| format!("{count:8} {rule}\n"));
        std::fs::write(file, lines.collect::<String>()).unwrap();
    }
    assert_eq!(wrong, 0, "of {cases} blobs; {seen:?}");
    let accepted = table.get("accepted").copied().unwrap_or(0);
    assert!(accepted * 5 >= cases, "{accepted} of {cases} accepted");
}
