//! What other kernels than the running one take.

use std::collections::BTreeSet;

use btfkinds::check::{Options, Outcome, Rule, check};
use btfkinds::{Btf, Version, degrade};

use super::common::Random;
use super::raw::Raw;
use super::{cases, generate};

/// Versions between which something changes, and the one before the first.
const VERSIONS: [&str; 23] = [
    "4.18", "4.19", "4.20", "5.0", "5.1", "5.2", "5.3", "5.4", "5.6", "5.7", "5.12", "5.13",
    "5.16", "5.17", "5.18", "5.19", "6.0", "6.1", "6.2", "6.3", "6.4", "6.9", "6.15",
];

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn first_rule(blob: &[u8], version: Version) -> (&'static str, Option<String>) {
    let report = check(blob, &Options { version, ..Options::default() });
    match report.first_error() {
        Some(finding) => (finding.rule, finding.kernel.clone()),
        None => ("accepted", None),
    }
}

/// Blobs whose verdict changes with the version: what they break, in which versions, what else they are to others.
fn changing() -> Vec<(&'static str, Option<&'static str>, Option<&'static str>, Raw)> {
    let with = |make: fn(&mut Raw)| {
        let mut raw = Raw::default();
        raw.int(4);
        make(&mut raw);
        raw
    };
    fn put(raw: &mut Raw, name: &str, info: (u32, u32, bool), third: u32, rest: &[u32]) {
        let name = raw.name(name);
        raw.add(name, info, third, rest);
    }
    vec![
        ("name", Some("4.19"), None, with(|raw| put(raw, "a-b", (8, 0, false), 1, &[]))),
        ("name", Some("4.19"), Some("6.4"), with(|raw| put(raw, "a.b", (8, 0, false), 1, &[]))),
        ("kind", None, Some("5.0"), with(|raw| put(raw, "", (13, 0, false), 0, &[]))),
        // At first four bits were enough.
        ("info-bits", None, Some("5.13"), with(|raw| put(raw, "f", (16, 0, false), 4, &[]))),
        ("kind", Some("5.13"), Some("6.0"), with(|raw| put(raw, "e", (19, 0, false), 4, &[]))),
        ("int-bits", None, Some("5.1"), with(|raw| put(raw, "i", (1, 0, false), 16, &[128]))),
        ("enum-size", None, Some("5.4"), with(|raw| put(raw, "e", (6, 0, false), 8, &[]))),
        ("info-bits", None, Some("5.0"), with(|raw| put(raw, "e", (6, 0, true), 4, &[]))),
        ("enum-flag", Some("5.0"), Some("6.0"), with(|raw| put(raw, "e", (6, 0, true), 4, &[]))),
        (
            "func-vlen",
            Some("5.0"),
            Some("5.6"),
            with(|raw| {
                put(raw, "", (13, 0, false), 0, &[]);
                put(raw, "f", (12, 1, false), 2, &[]);
            }),
        ),
        (
            "section-vars",
            Some("5.2"),
            Some("5.12"),
            with(|raw| put(raw, ".x", (15, 0, false), 4, &[])),
        ),
        (
            "section-name",
            Some("5.2"),
            Some("6.9"),
            with(|raw| {
                put(raw, "v", (14, 0, false), 1, &[1]);
                put(raw, "?x", (15, 1, false), 4, &[2, 0, 4]);
            }),
        ),
        ("tag-flag", Some("5.17"), Some("6.15"), with(|raw| put(raw, "t", (18, 0, true), 1, &[]))),
        (
            "tag-order",
            Some("5.19"),
            None,
            with(|raw| {
                put(raw, "t", (18, 0, false), 1, &[]);
                put(raw, "", (10, 0, false), 2, &[]);
            }),
        ),
        ("info-bits", None, Some("7.2"), with(|raw| raw.types[0][1] |= 1 << 16)),
        // Linux 7.2 reads that as elements, of which an INT has none.
        ("vlen", Some("7.2"), None, with(|raw| raw.types[0][1] |= 1 << 16)),
        (
            "special-twice",
            Some("6.2"),
            None,
            with(|raw| {
                let lock = raw.structure("bpf_spin_lock", 4, &[]);
                raw.structure("s", 8, &[("a", lock, 0), ("b", lock, 32)]);
            }),
        ),
    ]
}

