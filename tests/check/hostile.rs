//! Blobs that are out to make the check slow, large or wrong: it stays linear, and never panics.

use std::time::{Duration, Instant};

use btfkinds::check::{Options, check};

use super::raw::Raw;

fn is_fast(what: &str, raw: &Raw) {
    let bytes = raw.bytes();
    let start = Instant::now();
    let report = check(&bytes, &Options::default());
    let time = start.elapsed();
    let first = report.first_error().map(|finding| finding.rule);
    eprintln!("{what}: {} bytes, {time:?}, {first:?}, {} omitted", bytes.len(), report.omitted());
    assert!(time < Duration::from_secs(20), "{what}: {time:?}");
}

pub fn large() {
    let count = 300_000;
    for (what, forward) in [("a chain up", true), ("a chain down", false)] {
        for kind in [10, 2] {
            let mut raw = Raw::default();
            raw.int(4);
            for id in 2..count {
                let to = if forward && id + 1 < count { id + 1 } else { id - 1 };
                raw.add(0, (kind, 0, false), to, &[]);
            }
            is_fast(what, &raw);
        }
    }
    let mut raw = Raw::default();
    raw.int(4);
    for _ in 0..20 {
        raw.add(0, (6, 65535, false), 4, &vec![0; 131_070]);
    }
    is_fast("a million bad names", &raw);
    let mut raw = Raw::default();
    raw.int(4);
    let name = raw.name(&"x".repeat(1 << 23));
    for _ in 0..300_000 {
        raw.add(name, (8, 0, false), 1, &[]);
    }
    is_fast("a long name, often", &raw);
    // Nested twice in each other: 2^26 of them. With and without a field in them.
    for field in [None, Some("bpf_refcount"), Some("bpf_spin_lock")] {
        let mut raw = Raw::default();
        raw.int(4);
        let lock = raw.structure("bpf_spin_lock", 4, &[]);
        let size = if field.is_some() { 4 } else { 0 };
        let other = field.map_or("plain", |name| name);
        let mut inner = raw.structure(other, size, &[]);
        inner = raw.structure("in", size, &[("m", inner, 0)]);
        for depth in 0..26 {
            let size = size << depth;
            inner = raw.structure("in", size * 2, &[("a", inner, 0), ("b", inner, size * 8)]);
        }
        let words = raw.types[inner as usize - 1].clone();
        for _ in 0..100_000 {
            raw.types.push(words.clone());
        }
        raw.structure("s", u32::MAX, &[("l", lock, 0), ("m", inner, 64)]);
        is_fast("structs nested twice", &raw);
    }
    // One large struct in many with special fields.
    let mut raw = Raw::default();
    raw.int(4);
    let lock = raw.structure("bpf_spin_lock", 4, &[]);
    let members = vec![("", 1, 0); 65_535];
    let large = raw.structure("large", 4, &members);
    for _ in 0..200_000 {
        raw.structure("s", 8, &[("", lock, 0), ("", large, 32)]);
    }
    is_fast("a large struct in many", &raw);
    // Lists of one large struct, each with a tag of its own.
    let mut raw = Raw::default();
    raw.int(4);
    let lock = raw.structure("bpf_spin_lock", 4, &[]);
    let head = raw.structure("bpf_list_head", 16, &[]);
    let members = vec![("m", 1, 0); 65_535];
    raw.structure("large", 4, &members);
    for _ in 0..60_000 {
        let own = raw.structure("s", 24, &[("", lock, 0), ("", head, 64)]);
        let name = raw.name("contains:large:n");
        raw.add(name, (17, 0, false), own, &[1]);
    }
    is_fast("many lists of a large struct", &raw);
    // Long names that are no identifiers, where names are compared.
    let mut raw = Raw::default();
    let name = raw.name(&"x".repeat(1 << 23));
    raw.add(name, (1, 0, false), 4, &[32]);
    let lock = raw.structure("bpf_spin_lock", 4, &[]);
    let head = raw.structure("bpf_list_head", 16, &[]);
    let mut tag = 0;
    for number in 0..50_000 {
        let own = raw.structure("", 24, &[("", lock, 0), ("", head, 64)]);
        if number == 0 {
            tag = raw.name(&format!("contains:{}", "y".repeat(1 << 21)));
        }
        raw.add(tag, (17, 0, false), own, &[1]);
    }
    is_fast("long names that are compared", &raw);
    let mut raw = Raw::default();
    let name = raw.name(&"x".repeat(1 << 23));
    raw.add(name, (1, 0, false), 4, &[32]);
    let lock = raw.structure("bpf_spin_lock", 4, &[]);
    let members = vec![("", 1, 0); 60_000];
    for _ in 0..8 {
        raw.structure("s", 4, &[&[("", lock, 0)], members.as_slice()].concat());
    }
    is_fast("long names of members' types", &raw);
}

pub fn truncated() {
    let mut raw = Raw::default();
    let int = raw.int(4);
    raw.structure("s", 8, &[("a", int, 0), ("b", 3, 32)]);
    raw.add(0, (13, 1, false), 0, &[0, int]);
    raw.add(0, (15, 1, false), 4, &[int, 0, 4]);
    raw.add(0, (19, 1, false), 8, &[0, 1, 2]);
    let bytes = raw.bytes();
    let options = Options::default();
    for end in 0..=bytes.len() {
        let _ = check(&bytes[..end], &options).verdict();
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = bytes.clone();
            if let Some(byte) = broken.get_mut(end) {
                *byte = value;
            }
            let report = check(&broken, &options);
            // What is refused has a finding that says so.
            assert_eq!(
                report.verdict() == btfkinds::check::Outcome::Accepted,
                report.first_error().is_none()
            );
        }
    }
}