/// A rule holds from its first kernel to its last, and is not met before and behind.
pub fn boundaries() {
    let mut all: Vec<Version> = VERSIONS.iter().map(|text| version(text)).collect();
    all.extend(["6.18", "7.0", "7.1", "7.2"].map(version));
    for (rule, since, until, raw) in changing() {
        let blob = raw.bytes();
        for at in &all {
            let holds = since.is_none_or(|since| version(since) <= *at)
                && until.is_none_or(|until| *at < version(until));
            let (found, _) = first_rule(&blob, *at);
            assert_eq!(found == rule, holds, "{rule} in {at}: {found}");
        }
    }
    // A layout section is part of the header from 7.1 on.
    let mut layout = Raw::default();
    layout.int(4);
    let bytes = Btf::parse(&layout.bytes()).and_then(|mut btf| {
        btf.add_layout()?;
        Ok(btf.to_bytes())
    });
    let bytes = bytes.unwrap();
    assert_eq!(first_rule(&bytes, version("7.0")).0, "header-tail");
    assert_eq!(first_rule(&bytes, version("7.1")).0, "accepted");
    for (at, value, rule) in
        [(24, 2_u32, "section-overlap"), (28, 2, "section-gap"), (24, 0x7000_0000, "section-gap")]
    {
        let mut broken = bytes.clone();
        broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(first_rule(&broken, version("7.1")).0, rule, "{at}");
    }
    // Sections at places and of lengths that 4 does not divide, but without gaps.
    for (layout, text, rule) in [
        (2_u32, "\0ab\0", "layout-small"),
        (6, "\0ab\0", "layout-whole"),
        (4, "\0a\0", "layout-align"),
    ] {
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        let len = text.len() as u32;
        // Types, strings, layout.
        for word in [32, 0, 16, 16, len, 16 + len, layout] {
            blob.extend(word.to_le_bytes());
        }
        for word in [0, 1 << 24, 4, 32_u32] {
            blob.extend(word.to_le_bytes());
        }
        blob.extend(text.as_bytes());
        blob.extend(vec![0; layout as usize]);
        assert_eq!(first_rule(&blob, version("7.1")).0, rule);
    }
    // Each rule that came or went has been met, here or by hand.
    let met: BTreeSet<&str> = changing().into_iter().map(|(rule, ..)| rule).collect();
    let by_hand: BTreeSet<&str> = cases::blobs().into_iter().map(|(rule, _)| rule).collect();
    let gone = Rule::all().filter(|rule| rule.errno.is_some() && rule.until.is_some());
    for rule in gone {
        let renamed = Rule::all().filter(|other| other.name == rule.name).count() > 1;
        assert!(renamed || met.contains(rule.name) || by_hand.contains(rule.name), "{}", rule.name);
    }
}

/// What can be degraded for a version was refused before, and is taken afterwards: two tables that were written apart.
pub fn agrees_with_degrade() {
    let mut compared = 0;
    for seed in 1..=1500 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed) | 1);
        let raw = generate::valid(&mut random);
        let bytes = raw.bytes();
        let newest = check(&bytes, &Options::default());
        if newest.verdict() != Outcome::Accepted {
            continue;
        }
        let Ok(btf) = Btf::parse(&bytes) else { continue };
        let at = version(VERSIONS[random.below(VERSIONS.len())]);
        let mut found = degrade::check(&btf, at);
        if at == version("4.18") {
            // It looks at no name; what is degraded for it is right for later ones, too.
            found.retain(|finding| !finding.rule.name.contains("name"));
        }
        let (rule, said) = first_rule(&bytes, at);
        let expected = !found.is_empty();
        assert!(
            rule != "accepted" || !expected,
            "seed {seed} for {at}: accepted, but {}",
            found[0].rule
        );
        compared += u32::from(expected);
        if !expected {
            assert_eq!(rule, "accepted", "seed {seed} for {at}: {said:?}");
            continue;
        }
        let mut old = btf.clone();
        if degrade::degrade(&mut old, at).is_ok() {
            let (rule, said) = first_rule(&old.to_bytes(), at);
            // An array whose index is an integer of 128 bits is left with a struct for one: nobody has that.
            let odd = rule == "array-index" && at < version("5.1");
            assert!(rule == "accepted" || odd, "seed {seed} degraded for {at}: {said:?}");
        }
    }
    assert!(compared > 300, "{compared}");
}
